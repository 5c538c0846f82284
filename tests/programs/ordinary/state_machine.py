def lex(text):
    tokens, word = [], ""
    for character in text + " ":
        match character:
            case "(" | ")":
                if word:
                    tokens.append(word)
                    word = ""
                tokens.append(character)
            case " ":
                if word:
                    tokens.append(word)
                    word = ""
            case _:
                word += character
    return tokens


def parse(tokens):
    stack = [[]]
    while tokens:
        match tokens.pop(0):
            case "(":
                stack.append([])
            case ")":
                group = stack.pop()
                stack[-1].append(group)
            case token:
                stack[-1].append(int(token) if token.isdigit() else token)
    return stack[0][0]


print(parse(lex("(add 1 (mul 2 3))")))
