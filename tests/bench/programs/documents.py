"""Nested documents: written as JSON by hand, read by the library, searched."""

import json


def written(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return '"' + value.replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[" + ", ".join(written(item) for item in value) + "]"
    parts = []
    for key, item in value.items():
        parts.append(written(key) + ": " + written(item))
    return "{" + ", ".join(parts) + "}"


def paths(value, prefix=()):
    found = []
    if isinstance(value, dict):
        for key, item in value.items():
            found.extend(paths(item, prefix + (key,)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found.extend(paths(item, prefix + (index,)))
    else:
        found.append((prefix, value))
    return found


documents = []
for number in range(12):
    documents.append(
        {
            "id": number,
            "title": f"document {number}",
            "tags": ["even" if number % 2 == 0 else "odd", None, number > 5],
            "author": {"name": "ann", "scores": [number, number / 4, {"best": number * number}]},
        }
    )
same = 0
leaves = 0
for document in documents:
    text = written(document)
    same += json.loads(text) == document
    leaves += len(paths(document))
print(same, leaves, len(written(documents)))
