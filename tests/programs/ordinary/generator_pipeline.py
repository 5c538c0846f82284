def numbers(limit):
    for n in range(limit):
        yield n


def squares(source):
    for n in source:
        yield n * n


def running_total():
    total = 0
    while True:
        received = yield total
        if received is None:
            return total
        total += received


accumulator = running_total()
next(accumulator)
for square in squares(numbers(5)):
    accumulator.send(square)
try:
    accumulator.send(None)
except StopIteration as stop:
    print("total:", stop.value)
