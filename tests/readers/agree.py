"""Reads datasets with every reader that people use and prints what each of them saw.

    agree.py TRACES TEXT JSONL

are a dataset of traces and two sets of training text, one in Parquet and one in JSON lines; each a folder or an
s3:// URI. What is printed is one JSON object: for each reader and dataset the number of rows, and a sum over all that
stands in them. Readers that agree print the same.
"""

import json
import sys
import tempfile
import zlib

import datasets
import duckdb
import fsspec
import polars
import pyarrow.dataset
import pyarrow.fs

datasets.disable_progress_bars()
duckdb.register_filesystem(fsspec.filesystem("s3")) if sys.argv[1].startswith("s3://") else None


def add(parts):
    """A sum that does not depend on the order of what is added."""
    return sum(zlib.crc32(json.dumps(part, ensure_ascii=False).encode()) for part in parts)


def of_traces(rows):
    """Everything nested in the traces: events, and the changes in them."""
    count, events, changes = 0, [], []
    for row in rows:
        count += 1
        for position, event in enumerate(row["events"]):
            events.append([row["trace_id"], position, event["kind"], event["function"], event["line"], event["text"]])
            for change in event["changes"]:
                changes.append([row["trace_id"], position, change["name"], change["type"], change["text"]])
    return {"rows": count, "events": len(events), "changes": len(changes), "sum": add(events) + add(changes)}


def of_text(rows):
    rows = [[row["id"], row["trace_id"], row["source_path"], row["text"]] for row in rows]
    return {"rows": len(rows), "sum": add(rows)}


def parquet(place):
    glob = f"{place}/data/*.parquet"
    with tempfile.TemporaryDirectory() as cache:
        yield "datasets", datasets.load_dataset("parquet", data_files=glob, split="train", cache_dir=cache)
    yield "datasets streaming", datasets.load_dataset("parquet", data_files=glob, split="train", streaming=True)
    yield "duckdb", as_dicts(duckdb.sql(f"SELECT * FROM '{glob}'"))
    yield "polars", polars.read_parquet(glob).iter_rows(named=True)
    yield "polars lazily", polars.scan_parquet(glob).collect().iter_rows(named=True)
    # A path that is no URI must be absolute for PyArrow to tell which file system it is on.
    filesystem, path = pyarrow.fs.FileSystem.from_uri(place)
    batches = pyarrow.dataset.dataset(f"{path}/data", format="parquet", filesystem=filesystem).to_batches()
    yield "pyarrow", (row for batch in batches for row in batch.to_pylist())


def json_lines(place):
    glob = f"{place}/data/*.jsonl.zst"
    with tempfile.TemporaryDirectory() as cache:
        # It cannot stream compressed files from S3: version 5.2 hands settings of its HTTP client to S3's.
        how = {"cache_dir": cache} if place.startswith("s3://") else {"streaming": True}
        yield "datasets", datasets.load_dataset("json", data_files=glob, split="train", **how)
    yield "duckdb", as_dicts(duckdb.sql(f"SELECT * FROM read_json_auto('{glob}')"))
    yield "polars", polars.read_ndjson(glob).iter_rows(named=True)


def as_dicts(relation):
    return [dict(zip(relation.columns, row)) for row in relation.fetchall()]


def main():
    traces, text, lines = sys.argv[1:]
    seen = {}
    for reader, rows in parquet(traces):
        seen[f"traces: {reader}"] = of_traces(rows)
    for reader, rows in parquet(text):
        seen[f"text: {reader}"] = of_text(rows)
    for reader, rows in json_lines(lines):
        seen[f"lines: {reader}"] = of_text(rows)
    json.dump(seen, sys.stdout)


main()
