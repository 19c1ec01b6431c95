#!/usr/bin/env python3
# Copyright (C) the ngx_sandbox authors
#
# Executions inside of bubblewrap: the tests of the other files that look at
# processes, signals, time and languages, and what bubblewrap adds.  Would
# catch: a monitor that stays, or that is taken for the interpreter; a signal,
# a status or a count that is bubblewrap's; a start that waits for ever; what
# an execution says that bubblewrap or its loader hears.

import importlib.machinery
import os
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from harness import BUILT, UID, Executor, Result, done, equal  # noqa
from harness import everything, ok  # noqa
from harness import until, until_made  # noqa


def load(name):
    path = "%s/%s.t" % (HERE, name)
    return importlib.machinery.SourceFileLoader(name + "_t",
                                                path).load_module()


def start(**bootstrap):
    return Executor(bubblewrap=True, **bootstrap).start().ready()


def is_monitor(pid):
    try:
        return os.stat("/proc/%d" % pid).st_uid == UID \
            and os.readlink("/proc/%d/exe" % pid).endswith("/bwrap")
    except OSError:
        return False


def monitors():
    """Processes of the tests' user that are bubblewrap."""
    return [pid for pid, state in everything() if is_monitor(pid)]


def child(e):
    """The executor's only one."""
    pid = e.process.pid

    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        children = f.read().split()

    return int(children[0]) if len(children) == 1 else None


def test_inside(e):
    equal(e.status()["isolation"]["bubblewrap"], True, "it is told")

    for name in "mnt", "user", "ipc", "uts":
        r = e.shell("readlink /proc/self/ns/" + name)
        ok(r.out.strip() != os.readlink("/proc/%d/ns/%s"
                                        % (e.process.pid, name)),
           "a name space of its own: " + name, r)

    r = e.shell("ls -A %s/opt %s/run %s/callback" % ((e.dir,) * 3))
    equal(r.out.split(), [e.dir + "/callback:", e.dir + "/opt:",
                          e.dir + "/run:"], "no name in folders of ours")
    r = e.shell("touch %s/opt/x" % e.dir)
    ok(r.code != 0, "nor can there be one", r)

    r = e.shell("grep -c . /proc/self/mountinfo; ulimit -c; ulimit -Hn;"
                " umask; grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status")
    lines = r.out.split("\n")
    equal(lines[1:4], ["0", "4096", "0022"], "limits and umask")
    ok(all(line.endswith("0" * 16) for line in lines
           if line.startswith("Cap")), "no capability", r.out)
    ok("NoNewPrivs:\t1" in lines and "Seccomp:\t2" in lines, "the filter",
       r.out)

    r = e.python("import os\ndef handler(event): return [os.getpid(),"
                 " os.getpgid(0), os.getsid(0), os.getppid(),"
                 " sorted(os.listdir('/proc/self/fd'))]")
    pid, group, session, parent, fds = r.value
    equal((group, session, parent), (pid, pid, e.process.pid),
          "it leads its session, the executor is its parent")
    ok(len(fds) <= 5 and not [fd for fd in fds if int(fd) >= 16],
       "nothing of ours is open", fds)


def test_places(e):
    r = e.shell("pwd; echo kept >file", working_directory="below/it")
    equal(r.out, e.workspace + "/below/it\n", "a directory of its own")
    r = e.python("def handler(event): return open('file').read()",
                 working_directory="below/it")
    equal(r.value, "kept\n", "the workspace is the session's")

    # also while the two ways look at it
    e.shell("ln -s / out")
    body = e.body("shell", "pwd", working_directory="out")
    status, data = e.post(body)
    ok(status.status != 200 or b'"completed"' not in data,
       "no link is followed", status.status, data)
    e.ack(body["execution_id"])
    e.shell("rm out")


def test_words(e):
    """What an execution brings is not bubblewrap's."""
    e.shell("mkdir -p lib; printf x >lib/evil.so")
    r = e.shell("echo $LD_PRELOAD $LD_AUDIT",
                env_vars={"LD_PRELOAD": e.workspace + "/lib/evil.so",
                          "LD_AUDIT": "none"})
    ok(r.status == "completed" and r.out.startswith(e.workspace)
       and "ERROR: ld.so" in r.err, "LD_PRELOAD is the code's own", r)
    ok("ld.so" not in e.errors(), "and no loader of ours has read it",
       e.errors())

    r = e.shell("echo $FOO", env_vars={"FOO": "\u00e9 ' \" \n$x`"})
    equal(r.out, "\u00e9 ' \" $x`\n", "variables")
    large = "# " + "x" * 100000 + "\necho large"
    equal(e.shell(large).out, "large\n", "a large code")
    r = e.shell("env | wc -c", env_vars={"N%d" % i: "x" * 100
                                         for i in range(250)})
    ok(int(r.out) > 25000, "many variables", r)

    body = e.body("shell", "echo >runs; " + until_made("over")
                  + "# secret-code", mode="async")
    e.post(body)
    ok(until(lambda: os.path.exists(e.workspace + "/runs")), "code runs")
    with open("/proc/%d/cmdline" % e.process.pid, "rb") as f:
        ok(b"secret" not in f.read(), "no code in a command line of ours")
    equal(monitors(), [], "no monitor is there while code runs")
    e.make("over")
    until(lambda: e.callback.results(body["execution_id"]))


def test_apart(e):
    """Two executions at a time."""
    body = e.body("python", "import ctypes, os, time\n"
                  "libc = ctypes.CDLL(None)\n"
                  "libc.shmget(0x4711, 4096, 0o1666)\n"
                  "libc.msgget(0x4712, 0o1666)\n"
                  "open('shares', 'w').close()\n"
                  "while not os.path.exists('apart'): time.sleep(0.02)",
                  mode="async")
    e.post(body)
    ok(until(lambda: os.path.exists(e.workspace + "/shares")), "one shares")
    r = e.shell("cat /proc/sysvipc/shm /proc/sysvipc/msg | grep -c 1822[56]")
    equal(r.out, "0\n", "another one's shared memory is not there")
    pid = child(e)
    r = e.shell("for n in root cwd exe environ ns/mnt fd/1; do"
                " ls /proc/%d/$n/ >/dev/null 2>&1 && echo $n;"
                " cat /proc/%d/$n >/dev/null 2>&1 && echo $n; done; true"
                % (pid, pid))
    equal(r.out, "", "nothing of another one can be opened")
    e.make("apart")
    r = until(lambda: e.callback.results(body["execution_id"]))
    equal(Result(r[0].body).status, "completed", "which was there all the time")


class Stopper:
    """Stops each bubblewrap that it sees, and nothing that one has become in
    between: code that is stopped would last until its time-out."""

    def __init__(self):
        self.over = False
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        while not self.over:
            for pid in monitors():
                try:
                    os.kill(pid, signal.SIGSTOP)
                    time.sleep(0.001)

                    if not is_monitor(pid):
                        os.kill(pid, signal.SIGCONT)
                except OSError:
                    continue

    def stop(self):
        self.over = True
        self.thread.join()


def test_stopped(e):
    """One that is stopped on its way is not waited for."""
    stopper = Stopper()
    slowest = 0
    statuses = []

    for _ in range(8):
        began = time.monotonic()
        body = e.body("shell", "echo on")
        statuses.append(e.post(body)[0].status)
        e.ack(body["execution_id"])
        slowest = max(slowest, time.monotonic() - began)

        if slowest > 2:
            break

    stopper.stop()
    # after 5 s; its time-out is 30 s
    ok(slowest < 15, "a start ends, whatever stops it", slowest, statuses)
    equal(e.shell("echo ok").out, "ok\n", "then all is as ever")
    ok(until(lambda: not monitors()), "and nothing is left", monitors())


def test_fallback():
    """What bubblewrap can do wrong, and what is in force then."""
    for name, script in (
            ("one that fails", "echo broken >&2; exit 3"),
            ("one that ends well, and starts nothing", "exit 0"),
            ("one that hangs", "sleep 60"),
            ("one that starts something else",
             "while [ \"$1\" != -- ]; do shift; done; exec true")):
        e = Executor(bubblewrap=True)
        e.program("bwrap", script)
        began = time.monotonic()
        e.start().ready()
        took = time.monotonic() - began
        equal(e.status()["isolation"]["bubblewrap"], False, name)
        ok("it is not used" in e.errors() and took < 15, "and it is said",
           e.errors(), took)
        equal(e.shell("echo ok").out, "ok\n", "code runs without it")
        ok(until(lambda: child(e) is None and not e.inside()),
           "nothing is left", e.inside())
        e.stop()


def main():
    if not os.path.exists(BUILT + "/executor"):
        print("Bail out! %s is not built" % BUILT)
        sys.exit(1)

    e = start()

    if not e.status()["isolation"]["bubblewrap"]:
        e.stop()
        print("1..0 # SKIP no bubblewrap here, or no right to use it")
        return

    before = len(os.listdir("/proc/%d/fd" % e.process.pid))
    test_inside(e)
    test_places(e)
    test_words(e)
    test_apart(e)
    test_stopped(e)

    general = load("executor")
    languages = load("languages")

    general.test_code(e)
    general.test_secrets(e)
    ok(until(lambda: len(os.listdir("/proc/%d/fd" % e.process.pid))
             <= before + 1), "no descriptor is lost")
    equal(e.stop(), 0, "the end")

    e = start(prestart={"python": 2, "javascript": 2})
    general.test_code(e)
    general.test_prestart(e)
    equal(e.stop(), 0, "the end")

    e = start(env_vars=languages.SESSION_ENV)
    for name in sorted(vars(languages)):
        if name.startswith("test_"):
            getattr(languages, name)(e)
    equal(e.stop(), 0, "the end")

    test_fallback()
    done()


if __name__ == "__main__":
    main()
