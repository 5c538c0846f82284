"""Strings that are built character by character and taken apart."""

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
TEXT = "it was a bright cold day in april and the clocks were striking thirteen"


def shifted(text, by):
    result = ""
    for character in text:
        if character in ALPHABET:
            result += ALPHABET[(ALPHABET.index(character) + by) % 26]
        else:
            result += character
    return result


def run_lengths(text):
    parts = []
    start = 0
    for index in range(1, len(text) + 1):
        if index == len(text) or text[index] != text[start]:
            parts.append(f"{text[start]}{index - start}")
            start = index
    return "".join(parts)


def is_palindrome(text):
    left, right = 0, len(text) - 1
    while left < right:
        if text[left] != text[right]:
            return False
        left += 1
        right -= 1
    return True


palindromes = 0
for turn in range(26):
    secret = shifted(TEXT, turn)
    palindromes += is_palindrome(secret + secret[::-1])
    packed = run_lengths(secret.replace(" ", ""))
print(palindromes, len(packed), shifted(secret, 1) == TEXT)
