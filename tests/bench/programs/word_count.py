"""Dictionaries that count and group."""

TEXT = """the owl and the pussycat went to sea in a beautiful pea green boat they took some honey and plenty of
money wrapped up in a five pound note the owl looked up to the stars above and sang to a small guitar"""


def counted(words):
    counts = {}
    for word in words:
        if word in counts:
            counts[word] += 1
        else:
            counts[word] = 1
    return counts


def by_length(counts):
    groups = {}
    for word, count in counts.items():
        groups.setdefault(len(word), []).append((count, word))
    for group in groups.values():
        group.sort(reverse=True)
    return groups


def pairs(words):
    following = {}
    for first, second in zip(words, words[1:]):
        if first not in following:
            following[first] = set()
        following[first].add(second)
    return following


words = TEXT.split()
for turn in range(25):
    counts = counted(words[turn:] + words[:turn])
    groups = by_length(counts)
    following = pairs(words[turn:])
print(len(counts), max(groups), len(following))
