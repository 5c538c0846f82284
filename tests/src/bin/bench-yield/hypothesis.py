"""Draws inputs for annotated functions with Hypothesis, as its ghostwriter would: from the types of all parameters.

Standard input is a JSON object: `file`, a Python file; `functions`, names of functions of its module; `count`, how many
inputs to draw for each. Standard output is an object: the argument lists as Python text, by function. Functions that are
not annotated throughout, or whose values cannot be written down, are left out.
"""

import importlib.util
import inspect
import json
import os
import signal
import sys
import typing
import warnings

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

SECONDS = 60


class Unwritable(Exception):
    """A value that no expression of built-in names makes."""


def written(value):
    kind = type(value)
    if value is None or kind in (bool, int, str, bytes):
        return repr(value)
    if kind is float:
        return repr(value) if value - value == 0 else f"float('{value}')"
    if kind is list:
        return "[" + ", ".join(map(written, value)) + "]"
    if kind is tuple:
        return "(" + "".join(written(item) + ", " for item in value) + ")"
    if kind in (set, frozenset):
        return f"{kind.__name__}([" + ", ".join(sorted(map(written, value))) + "])"
    if kind is dict:
        return "{" + ", ".join(f"{written(key)}: {written(item)}" for key, item in value.items()) + "}"
    raise Unwritable(kind)


def strategies(function):
    """A strategy for each parameter, by what comes before it in a call; none if one has no type."""
    types = typing.get_type_hints(function)
    found = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.name not in types:
            return []
        before = f"{parameter.name}=" if parameter.kind is parameter.KEYWORD_ONLY else ""
        found.append((before, st.from_type(types[parameter.name])))
    return found


def inputs(function, count):
    every = strategies(function)
    drawn = {}
    if not every:
        return []

    @seed(7)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(*(strategy for _, strategy in every)))
    def draw(values):
        named = zip(every, values, strict=True)
        drawn[", ".join(before + written(value) for (before, _), value in named)] = None

    draw()
    return list(drawn)


def main():
    asked = json.load(sys.stdin)
    # What a module prints when it is imported must not stand in the answer.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    signal.alarm(SECONDS)
    warnings.simplefilter("ignore")
    spec = importlib.util.spec_from_file_location("searched", asked["file"])
    module = importlib.util.module_from_spec(spec)
    sys.modules["searched"] = module
    spec.loader.exec_module(module)
    found = {}
    for name in asked["functions"]:
        try:
            found[name] = inputs(getattr(module, name), asked["count"])
        except Exception:  # Whatever a type or a strategy raises: there is nothing to draw.
            continue
    json.dump({name: drawn for name, drawn in found.items() if drawn}, answer)


main()
