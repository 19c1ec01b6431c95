# Tries: to list what is in the executor's folders, and in the socket's, by their
# paths and by other ways to them.
# Stopped by: bubblewrap, which has an empty folder in the place of each.
# Seen to get through with: no bubblewrap, where names can be listed.
# Says: "stopped: ..."; "through: ..." and the names.

FOLDERS = ("/opt/sandbox", "/opt/sandbox/runners", "/run/sandbox",
           "/run/sandbox-callback")


def names(path):
    found = os.listdir(path)

    if not found:
        raise OSError(errno.ENOENT, "empty")

    return found


def handler(event):
    for folder in FOLDERS:
        for way in "", "/proc/self/root", "/proc/self/cwd/..", "/workspace/..":
            attempt(way + folder, names, way + folder)

        attempt("parent", names, folder + "/../" + os.path.basename(folder))
        attempt("write", write, folder + "/mine", b"x")
        attempt("rmdir", os.rmdir, folder)
        attempt("umount", syscall, "umount2", folder.encode(), 2)

    for fd in os.listdir("/proc/self/fd"):
        attempt("fd " + fd, names, "/proc/self/fd/" + fd + "/../sandbox")

    return verdict()
