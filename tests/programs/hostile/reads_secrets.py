import pathlib

for path in ("/etc/shadow", "/root/.ssh/id_rsa", "/proc/1/environ"):
    try:
        print(len(pathlib.Path(path).read_bytes()), "bytes of", path)
    except OSError as error:
        print(type(error).__name__, path)
