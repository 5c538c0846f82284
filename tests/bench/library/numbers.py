"""Numbers in the standard library's hands: fractions, statistics, dates, random ones."""

import datetime
import fractions
import random
import statistics

VALUES = [n * 37 % 101 / 7 for n in range(400)]
TERMS = [fractions.Fraction(1, n) for n in range(1, 400)]


def measure(turn):
    generator = random.Random(turn)
    chosen = generator.sample(VALUES, 200)
    generator.shuffle(chosen)
    harmonic = sum(TERMS, fractions.Fraction(turn))
    spread = statistics.stdev(chosen), statistics.median(chosen), statistics.fmean(chosen)
    slope = statistics.linear_regression(VALUES, VALUES[turn:] + VALUES[:turn]).slope
    day = datetime.date(2024, 1, 1) + datetime.timedelta(days=turn)
    return harmonic.denominator % 1000, round(spread[0], 3), round(slope, 3), day.isoformat()


for turn in range(300):
    print(turn, measure(turn))
