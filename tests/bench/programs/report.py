"""Code at the level of the module: variables of all kinds, no functions to speak of."""

rows = []
for index in range(150):
    rows.append({"region": "north south east west".split()[index % 4], "amount": index * 37 % 101, "month": index % 12})

totals = {}
largest = None
count = 0
for row in rows:
    region = row["region"]
    amount = row["amount"]
    if region not in totals:
        totals[region] = 0
    totals[region] += amount
    if largest is None or amount > largest:
        largest = amount
    count += 1

mean = sum(totals.values()) / count
months = [0] * 12
for row in rows:
    months[row["month"]] += row["amount"]

lines = []
width = 0
for region, total in sorted(totals.items()):
    share = total / sum(totals.values())
    line = f"{region:<8}{total:>8}{share:>8.1%}"
    width = max(width, len(line))
    lines.append(line)

best_month = 0
for month, total in enumerate(months):
    if total > months[best_month]:
        best_month = month

above = [amount for amount in months if amount > mean]
message = "\n".join(lines)
print(message, best_month, len(above), largest, width)
