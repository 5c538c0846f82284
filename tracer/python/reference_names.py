"""How the reference writes names: of classes, functions, modules and attributes."""

CLASS_NAME = type.__dict__["__name__"].__get__
MAX_NAME = 200


def name_text(name):
    name = str.__str__(name)
    shown = "".join(character if is_of_names(character) else escaped(character) for character in name[:MAX_NAME])
    return shown if len(name) <= MAX_NAME else shown + "…"


def is_of_names(character):
    if character.isascii():
        return character.isalnum() or character in "_.-<>"
    return character != "…" and not 0xD800 <= ord(character) < 0xE000


def escaped(character):
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def class_name(value):
    return name_text(CLASS_NAME(type(value)))
