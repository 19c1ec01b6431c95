# Tries: to connect to abstract sockets, which need no file: those of other
# executions (the test's victim has one), and of the host.
# Stopped by: Landlock (its version 6) lets connect within the own domain only;
# those of the host are in another network namespace.
# Seen to get through with: no Landlock domain (those of the host: with the
# host's network).
# Says: "stopped: ..."; "through: ..." and which.


def handler(event):
    names = {b"\0victim", b"\0/tmp/.X11-unix/X0", b"\0/tmp/dbus-session",
             b"\0/containerd-shim/0"}

    for line in read("/proc/net/unix").splitlines():
        name = line.split()[-1]

        if name.startswith(b"@"):
            names.add(b"\0" + name[1:])

    for name in names:
        for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM, \
                    socket.SOCK_SEQPACKET:
            attempt(name.decode(), unix, name, kind)

    return verdict()
