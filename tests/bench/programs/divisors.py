"""Integer loops: divisors, digits, perfect numbers, powers by squaring."""


def divisor_sum(number):
    total = 1
    divisor = 2
    while divisor * divisor <= number:
        if number % divisor == 0:
            total += divisor
            if divisor != number // divisor:
                total += number // divisor
        divisor += 1
    return total


def digit_sum(number):
    total = 0
    while number:
        total += number % 10
        number //= 10
    return total


def power(base, exponent, modulus):
    result = 1
    while exponent:
        if exponent & 1:
            result = result * base % modulus
        base = base * base % modulus
        exponent >>= 1
    return result


perfect = 0
digits = 0
probable_primes = 0
for number in range(2, 900):
    if divisor_sum(number) == number:
        perfect += 1
    digits += digit_sum(number)
    if power(2, number - 1, number) == 1:
        probable_primes += 1
print(perfect, digits, probable_primes)
