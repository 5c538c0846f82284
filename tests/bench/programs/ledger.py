"""Exceptions, dictionaries of dictionaries, formatted text."""


class Refused(Exception):
    def __init__(self, account, missing):
        super().__init__(account, missing)
        self.missing = missing


accounts = {name: {"balance": 100, "history": []} for name in ("ann", "ben", "cho", "dee")}


def transfer(payer, payee, amount):
    source, target = accounts[payer], accounts[payee]
    if source["balance"] < amount:
        raise Refused(payer, amount - source["balance"])
    source["balance"] -= amount
    target["balance"] += amount
    source["history"] = source["history"][-3:] + [f"-{amount} to {payee}"]
    target["history"] = target["history"][-3:] + [f"+{amount} from {payer}"]


names = sorted(accounts)
refused = 0
for turn in range(1200):
    payer, payee = names[turn % 4], names[(turn * 7 + 1) % 4]
    try:
        transfer(payer, payee, turn * 37 % 90)
    except Refused as refusal:
        refused += refusal.missing
    finally:
        last = turn
print(refused, {name: account["balance"] for name, account in accounts.items()})
