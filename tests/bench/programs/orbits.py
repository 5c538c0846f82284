"""Loops of floats: integration, roots, series."""


def integral(function, start, end, steps):
    width = (end - start) / steps
    total = 0.5 * (function(start) + function(end))
    for step in range(1, steps):
        total += function(start + step * width)
    return total * width


def root(value):
    guess = value or 1.0
    while abs(guess * guess - value) > 1e-12 * value:
        guess = (guess + value / guess) / 2
    return guess


def sine(angle):
    term = total = angle
    order = 1
    while abs(term) > 1e-15:
        term *= -angle * angle / ((2 * order) * (2 * order + 1))
        total += term
        order += 1
    return total


def orbit(steps, dt):
    x, y, vx, vy = 1.0, 0.0, 0.0, 1.0
    for _ in range(steps):
        distance = (x * x + y * y) ** 1.5
        vx -= x / distance * dt
        vy -= y / distance * dt
        x += vx * dt
        y += vy * dt
    return x, y


roots = 0.0
for number in range(1, 120):
    roots += root(float(number))
print(round(roots, 6), round(integral(sine, 0.0, 3.0, 60), 6), orbit(700, 0.01))
