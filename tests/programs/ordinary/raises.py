def average(values):
    try:
        return sum(values) / len(values)
    finally:
        print("averaged", len(values), "values")


def report(groups):
    for name, values in groups.items():
        try:
            print(name, average(values))
        except ZeroDivisionError as error:
            raise ValueError(f"group {name!r} is empty") from error


report({"odd": [1, 3, 5], "none": []})
