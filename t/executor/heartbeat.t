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


def wait(e, n, seconds=7):
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

    ok(until(lambda: sockets(e) == 1, 5), "idle: only where it listens")

    answers += ["hang", 401, 404, 500]
    began = time.monotonic()
    long = e.body("shell", "sleep 16", mode="async", attempt=2)
    queued = e.body("shell", "echo", mode="async")
    both = [(long["execution_id"], 2), (queued["execution_id"], 1)]
    e.post(long)
    time.sleep(1)
    e.post(queued)

    call = wait(e, 1)
    ok(call and 4.8 < call.at - began < 5.7,
       "the first after 5 s of the first", call and call.at - began)
    equal(told(call), both, "it tells which run and which wait")
    equal((call.headers["Authorization"], call.headers["Content-Type"]),
          ("Bearer " + TOKEN, "application/json"), "its headers")

    ok(sockets(e) > 1, "no answer: it waits")
    until(lambda: sockets(e) == 1, 6)
    waited = time.monotonic() - call.at
    ok(3.8 < waited < 4.8, "for 4 s", waited)

    for n, name in (2, "no answer"), (3, "401"):
        call = wait(e, n)
        ok(call and 4.8 < call.at - beats(e)[n - 2].at < 5.6,
           "after %s: again after 5 s" % name, [c.at for c in beats(e)])

    e.callback.down()
    until(lambda: e.status()["running"] == 0 and e.status()["queued"] == 0,
          6)
    ok(time.monotonic() - began < 19, "both have ended")
    time.sleep(began + 21 - time.monotonic())
    e.callback.up()
    call = wait(e, 4)
    ok(call and 24 < call.at - began < 27,
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
