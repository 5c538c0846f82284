"""Generators that feed each other, and unpacking."""


def primes(limit):
    crossed = bytearray(limit)
    for number in range(2, limit):
        if not crossed[number]:
            yield number
            for multiple in range(number * number, limit, number):
                crossed[multiple] = 1


def pairs(numbers):
    previous = None
    for number in numbers:
        if previous is not None:
            yield previous, number
        previous = number


def gaps(numbers):
    yield from (later - earlier for earlier, later in pairs(numbers))


longest = 0
for gap in gaps(primes(4000)):
    longest = max(longest, gap)
print(longest)
