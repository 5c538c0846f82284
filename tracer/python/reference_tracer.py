"""The events of the reference: what `sys.settrace` and, for exceptions, `sys.monitoring` tell, as docs/trace.md says it."""

import ctypes
import inspect
import os
import sys
import threading
import types

from reference_code import Steps
from reference_elements import Purse, Variable, differences
from reference_frames import (
    global_names,
    holds,
    instruction,
    is_variable,
    local_names,
    local_variables,
    object_at,
    stack_of,
    top_of_stack,
    variables,
)
from reference_objects import handed_out, is_subclass, named
from reference_text import message_text, value_text

CALL, EXCEPTION, LINE, RETURN, OPCODE = 0, 1, 2, 3, 7  # As `PyEval_SetTrace` numbers them.
TOOL = 3
HAS_MONITORING = hasattr(sys, "monitoring")

EXCEPTION_TRACEBACK = BaseException.__dict__["__traceback__"].__get__

# Frames that the interpreter must have left for this file to work.
MARGIN = 80

# What is told by value even where a local holds the same object.
PLAIN = (type(None), bool, int, float, complex, str, bytes)

# Where a StopIteration is how a loop or a delegation ends.
ENDS_ITERATION = ("FOR_ITER", "END_FOR", "SEND", "END_SEND")
SUSPENDED = ("YIELD_VALUE", "RESUME")

# What `sys.settrace` rests on. That one writes a frame's variables back after every event, which on 3.12 damages
# those of an inlined comprehension.
TRACE_FUNCTION = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.py_object, ctypes.c_int, ctypes.c_void_p)


def set_trace(function):
    ctypes.pythonapi.PyEval_SetTrace(function, None)


def is_deep():
    try:
        return sys._getframe(max(sys.getrecursionlimit() - MARGIN, 0)) is not None
    except ValueError:
        return False


# Evaluates code in a frame that reads as none: `warnings` says `sys:1` where no frame is below the program's.
BELOW = {"__name__": "sys", "eval": eval}
EVALUATE = eval(compile("lambda code, namespace: eval(code, namespace)", "sys", "eval"), BELOW)
# The namespaces of the frames that the reference itself has beneath the program's.
OWN = (globals(), BELOW)


class Frame:
    """What is known of a traced frame. It hangs at `f_trace`, so that it lives exactly as long."""

    def __init__(self, number, frame, is_module):
        code = frame.f_code
        is_function = code.co_flags & inspect.CO_OPTIMIZED
        self.number = number
        self.function = code.co_qualname
        self.line = code.co_firstlineno
        self.global_names = None if is_module else global_names(code)
        # Taken now, since 3.13 does not give it while an inlined comprehension runs.
        self.body = None if is_module or is_function else frame.f_locals
        self.locals = {}
        self.leaving = None  # The exception that is leaving the frame.


class Thread:
    """What is known of a thread that has something to tell."""

    def __init__(self, number):
        self.number = number
        self.stack = []
        self.left_out = []  # The frames of the source that run and are not told of, by their ids.
        # The address of the exception that left the last frame and whether it had a traceback, until anything else
        # happens.
        self.left = None


class Tracer:
    def __init__(self, request):
        self.max_events = request["max_events"]
        self.reserve = self.max_events // 8
        self.max_depth = float("inf")
        self.deepest = 0
        self.in_gap = False
        self.arguments, self.others = Purse(), Purse()
        self.chars = request["value_chars"]
        self.granularity = request["granularity"]
        self.steps = {}
        self.with_states = request.get("states", False)
        self.code = None
        self.codes = set()
        self.namespace = {}
        self.globals = {}
        self.frames = 0
        self.threads = 0
        self.local = threading.local()
        self.here()  # The main thread is the first.
        self.events = []
        self.counted = 0
        self.is_full = False
        self.callback = TRACE_FUNCTION(self.on_event)

    def here(self):
        """The running thread."""
        if not hasattr(self.local, "thread"):
            self.local.thread = Thread(self.threads)
            self.threads += 1
        return self.local.thread

    @property
    def stack(self):
        return self.here().stack

    def begin_thread(self):
        if not self.is_full:
            set_trace(self.callback)

    def watch(self, code, namespace):
        self.code, self.namespace = code, namespace
        unvisited = [code]
        while unvisited:
            code = unvisited.pop()
            self.codes.add(id(code))
            unvisited += [constant for constant in code.co_consts if type(constant) is types.CodeType]

    def run(self, code, namespace):
        if self.granularity == "program":
            return EVALUATE(code, namespace)
        if HAS_MONITORING:
            events = sys.monitoring.events
            sys.monitoring.use_tool_id(TOOL, "reference")
            sys.monitoring.register_callback(TOOL, events.RERAISE, lambda code, _, error: self.leaving(code, error))
            sys.monitoring.register_callback(TOOL, events.EXCEPTION_HANDLED, lambda code, *_: self.leaving(code, None))
            sys.monitoring.register_callback(TOOL, events.PY_THROW, lambda code, *_: self.thrown(code))
            sys.monitoring.set_events(TOOL, events.RERAISE | events.EXCEPTION_HANDLED | events.PY_THROW)
        if self.granularity == "instruction":
            # 3.12 reports instructions only where a frame asked for them before there was a trace function.
            sys._getframe().f_trace_opcodes = True
        threading.settrace(self.begin_thread)
        try:
            set_trace(self.callback)
            return EVALUATE(code, namespace)
        finally:
            # What other threads do is told on.
            set_trace(None)
            self.stack.clear()

    def stop(self):
        set_trace(None)
        if HAS_MONITORING and sys.monitoring.get_tool(TOOL):
            sys.monitoring.set_events(TOOL, 0)

    def leaving(self, code, error):
        """Takes down what a trace function is not told: whether an exception goes on without a new `raise`."""
        if id(code) in self.codes and self.stack and not self.here().left_out:
            self.stack[-1].leaving = error
            if error is None:
                self.handle()

    def thrown(self, code):
        """Takes back the RESUME at which a frame of 3.13 stands while it is thrown into: it does not run."""
        last = self.events[-1] if self.events else {}
        if id(code) in self.codes and not self.here().left_out and (last.get("kind"), last.get("type")) == ("instruction", "RESUME"):
            self.events.pop()
            self.counted -= 1

    def watch_reraise(self, frame):
        """The same for 3.11, where each instruction has to be looked at."""
        self.handle()
        name, argument = instruction(frame)
        if name in ("RERAISE", "END_ASYNC_FOR"):
            self.stack[-1].leaving = top_of_stack(frame)
        else:
            self.stack[-1].leaving = sys.exception() if (name, argument) == ("RAISE_VARARGS", 0) else None

    def handle(self):
        """An exception was caught: where lines do not say so, it must not seem to pass through."""
        if self.granularity == "call":
            self.here().left = None

    def on_event(self, _, frame, what, arg):
        if what == CALL and is_deep():
            os.write(2, b"reference.py: the program comes near the recursion limit\n")
            os._exit(71)
        if id(frame.f_code) not in self.codes or self.leaves_out(frame, what):
            return 0
        try:
            if what == CALL:
                self.enter(frame)
            elif frame.f_trace is not self.stack[-1]:
                raise AssertionError("an event of a frame that was not entered last")
            elif what == LINE:
                if self.granularity != "call" and self.has_room():
                    self.stack[-1].line = frame.f_lineno
                    self.record("line", frame)
            elif what == EXCEPTION:
                self.appear(frame, *object_at(arg)[1:])
            elif what == RETURN and self.has_room():
                self.leave(frame, arg and object_at(arg))
            elif what == OPCODE:
                if not HAS_MONITORING:
                    self.watch_reraise(frame)
                self.step(frame)
        except BaseException as error:
            # A fault of this file must not pass for something that the program did.
            os.write(2, f"reference.py: {error!r} at line {error.__traceback__.tb_next.tb_lineno}\n".encode())
            os._exit(70)
        return 0

    def leaves_out(self, frame, what):
        """Whether nothing is told of this frame: it was entered too deep, since tracing has narrowed."""
        left_out = self.here().left_out
        if what == CALL:
            if self.is_full or self.steps_in(len(self.stack)):
                return False
            left_out.append(id(frame))
            # A frame that asks for no instructions has 3.13 report none of its code's other frames any more.
            frame.f_trace_opcodes = self.granularity == "instruction"
            if not self.in_gap:
                self.add("gap", "depth", "0", [])
                self.here().left, self.in_gap = None, True
            return True
        is_left_out = left_out and left_out[-1] == id(frame)
        if is_left_out and what == RETURN:
            left_out.pop()
        return is_left_out

    def steps_in(self, depth):
        while self.max_events - self.counted < self.reserve:
            self.max_depth = min(self.max_depth, self.deepest) // 2
            self.reserve //= 2
        if depth > self.max_depth:
            return False
        self.deepest = max(self.deepest, depth)
        return True

    def count(self):
        self.counted += 1
        self.here().left, self.in_gap = None, False

    def enter(self, frame):
        if not self.has_room():
            return
        known = frame.f_trace
        if known is None:
            frame.f_trace = Frame(self.frames, frame, frame.f_code is self.code)
            frame.f_trace_opcodes = not HAS_MONITORING or self.granularity == "instruction"
            self.frames += 1
        self.stack.append(frame.f_trace)
        self.record("resume" if known else "call", frame)
        if instruction(frame)[0] == "RESUME":
            self.step(frame)

    def appear(self, frame, error, traceback):
        if is_subclass(type(error), StopIteration) and instruction(frame)[0] in ENDS_ITERATION:
            return
        self.stack[-1].leaving = error
        if not self.is_passing(error, traceback) and self.has_room():
            self.record("raise", frame, message_text(error, self.chars))

    def is_passing(self, error, traceback):
        """Whether it is the exception that left the last frame. To hold that one would keep its frames alive, whose
        end the program may notice. So it is told by its address and, because another one can be there by now, by
        a traceback that comes from the source, unless it had none."""
        left = self.here().left
        if left is None or left[0] != id(error):
            return False
        below = traceback.tb_next
        while below is not None and id(below.tb_frame.f_code) not in self.codes:
            below = below.tb_next
        return below is not None or not left[1]

    def leave(self, frame, value):
        error, self.stack[-1].leaving = self.stack[-1].leaving, None
        if error is not None:
            self.record("unwind", frame, message_text(error, self.chars))
            self.here().left = id(error), not HAS_MONITORING or EXCEPTION_TRACEBACK(error) is not None
        else:
            kind = "yield" if instruction(frame)[0] in SUSPENDED else "return"
            self.record(kind, frame, value_text(handed_out(value), self.chars))
        self.stack.pop()

    def has_room(self):
        if not self.is_full and self.counted == self.max_events:
            self.add("gap", "events", "0", [])
            self.is_full = True
            self.stop()
        return not self.is_full

    def step(self, frame):
        """Tells the instruction that is about to run."""
        if self.granularity != "instruction" or not self.has_room():
            return
        code, offset = frame.f_code, frame.f_lasti
        if code not in self.steps:
            self.steps[code] = Steps(code, lambda constant: value_text(constant, self.chars)[1])
        steps = self.steps[code]
        stack = [self.item(frame, address) for address in stack_of(frame, steps)]
        self.count()
        self.add("instruction", *steps.shown(offset), [])
        self.events[-1] |= {"offset": offset, "stack": stack}

    def item(self, frame, address):
        """A place of the stack: type and text of what is there, and the local that holds it and reads as told."""
        if address is None:
            return None, None, None
        value = object_at(address)
        told = value_text(value, self.chars)
        if type(value) not in PLAIN:
            known = self.stack[-1].locals
            for name in filter(is_variable, local_names(frame.f_code)):
                if name in known and holds(frame, name, value):
                    if known[name].reads_as(Variable(value, self.chars)):
                        return name, *told
        return None, *told

    def record(self, kind, frame, value=(None, None)):
        if self.granularity == "call":
            self.record_call(kind, frame, value)
            return
        state = self.stack[-1]
        now = {name: Variable(value, self.chars) for name, value in local_variables(frame, state.body).items()}
        is_call = kind == "call" and frame.f_code.co_flags & inspect.CO_OPTIMIZED
        purse = self.others.open()
        changes = list(differences("local", state.locals, now, self.arguments.open() if is_call else purse))
        state.locals = now

        names = state.global_names
        now_global = {
            name: Variable(value, self.chars) for name, value in variables(named(self.namespace), names).items()
        }
        before = self.globals if names is None else variables(self.globals, names)
        changes += differences("global", before, now_global, purse)
        self.globals = {name: text for name, text in self.globals.items() if name not in before} | now_global

        self.count()
        self.add(kind, *value, sorted(changes, key=lambda change: change[:2]))
        if self.with_states:
            unbound = dict.fromkeys(filter(is_variable, names or ()))
            local, bound = ({name: value.state() for name, value in of.items()} for of in (now, now_global))
            self.events[-1]["state"] = {"local": local, "global": unbound | bound}

    def record_call(self, kind, frame, value):
        arguments = {}
        if kind == "call" and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            bound = local_variables(frame, None)
            arguments = {name: Variable(value, self.chars) for name, value in bound.items()}
            self.arguments.open()
        self.count()
        self.add(kind, *value, list(differences("local", {}, arguments, self.arguments)))

    def add(self, kind, value_type, text, changes):
        top = self.stack[-1] if self.stack else None
        event = {
            "thread": self.here().number,
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
        if last.get("kind") == "output" and (last["type"], last["thread"]) == (stream, self.here().number):
            last["text"] += data
        else:
            self.add("output", stream, data, [])
