"""Lists of lists of numbers: products, and elimination with pivots."""


def product(left, right):
    result = [[0] * len(right[0]) for _ in left]
    for i in range(len(left)):
        for j in range(len(right[0])):
            total = 0
            for k in range(len(right)):
                total += left[i][k] * right[k][j]
            result[i][j] = total
    return result


def solve(rows):
    size = len(rows)
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(column + 1, size):
            factor = rows[row][column] / rows[column][column]
            for place in range(column, size + 1):
                rows[row][place] -= factor * rows[column][place]
    solution = [0.0] * size
    for row in reversed(range(size)):
        known = sum(rows[row][place] * solution[place] for place in range(row + 1, size))
        solution[row] = (rows[row][size] - known) / rows[row][row]
    return solution


left = [[(i * j + 1) % 7 for j in range(12)] for i in range(12)]
right = [[(i + 2 * j) % 5 for j in range(12)] for i in range(12)]
powers = product(left, right)
system = [[float((i * 3 + j * j) % 11 + (9 if i == j else 0)) for j in range(13)] for i in range(12)]
print(sum(map(sum, powers)), round(sum(solve(system)), 6))
