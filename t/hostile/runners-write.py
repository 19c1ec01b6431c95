# Tries: to change the executor, the runners, the interpreter and its library
# for what runs next: as files, and through the descriptor of an interpreter
# that is kept ready.
# Stopped by: read-only mounts of root's files, hidden by Landlock; the runner
# is a sealed memory file; /proc/PID/fd is closed to another domain.
# Seen to get through with: no Landlock domain (reading); user 0 and writable
# mounts as well.
# Says: "stopped: ..."; "through: ..." and what could be opened.


def handler(event):
    for path in ("/opt/sandbox/executor", "/opt/sandbox/runners/python.py",
                 "/opt/sandbox/runners/javascript.js", os.__file__,
                 sys.executable, "/etc/hosts", "/etc/passwd",
                 "/etc/ld.so.preload", "/proc/self/exe"):
        attempt("write", os.open, path, os.O_WRONLY)
        attempt("create", os.open, path + ".new", os.O_WRONLY | os.O_CREAT)
        attempt("chmod", os.chmod, path, 0o777)
        attempt("rename", os.rename, path, path + ".away")

    for path in ("/opt/sandbox/executor", "/opt/sandbox/hosts",
                 "/opt/sandbox/runners/python.py"):
        attempt("read", os.open, path, os.O_RDONLY)
        attempt("run", subprocess.run, [path, "--version"])

    for pid in others():
        attempt("fd 6", os.open, "/proc/%d/fd/6" % pid, os.O_RDWR)

    for path in glob.glob("/proc/self/fd/*"):
        if os.path.lexists(path) and "python.py" in os.readlink(path):
            attempt("own fd", os.open, path, os.O_RDWR)

    return verdict()
