"""Strings, slices and small objects."""


class Token:
    def __init__(self, kind, text):
        self.kind = kind
        self.text = text


def tokenize(text):
    tokens = []
    position = 0
    while position < len(text):
        character = text[position]
        if character.isspace():
            position += 1
            continue
        end = position + 1
        if character.isalnum():
            while end < len(text) and text[end].isalnum():
                end += 1
            tokens.append(Token("word", text[position:end]))
        else:
            tokens.append(Token("symbol", character))
        position = end
    return tokens


source = "total = price * (quantity + 3) - discount / 100; " * 12
counts = {}
for token in tokenize(source):
    counts[token.kind] = counts.get(token.kind, 0) + 1
print(counts)
