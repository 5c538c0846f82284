while True:
    print("still here" * 100)
