class InsufficientFunds(Exception):
    pass


class Account:
    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance
        self.history = []

    def deposit(self, amount):
        self.balance += amount
        self.history.append(("deposit", amount))

    def withdraw(self, amount):
        if amount > self.balance:
            raise InsufficientFunds(f"{self.owner} has {self.balance}, not {amount}")
        self.balance -= amount
        self.history.append(("withdraw", amount))


account = Account("Ada", 50)
account.deposit(25)
try:
    account.withdraw(100)
except InsufficientFunds as problem:
    print("refused:", problem)
account.withdraw(60)
print(account.balance, account.history)
