"""What the reference reads of objects that Python shows only by running code, or not at all.

Attributes are looked up in the classes' own namespaces, and the rest is read by `ctypes` from where the interpreter
keeps it.
"""

import array
import collections
import ctypes
import enum
import io
import itertools
import sys
import types

MRO = type.__dict__["__mro__"].__get__
CLASS_FLAGS = type.__dict__["__flags__"].__get__
CLASS_BASE = type.__dict__["__base__"].__get__
CLASS_NAMESPACE = type.__dict__["__dict__"].__get__
CLASS_DICT_OFFSET = type.__dict__["__dictoffset__"].__get__
MEMBER_VALUE = types.MemberDescriptorType.__get__
DEFAULT_FACTORY = collections.defaultdict.__dict__["default_factory"].__get__

# The attributes of an instance, whatever its class makes of the name `__dict__`. It takes the address: to pass an
# object, ctypes would ask it for its `__class__`.
INSTANCE_DICT = ctypes.pythonapi.PyObject_GenericGetDict
INSTANCE_DICT.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
INSTANCE_DICT.restype = ctypes.py_object

WRAPPING = "async_generator_wrapped_value"
IMMUTABLE_TYPE, HEAP_TYPE = 1 << 8, 1 << 9


def is_one_of(this, candidates):
    return any(this is candidate for candidate in candidates)


def is_subclass(cls, base):
    return is_one_of(base, MRO(cls))


def is_made_by_python(cls):
    return CLASS_FLAGS(cls) & (HEAP_TYPE | IMMUTABLE_TYPE) == HEAP_TYPE


def own(cls, name):
    """What a class's own namespace holds under a name."""
    return types.MappingProxyType.get(CLASS_NAMESPACE(cls), name)


def layout_classes(cls):
    """The class and those that it derives its layout from, as far as Python code made them."""
    while is_made_by_python(cls):
        yield cls
        cls = CLASS_BASE(cls)


def named(mapping):
    """What a dictionary holds under plain strings, as one that no key of the program's can spoil."""
    return {key: value for key, value in dict.items(mapping) if type(key) is str}


# --- Instances ---------------------------------------------------------------------------------------------------


def places(cls):
    """The members that a class's own `__slots__` made, in the order in which they stand there."""
    namespace = types.MappingProxyType.values(CLASS_NAMESPACE(cls))
    made = [member for member in namespace if type(member) is types.MemberDescriptorType and member.__objclass__ is cls]
    made.sort(key=lambda member: member.__name__)
    slots = own(cls, "__slots__")
    order = [name for name in slots if type(name) is str] if type(slots) in (tuple, list) else []

    def place(member):
        own_name = member.__name__
        called = (i for i, name in enumerate(order) if own_name == name or is_mangled(own_name, name))
        return next(called, len(order))

    return sorted(made, key=place)


def is_mangled(own_name, name):
    return name.startswith("__") and own_name.startswith("_") and own_name.endswith(name)


def has_attributes(cls):
    if not is_made_by_python(cls):
        return False
    return CLASS_DICT_OFFSET(cls) != 0 or any(places(layout) for layout in layout_classes(cls))


def attributes(value):
    """Names and values: of the members that are set, then of what the `__dict__` holds."""
    cls = type(value)
    found = []
    for layout in reversed(list(layout_classes(cls))):
        for member in places(layout):
            try:
                found.append((member.__name__, MEMBER_VALUE(member, value, cls)))
            except AttributeError:  # It is not set.
                pass
    if CLASS_DICT_OFFSET(cls) != 0:
        found += named(INSTANCE_DICT(id(value), None)).items()
    return found


def field_names(value):
    """The names of a tuple's items, if its class gives them some."""
    fields = (own(cls, "_fields") for cls in layout_classes(type(value)))
    found = next((names for names in fields if names is not None), None)
    is_naming = type(found) is tuple and all(type(name) is str for name in found)
    return found if is_naming and len(found) == tuple.__len__(value) else None


def enum_member(value):
    """Name and value of a member of an enumeration; `None` for anything else."""
    if type(type(value)) is type or not is_subclass(type(type(value)), enum.EnumType):
        return None
    attributes = named(INSTANCE_DICT(id(value), None))
    if "_value_" not in attributes:
        return None
    name = attributes.get("_name_")
    return name if type(name) is str else None, attributes["_value_"]


# --- Memory ------------------------------------------------------------------------------------------------------


def word(value, offset):
    return ctypes.c_ssize_t.from_address(id(value) + offset).value


def flag(value, offset):
    return ctypes.c_int.from_address(id(value) + offset).value


def object_at(address):
    return ctypes.cast(address, ctypes.py_object).value


def frame_state(suspendable):
    """How far a generator of any kind has come."""
    offset, not_started = {11: (75, -2), 12: (67, -2), 13: (67, -3)}[sys.version_info.minor]
    state = ctypes.c_int8.from_address(id(suspendable) + offset).value
    return "not started" if state == not_started else "suspended" if state < 0 else "done" if state else "running"


def handed_out(value):
    """What a frame hands out with a value that it yields: an asynchronous generator wraps what it gives."""
    cls = type(value)
    is_wrapping = not is_made_by_python(cls) and type.__dict__["__name__"].__get__(cls) == WRAPPING
    return held(value, 16) if is_wrapping else value


class Nothing:
    """Stands for a place without an object."""


def held(value, offset):
    address = ctypes.c_void_p.from_address(id(value) + offset).value
    return Nothing if address is None else object_at(address)


def in_order(ordered):
    """The items of an `OrderedDict` in its own order; to iterate over it would ask its keys for their hashes."""
    values = {id(key): (key, value) for key, value in dict.items(ordered)}
    link = ctypes.c_void_p.from_address(id(ordered) + 48).value
    while link is not None:
        yield values[ctypes.c_void_p.from_address(link).value]
        link = ctypes.c_void_p.from_address(link + 16).value


# --- Iterators ---------------------------------------------------------------------------------------------------


class Numbers(list):
    """Positions, written as a list of numbers."""


DONE = None, Nothing


def until_set(offset, parts, of):
    return lambda it: DONE if flag(it, offset) else (parts(it), of(it))


def taking(offset):
    return lambda it: held(it, offset)


def showing(*offsets):
    return lambda it: [held(it, offset) for offset in offsets]


def selection(length, result):
    """The positions that were picked last: none before the first time."""

    def numbers(it):
        if held(it, result) is Nothing:
            return []
        start = word(it, 24)
        return [Numbers(ctypes.c_ssize_t.from_address(start + 8 * at).value for at in range(length(it)))]

    return numbers


def cycle(it):
    of = held(it, 16)
    return ([word(it, 32)], held(it, 24)) if of is Nothing else ([], of)


def islice(it):
    following, stop, step, taken = (word(it, offset) for offset in (24, 32, 40, 48))
    return [slice(following - taken, None if stop < 0 else stop - taken, step)], held(it, 16)


def accumulate(it):
    total = held(it, 16)
    return [held(it, 32), held(it, 40) if total is Nothing else total], held(it, 24)


def groupby(it):
    key, current = held(it, 24), held(it, 40)
    return [Nothing if key is None else key, current], held(it, 16)


def zip_longest(it):
    return DONE if word(it, 24) == 0 else ([held(it, 48)], held(it, 32))


def simple(of, *shown):
    return lambda it: (showing(*shown)(it), held(it, of))


# What stands before the `of`, and behind it.
OVER = {
    itertools.cycle: cycle,
    itertools.chain: simple(16, 24),
    itertools.islice: islice,
    itertools.accumulate: accumulate,
    itertools.takewhile: until_set(32, showing(16), taking(24)),
    itertools.dropwhile: simple(24, 16),
    itertools.filterfalse: simple(24, 16),
    itertools.starmap: simple(24, 16),
    itertools.compress: simple(16, 24),
    itertools.pairwise: simple(16, 24),
    itertools.zip_longest: zip_longest,
    itertools.product: until_set(40, selection(lambda it: tuple.__len__(held(it, 16)), 32), taking(16)),
    itertools.combinations: until_set(48, selection(lambda it: word(it, 40), 32), taking(16)),
    itertools.combinations_with_replacement: until_set(48, selection(lambda it: word(it, 40), 32), taking(16)),
    itertools.permutations: until_set(56, selection(lambda it: word(it, 48), 40), taking(16)),
    itertools.groupby: groupby,
    type(next(itertools.groupby([1]))[1]): simple(16, 24),
}
if hasattr(itertools, "batched"):
    OVER[itertools.batched] = lambda it: ([word(it, 24)], held(it, 16))


# --- Files and memory --------------------------------------------------------------------------------------------

BUFFERED = io.BufferedReader, io.BufferedWriter, io.BufferedRandom
FILES = io.TextIOWrapper, io.FileIO, *BUFFERED
FILE_MODE = io.FileIO.__dict__["mode"].__get__
FILE_IS_CLOSED = io.FileIO.__dict__["closed"].__get__


def innermost(file):
    """The `FileIO` behind a file, if there is one."""
    if type(file) is io.TextIOWrapper:
        file = held(file, 32)
    if is_one_of(type(file), BUFFERED):
        file = held(file, 16)
    return file if is_subclass(type(file), io.FileIO) else None


def file_state(raw):
    """Name, mode, and whether it is closed."""
    found = named(INSTANCE_DICT(id(raw), None)).get("name", Nothing)
    return found, FILE_MODE(raw).replace("b", ""), FILE_IS_CLOSED(raw)


def bytes_behind(view):
    """What a memoryview shows, if the memory is that of an object that keeps it."""
    try:
        owner, is_contiguous = view.obj, view.c_contiguous
    except ValueError:  # It was released.
        return None
    keeps = any(is_subclass(type(owner), kind) for kind in (bytes, bytearray, array.array))
    return view.tobytes() if is_contiguous and keeps else None
