def gcd(a, b):
    while b:
        a, b = b, a % b
    return a


print(gcd(252, 105), gcd(17, 5))
