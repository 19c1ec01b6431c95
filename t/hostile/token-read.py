# Tries: to find the executor's token: in environments, command lines, files,
# in the memory of process 1, in the interpreter's own memory (which was made
# by a fork of process 1), in an answer of the executor.
# Stopped by: the bootstrap file is read once and unlinked; process 1 is not
# dumpable, and outside of the code's Landlock domain; nothing is inherited.
# Seen to get through with: process 1 dumpable and no Landlock domain, both; or
# the bootstrap file not unlinked, in a folder that is not sealed, and no
# Landlock domain.
# Says: "stopped: ..."; "through: ..." and where something was found that has a
# token's form.

PLACES = ("/run", "/opt", "/tmp", "/workspace", "/dev/shm", "/var", "/etc")


def look(what, data):
    if TOKEN.search(data):
        successes.append(what)


def files(top):
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)

            if os.path.isfile(path) and os.path.getsize(path) < 1 << 20:
                yield path


def memory(process):
    with open("/proc/%s/mem" % process, "rb", 0) as mem, \
            open("/proc/%s/maps" % process) as maps:
        for line in maps:
            first, last, mode = re.match(r"(\w+)-(\w+) (\S+)", line).groups()

            if "w" in mode:
                try:
                    mem.seek(int(first, 16))
                    data = mem.read(int(last, 16) - int(first, 16))
                except OSError:
                    continue

                look("the memory of %s" % process, data)


def try_to(what, call, *args):
    try:
        call(*args)
    except OSError as e:
        reasons.append("%s: %s" % (what, errno.errorcode.get(e.errno, e)))


def handler(event):
    global TOKEN
    TOKEN = re.compile(event["session"].encode() + rb"\.[0-9a-f]{64}")

    for pid in pids():
        for name in "environ", "cmdline", "auxv", "stat":
            path = "/proc/%d/%s" % (pid, name)
            try_to(path, lambda: look(path, read(path)))

    for top in PLACES:
        for path in files(top):
            try_to("a file", lambda: look(path, read(path)))

    try_to("bootstrap.json", lambda: look("bootstrap.json",
                                          read("/run/sandbox/bootstrap.json")))
    try_to("the memory of 1", memory, 1)
    memory("self")
    return verdict()
