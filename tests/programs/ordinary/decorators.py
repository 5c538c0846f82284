import functools


def counted(function):
    @functools.wraps(function)
    def wrapper(*args):
        wrapper.calls += 1
        return function(*args)

    wrapper.calls = 0
    return wrapper


@counted
def hanoi(discs, source, target, spare):
    if discs == 0:
        return 0
    moves = hanoi(discs - 1, source, spare, target)
    return moves + 1 + hanoi(discs - 1, spare, target, source)


print(hanoi(4, "A", "C", "B"), hanoi.calls)
