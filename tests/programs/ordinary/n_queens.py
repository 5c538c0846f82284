def queens(n, row=0, columns=(), solutions=None):
    if solutions is None:
        solutions = []
    if row == n:
        solutions.append(columns)
        return solutions
    for column in range(n):
        if all(column != c and abs(column - c) != row - r for r, c in enumerate(columns)):
            queens(n, row + 1, columns + (column,), solutions)
    return solutions


print(queens(4))
