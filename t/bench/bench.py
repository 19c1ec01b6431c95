#!/usr/bin/env python3
"""Ratios against baselines, measured side by side.

Every figure is a ratio of medians of rounds in which both sides took turns, so
that what else the machine does meets both.  Called by t/bench/run, which starts
the stack; see there for the environment.
"""

import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time

HOME = os.environ["BENCH_HOME"]
API = os.environ["BENCH_API"]                  # 127.0.0.1:PORT of the module
PLAIN = os.environ["BENCH_PLAIN"]              # of an nginx with return 200
ENGINE = os.environ["BENCH_ENGINE"]            # the engine's socket
SELECT = os.environ["BENCH_SELECT"]            # the plain client
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "2"))    # wrk takes whole ones
CREATES = int(os.environ.get("BENCH_CREATES", "12"))
PAUSE = 0.002                                  # between two looks
RUNS = int(os.environ.get("BENCH_RUNS", "15"))
PARTS = os.environ.get("BENCH_PARTS", "executes reads memory creates")
NAME = f"bench-{int(time.time())}"             # an id is never used twice


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket, for the engine."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


class Client:
    def __init__(self, make):
        self.make = make
        self.connection = make()

    def __call__(self, method, path, body=None, expect=(200, 201, 204)):
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"} if body is not None \
            else {}
        try:
            self.connection.request(method, path, data, headers)
            answer = self.connection.getresponse()
        except (ConnectionError, http.client.HTTPException):
            # it was idle for too long, and nothing was sent
            self.connection = self.make()
            self.connection.request(method, path, data, headers)
            answer = self.connection.getresponse()
        text = answer.read()
        if answer.status not in expect:
            sys.exit(f"bench: {method} {path}: {answer.status} "
                     f"{text[:300].decode(errors='replace')}")
        return json.loads(text) if text[:1] in (b"{", b"[") else text


def api_client():
    return Client(lambda: http.client.HTTPConnection(API, timeout=120))


api = api_client()
engine = Client(lambda: UnixConnection(ENGINE))


def wrk(url, connections):
    """Requests a second; any answer but 2xx ends the bench."""
    out = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", url],
        capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"bench: {url}: {out}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def plain_select(connections, statement, *params):
    """Statements a second of the blocking client."""
    env = dict(os.environ, MYSQL_PASSWORD=open(
        f"{HOME}/secrets/database").read().strip())
    out = subprocess.run(
        [SELECT, f"{HOME}/run/mariadb.sock", "ngx_sandbox", "ngx_sandbox",
         str(connections), str(SECONDS), statement, *params],
        capture_output=True, text=True, check=True, env=env).stdout
    rows, rate = out.split()
    if int(rows) == 0:
        sys.exit("bench: the plain client found no rows")
    return float(rate)


def interleave(rounds, **sides):
    """One warm-up, then rounds of all sides in turn: {name: [values]}."""
    values = {name: [] for name in sides}
    for round_number in range(rounds + 1):
        for name, measure in sides.items():
            value = measure()
            if round_number:
                values[name].append(value)
    return values


def one_after_the_other(values, name, first, second):
    """Adds the rate of who does both: the most that can be hoped for."""
    values[name] = [1 / (1 / a + 1 / b)
                    for a, b in zip(values[first], values[second])]


def row(what, values, ours, base, unit, goal=""):
    """The ratio is the median of the rounds' own ratios."""
    pairs = [a / b for a, b in zip(values[ours], values[base])]
    print(f"| {what} | {statistics.median(values[ours]):.4g} | "
          f"{statistics.median(values[base]):.4g} | {unit} | "
          f"**{statistics.median(pairs):.2f}** "
          f"({min(pairs):.2f}-{max(pairs):.2f}) | {goal} |", flush=True)


def statements():
    """The text of the module's own statements, by name, the first of each."""
    every = json.loads(subprocess.run(
        [os.environ["BENCH_STATEMENTS"]], capture_output=True, text=True,
        check=True).stdout)
    return {each["name"]: each["sql"] for each in reversed(every)}


def session_create(template, name):
    api("POST", "/api/v1/sessions", {"template_id": template, "id": name})


def session_wait(name):
    while True:
        session = api("GET", f"/api/v1/sessions/{name}")
        if session["status"] == "running":
            return
        if session["status"] != "creating":
            sys.exit(f"bench: session {name}: {session['failure']}")
        time.sleep(PAUSE)


def executor_wait(folder):
    """Until the executor answers; a look at its socket costs next to nothing,
    so it does not slow the start that it waits for."""
    while True:
        try:
            probe = UnixConnection(f"{folder}/executor.sock")
            probe.request("GET", "/v1/status")
            probe.getresponse().read()
            return
        except OSError:
            time.sleep(PAUSE)


def container_gone(name):
    for _ in range(3000):
        engine.connection.request("GET", f"/containers/{name}/json")
        answer = engine.connection.getresponse()
        answer.read()
        if answer.status == 404:
            return
        time.sleep(0.01)
    sys.exit(f"bench: container {name} was not removed")


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
            "libmariadb client", values, "get", "client", "1/s", "at least 0.8")
        row(f"GET session, {connections} connections, to `return 200`",
            values, "get", "plain", "1/s")
        one_after_the_other(values, "both", "client", "plain")
        row(f"GET session, {connections} connections, to both of these one "
            "after the other", values, "get", "both", "1/s")

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


def executes(name):
    container = api("GET", f"/api/v1/sessions/{name}")["container_id"]

    def ours():
        started = time.monotonic()
        answer = api("POST", f"/api/v1/sessions/{name}/execute-sync", {
            "language": "python", "code": "def handler(event):\n    pass"})
        if answer["status"] != "completed":
            sys.exit(f"bench: {answer}")
        return (time.monotonic() - started) * 1000

    def docker_exec():
        started = time.monotonic()
        subprocess.run(["docker", "-H", f"unix://{ENGINE}", "exec", container,
                        "python3", "-c", "pass"], check=True)
        return (time.monotonic() - started) * 1000

    values = interleave(RUNS, ours=ours, base=docker_exec)
    row("execute-sync of a no-op, to `docker exec python3 -c pass`", values,
        "ours", "base", "ms")


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
        {"executes": executes, "reads": reads, "memory": memory,
         "creates": creates}[part](NAME)
    api("DELETE", f"/api/v1/sessions/{NAME}")


main()
