"""Integer loops and nothing else."""


def steps(n):
    count = 0
    while n != 1:
        if n % 2:
            n = 3 * n + 1
        else:
            n //= 2
        count += 1
    return count


best = 0
for start in range(1, 600):
    taken = steps(start)
    if taken > best:
        best = taken
print(best)
