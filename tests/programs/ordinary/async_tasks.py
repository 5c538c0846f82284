import asyncio


async def worker(name, jobs, done):
    while jobs:
        job = jobs.pop()
        await asyncio.sleep(0)
        done.append((name, job))


async def main():
    jobs = [1, 2, 3, 4]
    done = []
    await asyncio.gather(worker("a", jobs, done), worker("b", jobs, done))
    return done


print(asyncio.run(main()))
