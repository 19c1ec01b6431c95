#!/usr/bin/env python3
# Copyright (C) the ngx_sandbox authors
#
# The executor's HTTP face met by clients that do not know HTTP, or know it too
# well: each is followed by an execution as usual.  Would catch: a request
# that ends the executor or makes it wait, one that is let in without the
# token, memory or descriptors that a client can take and keep, and code of
# the sandbox that talks to the executor at all.

import os
import re
import resource
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import (BUILT, TOKEN, Executor, Result, done, equal,  # noqa
                     json, ok, until)

MIB = 1024 * 1024
FDS = 1024
IDLE = 1500
BURST = 400

AUTH = b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
STATUS = b"GET /v1/status HTTP/1.1\r\n" + AUTH
POST = b"POST /v1/executions HTTP/1.1\r\n"
CHUNKED = POST + AUTH + b"Transfer-Encoding: chunked\r\n\r\n"

# a name, what is sent, the statuses of the answers that may come
RAW = (
    ("nothing", b"", ()),
    ("an empty line", b"\r\n\r\n", (400,)),
    ("NULs", b"\0" * 1000, ()),
    ("NULs and an end", b"\0\0\0\0\r\n\r\n", (400,)),
    ("every byte", bytes(range(256)) * 16, (400,)),
    ("a TLS hello", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"x" * 500,
     (400,)),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 18,
     (400, 401, 501, 505)),
    ("an unknown method", b"BREW /v1/status HTTP/1.1\r\n" + AUTH + b"\r\n",
     (400, 405, 501)),
    ("DELETE", b"DELETE /v1/status HTTP/1.1\r\n" + AUTH + b"\r\n",
     (405, 501)),
    ("CONNECT", b"CONNECT a:1 HTTP/1.1\r\n" + AUTH + b"\r\n", (400, 405, 501)),
    ("a method alone", b"GET\r\n\r\n", (400,)),
    ("no version", b"GET /v1/status\r\n" + AUTH + b"\r\n", (400, 200)),
    ("an unknown version", b"GET /v1/status HTTP/9.9\r\n" + AUTH + b"\r\n",
     (400, 200, 505)),
    ("a huge version", b"GET / HTTP/99999999999.1\r\n\r\n", (400,)),
    ("a long path", b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\n\r\n",
     (400, 413, 414)),
    ("a path that is none", b"GET %zz%00:// HTTP/1.1\r\n" + AUTH + b"\r\n",
     (400, 404)),
    ("a whole URL", b"GET http://u@h:1/v1/status?x#y HTTP/1.1\r\n" + AUTH
     + b"\r\n", (200, 404)),
    ("a NUL in the path", b"GET /v1/status\0/x HTTP/1.1\r\n" + AUTH + b"\r\n",
     (400, 404, 200)),
    ("a line without a colon", b"GET / HTTP/1.1\r\nabc\r\n\r\n", (400,)),
    ("a line that goes on", b"GET /v1/status HTTP/1.1\r\nA: b\r\n c\r\n"
     + AUTH + b"\r\n", (200,)),
    ("it goes on at once", b"GET / HTTP/1.1\r\n c\r\n\r\n", (400,)),
    ("a header without a name", b"GET / HTTP/1.1\r\n: b\r\n\r\n",
     (400, 401)),
    ("a huge header", b"GET / HTTP/1.1\r\nA: " + b"x" * 100000 + b"\r\n\r\n",
     (400, 413, 431)),
    ("100000 headers", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 100000
     + b"\r\n", (400, 413, 431)),
    ("a header without an end", b"GET / HTTP/1.1\r\nA: " + b"x" * 100000,
     (400, 413, 431)),
    ("the token twice", b"GET /v1/status HTTP/1.1\r\nAuthorization: x\r\n"
     + AUTH + b"\r\n", (401, 200)),
    ("a token with a NUL", b"GET /v1/status HTTP/1.1\r\n"
     + AUTH[:-2] + b"\0x\r\n\r\n", (400, 401, 200)),
    ("a token with a blank", b"GET /v1/status HTTP/1.1\r\n"
     + AUTH[:-2] + b" \r\n\r\n", (401, 200)),
    ("a negative length", POST + AUTH + b"Content-Length: -5\r\n\r\n",
     (400, 413)),
    ("a length that is a word", POST + AUTH + b"Content-Length: x\r\n\r\n",
     (400,)),
    ("a length with a tail", POST + AUTH + b"Content-Length: 2x\r\n\r\n{}",
     (400,)),
    ("a huge length", POST + AUTH + b"Content-Length: 9223372036854775807"
     b"\r\n\r\n{}", (400, 413)),
    ("a length that overflows", POST + AUTH + b"Content-Length: "
     b"18446744073709551617\r\n\r\n{}", (400, 413)),
    ("two lengths", POST + AUTH + b"Content-Length: 2\r\nContent-Length: 9"
     b"\r\n\r\n{}", (400,)),
    ("a length and chunks", CHUNKED[:-2] + b"Content-Length: 5\r\n\r\n"
     b"2\r\n{}\r\n0\r\n\r\n", (400,)),
    ("a body that is longer", POST + AUTH + b"Content-Length: 2\r\n\r\n{}"
     + b"x" * 5000, (400,)),
    ("good chunks", CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", (400,)),
    ("a chunk's extension", CHUNKED + b"2;a=b\r\n{}\r\n0\r\n\r\n", (400, 413)),
    ("a trailer", CHUNKED + b"2\r\n{}\r\n0\r\nA: b\r\n\r\n", (400,)),
    ("a negative chunk", CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n", (400, 413)),
    ("a chunk of no number", CHUNKED + b"xyz\r\n{}\r\n0\r\n\r\n", (400, 413)),
    ("a huge chunk", CHUNKED + b"ffffffffffffffff\r\n{}", (400, 413)),
    ("a chunk that overflows", CHUNKED + b"7fffffffffffffff\r\n{}\r\n",
     (400, 413)),
    ("a chunk that lies", CHUNKED + b"1\r\n{}}}}\r\n0\r\n\r\n", (400, 413)),
    ("chunks of one byte", CHUNKED + b"1\r\n \r\n" * 20000 + b"0\r\n\r\n",
     (400,)),
    ("an unknown coding", POST + AUTH + b"Transfer-Encoding: gzip\r\n"
     b"Content-Length: 2\r\n\r\n{}", (400, 501)),
    ("an upgrade", STATUS + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
     (200,)),
    ("an expectation", POST + AUTH + b"Expect: 100-continue\r\n"
     b"Content-Length: 2\r\n\r\n{}", (100, 400)),
    ("an unknown expectation", POST + AUTH + b"Expect: tea\r\n"
     b"Content-Length: 2\r\n\r\n{}", (400, 417)),
    ("20 MB are expected", POST + AUTH + b"Expect: 100-continue\r\n"
     b"Content-Length: 20000000\r\n\r\n", (100, 400, 413, 417)),
    ("HTTP/1.0", b"GET /v1/status HTTP/1.0\r\n" + AUTH + b"\r\n", (200,)),
    ("100 requests at once", (STATUS + b"\r\n") * 100, (200,)),
    ("good and bad at once", STATUS + b"\r\n" + b"\0\r\n\r\n" + STATUS
     + b"\r\n", (200, 400)),
    ("half of a line", b"GET /v1/st", ()),
    ("half of a head", STATUS[:-20], ()),
    ("half of a body", POST + AUTH + b"Content-Length: 900\r\n\r\n{\"exec",
     ()),
    ("half of a chunk", CHUNKED + b"900\r\n{\"exec", ()),
)


def raw(e, data, shut=True):
    """Sends it, and what was answered until the other side has closed.  Who
    needs an answer asks for the end: it may be later than ours."""
    c = socket.socket(socket.AF_UNIX)
    c.settimeout(20)
    answer = b""

    try:
        c.connect(e.socket)
        c.sendall(data)
        if shut:
            time.sleep(0.05)
            c.shutdown(socket.SHUT_WR)
        while True:
            part = c.recv(65536)
            if not part:
                break
            answer += part
    except socket.timeout:
        answer += b"TIMEOUT"
    except OSError:
        pass

    c.close()

    return answer


def statuses(answer):
    return {int(s) for s in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)}


def lives(e, name):
    r = e.shell("echo ok")
    return ok(r.out == "ok\n" and r.status == "completed", name, r)


def rss(e):
    with open("/proc/%d/status" % e.process.pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) * 1024


def fds(e):
    return len(os.listdir("/proc/%d/fd" % e.process.pid))


def cpu(e):
    with open("/proc/%d/stat" % e.process.pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_raw(e):
    for name, data, expected in RAW:
        answer = raw(e, data)
        got = statuses(answer)
        ok(got <= set(expected) and b"TIMEOUT" not in answer,
           name + ": an answer, or none", got, answer[:200])

        c = socket.socket(socket.AF_UNIX)
        c.connect(e.socket)
        try:
            c.send(data[:len(data) // 2])
        except OSError:
            pass
        c.close()

        lives(e, "the next execution runs")


def test_without_token(e):
    """Nothing that is no token gets more than 401."""
    for auth in (b"", b"Authorization: Bearer \r\n",
                 b"Authorization: Basic " + TOKEN.encode() + b"\r\n",
                 b"Authorization: " + TOKEN.encode() + b"\r\n",
                 AUTH[:-3] + b"\r\n", AUTH[:-2] + b"0\r\n",
                 b"X-" + AUTH, AUTH.replace(b"Bearer ", b"Bearer  ")):
        answer = raw(e, b"GET /v1/status HTTP/1.1\r\nConnection: close\r\n"
                     + auth + b"\r\n", shut=False)
        equal(statuses(answer), {401}, "%r: 401" % auth[:24])


def test_slow(e):
    """A body of a byte every 10 ms, for as long as others are served."""
    body = json.dumps(e.body("shell", "echo slow # " + "x" * 5000)).encode()
    answers, sent = [], []
    served = threading.Event()

    def client():
        c = socket.socket(socket.AF_UNIX)
        c.settimeout(20)
        c.connect(e.socket)
        c.sendall(POST + AUTH + b"Connection: close\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body))
        while len(sent) < len(body) - 1 and not served.is_set():
            c.sendall(body[len(sent):len(sent) + 1])
            sent.append(time.monotonic())
            time.sleep(0.01)
        c.sendall(body[len(sent):])
        answers.append(b"".join(iter(lambda: c.recv(65536), b"")))
        c.close()

    thread = threading.Thread(target=client)
    thread.start()
    until(lambda: len(sent) > 10)

    runs = 0
    while thread.is_alive() and runs < 50:
        e.shell(":")
        runs += 1

    before = len(sent)
    served.set()
    thread.join()

    ok(runs == 50 and 10 < before < len(body) - 1,
       "a slow body makes nobody wait", runs, before)
    ok(answers and b"slow\n" in answers[0], "and is served in the end",
       answers)
    e.ack(json.loads(body)["execution_id"])


def test_pipelined(e):
    """A sync execution, and more behind it on the same connection."""
    body = json.dumps(e.body("shell", "sleep 0.2; echo first")).encode()
    data = POST + AUTH + b"Content-Length: %d\r\n\r\n" % len(body) + body
    answer = raw(e, data + STATUS + b"Connection: close\r\n\r\n", shut=False)

    ok(0 <= answer.find(b"first\n") < answer.find(b'"session_id"'),
       "answers come in their order", answer)
    e.ack(json.loads(body)["execution_id"])


def test_gone(e):
    """Those who ask and do not wait get their result the other way."""
    bodies = [e.body("shell", "sleep 0.1; echo gone") for _ in range(16)]

    for body in bodies:
        data = json.dumps(body).encode()
        c = socket.socket(socket.AF_UNIX)
        c.connect(e.socket)
        c.sendall(POST + AUTH + b"Content-Length: %d\r\n\r\n" % len(data)
                  + data)
        until(lambda: e.request("GET", "/v1/executions/"
                                + body["execution_id"])[0].status == 200)
        c.close()

    ok(until(lambda: all(e.callback.results(b["execution_id"])
                         for b in bodies), 30), "results that nobody reads")
    ok(until(lambda: e.status()["running"] == 0), "nothing runs on")


def connect(e):
    c = socket.socket(socket.AF_UNIX)
    c.settimeout(5)
    end = time.monotonic() + 20

    while time.monotonic() < end:
        try:
            c.connect(e.socket)
            return c
        except BlockingIOError:
            time.sleep(0.002)
        except OSError:
            break

    c.close()


def test_burst(e):
    """All at once, before it has looked at the first one."""
    e.signal(signal.SIGSTOP)
    clients, refused = [], 0

    for _ in range(BURST):
        c = socket.socket(socket.AF_UNIX)
        c.setblocking(False)
        try:
            c.connect(e.socket)
        except BlockingIOError:
            refused += 1
        clients.append(c)

    e.signal(signal.SIGCONT)
    equal(refused, 0, "a burst of %d connections is taken" % BURST)

    for c in clients:
        c.close()

    ok(until(lambda: fds(e) < BURST), "and closed again", fds(e))


def test_idle(e):
    """More connections than it has descriptors for."""
    kept = e.connect()
    e.request("GET", "/v1/status", connection=kept)
    before, clients = fds(e), []

    for _ in range(IDLE):
        c = connect(e)
        if c is None:
            break
        clients.append(c)

    ok(len(clients) == IDLE, "%d connections" % len(clients))

    log, used = len(e.errors()), cpu(e)
    body = e.body("shell", "echo full")
    r, data = e.post(body, connection=kept)
    ok(r.status == 200 and Result(data).out == "full\n",
       "who was there before them is served, and executions start", data)
    e.request("POST", "/v1/executions/%s/ack" % body["execution_id"],
              connection=kept)
    time.sleep(1)
    ok(cpu(e) - used < 0.5 and len(e.errors()) - log < 5000,
       "with more than it can have it neither spins nor floods its log",
       cpu(e) - used, e.errors()[-300:])

    for c in clients + [kept]:
        c.close()

    ok(until(lambda: fds(e) <= before), "they are given back", fds(e), before)
    lives(e, "then it serves as ever")


INSIDE = r"""
import socket, time
out = []
def try_one(data):
    c = socket.socket(socket.AF_UNIX)
    c.settimeout(10)
    try:
        c.connect(%r)
        c.sendall(data)
        return repr(c.recv(100))
    except socket.timeout:
        return "OPEN"
    except OSError as e:
        return type(e).__name__
    finally:
        out.append(c)
print(try_one(b""))
print(try_one(b"GET /v1/status HTTP/1.1\r\n\r\n"))
for n in range(%d):
    try_one(b"POST / HTTP/1.1\r\nContent-Length: 15000000\r\n\r\n"
            + b"x" * 14000000)
time.sleep(0.2)
"""


def test_inside():
    """Code may find the socket, and connect: nobody listens to it."""
    e = Executor(init=True).start().ready()
    pid = int(open("/proc/%d/task/%d/children"
                   % ((e.process.pid,) * 2)).read().split()[0])

    def memory():
        with open("/proc/%d/status" % pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) * 1024

    before = memory()
    r = e.python(INSIDE % (e.socket, 10))
    ok("OPEN" not in r.out and "HTTP" not in r.out,
       "inside: a connection is closed without a word", r)
    ok(memory() - before < 4 * MIB, "inside: it costs no memory",
       memory() - before)
    lives(e, "inside: the control plane is served")
    e.stop()


def main():
    if not os.path.exists(BUILT + "/executor"):
        print("Bail out! %s is not built" % BUILT)
        sys.exit(1)

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FDS, hard))
    e = Executor().start().ready()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))

    lives(e, "as usual")
    before = fds(e)

    test_raw(e)
    test_without_token(e)
    test_slow(e)
    test_pipelined(e)
    test_gone(e)
    test_burst(e)
    test_idle(e)

    ok(until(lambda: fds(e) <= before), "no descriptor is lost", fds(e),
       before)
    equal(e.stop(), 0, "the end")

    test_inside()

    done()


if __name__ == "__main__":
    main()
