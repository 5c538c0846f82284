"""Which objects the reference tells apart: the section "Identities" of docs/trace.md.

It learns when an object that it has told apart ends, or holds it where that cannot be learned, so that none is taken for
another that has got its `id`. What it puts before a text is a number of its own between two marks: in which order
numbers are given is for whoever compares to find out.
"""

import weakref
from contextlib import contextmanager

BEGIN, END = "\ue000", "\ue001"


class Identities:
    def __init__(self):
        self.are_told = False
        self.given = 0
        self.known = {}  # By `id`: the number, and what keeps the object or says when it ends.

    def mark(self, value):
        key = id(value)
        if key not in self.known:
            self.given += 1
            self.known[key] = self.given, self.held(value, key)
        return f"{BEGIN}{self.known[key][0]}{END}"

    def held(self, value, key):
        try:
            return weakref.ref(value, lambda _: self.known.pop(key))
        except TypeError:
            return value

    @contextmanager
    def untold(self):
        were_told, self.are_told = self.are_told, False
        yield
        self.are_told = were_told


IDENTITIES = Identities()
