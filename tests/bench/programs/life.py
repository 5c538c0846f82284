"""Conway's game of life on a torus: nested lists, index arithmetic."""

SIZE = 12
cells = []
for number in range(SIZE):
    cells.append([])
    for place in range(SIZE):
        cells[number].append((number * 7 + place * 3) % 5 == 0)


def neighbours(grid, row, column):
    total = 0
    for dr in (-1, 0, 1):
        for dc in (-1, 0, 1):
            if dr or dc:
                total += grid[(row + dr) % SIZE][(column + dc) % SIZE]
    return total


def step(grid):
    following = []
    for row in range(SIZE):
        line = []
        for column in range(SIZE):
            alive = neighbours(grid, row, column)
            line.append(alive == 3 or (alive == 2 and grid[row][column]))
        following.append(line)
    return following


for generation in range(3):
    cells = step(cells)
print(sum(map(sum, cells)))
