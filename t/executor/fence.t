#!/usr/bin/env python3
# Copyright (C) the ngx_sandbox authors
#
# Attempts that nobody wants any more, and that arrive all the same: the worker
# that should hand them over was held up.  Would catch: code that runs although
# its client was told that it did not begin, or that it was cancelled; a fence
# that ends what runs, or keeps the next attempt out; an ack that takes the
# result of another attempt away.

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import BUILT, Executor, Result, done, equal, json, ok, until  # noqa


def tell(e, name, verb):
    """Status and body of what the control plane says of an execution."""
    r, data = e.request("POST", "/v1/executions/%s/%s" % (name, verb))
    return r.status, json.loads(data) if data else None


def known(name, attempt, state):
    return 200, {"execution_id": name, "attempt": attempt, "state": state}


def submit(e, body, attempt):
    return e.post(dict(body, attempt=attempt))[0].status


def ran(e):
    try:
        with open(e.workspace + "/ran") as f:
            return f.read().split()
    except FileNotFoundError:
        return []


def told(e, name):
    return [(Result(c.body).head["attempt"], Result(c.body).status)
            for c in e.callback.results(name)]


def test_unknown(e):
    body = e.body("shell", "echo unknown >>ran", mode="async")
    name = body["execution_id"]

    equal(tell(e, name, "fence?attempt=2")[0], 404, "not known: 404")
    for attempt in 1, 2:
        equal(submit(e, body, attempt), 409, "%d comes too late" % attempt)
    equal(e.post(dict(body, mode="sync", attempt=2))[0].status, 409,
          "also if somebody waits for it")
    equal(submit(e, body, 3), 202, "the next one is taken")
    ok(until(lambda: told(e, name)), "it is told")
    equal((told(e, name), ran(e)), ([(3, "completed")], ["unknown"]),
          "and has run, alone")


def test_known(e):
    body = e.body("shell", "echo begin >>ran; while [ ! -e go ]; do "
                           "sleep 0.05; done; echo end >>ran", mode="async")
    name = body["execution_id"]
    behind = e.body("shell", "echo behind >>ran", mode="async")

    submit(e, body, 2)
    submit(e, behind, 1)
    ok(until(lambda: ran(e)[-1:] == ["begin"]), "it runs")

    for attempt in 2, 1, 3:
        equal(tell(e, name, "fence?attempt=%d" % attempt),
              known(name, 2, "running"), "asked for %d: it has 2" % attempt)
    equal(tell(e, behind["execution_id"], "fence?attempt=1"),
          known(behind["execution_id"], 1, "queued"), "one that waits")

    equal(submit(e, body, 3), 409, "3 was not known, and comes too late")
    equal(tell(e, name, "fence?attempt=3"), known(name, 2, "running"),
          "which does not end 2")

    open(e.workspace + "/go", "w").close()
    ok(until(lambda: told(e, name) and told(e, behind["execution_id"])),
       "both go on to their end")
    equal((told(e, name), told(e, behind["execution_id"])),
          ([(2, "completed")], [(1, "completed")]), "as what they are")
    equal(ran(e)[-3:], ["begin", "end", "behind"], "once")


def test_cancelled(e):
    body = e.body("shell", "echo cancelled >>ran", mode="async")
    name = body["execution_id"]
    before = ran(e)

    equal(tell(e, name, "cancel")[0], 404, "cancelled before it came: 404")
    for attempt in 1, 2, 1000:
        equal(submit(e, body, attempt), 409, "%d is not taken" % attempt)
    equal(ran(e), before, "nothing has run")


def test_ack(e):
    body = e.body("shell", "echo x")
    name = body["execution_id"]

    equal(submit(e, body, 2), 200, "answered, and not acknowledged")
    equal(tell(e, name, "ack?attempt=1"), (204, None), "the ack of another one")
    equal(tell(e, name, "fence?attempt=2"), known(name, 2, "ended"),
          "takes nothing away")
    equal(tell(e, name, "ack?attempt=2"), (204, None), "its own")
    equal(tell(e, name, "fence?attempt=2")[0], 404, "does")
    equal(submit(e, body, 2), 409, "and it is not run again")

    body = e.body("shell", "echo x")
    submit(e, body, 7)
    tell(e, body["execution_id"], "ack")
    equal(tell(e, body["execution_id"], "fence")[0], 404,
          "without a number it is any")
    equal(submit(e, body, 1000), 409, "as for a fence")


def test_bad(e):
    body = e.body("shell", "echo x")
    name = body["execution_id"]

    for query in ("attempt", "attempt=", "attempt=x", "attempt=-1",
                  "attempt=0", "attempt=1001", "attempt=99999999999999999999", "other=1",
                  "attempt=1&attempt=2", "attempt=1&"):
        for verb in "fence", "ack":
            status, answer = tell(e, name, verb + "?" + query)
            ok(status == 400 and "attempt" in answer["error"],
               "%s?%s: 400" % (verb, query), status, answer)

    equal(submit(e, body, 1), 200, "nothing of that counts")
    r, _ = e.request("GET", "/v1/executions/%s/fence" % name)
    equal(r.status, 405, "GET changes nothing")


def main():
    if not os.path.exists(BUILT + "/executor"):
        print("Bail out! %s is not built" % BUILT)
        sys.exit(1)

    e = Executor(max_concurrent_executions=1).start().ready()

    test_unknown(e)
    test_known(e)
    test_cancelled(e)
    test_ack(e)
    test_bad(e)

    equal(e.stop(), 0, "the end")
    done()


if __name__ == "__main__":
    main()
