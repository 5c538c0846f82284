"""Prints the branches of Python files, each named on a line of standard input, as JSON.

A branch is a step from a line that has several lines after it to one of these, as the bytecode has it, without
exceptions. For each file: {qualified name of a function: [[from, to], ...]}; what cannot be compiled has none.
"""

import dis
import json
import sys
import types
import warnings

ENDS = {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE"}


def successors(instructions):
    """The instructions that can come after each, by index."""
    at = {instruction.offset: index for index, instruction in enumerate(instructions)}
    for index, instruction in enumerate(instructions):
        name = instruction.opname
        after = []
        if instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs:
            after.append(at[instruction.argval])
        is_final = name in ENDS or name.startswith("JUMP_") and "IF" not in name
        if not is_final and index + 1 < len(instructions):
            after.append(index + 1)
        yield after


def branches(code):
    instructions = list(dis.get_instructions(code))
    after = list(successors(instructions))
    line_of = [instruction.positions.lineno for instruction in instructions]

    def lines_after(index):
        """The first other lines that are reached from an instruction."""
        seen, waiting, found = {index}, [index], set()
        while waiting:
            for target in after[waiting.pop()]:
                if line_of[target] not in (None, line_of[index]):
                    found.add(line_of[target])
                elif target not in seen:
                    seen.add(target)
                    waiting.append(target)
        return found

    ways = {}
    for index, line in enumerate(line_of):
        if line is not None:
            ways.setdefault(line, set()).update(lines_after(index))
    return sorted([line, to] for line, reached in ways.items() if len(reached) > 1 for to in reached)


def functions(code):
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant.co_qualname, branches(constant)
            yield from functions(constant)


def of_file(path):
    try:
        with open(path, "rb") as file:
            return dict(functions(compile(file.read(), path, "exec")))
    except (SyntaxError, ValueError):
        return {}


warnings.simplefilter("ignore")
json.dump([of_file(path) for path in sys.stdin.read().splitlines()], sys.stdout)
