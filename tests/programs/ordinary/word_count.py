from collections import Counter

text = """the quick brown fox jumps over the lazy dog
the dog sleeps and the fox runs"""

counts = Counter()
for line in text.splitlines():
    for word in line.split():
        counts[word] += 1

longest = max(counts, key=len)
print(counts.most_common(3), longest)
