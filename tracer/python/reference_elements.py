"""How the reference tells changes: the section "Changes by element" of docs/trace.md, sentence by sentence."""

from reference_identity import BEGIN, END
from reference_text import MAX_DEPTH, Text, class_name, name_text, value_text

MAX_ELEMENTS = 512
MAX_CHARS = 10_000


class TooLarge(Exception):
    """The value is not written whole."""


class Untold(Exception):
    """What differs cannot be told by elements."""


class Node:
    """A value in one that is written whole."""

    def __init__(self, cls, name):
        self.cls = cls
        self.name = name
        self.number = None  # What tells it apart from what reads as it does, where that is told.
        self.text = None
        self.place = None  # How elements are named, whether they can change on their own, and fields' names.
        self.factory = None
        self.shown = None  # Whether its elements are: "all", or the mark that stands for them.
        self.elements = None  # Nodes, or pairs of a key and a node; none for a value without elements.
        self.is_plain_key = False


class Whole(Text):
    """Writes a value with all of its elements, and keeps them."""

    def __init__(self, chars):
        super().__init__(chars)
        self.depth = MAX_DEPTH
        self.stop = self.max_chars = min(40 * chars, MAX_CHARS)
        self.is_brief = False
        self.count = 0
        self.node = None

    def string_chars(self):
        return super().string_chars() if self.is_brief else self.chars

    def may_begin(self, left):
        may_begin = super().may_begin(left) if self.is_brief else self.written < self.stop and self.count < MAX_ELEMENTS
        if not may_begin and not self.is_brief:
            raise TooLarge
        self.count += may_begin
        return may_begin

    def window(self, value):
        outer, self.is_brief = self.is_brief, True
        super().window(value)
        self.is_brief = outer

    def value(self, value):
        outer, self.node = self.node, Node(type(value), class_name(value))
        begin = len(self.parts)
        super().value(value)
        node, self.node = self.node, outer
        node.text = "".join(self.parts[begin:])
        node.number = number_before(node.text)
        node.is_plain_key = is_plain_key(value, self.chars)
        return node

    def factory(self, factory):
        begin = len(self.parts)
        super().factory(factory)
        self.node.factory = "".join(self.parts[begin:])

    def elements(self, owner, opening, elements, closing, write, place):
        if self.is_brief:
            return super().elements(owner, opening, elements, closing, write, place)
        node = self.node
        node.place, node.elements = place, []
        self.put(opening)
        if elements and id(owner) in self.open:
            node.shown = "..."
            self.put("...")
        elif elements and len(self.open) >= self.depth:
            node.shown = "…"
            self.put("…")
        else:
            node.shown = "all"
            self.open.append(id(owner))
            for index, element in enumerate(elements):
                self.put(", " if index else "")
                self.may_begin(len(elements) - index)
                node.elements.append(write(element))
            self.open.pop()
        self.put(closing)
        return None


def number_before(text):
    return text[: text.index(END)] if text.startswith(BEGIN) else None


def is_plain_key(key, chars, items=True):
    """Whether no other key of the same dict reads as this one does."""
    cls = type(key)
    if cls is str:
        return len(key) <= max(chars, 16)
    if cls is int:
        return key.bit_length() <= max(60, min(4 * chars, 14_000))
    if cls is float:
        return key == key
    if cls is tuple and items:
        return all(is_plain_key(item, chars, False) for item in key)
    return key is None or cls is bool


class Purse:
    """How many characters may be spent on values that are told whole."""

    FIRST = 32 * 1024
    EACH = 16

    def __init__(self):
        self.left = self.FIRST
        self.spent = 0

    def open(self):
        """Each event finds what those before it left."""
        self.left = max(self.left - self.spent, 0) + self.EACH
        self.spent = 0
        return self


class Variable:
    """How a variable reads: type, text, and the elements if it can be written whole."""

    def __init__(self, value, chars):
        self.type = class_name(value)
        self.chars = chars
        self.tree = None
        self.count = 0
        self.is_cut = False
        whole = Whole(chars)
        try:
            tree = whole.value(value)
            if whole.written > whole.max_chars:
                raise TooLarge
            self.size = whole.written
            self.text = tree.text
            if tree.elements is not None:
                self.tree, self.count = tree, whole.count
            self.has_elements = whole.count > 0
            self.cut_text = value_text(value, chars)[1] if self.has_elements else self.text
        except TooLarge:
            self.text = self.cut_text = value_text(value, chars)[1]
            self.is_cut = True

    def cut(self):
        self.tree, self.text, self.is_cut = None, self.cut_text, True

    def pay(self, purse):
        """It is told whole if that can be afforded."""
        if not self.is_cut and self.has_elements and self.size > self.chars:
            if self.size > purse.left:
                self.cut()
            else:
                purse.spent += self.size
        return self.state()

    def state(self):
        return self.type, self.text

    def cut_state(self):
        return self.type, self.cut_text

    def reads_as(self, other):
        """Whether another value would be told as this one was."""
        return self.state() == (other.cut_state() if self.is_cut else other.state())


def differences(scope, before, now, purse):
    """The changes between two states of some variables, which from here on read as they are told."""
    for name in sorted(before.keys() | now.keys()):
        if name not in now:
            yield [scope, name, "deleted", None, None]
        elif name not in before:
            yield [scope, name, "new", *now[name].pay(purse)]
        else:
            told = element_changes(before[name], now[name])
            if told is None:
                yield [scope, name, "modified", *now[name].pay(purse)]
            else:
                yield from ([scope, name + place, *change] for place, *change in told)


def element_changes(old, new):
    """The changes by element, or `None` where the whole is told."""
    if old.is_cut:
        if old.state() == new.cut_state():
            new.cut()
            return []
        return None
    if old.tree is None:
        return [] if old.state() == new.state() else None
    if new.tree is None:
        return None
    told = []
    try:
        compare(old.tree, new.tree, "", told)
    except Untold:
        return None
    return told if len(told) <= 1 + old.count // 4 else None


def compare(old, new, place, told):
    if old.elements is None or old.cls is not new.cls or old.name != new.name or old.number != new.number:
        raise Untold
    if new.elements is None or old.shown != new.shown or old.place != new.place or old.factory != new.factory:
        raise Untold
    if old.place[0] == "key":
        compare_keyed(old, new, place, told, is_same)
    elif old.place[0] == "attribute":
        compare_keyed(old, new, place, told, str.__eq__)
    else:
        compare_sequence(old, new, place, told)


def compare_part(old, new, owner, key, place, told):
    inside = segment(owner, key)
    if inside is None:  # What cannot be named cannot be told.
        if not is_same(old, new):
            raise Untold
        return
    can_change = owner.place[1]
    if old.elements is not None:
        count = len(told)
        try:
            return compare(old, new, place + inside, told)
        except Untold:
            if not can_change:
                raise
            del told[count:]
    elif old.text == new.text:
        return
    if not can_change:
        raise Untold
    told.append((place + inside, "modified", new.name, new.text))


def segment(owner, key):
    how = owner.place[0]
    if how == "index":
        return f"[{key}]"
    if how == "member":
        return f"{{{key}}}"
    if how == "field":
        return attribute_segment(owner.place[2][key])
    if how == "argument":
        return f".args[{key}]"
    if how == "key":
        return f"[{key.text}]" if key.is_plain_key else None
    return attribute_segment(key)


def attribute_segment(name):
    is_plain = name and name_text(name) == name and not set(name) & set(".-<>")
    return f".{name}" if is_plain else None


def named_segment(owner, key):
    inside = segment(owner, key)
    if inside is None:
        raise Untold
    return inside


def is_same(old, new):
    if old.elements is None:
        return old.text == new.text
    if old.cls is not new.cls or old.name != new.name or old.shown != new.shown or new.elements is None:
        return False
    if old.number != new.number:
        return False
    if len(old.elements) != len(new.elements) or old.place != new.place or old.factory != new.factory:
        return False
    if old.place[0] == "key":
        return all(is_same(*keys) and is_same(*values) for keys, values in pairs_of(old, new))
    if old.place[0] == "attribute":
        return all(keys[0] == keys[1] and is_same(*values) for keys, values in pairs_of(old, new))
    return all(is_same(*nodes) for nodes in zip(old.elements, new.elements))


def pairs_of(old, new):
    return (zip(*entries) for entries in zip(old.elements, new.elements))


def compare_sequence(old, new, place, told):
    before, after = old.elements, new.elements
    if len(before) == len(after):
        for index, nodes in enumerate(zip(before, after)):
            compare_part(*nodes, old, index, place, told)
        return
    if not old.place[1]:
        raise Untold
    shorter, begin, end = min(len(before), len(after)), 0, 0
    while begin < shorter and is_same(before[begin], after[begin]):
        begin += 1
    while end < shorter - begin and is_same(before[-1 - end], after[-1 - end]):
        end += 1
    in_both = shorter - end
    for index in reversed(range(in_both, len(before) - end)):
        told.append((place + segment(old, index), "deleted", None, None))
    for index in range(in_both, len(after) - end):
        told.append((place + segment(old, index), "new", after[index].name, after[index].text))
    for index in reversed(range(begin, in_both)):
        compare_part(before[index], after[index], old, index, place, told)


def compare_keyed(old, new, place, told, is_same_key):
    before, after = old.elements, new.elements
    matched, start = [], 0
    for key, _ in after:
        found = (index for index in range(start, len(before)) if is_same_key(before[index][0], key))
        index = next(found, None)
        if index is None:
            break
        matched.append(index)
        start = index + 1
    for index, (key, _) in enumerate(before):
        if index not in matched:
            told.append((place + named_segment(old, key), "deleted", None, None))
    for key, node in after[len(matched) :]:
        told.append((place + named_segment(old, key), "new", node.name, node.text))
    for index, (key, node) in zip(matched, after):
        compare_part(before[index][1], node, old, key, place, told)
