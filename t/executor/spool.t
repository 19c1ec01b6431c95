#!/usr/bin/env python3
# Copyright (C) the ngx_sandbox authors
#
# What becomes of a result when the control plane is away, and of an execution
# that is asked for again.  Would catch: a result that is lost with its executor,
# told twice, or told as something else; a result of an attempt that counts no
# more; a spool that lets something in, or that stops an executor.

import os
import signal
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import (BUILT, UID, Executor, Result, done, equal, json,  # noqa
                     ok, skip, until, until_made)

MIB = 1024 * 1024


def spool(e):
    """What is in it whole; one that is being written has another name."""
    return [name for name in everything(e) if name != ".new"]


def everything(e):
    return sorted(os.listdir(e.run + "/spool"))


def state(e, name):
    r, data = e.request("GET", "/v1/executions/" + name)
    return json.loads(data).get("state"), json.loads(data).get("attempt")


def away(e):
    e.callback.answer = lambda call: \
        200 if call.path.endswith("/container_ready") else 503


def result(name, attempt=1, text=b"text", **fields):
    """A file as an executor writes it."""
    head = {"execution_id": name, "attempt": attempt, "status": "completed",
            "exit_code": 0, "error_message": None, "stdout_bytes": len(text),
            "stderr_bytes": 0, "return_value_bytes": 0, "stdout_dropped": 0,
            "stderr_dropped": 0, "duration_ms": 1.0, "metrics": None}
    head.update(fields)
    return json.dumps(head).encode() + b"\n" + text


def put(e, name, data):
    path = e.run + "/spool/" + name

    with open(path, "wb") as f:
        f.write(data)

    os.chown(path, UID, UID)
    os.chmod(path, 0o600)


def test_killed():
    e = Executor().start().ready()
    st = os.lstat(e.run + "/spool")
    ok(stat.S_ISDIR(st.st_mode), "the spool is there from the start")

    r = e.shell("echo sync")
    equal((r.head["attempt"], spool(e)), (1, []),
          "a result that is taken is never in it")

    away(e)
    body = e.body("python", "print('kept')\ndef handler(e): return [1]",
                  mode="async", attempt=3)
    name = body["execution_id"]
    e.post(body)
    ok(until(lambda: e.callback.results(name)), "it is told, in vain")
    equal(spool(e), [name + ".3"], "what has to be told is in the spool")

    # a sync one that nobody has acknowledged
    unacked = e.body("shell", "echo unacked")
    _, answer = e.post(unacked)
    equal(spool(e), [name + ".3"], "one that was answered is not, yet")
    ok(until(lambda: len(spool(e)) == 2), "without an ack it is")

    told = e.callback.results(name)[0].body
    equal(open(e.run + "/spool/" + name + ".3", "rb").read(), told,
          "the same bytes")
    head = Result(told).head
    equal((head["attempt"], head["execution_id"]), (3, name),
          "its head tells the attempt")

    e.kill()
    e.callback.calls.clear()
    e.callback.answer = lambda call: 201
    e.restart()

    ok(until(lambda: e.callback.results(name)), "killed: told by the next")
    ok(until(lambda: e.callback.results(unacked["execution_id"])),
       "and the other")
    call = e.callback.results(name)[0]
    equal(call.body, told, "not a byte is different")
    equal(call.headers["Idempotency-Key"], name + "_result", "the same key")
    equal(e.callback.results(unacked["execution_id"])[0].body, answer,
          "what the caller had is what is told")
    ok(until(lambda: spool(e) == []), "then the spool is empty", spool(e))
    time.sleep(1.5)
    equal(len(e.callback.results(name)), 1, "it was told once")
    equal(state(e, name), (None, None), "and is forgotten")

    # one that is not even told yet, and stays
    away(e)
    body = e.body("shell", "echo again", mode="async")
    name = body["execution_id"]
    e.post(body)
    until(lambda: spool(e))
    e.kill()
    e.restart()
    equal(state(e, name), ("ended", 1), "it is known to have ended")
    equal(e.post(dict(body, attempt=1))[0].status, 409, "and not run again")
    until(lambda: len(e.callback.results(name)) >= 3)
    equal(e.ack(name), 204, "an ack")
    equal((state(e, name), spool(e)), ((None, None), []), "forgets it")

    # 500 some times, then 201; 409
    for status in (201, 409, 404, 401):
        answers = [500, 500, status]
        e.callback.answer = lambda call: answers.pop(0) if answers else 500
        body = e.body("shell", "echo later", mode="async")
        name = body["execution_id"]
        e.post(body)
        ok(until(lambda: len(e.callback.results(name)) == 3
                 and spool(e) == []),
           "500, 500, %d: the file is gone" % status, spool(e))
        equal(state(e, name), (None, None), "and the execution")

    equal(e.stop(), 0, "the end")


def test_junk():
    e = Executor().start().ready()
    e.kill()
    e.callback.calls.clear()
    away(e)

    secret = e.dir + "/secret"
    with open(secret, "w") as f:
        f.write(result("exec_link").decode())
    os.chmod(secret, 0o644)

    folder = e.run + "/spool/"
    put(e, "exec_good.7", result("exec_good", 7))
    put(e, "exec_two.1", result("exec_two", 1))
    put(e, "exec_two.2", result("exec_two", 2))
    pairs = ["exec_pair%d" % n for n in range(12)]
    for n, name in enumerate(pairs):
        for attempt in (9, 10) if n % 2 else (10, 9):
            put(e, "%s.%d" % (name, attempt), result(name, attempt))
    put(e, ".new", b"half of")

    put(e, "exec_empty.1", b"")
    put(e, "exec_other.1", result("exec_good"))
    put(e, "exec_attempt.2", result("exec_attempt", 1))
    put(e, "exec_text.1", b"no result\n")
    put(e, "exec_head.1", b"x" * 20000 + b"\n")
    put(e, "exec_large.1", result("exec_large") + b"x" * 17 * MIB)
    put(e, "exec_name", result("exec_name"))
    put(e, "exec_name.01", result("exec_name"))
    put(e, "exec_name.1001", result("exec_name", 1001))
    put(e, "exec name.1", result("exec name"))
    put(e, "x\nexecutor: forged.1", b"")
    os.symlink(secret, folder + "exec_link.1")
    os.symlink("/dev/zero", folder + "exec_zero.1")
    os.symlink(folder + "exec_good.7", folder + "exec_good.8")
    os.mkfifo(folder + "exec_fifo.1")
    os.mkdir(folder + "exec_folder.1")
    os.makedirs(folder + "exec_deep.1/more")

    began = time.monotonic()
    e.restart()
    ok(time.monotonic() - began < 15, "junk does not keep it from starting")

    until(lambda: len({c.path for c in e.callback.calls}) >= 15)
    time.sleep(0.3)
    told = {c.path.split("/")[3] for c in e.callback.calls
            if c.path.endswith("/result")}
    equal(told, {"exec_good", "exec_two", *pairs}, "only results are told")
    equal(spool(e), sorted(["exec_deep.1", "exec_good.7", "exec_two.2"]
                           + [name + ".10" for name in pairs]),
          "all else is gone, but for a folder that is not empty")
    equal({state(e, name) for name in pairs}, {("ended", 10)},
          "the newer attempt counts, whichever is found first")
    equal(e.callback.results("exec_good")[0].body, result("exec_good", 7),
          "as it was")
    ok(os.path.exists(secret), "no link was followed")
    log = e.errors()
    ok("exec_link.1" in log and "exec_fifo.1" in log
       and "\nexecutor: forged" not in log, "the log tells, in its lines",
       log)
    equal(e.stop(), 0, "the end")

    # the folder itself
    for name, make in (("a link", lambda p: os.symlink("/tmp", p)),
                       ("a file", lambda p: open(p, "w").close())):
        e = Executor()
        make(e.run + "/spool")
        e.start().ready()
        away(e)
        body = e.body("shell", "echo on", mode="async")
        e.post(body)
        ok(until(lambda: e.callback.results(body["execution_id"])),
           name + " in its place: results are told all the same")
        ok("spool" in e.errors(), "the log tells")
        equal(e.stop(), 0, "the end")


def test_more_than_fits():
    """More than may be held: the others are told when there is room."""
    e = Executor().start().ready()
    e.kill()
    e.callback.calls.clear()
    names = ["exec_many%d" % n for n in range(70)]
    for name in names:
        put(e, name + ".1", result(name))
    away(e)
    e.restart()

    def told():
        return [n for n in names if e.callback.results(n)]

    # some are told again before all are told once
    until(lambda: len(told()) >= 64)
    time.sleep(0.3)
    equal((len(told()), len(spool(e))), (64, 70),
          "64 are held, the others kept")
    e.callback.answer = lambda call: 200
    ok(until(lambda: len(told()) == 70, 60),
       "all are told in the end")
    ok(until(lambda: spool(e) == []), "and gone", spool(e))
    equal(e.stop(), 0, "the end")


def unwritable(e, name):
    away(e)
    for _ in range(3):
        body = e.body("shell", "head -c 100000 /dev/zero | tr '\\0' x",
                      mode="async")
        e.post(body)
        calls = until(lambda: e.callback.results(body["execution_id"]))
        ok(calls and len(Result(calls[0].body).out) == 100000,
           name + ": a result is told all the same")
    equal(e.errors().count("cannot be written to the spool"), 1,
          name + ": the log tells it once")
    equal(everything(e), [], name + ": nothing half is left")
    e.callback.answer = lambda call: 200
    ok(until(lambda: len(e.callback.results(body["execution_id"])) > 1),
       name + ": and told again")


def test_unwritable():
    e = Executor().start().ready()
    os.chown(e.run + "/spool", 0, 0)
    os.chmod(e.run + "/spool", 0o555)
    unwritable(e, "no right to write")
    equal(e.stop(), 0, "the end")

    e = Executor()
    os.mkdir(e.run + "/spool")
    if subprocess.call(["mount", "-t", "tmpfs", "-o", "size=16k,uid=%d" % UID,
                        "spool", e.run + "/spool"],
                       stderr=subprocess.DEVNULL) != 0:
        skip("no space", "no right to mount")
        e.clean()
        return

    try:
        e.start().ready()
        unwritable(e, "no space")
        away(e)
        body = e.body("shell", "echo small", mode="async")
        e.post(body)
        ok(until(lambda: spool(e) == [body["execution_id"] + ".1"]),
           "what fits is written again")
        e.callback.answer = lambda call: 200
        ok(until(lambda: spool(e) == []), "and removed")
    finally:
        e.signal(signal.SIGTERM)
        e.process.wait()
        subprocess.call(["umount", e.run + "/spool"])

    e.stop()


def written(e, name):
    """What code has written there, or nothing yet."""
    try:
        with open(e.workspace + "/" + name) as f:
            return f.read()
    except FileNotFoundError:
        return ""


def test_attempts():
    e = Executor(max_concurrent_executions=1,
                 max_queued_executions=2).start().ready()
    cb = e.callback

    # a newer one while an older one runs
    for mode in "async", "sync":
        body = e.body("shell", "trap '' TERM; echo $$ >pid; echo one;"
                               " sleep 30", mode=mode)
        name = body["execution_id"]
        c = e.connect()
        c.request("POST", "/v1/executions", json.dumps(body),
                  {"Authorization": "Bearer " + e.bootstrap["token"]})
        ok(until(lambda: written(e, "pid")), mode + ": attempt 1 runs")
        pid = int(written(e, "pid"))
        os.unlink(e.workspace + "/pid")

        for attempt in 1, 2:
            r, data = e.post(dict(body, mode="async", attempt=attempt))
            equal((r.status, json.loads(data)["error"]),
                  (409, "attempt 1 is being ended" if attempt == 2 else
                   "execution_id %s runs or waits for its ack" % name),
                  "attempt %d beside it: 409" % attempt)

        # after SIGTERM it would live for 2 s
        ok(until(lambda: not os.path.exists("/proc/%d" % pid), 1.9),
           "it is killed at once")
        answer = c.getresponse()
        text = answer.read()
        if mode == "sync":
            ok(answer.status == 409 and b"newer attempt" in text,
               "its caller is told", text)
        c.close()
        ok(until(lambda: state(e, name) == (None, None)), "and forgotten")

        e.post(dict(body, code="echo two", mode="async", attempt=2))
        calls = until(lambda: cb.results(name))
        r = Result(calls[0].body)
        equal((r.out, r.head["attempt"]), ("two\n", 2), "attempt 2 runs")
        time.sleep(0.5)
        equal(len(cb.results(name)), 1, "attempt 1 was never told")

    # one that is being cancelled, and then counts no more
    body = e.body("shell", "trap '' TERM; echo go >go; sleep 30",
                  mode="async")
    name = body["execution_id"]
    e.post(body)
    until(lambda: written(e, "go"))
    began = time.monotonic()
    e.request("POST", "/v1/executions/%s/cancel" % name)
    equal(e.post(dict(body, attempt=2))[0].status, 409, "cancelled, and newer")
    until(lambda: state(e, name) == (None, None))
    took = time.monotonic() - began
    ok(took < 1.99, "nobody waits for its goodbye", took)
    time.sleep(0.3)
    equal(cb.results(name), [], "it is never told")

    # one that waits
    blocker = e.body("shell", until_made("first"), mode="async")
    e.post(blocker)
    body = e.body("shell", "echo ran >>ran", mode="async")
    name = body["execution_id"]
    e.post(body)
    equal(state(e, name), ("queued", 1), "attempt 1 waits")
    equal(e.post(dict(body, attempt=2))[0].status, 409, "attempt 2: 409")
    equal((state(e, name), e.status()["queued"]), ((None, None), 0),
          "attempt 1 is gone")
    equal(e.post(dict(body, attempt=2))[0].status, 202, "attempt 2: 202")
    e.make("first")
    ok(until(lambda: cb.results(name)), "and told")
    equal(Result(cb.results(name)[0].body).head["attempt"], 2, "as such")
    equal(open(e.workspace + "/ran").read(), "ran\n", "the code ran once")

    # one that has ended, and waits for its ack: in the spool, or in an answer
    away(e)
    body = e.body("shell", "echo one", mode="async", attempt=5)
    name = body["execution_id"]
    e.post(body)
    # it is told after it was written: not when the newer one is there
    until(lambda: spool(e) == [name + ".5"] and cb.results(name))
    equal(e.post(dict(body, attempt=4))[0].status, 409, "an older one: 409")
    equal(e.post(dict(body, attempt=5))[0].status, 409, "the same: 409")
    equal(e.post(dict(body, code=until_made("second") + "echo two",
                      attempt=6))[0].status,
          202, "a newer one: 202")
    equal((spool(e), state(e, name)), ([], ("running", 6)),
          "nothing is left of the older")
    n = len(cb.results(name))
    e.make("second")
    ok(until(lambda: len(cb.results(name)) > n), "the newer is told")
    equal({Result(c.body).head["attempt"] for c in cb.results(name)[n:]}, {6},
          "and it alone")
    e.ack(name)

    body = e.body("shell", "echo answered")
    name = body["execution_id"]
    _, data = e.post(body)
    equal(Result(data).head["attempt"], 1, "answered")
    _, data = e.post(dict(body, attempt=2))
    equal(Result(data).head["attempt"], 2, "and asked for again")
    e.ack(name)
    time.sleep(2.2)
    equal(cb.results(name), [], "both were taken")

    # what cannot be admitted leaves the older one alone
    body = e.body("shell", "echo stays", mode="async")
    name = body["execution_id"]
    e.post(body)
    until(lambda: state(e, name) == ("ended", 1))
    equal(e.post(dict(body, attempt=2, working_directory="a\nb"))[0].status,
          400, "a newer one that is wrong: 400")
    equal(state(e, name), ("ended", 1), "the older one is still there")
    e.callback.answer = lambda call: 200
    equal(e.stop(), 0, "the end")


def main():
    if not os.path.exists(BUILT + "/executor"):
        print("Bail out! %s is not built" % BUILT)
        sys.exit(1)

    if os.geteuid() != 0:
        print("1..0 # SKIP only root can make files of others")
        sys.exit(0)

    test_killed()
    test_junk()
    test_more_than_fits()
    test_unwritable()
    test_attempts()

    done()


if __name__ == "__main__":
    main()
