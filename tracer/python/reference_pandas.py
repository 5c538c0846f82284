"""What the reference reads of objects of pandas.

Their classes are Python's, and known by what they and their modules are called. What lies behind is reached through
attributes that pandas' compiled code keeps: reading those runs none of the program's code.
"""

import types

from reference_names import CLASS_NAME
from reference_objects import (
    CLASS_BASE,
    CLASS_DICT_OFFSET,
    INSTANCE_DICT,
    has_readable_items,
    is_made_by_python,
    item_type,
    layout_classes,
    named,
    numpy_array,
    own,
)

MOST_BLOCKS = 256
KINDS = "DataFrame", "Series", "Index"
COMPILED = types.GetSetDescriptorType.__get__
ABSENT = object()


class Values:
    """What a column, a series or an index holds: an array of numpy, or another one, perhaps with one of numpy behind."""

    def __init__(self, array):
        self.array = numpy_array(array)
        self.other = array if self.array is None else None
        if self.array is None:
            self.array = numpy_array(attribute(array, "_ndarray"))

    def readable(self):
        if self.array is None or not has_readable_items(self.array):
            return None
        return self.array if self.other is None or item_type(self.array) == "object" else None


class Frame:
    def __init__(self, blocks, labels, rows):
        """The blocks are pairs of values and the numbers of the columns that they hold."""
        self.blocks, self.labels, self.rows = blocks, labels, rows
        self.columns = sum(len(places) for _, places in blocks)

    def column(self, index):
        """The values that it is part of, and which row of them it is; `None` where no block has it."""
        found = ((values, list(places).index(index)) for values, places in self.blocks if index in places)
        return next(found, None)


class Series:
    def __init__(self, name, values):
        self.name, self.values = name, values


class Index:
    def __init__(self, values):
        self.values = values


class RangeIndex:
    def __init__(self, numbers):
        self.numbers = numbers


def kind(cls):
    for layout in layout_classes(cls):
        module = own(layout, "__module__")
        if CLASS_NAME(layout) in KINDS and type(module) is str and (module + ".").startswith("pandas."):
            return CLASS_NAME(layout)
    return None


def attribute(value, name):
    cls = type(value)
    if is_made_by_python(cls) and CLASS_DICT_OFFSET(cls) != 0:
        found = named(INSTANCE_DICT(id(value), None)).get(name, ABSENT)
        if found is not ABSENT:
            return found
    while cls is not None:
        compiled = own(cls, name)
        if type(compiled) is types.GetSetDescriptorType and own(cls, "__module__").startswith("pandas._libs."):
            return COMPILED(compiled, value, type(value))
        cls = CLASS_BASE(cls)
    return ABSENT


def pandas_object(value):
    """A frame, a series or an index; `None` for anything else, or where it cannot be looked into."""
    known = kind(type(value))
    if known == "Index":
        numbers, data = attribute(value, "_range"), attribute(value, "_data")
        if numbers is not ABSENT:
            return RangeIndex(numbers) if type(numbers) is range else None
        return None if data is ABSENT else Index(Values(data))
    if known is None:
        return None
    manager = attribute(value, "_mgr")
    blocks = attribute(manager, "blocks")
    if type(blocks) is not tuple:
        return None
    if known == "DataFrame":
        return frame(manager, blocks)
    values = attribute(blocks[0], "values") if len(blocks) == 1 else ABSENT
    name = attribute(value, "_name")
    return None if values is ABSENT else Series(None if name is ABSENT else name, Values(values))


def frame(manager, blocks):
    if len(blocks) > MOST_BLOCKS:
        return None
    read = [(attribute(block, "values"), places(attribute(block, "_mgr_locs"))) for block in blocks]
    axes = attribute(manager, "axes")
    if any(values is ABSENT or held is None for values, held in read) or type(axes) is not list or len(axes) != 2:
        return None
    read = [(Values(values), held) for values, held in read]
    rows = next((values.array.shape[-1] for values, _ in read if values.array is not None), length(axes[1]))
    return Frame(read, labels(axes[0]), rows)


def places(placement):
    """The numbers of the columns that a block holds."""
    numbers = attribute(placement, "indexer")
    if type(numbers) is slice:
        bounds = numbers.start, numbers.stop, numbers.step
        return range(*bounds) if all(type(bound) is int for bound in bounds) and numbers.step else None
    array = numpy_array(numbers)
    return None if array is None else array.tolist()


def labels(index):
    """What the columns are called, if that can be read."""
    found = pandas_object(index)
    if type(found) is RangeIndex:
        return found.numbers
    array = found.values.readable() if type(found) is Index else None
    return array if array is not None and len(array.shape) == 1 else None


def length(index):
    found = pandas_object(index)
    if type(found) is RangeIndex:
        return len(found.numbers)
    return found.values.array.shape[0] if type(found) is Index and found.values.array is not None else None
