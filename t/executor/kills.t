#!/usr/bin/env python3
# Copyright (C) the ngx_sandbox authors
#
# Executions of every kind at the same time, while somebody kills what they
# are made of: interpreters that run, their descendants, interpreters that
# wait.  Would catch: an execution that does not end by its deadline or ends
# with another cause than its own, a result that is lost or another's, code
# that is run twice, a place, process or descriptor that is lost, a pool that
# stays empty.
#
# SANDBOX_TEST_SEED repeats a run's choices, SANDBOX_TEST_SECONDS lasts longer.

import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import (BUBBLEWRAP, BUILT, Executor, Result, done,  # noqa
                     equal, json, ok, until)

SEED = int(os.environ.get("SANDBOX_TEST_SEED", time.time_ns() % 10**6))
SECONDS = float(os.environ.get("SANDBOX_TEST_SECONDS", "20"))
CLIENTS = 6
PRESTART = {"python": 2, "javascript": 1}

# beside its time-out: SIGTERM, 2 s, SIGKILL, the sweep, a slow machine
GRACE = 8

KILLED = {signo: "killed by signal %d (%s)" % (signo, name)
          for signo, name in ((9, "SIGKILL"), (15, "SIGTERM"))}

# language, code, what a run that nobody disturbs gives: output, value, code,
# message; {id} is the execution's
PYTHON = """
import os, subprocess, sys, time
with open("ledger-{id}", "a") as f:
    f.write("%d\\n" % os.getpid())
"""

NODE = """
require("fs").appendFileSync("ledger-{id}", process.pid + "\\n");
"""

KINDS = {
    "python": ("python", PYTHON + "print('{id}')", "{id}\n", "NONE", 0, None),
    "value": ("python", PYTHON + "def handler(event):\n"
              "    return [event, '{id}']\n", "", [{"n": 1}, "{id}"], 0,
              None),
    "slow": ("python", PYTHON + "print('{id}', flush=True)\n"
             "time.sleep(0.3)\nprint('end')", "{id}\nend\n", "NONE", 0, None),
    "raises": ("python", PYTHON + "raise ValueError('{id}')", "", "NONE", 1,
               "ValueError: {id}"),
    "exits": ("python", PYTHON + "sys.exit(7)", "", "NONE", 7,
              "exited with status 7"),
    "children": ("python", PYTHON + "p = [subprocess.Popen(['sleep', '0.2'])"
                 " for _ in range(3)]\nfor q in p: q.wait()\nprint('{id}')",
                 "{id}\n", "NONE", 0, None),
    "leaves": ("python", PYTHON + "subprocess.Popen(['sleep', '60'],"
               " start_new_session=True)\nprint('{id}')", "{id}\n", "NONE",
               0, None),
    "late": ("python", PYTHON + "print('{id}', flush=True)\ntime.sleep(60)",
             "{id}\n", "NONE", 124, "timed out after 0.5 s"),
    "javascript": ("javascript", NODE + "function handler(event) {"
                   " return [event, '{id}']; }", "", [{"n": 1}, "{id}"], 0,
                   None),
    "promise": ("javascript", NODE + "async function handler() {"
                " await new Promise(r => setTimeout(r, 200));"
                " return '{id}'; }", "", "{id}", 0, None),
    "shell": ("shell", "echo $$ >> ledger-{id}; sleep 0.1; echo {id}",
              "{id}\n", "NONE", 0, None),
    "pipes": ("shell", "echo $$ >> ledger-{id}; (sleep 0.1; echo {id})"
              " | cat | cat; exit 3", "{id}\n", "NONE", 3,
              "exited with status 3"),
}


class Run:
    """One execution: what it was to do, and how it ended."""

    def __init__(self, kind, body):
        self.kind = kind
        self.id = body["execution_id"]
        self.body = body
        self.result = None
        self.begun = self.took = 0.0
        self.error = None


class Clients:
    def __init__(self, e, seed):
        self.e = e
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.runs = []
        self.end = time.monotonic() + SECONDS
        self.threads = [threading.Thread(target=self.client)
                        for _ in range(CLIENTS)]
        for t in self.threads:
            t.start()

    def next(self):
        with self.lock:
            kind = self.random.choice(sorted(KINDS))
            language, code, *_ = KINDS[kind]
            body = self.e.body(language, code, event={"n": 1},
                               timeout=0.5 if kind == "late" else 10)
            body["code"] = code.replace("{id}", body["execution_id"])
            if self.random.random() < 0.2:
                body["mode"] = "async"
            run = Run(kind, body)
            self.runs.append(run)
            return run

    def client(self):
        while time.monotonic() < self.end:
            run = self.next()
            run.begun = time.monotonic()
            try:
                run.result = self.one(run)
            except Exception as x:
                run.error = repr(x)
            run.took = time.monotonic() - run.begun

    def one(self, run):
        r, data = self.e.post(run.body)

        if r.status == 200:
            self.e.ack(run.id)
            return Result(data)

        if r.status != 202:
            raise RuntimeError("%d %s" % (r.status, data))

        calls = until(lambda: self.e.callback.results(run.id),
                      run.body["timeout"] + GRACE)

        return Result(calls[0].body)


class Killer:
    """Kills what it finds; remembers whom it has hit, when, and how."""

    def __init__(self, e, seed):
        self.e = e
        self.random = random.Random(seed)
        self.killed = {}
        self.count = {}
        self.over = False
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def stop(self):
        self.over = True
        self.thread.join()

    def work(self):
        while not self.over:
            time.sleep(self.random.uniform(0, 0.1))
            processes = self.e.inside()
            if processes:
                self.kill(self.random.choice(processes))

    def kill(self, pid):
        how = self.random.choice((9, 9, 15, "stop"))

        try:
            if how == "stop":
                os.kill(pid, signal.SIGSTOP)
                time.sleep(self.random.uniform(0, 0.2))
                os.kill(pid, signal.SIGKILL)
            else:
                os.kill(pid, how)
        except ProcessLookupError:
            return

        signo = 9 if how == "stop" else how
        self.killed.setdefault(pid, []).append((signo, time.monotonic()))
        self.count[how] = self.count.get(how, 0) + 1


def fill(x, run):
    return json.loads(json.dumps(x).replace("{id}", run.id))


def ledger(run, workspace):
    """The processes that ran its code: one, or it was killed before."""
    try:
        with open("%s/ledger-%s" % (workspace, run.id)) as f:
            return [int(line) for line in f]
    except FileNotFoundError:
        return []


def judge(run, workspace, killed):
    """Its verdict, and what is wrong with it, or None."""
    _, _, out, value, code, message = KINDS[run.kind]
    out, value, message = fill([out, value, message], run)
    r = run.result

    if r is None:
        return "wrong", "no result: %s" % run.error

    if r.head["execution_id"] != run.id or not r.exact:
        return "wrong", "another's result: %r" % r

    if run.took > run.body["timeout"] + GRACE:
        return "wrong", "it took %.1f s" % run.took

    pids = ledger(run, workspace)
    hits = [hit for pid in pids for hit in killed.get(pid, ())]

    if len(pids) > 1:
        return "wrong", "its code ran %d times" % len(pids)

    if (r.out, r.value, r.code, r.message) == (out, value, code, message):
        status = "timeout" if code == 124 else "failed" if code \
            else "completed"

        if r.status != status or not pids:
            return "wrong", "%s, ran %d times" % (r.status, len(pids))

        # what was about to end anyhow has ended; when we hear of it tells
        # nothing on a slow machine
        end = run.begun + (r.head["metrics"]["queued_ms"]
                           + r.head["duration_ms"]) / 1000

        if code != 124 and [h for h in hits if h[1] < end - 0.5]:
            return "wrong", "it was killed, and says %r" % r

        return "undisturbed", None

    # it had no time to say more
    if (r.status, r.code, r.message) == ("timeout", code, message) \
       and out.startswith(r.out):
        return "undisturbed", None

    if r.status == "failed" and r.message == KILLED.get(r.code - 128) \
       and r.text == "" and out.startswith(r.out):
        if pids and r.code - 128 not in [h[0] for h in hits]:
            return "wrong", "nobody has killed it: %r" % r

        return "killed", None

    # a descendant was hit: what the code makes of it is its own matter
    if run.kind in ("pipes", "children", "shell") and out.startswith(r.out) \
       and (r.code, r.message) == (code, message) and killed:
        return "killed below", None

    return "wrong", "%r, expected was %r" % (r, (out, value, code, message))


def test_undisturbed(e):
    """What each of them gives when nobody kills anything."""
    for kind in sorted(KINDS):
        language, code, *_ = KINDS[kind]
        body = e.body(language, code, event={"n": 1},
                      timeout=0.5 if kind == "late" else 10)
        body["code"] = code.replace("{id}", body["execution_id"])
        run = Run(kind, body)
        run.result = Result(e.post(body)[1])
        e.ack(run.id)
        equal(judge(run, e.workspace, {}), ("undisturbed", None),
              "undisturbed: " + kind)


def fds(e):
    return len(os.listdir("/proc/%d/fd" % e.process.pid))


def full(e):
    """The pool may be left alone until the next execution: here it is."""
    for language in sorted(PRESTART):
        e.post(dict(e.body(language, "0"), mode="async"))

    return until(lambda: quiet(e), 60)


def quiet(e):
    status = e.status()
    return status["running"] == 0 and status["queued"] == 0 \
        and {k: v for k, v in status["ready"].items() if v} == PRESTART \
        and len(e.inside()) == sum(PRESTART.values())


def test_waiting(e):
    """Nobody asks for an execution: the pool fills up by itself."""
    for signo in 9, 15:
        pid = e.inside()[0]
        os.kill(pid, signo)
        ok(until(lambda: pid not in e.inside() and quiet(e), 60),
           "one that waits is killed by %d, and replaced" % signo,
           e.status(), e.inside())


class Stopper:
    """Stops each child before it has become an interpreter."""

    def __init__(self, e):
        self.pid = e.process.pid
        self.caught = 0
        self.over = False
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def stop(self):
        self.over = True
        self.thread.join()

    def work(self):
        own = os.readlink("/proc/%d/exe" % self.pid)

        with open("/proc/%d/task/%d/children" % (self.pid, self.pid)) as f:
            while not self.over:
                f.seek(0)
                for pid in f.read().split():
                    try:
                        if os.readlink("/proc/%s/exe" % pid) == own:
                            os.kill(int(pid), signal.SIGSTOP)
                            self.caught += os.readlink(
                                "/proc/%s/exe" % pid) == own
                    except OSError:
                        continue


def test_stopped():
    """Nobody waits for a child that is stopped before it is an interpreter."""
    e = Executor().start().ready()
    stopper = Stopper(e)
    bodies = []
    slowest = 0

    # some are quicker than the stopper
    while len(bodies) < 100 and not stopper.caught:
        body = e.body("shell", "echo started", timeout=3, mode="async")
        bodies.append(body)
        began = time.monotonic()
        until(lambda: e.post(body)[0].status == 202)
        e.status()
        slowest = max(slowest, time.monotonic() - began)
        until(lambda: stopper.caught, 0.05)

    ok(stopper.caught and slowest < 2.5, "the executor goes on meanwhile",
       stopper.caught, slowest)

    ok(until(lambda: all(e.callback.results(b["execution_id"])
                         for b in bodies), 60), "they end by their time-out")
    stopper.stop()
    ends = {(r.code, r.message) for r in
            (Result(e.callback.results(b["execution_id"])[0].body)
             for b in bodies)}
    ok((124, "timed out after 3 s") in ends
       and ends <= {(124, "timed out after 3 s"), (0, None)},
       "and say so", ends)
    equal(e.shell("echo ok").out, "ok\n", "then all is as ever")
    equal(e.stop(), 0, "the end")


def main():
    if not os.path.exists(BUILT + "/executor"):
        print("Bail out! %s is not built" % BUILT)
        sys.exit(1)

    print("# SANDBOX_TEST_SEED=%d" % SEED, flush=True)

    e = Executor(prestart=PRESTART, max_concurrent_executions=4).start()
    e.ready()

    test_undisturbed(e)
    ok(full(e), "the pool is full", e.status())
    before = fds(e)

    killer = Killer(e, SEED)
    clients = Clients(e, SEED + 1)

    for t in clients.threads:
        t.join()

    killer.stop()

    verdicts = {"undisturbed": 0, "killed": 0, "wrong": 0}
    for run in clients.runs:
        verdict, why = judge(run, e.workspace, killer.killed)
        verdicts[verdict] = verdicts.get(verdict, 0) + 1
        if why is not None:
            ok(False, "%s %s ends as it is" % (run.kind, run.id), why)

    print("# executions: %s; kills: %s" % (verdicts, killer.count))
    equal(verdicts["wrong"], 0, "every execution ends with its cause")
    ok(verdicts["killed"] > 5 and verdicts["undisturbed"] > 5,
       "some were killed, some were not", verdicts)

    ok(e.process.poll() is None, "the executor lives")
    ok(full(e), "nothing runs any more, and the pool is full", e.status(),
       e.inside(), e.errors()[-500:])
    ok(until(lambda: fds(e) <= before), "no descriptor is lost", before,
       fds(e))

    test_undisturbed(e)
    full(e)
    test_waiting(e)
    equal(e.stop(), 0, "the end")

    # inside of bubblewrap a start is waited for: t/executor/bubblewrap.t
    if not BUBBLEWRAP:
        test_stopped()

    done()


if __name__ == "__main__":
    main()
