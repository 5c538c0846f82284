def bubble_sort(values):
    swapped = True
    while swapped:
        swapped = False
        for i in range(len(values) - 1):
            if values[i] > values[i + 1]:
                values[i], values[i + 1] = values[i + 1], values[i]
                swapped = True
    return values


result = bubble_sort([4, 1, 3, 2])
assert result == [1, 2, 3, 4]
