# Tries: what is root's: to become it, capabilities, modules, another kernel,
# the clock, the host's name, swap, files by their handles, ports, setuid
# programs.
# Stopped by: the container: a user without capabilities and without new
# privileges, the engine's profile of system calls.
# Seen to get through with: user 0 with capabilities and no profile.
# Says: "stopped: ..."; "through: ..." and what worked.


def becomes_root():
    for path in "/bin/su", "/usr/bin/su", "/usr/bin/passwd", "/bin/mount", \
                "/usr/bin/newgrp", "/usr/bin/chsh":
        if not os.path.exists(path):
            continue

        with subprocess.Popen([path, "--help"], stdout=-3, stderr=-3) as p:
            try:
                status = read("/proc/%d/status" % p.pid).decode()
            except OSError:
                continue

            if re.search(r"^Uid:\t(?!1000\t1000)", status, re.M):
                return path

    raise OSError(errno.EPERM, "no")


def capabilities():
    status = read("/proc/self/status").decode()

    if re.search(r"^Cap(?:Prm|Eff|Inh|Amb|Bnd):\t0*[1-9a-f]", status, re.M):
        return status

    raise OSError(errno.EPERM, "none")


def handler(event):
    attempt("capabilities", capabilities)
    attempt("setuid", os.setuid, 0)
    attempt("setgid", os.setgid, 0)
    attempt("setgroups", os.setgroups, [0])
    attempt("setuid program", becomes_root)
    attempt("init_module", syscall, "init_module", b"", 0, b"")
    attempt("kexec_load", syscall, "kexec_load", 0, 0, None, 0)
    attempt("reboot", syscall, "reboot", 0xfee1dead, 672274793, 0, None)
    attempt("clock", syscall, "settimeofday",
            struct.pack("qq", int(time.time()), 0), None)
    attempt("name", syscall, "sethostname", b"mine", 4)
    attempt("swapon", syscall, "swapon", b"/workspace", 0)
    attempt("handle", syscall, "open_by_handle_at", -100, b"\0" * 64, 0)
    attempt("personality", lambda: os.open("/dev/mem", os.O_RDONLY))

    for kind in "c", "b":
        attempt("mknod", os.mknod, "/workspace/device",
                0o600 | (0o020000 if kind == "c" else 0o060000),
                os.makedev(1, 1))

    return verdict()
