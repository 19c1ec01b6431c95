# Tries: to use memory that is the kernel's: buffers of sockets and pipes,
# memory files, descriptors on their way.
# Stopped by: it is charged to the sandbox; the number of descriptors is
# limited.
# Seen to get through with nothing: the limit is the container's.
# Says: "stopped: ..." where it came to an end; it may be killed as well.


def handler(event):
    import array
    import fcntl

    kept = []

    def fill():
        a, b = socket.socketpair()
        a.setblocking(False)
        kept.append((a, b))

        try:
            while True:
                a.send(b"x" * 65536)
        except BlockingIOError:
            pass

        r, w = os.pipe()
        kept.append((r, w))
        os.set_blocking(w, False)

        try:
            fcntl.fcntl(w, 1031, 1 << 20)
        except OSError:
            pass

        try:
            while True:
                os.write(w, b"x" * 65536)
        except BlockingIOError:
            pass

        # a socket that is inside of itself
        c, d = socket.socketpair()
        c.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                            array.array("i", [c.fileno(), d.fileno()]))])

    def without_end():
        while True:
            fill()

    attempt("buffers", without_end)
    return verdict()
