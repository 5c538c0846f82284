"""Recursion of several kinds: two calls in each, deep, over slices."""


def fibonacci(n):
    if n < 2:
        return n
    return fibonacci(n - 1) + fibonacci(n - 2)


def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def permutations(items):
    if len(items) <= 1:
        return [items]
    result = []
    for index, item in enumerate(items):
        for rest in permutations(items[:index] + items[index + 1 :]):
            result.append([item] + rest)
    return result


def hanoi(disks, source, target, spare):
    if disks == 0:
        return 0
    moves = hanoi(disks - 1, source, spare, target)
    return moves + 1 + hanoi(disks - 1, spare, target, source)


print(fibonacci(15), ackermann(2, 12), len(permutations([1, 2, 3, 4, 5])), hanoi(9, "a", "c", "b"))
