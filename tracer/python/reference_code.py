"""What the reference knows of the instructions of a code object: how each reads, and how high the stack is before it."""

import dis
import sys

ENDS = (
    "RETURN_VALUE",
    "RETURN_CONST",
    "RAISE_VARARGS",
    "RERAISE",
    "JUMP_FORWARD",
    "JUMP_BACKWARD",
    "JUMP_BACKWARD_NO_INTERRUPT",
    "INTERPRETER_EXIT",
)


class Steps:
    """The instructions of a code object, by their offsets."""

    def __init__(self, code, constant_text):
        self.listed = {step.offset: step for step in dis.get_instructions(code, adaptive=False)}
        self.constants = code.co_consts
        self.constant_text = constant_text
        # Parameters that lie in cells are among the variables, too.
        cells = [name for name in code.co_cellvars if name not in code.co_varnames]
        self.stack_at = len(code.co_varnames) + len(cells) + len(code.co_freevars)
        self.heights = heights(code, list(self.listed.values()))

    def shown(self, offset):
        """Name and argument as `dis` shows them, but for constants, which read as values do."""
        step = self.listed[offset]
        if step.arg is None:
            return step.opname, None
        is_constant = step.opcode in dis.hasconst
        text = self.constant_text(self.constants[step.arg]) if is_constant else step.argrepr
        return step.opname, text or str(step.arg)


def heights(code, steps):
    """How many values are on the stack before each instruction that can be reached."""
    known = {}
    handlers = dis._parse_exception_table(code)
    following = {step.offset: after.offset for step, after in zip(steps, steps[1:])}
    by_offset = {step.offset: step for step in steps}
    left = [(0, 0)]
    while left:
        offset, height = left.pop()
        if offset in known or offset not in by_offset:
            continue
        known[offset] = height
        step = by_offset[offset]
        if step.opcode in dis.hasjrel:
            left.append((step.argval, height + effect(step, True)))
        if step.opname not in ENDS and offset in following:
            left.append((following[offset], height + effect(step, False)))
        for handler in handlers:
            if handler.start <= offset < handler.end:
                left.append((handler.target, handler.depth + 1 + handler.lasti))
    return known


def effect(step, jumps):
    if step.opname == "RETURN_GENERATOR":
        return 1
    if sys.version_info < (3, 12):  # The compiler books what a call takes where it is announced.
        if step.opname == "PRECALL":
            return 0
        if step.opname == "CALL":
            return -step.arg - 1
    return dis.stack_effect(step.opcode, step.arg, jump=jumps)
