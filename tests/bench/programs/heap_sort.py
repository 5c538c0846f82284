"""A list of more elements than can be told one by one, sorted in place."""


def sift(items, root, end):
    while 2 * root + 1 < end:
        child = 2 * root + 1
        if child + 1 < end and items[child] < items[child + 1]:
            child += 1
        if items[root] >= items[child]:
            return
        items[root], items[child] = items[child], items[root]
        root = child


def heap_sort(items):
    for root in range(len(items) // 2 - 1, -1, -1):
        sift(items, root, len(items))
    for end in range(len(items) - 1, 0, -1):
        items[0], items[end] = items[end], items[0]
        sift(items, 0, end)


numbers = [(index * 7919) % 10007 for index in range(700)]
heap_sort(numbers)
print(numbers[:5], numbers[-5:])
