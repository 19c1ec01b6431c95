# Tries: to read and to change the memory of another execution, and of process
# 1: process_vm_readv, process_vm_writev, /proc/PID/mem, kcmp.
# Stopped by: each execution has a Landlock domain of its own; process 1 is not
# dumpable.
# Seen to get through with: no Landlock domain; process 1: and it dumpable.
# Says: "stopped: ..."; "through: ..." and what was read.

# where a program that is not relocated begins, and any other place: what
# counts is that the kernel looks at the address at all
ADDRESS = 0x400000


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


def transfer(call, pid):
    buffer = ctypes.create_string_buffer(8)
    local = (Vector * 1)(Vector(ctypes.addressof(buffer), 8))
    remote = (Vector * 1)(Vector(ADDRESS, 8))

    try:
        return syscall(call, pid, local, 1, remote, 1, 0)
    except OSError as e:
        if e.errno == errno.EFAULT:
            return "allowed"
        raise


def handler(event):
    for pid in [1] + others():
        attempt("readv", transfer, "process_vm_readv", pid)
        attempt("writev", transfer, "process_vm_writev", pid)
        attempt("mem", os.open, "/proc/%d/mem" % pid, os.O_RDWR)
        attempt("mem", os.open, "/proc/%d/mem" % pid, os.O_RDONLY)
        attempt("maps", read, "/proc/%d/maps" % pid, 64)
        attempt("kcmp", syscall, "kcmp", os.getpid(), pid, 1, 0, 0)

    return verdict()
