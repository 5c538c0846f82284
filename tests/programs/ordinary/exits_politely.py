import sys


def main():
    for attempt in range(3):
        print("attempt", attempt)
    return 3


sys.exit(main())
