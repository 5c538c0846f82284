"""Texts in the standard library's hands: wrapped, compared, tokenized, parsed as options and as HTML."""

import argparse
import difflib
import html.parser
import io
import textwrap
import tokenize

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu " * 40
PAGE = "<ul>" + "<li class='item'><a href='/x?y=1&amp;z=2'>one</a> &lt; two</li>" * 60 + "</ul>"
SOURCE = "def f(a, b=1):\n    return [a + b, {'k': a}]  # sum\n\n\n" * 40


def measure(turn):
    wrapped = textwrap.wrap(WORDS, 30 + turn)
    ratio = difflib.SequenceMatcher(None, WORDS[:600], WORDS[turn : 600 + turn]).ratio()
    parser = html.parser.HTMLParser()
    parser.feed(PAGE)
    tokens = len(list(tokenize.generate_tokens(io.StringIO(SOURCE).readline)))
    options = argparse.ArgumentParser(prog="measure")
    options.add_argument("--turn", type=int, default=turn)
    options.add_argument("files", nargs="*")
    given = options.parse_args(["--turn", "3", "one", "two"])
    return len(wrapped), round(ratio, 3), tokens, given.turn


for turn in range(80):
    print(turn, measure(turn))
