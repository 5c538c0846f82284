"""How the reference writes what is looked through: iterators, views, slices, generators, files, and what numpy and pandas
make."""

import gc
import itertools
import types
from collections import OrderedDict

from reference_names import class_name, name_text
from reference_objects import (
    FILES,
    OVER,
    Nothing,
    Numbers,
    bytes_behind,
    file_state,
    frame_state,
    has_readable_items,
    held,
    in_order,
    innermost,
    is_one_of,
    is_subclass,
    item_type,
    number,
    numpy_array,
    numpy_scalar,
    word,
)
from reference_pandas import Frame, RangeIndex, Series, pandas_object

# How an element of a tuple is named in a change.
FIXED_INDEX = ("index", False)
# What is shown by what lies behind it, and how much of that.
BRIEF, BRIEF_DEPTH = 80, 4
# The same for the columns of a frame, and for the items of each.
FRAME, COLUMN = 160, 16
VIEWS = [type(of) for made in ({}, OrderedDict()) for of in (made.keys(), made.values(), made.items())]
ITEMS = VIEWS[2], VIEWS[5]
COUNTED = [type(iter(of)) for of in ({}, {}.values(), {}.items(), set())]
CONTAINERS = (dict, set, frozenset)
# Of each, whether it is running, whether it is suspended, and its frame.
SUSPENDABLE = {
    cls: [getattr(cls, prefix + name).__get__ for name in ("_running", "_suspended", "_frame")]
    for cls, prefix in ((types.GeneratorType, "gi"), (types.CoroutineType, "cr"))
}
SUSPENDABLE[types.AsyncGeneratorType] = None
STATELESS = types.MappingProxyType, slice, memoryview, *VIEWS
ITERABLES = ([], (), "", "\u20ac", range(0))
WINDOWS = [types.MappingProxyType, slice, enumerate, zip, map, filter, reversed, type(reversed([]))]
WINDOWS += [itertools.count, itertools.repeat, memoryview, *FILES, *OVER]
WINDOWS += [*VIEWS, *COUNTED, *SUSPENDABLE, *(type(iter(of)) for of in ITERABLES)]


def is_window(value):
    of_others = numpy_array(value), numpy_scalar(value), pandas_object(value)
    return is_one_of(type(value), WINDOWS) or any(found is not None for found in of_others)


def has_state(value):
    """Whether what a window shows can change while it stays the same object."""
    return not is_one_of(type(value), STATELESS) and numpy_scalar(value) is None


def progress(value, looks):
    if type(value) is types.AsyncGeneratorType:
        # It says of itself that it runs also while it waits for something.
        state = frame_state(value)
        return f"at line {value.ag_frame.f_lineno}" if state == "suspended" else state
    is_running, is_suspended, frame = (look(value) for look in looks)
    if is_running:
        return "running"
    if is_suspended:
        return f"at line {frame.f_lineno}"
    return "done" if frame is None else "not started"


class LooksThrough:
    """The part of `Text` that writes them."""

    def may_look_through(self, value):
        return id(value) not in self.open and len(self.open) < self.depth

    def window(self, value):
        """What is looked through, in brief."""
        of_pandas = pandas_object(value)
        depth = self.depth
        self.depth = min(self.depth, len(self.open) + BRIEF_DEPTH)
        self.open.append(id(value))
        if of_pandas is None:
            self.within(BRIEF, self.looked_through, value)
        else:
            self.within(FRAME if type(of_pandas) is Frame else BRIEF, self.pandas, value, of_pandas)
        self.open.pop()
        self.depth = depth

    def within(self, chars, write, *arguments):
        outer = self.chars, self.stop
        self.chars, self.stop = chars, min(self.stop, self.written + chars)
        write(*arguments)
        self.chars, self.stop = outer

    def looked_through(self, value):
        cls = type(value)
        if is_one_of(cls, VIEWS):
            self.put(class_name(value) + "([")
            elements = self.view_elements(value)
            for index, element in enumerate(elements):
                self.put(", " if index else "")
                if not self.may_begin(len(elements) - index):
                    break
                if is_one_of(cls, ITEMS):
                    self.pair(element)
                else:
                    self.value(element)
            self.put("])")
        elif cls is types.MappingProxyType:
            self.put("mappingproxy(")
            self.value(gc.get_referents(value)[0])
            self.put(")")
        elif cls is slice:
            self.put("slice(")
            for index, part in enumerate((value.start, value.stop, value.step)):
                self.put(", " if index else "")
                self.value(part)
            self.put(")")
        elif numpy_scalar(value) is not None:
            self.put(class_name(value) + "(")
            self.value(numpy_scalar(value))
            self.put(")")
        elif cls is itertools.count or cls is itertools.repeat:
            self.put(class_name(value) + "(")
            self.endless(value)
            self.put(")")
        else:
            self.put("<" + class_name(value))
            if numpy_array(value) is not None:
                self.numpy_array(numpy_array(value))
            elif is_one_of(cls, FILES):
                self.file(innermost(value))
            elif cls is memoryview:
                shown = bytes_behind(value)
                if shown is not None:
                    self.put(" of ")
                    self.value(shown)
            elif is_one_of(cls, SUSPENDABLE):
                self.put(f" {name_text(value.__qualname__)} {progress(value, SUSPENDABLE[cls])}")
            else:
                self.iterator(value)
            self.put(">")

    def pandas(self, value, found):
        self.put("<" + class_name(value))
        if type(found) is Frame:
            self.frame(found)
        elif type(found) is RangeIndex:
            self.put(" of ")
            self.range(found.numbers)
        else:
            if type(found) is Series and found.name is not None:
                self.put(" ")
                self.value(found.name)
            self.pandas_values(found.values)
        self.put(">")

    def pandas_values(self, values):
        if values.other is None:
            self.numpy_array(values.array)
            return
        self.put(" " + class_name(values.other))
        if values.array is not None:
            self.shape(values.array)
        if values.readable() is not None:
            self.put(" ")
            self.axis(values.readable(), ())

    def frame(self, frame):
        self.put(f" ({'?' if frame.rows is None else frame.rows}, {frame.columns}) {{")
        for index in range(frame.columns):
            self.put(", " if index else "")
            if not self.may_begin(frame.columns - index):
                break
            if frame.labels is None or not 0 <= index < len(frame.labels):
                self.put("?")
            else:
                label = frame.labels[index]
                is_plain = type(frame.labels) is range or item_type(frame.labels) == "object"
                self.value(label if is_plain else number(label))
            self.put(": ")
            column = frame.column(index)
            if column is None:
                self.put("?")
                continue
            values, row = column
            self.put(item_type(values.array) if values.other is None else class_name(values.other))
            items = values.readable()
            if items is not None:
                self.put(" ")
                self.within(COLUMN, self.axis, items, (row,) if len(items.shape) == 2 else ())
        self.put("}")

    def numpy_array(self, array):
        self.put(f" {item_type(array)}")
        self.shape(array)
        if has_readable_items(array):
            self.put(" ")
            self.axis(array, ())

    def shape(self, array):
        lengths = ", ".join(map(str, array.shape))
        self.put(f" ({lengths}" + (",)" if len(array.shape) == 1 else ")"))

    def axis(self, array, at):
        if len(at) == len(array.shape):
            item = array[at]
            self.value(item if item_type(array) == "object" else number(item))
            return
        self.put("[")
        length = array.shape[len(at)]
        for index in range(length):
            self.put(", " if index else "")
            if not self.may_begin(length - index):
                break
            self.axis(array, (*at, index))
        self.put("]")

    def view_elements(self, view):
        of = gc.get_referents(view)[0]
        items = list(in_order(of) if is_subclass(type(of), OrderedDict) else dict.items(of))
        kind = VIEWS.index(type(view)) % 3
        return items if kind == 2 else [item[kind] for item in items]

    def endless(self, value):
        """`count(5, 2)` or `repeat('x', 3)`."""
        if type(value) is itertools.count:
            is_large = word(value, 16) == (1 << 63) - 1
            step = held(value, 32)
            large = held(value, 24) if is_large else Nothing
            self.value(word(value, 16) if large is Nothing else large)
            if not (type(step) is int and step == 1):
                self.put(", ")
                self.value(step)
        else:
            self.value(held(value, 16))
            if word(value, 24) >= 0:
                self.put(f", {word(value, 24)}")

    def file(self, raw):
        if raw is not None:
            name, mode, is_closed = file_state(raw)
            if name is not Nothing:
                self.put(" ")
                self.value(name)
            self.put(f" mode {mode}" + (" closed" if is_closed else ""))

    def over(self, parts, of):
        if of is Nothing:
            self.put(" done")
            return
        for part in parts:
            if part is not Nothing:
                self.put(" ")
                self.part(part)
        self.put(" of ")
        if type(of) is tuple and tuple.__len__(of) != len(gc.get_referents(of)):
            # One that C code takes the used up iterators out of.
            places = [held(of, 24 + 8 * place) for place in range(tuple.__len__(of))]
            self.elements(of, "(", places, ")", self.place, FIXED_INDEX)
        else:
            self.value(of)

    def place(self, value):
        return self.put("<NULL>") if value is Nothing else self.value(value)

    def part(self, part):
        if type(part) is not Numbers:
            self.value(part)
            return
        self.put("[")
        for index, number in enumerate(part):
            self.put(", " if index else "")
            if not self.may_begin(len(part) - index):
                break
            self.put(str(number))
        self.put("]")

    def pair(self, pair):
        self.put("(")
        self.value(pair[0])
        self.put(", ")
        self.value(pair[1])
        self.put(")")

    def iterator(self, value):
        cls = type(value)
        if is_one_of(cls, OVER):
            self.over(*OVER[cls](value))
            return
        if is_one_of(cls, COUNTED):
            found = ((base, of) for of in gc.get_referents(value) for base in CONTAINERS if is_subclass(type(of), base))
            base, container = next(found, (None, None))
            if base is None:
                self.put(" done")
            else:
                self.put(f" {base.__len__(container) - cls.__length_hint__(value)} of ")
                self.value(container)
            return
        how, arguments, *state = cls.__reduce__(value)
        if cls is map or cls is filter:
            self.put(" ")
            self.value(arguments[0])
            self.put(" of ")
            self.value(arguments[1] if cls is filter else arguments[1:])
        elif cls is zip:
            self.put(" of ")
            self.value(arguments)
        elif cls is enumerate:
            self.put(f" {arguments[1]} of ")
            self.value(arguments[0])
        elif cls is type(iter(range(0))):
            left = arguments[0][(state or [0])[0] or 0 :]
            self.put(f" of range({left.start}, {left.stop}" + (")" if left.step == 1 else f", {left.step})"))
        elif not state or state[0] < 0:
            self.put(" done")
        else:
            self.put(f" {state[0]} of ")
            self.value(arguments[0])
