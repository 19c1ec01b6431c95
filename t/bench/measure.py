"""What every part of the benchmark shares: clients, turns, rows of the table.

Every figure is a ratio of medians of rounds in which both sides took turns, so
that what else the machine does meets both.
"""

import http.client
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time

HOME = os.environ["BENCH_HOME"]
API = os.environ["BENCH_API"]                  # 127.0.0.1:PORT of the module
ENGINE = os.environ["BENCH_ENGINE"]            # the engine's socket
SELECT = os.environ["BENCH_SELECT"]            # the plain client
SECONDS = int(os.environ.get("BENCH_SECONDS", "2"))    # wrk takes whole ones
PAUSE = 0.002                                  # between two looks
NAME = f"bench-{int(time.time())}"             # an id is never used twice


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket, for the engine."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


class Client:
    def __init__(self, make):
        self.make = make
        self.connection = make()

    def __call__(self, method, path, body=None, expect=(200, 201, 204)):
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"} if body is not None \
            else {}
        try:
            self.connection.request(method, path, data, headers)
            answer = self.connection.getresponse()
        except (ConnectionError, http.client.HTTPException):
            # it was idle for too long, and nothing was sent
            self.connection = self.make()
            self.connection.request(method, path, data, headers)
            answer = self.connection.getresponse()
        text = answer.read()
        if answer.status not in expect:
            sys.exit(f"bench: {method} {path}: {answer.status} "
                     f"{text[:300].decode(errors='replace')}")
        return json.loads(text) if text[:1] in (b"{", b"[") else text


class Caller:
    """One request as often as one likes, from bytes made beforehand to the
    last byte of the answer: half a millisecond of a client in Python is none
    of what is measured."""

    def __init__(self, path, body):
        data = json.dumps(body).encode()
        self.request = (f"POST {path} HTTP/1.1\r\nHost: bench\r\n"
                        f"Content-Type: application/json\r\n"
                        f"Content-Length: {len(data)}\r\n\r\n").encode() + data
        host, port = API.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __call__(self):
        """Milliseconds, and the answer."""
        started = time.monotonic()
        self.socket.sendall(self.request)
        text = b""
        while not self.whole(text):
            part = self.socket.recv(65536)
            if not part:
                sys.exit("bench: the connection was closed")
            text += part
        took = (time.monotonic() - started) * 1000
        head, body = text.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 200 "):
            sys.exit(f"bench: {text[:300].decode(errors='replace')}")
        return took, json.loads(body)

    @staticmethod
    def whole(text):
        head, end, body = text.partition(b"\r\n\r\n")
        return end and len(body) >= int(
            re.search(rb"Content-Length: (\d+)", head).group(1))


api = Client(lambda: http.client.HTTPConnection(API, timeout=120))
engine = Client(lambda: UnixConnection(ENGINE))


def wrk(url, connections):
    """Requests a second; any answer but 2xx ends the bench."""
    out = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", url],
        capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"bench: {url}: {out}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def plain_select(connections, statement, *params):
    """Statements a second of the blocking client."""
    env = dict(os.environ, MYSQL_PASSWORD=open(
        f"{HOME}/secrets/database").read().strip())
    out = subprocess.run(
        [SELECT, f"{HOME}/run/mariadb.sock", "ngx_sandbox", "ngx_sandbox",
         str(connections), str(SECONDS), statement, *params],
        capture_output=True, text=True, check=True, env=env).stdout
    rows, rate = out.split()
    if int(rows) == 0:
        sys.exit("bench: the plain client found no rows")
    return float(rate)


def interleave(rounds, **sides):
    """One warm-up, then rounds of all sides in turn: {name: [values]}."""
    values = {name: [] for name in sides}
    for round_number in range(rounds + 1):
        for name, measure in sides.items():
            value = measure()
            if round_number:
                values[name].append(value)
    return values


def one_after_the_other(values, name, first, second):
    """Adds the rate of who does both: the most that can be hoped for."""
    values[name] = [1 / (1 / a + 1 / b)
                    for a, b in zip(values[first], values[second])]


def row(what, values, ours, base, unit, goal=""):
    """The ratio is the median of the rounds' own ratios."""
    pairs = [a / b for a, b in zip(values[ours], values[base])]
    print(f"| {what} | {statistics.median(values[ours]):.4g} | "
          f"{statistics.median(values[base]):.4g} | {unit} | "
          f"**{statistics.median(pairs):.2f}** "
          f"({min(pairs):.2f}-{max(pairs):.2f}) | {goal} |", flush=True)


def statements():
    """The text of the module's own statements, by name, the first of each."""
    every = json.loads(subprocess.run(
        [os.environ["BENCH_STATEMENTS"]], capture_output=True, text=True,
        check=True).stdout)
    return {each["name"]: each["sql"] for each in reversed(every)}


def session_create(template, name):
    api("POST", "/api/v1/sessions", {"template_id": template, "id": name})


def session_wait(name):
    while True:
        session = api("GET", f"/api/v1/sessions/{name}")
        if session["status"] == "running":
            return
        if session["status"] != "creating":
            sys.exit(f"bench: session {name}: {session['failure']}")
        time.sleep(PAUSE)


def executor_wait(folder):
    """Until the executor answers; a look at its socket costs next to nothing,
    so it does not slow the start that it waits for."""
    while True:
        try:
            probe = UnixConnection(f"{folder}/executor.sock")
            probe.request("GET", "/v1/status")
            probe.getresponse().read()
            return
        except OSError:
            time.sleep(PAUSE)


def container_gone(name):
    for _ in range(3000):
        engine.connection.request("GET", f"/containers/{name}/json")
        answer = engine.connection.getresponse()
        answer.read()
        if answer.status == 404:
            return
        time.sleep(0.01)
    sys.exit(f"bench: container {name} was not removed")


def children(*which):
    """Of nginx's master: workers, those that leave, the cache's."""
    with open(f"{HOME}/run/nginx.pid", encoding="ascii") as f:
        parent = f.read().strip()
    return subprocess.run(["pgrep", "-P", parent, *which], text=True,
                          check=True, capture_output=True).stdout.split()


def workers():
    """Those that take requests."""
    return children("-f", "worker process$")


def restart(change):
    """Another configuration; returns when only its workers are left."""
    path = f"{HOME}/conf/nginx.conf"
    with open(path, encoding="utf-8") as f:
        before = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(change(before))
    old = children()
    with open(f"{HOME}/run/nginx.pid", encoding="ascii") as f:
        os.kill(int(f.read()), signal.SIGHUP)
    while set(children()) & set(old):
        time.sleep(0.1)
    return before
