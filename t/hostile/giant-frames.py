# Tries: frames on descriptor 4 that are too large, announce too much, are none,
# or come without an end.
# Stopped by: the executor keeps 1 MiB and a little, and checks what it has.
# Seen to get through with: the check of a bad frame off.
# Says: nothing: the test wants a failure that says why, and no memory lost.


def flood(data):
    end = time.monotonic() + 0.5

    while time.monotonic() < end:
        os.write(4, data)


def handler(event):
    kind = event["kind"]

    if kind == "endless":
        os.write(4, b"value 9999999\n\"")
        flood(b"x" * 65536)
    elif kind == "announced":
        os.write(4, b"value 18446744073709551615\n1")
    elif kind == "negative":
        os.write(4, b"value -1\n1")
    elif kind == "binary":
        flood(b"\0\xff\n" * 20000)
    elif kind == "nested":
        os.write(4, b"value 60000\n" + b"[" * 60000)
    elif kind == "many":
        flood(b"value 1\n1" * 5000)
    elif kind == "error":
        os.write(4, b"error 1000000\n" + b"\x1b[2J" * 200000)

    os._exit(0)
