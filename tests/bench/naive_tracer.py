"""A tracer as people write one: sys.settrace, repr of every local, a diff, a line of JSON per event.

It is the baseline of `make bench-tracer`. Usage: naive_tracer.py PROGRAM OUTPUT; prints the CPU seconds spent.
"""

import json
import sys
import time


def shown(value):
    try:
        return repr(value)[:256]
    except Exception:
        return "<?>"


def tracer_for(path, out):
    seen = {}

    def changes(frame):
        before = seen.setdefault(id(frame), {})
        changed = {}
        now = frame.f_locals
        for name, value in now.items():
            if name.startswith("__"):
                continue
            text = shown(value)
            if before.get(name) != text:
                before[name] = changed[name] = text
        for name in [name for name in before if name not in now]:
            del before[name]
            changed[name] = None
        return changed

    def local(frame, event, arg):
        record = {"event": event, "line": frame.f_lineno, "changes": changes(frame)}
        if event == "return":
            record["value"] = shown(arg)
            seen.pop(id(frame), None)
        elif event == "exception":
            record["value"] = shown(arg[1])
        out.write(json.dumps(record) + "\n")
        return local

    def entered(frame, event, arg):
        if frame.f_code.co_filename != path:
            return None
        record = {"event": event, "function": frame.f_code.co_qualname, "changes": changes(frame)}
        out.write(json.dumps(record) + "\n")
        return local

    return entered


def main():
    path, output = sys.argv[1:]
    with open(path, "rb") as file:
        source = file.read()
    out = open(output, "w")
    sys.stdout = open("/dev/null", "w")
    sys.argv = [path]
    start = time.process_time()
    code = compile(source, path, "exec")
    sys.settrace(tracer_for(path, out))
    try:
        exec(code, {"__name__": "__main__", "__file__": path})
    except SystemExit:
        pass
    finally:
        sys.settrace(None)
    out.flush()
    print(time.process_time() - start, file=sys.stderr)


main()
