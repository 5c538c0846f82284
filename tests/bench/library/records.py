"""Records in the standard library's hands: copied, pickled, encoded, printed, read from tables."""

import copy
import csv
import io
import json
import pickle
import pprint
import string

RECORDS = [{"name": f"n{n}", "tags": ["a", "b", str(n)], "at": {"x": n, "y": -n}} for n in range(150)]
TABLE = "name,x,y\n" + "ann,1,2\nben,3,4\n" * 100


def measure(turn):
    copied = copy.deepcopy(RECORDS)
    indented = json.dumps(copied, indent=2, sort_keys=True)
    pickled = pickle._dumps(copied)
    printed = pprint.pformat(copied[turn : turn + 40], width=40)
    rows = list(csv.DictReader(io.StringIO(TABLE)))
    letter = string.Template("dear $name, you owe $amount").substitute(name="ann", amount=turn)
    return len(indented), len(pickled), len(printed), len(rows), letter


for turn in range(60):
    print(turn, measure(turn))
