#!/usr/bin/env python3
# Copyright (C) the ngx_sandbox authors
#
# What the executor tells of executions that take long.  Would catch: an
# execution that is taken for lost although it runs, waits or has ended; a sign
# of life that costs a short one something, or that ends with an outage.

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import (BUILT, SESSION, TOKEN, Executor, done, equal,  # noqa
                     json, ok, until)

PATH = "/internal/sessions/%s/heartbeat" % SESSION


def beats(e):
    return [c for c in e.callback.calls if c.path == PATH]


def wait(e, n, seconds=12):
    until(lambda: len(beats(e)) >= n, seconds)
    return beats(e)[n - 1] if len(beats(e)) >= n else None


def told(call):
    return [(x.split(".")[0], int(x.split(".")[1]))
            for x in json.loads(call.body)["executions"]]


def sockets(e):
    found, pid = 0, e.process.pid

    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            found += os.readlink("/proc/%d/fd/%s" % (pid, fd)).startswith(
                "socket:")
        except OSError:
            continue

    return found


def main():
    if not os.path.exists(BUILT + "/executor"):
        print("Bail out! %s is not built" % BUILT)
        sys.exit(1)

    e = Executor(max_concurrent_executions=1).start().ready()
    answers = []

    def answer(call):
        if call.path == PATH:
            status = answers.pop(0) if answers else 200
            if status == "hang":
                time.sleep(8)
                return None
            return status
        return 503 if call.path.endswith("/result") else 200

    e.callback.answer = answer

    # short ones, for longer than the interval
    began = time.monotonic()
    while time.monotonic() - began < 5.6:
        e.shell("sleep 0.5")
    equal(beats(e), [], "short executions tell nothing")

    ok(until(lambda: sockets(e) == 1), "idle: only where it listens")

    answers += ["hang", 401, 404, 500]
    began = time.monotonic()
    long = e.body("shell", "sleep 16", mode="async", attempt=2)
    queued = e.body("shell", "echo", mode="async")
    both = [(long["execution_id"], 2), (queued["execution_id"], 1)]
    e.post(long)
    time.sleep(2.5)
    e.post(queued)

    # all times are from before the request: what comes is never too early
    call = wait(e, 1)
    ok(call and 4.99 < call.at - began < 7.4,
       "the first after 5 s of the first", call and call.at - began)
    equal(told(call), both, "it tells which run and which wait")
    equal((call.headers["Authorization"], call.headers["Content-Type"]),
          ("Bearer " + TOKEN, "application/json"), "its headers")

    ok(sockets(e) > 1, "no answer: it waits")
    # the next one has a connection of its own, 1 s later
    until(lambda: sockets(e) == 1 or len(beats(e)) > 1, 7.5)
    waited = time.monotonic() - began - 5
    ok(3.99 < waited < 7.5 and len(beats(e)) == 1, "for 4 s", waited)

    for n, name in (2, "no answer"), (3, "401"):
        call = wait(e, n)
        ok(call and n * 5 - 0.01 < call.at - began < n * 5 + 2.4,
           "after %s: again after 5 s" % name, [c.at for c in beats(e)])

    # the fourth meets nobody
    e.callback.down()
    ok(until(lambda: e.status()["running"] == e.status()["queued"] == 0),
       "both have ended")
    time.sleep(max(0, began + 22.5 - time.monotonic()))
    e.callback.up()
    call = wait(e, 4)
    ok(call and 24.99 < call.at - began < 27.4,
       "an outage does not end it, nor 404", call and call.at - began)
    equal(told(call), both, "they are told until there is an ack")
    call = wait(e, 5)
    ok(call, "500 does not end it")
    ok("heartbeat" not in e.errors(), "nothing is logged", e.errors())

    e.ack(both[0][0])
    call = wait(e, 6)
    equal(told(call), both[1:], "one with an ack is not told")
    e.ack(both[1][0])
    time.sleep(6)
    equal(len(beats(e)), 6, "none when there is nothing")
    equal(e.stop(), 0, "the end")

    done()


if __name__ == "__main__":
    main()
