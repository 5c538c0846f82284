"""A bit of everything that programs do, run before any of them."""


class Account:
    def __init__(self, owner, balance=0.0):
        self.owner = owner
        self.balance = balance

    def withdraw(self, amount):
        if amount > self.balance:
            raise ValueError(f'{self.owner} has only {self.balance:.2f}')
        self.balance -= amount


def squares(numbers):
    for number in numbers:
        yield number * number


def count(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


account = Account('ada', 10.5)
for amount in (1, 20):
    try:
        account.withdraw(amount)
    except ValueError as error:
        message = str(error)
total = sum(squares(range(10)))
table = [[row * column for column in range(3)] for row in range(3)]
common = count('the quick brown fox jumps over the lazy dog the end'.split())
text = ', '.join(f'{word}={number}' for word, number in common if len(word) > 3)
first, *rest = {letter for letter in text if letter.isalpha()}
deep = fibonacci(7)
