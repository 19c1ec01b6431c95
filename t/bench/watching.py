"""Executions that nobody waits for, that somebody waits for elsewhere, and that
are watched: how soon a submission is answered, how soon an end is heard of, what
a stream carries, what a client that waits or watches costs.
"""

import json
import os
import re
import selectors
import socket
import statistics
import sys
import time

import executions
from measure import (API, NAME, SECONDS, Caller, api, children, interleave, restart, row,
                     session_create, session_wait)

CONNECTIONS = 64
RATE = 200                  # submissions a second, of all connections together
SESSIONS = 8                # one takes only so many at a time

# the end of the code, by the clock of the host
TELLS_ITS_END = "sleep 0.2; date +%s.%N"


def connect():
    host, port = API.rsplit(":", 1)
    s = socket.create_connection((host, int(port)), timeout=120)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def request(method, path, body=None):
    data = b"" if body is None else json.dumps(body).encode()
    return (f"{method} {path} HTTP/1.1\r\nHost: bench\r\n"
            f"Content-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n").encode() + data


def is_whole(text):
    head, found, body = text.partition(b"\r\n\r\n")
    if not found:
        return False
    fields = head.lower().split(b"content-length: ")
    return len(fields) == 2 and len(body) >= int(fields[1].split(b"\r\n")[0])


def paced(requests, seconds):
    """Milliseconds of each: the connections take turns, at a fixed rate,
    whatever the answers take."""
    took, selector, free = [], selectors.DefaultSelector(), []
    for _ in range(CONNECTIONS):
        free.append(connect())
    began = time.monotonic()
    n, busy = 0, {}
    while n < seconds * RATE or busy:
        due = began + n / RATE
        now = time.monotonic()
        if n < seconds * RATE and now >= due and free:
            s = free.pop(0)
            busy[s] = [now, b""]
            s.sendall(requests[n % len(requests)])
            selector.register(s, selectors.EVENT_READ)
            n += 1
            continue
        for key, _ in selector.select(max(0, min(due - now, 0.05))):
            s = key.fileobj
            busy[s][1] += s.recv(65536)
            if is_whole(busy[s][1]):
                started, text = busy.pop(s)
                took.append((time.monotonic() - started) * 1000)
                if not text.startswith(b"HTTP/1.1 201"):
                    sys.exit(f"bench: {text[:300]!r}")
                selector.unregister(s)
                free.append(s)
    for s in free:
        s.close()
    return took


def with_insert(text):
    """The module of t/bench/insert.c beside, and a location for it."""
    text = re.sub(r"^load_module .*$", lambda m: f"{m[0]}\nload_module "
                  f"{os.environ['BENCH_INSERT']};", text, count=1, flags=re.M)
    return text.replace("location /api/v1/ {", "location = /bench/insert "
                        "{ sandbox_bench_insert; }\nlocation /api/v1/ {", 1)


def submits(_):
    names = [f"{NAME}-submit-{n}" for n in range(SESSIONS)]
    for each in names:
        session_create("python-basic", each)
    for each in names:
        session_wait(each)
    requests = [request("POST", f"/api/v1/sessions/{each}/execute",
                        {"language": "shell", "code": ":"}) for each in names]
    keys = iter(range(10 ** 9))

    def took(which):
        values = paced(which, SECONDS * 2)
        time.sleep(0.5)
        return statistics.quantiles(values, n=20)

    def keyed():
        return took([each.replace(
            b"Content-Type", b"Idempotency-Key: %s-%d\r\nContent-Type"
            % (NAME.encode(), next(keys))) for each in requests * RATE])

    inserts = [request("POST", f"/bench/insert?{each}") for each in names]
    before = restart(with_insert)
    values = interleave(3, each=lambda: took(requests), keyed=keyed,
                        insert=lambda: took(inserts))
    restart(lambda _: before)
    table = {"p50": [v[9] for v in values["each"]],
             "p95": [v[18] for v in values["each"]],
             "keyed": [v[9] for v in values["keyed"]],
             "keyed95": [v[18] for v in values["keyed"]],
             "insert": [v[9] for v in values["insert"]],
             "insert95": [v[18] for v in values["insert"]]}
    what = f"{CONNECTIONS} connections, {RATE} submissions a second"
    row(f"{what}, p50, to the bare INSERT through the same pool", table,
        "p50", "insert", "ms")
    row(f"{what}, p95, to its p95", table, "p95", "insert95", "ms",
        "p95 at most 10 ms")
    row("the same with Idempotency-Key, p50, to those without", table,
        "keyed", "p50", "ms")
    row("the same with Idempotency-Key, p95, to those without", table,
        "keyed95", "p95", "ms")
    for each in names:
        api("DELETE", f"/api/v1/sessions/{each}")


def waits(name):
    """From the end of the code to the last byte of the answer."""
    waiter, path = connect(), f"/api/v1/sessions/{name}"

    def elsewhere():
        accepted = api("POST", f"{path}/execute",
                       {"language": "shell", "code": TELLS_ITS_END})
        waiter.sendall(request("GET", f"/api/v1/executions/"
                               f"{accepted['execution_id']}?wait=done"))
        text = b""
        while not is_whole(text):
            text += waiter.recv(65536)
        now = time.time()
        answer = json.loads(text.partition(b"\r\n\r\n")[2])
        return (now - float(executions.completed(answer)["stdout"])) * 1000

    sync = Caller(f"{path}/execute-sync",
                  {"language": "shell", "code": TELLS_ITS_END})

    def same():
        answer = sync()[1]
        now = time.time()
        return (now - float(executions.completed(answer)["stdout"])) * 1000

    values = interleave(executions.RUNS * 2, waiter=elsewhere, sync=same)
    row("from the end of the code to a waiter's answer, to that of "
        "execute-sync", values, "waiter", "sync", "ms", "at most 20 ms")


def streams(name):
    """100 MB of output through execute-stream, to the same through a pipe."""
    size = 100 * 1000 * 1000
    code = f"head -c {size} /dev/zero | tr '\\0' x"

    def stream():
        s = connect()
        s.settimeout(120)
        started = time.monotonic()
        s.sendall(request("POST", f"/api/v1/sessions/{name}/execute-stream",
                          {"language": "shell", "code": code}))
        tail, got = b"", 0
        while b"event: done" not in tail:
            part = s.recv(1 << 20)
            if not part:
                sys.exit(f"bench: the stream ended: {tail!r}")
            got += len(part)
            tail = (tail + part)[-4096:]
        took = (time.monotonic() - started) * 1000
        s.close()
        carried.append(got / size)
        return took

    def pipe():
        return executions.execute(
            api, name, "python", executions.SPAWNS["python"],
            event={"times": 1, "pace": 0,
                   "argv": ["/bin/sh", "-c", f"{code} | cat >/dev/null"],
                   })["return_value"][0]

    carried = []
    values = interleave(5, stream=stream, pipe=pipe)
    row("100 MB through execute-stream, to the same through a pipe into `cat`",
        values, "stream", "pipe", "ms")
    print(f"# of these bytes {min(carried):.2f} to {max(carried):.2f} arrived, "
          "the rest is told as gaps", file=sys.stderr)


def renew():
    """New workers, which have used no memory yet but for what all need."""
    restart(lambda same: same)
    for _ in range(50):
        s = connect()
        s.sendall(request("GET", f"/api/v1/sessions/{NAME}"))
        s.recv(65536)
        s.close()


def private():
    """KiB of all workers that are theirs alone."""
    total = 0
    for pid in children():
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            total += next(int(line.split()[1]) for line in f
                          if line.startswith("RssAnon"))
    return total


def clients(name):
    """Memory of the workers for each client that waits, or watches nothing."""
    def held(n, path):
        renew()
        before, sockets = private(), []
        for i in range(n):
            s = connect()
            s.sendall(request("GET", path(i)))
            sockets.append(s)
        time.sleep(1)
        used = (private() - before) / n
        for s in sockets:
            s.close()
        time.sleep(0.5)
        return used

    def accepted():
        return api("POST", f"/api/v1/sessions/{name}/execute",
                   {"language": "shell", "code": "sleep 600", "timeout": 700}
                   )["execution_id"]

    running = [accepted() for _ in range(4)]
    values = interleave(
        3, idle=lambda: held(400, lambda i: "/livez"),
        wait=lambda: held(400, lambda i: f"/api/v1/executions/{running[0]}"
                                         "?wait=done&timeout=60"),
        stream=lambda: held(60, lambda i: f"/api/v1/executions/"
                                          f"{running[i % 4]}/events"))
    row("memory of a client that waits, to one that is idle", values, "wait",
        "idle", "KiB")
    row("memory of a client that watches, to one that is idle", values,
        "stream", "idle", "KiB")
    for each in running:
        api("POST", f"/api/v1/executions/{each}/cancel")


def watching(name):
    submits(name)
    waits(name)
    streams(name)
