#!/usr/bin/env python3
# Copyright (C) the ngx_sandbox authors
#
# Output while it is written.  Would catch: a byte that a reader neither gets
# nor is told of, text that is cut in a character, an order that is not that of
# the code, a reader that slows the code or costs memory, a resumption that
# differs from a full read, output that comes late.

import os
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import (BUILT, TOKEN, Executor, Result, Stream, done,  # noqa
                     equal, json, ok, until, until_made)

MIB = 1024 * 1024
OVERHEAD = 4 if "asan" in BUILT else 1


def rss(e):
    with open("/proc/%d/status" % e.process.pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) * 1024


def fds(e):
    return len(os.listdir("/proc/%d/fd" % e.process.pid))


def text(frames, kind):
    return b"".join(t for k, _, t in frames if k == kind)


def missed(frames, kind):
    return sum(int(t) for k, _, t in frames if k == kind)


def shape(events):
    """The records that a result's fourth section stands for."""
    records = []

    for token in events.split():
        m = re.fullmatch(r"([oe])(\d+)(?:\*(\d+))?|([OE])(\d+)x(\d+)|-x(\d+)",
                         token)
        if m[1]:
            records += [(m[1], int(m[2]))] * int(m[3] or 1)
        elif m[4]:
            records.append((m[4], int(m[5]), int(m[6])))
        else:
            records.append(("-", int(m[7])))

    return records


def start(e, code, language="python", **fields):
    fields.setdefault("mode", "async")
    body = e.body(language, code, **fields)
    r, data = e.post(body)
    if r.status != 202:
        raise RuntimeError("%d %s" % (r.status, data))
    return body["execution_id"]


def away(e):
    e.callback.answer = lambda call: \
        200 if call.path.endswith("/container_ready") else 503


def told(e, name):
    return Result(until(lambda: e.callback.results(name), 60)[0].body)


# returns when the executor has read it: each write is a record of its own
WRITE = """
import fcntl, os, struct, termios, time

def write(fd, data):
    os.write(fd, data)
    left = 1
    while left:
        time.sleep(0.005)
        left, = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"1234"))
"""

ORDER = WRITE + """
for n in range(20):
    write(1 + n % 2, b"%d:%s\\n" % (n, b"x" * n))
"""

CUT = WRITE + rb"""
for fd, data in ((1, b"a\xe2"), (2, b"\xf0\x9f"), (1, b"\x82"), (2, b"|"),
                 (1, b"\xac\xffb"), (2, b"\xf0\x9f\x98\x80"), (1, b"\xed\xa0"),
                 (2, b"e"), (1, b"\x80"), (1, b"\xc3")):
    write(fd, data)
""".decode()


def test_records(e):
    name = start(e, "import time\ntime.sleep(0.2)\n" + ORDER)
    s = Stream(e, name)
    equal((s.status, s.response.getheader("Content-Type"),
           s.response.getheader("Transfer-Encoding")),
          (200, "application/vnd.ngx-sandbox.events", "chunked"), "a stream")
    frames = s.all()

    equal([n for _, n, _ in frames], list(range(1, 21)) + [20],
          "records are numbered; the end has the number of the last")
    equal("".join(k for k, _, _ in frames), "oe" * 10 + "z",
          "they come in the order in which they were written")
    equal([t for _, _, t in frames[:-1]],
          [b"%d:%s\n" % (n, b"x" * n) for n in range(20)], "as they were")

    r = told(e, name)
    equal((r.out.encode(), r.err.encode()),
          (text(frames, "o"), text(frames, "e")), "the result has the same")
    equal(shape(r.events), [(k, len(t)) for k, _, t in frames[:-1]],
          "and the shape of it")
    ok(r.exact and r.head["events_bytes"] == len(r.events), "of that length",
       r)

    # characters that are cut between two reads, and what is none
    name = start(e, "import time\ntime.sleep(0.2)\n" + CUT)
    frames = Stream(e, name).all()
    r = told(e, name)
    equal([(k, t.decode("utf-8")) for k, _, t in frames[:-1]],
          [("o", "a"), ("e", "\ufffd|"), ("o", "\u20ac\ufffdb"),
           ("e", "\U0001f600"), ("o", "\ufffd" * 2), ("e", "e"),
           ("o", "\ufffd"), ("o", "\ufffd")], "each is text of its own")
    equal((r.out.encode(), r.err.encode()),
          (text(frames, "o"), text(frames, "e")), "as in the result")
    equal(shape(r.events), [(k, len(t)) for k, _, t in frames[:-1]],
          "of that shape")

    # nothing at all, a value, and an end that nobody wanted
    name = start(e, "sleep 0.3", "shell")
    equal(Stream(e, name).all(), [("z", 0, b"")], "no output: the end")
    equal(told(e, name).events, "", "and no shape")
    name = start(e, "def handler(event):\n    print('x')\n    return [1]")
    r = told(e, name)
    equal((r.value, r.events, r.out), ([1], "o2", "x\n"),
          "a value is before the shape")
    name = start(e, "echo on; sleep 30", "shell")
    s = Stream(e, name)
    equal(s.next(), ("o", 1, b"on\n"), "while it runs")
    e.request("POST", "/v1/executions/%s/cancel" % name)
    equal(s.all(), [("z", 1, b"")], "cancelled: the end")


def test_resume(e):
    away(e)
    name = start(e, ORDER)
    until(lambda: e.callback.results(name))
    whole = Stream(e, name).all()
    equal(whole[-1][0], "z", "it can be read after its end, too")

    last = whole[-1][1]
    for after in range(last + 1):
        rest = Stream(e, name, "?after=%d" % after).all()
        if rest != whole[after:]:
            break
    equal((after, rest), (last, whole[last:]),
          "from each record on it is the rest of a full read")

    for query, name2 in ((str(last + 1), "beyond"), ("9" * 19, "far beyond"),
                         ("9" * 300, "no number of ours")):
        equal(Stream(e, name, "?after=" + query).all(), whole[last:],
              "after %s: as after the last" % name2)
    equal(Stream(e, name, "?").all(), whole, "an empty query is none")

    equal(Stream(e, name, "?after=1&attempt=1").all(), whole[1:],
          "of the attempt that it is")
    r, _ = e.request("GET", "/v1/executions/%s/events?attempt=2" % name)
    equal(r.status, 404, "another attempt: 404")

    for query in ("after", "after=", "after=-1", "after=+1", "after=1x",
                  "after=0x1", "after=1&after=2", "after=1&", "&after=1",
                  "after=%31", "after=1;", "x=1", "after=1&x=1", "AFTER=1",
                  "after=1.0", "attempt=", "attempt=1&attempt=1",
                  "attempt=-1", "attempt=1&after", "after= 1",
                  "after=\xc2\xb2", "=", "&", "??", "after=1/events",
                  "a" * 20000):
        c = socket.socket(socket.AF_UNIX)
        c.connect(e.socket)
        c.settimeout(5)
        c.sendall(b"GET /v1/executions/%s/events?%s HTTP/1.1\r\nAuthorization:"
                  b" Bearer %s\r\nConnection: close\r\n\r\n"
                  % (name.encode(), query.encode(), TOKEN.encode()))
        answer = c.recv(100)
        c.close()
        ok(answer.startswith(b"HTTP/1.1 400 "), "?%.20s: 400" % query, answer)

    # HTTP/1.0 knows no chunks
    c = socket.socket(socket.AF_UNIX)
    c.connect(e.socket)
    c.settimeout(5)
    c.sendall(b"GET /v1/executions/%s/events?after=%d HTTP/1.0\r\n"
              b"Authorization: Bearer %s\r\n\r\n"
              % (name.encode(), last - 1, TOKEN.encode()))
    answer = b"".join(iter(lambda: c.recv(65536), b""))
    c.close()
    kind, number, line = whole[last - 1]
    ok(answer.endswith(b"\r\n\r\n%s %d %d\n%s\nz %d 0\n\n"
                       % (kind.encode(), number, len(line), line, number))
       and b"chunked" not in answer, "HTTP/1.0: until it closes", answer)

    for token, status in (("", 401), (TOKEN[:-1], 401), (TOKEN, 404)):
        equal(Stream(e, "exec_unknown", token=token).status, status,
              "%.20s: %d" % (token or "no token", status))
    equal(Stream(e, name, token=TOKEN[:-1] + "x").status, 401,
          "the token of another: 401")
    equal(e.request("POST", "/v1/executions/%s/events" % name)[0].status, 405,
          "POST: 405")

    s = Stream(e, name)
    e.ack(name)
    equal(s.all(), whole, "forgotten while it is read: to its end")
    equal(Stream(e, name).status, 404, "then 404")
    e.callback.answer = lambda call: 200


def test_readers(e):
    names = [start(e, until_made("go") + "echo a; sleep 0.1; echo b >&2",
                   "shell") for _ in range(5)]
    before = fds(e)
    streams = [Stream(e, names[0]) for _ in range(16)]
    equal({s.status for s in streams}, {200}, "16 readers of one")
    equal(Stream(e, names[0]).status, 429, "the next: 429")
    for name in names[1:4]:
        streams += [Stream(e, name) for _ in range(16)]
    equal(Stream(e, names[4]).status, 429, "64 in all: 429")

    for s in streams[:8]:
        s.close()
    # a sign of life would find out after 10 s
    ok(until(lambda: Stream(e, names[0]).status == 200, 5)
       and e.status()["running"] == 5, "who leaves makes room at once")
    e.make("go")
    rest = [s.all() for s in streams[8:]]
    ok(all(r == [("o", 1, b"a\n"), ("e", 2, b"b\n"), ("z", 2, b"")]
           for r in rest), "all have the same", rest[:2])
    ok(until(lambda: fds(e) <= before), "no descriptor is lost", fds(e),
       before)

    # who leaves in silence, after a request with a body
    name = start(e, until_made("on"), "shell")
    before = fds(e)
    c = socket.socket(socket.AF_UNIX)
    c.connect(e.socket)
    c.sendall(b"GET /v1/executions/%s/events HTTP/1.1\r\nAuthorization:"
              b" Bearer %s\r\nContent-Length: 2\r\n\r\n{}"
              % (name.encode(), TOKEN.encode()))
    ok(c.recv(1000).startswith(b"HTTP/1.1 200 "), "a GET with a body")
    c.close()
    ok(until(lambda: fds(e) <= before, 5), "who leaves in silence is noticed",
       fds(e), before)
    e.make("on")

    # who leaves in a flood
    name = start(e, "head -c 30000000 /dev/zero | tr '\\0' x; echo", "shell")
    for n in range(10):
        s = Stream(e, name)
        if s.status == 200 and n % 2:
            s.response.read1(100000)
        s.close()
    equal(told(e, name).head["stdout_dropped"], 30000001 - MIB,
          "readers that leave change nothing")

    # one that sends what nobody asked for
    name = start(e, "sleep 1; echo x", "shell")
    s = Stream(e, name)
    size = 0
    s.sock.settimeout(0.2)
    try:
        while size < 20 * MIB:
            size += s.sock.send(b"x" * 65536)
    except OSError:
        pass
    ok(size < 2 * MIB, "what a reader sends is not read", size)
    s.sock.settimeout(30)
    equal(s.all(), [("o", 1, b"x\n"), ("z", 1, b"")], "it has its frames")

    # a queued one
    name = start(e, "exit", "shell")
    until(lambda: e.callback.results(name))


FLOOD = ("import os\n"
         "for n in range(1600):\n"
         "    data = b'%05d' % n + b'x' * 65530 + b'\\n'\n"
         "    while data: data = data[os.write(1, data):]\n"
         "    if n % 100 == 0: os.write(2, b'e' * 50)\n")


def flood(e, readers):
    """How long it takes while so many do not read."""
    name = start(e, "import time\ntime.sleep(0.3)\n" + FLOOD)
    streams = [Stream(e, name) for _ in range(readers)]
    before, most = rss(e), 0

    while not e.callback.results(name):
        most = max(most, rss(e))
        time.sleep(0.05)

    return name, told(e, name), streams, most - before


def test_slow(e):
    away(e)
    size = 1600 * 65536

    # the first one makes it ready, with all that it keeps
    name, r, _, _ = flood(e, 0)
    e.ack(name)
    name, r, _, alone = flood(e, 0)
    least = r.head["duration_ms"]
    e.ack(name)

    # what waits for one of them waits for its time-out
    name, r, streams, grown = flood(e, 4)
    ok(r.status == "completed"
       and r.head["duration_ms"] < 3 * least + 2000,
       "readers that do not read slow nothing", r.head["duration_ms"], least)
    ok(grown < (alone + 6 * MIB) * OVERHEAD, "and cost no memory", grown,
       alone)

    for n, s in enumerate(streams):
        frames = s.all()
        got = len(text(frames, "o")), len(text(frames, "e"))
        gone = missed(frames, "O"), missed(frames, "E")
        if not ok((got[0] + gone[0], got[1] + gone[1]) == (size, 800),
                  "reader %d: what it has and what it is told to miss is all"
                  % n, got, gone):
            break
        numbers = [f[1] for f in frames]
        ok(numbers == sorted(numbers) and gone[0] > 50 * MIB,
           "it misses most, in order", gone, numbers[:20])
        ok(got[0] >= MIB - 32768, "but not what is kept", got)

    last = frames[-1][1]
    whole = Stream(e, name).all()
    equal((len(text(whole, "o")) + missed(whole, "O"),
           len(text(whole, "e")) + missed(whole, "E")), (size, 800),
          "so it is for one that comes late")

    # resumed from what is long gone, and each frame's number
    first = [f for f in whole if f[0] in "oe"][0][1]
    cuts = [f[1] for f in frames if f[0] in "oe" and f[1] < first]
    for after in cuts[:3] + cuts[-3:]:
        head = [f for f in frames if f[1] <= after]
        rest = Stream(e, name, "?after=%d" % after).all()
        equal((len(text(head + rest, "o")) + missed(head + rest, "O"),
               len(text(head + rest, "e")) + missed(head + rest, "E")),
              (size, 800), "resumed after %d: nothing twice, nothing lost"
              % after)

    # the shape knows how many there were
    records = shape(r.events)
    count = sum(x[2] if x[0] in "OE" else 1 for x in records)
    kept = sum(x[1] for x in records if x[0] == "o")
    equal((count, sum(x[1] for x in records if x[0] in "oO"),
           sum(x[1] for x in records if x[0] in "eE")), (last, size, 800),
          "the shape has all records and all bytes")
    ok(MIB - 16384 <= kept <= len(r.out), "and which are kept", kept)
    number, offset, stored = 0, {"o": 0, "e": 0}, {}
    for record in records:
        number += record[2] if record[0] in "OE" else 1
        if record[0] in "oe":
            out = r.out if record[0] == "o" else r.err
            at = offset[record[0]]
            stored[number] = out[at:at + record[1]].encode()
            offset[record[0]] += record[1]
    both = [f for f in frames if f[0] in "oe" and f[1] in stored]
    ok(len(both) > 1 and all(f[2] == stored[f[1]] for f in both),
       "the stored records are those that were streamed", len(both))
    e.ack(name)
    e.callback.answer = lambda call: 200


def test_ended(e):
    """What has ended and waits for its ack keeps a bounded part of it."""
    away(e)
    names = []
    for n in range(8):
        names.append(start(e, "head -c 1500000 /dev/zero | tr '\\0' %d" % n,
                           "shell"))
        until(lambda: e.callback.results(names[-1]))

    streams = [Stream(e, name).all() for name in names]
    totals = [len(text(f, "o")) + missed(f, "O") for f in streams]
    equal(totals, [1500000] * 8, "all of it is accounted for")
    kept = [len(text(f, "o")) for f in streams]
    ok(kept[0] == 0 and kept[-1] > 900000 and sum(kept) <= 4 * MIB,
       "the newest are kept, 4 MiB of them", kept)
    equal(missed(Stream(e, names[0], "?after=1").all(), "O"), 1500000,
          "of one that is gone, all is said to be missed")

    before = rss(e)
    for name in names:
        e.ack(name)
    e.callback.answer = lambda call: 200

    # from an earlier life
    away(e)
    name = start(e, "echo x", "shell")
    until(lambda: e.callback.results(name))
    e.kill()
    e.restart()
    r, data = e.request("GET", "/v1/executions/%s/events" % name)
    ok(r.status == 404 and b"result" in data, "told by its result only", data)
    e.callback.answer = lambda call: 200
    ok(before > 0 and until(lambda: e.request(
        "GET", "/v1/executions/" + name)[0].status == 404, 10), "which is told")


def test_sync(e):
    """A caller that takes the result does not end the streams."""
    got = []
    body = e.body("shell", "echo a; head -c 900000 /dev/zero | tr '\\0' x;"
                           " echo b >&2")

    acked = threading.Event()

    def reader():
        until(lambda: e.state(body["execution_id"]))
        s = Stream(e, body["execution_id"])
        e.make("read")
        acked.wait(30)
        got.append(s.all())

    t = threading.Thread(target=reader)
    body["code"] = until_made("read") + body["code"]
    t.start()
    r, data = e.post(body)
    e.ack(body["execution_id"])
    acked.set()
    t.join()
    r = Result(data)
    frames = got[0]
    equal((text(frames, "o"), text(frames, "e"), frames[-1][0]),
          (r.out.encode(), r.err.encode(), "z"),
          "acknowledged while it is read: read to its end")


def test_time(e):
    name = start(e, WRITE + "time.sleep(0.3)\nfor n in range(21):\n"
                            "    write(1, b'%.6f' % time.monotonic())\n"
                            "    time.sleep(0.02)\n"
                            "time.sleep(15)\nprint('end')")
    s = Stream(e, name)
    took = []
    for n in range(21):
        kind, number, line = s.next()
        took.append(s.at - float(line))
    took.sort()
    ok(took[len(took) // 2] < 0.05, "output is there in some ms",
       [round(t * 1000, 2) for t in took])
    equal(s.next(), ("h", 21, b""), "silence: a sign of life")
    ok(9.99 < s.at - float(line) < 14, "after 10 s", s.at - float(line))
    equal([f[0] for f in s.all()], ["o", "z"], "and the rest")


def test_queued():
    e = Executor(max_concurrent_executions=1).start().ready()
    first = start(e, "sleep 0.5; echo first", "shell")
    name = start(e, "echo second", "shell")
    s = Stream(e, name)
    equal(s.all(), [("o", 1, b"second\n"), ("z", 1, b"")],
          "one that waits can be read")
    body = e.body("shell", "echo older; sleep 30", mode="async")
    e.post(body)
    s = Stream(e, body["execution_id"])
    equal(s.next(), ("o", 1, b"older\n"), "an attempt")
    e.post(dict(body, attempt=2))
    equal(s.all(), [("z", 1, b"")], "that is ended for a newer one: the end")
    ok(until(lambda: e.callback.results(first)), "the first was told")
    equal(e.stop(), 0, "the end")


def main():
    if not os.path.exists(BUILT + "/executor"):
        print("Bail out! %s is not built" % BUILT)
        sys.exit(1)

    e = Executor(max_concurrent_executions=8).start().ready()

    test_records(e)
    test_resume(e)
    test_readers(e)
    test_slow(e)
    test_sync(e)
    test_time(e)
    test_ended(e)
    equal(e.stop(), 0, "the end")
    test_queued()

    done()


if __name__ == "__main__":
    main()
