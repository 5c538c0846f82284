"""Runs a program under one of the tracers that `make bench-tracer` compares, or under none.

Usage: run.py MODE PROGRAM OUTPUT. Prints, as the last line of standard error, the processor seconds spent on
compiling and running the program, and on tracing it.

The published tracers do the nearest that they offer to what is measured: every line of the program with the
values of its variables, of up to 256 characters where that can be chosen.
"""

import gc
import os
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def untraced(run, path, output):
    run()


def naive(run, path, output):
    import naive_tracer

    with open(output, "w") as out:
        naive_tracer.start(path, out)
        try:
            run()
        finally:
            sys.settrace(None)


def lines(run, path, output):
    import callback

    callback.start()
    try:
        run()
    finally:
        callback.stop()


def pysnooper(run, path, output):
    import pysnooper

    with pysnooper.snoop(output, depth=10_000, color=False, max_variable_length=256):
        run()


def hunter(run, path, output):
    import hunter

    with open(output, "w") as out:
        with hunter.trace(filename=path, actions=[hunter.VarsSnooper(stream=out, force_colors=False)]):
            run()


def viztracer(run, path, output):
    from viztracer import VizTracer

    # Its rewriting of the source stands in for variables; it logs what is assigned, and nothing else.
    tracer = VizTracer(output_file=output, log_func_args=True, log_func_retval=True, verbose=0, tracer_entries=2_000_000)
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


def main():
    mode, path, output = sys.argv[1:]
    with open(path, "rb") as file:
        source = file.read()
    told = sys.stderr
    sys.stdout = sys.stderr = open(os.devnull, "w")
    sys.argv = [path]
    namespace = {"__name__": "__main__", "__file__": path}
    gc.disable()
    tracer = globals()[mode]
    start = time.process_time()
    code = compiled(mode, source, path)
    try:
        tracer(lambda: exec(code, namespace), path, output)
    except SystemExit:
        pass
    except BaseException:
        traceback.print_exc(file=told)
        os._exit(1)
    seconds = time.process_time() - start
    print(seconds, file=told, flush=True)
    os._exit(0)


main()
