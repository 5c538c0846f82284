"""Integer loops with conditions: bit counts, a linear congruential generator, greatest common divisors."""


def ones(n):
    count = 0
    while n:
        n &= n - 1
        count += 1
    return count


def gcd(a, b):
    while b:
        a, b = b, a % b
    return a


state = 12345
total = 0
for step in range(1500):
    state = (state * 1103515245 + 12345) % 2147483648
    total += ones(state) + gcd(state, 5040)
print(total)
