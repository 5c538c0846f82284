"""Stops a training loop at every place of an epoch and shows that what follows is what would have followed.

    resume.py GLOB
"""

import sys

from datasets import load_dataset
from torch.utils.data import IterableDataset
from torchdata.stateful_dataloader import StatefulDataLoader

KEYS = ("id", "trace_id")


class Examples(IterableDataset):
    """The examples of this process's share of the files."""

    def __init__(self, files):
        self.rows = load_dataset("parquet", data_files=files, split="train", streaming=True)

    def __iter__(self):
        for row in self.rows:
            yield next(row[key] for key in KEYS if key in row)

    def state_dict(self):
        return self.rows.state_dict()

    def load_state_dict(self, state):
        self.rows.load_state_dict(state)


def loader():
    return StatefulDataLoader(Examples(sys.argv[1]), batch_size=3, num_workers=2)


def main():
    whole = [list(batch) for batch in loader()]
    ids = [name for batch in whole for name in batch]
    assert len(ids) == len(set(ids)) > 20, "every example comes once"
    for stop in range(1, len(whole), 3):
        first = loader()
        batches = iter(first)
        seen = [list(next(batches)) for _ in range(stop)]
        later = loader()
        later.load_state_dict(first.state_dict())
        rest = [list(batch) for batch in later]
        assert seen + rest == whole, f"stopped after {stop} batches"


main()
