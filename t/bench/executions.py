"""Code in a sandbox, against the same without a system around it: programs that
are started in the same container, bytes through a pipe.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time

from measure import (ENGINE, HOME, NAME, SECONDS, Caller, api, engine,
                     interleave, row, session_create, session_wait)

RUNS = int(os.environ.get("BENCH_RUNS", "15"))

# an agent's pace: what was used has been replaced by then
PACE = 0.15

NOTHING = {
    "python": "def handler(event):\n    pass",
    "javascript": "function handler(event) {}",
    "shell": ":",
}

PROGRAMS = {
    "python": ["/usr/bin/python3", "-c", "pass"],
    "javascript": ["/usr/bin/node", "-e", "0"],
    "shell": ["/bin/sh", "-c", ":"],
}

# starts a program some times, one after the other, and gives the milliseconds
# that each took
SPAWNS = {
    "python": """
import os, time
def handler(event):
    took = []
    for _ in range(event["times"]):
        started = time.perf_counter()
        pid = os.posix_spawn(event["argv"][0], event["argv"], os.environ)
        os.waitpid(pid, 0)
        took.append((time.perf_counter() - started) * 1000)
        time.sleep(event["pace"])
    return took
""",
    "javascript": """
const { spawn } = require("child_process");
exports.handler = async (event) => {
    const took = [];
    for (let n = 0; n < event.times; n++) {
        const started = process.hrtime.bigint();
        await new Promise((done) => spawn(event.argv[0], event.argv.slice(1),
            { stdio: "ignore" }).on("exit", done));
        took.push(Number(process.hrtime.bigint() - started) / 1e6);
        await new Promise((done) => setTimeout(done, event.pace * 1000));
    }
    return took;
};
""",
}


def execute(client, name, language, code, **fields):
    return completed(client("POST", f"/api/v1/sessions/{name}/execute-sync",
                            dict(fields, language=language, code=code)))


def nothing(name, language):
    """A caller of the smallest execution."""
    return Caller(f"/api/v1/sessions/{name}/execute-sync",
                  {"language": language, "code": NOTHING[language]})


def completed(answer):
    if answer["status"] != "completed":
        sys.exit(f"bench: {answer}")
    return answer


def template(name, base, **fields):
    """A template like a seeded one but for some fields."""
    model = api("GET", f"/api/v1/templates/{base}")
    body = {key: model[key] for key in
            ("image_url", "runtime_type", "default_cpu_cores",
             "default_memory_mb", "default_disk_mb")}
    api("POST", "/api/v1/templates", dict(body, id=name, name=name, **fields))


def commits():
    """Milliseconds of a durable statement at the same pace: what MariaDB's own
    client waits for, the median."""
    each = "; ".join(
        f"SET @started = SYSDATE(6); UPDATE bench_commits SET v = {n};"
        f"SELECT TIMESTAMPDIFF(MICROSECOND, @started, SYSDATE(6));"
        f"DO SLEEP({PACE})" for n in range(1, RUNS + 1))
    out = subprocess.run(
        ["mariadb", "--no-defaults", "-N", "-S", f"{HOME}/run/mariadb.sock",
         "ngx_sandbox"], input="CREATE TABLE IF NOT EXISTS bench_commits"
        " (v BIGINT); DELETE FROM bench_commits; INSERT INTO bench_commits"
        f" VALUES (0); {each};", text=True, check=True, capture_output=True)
    return statistics.median(int(line) for line in out.stdout.split()) / 1000


def executes(name):
    node = NAME + "-node"
    session_create("nodejs-basic", node)
    session_wait(node)
    goals = {"python": "at most 0.5", "javascript": "at most 0.5"}

    # docs/decisions/0013-shell-goal.md
    goals_of_both = {"shell": "at most 2"}

    for language, session in (("python", name), ("javascript", node),
                              ("shell", name)):
        # the one that spawns is of the image, the shell's is Python
        spawner = language if language in SPAWNS else "python"

        call = nothing(session, language)
        inside = []

        def ours():
            took, own = [], []
            for _ in range(RUNS):
                time.sleep(PACE)
                ms, answer = call()
                took.append(ms)
                own.append(completed(answer)["metrics"]["duration_ms"])
            inside.append(statistics.median(own))
            return statistics.median(took)

        def spawned():
            return statistics.median(execute(
                api, session, spawner, SPAWNS[spawner],
                event={"times": RUNS, "argv": PROGRAMS[language],
                       "pace": PACE})["return_value"])

        values = interleave(3, ours=ours, base=spawned, commit=commits)
        values["inside"] = inside[1:]
        values["both"] = [base + 2 * one for base, one
                          in zip(values["base"], values["commit"])]
        what = f"nothing, {language}, to `{' '.join(PROGRAMS[language])}`"
        row(f"execute-sync of {what} in the same container (p50)", values,
            "ours", "base", "ms", goals.get(language, ""))
        row(f"execute-sync of {what} and two durable statements", values,
            "ours", "both", "ms", goals_of_both.get(language, ""))
        row(f"the execution alone, of {what}", values, "inside", "base", "ms")

    docker_exec(name)

    for language, session in (("python", name), ("javascript", node),
                              ("shell", name)):
        rates(language, session)

    api("DELETE", f"/api/v1/sessions/{node}")


def docker_exec(name):
    container = api("GET", f"/api/v1/sessions/{name}")["container_id"]
    call = nothing(name, "python")

    def ours():
        time.sleep(PACE)
        ms, answer = call()
        completed(answer)
        return ms

    def base():
        started = time.monotonic()
        subprocess.run(["docker", "-H", f"unix://{ENGINE}", "exec", container,
                        "python3", "-c", "pass"], check=True)
        return (time.monotonic() - started) * 1000

    values = interleave(RUNS, ours=ours, base=base)
    row("execute-sync of nothing, to `docker exec python3 -c pass`", values,
        "ours", "base", "ms")


def rate(language, session, clients):
    """Executions a second, each client one after the other."""
    end = time.monotonic() + SECONDS
    counts = []

    def work():
        call, n = nothing(session, language), 0
        while time.monotonic() < end:
            completed(call()[1])
            n += 1
        counts.append(n)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


def rates(language, session):
    """To one client at a time: what more of them gain."""
    values = interleave(3, one=lambda: rate(language, session, 1),
                        two=lambda: rate(language, session, 2),
                        four=lambda: rate(language, session, 4))
    for clients in "two", "four":
        row(f"executions of nothing a second, {language}, {clients} clients, "
            "to one", values, clients, "one", "1/s")


def used(name):
    """MiB that the engine counts for a sandbox, without what it can drop."""
    container = api("GET", f"/api/v1/sessions/{name}")["container_id"]
    stats = engine("GET", f"/containers/{container}/stats"
                   "?stream=false&one-shot=true")["memory_stats"]
    droppable = stats["stats"].get("total_inactive_file",
                                   stats["stats"].get("inactive_file", 0))
    return (stats["usage"] - droppable) / 2 ** 20


def sandboxes(_):
    """Memory of a sandbox that does nothing."""
    for base, ready in (("python-basic", {"python": 1}),
                        ("nodejs-basic", {"javascript": 1})):
        template(f"{NAME}-{base}-0", base, prestart={})
        template(f"{NAME}-{base}-1", base, prestart=ready)

        def idle(which):
            session = f"{NAME}-{base}-{which}-{time.monotonic_ns()}"
            session_create(f"{NAME}-{base}-{which}", session)
            session_wait(session)
            time.sleep(1)
            value = used(session)
            api("DELETE", f"/api/v1/sessions/{session}")
            return value

        values = interleave(3, ready=lambda: idle(1), none=lambda: idle(0))
        row(f"memory of an idle sandbox, {base}, one interpreter ready, to "
            "none", values, "ready", "none", "MiB")


def output(name):
    """100 MB that the code prints, against the same through a pipe."""
    size = 100 * 1000 * 1000
    code = f"head -c {size} /dev/zero"

    def ours():
        answer = execute(api, name, "shell", code)
        if answer["metrics"]["stdout_dropped_bytes"] != size - 2 ** 20:
            sys.exit(f"bench: {json.dumps(answer)[:500]}")
        return answer["execution_time"] * 1000

    def pipe():
        return execute(api, name, "python", SPAWNS["python"], event={
            "times": 1, "pace": 0,
            "argv": ["/bin/sh", "-c", f"{code} | cat >/dev/null"],
        })["return_value"][0]

    values = interleave(5, ours=ours, base=pipe)
    row("100 MB of output, to the same through a pipe into `cat`", values,
        "ours", "base", "ms")
