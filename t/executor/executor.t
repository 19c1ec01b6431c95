#!/usr/bin/env python3
# Copyright (C) the ngx_sandbox authors
#
# The built executor as its control plane and its code meet it: a temporary
# folder, a user without rights, a callback server that is told what to
# answer.  Would catch: a result that is lost or sent twice, output mixed
# with the return value, a process that outlives its execution, a flood or a
# closed descriptor that stops the executor, a token that leaks.
#
# SANDBOX_EXECUTOR_DIR names another build than build/executor.

import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import (BUILT, SESSION, TOKEN, Executor, Result, done,  # noqa
                     equal, json, ok, skip, until, until_made)

MIB = 1024 * 1024


def test_start():
    e = Executor().start().ready()

    ready = e.callback.calls[0]
    equal(ready.path, "/internal/sessions/%s/container_ready" % SESSION,
          "container_ready is told at start")
    equal(ready.headers["Authorization"], "Bearer " + TOKEN, "with the token")
    equal(sorted(json.loads(ready.body)),
          ["isolation", "languages", "version"],
          "and what can run, and what keeps it in")
    ok(not os.path.exists(e.run + "/bootstrap.json"),
       "bootstrap.json is gone")
    equal(oct(os.stat(e.socket).st_mode & 0o777), "0o666",
          "mode of the socket")

    r, data = e.request("GET", "/v1/status")
    status = json.loads(data)
    equal((r.status, status["session_id"], status["running"]),
          (200, SESSION, 0), "status")
    ok("python" in status["languages"] and "shell" in status["languages"],
       "languages of the image", status)

    return e


def test_http(e):
    for name, token in (("no", None), ("wrong", TOKEN[:-1] + "x"),
                        ("short", TOKEN[:-1]), ("long", TOKEN + "0"),
                        ("empty", "")):
        r, data = e.request("GET", "/v1/status", token=token)
        equal((r.status, "error" in json.loads(data)), (401, True),
              "%s token: 401" % name)

    r, _ = e.request("POST", "/v1/executions/x/ack", token="x")
    equal(r.status, 401, "401 comes before everything else")

    equal(e.request("GET", "/v1/nothing")[0].status, 404, "unknown path: 404")
    equal(e.request("GET", "/v1/executions")[0].status, 405,
          "wrong method: 405")
    equal(e.request("GET", "/v1/executions/exec_unknown")[0].status, 404,
          "an unknown one: 404")
    equal(e.request("GET", "/v1/executions/../status")[0].status, 404,
          "an id that is none: 404")
    equal(e.ack("exec_unknown"), 204, "ack of an unknown one: 204")
    equal(e.request("POST", "/v1/executions/exec_unknown/cancel")[0].status,
          404, "cancel of an unknown one: 404")

    for body, field in (
            ("", "body"), ("{", "body"), ("[]", "body"), ('"x"', "body"),
            ("{}", "execution_id"), (b'{"a": "\xff"}', "body"),
            ('{"execution_id": "a", "execution_id": "b"}', "execution_id")):
        r, data = e.request("POST", "/v1/executions", body)
        ok(r.status == 400
           and json.loads(data)["error"].startswith(field),
           "%r: 400 names %s" % (body[:30], field), r.status, data)

    for field, value in (
            ("execution_id", "../x"), ("execution_id", "x" * 65),
            ("execution_id", 1), ("language", "ruby"), ("language", None),
            ("code", ""), ("code", "a\0b"), ("code", "x" * 131072),
            ("timeout", 0), ("timeout", 3601), ("timeout", "1"),
            ("timeout", None), ("env_vars", {"a=b": "c"}),
            ("env_vars", {"": "c"}), ("env_vars", {"a": 1}),
            ("env_vars", {"a": "b\0"}), ("env_vars", {"a": "x" * 140000}),
            ("env_vars", []), ("stdin", 5), ("mode", "later"),
            ("attempt", 0), ("attempt", 1001), ("attempt", 1.5),
            ("attempt", "2"), ("attempt", None), ("attempt", 2 ** 63),
            ("working_directory", "/tmp"), ("working_directory", "a/../.."),
            ("working_directory", ".."), ("working_directory", "")):
        r, data = e.post(dict(e.body("shell", ":"), **{field: value}))
        ok(r.status == 400 and json.loads(data)["error"].startswith(field),
           "%s=%.20r: 400" % (field, value), r.status, data)

    c = e.connect()
    try:
        r, data = e.request("POST", "/v1/executions", b" " * 20 * MIB,
                            connection=c)
        status = r.status
    except (BrokenPipeError, ConnectionResetError):
        status = "closed"
    c.close()
    ok(status in (413, "closed"), "a body of 20 MB is refused", status)
    equal(e.request("GET", "/v1/status")[0].status, 200, "and it lives on")

    c = e.connect()
    equal([e.request("GET", "/v1/status", connection=c)[0].status
           for _ in range(3)], [200] * 3, "connections are kept")
    c.close()

    for rest in (b"GET / HTTP/1.1\r\nA: " + b"x" * 100000 + b"\r\n\r\n",
                 b"\0\0\0\0\r\n\r\n", b"POST /v1/executions HTTP/1.1\r\n"
                 b"Content-Length: -5\r\n\r\n"):
        c = e.connect()
        c.connect()
        try:
            c.sock.sendall(rest)
            c.sock.settimeout(2)
            c.sock.recv(100)
        except OSError:
            pass
        c.close()
    equal(e.request("GET", "/v1/status")[0].status, 200,
          "no garbage ends it")


def test_curl(e):
    """The same as a person would do it."""
    body = json.dumps(e.body("shell", "echo from curl"))
    out = subprocess.run(
        ["curl", "-sS", "--unix-socket", e.socket, "-H",
         "Authorization: Bearer " + TOKEN, "-d", body,
         "http://localhost/v1/executions"], capture_output=True).stdout
    equal(Result(out).out, "from curl\n", "curl --unix-socket")
    e.ack(json.loads(body)["execution_id"])


def test_output(e):
    r = e.python("import os\nfor c in (b'\\xff', b'a\\xe2\\x82', b'\\xac b',"
                 " b'\\xed\\xa0\\x80', b'\\xf0\\x9f'): os.write(1, c)")
    raw = b"\xffa\xe2\x82\xac b\xed\xa0\x80\xf0\x9f"
    equal(r.out, raw.decode("utf-8", "replace"),
          "invalid UTF-8 is replaced as everywhere")

    r = e.shell("head -c 100000000 /dev/zero | tr '\\0' x;"
                " echo err >&2", timeout=120)
    equal((r.status, len(r.out), r.head["stdout_dropped"], r.err),
          ("completed", MIB, 100000000 - MIB, "err\n"),
          "a flood of 100 MB is drained, bounded and counted")

    r = e.shell("head -c 2000000 /dev/zero | tr '\\0' '\\377' >&2")
    ok(len(r.err.encode()) <= MIB and set(r.err) == {"\ufffd"}
       and r.head["stderr_dropped"] == 2000000 - len(r.err),
       "replacements count as they are sent", r.head)

    r = e.python("import os, time\nos.closerange(0, 3)\ntime.sleep(0.3)\n"
                 "def handler(event): return 'still'")
    equal((r.status, r.value), ("completed", "still"),
          "closing stdout early ends nothing")
    ok(r.head["duration_ms"] >= 300, "and is waited for")

    r = e.python("import os\nos.close(4)\n"
                 "def handler(event): return 1")
    ok(r.status == "failed" and r.code == 1 and r.text == ""
       and "cannot be passed on" in r.err,
       "closing the value's descriptor fails", r)

    for name, frame in (("garbage", "b'garbage'"),
                        ("a huge length", "b'value 99999999999\\n1'"),
                        ("too much", "b'value 2000000\\n' + b'1' * 2000000"),
                        ("too little", "b'value 5\\n12'"),
                        ("no JSON", "b'value 3\\nNaN'"),
                        ("not UTF-8", "b'value 3\\n\"\\xff\"'"),
                        ("a head only", "b'value '")):
        r = e.python("import os\ndata = %s\nwhile data:\n"
                     "    data = data[os.write(4, data):]" % frame)
        ok(r.status == "failed" and r.code == 1 and r.text == ""
           and r.message.startswith("return value"),
           "a forged value, %s: refused" % name, r)

    r = e.python("import os\nif os.fork() == 0: os._exit(0)\n"
                 "os.wait()\ndef handler(event): return os.getpid()")
    ok(isinstance(r.value, int), "fork in the code", r)
    r = e.python("import os\npid = os.fork()\n"
                 "def handler(event): return pid > 0\n"
                 "if pid: os.waitpid(pid, 0)")
    equal(r.value, True, "a forked child does not answer for its parent")


def test_time(e):
    # a slow machine must be able to print by then
    e.wait_for_ready("python")
    began = time.monotonic()
    r = e.python("print('before')\nimport time\ntime.sleep(60)", timeout=2)
    took = time.monotonic() - began
    equal((r.status, r.code, r.message, r.out),
          ("timeout", 124, "timed out after 2 s", "before\n"),
          "time-out, with what was printed")
    # the loop's clock is one of milliseconds; SIGKILL would be 2 s later
    ok(1.99 <= took < 3.9, "at once", took)

    began = time.monotonic()
    r = e.shell("trap '' TERM; echo $$; while :; do sleep 0.1; done",
                timeout=1.5)
    took = time.monotonic() - began
    ok(r.status == "timeout" and 3.49 <= took < 10
       and r.message == "timed out after 1.5 s",
       "SIGTERM ignored: killed after 2 s", took, r)
    pid = int(r.out)
    ok(not os.path.exists("/proc/%d" % pid), "and gone")

    r = e.shell("kill -STOP $$; echo on", timeout=0.5)
    equal((r.status, r.code), ("timeout", 124), "a stopped process ends too")

    body = e.body("shell", "sleep 60", mode="async")
    equal(e.post(body)[0].status, 202, "async: 202")
    name = body["execution_id"]
    equal(e.request("POST", "/v1/executions/%s/cancel" % name)[0].status,
          204, "cancel: 204")
    call = until(lambda: e.callback.results(name))
    r = Result(call[0].body)
    equal((r.status, r.message), ("cancelled", "cancelled"),
          "its result says cancelled")

    if "long" in sys.argv:
        r = e.python("import time; time.sleep(70)", timeout=100)
        equal(r.status, "completed", "a sync call of 70 s")


def test_processes(e, where):
    def gone(marker):
        return until(lambda: not e.processes(marker))

    marker = "7%06d" % (os.getpid() % 1000000)

    r = e.shell("sleep %s & echo started" % marker)
    ok(r.out == "started\n" and gone(marker),
       where + "a background process is gone", e.processes(marker))

    r = e.shell("sleep %s & sleep 0.2; echo $!" % marker)
    ok(r.status == "completed" and r.head["duration_ms"] < 10000,
       where + "and does not keep the execution", r)

    daemon = ("import os, sys, time\n"
              "if os.fork() == 0:\n"
              "    os.setsid()\n"
              "    if os.fork() == 0:\n"
              "        os.execvp('sleep', ['sleep', '%s'])\n"
              "    os._exit(0)\n"
              "os.wait()\n"
              "def handler(event): return 'done'\n" % marker)
    began = time.monotonic()
    r = e.python(daemon)
    ok(r.value == "done" and gone(marker),
       where + "a daemon with its own session is gone",
       e.processes(marker))
    ok(time.monotonic() - began < 10, where + "without a time-out")

    # another one runs: it is known whose the daemon is all the same
    body = e.body("shell", until_made("first") + "echo other", mode="async")
    e.post(body)
    r = e.python(daemon)
    ok(r.value == "done" and not e.processes(marker)
       and not e.callback.results(body["execution_id"]),
       where + "so is one beside another execution", e.processes(marker))
    e.make("first")
    other = until(lambda: e.callback.results(body["execution_id"]))
    equal(Result(other[0].body).out, "other\n",
          where + "which is left alone")
    os.unlink(e.workspace + "/first")

    # and if it says that it is nobody's
    r = e.python("import ctypes\n"
                 "ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)\n" + daemon)
    ok(r.value == "done" and not e.processes(marker),
       where + "so is one whose parent gave it away", e.processes(marker), r)

    # a group of its own in the same session, beside another execution
    body = e.body("shell", until_made("second"), mode="async")
    e.post(body)
    r = e.python("import os, time\n"
                 "if os.fork() == 0:\n"
                 "    os.setpgid(0, 0)\n"
                 "    os.execvp('sleep', ['sleep', '%s'])\n"
                 "time.sleep(0.2)\n" % marker)
    ok(gone(marker) and not e.callback.results(body["execution_id"]),
       where + "a group of its own in the session is gone",
       e.processes(marker))
    e.make("second")
    until(lambda: e.callback.results(body["execution_id"]))
    os.unlink(e.workspace + "/second")

    forks = ("import os, time\n"
             "for i in range(20):\n"
             "    if os.fork() == 0:\n"
             "        os.setsid()\n"
             "        while True:\n"
             "            if os.fork() != 0: os._exit(0)\n"
             "            time.sleep(0.001)\n"
             "            os.getpid()\n"
             "'%s'\n" % marker)
    r = e.python(forks, timeout=20)
    ok(r.status == "completed", where + "processes that run from a kill", r)
    ok(until(lambda: e.left() == 0), where + "are all caught", e.inside())

    if e.init:
        r = e.shell("kill -9 -1; echo never; sleep 0.2; exit 5")
        equal(r.out, "never\n",
              where + "kill -9 -1 spares its sender and the executor")


def test_limits():
    e = Executor(max_concurrent_executions=2,
                 max_queued_executions=3).start().ready()

    bodies = [e.body("shell", "echo $$ >>order; echo %d >>order; " % n
                     + until_made("go") + "sleep 0.2", mode="async")
              for n in range(5)]
    began = time.monotonic()
    answers = [e.post(b) for b in bodies]
    waits = time.monotonic()
    equal([r.status for r, _ in answers], [202] * 5,
          "two at a time, and three that wait")
    equal([json.loads(data)["status"] for _, data in answers],
          ["running"] * 2 + ["queued"] * 3, "are told which they are")
    r, data = e.post(e.body("shell", "true"))
    equal((r.status, "error" in json.loads(data)), (429, True),
          "the sixth: 429")
    status = e.status()
    equal((status["running"], status["queued"]), (2, 3), "status counts them")
    equal(e.post(bodies[0])[0].status, 409, "the same id again: 409")
    equal(e.post(bodies[4])[0].status, 409, "also of one that waits")

    _, data = e.request("GET", "/v1/executions/" + bodies[4]["execution_id"])
    equal(json.loads(data)["state"], "queued", "it is known as such")
    equal(e.request("POST", "/v1/executions/%s/cancel"
                    % bodies[4]["execution_id"])[0].status, 204,
          "one that waits is cancelled")
    result = until(lambda: e.callback.results(bodies[4]["execution_id"]))
    equal(Result(result[0].body).status, "cancelled", "at once")

    def order():
        try:
            with open(e.workspace + "/order") as f:
                return [line for line in f.read().split() if len(line) == 1]
        except FileNotFoundError:
            return []

    until(lambda: len(order()) == 2)
    time.sleep(1)
    waited = time.monotonic() - waits
    e.make("go")
    ok(until(lambda: all(e.callback.results(b["execution_id"])
                         for b in bodies)), "all are reported")
    equal((sorted(order()[:2]), sorted(order()[2:])), (["0", "1"], ["2", "3"]),
          "in the order in which they came, the cancelled one not at all")
    call = e.callback.results(bodies[3]["execution_id"])[0]
    head = Result(call.body).head
    ok(waited * 1000 - 10 < head["metrics"]["queued_ms"]
       and head["metrics"]["queued_ms"] + head["duration_ms"]
       < (call.at - began) * 1000 + 10,
       "the time that one waited is told, and is not its own", head, waited)

    # a sync one waits like the others
    e.post(e.body("shell", "sleep 0.4", mode="async"))
    e.post(e.body("shell", "sleep 0.4", mode="async"))
    equal(e.shell("echo late").out, "late\n", "a sync one waits for its place")
    equal(e.stop(), 0, "the end")

    # what waits is bounded in bytes as well
    e = Executor(max_concurrent_executions=1,
                 max_queued_executions=100).start().ready()
    large = [e.body("shell", "sleep 300", timeout=600, mode="async",
                    stdin="x" * (7 * MIB)) for _ in range(5)]
    statuses = [e.post(b)[0].status for b in large]
    equal(statuses, [202, 202, 202, 202, 429], "large ones take more room")
    e.stop()


def test_reports(e):
    cb = e.callback

    body = e.body("python", "print('x')\ndef handler(e): return [1]",
                  mode="async")
    name = body["execution_id"]
    e.post(body)
    calls = until(lambda: cb.results(name))
    equal((calls[0].headers["Idempotency-Key"],
           calls[0].headers["Authorization"],
           calls[0].headers["Content-Type"]),
          (name + "_result", "Bearer " + TOKEN,
           "application/vnd.ngx-sandbox.result"), "headers of a report")
    r = Result(calls[0].body)
    ok(r.exact and r.out == "x\n" and r.value == [1]
       and r.head["execution_id"] == name, "its body", r)
    time.sleep(0.4)
    equal(len(cb.results(name)), 1, "200: told once")
    equal(e.post(dict(body, mode="sync"))[0].status, 409,
          "and never run again")
    equal(e.post(dict(body, mode="sync", attempt=2))[0].status, 200,
          "but for another attempt")
    e.ack(name)
    equal(e.post(dict(body, mode="sync", attempt=2))[0].status, 409,
          "which is not run again either")

    # no ack
    body = e.body("shell", "echo unacked")
    asked = time.monotonic()
    r, data = e.post(body)
    name = body["execution_id"]
    equal(e.post(body)[0].status, 409, "409 while it waits for the ack")
    r, state = e.request("GET", "/v1/executions/" + name)
    equal((r.status, json.loads(state)),
          (200, {"execution_id": name, "attempt": 1, "state": "ended"}),
          "it is known to have ended")
    calls = until(lambda: cb.results(name))
    ok(calls and 1.99 < calls[0].at - asked < 5,
       "no ack: reported after 2 s", calls and calls[0].at - asked)
    equal(calls and calls[0].body, data, "the same bytes")

    # an ack, and silence
    body = e.body("shell", "echo acked")
    e.post(body)
    equal(e.ack(body["execution_id"]), 204, "ack: 204")
    time.sleep(2.5)
    equal(cb.results(body["execution_id"]), [], "ack: no report")

    # the client goes before the end
    body = e.body("shell", until_made("gone") + "echo survived")
    c = e.connect()
    c.request("POST", "/v1/executions", json.dumps(body),
              {"Authorization": "Bearer " + TOKEN})
    until(lambda: e.state(body["execution_id"]) == "running")
    c.close()
    time.sleep(0.1)
    equal(e.state(body["execution_id"]), "running", "and known to run")
    e.make("gone")
    calls = until(lambda: cb.results(body["execution_id"]))
    ok(calls and Result(calls[0].body).out == "survived\n",
       "the client is gone: reported", calls)

    # ... with an answer that fits no socket buffer
    body = e.body("shell", "head -c 1000000 /dev/zero | tr '\\0' x")
    c = e.connect()
    c.request("POST", "/v1/executions", json.dumps(body),
              {"Authorization": "Bearer " + TOKEN})
    until(lambda: e.state(body["execution_id"]) == "ended")
    c.close()
    calls = until(lambda: cb.results(body["execution_id"]))
    ok(calls and len(Result(calls[0].body).out) == 1000000,
       "the client goes while it is answered: reported")

    # an ack while the answer is still being written
    body = e.body("shell", "head -c 1000000 /dev/zero | tr '\\0' x")
    c = e.connect()
    c.request("POST", "/v1/executions", json.dumps(body),
              {"Authorization": "Bearer " + TOKEN})
    ok(until(lambda: e.state(body["execution_id"]) == "ended"),
       "it has ended")
    equal(e.ack(body["execution_id"]), 204, "an ack before the last byte")
    equal(len(Result(c.getresponse().read()).out), 1000000,
          "the answer is whole all the same")
    c.close()
    equal(cb.results(body["execution_id"]), [], "and is not reported")

    # two executions on one connection, the first without an ack
    c = e.connect()
    first, second = e.body("shell", "echo 1"), e.body("shell", "sleep 3")
    e.post(first, connection=c)
    _, data = e.post(second, connection=c)
    e.ack(second["execution_id"])
    ok(Result(data).status == "completed"
       and until(lambda: cb.results(first["execution_id"])),
       "a kept connection does not stop a report")
    c.close()


def test_retries(e):
    cb = e.callback

    cb.answer = lambda call: 503
    body = e.body("shell", "echo retried", mode="async")
    name = body["execution_id"]
    began = time.monotonic()
    e.post(body)
    until(lambda: len(cb.results(name)) >= 3)
    calls = cb.results(name)
    gaps = [b.at - a.at for a, b in zip(calls, calls[1:])]
    # a slow machine may be later, and never sooner
    ok(len(gaps) >= 2 and 0.79 < gaps[0] < 2.4 and 1.59 < gaps[1] < 4,
       "503: again after 1, 2 s, give or take a fifth", gaps)
    ok(calls[0].at - began < 1.9, "the first time at once",
       calls[0].at - began)
    equal(e.ack(name), 204, "an ack ends the reports")
    n = len(cb.results(name))

    bodies = [e.body("shell", ":", mode="async") for _ in range(8)]
    for body in bodies:
        e.post(body)
    names = [b["execution_id"] for b in bodies]
    until(lambda: all(len(cb.results(n)) >= 2 for n in names))
    gaps = sorted(cb.results(n)[1].at - cb.results(n)[0].at for n in names)
    ok(gaps[-1] - gaps[0] > 0.02 and 0.79 < gaps[0] and gaps[-1] < 2.4,
       "reports of one time come back at different ones", gaps)
    for n in names:
        e.ack(n)
    n = len(cb.results(name))
    time.sleep(5)
    equal(len(cb.results(name)), n, "there are none any more")

    for status in (400, 401, 404, 409):
        cb.answer = lambda call: status
        body = e.body("shell", "echo refused", mode="async")
        e.post(body)
        until(lambda: cb.results(body["execution_id"]))
        time.sleep(1.4)
        equal(len(cb.results(body["execution_id"])), 1,
              "%d is final" % status)

    for status in (429, 500, 302, None):
        cb.answer = lambda call: status
        body = e.body("shell", "echo again", mode="async")
        e.post(body)
        until(lambda: cb.results(body["execution_id"]))
        cb.answer = lambda call: 201
        ok(until(lambda: len(cb.results(body["execution_id"])) == 2),
           "%s is not" % status)

    cb.down()
    body = e.body("shell", "echo later", mode="async")
    name = body["execution_id"]
    e.post(body)
    time.sleep(1)
    equal(cb.results(name), [], "the callback is down")
    cb.up()
    ok(until(lambda: cb.results(name)), "then up: reported")
    cb.answer = lambda call: 200


def test_held():
    """A callback that is away for long must not cost all of the memory."""
    e = Executor().start().ready()
    e.callback.answer = lambda call: 503
    statuses = []

    for _ in range(40):
        body = e.body("shell", "head -c 1000000 /dev/zero | tr '\\0' x;"
                      " sleep 0.01", mode="async")
        statuses.append(e.post(body)[0].status)
        until(lambda: json.loads(e.request("GET", "/v1/status")[1])[
            "running"] == 0)
        if statuses[-1] == 429:
            break

    ok(statuses[-1] == 429 and 10 < len(statuses) < 30,
       "held results are bounded: 429", statuses)
    e.callback.answer = lambda call: 200
    ok(until(lambda: e.post(e.body("shell", "true", mode="async"))[0].status
             == 202, 20), "room again when they are stored")
    e.stop()


def test_ready():
    e = Executor()
    e.callback.answer = lambda call: 503
    e.start()
    until(lambda: len(e.callback.calls) >= 4)
    calls = e.callback.calls
    gaps = [b.at - a.at for a, b in zip(calls, calls[1:])]
    # a slow machine may be later, and never sooner
    ok(len(gaps) >= 3 and 0.04 < gaps[0] < 0.9 and 0.09 < gaps[1] < 0.95
       and 0.19 < gaps[2] < 1.05, "ready is repeated after 50, 100, 200 ms",
       gaps)
    equal(e.shell("echo early").out, "early\n",
          "it works before it is acknowledged")
    e.callback.answer = lambda call: 200
    n = len(until(lambda: [c for c in calls] if len(calls) > 4 else None)
            or calls)
    time.sleep(0.6)
    ok(len(calls) <= n + 1, "200 ends it", len(calls), n)
    equal(e.stop(), 0, "SIGTERM: status 0")

    e = Executor()
    e.callback.answer = lambda call: 409
    e.start()
    equal(e.process.wait(20), 3, "409: status 3")
    e.stop()


def test_bootstrap():
    good = {"session_id": "s", "token": "t", "callback": "/x"}

    for name, text in (
            ("no JSON", "{"), ("not an object", "[]"), ("empty", ""),
            ("no token", json.dumps(dict(good, token=None))),
            ("a bad token", json.dumps(dict(good, token="a\r\nb"))),
            ("a bad id", json.dumps(dict(good, session_id="a/b"))),
            ("a long callback", json.dumps(dict(good,
                                                callback="/" * 200))),
            ("bad env_vars", json.dumps(dict(good, env_vars={"a": 1}))),
            ("a bad maximum", json.dumps(
                dict(good, max_concurrent_executions=0))),
            ("too large", json.dumps(dict(good, x="y" * 300000)))):
        e = Executor()
        e.start(text)
        equal((e.process.wait(20),
               os.path.exists(e.run + "/bootstrap.json")), (1, False),
              "bootstrap with %s: status 1, and unlinked" % name)
        ok(e.errors() != "", "and a line in the log")
        e.stop()


def test_secrets(e):
    r = e.python("import os\n"
                 "def handler(event):\n"
                 "    found = []\n"
                 "    for name in ('environ', 'mem', 'maps', 'fd'):\n"
                 "        path = event['proc'] + '/' + name\n"
                 "        try:\n"
                 "            os.listdir(path) if name == 'fd' else"
                 " open(path, 'rb').read(1)\n"
                 "            found.append(name)\n"
                 "        except OSError: pass\n"
                 "    return [found, [k for k, v in os.environ.items()"
                 " if v == %r]]" % TOKEN,
                 event={"proc": "/proc/%d" % e.process.pid})
    equal(r.value, [[], []], "the code cannot look into the executor")


def test_init():
    if os.geteuid() != 0 or subprocess.call(
            ["unshare", "--pid", "--fork", "--mount-proc", "true"],
            stderr=subprocess.DEVNULL) != 0:
        skip("process 1", "no right to make a pid namespace")
        return

    e = Executor(init=True).start().ready()

    equal(e.python("import os\ndef handler(e): return os.getppid()").value,
          1, "it is process 1")
    test_processes(e, "process 1: ")
    e.shell("kill -TERM 1; kill -INT 1; kill -9 1; kill -STOP 1; sleep 0.1")
    equal(e.shell("echo alive").out, "alive\n",
          "no signal of the code ends it")
    # one may have ended just now
    r = e.shell("for i in 1 2 3 4 5; do (sleep 0.05 & ) ; done; sleep 0.3;"
                " for i in $(seq 50); do"
                " n=$(ps -A -o stat= 2>/dev/null | grep -c Z);"
                " [ \"$n\" = 0 ] && break; sleep 0.1; done; echo $n")
    equal(r.out, "0\n", "orphans are waited for")
    equal(e.stop(), 0, "one from outside does")


def test_code(e):
    test_output(e)
    test_time(e)
    test_processes(e, "")


def test_prestart(e):
    def ready():
        return e.status()["ready"]

    def signal_all(signo):
        """All that are ready, and nothing that is on its way out."""
        until(lambda: ready() == full and len(e.inside()) == 4)
        for pid in e.inside():
            os.kill(pid, signo)

    full = {"python": 2, "javascript": 2, "shell": 0}
    ok(until(lambda: ready() == full), "what was asked for is kept ready",
       ready())

    # each is used once
    code = "import os\ndef handler(event): return os.getpid()"
    pids = [e.python(code).value for _ in range(6)]
    equal(len(set(pids)), 6, "an interpreter runs one request")
    r = e.python("import builtins\nbuiltins.left = 1\n"
                 "open('/tmp/here', 'w')\n")
    r = e.python("import builtins\n"
                 "def handler(event): return hasattr(builtins, 'left')")
    equal(r.value, False, "nothing of one is seen by the next")

    # one that ends before it is needed
    signal_all(signal.SIGKILL)
    r = e.python(code)
    ok(r.status == "completed", "all killed: a new one is started", r)
    ok(until(lambda: ready() == full), "and they are replaced", ready())
    ok(until(lambda: e.left() == 0), "the dead are waited for", e.left())

    # one that somebody has stopped
    signal_all(signal.SIGSTOP)
    r = e.python(code, timeout=10)
    ok(r.status == "completed", "all stopped: one goes on", r)
    signal_all(signal.SIGCONT)

    # what it used before does not count
    until(lambda: e.waiting("python") == 2)
    r = e.python("pass")
    started = e.python("pass", env_vars={"LC_ALL": "C.UTF-8"})
    ok(r.head["metrics"]["cpu_time_ms"]
       < 0.7 * started.head["metrics"]["cpu_time_ms"],
       "its start is no part of the execution", r.head, started.head)

    # variables that are read at the start need a start
    r = e.javascript("function handler() { return process.title; }",
                     env_vars={"NODE_OPTIONS": "--title=seen"})
    equal(r.value, "seen", "NODE_OPTIONS are seen")
    r = e.python("import time\ndef handler(event): return time.tzname[0]",
                 env_vars={"TZ": "XYZ-1"})
    equal(r.value, "XYZ", "so is TZ")
    r = e.javascript("function handler() {"
                     " return new Date(0).getHours(); }",
                     env_vars={"TZ": "Asia/Tokyo"})
    ok(r.value in (9, 0), "in JavaScript, where the image has zones", r)

    # a burst is served, with new ones when none is left
    bodies = [e.body("python", code, mode="async") for _ in range(12)]
    equal({e.post(b)[0].status for b in bodies}, {202}, "a burst is taken")
    ok(until(lambda: all(e.callback.results(b["execution_id"])
                         for b in bodies), 60), "and served")


def main():
    if not os.path.exists(BUILT + "/executor"):
        print("Bail out! %s is not built" % BUILT)
        sys.exit(1)

    e = test_start()

    test_http(e)
    test_curl(e)
    test_code(e)
    test_reports(e)
    test_retries(e)
    test_secrets(e)

    equal(e.stop(), 0, "the end")

    # the same with interpreters that were started before
    e = Executor(prestart={"python": 2, "javascript": 2}).start().ready()
    test_code(e)
    test_prestart(e)
    equal(e.stop(), 0, "the end")

    test_init()
    test_limits()
    test_held()
    test_ready()
    test_bootstrap()

    done()


if __name__ == "__main__":
    main()
