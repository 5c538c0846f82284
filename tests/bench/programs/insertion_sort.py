"""A small list that is sorted again and again, in place."""


def insertion_sort(items):
    for index in range(1, len(items)):
        item = items[index]
        place = index
        while place > 0 and items[place - 1] > item:
            items[place] = items[place - 1]
            place -= 1
        items[place] = item
    return items


seed = 7
for size in (20, 45, 70, 95, 120):
    numbers = []
    for _ in range(size):
        seed = (seed * 1103515245 + 12345) % 2147483648
        numbers.append(seed % 1000)
    print(insertion_sort(numbers)[size // 2])
