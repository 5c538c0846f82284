"""Generators that are sent values, and tasks that take turns."""

from collections import deque


def averaging():
    total = count = 0
    average = None
    while True:
        value = yield average
        total += value
        count += 1
        average = total / count


def countdown(name, start, log):
    while start:
        log.append((name, start))
        if len(log) > 20:
            log.clear()
        start -= 1
        yield name


def run(tasks):
    turns = 0
    waiting = deque(tasks)
    while waiting:
        task = waiting.popleft()
        try:
            next(task)
        except StopIteration:
            continue
        waiting.append(task)
        turns += 1
    return turns


average = averaging()
next(average)
for number in range(600):
    mean = average.send(number % 17)
log = []
print(round(mean, 3), run([countdown(name, 60 + 10 * place, log) for place, name in enumerate("abcdef")]))
