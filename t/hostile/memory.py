# Tries: to use more memory than the sandbox has.
# Stopped by: the container's limit, with no swap; what code has started is
# killed before the executor is.
# Seen to get through with nothing: the limit is the container's.
# Says: nothing: it is killed.


def handler(event):
    kept = []

    while True:
        kept.append(b"x" * (16 << 20))
