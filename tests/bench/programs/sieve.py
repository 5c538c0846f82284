"""A long list of flags, and the primes that it leaves."""


def sieve(limit):
    flags = [True] * (limit + 1)
    flags[0] = flags[1] = False
    number = 2
    while number * number <= limit:
        if flags[number]:
            for multiple in range(number * number, limit + 1, number):
                flags[multiple] = False
        number += 1
    primes = []
    for number, flag in enumerate(flags):
        if flag:
            primes.append(number)
    return primes


print(len(sieve(2500)), sieve(400)[-1])
