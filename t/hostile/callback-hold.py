# Tries: to open thousands of connections of the callback socket and to keep
# them, so that nginx has none left for anybody.
# Stopped by: nginx closes at once what is no process 1; what gets in has two
# seconds for its header.
# Seen to get through with: the callback listener's look at who connects off:
# the API did not answer for seconds.
# Says: nothing.  The test asks the public API meanwhile, and runs code in
# another session; it looks at how many are open.


def hold():
    files = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    end = time.monotonic() + event_seconds

    while time.monotonic() < end:
        try:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(0.2)
            s.connect("/run/sandbox-callback/internal.sock")
            s.send(b"POST /")
            files.append(s)
        except OSError:
            time.sleep(0.01)

        if len(files) > 3000:
            time.sleep(0.1)


def handler(event):
    global event_seconds
    event_seconds = event["seconds"]

    for _ in range(4):
        if os.fork() == 0:
            hold()
            os._exit(0)

    for _ in range(4):
        os.wait()

    return "stopped: it is over"
