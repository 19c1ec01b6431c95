# Tries: parts of the kernel that interpreters do not need and exploits like:
# io_uring, userfaultfd, keys, BPF, perf.
# Stopped by: the filter of system calls (the engine's profile refuses some of
# them as well).
# Seen to get through with: the filter off; all of it with the engine's profile
# off as well.
# Says: "stopped: ..."; "through: ..." and which exist.


def handler(event):
    attempt("io_uring", syscall, "io_uring_setup", 8,
            ctypes.create_string_buffer(120))

    for flags in 0, 1, os.O_CLOEXEC, os.O_CLOEXEC | 1:
        attempt("userfaultfd", syscall, "userfaultfd", flags)

    attempt("/dev/userfaultfd", os.open, "/dev/userfaultfd", os.O_RDWR)
    attempt("keyctl", syscall, "keyctl", 0, -3, 1)
    attempt("keyctl", syscall, "keyctl", 1, 0)
    attempt("add_key", syscall, "add_key", b"user", b"mine", b"x", 1, -3)
    attempt("request_key", syscall, "request_key", b"user", b"mine", None, -3)
    attempt("bpf", syscall, "bpf", 0, ctypes.create_string_buffer(128), 128)

    perf = ctypes.create_string_buffer(128)
    struct.pack_into("IIQ", perf, 0, 1, 128, 1)

    for pid in 0, 1:
        attempt("perf", syscall, "perf_event_open", perf, pid, -1, -1, 0)

    return verdict()
