"""What the reference reads from frames: their variables, and what lies on their stacks."""

import ctypes
import dis
import inspect
import itertools
import sys

from reference_objects import is_subclass, named

# The offsets of the interpreter's frame in a frame object, and in that of its variables, below which its stack lies;
# and that of the height of both in 3.11.
FRAME_AT, STACK_AT, HEIGHT_AT = 24, 72, 64

GLOBAL_INSTRUCTIONS = ("LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL")


def is_variable(name):
    return name.isidentifier() and not (name.startswith("__") and name.endswith("__"))


def variables(mapping, names=None):
    return {
        name: mapping[name] for name in (mapping if names is None else names) if is_variable(name) and name in mapping
    }


def global_names(code):
    return {step.argval for step in dis.get_instructions(code) if step.opname in GLOBAL_INSTRUCTIONS}


if sys.version_info >= (3, 12):
    GET_VARIABLE = ctypes.pythonapi.PyFrame_GetVar
    GET_VARIABLE.argtypes = [ctypes.py_object, ctypes.py_object]
    GET_VARIABLE.restype = ctypes.py_object
else:

    def GET_VARIABLE(frame, name):
        code, is_cell = frame.f_code, name in frame.f_code.co_cellvars + frame.f_code.co_freevars
        index = next(index for index in itertools.count() if code._varname_from_oparg(index) == name)
        value = ctypes.py_object.from_address(inner_frame(frame) + STACK_AT + 8 * index).value
        return value.cell_contents if is_cell else value


def inner_frame(frame):
    return ctypes.c_void_p.from_address(id(frame) + FRAME_AT).value


def local_variables(frame, body):
    """Those of a frame; `body` is the namespace of a class body, and else `None`."""
    code = frame.f_code
    found = variables(named(body)) if body is not None and is_subclass(type(body), dict) else {}
    for name in filter(is_variable, local_names(code)):
        try:
            found[name] = GET_VARIABLE(frame, name)
        except (NameError, ValueError):  # It is not bound, or its cell is empty.
            pass
    return found


def local_names(code):
    names = code.co_varnames + code.co_cellvars  # Outside of functions, those of inlined comprehensions.
    return names + code.co_freevars if code.co_flags & inspect.CO_OPTIMIZED else names


def holds(frame, name, value):
    try:
        return GET_VARIABLE(frame, name) is value
    except (NameError, ValueError):  # It is not bound, or its cell is empty.
        return False


def instruction(frame):
    code = frame.f_code.co_code
    return dis.opname[code[frame.f_lasti]], code[frame.f_lasti + 1]


def stack_of(frame, steps):
    """The addresses of the objects on the stack before the next instruction, the top last; none for a place without."""
    start = inner_frame(frame) + STACK_AT + 8 * steps.stack_at
    height = steps.heights[frame.f_lasti]
    return [ctypes.c_void_p.from_address(start + 8 * place).value for place in range(height)]


def object_at(address):
    return ctypes.cast(address, ctypes.py_object).value


def top_of_stack(frame):
    """The value that the next instruction of a frame of 3.11 takes."""
    height = ctypes.c_int.from_address(inner_frame(frame) + HEIGHT_AT).value
    return ctypes.py_object.from_address(inner_frame(frame) + STACK_AT + 8 * (height - 1)).value
