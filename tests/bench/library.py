"""A program that spends its time in library code: a few lines of its own, many of the standard library's."""

import difflib
import fractions
import json
import statistics
import string
import textwrap

WORDS = ("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu " * 12).split()

for turn in range(6):
    text = " ".join(WORDS[turn:] + WORDS[:turn])
    wrapped = textwrap.wrap(text, 40)
    ratio = difflib.SequenceMatcher(None, text[:300], text[7:307]).ratio()
    harmonic = sum((fractions.Fraction(1, n) for n in range(1, 120)), fractions.Fraction(0))
    spread = statistics.stdev([len(word) + turn for word in WORDS])
    nested = json.loads(json.dumps({word: [turn] * 5 for word in WORDS}, indent=2))
    capital = string.capwords(text)
    print(len(wrapped), round(ratio, 3), harmonic.denominator % 1000, round(spread, 3), len(nested), len(capital))
