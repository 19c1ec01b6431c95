#!/usr/bin/env python3
# Copyright (C) the ngx_sandbox authors
#
# A runner that lies.  It does what the code that it is given says, with the
# descriptors of the protocol in its hands, from before the gate to behind the
# frame; started for its request, and kept ready for it.  Would catch: a frame
# that is believed, an execution that outlives its deadline or ends with
# another cause than its own, memory that grows with what a runner sends, a
# process, a descriptor or a place that is lost.

import itertools
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import BUILT, Executor, done, equal, json, ok, until  # noqa

MIB = 1024 * 1024

# what is beside the memory of one result; a sanitizer keeps what was freed
RSS_MAX = 24 * MIB if "asan" not in BUILT else 600 * MIB

# from the deadline to the result: SIGTERM, 2 s, SIGKILL, and a slow machine
GRACE = 5

RUNNER = r"""
import os, signal, sys, time

def w(data, fd=4):
    data = memoryview(data)
    while data:
        data = data[os.write(fd, data):]

def die(signo):
    os.kill(os.getpid(), signo)
    time.sleep(60)

exec(os.environ.get("PYTHON_LIE", ""))

gate = os.read(5, 1)
request = b""

while b"\n\n" not in request:
    request += os.read(3, 100)

head, rest = request.split(b"\n\n", 1)
fields = dict(l.split(" ", 1) for l in head.decode().split("\n")[1:])

while len(rest) < int(fields["code"]):
    part = os.read(3, 65536)
    if not part:
        os._exit(99)
    rest += part

exec(rest[:int(fields["code"])])
"""

NOT_JSON = "return value is not JSON: "
BAD = NOT_JSON + "the runner's pipe holds something else"
SHORT = NOT_JSON + "the text ends too early"
LARGE = "return value of %d bytes is larger than 1048576 bytes"
STATUS = "exited with status %d"
SIGNAL = "killed by signal %d (%s)"
KILLED = SIGNAL % (9, "SIGKILL")
LATE = "timed out after 0.4 s"
LAST_WORDS = "w(b'value 1\\n1'); "
FORK = "\nif os.fork() == 0:\n time.sleep(60)\n os._exit(0)\n"

# a name, what the runner does, the status, the exit code, the message
FRAMES = (
    ("no frame", "pass", 0, None),
    ("a good frame", "w(b'value 2\\n12')", 0, None, "12"),
    ("in single bytes", "for b in b'value 2\\n12': w(bytes([b]))", 0, None,
     "12"),
    ("zeros before the length", "w(b'value 0000000002\\n12')", 0, None, "12"),
    ("a length that is too small", "w(b'value 1\\n12')", 0, None, "1"),
    ("a length that cuts JSON", "w(b'value 4\\n[1,2]')", 1, SHORT),
    ("a length that is too large", "w(b'value 9\\n12')", 1, SHORT),
    ("a length of nothing", "w(b'value 0\\n')", 1, SHORT),
    ("a length above the limit", "w(b'value 1048577\\n1')", 1,
     LARGE % 1048577),
    ("a length of ten digits", "w(b'value 9999999999\\n1')", 1,
     LARGE % 9999999999),
    ("a length of twenty digits", "w(b'value 18446744073709551617\\n1')", 1,
     BAD),
    ("a negative length", "w(b'value -1\\n1')", 1, BAD),
    ("a positive sign", "w(b'value +1\\n1')", 1, BAD),
    ("a hexadecimal length", "w(b'value 0x1\\n1')", 1, BAD),
    ("a length that is a word", "w(b'value one\\n1')", 1, BAD),
    ("two blanks", "w(b'value  1\\n1')", 1, BAD),
    ("a blank behind the length", "w(b'value 1 \\n1')", 1, BAD),
    ("a carriage return", "w(b'value 1\\r\\n1')", 1, BAD),
    ("a NUL in the length", "w(b'value 1\\0\\n1')", 1, BAD),
    ("no length", "w(b'value \\n1')", 1, BAD),
    ("another word", "w(b'result 1\\n1')", 1, BAD),
    ("a large letter", "w(b'Value 1\\n1')", 1, BAD),
    ("half of a word", "w(b'val')", 1, BAD),
    ("half of a length", "w(b'value 1')", 1, BAD),
    ("half of an error", "w(b'error 12')", 1, BAD),
    ("half of a value", "w(b'value 10\\n[1,')", 1, SHORT),
    ("garbage", "w(bytes(range(256)) * 40)", 1, BAD),
    ("one byte", "w(b'\\xff')", 1, BAD),
    ("JSON without a head", "w(b'{}')", 1, BAD),
    ("two frames", "w(b'value 1\\n1value 1\\n2')", 0, None, "1"),
    ("an error behind a value", "w(b'value 1\\n1error 1\\nx')", 0, None, "1"),
    ("a value behind an error", "w(b'error 1\\nxvalue 1\\n2')", 1, "x"),
    ("a value that is no JSON", "w(b'value 3\\nabc')", 1,
     NOT_JSON + "an unknown word is in it"),
    ("a value that is not UTF-8", "w(b'value 3\\n\"\\xff\"')", 1,
     NOT_JSON + "a string is not valid UTF-8"),
    ("a lone surrogate", "w(b'value 8\\n\"\\\\ud800\"')", 1,
     NOT_JSON + "a string has a lone surrogate"),
    ("65 brackets", "w(b'value 130\\n' + b'[' * 65 + b']' * 65)", 1,
     NOT_JSON + "it is nested too deeply, 64 levels are allowed"),
    ("a value, and a status", "w(b'value 1\\n1'); os._exit(7)", 7,
     STATUS % 7),
    ("garbage, and a status", "w(b'\\0' * 99); os._exit(8)", 8, STATUS % 8),
    ("an error, and a status", "w(b'error 2\\nabc'); os._exit(3)", 3, "ab"),
    ("an error, and no status", "w(b'error 2\\nab')", 1, "ab"),
    ("an error without a text", "w(b'error 0\\n')", 1,
     "failed without a message"),
    ("an error that is too short", "w(b'error 99\\nab')", 1, "ab"),
    ("an error that is not UTF-8", "w(b'error 3\\na\\xffb')", 1,
     "a\ufffdb"),
    ("another execution's id",
     "w(b'execution_id exec_20260101_00000001\\nvalue 1\\n1')", 1, BAD),
    ("another execution's request",
     "w(b'sandbox-run 2\\nexecution_id exec_other\\n\\n')", 1, BAD),
    ("its own request", "w(request)", 1, BAD),
    ("another execution's result", "w(b'{\"execution_id\":\"exec_1\","
     "\"status\":\"completed\",\"exit_code\":0}\\n')", 1, BAD),
)

HUGE = (
    ("100 MB of value", "w(b'value 104857600\\n'); w(b'1' * 2**20 * 100)", 1,
     LARGE % 104857600),
    ("100 MB behind a value", "w(b'value 3\\n[1]'); w(b'1' * 2**20 * 100)",
     0, None, "[1]"),
    ("100 MB without a head", "w(b'x' * 2**20 * 100)", 1, BAD),
    ("100 MB of digits", "w(b'value '); w(b'1' * 2**20 * 100)", 1, BAD),
    ("100 MB of error", "w(b'error 104857600\\n'); w(b'x' * 2**20 * 100)", 1,
     "x" * 2048),
)

DEATHS = (
    ("ends before it reads", "w(b'x'); os._exit(3)", 3, STATUS % 3),
    ("ends well before it reads", "os._exit(0)", 0, None),
    ("is killed before it reads", "die(9)", 137, KILLED),
    ("faults before it reads", "die(11)", 139, SIGNAL % (11, "SIGSEGV")),
    ("stops before it reads", "die(19)", 124, LATE),
    ("closes the request", "os.close(3)\ntry:\n os.read(3, 1)\n"
     "except OSError: os._exit(5)", 5, STATUS % 5),
    ("never reads", "time.sleep(60)", 124, LATE),
    ("does not hear SIGTERM", "signal.signal(15, signal.SIG_IGN)\n"
     "while True: time.sleep(60)", 124, LATE),
    ("ends in the request", "os.read(5, 1); os.read(3, 10); os._exit(4)", 4,
     STATUS % 4),
    ("is killed in the request", "os.read(5, 1); os.read(3, 10); die(9)",
     137, KILLED),
    ("stops in the request", "os.read(5, 1); os.read(3, 10); die(19)", 124,
     LATE),
    ("reads too much", "os.read(5, 1)\nwhile os.read(3, 65536): pass\n"
     "w(b'value 1\\n1'); os._exit(0)", 0, None, "1"),
)

LAST = (
    ("is killed in a frame", "w(b'value 9\\n1'); die(9)", 137, KILLED),
    ("is killed behind a frame", LAST_WORDS + "die(9)", 137, KILLED),
    ("faults behind a frame", LAST_WORDS + "die(11)", 139,
     SIGNAL % (11, "SIGSEGV")),
    ("aborts behind a frame", LAST_WORDS + "die(6)", 134,
     SIGNAL % (6, "SIGABRT")),
    ("ends by SIGTERM of its own", LAST_WORDS + "die(15)", 143,
     SIGNAL % (15, "SIGTERM")),
    ("stops behind a frame", LAST_WORDS + "die(19)", 124, LATE),
    ("sleeps behind a frame", LAST_WORDS + "time.sleep(60)", 124, LATE),
    ("answers after its deadline", "signal.signal(15, lambda *a: (w("
     "b'value 1\\n1'), os._exit(0)))\ntime.sleep(60)", 124, LATE),
    ("closes everything and sleeps", "os.closerange(0, 256)\n"
     "time.sleep(60)", 124, LATE),
    ("a child keeps the pipes", FORK + LAST_WORDS, 0, None, "1"),
    ("a child of its own session keeps them", FORK.replace(
        "\n time", "\n os.setsid()\n time") + LAST_WORDS, 0, None, "1"),
    ("a grandchild keeps them", FORK.replace(
        "\n time", "\n os.setsid()\n if os.fork(): os._exit(0)\n time")
     + LAST_WORDS, 0, None, "1"),
    ("a stopped child keeps them", FORK.replace(
        "\n time", "\n os.setsid()\n die(19)\n time") + LAST_WORDS, 0, None,
     "1"),
    ("a child keeps them, and it is killed", FORK + "die(9)", 137, KILLED),
    ("a child prints for ever", FORK.replace(
        "time.sleep(60)", "w(b'x' * 65536, 1)").replace("\n w", "\n while 1:"
                                                        " w")
     + LAST_WORDS, 0, None, "1"),
    # a chain, not a bomb, and one that ends should the executor be no more
    ("children for ever", FORK.replace(
        "time.sleep(60)", "end = time.monotonic() + 15\n"
        " while time.monotonic() < end and os.fork() == 0: os.setsid()")
     + LAST_WORDS, 0, None, "1"),
)


class Hostile(Executor):
    """Its interpreters may end before they are ready."""

    def wait_for_ready(self, language):
        if self.bootstrap.get("prestart"):
            until(lambda: self.status()["ready"][language], 0.3)


def executor(**bootstrap):
    e = Hostile(**bootstrap)

    with open(e.dir + "/opt/runners/python.py", "w") as f:
        f.write(RUNNER)

    return e.start().ready()


def rss(e, name):
    with open("/proc/%d/status" % e.process.pid) as f:
        for line in f:
            if line.startswith(name):
                return int(line.split()[1]) * 1024


def fds(e):
    return len(os.listdir("/proc/%d/fd" % e.process.pid))


def check(e, name, code, expected, message, value="NONE", timeout=20,
          **fields):
    """Runs it; returns its result, when it was what it had to be."""
    if message == LATE:
        timeout = 0.4

    begun = time.monotonic()
    r = e.python(code, timeout=timeout, **fields)
    took = time.monotonic() - begun

    status = "timeout" if expected == 124 else "failed" if expected \
        else "completed"
    got = (r.status, r.code, r.message, r.text or "NONE")

    ok(got == (status, expected, message, value) and r.exact
       and r.head["execution_id"] == r.id and r.head_size < 16384
       and took < timeout + GRACE, name,
       "expected: %r" % ((status, expected, message, value),), r,
       "%.1f s" % took)

    return r


def test_frames(e, where):
    for name, code, *expected in FRAMES:
        check(e, where + name, code, *expected)


def test_huge(e, where):
    for name, code, *expected in HUGE:
        check(e, where + name, code, *expected)

    hwm = rss(e, "VmHWM")
    ok(hwm < RSS_MAX, where + "memory does not grow with it", hwm)


def test_order(e, where):
    """The channels are closed in each order, and it lives on."""
    for order in itertools.permutations((1, 2, 4)):
        code = "w(b'value 1\\n1')\nfor fd in %r:\n w(b'%%d' %% fd, fd)\n" \
            " os.close(fd)\n time.sleep(0.005)\ntime.sleep(0.02)" % (order,)
        r = check(e, where + "closes %d, %d, %d" % order, code, 0, None, "1")
        equal((r.out, r.err), ("1", "2"), "what was written is there")

    check(e, where + "closes 4, and goes on", "os.close(4)\nprint('on')", 0,
          None)
    check(e, where + "closes 4, and fails", "os.close(4)\nos._exit(9)", 9,
          STATUS % 9)


def test_deaths(e, where):
    """Before the code is read: told by a variable that needs a start."""
    for name, lie, *expected in DEATHS:
        check(e, where + name, "pass", *expected, env_vars={"PYTHON_LIE": lie})


def test_last(e, where):
    for name, code, *expected in LAST:
        check(e, where + name, code, *expected)
        equal(until(lambda: e.left() == 0), True, "nothing is left of it")


def test_floods(e, where):
    r = check(e, where + "100 MB of stdout", "w(b'x' * 2**20 * 100, 1)", 0,
              None)
    equal((len(r.out), r.head["stdout_dropped"]), (MIB, 99 * MIB),
          "what was dropped is counted")

    r = check(e, where + "100 MB on each channel", "import threading\n"
              "t = [threading.Thread(target=w, args=(b'x' * 2**20 * 100, n))"
              " for n in (1, 2, 4)]\n[x.start() for x in t]\n"
              "[x.join() for x in t]", 1, BAD)
    equal((r.head["stdout_dropped"], r.head["stderr_dropped"]),
          (99 * MIB, 99 * MIB), "what was dropped is counted")

    check(e, where + "floods for ever", "while True: w(b'x' * 65536, 1)",
          124, LATE)
    check(e, where + "floods 4 for ever", "while True: w(b'x' * 65536)", 124,
          LATE)

    hwm = rss(e, "VmHWM")
    ok(hwm < RSS_MAX, where + "memory does not grow with them", hwm)


def test_together(e, where):
    """Some of each at the same time: none takes another's word."""
    cases = [c for c in FRAMES + LAST + DEATHS if "child" not in c[0]]
    bodies, expected = [], {}

    for n in range(48):
        name, code, *rest = cases[n * 7 % len(cases)]
        lie = (name, code, *rest) in DEATHS
        body = e.body("python", "pass" if lie else code, mode="async",
                      timeout=0.4 if 124 in rest[:1] else 20,
                      env_vars={"PYTHON_LIE": code} if lie else {})
        expected[body["execution_id"]] = name, rest
        bodies.append(body)

    for body in bodies:
        until(lambda: e.post(body)[0].status != 429, 30)

    def results():
        return [e.callback.results(i) for i in expected]

    ok(until(lambda: all(results()), 30), where + "all of them end")

    for i, (name, (code, message, *value)) in expected.items():
        head = json.loads(e.callback.results(i)[0].body.split(b"\n")[0])
        ok((head["exit_code"], head["error_message"]) == (code, message),
           where + "at once: " + name, head)


def test_ready(lie, *expected):
    """One that is kept ready, and lies from its start."""
    name = "ready: " + lie
    e = executor(prestart={"python": 1}, env_vars={"PYTHON_LIE": lie})
    time.sleep(0.3)
    check(e, name, "w(b'value 1\\n1')", *expected)
    check(e, "and once more", "w(b'value 1\\n1')", *expected)
    equal(e.shell("echo ok").out, "ok\n", "another language runs")
    equal(e.stop(), 0, "the end")


def test_all(e, where):
    check(e, where + "warm", "pass", 0, None)
    until(lambda: e.left() == 0 and ready(e)
          == e.bootstrap.get("prestart", {}).get("python", 0))
    before = fds(e) - ready(e) * 6

    test_frames(e, where)
    test_huge(e, where)
    test_order(e, where)
    test_deaths(e, where)
    test_last(e, where)
    test_floods(e, where)
    test_together(e, where)

    ok(until(lambda: e.status()["running"] == 0 and e.left() == 0
             and fds(e) - ready(e) * 6 <= before),
       where + "no place, process or descriptor is lost", e.status(),
       e.inside(), before, fds(e))

    equal(e.stop(), 0, "the end")


def ready(e):
    return e.status()["ready"]["python"]


def main():
    if not os.path.exists(BUILT + "/executor"):
        print("Bail out! %s is not built" % BUILT)
        sys.exit(1)

    test_all(executor(), "")
    test_all(executor(prestart={"python": 2}), "ready: ")

    test_ready("os._exit(3)", 3, STATUS % 3)
    test_ready("die(9)", 137, KILLED)
    test_ready("die(19)", 124, LATE)
    test_ready("os.close(5); time.sleep(60)", 124, LATE)
    test_ready("os.read(5, 1); os._exit(4)", 4, STATUS % 4)
    test_ready("os.read(5, 1); os.read(3, 9); die(11)", 139,
               SIGNAL % (11, "SIGSEGV"))
    test_ready("w(b'value 1\\n2')", 0, None, "2")
    test_ready("w(b'x' * 70000)", 1, BAD)
    test_ready("os.closerange(0, 3)", 0, None, "1")

    done()


if __name__ == "__main__":
    main()
