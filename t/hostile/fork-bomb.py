# Tries: to make processes without an end, each of which does the same in a
# session of its own.
# Stopped by: the container's limit of processes; when the time is over, all of
# them are stopped and then killed.
# Seen to get through with: the end of strays off.
# Says: nothing: its time ends.


def handler(event):
    while True:
        try:
            if os.fork() == 0:
                os.setsid()
        except OSError:
            pass
