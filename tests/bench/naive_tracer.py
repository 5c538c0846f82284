"""A tracer as people write one: sys.settrace, repr of every local, a diff, a line of JSON per event."""

import json
import sys


def shown(value):
    try:
        return repr(value)[:256]
    except Exception:
        return "<?>"


def start(path, out):
    """Traces the code of the file `path` into the text file `out`, until `sys.settrace(None)`."""
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

    sys.settrace(entered)
