"""Backtracking: recursion, sets, a list that grows and shrinks."""


def solve(size):
    columns, rising, falling = set(), set(), set()
    placed, solutions = [], 0

    def place(row):
        nonlocal solutions
        if row == size:
            solutions += 1
            return
        for column in range(size):
            if column in columns or row + column in rising or row - column in falling:
                continue
            columns.add(column)
            rising.add(row + column)
            falling.add(row - column)
            placed.append(column)
            place(row + 1)
            placed.pop()
            columns.remove(column)
            rising.remove(row + column)
            falling.remove(row - column)

    place(0)
    return solutions


print(solve(7))
