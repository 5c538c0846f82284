"""The slow twin of the native tracer: what docs/trace.md says, in plain Python.

    python -s -P reference.py REQUEST.json OUT.json

The request is {"filename", "source" (path of a file with the bytes), "entry" ("script", "import", "call", "function" or
"test"), "function" (or null), "input" (arguments, or the statements of a test; or null), "granularity", "identities", "max_events", "value_chars", "output_chars"} and, if every event is to carry all that was looked at,
"states". The answer is {"events": [...], "end": {"verdict", "type", "text"}} with the names of trace/src/event.rs.

It shares nothing with the native tracer but that page: it reads every variable at every event and compares
texts.

It runs in the interpreter that it watches, so it cannot follow programs that trace themselves, call
`os._exit`, come near the recursion limit, or look at the interpreter's own state.
"""

import ast
import atexit
import builtins
import gc
import importlib.machinery
import io
import itertools
import json
import os
import sys
import threading
import types

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reference_identity import IDENTITIES  # noqa: E402
from reference_objects import is_subclass  # noqa: E402
from reference_text import class_name, message_text, value_text  # noqa: E402
from reference_tracer import EVALUATE, OWN, Tracer  # noqa: E402

del sys.path[0]


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


def fresh_module(filename, tracer, is_imported):
    name = "__main__"
    sys.modules[name] = module = types.ModuleType(name)
    if is_imported:
        name = filename.removesuffix(".py")
        sys.modules[name] = module = types.ModuleType(name)
    else:
        sys.path.insert(0, os.getcwd())
    module.__annotations__ = {}
    module.__builtins__ = builtins
    module.__file__ = filename
    module.__cached__ = None
    module.__loader__ = importlib.machinery.SourceFileLoader(name, filename)
    sys.argv = [filename]
    # What `threading` sets in a thread that begins; `doctest` puts back what it found: nothing.
    sys.settrace = lambda function: function == tracer.begin_thread and tracer.begin_thread()
    return module.__dict__


def is_argument_list(function, text):
    try:
        tree = ast.parse(f"{function}({text}\n)", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return type(tree) is ast.Call and type(tree.func) is ast.Name


# The namespace of the frame that calls a function with arguments that are made already.
CALLING = {}


def find(name, namespace):
    first, *rest = name.split(".")
    found = namespace.get(first)
    for name in rest:
        found = getattr(found, name, None)
    return found


def call_found(function, given):
    """Calls it, and runs what comes back where that is a generator or a coroutine."""
    positional, by_name = given
    value = function(*positional, **by_name)
    if isinstance(value, types.CoroutineType):
        import asyncio  # Few programs need it, and it takes longer than most.

        return asyncio.run(value)
    if isinstance(value, types.GeneratorType):
        return list(itertools.islice(value, 100))
    return value


def print_uncaught(error):
    """Prints an exception with the traceback that it has but for the reference's frames."""
    traceback = error.__traceback__
    own = [globals(), CALLING, *OWN]
    while traceback is not None and any(traceback.tb_frame.f_globals is scope for scope in own):
        traceback = traceback.tb_next
    BaseException.with_traceback(error, traceback)
    sys.excepthook(type(error), error, traceback)


def exit_code(error):
    if error.code is None:
        return 0
    if is_subclass(type(error.code), int):
        return int.__and__(error.code, 0xFF)
    print(error.code, file=sys.stderr)
    return 1


def run(request, tracer):
    """Runs what is asked for and says how it ended: verdict, type, text."""
    with open(request["source"], "rb") as file:
        source = file.read()
    filename, entry, function, given = (request[key] for key in ("filename", "entry", "function", "input"))
    namespace = fresh_module(filename, tracer, entry in ("import", "function"))
    with open(filename, "xb") as file:  # Where tracebacks look for their lines.
        file.write(source)
    try:
        code = compile(source, filename, "exec", dont_inherit=True)
    except BaseException as error:
        end = ("syntax_error", *message_text(error, tracer.chars))
        print_uncaught(error)
        return end
    tracer.watch(code, namespace)
    try:
        if entry in ("script", "import"):
            tracer.run(code, namespace)
            return "returned", "", ""
        EVALUATE(code, namespace)
        if entry == "test":
            tracer.run(compile(given, "<input>", "exec", dont_inherit=True), namespace)
            return "returned", "", ""
        found = find(function, namespace)
        if not callable(found):
            return "no_entry", "", ""
        if not is_argument_list("f", given):
            return "bad_input", "", ""
        if entry == "call":
            value = tracer.run(compile(f"{function}({given}\n)", "<input>", "eval", dont_inherit=True), namespace)
        else:
            gather = compile(f"(lambda *a, **k: (a, k))({given}\n)", "<input>", "eval", dont_inherit=True)
            CALLING.update(call=call_found, function=found, given=EVALUATE(gather, namespace))
            value = tracer.run(compile("call(function, given)", "<input>", "eval", dont_inherit=True), CALLING)
        with IDENTITIES.untold():
            return "returned", *value_text(value, request["output_chars"])
    except SystemExit as error:
        return "exited", class_name(error), str(exit_code(error))
    except BaseException as error:
        with IDENTITIES.untold():
            end = ("raised", *message_text(error, tracer.chars))
        print_uncaught(error)
        return end


def main():
    request_path, answer_path = sys.argv[1:]
    with open(request_path, encoding="utf-8") as file:
        request = json.load(file)
    tracer = Tracer(request)
    IDENTITIES.are_told = request["identities"]
    redirect(tracer)
    # A collection happens when enough was allocated, which is not the same under two tracers.
    gc.disable()
    end = run(request, tracer)
    threading._shutdown()
    tracer.stop()
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
