"""Runs a program under one of the tracers that `make bench-tracer` compares, or under none.

Usage: run.py MODE PROGRAM OUTPUT. Prints, as the last line of standard error, the processor seconds spent on
compiling and running the program, and on tracing it; for the mode `floors` those without a tracer, and then those with
an empty callback for each line, for each event of the native tracer, and for each of those and each instruction.

The published tracers do the nearest that they offer to what is measured: every line of the program with the
values of its variables, of up to 256 characters where that can be chosen.
"""

import gc
import importlib
import os
import statistics
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


# Processor seconds to spend on floors.
ENOUGH = 0.8

# What the modes import, which is not what is measured.
MODULES = {
    "naive": "naive_tracer",
    "floors": "callback",
    "pysnooper": "pysnooper",
    "hunter": "hunter",
    "viztracer": "viztracer",
}


def untraced(run, module, code, path, output):
    run()


def naive(run, module, code, path, output):
    with open(output, "w") as out:
        module.start(path, out)
        try:
            run()
        finally:
            sys.settrace(None)


def lines(run, module, code, path, output):
    module.start(True)
    try:
        run()
    finally:
        module.stop()


def instructions(run, module, code, path, output):
    if sys.version_info < (3, 12):
        module.start(False)
    else:
        monitored(module, code, "PY_START", "PY_RESUME", "PY_RETURN", "PY_YIELD", "LINE", "INSTRUCTION")
    try:
        run()
    finally:
        if sys.version_info < (3, 12):
            module.stop()


def dispatch(run, module, code, path, output):
    """The events that the native tracer asks for, told to nobody."""
    if sys.version_info < (3, 12):
        return lines(run, module, code, path, output)
    monitored(module, code, "PY_START", "PY_RESUME", "PY_RETURN", "PY_YIELD", "LINE")
    run()


def monitored(module, code, *names):
    tool = 4
    if sys.monitoring.get_tool(tool) is None:
        sys.monitoring.use_tool_id(tool, "nothing")
    events = 0
    for name in names:
        event = getattr(sys.monitoring.events, name)
        sys.monitoring.register_callback(tool, event, module.nothing)
        events |= event
    codes = [code]
    while codes:
        code = codes.pop()
        sys.monitoring.set_local_events(tool, code, events)
        codes.extend(constant for constant in code.co_consts if hasattr(constant, "co_code"))


def pysnooper(run, module, code, path, output):
    with module.snoop(output, depth=10_000, color=False, max_variable_length=256):
        run()


def hunter(run, module, code, path, output):
    with open(output, "w") as out:
        with module.trace(filename=path, actions=[module.VarsSnooper(stream=out, force_colors=False)]):
            run()


def viztracer(run, module, code, path, output):
    # Its rewriting of the source stands in for variables; it logs what is assigned, and nothing else.
    tracer = module.VizTracer(output_file=output + ".json", log_func_args=True, log_func_retval=True, verbose=0, tracer_entries=2_000_000)
    tracer.start()
    try:
        run()
    finally:
        tracer.stop()
    tracer.save()


def compiled(mode, source, path):
    if mode == "viztracer":
        from viztracer.code_monkey import CodeMonkey

        monkey = CodeMonkey(path)
        monkey.add_instrument("log_var", {"varnames": [".*"]})
        return monkey.compile(source, path, "exec")
    return compile(source, path, "exec")


def once(tracer, mode, module, source, path, output):
    """Processor seconds of one run, in which everything is fresh but what the program has imported."""
    namespace = {"__name__": "__main__", "__file__": path}
    gc.collect()
    start = time.process_time()
    code = compiled(mode, source, path)
    try:
        tracer(lambda: exec(code, namespace), module, code, path, output)
    except SystemExit:
        pass
    return time.process_time() - start


def floors(*program):
    """An empty callback adds less to one run than one run differs from another. So runs with and without take turns,
    and what is added is the median of what neighbours differ by."""
    rounds = []
    while not rounds or sum(map(sum, rounds)) < ENOUGH:
        rounds.append([once(tracer, *program) for tracer in (untraced, lines, dispatch, instructions)])
    # The first one imports.
    rounds = rounds[1:] or rounds
    least = min(times[0] for times in rounds)
    added = [statistics.median(times[mode] - times[0] for times in rounds) for mode in (1, 2, 3)]
    return [least] + [least + each for each in added]


def main():
    mode, path, output = sys.argv[1:]
    with open(path, "rb") as file:
        source = file.read()
    told = sys.stderr
    sys.stdout = sys.stderr = open(os.devnull, "w")
    sys.argv = [path]
    gc.disable()
    module = importlib.import_module(MODULES[mode]) if mode in MODULES else None
    program = (mode, module, source, path, output)
    try:
        seconds = floors(*program) if mode == "floors" else [once(globals()[mode], *program)]
    except BaseException:
        traceback.print_exc(file=told)
        os._exit(1)
    print(*seconds, file=told, flush=True)
    os._exit(0)


main()
