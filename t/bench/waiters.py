"""Many clients that wait: what they cost while they do, and how soon they hear
of a change.  They are processes of their own with an epoll each, since one that
is in Python would be the slowest part of all.
"""

import itertools
import json
import multiprocessing
import os
import re
import selectors
import socket
import statistics
import subprocess
import sys
import time
from datetime import datetime, timezone

from measure import API, HOME, NAME, api, restart, workers

WAITERS = int(os.environ.get("BENCH_WAITERS", "10000"))
PROCESSES = 4
ROWS = 100
SINGLES = 20
ROUNDS = 3
QUIET = 5                   # seconds in which MariaDB's statements are counted

numbers = itertools.count()


def sql(text):
    with open(f"{HOME}/secrets/database", encoding="ascii") as f:
        password = f.read().strip()
    out = subprocess.run(
        ["mariadb", f"--socket={HOME}/run/mariadb.sock", "--user=ngx_sandbox",
         "--skip-column-names", "--batch", "ngx_sandbox", "-e", text],
        env=dict(os.environ, MYSQL_PWD=password), text=True, check=True,
        capture_output=True).stdout
    return [line.split("\t") for line in out.splitlines()]


def statements():
    return int(sql("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'")[0][1])


def executions(session, n):
    """Rows that nothing runs behind, and that nobody gives up meanwhile."""
    prefix = f"{NAME}-waited-{next(numbers)}"
    sql(f"INSERT INTO executions (id, session_id, status, language, code, "
        f"timeout_sec, max_retries, due_at) SELECT CONCAT('{prefix}-', seq), "
        f"'{session}', 'pending', 'shell', ':', 60, 0, UTC_TIMESTAMP() + "
        f"INTERVAL 1 HOUR FROM seq_1_to_{n}")
    return [f"{prefix}-{i}" for i in range(1, n + 1)]


class Clients:
    """One connection for each id; answered() gives {id: [times]}."""

    def __init__(self, ids):
        self.pipes, self.processes = [], []
        for i in range(PROCESSES):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.Process(
                target=hold, args=(ids[i::PROCESSES], theirs))
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)
        for pipe in self.pipes:
            pipe.recv()

    def answered(self):
        times = {}
        for pipe in self.pipes:
            for each, at in pipe.recv():
                times.setdefault(each, []).append(at)
        for process in self.processes:
            process.join()
        return times


def hold(ids, pipe):
    host, port = API.rsplit(":", 1)
    selector, open_ = selectors.EpollSelector(), []
    for each in ids:
        s = socket.create_connection((host, int(port)), timeout=60)
        s.sendall(f"GET /api/v1/executions/{each}?wait=done&timeout=60 "
                  f"HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        selector.register(s, selectors.EVENT_READ, [each, b""])
        open_.append(s)
    pipe.send(None)
    answers = []
    while len(answers) < len(ids):
        for key, _ in selector.select(90):
            key.data[1] += key.fileobj.recv(65536)
            at, text = time.time(), key.data[1]
            head, end, body = text.partition(b"\r\n\r\n")
            if not end or len(body) < int(
                    re.search(rb"Content-Length: (\d+)", head).group(1)):
                continue
            if not head.startswith(b"HTTP/1.1 200 ") \
                    or b'"status":"cancelled"' not in body:
                sys.exit(f"bench: {text[:400]!r}")
            answers.append((key.data[0], at))
            selector.unregister(key.fileobj)
    pipe.send(answers)
    for s in open_:
        s.close()


def completed(ids):
    """When the rows changed, by MariaDB, whose clock is this machine's."""
    return {each: datetime.strptime(at, "%Y-%m-%d %H:%M:%S.%f")
            .replace(tzinfo=timezone.utc).timestamp()
            for each, at in sql(
                "SELECT id, completed_at FROM executions WHERE id IN ("
                + ", ".join(f"'{each}'" for each in ids) + ")")}


def late(times, ids):
    """Milliseconds from the changes to the answers, the soonest first."""
    changed = completed(ids)
    return sorted((at - changed[each]) * 1000
                  for each in ids for at in times[each])


def memory():
    """KiB of all workers: resident, and their proportional share of it."""
    sizes = {"Rss": 0, "Pss": 0}
    for pid in workers():
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            for name, size in re.findall(r"^(Rss|Pss):\s+(\d+)", f.read(),
                                         re.M):
                sizes[name] += int(size)
    return sizes


def waiting():
    """Of all workers; each answers for itself."""
    seen, want = {}, len(workers())
    while len(seen) < want:
        health = json.loads(subprocess.run(
            ["curl", "-s", f"http://{API}/api/v1/health/detailed"], text=True,
            check=True, capture_output=True).stdout)
        seen[health["worker_pid"]] = health["waiters"]
    return sum(seen.values())


def settled(n):
    for _ in range(600):
        if waiting() == n:
            return
        time.sleep(0.1)
    sys.exit(f"bench: {waiting()} wait, not {n}")


def roomy(text):
    text = re.sub(r"worker_connections\s+\d+;",
                  f"worker_connections {WAITERS + 1024};", text)
    text = re.sub(r"listen (127\.0\.0\.1:\d+);", r"listen \1 reuseport;", text)
    return f"worker_rlimit_nofile {WAITERS + 2048};\n" + text


def told(what, values, unit, goal=""):
    print(f"| {what} | {statistics.median(values):.4g} |  | {unit} | "
          f"({min(values):.4g}-{max(values):.4g}) | {goal} |", flush=True)


def counted(measure):
    before = statements()
    measure()
    return statements() - before


def one_round(session, figures):
    """WAITERS - SINGLES of one row, and some that have a row of their own."""
    restart(lambda same: same)      # workers that have used no memory yet
    settled(0)
    time.sleep(2)                   # the first run of the jobs
    idle = counted(lambda: time.sleep(QUIET))
    before = memory()
    one, singles = executions(session, 1), executions(session, SINGLES)
    clients = Clients(one * (WAITERS - SINGLES) + singles)
    settled(WAITERS)
    now = memory()
    for kind in ("Rss", "Pss"):
        figures[kind].append((now[kind] - before[kind]) / WAITERS)
    figures["asked"].append(counted(lambda: time.sleep(QUIET)) - idle)
    for each in singles:
        api("POST", f"/api/v1/executions/{each}/cancel")
    time.sleep(0.5)
    figures["reads"].append(counted(lambda: (
        api("POST", f"/api/v1/executions/{one[0]}/cancel"), settled(0))))
    times = clients.answered()
    figures["single"] += late(times, singles)
    herd = late(times, one)
    figures["herd50"].append(statistics.median(herd))
    figures["herd100"].append(herd[-1])

    rows = executions(session, ROWS)
    clients = Clients(rows * (WAITERS // ROWS))
    settled(WAITERS // ROWS * ROWS)
    figures["rows_reads"].append(counted(lambda: (
        [api("POST", f"/api/v1/executions/{each}/cancel") for each in rows],
        settled(0))))
    herd = late(clients.answered(), rows)
    figures["rows50"].append(statistics.median(herd))
    figures["rows100"].append(herd[-1])


def waiters(session):
    names = ("Rss", "Pss", "asked", "reads", "single", "herd50", "herd100",
             "rows_reads", "rows50", "rows100")
    figures = {name: [] for name in names}
    before = restart(roomy)
    for _ in range(ROUNDS):
        one_round(session, figures)
    restart(lambda _: before)

    told(f"{WAITERS} that wait: resident memory of all workers, each waiter",
         figures["Rss"], "KiB")
    told("the same, proportional share", figures["Pss"], "KiB")
    told(f"statements of MariaDB in {QUIET} s while they wait, above those "
         "without them", figures["asked"], "", "0")
    told(f"from a change to the answer of the one of {WAITERS} that waits for "
         "it", figures["single"], "ms", "at most 20 ms")
    told("from a change that all wait for to the median answer",
         figures["herd50"], "ms")
    told("the same, to the last answer", figures["herd100"], "ms")
    told("statements of MariaDB for it", figures["reads"], "")
    told(f"the same for {ROWS} rows with {WAITERS // ROWS} each, one after the "
         "other, to the median answer", figures["rows50"], "ms")
    told("the same, to the last answer", figures["rows100"], "ms")
    told("statements of MariaDB for them", figures["rows_reads"], "")
