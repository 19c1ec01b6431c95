# Tries: to be taken for something else by who reads /proc/PID/stat: names with
# parentheses, blanks and lines, and those of the executor.
# Stopped by: the executor reads behind the last parenthesis.
# Seen to get through with: the first parenthesis taken instead of the last
# one.
# Says: "stopped: ..."; the test looks for processes.


def handler(event):
    for name in b"x) R 1 (", b") S 0 0", b"executor", b"a\nb) Z 1", b"(((", \
                b"":
        if os.fork() == 0:
            os.setsid()

            if os.fork() == 0:
                libc.prctl(15, name, 0, 0, 0)
                time.sleep(3600)

            os._exit(0)

    time.sleep(0.1)
    return "stopped: if nothing is left"
