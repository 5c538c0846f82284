chunk = b"x" * (1024 * 1024)
files = []
while True:
    file = open(f"filler-{len(files)}", "wb")
    files.append(file)
    for _ in range(16):
        file.write(chunk)
