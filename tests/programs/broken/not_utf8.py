café = "no encoding is declared"
