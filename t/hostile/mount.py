# Tries: to mount, unmount, bind, move and remount, with the old calls and the
# new ones.
# Stopped by: the container: no capability, the engine's profile of system
# calls; the executor's filter; and Landlock, which refuses each change of
# mounts.
# Seen to get through with: user 0 with capabilities, no profile, no filter, no
# Landlock domain, all four.
# Says: "stopped: ..."; "through: ..." and what worked.

BIND = 4096
REMOUNT = 32


def handler(event):
    here = b"/workspace"

    attempt("tmpfs", syscall, "mount", b"none", here, b"tmpfs", 0, None)
    attempt("proc", syscall, "mount", b"none", here, b"proc", 0, None)
    attempt("bind", syscall, "mount", b"/", here, None, BIND, None)
    attempt("remount", syscall, "mount", None, b"/", None, REMOUNT, None)
    attempt("remount", syscall, "mount", None, b"/opt/sandbox", None,
            REMOUNT | BIND, None)
    attempt("remount", syscall, "mount", None, here, None, REMOUNT,
            b"size=100g")
    attempt("umount", syscall, "umount2", b"/run/sandbox", 2)
    attempt("umount", syscall, "umount2", b"/proc/sys", 2)
    attempt("pivot_root", syscall, "pivot_root", here, here)
    attempt("chroot", os.chroot, "/workspace")
    attempt("fsopen", syscall, "fsopen", b"tmpfs", 0)
    attempt("fspick", syscall, "fspick", -100, b"/", 0)
    attempt("open_tree", syscall, "open_tree", -100, b"/", 1)
    attempt("move_mount", syscall, "move_mount", -100, here, -100, here, 0)
    attempt("mount_setattr", syscall, "mount_setattr", -100, b"/", 0, None, 0)
    return verdict()
