# Tries: to make the executor, which Landlock does not confine, open a folder
# outside of the workspace: links where a working_directory will be asked for.
# Stopped by: it opens each part of a working_directory without following
# links.
# Seen to get through with: O_NOFOLLOW left out.
# Says: "stopped: ..." when they are there; the test then asks for them.


def handler(event):
    for name, target in (("out", "/"), ("run", "/run/sandbox"),
                         ("proc", "/proc/1"), ("up", "..")):
        os.symlink(target, "/workspace/" + name)

    os.mkfifo("/workspace/pipe")
    return "stopped: so far"
