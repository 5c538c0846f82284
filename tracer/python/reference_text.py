"""How the reference writes values: the section "How a value reads" of docs/trace.md, sentence by sentence.

No code of the program runs: values are read through the built-in types alone, and classes are told apart by
identity, never by `==`, `isinstance` or `__class__`.
"""

import array
import types
from collections import OrderedDict, defaultdict, deque

from reference_identity import IDENTITIES
from reference_names import class_name, name_text
from reference_objects import (
    DEFAULT_FACTORY,
    attributes,
    enum_member,
    field_names,
    has_attributes,
    in_order,
    is_one_of,
    is_subclass,
    named,
)
from reference_windows import FIXED_INDEX, LooksThrough, has_state, is_window

CLASS_QUALNAME = type.__dict__["__qualname__"].__get__
FUNCTION_QUALNAME = types.FunctionType.__dict__["__qualname__"].__get__
METHOD_FUNCTION = types.MethodType.__dict__["__func__"].__get__
BUILTIN_NAME = types.BuiltinFunctionType.__dict__["__name__"].__get__
MODULE_DICT = types.ModuleType.__dict__["__dict__"].__get__
DEQUE_MAXLEN = deque.__dict__["maxlen"].__get__
EXCEPTION_ARGS = BaseException.__dict__["args"].__get__
OS_ERROR_FILES = ((": ", OSError.__dict__["filename"].__get__), (" -> ", OSError.__dict__["filename2"].__get__))

BRACKETS = {"list": "[]", "tuple": "()", "set": "{}", "dict": "{}", "frozenset": ("frozenset({", "})")}
BASES = (int, float, complex, str, bytes, bytearray, tuple, list, defaultdict, OrderedDict, dict, set, frozenset)
BASES += (deque, array.array)
DICTS = (dict, OrderedDict, defaultdict)
CHANGEABLE = (*DICTS, list, set, deque, bytearray, array.array)
# How an element is named in a change, and whether it can be changed on its own.
INDEX, MEMBER, KEY, ATTRIBUTE = ("index", True), ("member", True), ("key", True), ("attribute", True)
FIXED_MEMBER, ARGUMENT = ("member", False), ("argument", False)
FIELD = ("field", False)
PLACES = {"list": INDEX, "tuple": FIXED_INDEX, "set": MEMBER, "dict": KEY, "frozenset": FIXED_MEMBER}
SINGLETONS = (None, True, False, ..., NotImplemented)

MIN_INT_BITS, MAX_INT_BITS = 60, 14_000
MAX_DEPTH = 64
MIN_STRING = 16


def without_surrogates(text):
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


NAMED = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, type)


def is_named(value):
    """Whether it is shown by its name alone."""
    return any(is_subclass(type(value), kind) for kind in NAMED)


def has_identity(value, base):
    """Whether it is told apart from what reads as it does; `base` is the built-in type that it derives from."""
    if base is not None or enum_member(value) is not None:
        return is_one_of(base, CHANGEABLE)
    if is_window(value):
        return has_state(value)
    return has_attributes(type(value)) and not (is_named(value) or is_subclass(type(value), BaseException))


class Text(LooksThrough):
    """Writes values front to back; once its budget is used up, no further element is begun."""

    def __init__(self, chars):
        self.chars = chars
        self.stop = chars
        self.depth = min(chars // 40, MAX_DEPTH)
        self.parts = []
        self.written = 0
        self.open = []  # The ids of the containers and instances being written, outermost first.

    def __str__(self):
        return "".join(self.parts)

    def put(self, text):
        self.parts.append(text)
        self.written += len(text)

    def value(self, value):
        cls = type(value)
        base = next((base for base in BASES if is_subclass(cls, base)), None)
        member = enum_member(value)
        fields = field_names(value) if base is tuple and cls is not tuple else None
        if IDENTITIES.are_told and has_identity(value, base):
            self.parts.append(IDENTITIES.mark(value))  # As much is shown with it as without.
        if is_one_of(value, SINGLETONS):
            self.put(repr(value))
        elif member is not None:
            self.enum_member(value, *member)
        elif fields is not None:
            pairs = list(zip(fields, tuple.__iter__(value)))
            self.elements(value, class_name(value) + "(", pairs, ")", self.field, (*FIELD, fields))
        elif base is cls and not is_one_of(base, (defaultdict, OrderedDict)):
            self.built_in(base, value)
        elif base is not None:
            self.put(class_name(value) + "(")
            self.built_in(base, value)
            self.put(")")
        elif cls is range:
            self.range(value)
        elif is_subclass(cls, BaseException):
            self.elements(value, class_name(value) + "(", EXCEPTION_ARGS(value), ")", self.value, ARGUMENT)
        elif is_subclass(cls, type):
            self.put(f"<class '{name_text(CLASS_QUALNAME(value))}'>")
        elif cls is types.FunctionType:
            self.put(f"<function {name_text(FUNCTION_QUALNAME(value))}>")
        elif cls is types.MethodType and type(METHOD_FUNCTION(value)) is types.FunctionType:
            self.put(f"<bound method {name_text(FUNCTION_QUALNAME(METHOD_FUNCTION(value)))}>")
        elif is_subclass(cls, types.BuiltinFunctionType):
            # Its own repr knows whether it is bound to anything, and runs no code of the program.
            kind = "function" if repr(value).startswith("<built-in function ") else "method"
            self.put(f"<built-in {kind} {name_text(BUILTIN_NAME(value))}>")
        elif cls is types.ModuleType and type(named(MODULE_DICT(value)).get("__name__")) is str:
            self.put(f"<module '{name_text(named(MODULE_DICT(value))['__name__'])}'>")
        elif has_attributes(cls) and not is_window(value):
            self.elements(value, class_name(value) + "(", attributes(value), ")", self.attribute, ATTRIBUTE)
        elif is_window(value) and self.may_look_through(value):
            self.window(value)
        else:
            self.put(f"<{class_name(value)}>")

    def built_in(self, base, value):
        if base is int:
            self.integer(value)
        elif is_one_of(base, (float, complex)):
            self.put(base.__repr__(value))
        elif is_one_of(base, (str, bytes)):
            self.string(base, value, base.__repr__)
        elif base is bytearray:
            self.put("bytearray(")
            self.string(bytearray, value, lambda part: repr(bytes(part)))
            self.put(")")
        elif is_one_of(base, (set, frozenset)) and base.__len__(value) == 0:
            self.put(base.__name__ + "()")
        elif base is array.array:
            self.array(value)
        elif base is defaultdict:
            self.default_dict(value)
        elif base is OrderedDict:
            self.elements(value, "{", list(in_order(value)), "}", self.item, KEY)
        elif base is deque:
            self.elements(value, "deque([", list(deque.__iter__(value)), "]", self.value, INDEX)
            maxlen = DEQUE_MAXLEN(value)
            self.put(")" if maxlen is None else f", maxlen={maxlen})")
        else:
            elements = list(dict.items(value) if base is dict else base.__iter__(value))
            write = self.item if base is dict else self.value
            if base is tuple and len(elements) == 1:
                write = self.only
            opening, closing = BRACKETS[base.__name__]
            self.elements(value, opening, elements, closing, write, PLACES[base.__name__])

    def array(self, value):
        code, length = value.typecode, array.array.__len__(value)
        self.put(f"array('{code}'" + (", " if length else ""))
        if length and code in "uw":
            self.string(str, array.array.tounicode(value), str.__repr__)
        elif length:
            self.put("[")
            for index, number in enumerate(array.array.tolist(value)):
                self.put(", " if index else "")
                if not self.may_begin(length - index):
                    break
                self.put(repr(number))
            self.put("]")
        self.put(")")

    def default_dict(self, value):
        factory = DEFAULT_FACTORY(value)
        self.factory(factory)
        self.put(", ")
        self.elements(value, "{", list(dict.items(value)), "}", self.item, KEY)

    def factory(self, factory):
        if factory is None or is_named(factory):
            self.value(factory)
        else:
            self.put(f"<{class_name(factory)}>")

    def integer(self, value):
        bits = int.bit_length(value)
        shown_bits = max(MIN_INT_BITS, min(4 * self.chars, MAX_INT_BITS))
        try:
            text = int.__repr__(value) if bits <= shown_bits else None
        except ValueError:  # `sys.set_int_max_str_digits` forbids it.
            text = None
        self.put(text or f"<int of {bits} bits>")

    def string(self, base, value, show):
        shown = max(self.string_chars(), MIN_STRING)
        hidden = base.__len__(value) - shown
        self.put(show(base.__getitem__(value, slice(shown))))
        if hidden > 0:
            self.put(f" … {hidden} more")

    def range(self, value):
        numbers = (value.start, value.stop) if value.step == 1 else (value.start, value.stop, value.step)
        self.put("range(")
        for index, number in enumerate(numbers):
            self.put(", " if index else "")
            self.integer(number)
        self.put(")")

    def string_chars(self):
        return self.stop - self.written

    def may_begin(self, left):
        """Whether another element may be begun, of so many that are left."""
        if self.written >= self.stop:
            self.put(f"… {left} more")
            return False
        return True

    def elements(self, owner, opening, elements, closing, write, place):
        """`place` says how an element is named in a change; for a text it makes no difference."""
        self.put(opening)
        if id(owner) in self.open:
            self.put("...")
        elif elements and len(self.open) >= self.depth:
            self.put("…")
        else:
            self.open.append(id(owner))
            for index, element in enumerate(elements):
                self.put(", " if index else "")
                if not self.may_begin(len(elements) - index):
                    break
                write(element)
            self.open.pop()
        self.put(closing)

    def only(self, element):
        written = self.value(element)
        self.put(",")
        return written

    def item(self, item):
        key = self.value(item[0])
        self.put(": ")
        return key, self.value(item[1])

    def attribute(self, item):
        self.put(name_text(item[0]) + "=")
        return item[0], self.value(item[1])

    def field(self, pair):
        self.put(name_text(pair[0]) + "=")
        return self.value(pair[1])

    def enum_member(self, value, name, stands_for):
        self.put("<" + class_name(value))
        if name is not None:
            self.put("." + "|".join(map(name_text, name.split("|"))))
        if id(value) not in self.open and len(self.open) < self.depth:
            self.open.append(id(value))
            self.put(": ")
            self.value(stands_for)
            self.open.pop()
        self.put(">")

    def message(self, error):
        cls, args = type(error), EXCEPTION_ARGS(error)
        kinds = [type(arg) for arg in args]
        begin = [type(part) for part in args[1][:2]] if len(args) > 1 and kinds[1] is tuple else []
        if is_subclass(cls, OSError) and len(args) == 2 and kinds[0] is int and kinds[1] is str:
            self.put("[Errno ")
            self.integer(args[0])
            self.put("] ")
            self.raw(args[1])
            for separator, file in OS_ERROR_FILES:
                if file(error) is not None:
                    self.put(separator)
                    self.value(file(error))
        elif is_subclass(cls, SyntaxError) and begin and kinds[0] is str and begin[0] is str and begin[-1] is int:
            self.raw(args[0])
            self.put(" (")
            self.raw(args[1][0])
            self.put(", line ")
            self.integer(args[1][1])
            self.put(")")
        elif len(args) == 1 and kinds[0] is str and not is_subclass(cls, KeyError):
            self.raw(args[0])
        elif len(args) == 1:
            self.value(args[0])
        elif args:
            self.value(args)

    def raw(self, text):
        self.string(str, text, without_surrogates)


def value_text(value, chars):
    text = Text(chars)
    text.value(value)
    return class_name(value), str(text)


def message_text(error, chars):
    text = Text(chars)
    text.message(error)
    return class_name(error), str(text)
