# Tries: to leave the executor without an end to read from: closes all of its
# descriptors, then goes on.
# Stopped by: the end of a process is what counts, not that of its output.
# Seen to get through with: no timer for the time-out.
# Says: nothing: the test wants its time to end, or its own end.


def handler(event):
    os.closerange(0, 4096)

    if event["then"] == "wait":
        time.sleep(20)

    if event["then"] == "fork":
        if os.fork():
            os._exit(0)

        time.sleep(3600)

    os._exit(7)
