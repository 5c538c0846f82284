"""Dynamic programming over a row and over a memo of pairs."""

items = [(3 + index * 5 % 11, 10 + index * 7 % 23) for index in range(24)]


def best_value(capacity):
    best = [0] * (capacity + 1)
    for weight, value in items:
        for room in range(capacity, weight - 1, -1):
            with_item = best[room - weight] + value
            if with_item > best[room]:
                best[room] = with_item
    return best[capacity]


def ways(amount, coins, memo):
    if amount == 0:
        return 1
    if amount < 0 or not coins:
        return 0
    key = amount, len(coins)
    if key not in memo:
        memo[key] = ways(amount - coins[0], coins, memo) + ways(amount, coins[1:], memo)
    return memo[key]


print(best_value(100), ways(60, (1, 2, 5, 10, 20), {}))
