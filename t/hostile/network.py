# Tries: to reach anything by its address: the host, other containers, the
# metadata of a cloud, a resolver.
# Stopped by: the container has no network, and the host's ports are not on its
# loopback interface.
# Seen to get through with: the host's network.
# Says: "stopped: ..."; "through: ..." and what has answered.


def tcp(address, port):
    with socket.socket() as s:
        s.settimeout(0.5)
        s.connect((address, port))
        return address


def udp(address, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"\0" * 12, (address, port))
        return address


def handler(event):
    for address in "127.0.0.1", "172.17.0.1", "10.0.0.1", "169.254.169.254", \
                   "1.1.1.1":
        for port in 22, 53, 80, 2375, 3306, 6379, event["port"]:
            attempt("tcp", tcp, address, port)

        if address != "127.0.0.1":
            attempt("udp", udp, address, 53)

    attempt("name", socket.gethostbyname, "example.org")
    others = [name for _, name in socket.if_nameindex() if name != "lo"]
    successes.extend(others)
    return verdict()
