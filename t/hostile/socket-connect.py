# Tries: to connect to its executor's socket, and to ask what only the control
# plane may: under its path, through process 1, by links of both kinds.
# Stopped by: the folder is sealed when the executor is ready (it is another
# user's, mode 0700).
# Seen to get through with: the folder not sealed.
# Says: "stopped: ..."; "through: ..." if it has connected.


def handler(event):
    os.symlink("/run/sandbox/executor.sock", "/workspace/link")

    for path in ("/run/sandbox/executor.sock", "/workspace/link",
                 "/proc/self/root/run/sandbox/executor.sock",
                 "/proc/1/root/run/sandbox/executor.sock",
                 "/proc/1/cwd/run/sandbox/executor.sock"):
        attempt(path, unix, path)
        attempt(path, http, path, "GET", "/v1/status", "x")

    os.unlink("/workspace/link")
    attempt("hard link", os.link, "/run/sandbox/executor.sock",
            "/workspace/hard")
    attempt("O_PATH", os.open, "/run/sandbox/executor.sock", os.O_PATH)

    for line in read("/proc/net/unix").decode().splitlines():
        if "executor" in line:
            path = line.split()[-1]
            attempt("/proc/net/unix", unix, path)

    return verdict()
