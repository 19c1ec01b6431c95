# Tries: sockets that see or make raw packets, and those of other families.
# Stopped by: no capability; the filter of system calls refuses all families
# but four; no network.
# Seen to get through with: the filter off (AF_VSOCK); raw ones with
# capabilities as well.
# Says: "stopped: ..."; "through: ..." and which.


def sent(family, kind, protocol, address):
    s = socket.socket(family, kind, protocol)
    s.sendto(b"\x08\0\xf7\xff\0\0\0\0", address)
    return address


def handler(event):
    for protocol in 1, 6, 17, 255:
        attempt("raw", socket.socket, socket.AF_INET, socket.SOCK_RAW,
                protocol)
        attempt("raw 6", socket.socket, socket.AF_INET6, socket.SOCK_RAW,
                protocol)

    attempt("packet", socket.socket, 17, socket.SOCK_RAW, 0x0300)
    attempt("packet", socket.socket, 17, socket.SOCK_DGRAM, 0x0300)

    # 1, 2, 10 and 16 are those that programs use
    for family in set(range(3, 46)) - {10, 16}:
        for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, \
                    socket.SOCK_SEQPACKET:
            attempt("family %d" % family, socket.socket, family, kind)

    attempt("ping", sent, socket.AF_INET, socket.SOCK_DGRAM, 1,
            ("1.1.1.1", 0))
    return verdict()
