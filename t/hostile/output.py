# Tries: to flood both streams of output, and to keep their ends open in a
# process that outlives it.
# Stopped by: 1 MiB of each is kept, the rest counted; the last read does not
# wait for an end.
# Seen to get through with: a limit of 64 MiB.
# Says: nothing: the test looks at the sizes.


def handler(event):
    if os.fork() == 0:
        os.setsid()
        flood = b"y" * 65536

        while True:
            os.write(1, flood)
            os.write(2, flood)

    end = time.monotonic() + 0.5

    while time.monotonic() < end:
        os.write(1, b"x" * 65536)
        os.write(2, b"\xff" * 65536)

    return "stopped: it is over"
