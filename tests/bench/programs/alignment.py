"""Dynamic programming over a table: the edit distances of words."""


def distance(left, right):
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in range(len(left) + 1):
        table[i][0] = i
    for j in range(len(right) + 1):
        table[0][j] = j
    for i in range(1, len(left) + 1):
        for j in range(1, len(right) + 1):
            if left[i - 1] == right[j - 1]:
                table[i][j] = table[i - 1][j - 1]
            else:
                table[i][j] = 1 + min(table[i - 1][j], table[i][j - 1], table[i - 1][j - 1])
    return table[-1][-1]


words = ["the quick brown fox", "jumped over it", "a lazy dog sleeps", "quietly"]
total = 0
for left in words:
    for right in words:
        total += distance(left, right)
print(total)
