"""The slow twin of the native tracer: what docs/trace.md says, in plain Python.

    python -s -P reference.py REQUEST.json OUT.json

The request is {"filename", "source" (path of a file with the bytes), "function" (or null), "input" (or null),
"granularity", "identities", "max_events", "value_chars", "output_chars"} and, if every event is to carry all that was looked at,
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


def fresh_main(filename, tracer):
    main = types.ModuleType("__main__")
    main.__annotations__ = {}
    main.__builtins__ = builtins
    main.__file__ = filename
    main.__cached__ = None
    main.__loader__ = importlib.machinery.SourceFileLoader("__main__", filename)
    sys.modules["__main__"] = main
    sys.argv = [filename]
    sys.path.insert(0, os.getcwd())
    # What `threading` sets in a thread that begins; `doctest` puts back what it found: nothing.
    sys.settrace = lambda function: function == tracer.begin_thread and tracer.begin_thread()
    return main.__dict__


def is_argument_list(function, text):
    try:
        tree = ast.parse(f"{function}({text}\n)", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return type(tree) is ast.Call and type(tree.func) is ast.Name


def print_uncaught(error):
    """Prints an exception with the traceback that it has but for the reference's frames."""
    traceback = error.__traceback__
    own = [globals(), *OWN]
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
    filename, function = request["filename"], request["function"]
    namespace = fresh_main(filename, tracer)
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
        if function is None:
            tracer.run(code, namespace)
            return "returned", "", ""
        EVALUATE(code, namespace)
        if not callable(namespace.get(function)):
            return "no_entry", "", ""
        if not is_argument_list(function, request["input"]):
            return "bad_input", "", ""
        call = compile(f"{function}({request['input']}\n)", "<input>", "eval", dont_inherit=True)
        value = tracer.run(call, namespace)
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
