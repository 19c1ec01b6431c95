# Tries: to put a socket of its own where the control plane looks for the
# executor's: chmod, unlink, rename, links, a mount, on the folder and on the
# callback socket's.
# Stopped by: the folder is sealed; Landlock gives no right in it; the callback
# folder is mounted read-only.
# Seen to get through with: the folder not sealed and no Landlock domain, both:
# the session was lost.
# Says: "stopped: ..."; "through: ..." and what worked.


def bind(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen()
    return s


def listed(path):
    names = os.listdir(path)

    if not names:
        raise OSError(errno.ENOENT, "bubblewrap's, with nothing in it")

    return names


def handler(event):
    for folder, name in (("/run/sandbox", "executor.sock"),
                         ("/run/sandbox-callback", "internal.sock")):
        path = folder + "/" + name

        attempt("chmod", os.chmod, folder, 0o777)
        attempt("chown", os.chown, folder, 1000, 1000)
        attempt("chmod socket", os.chmod, path, 0o777)
        attempt("rename folder", os.rename, folder, "/run/away")
        attempt("rename folder", os.rename, folder, "/workspace/away")
        attempt("rename", os.rename, path, path + ".away")
        attempt("unlink", os.unlink, path)
        attempt("symlink", os.symlink, "/workspace/mine", path + ".link")
        attempt("link", os.link, path, path + ".hard")
        attempt("mkdir", os.mkdir, folder + "/made")
        attempt("create", os.open, folder + "/bootstrap.json",
                os.O_WRONLY | os.O_CREAT)
        attempt("rmdir", os.rmdir, folder)
        attempt("bind", bind, path)
        attempt("bind beside", bind, path + ".mine")
        attempt("mount", syscall, "mount", b"none", folder.encode(), b"tmpfs",
                0, None)

    attempt("list", listed, "/run/sandbox")
    return verdict()
