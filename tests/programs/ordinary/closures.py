def make_counter(step):
    count = 0

    def counter():
        nonlocal count
        count += step
        return count

    return counter


by_two = make_counter(2)
by_five = make_counter(5)
print([by_two(), by_two(), by_five(), by_two(), by_five()])
