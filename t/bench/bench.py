#!/usr/bin/env python3
"""The table of ratios.  Called by t/bench/run, which starts the stack; see
there for the environment.
"""

import json
import os
import subprocess
import time

import executions
import waiters
import watching
from measure import (API, HOME, NAME, SECONDS, api, container_gone, engine,
                     executor_wait, interleave, one_after_the_other,
                     plain_select, row, session_create, session_wait,
                     statements, wrk)

PLAIN = os.environ["BENCH_PLAIN"]              # of an nginx with return 200
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
CREATES = int(os.environ.get("BENCH_CREATES", "12"))
PARTS = os.environ.get("BENCH_PARTS",
                       "executes watching clients waiters sandboxes output reads "
                       "memory creates")


def reads(name):
    sql = statements()
    path = f"http://{API}/api/v1/sessions"
    for connections in (1, 32):
        values = interleave(
            ROUNDS,
            get=lambda: wrk(f"{path}/{name}", connections),
            client=lambda: plain_select(connections,
                                        sql["reading a session"], name),
            plain=lambda: wrk(f"http://{PLAIN}/session", connections))
        row(f"GET session, {connections} connections, to the plain "
            "libmariadb client", values, "get", "client", "1/s")
        row(f"GET session, {connections} connections, to `return 200`",
            values, "get", "plain", "1/s")
        one_after_the_other(values, "both", "client", "plain")
        row(f"GET session, {connections} connections, to both of these one "
            "after the other", values, "get", "both", "1/s",
            "at least 0.85")

        values = interleave(
            ROUNDS,
            get=lambda: wrk(f"{path}?limit=20", connections),
            client=lambda: plain_select(connections,
                                        sql["listing sessions"], "21", "0"),
            plain=lambda: wrk(f"http://{PLAIN}/list", connections))
        row(f"list of 20, {connections} connections, to the plain "
            "libmariadb client", values, "get", "client", "1/s")
        row(f"list of 20, {connections} connections, to `return 200`",
            values, "get", "plain", "1/s")


def creates(_):
    """POST to `running`, against create, start and the first answer of the
    same executor by raw calls of the engine with the same options."""
    number = iter(range(10 ** 6))
    session_create("python-basic", NAME + "-model")
    session_wait(NAME + "-model")
    model = engine("GET", "/containers/" + api(
        "GET", f"/api/v1/sessions/{NAME}-model")["container_id"] + "/json")

    def ours():
        name = f"{NAME}-{next(number)}"
        started = time.monotonic()
        session_create("python-basic", name)
        executor_wait(f"{HOME}/sessions/{name}")
        session_wait(name)
        took = time.monotonic() - started
        container = api("GET", f"/api/v1/sessions/{name}")["container_id"]
        api("DELETE", f"/api/v1/sessions/{name}")
        container_gone(container)
        return took * 1000

    def raw():
        name = f"{NAME}-raw-{next(number)}"
        folder = f"{HOME}/raw/{name}"
        os.makedirs(folder)
        os.chmod(folder, 0o777)
        with open(f"{folder}/bootstrap.json", "w") as file:
            json.dump({"session_id": name, "token": name + "." + "0" * 64,
                       "callback": "/nowhere", "env_vars": {}}, file)
        host = dict(model["HostConfig"], Mounts=[
            dict(mount, Source=folder) if mount["Target"] == "/run/sandbox"
            else mount for mount in model["HostConfig"]["Mounts"]])
        spec = dict(model["Config"], HostConfig=host)
        spec["NetworkDisabled"] = True
        spec.pop("Hostname", None)
        spec["Labels"] = {"ngx_sandbox.bench": "1"}
        started = time.monotonic()
        engine("POST", f"/containers/create?name={name}", spec)
        engine("POST", f"/containers/{name}/start")
        executor_wait(folder)
        took = time.monotonic() - started
        engine("DELETE", f"/containers/{name}?force=1")
        return took * 1000

    values = interleave(CREATES, ours=ours, raw=raw)
    row("cold create to ready, to raw Docker calls", values, "ours", "raw",
        "ms", "at most 1.1")
    api("DELETE", f"/api/v1/sessions/{NAME}-model")


def memory(name):
    """Private memory of the workers, before and after 100 000 requests."""

    def private():
        pid = open(f"{HOME}/run/nginx.pid").read().strip()
        workers = subprocess.run(["pgrep", "-P", pid], capture_output=True,
                                 text=True, check=True).stdout.split()
        total = 0
        for worker in workers:
            for line in open(f"/proc/{worker}/smaps_rollup"):
                if line.startswith(("Private_Dirty:", "Private_Clean:")):
                    total += int(line.split()[1])
        return total / 1024

    url = f"http://{API}/api/v1/sessions/{name}"
    marks = []
    for requests in (10000, 100000):
        done = 0.0
        while done < requests:
            done += wrk(url, 32) * SECONDS
        marks.append(private())
    print(f"| workers' private memory after 110 k requests, to after 10 k "
          f"| {marks[1]:.1f} | {marks[0]:.1f} | MiB | "
          f"**{marks[1] / marks[0]:.2f}** | flat |", flush=True)


def main():
    print("| what | ours | baseline | unit | ratio (range of rounds) | goal |")
    print("| --- | --- | --- | --- | --- | --- |")
    session_create("python-basic", NAME)
    session_wait(NAME)
    for part in PARTS.split():
        {"executes": executions.executes, "sandboxes": executions.sandboxes,
         "watching": watching.watching, "clients": watching.clients,
         "waiters": waiters.waiters,
         "output": executions.output,
         "reads": reads, "memory": memory,
         "creates": creates}[part](NAME)
    api("DELETE", f"/api/v1/sessions/{NAME}")


main()
