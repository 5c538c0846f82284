from dataclasses import dataclass, field


@dataclass
class Item:
    name: str
    price: float
    quantity: int = 0


@dataclass
class Inventory:
    items: dict = field(default_factory=dict)

    def add(self, name, price, quantity):
        item = self.items.setdefault(name, Item(name, price))
        item.quantity += quantity

    def value(self):
        return sum(item.price * item.quantity for item in self.items.values())


stock = Inventory()
stock.add("bolt", 0.25, 100)
stock.add("nut", 0.1, 250)
stock.add("bolt", 0.25, 20)
print(round(stock.value(), 2))
