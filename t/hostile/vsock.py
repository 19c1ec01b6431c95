# Tries: to reach the machine's hypervisor, which listens on AF_VSOCK whatever
# network one is in.
# Stopped by: the filter of system calls, which knows the families that code
# may use.
# Seen to get through with: the filter off.
# Says: "stopped: ..."; "through: ..." if there was a socket.

AF_VSOCK = 40


def handler(event):
    for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET:
        # high bits of the argument are not looked at by the kernel
        attempt("vsock", syscall, "socket", AF_VSOCK, kind, 0)
        attempt("vsock", syscall, "socket", (1 << 32) | AF_VSOCK, kind, 0)

    attempt("pair", socket.socketpair, AF_VSOCK, socket.SOCK_STREAM)
    attempt("/dev/vsock", os.open, "/dev/vsock", os.O_RDONLY)
    return verdict()
