"""The slow twin of the native tracer: what docs/trace.md says, in plain Python.

    python -s -P reference.py REQUEST.json OUT.json

The request is {"filename", "source" (path of a file with the bytes), "function" (or null), "input" (or null),
"max_events", "value_chars", "output_chars"} and, if every event is to carry all that was looked at, "states".
The answer is {"events": [...], "end": {"verdict", "type", "text"}} with the names of trace/src/event.rs.

It shares nothing with the native tracer but that page: it reads every variable at every event and compares
texts. No code of the program runs because it is traced: values are read through the built-in types alone, and
classes are told apart by identity, never by `==`, `isinstance` or `__class__`.

It runs in the interpreter that it watches, so it cannot follow programs that call `sys.settrace` or
`os._exit`, come near the recursion limit, or look at the interpreter's own state.
"""

import ast
import atexit
import builtins
import ctypes
import dis
import inspect
import io
import itertools
import json
import os
import sys
import threading
import types
from collections import deque

# --- How a value reads -----------------------------------------------------------------------------------------

MRO = type.__dict__["__mro__"].__get__
CLASS_NAME = type.__dict__["__name__"].__get__
CLASS_QUALNAME = type.__dict__["__qualname__"].__get__
CLASS_FLAGS = type.__dict__["__flags__"].__get__
CLASS_DICT_OFFSET = type.__dict__["__dictoffset__"].__get__
FUNCTION_QUALNAME = types.FunctionType.__dict__["__qualname__"].__get__
METHOD_FUNCTION = types.MethodType.__dict__["__func__"].__get__
BUILTIN_NAME = types.BuiltinFunctionType.__dict__["__name__"].__get__
MODULE_DICT = types.ModuleType.__dict__["__dict__"].__get__
DEQUE_MAXLEN = deque.__dict__["maxlen"].__get__
EXCEPTION_ARGS = BaseException.__dict__["args"].__get__
OS_ERROR_FILES = ((": ", OSError.__dict__["filename"].__get__), (" -> ", OSError.__dict__["filename2"].__get__))
EXIT_CODE = SystemExit.__dict__["code"].__get__

# The attributes of an instance, whatever its class makes of the name `__dict__`. It takes the address: to pass an
# object, ctypes would ask it for its `__class__`.
INSTANCE_DICT = ctypes.pythonapi.PyObject_GenericGetDict
INSTANCE_DICT.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
INSTANCE_DICT.restype = ctypes.py_object

IMMUTABLE_TYPE, HEAP_TYPE = 1 << 8, 1 << 9

BRACKETS = {"list": "[]", "tuple": "()", "set": "{}", "dict": "{}", "frozenset": ("frozenset({", "})")}
BASES = (int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset, deque)
SINGLETONS = (None, True, False, ..., NotImplemented)

MAX_INT_BITS = 14_000
MAX_DEPTH = 64
MAX_NAME = 200
MIN_STRING = 16


def is_one_of(this, candidates):
    return any(this is candidate for candidate in candidates)


def is_subclass(cls, base):
    return is_one_of(base, MRO(cls))


def is_made_by_python(cls):
    return CLASS_FLAGS(cls) & (HEAP_TYPE | IMMUTABLE_TYPE) == HEAP_TYPE


def named(mapping):
    """What a dictionary holds under plain strings, as one that no key of the program's can spoil."""
    return {key: value for key, value in dict.items(mapping) if type(key) is str}


def without_surrogates(text):
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def name_text(name):
    name = str.__str__(name)
    return without_surrogates(name if len(name) <= MAX_NAME else name[:MAX_NAME] + "…")


def class_name(value):
    return name_text(CLASS_NAME(type(value)))


class Text:
    """Writes values front to back; once its budget is used up, no further element is begun."""

    def __init__(self, chars):
        self.chars = chars
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
        if is_one_of(value, SINGLETONS):
            self.put(repr(value))
        elif base is cls:
            self.built_in(base, value)
        elif base is not None:
            self.put(class_name(value) + "(")
            self.built_in(base, value)
            self.put(")")
        elif cls is range:
            self.range(value)
        elif is_subclass(cls, BaseException):
            self.elements(value, class_name(value) + "(", EXCEPTION_ARGS(value), ")", self.value)
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
        elif is_made_by_python(cls) and CLASS_DICT_OFFSET(cls) != 0:
            attributes = named(INSTANCE_DICT(id(value), None)).items()
            self.elements(value, class_name(value) + "(", attributes, ")", self.attribute)
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
        elif base is deque:
            self.elements(value, "deque([", list(deque.__iter__(value)), "]", self.value)
            maxlen = DEQUE_MAXLEN(value)
            self.put(")" if maxlen is None else f", maxlen={maxlen})")
        else:
            elements = list(dict.items(value) if base is dict else base.__iter__(value))
            write = self.item if base is dict else self.value
            if base is tuple and len(elements) == 1:
                write = self.only
            opening, closing = BRACKETS[base.__name__]
            self.elements(value, opening, elements, closing, write)

    def integer(self, value):
        bits = int.bit_length(value)
        try:
            text = int.__repr__(value) if bits <= min(4 * self.chars, MAX_INT_BITS) else None
        except ValueError:  # `sys.set_int_max_str_digits` forbids it.
            text = None
        self.put(text or f"<int of {bits} bits>")

    def string(self, base, value, show):
        shown = max(self.chars - self.written, MIN_STRING)
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

    def elements(self, owner, opening, elements, closing, write):
        self.put(opening)
        if id(owner) in self.open:
            self.put("...")
        elif elements and len(self.open) >= min(self.chars // 40, MAX_DEPTH):
            self.put("…")
        else:
            self.open.append(id(owner))
            for index, element in enumerate(elements):
                self.put(", " if index else "")
                if self.written >= self.chars:
                    self.put(f"… {len(elements) - index} more")
                    break
                write(element)
            self.open.pop()
        self.put(closing)

    def only(self, element):
        self.value(element)
        self.put(",")

    def item(self, item):
        self.value(item[0])
        self.put(": ")
        self.value(item[1])

    def attribute(self, item):
        self.put(name_text(item[0]) + "=")
        self.value(item[1])

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


# --- Variables -------------------------------------------------------------------------------------------------

# In 3.11, the offsets of the interpreter's frame in a frame object, and in that of its variables, below which
# its stack lies, and of the height of both.
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


def local_variables(frame):
    code = frame.f_code
    if code.co_flags & inspect.CO_OPTIMIZED:
        names = code.co_varnames + code.co_cellvars + code.co_freevars
    elif code.co_name == "<module>":
        names = code.co_varnames + code.co_cellvars  # Of comprehensions that are inlined in it.
    else:
        body = frame.f_locals
        return variables(named(body)) if is_subclass(type(body), dict) else {}
    found = {}
    for name in filter(is_variable, names):
        try:
            found[name] = GET_VARIABLE(frame, name)
        except (NameError, ValueError):  # It is not bound, or its cell is empty.
            pass
    return found


def differences(scope, before, now):
    for name in sorted(before.keys() | now.keys()):
        if name not in now:
            yield [scope, name, "deleted", None, None]
        elif before.get(name) != now[name]:
            yield [scope, name, "modified" if name in before else "new", *now[name]]


# --- Events ----------------------------------------------------------------------------------------------------

CALL, EXCEPTION, LINE, RETURN, OPCODE = 0, 1, 2, 3, 7  # As `PyEval_SetTrace` numbers them.
TOOL = 3
HAS_MONITORING = hasattr(sys, "monitoring")

# Where a StopIteration is how a loop or a delegation ends.
ENDS_ITERATION = ("FOR_ITER", "END_FOR", "SEND", "END_SEND")
SUSPENDED = ("YIELD_VALUE", "RESUME")

# What `sys.settrace` rests on. That one writes a frame's variables back after every event, which on 3.12 damages
# those of an inlined comprehension.
TRACE_FUNCTION = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.py_object, ctypes.c_int, ctypes.c_void_p)


def set_trace(function):
    ctypes.pythonapi.PyEval_SetTrace(function, None)


def instruction(frame):
    code = frame.f_code.co_code
    return dis.opname[code[frame.f_lasti]], code[frame.f_lasti + 1]


def object_at(address):
    return ctypes.cast(address, ctypes.py_object).value


def top_of_stack(frame):
    """The value that the next instruction of a frame of 3.11 takes."""
    height = ctypes.c_int.from_address(inner_frame(frame) + HEIGHT_AT).value
    return ctypes.py_object.from_address(inner_frame(frame) + STACK_AT + 8 * (height - 1)).value


class Frame:
    """What is known of a traced frame. It hangs at `f_trace`, so that it lives exactly as long."""

    def __init__(self, number, code, global_names):
        self.number = number
        self.function = code.co_qualname
        self.line = code.co_firstlineno
        self.global_names = global_names
        self.locals = {}
        self.leaving = None  # The exception that is leaving the frame.


class Tracer:
    def __init__(self, request):
        self.max_events = request["max_events"]
        self.chars = request["value_chars"]
        self.with_states = request.get("states", False)
        self.code = None
        self.codes = set()
        self.namespace = {}
        self.globals = {}
        self.frames = 0
        self.stack = []
        self.left = None  # The exception that left the last frame, until anything else happens.
        self.events = []
        self.counted = 0
        self.is_full = False
        self.thread = threading.get_ident()
        self.callback = TRACE_FUNCTION(self.on_event)

    def watch(self, code, namespace):
        self.code, self.namespace = code, namespace
        unvisited = [code]
        while unvisited:
            code = unvisited.pop()
            self.codes.add(id(code))
            unvisited += [constant for constant in code.co_consts if type(constant) is types.CodeType]

    def run(self, action):
        if HAS_MONITORING:
            events = sys.monitoring.events
            sys.monitoring.use_tool_id(TOOL, "reference")
            sys.monitoring.register_callback(TOOL, events.RERAISE, lambda code, _, error: self.leaving(code, error))
            sys.monitoring.register_callback(TOOL, events.EXCEPTION_HANDLED, lambda code, *_: self.leaving(code, None))
            sys.monitoring.set_events(TOOL, events.RERAISE | events.EXCEPTION_HANDLED)
        try:
            set_trace(self.callback)
            return action()
        finally:
            set_trace(None)
            self.stack.clear()
            if HAS_MONITORING:
                sys.monitoring.set_events(TOOL, 0)

    def leaving(self, code, error):
        """Takes down what a trace function is not told: whether an exception goes on without a new `raise`."""
        if id(code) in self.codes and self.stack and threading.get_ident() == self.thread:
            self.stack[-1].leaving = error

    def watch_reraise(self, frame):
        """The same for 3.11, where each instruction has to be looked at."""
        name, argument = instruction(frame)
        if name in ("RERAISE", "END_ASYNC_FOR"):
            self.stack[-1].leaving = top_of_stack(frame)
        else:
            self.stack[-1].leaving = sys.exception() if (name, argument) == ("RAISE_VARARGS", 0) else None

    def on_event(self, _, frame, what, arg):
        if id(frame.f_code) not in self.codes:
            return 0
        try:
            if what == CALL:
                self.enter(frame)
            elif what == LINE and self.has_room():
                self.stack[-1].line = frame.f_lineno
                self.record("line", frame)
            elif what == EXCEPTION:
                self.appear(frame, object_at(arg)[1])
            elif what == RETURN and self.has_room():
                self.leave(frame, arg and object_at(arg))
            elif what == OPCODE:
                self.watch_reraise(frame)
        except BaseException as error:
            # A fault of this file must not pass for something that the program did.
            os.write(2, f"reference.py: {error!r} at line {error.__traceback__.tb_next.tb_lineno}\n".encode())
            os._exit(70)
        return 0

    def enter(self, frame):
        if not self.has_room():
            return
        known = frame.f_trace
        if known is None:
            names = None if frame.f_code is self.code else global_names(frame.f_code)
            frame.f_trace = Frame(self.frames, frame.f_code, names)
            frame.f_trace_opcodes = not HAS_MONITORING
            self.frames += 1
        self.stack.append(frame.f_trace)
        self.record("resume" if known else "call", frame)

    def appear(self, frame, error):
        if is_subclass(type(error), StopIteration) and instruction(frame)[0] in ENDS_ITERATION:
            return
        self.stack[-1].leaving = error
        if error is not self.left and self.has_room():
            self.record("raise", frame, message_text(error, self.chars))

    def leave(self, frame, value):
        error, self.stack[-1].leaving = self.stack[-1].leaving, None
        if error is not None:
            self.record("unwind", frame, message_text(error, self.chars))
            self.left = error
        else:
            kind = "yield" if instruction(frame)[0] in SUSPENDED else "return"
            self.record(kind, frame, value_text(value, self.chars))
        self.stack.pop()

    def has_room(self):
        if not self.is_full and self.counted == self.max_events:
            self.add("gap", "events", "0", [])
            self.is_full = True
            set_trace(None)
        return not self.is_full

    def record(self, kind, frame, value=(None, None)):
        state = self.stack[-1]
        now = {name: value_text(value, self.chars) for name, value in local_variables(frame).items()}
        changes = list(differences("local", state.locals, now))
        state.locals = now

        names = state.global_names
        now_global = {
            name: value_text(value, self.chars) for name, value in variables(named(self.namespace), names).items()
        }
        before = self.globals if names is None else variables(self.globals, names)
        changes += differences("global", before, now_global)
        self.globals = {name: text for name, text in self.globals.items() if name not in before} | now_global

        self.counted += 1
        self.left = None
        self.add(kind, *value, sorted(changes, key=lambda change: change[:2]))
        if self.with_states:
            unbound = dict.fromkeys(filter(is_variable, names or ()))
            self.events[-1]["state"] = {"local": now, "global": unbound | now_global}

    def add(self, kind, value_type, text, changes):
        top = self.stack[-1] if self.stack else None
        event = {
            "kind": kind,
            "frame": top.number if top else 0,
            "parent": self.stack[-2].number if len(self.stack) > 1 else None,
            "depth": max(len(self.stack) - 1, 0),
            "function": top.function if top else "",
            "line": top.line if top else 0,
            "changes": changes,
            "type": value_type,
            "text": text,
        }
        self.events.append(event)

    def output(self, stream, data):
        if self.is_full:
            return
        last = self.events[-1] if self.events else {}
        if last.get("kind") == "output" and last["type"] == stream:
            last["text"] += data
        else:
            self.add("output", stream, data, [])


# --- Running a program -----------------------------------------------------------------------------------------


class Recorded(io.FileIO):
    """A standard stream's file, which says what is written to it."""

    def __init__(self, descriptor, record):
        super().__init__(descriptor, "wb", closefd=False)
        self.record = record

    def write(self, data):
        written = super().write(data)
        self.record(bytes(memoryview(data).cast("B")[:written]))
        return written


def redirect(tracer):
    for number, name, errors in ((1, "stdout", "strict"), (2, "stderr", "backslashreplace")):
        file = Recorded(number, lambda data, name=name: tracer.output(name, data))
        file.name = f"<{name}>"
        stream = io.TextIOWrapper(file, "utf-8", errors, newline="\n", write_through=True)
        stream.mode = "w"
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def fresh_main(filename):
    main = types.ModuleType("__main__")
    main.__file__ = filename
    main.__builtins__ = builtins
    sys.modules["__main__"] = main
    sys.argv = [filename]
    return main.__dict__


def is_argument_list(function, text):
    try:
        tree = ast.parse(f"{function}({text}\n)", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return type(tree) is ast.Call and type(tree.func) is ast.Name


def print_uncaught(tracer, error):
    """Prints the traceback from the program's own first frame on."""
    traceback = error.__traceback__
    while traceback is not None and id(traceback.tb_frame.f_code) not in tracer.codes:
        traceback = traceback.tb_next
    BaseException.with_traceback(error, traceback)
    sys.excepthook(type(error), error, traceback)


def exit_code(error):
    code = EXIT_CODE(error)
    if code is None:
        return 0
    if is_subclass(type(code), int):
        return int.__and__(code, 0xFF)
    print(code, file=sys.stderr)
    return 1


def run(request, tracer):
    """Runs what is asked for and says how it ended: verdict, type, text."""
    with open(request["source"], "rb") as file:
        source = file.read()
    filename, function = request["filename"], request["function"]
    namespace = fresh_main(filename)
    try:
        code = compile(source, filename, "exec", dont_inherit=True)
    except BaseException as error:
        end = ("syntax_error", *message_text(error, tracer.chars))
        print_uncaught(tracer, error)
        return end
    tracer.watch(code, namespace)
    try:
        if function is None:
            tracer.run(lambda: exec(code, namespace))
            return "returned", "", ""
        exec(code, namespace)
        if not callable(namespace.get(function)):
            return "no_entry", "", ""
        if not is_argument_list(function, request["input"]):
            return "bad_input", "", ""
        call = compile(f"{function}({request['input']}\n)", "<input>", "eval", dont_inherit=True)
        value = tracer.run(lambda: eval(call, namespace))
        return "returned", *value_text(value, request["output_chars"])
    except SystemExit as error:
        return "exited", class_name(error), str(exit_code(error))
    except BaseException as error:
        end = ("raised", *message_text(error, tracer.chars))
        print_uncaught(tracer, error)
        return end


def main():
    request_path, answer_path = sys.argv[1:]
    with open(request_path, encoding="utf-8") as file:
        request = json.load(file)
    tracer = Tracer(request)
    redirect(tracer)
    end = run(request, tracer)
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    for event in tracer.events:
        if event["kind"] == "output":
            event["text"] = event["text"].decode("utf-8", "replace")
    answer = {"events": tracer.events, "end": dict(zip(("verdict", "type", "text"), end))}
    with open(answer_path, "w", encoding="utf-8") as file:
        json.dump(answer, file)
    os._exit(0)


if __name__ == "__main__":
    main()
