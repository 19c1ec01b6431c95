# Copyright (C) the ngx_sandbox authors
#
# What the executor's tests share: TAP, a callback server on a unix socket
# that can be told what to answer, and a started executor in a temporary
# folder, run as a user without rights.

import atexit
import http.client
import json
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import http.server

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILT = os.environ.get("SANDBOX_EXECUTOR_DIR", TOP + "/build/executor")
PATH = os.environ.get("SANDBOX_TEST_PATH", "/usr/local/sbin:/usr/local/bin"
                      ":/usr/sbin:/usr/bin:/sbin:/bin")

# whether executions run inside of bubblewrap, where that is not told
BUBBLEWRAP = bool(os.environ.get("SANDBOX_TEST_BUBBLEWRAP"))

# nobody else's, so that a wrong kill() of the executor hurts nobody, not even
# another run of the tests
UID = 61000 + os.getpid() % 4000
TOKEN = "sess_abcdefghij012345." + "0123456789abcdef" * 4
SESSION = "sess_abcdefghij012345"

count = failed = 0


def ok(passed, name, *details):
    global count, failed

    count += 1
    print("%sok %d - %s" % ("" if passed else "not ", count, name),
          flush=True)

    if not passed:
        # on stderr: what is on stdout, prove keeps to itself
        failed += 1
        print("#   not ok %d - %s" % (count, name), file=sys.stderr)
        for line in "\n".join(str(d) for d in details).split("\n")[:40]:
            print("#   " + line[:400], file=sys.stderr, flush=True)

    return passed


def equal(got, expected, name):
    return ok(got == expected, name, "got:      %r" % (got,),
              "expected: %r" % (expected,))


def skip(name, why):
    global count

    count += 1
    print("ok %d - %s # SKIP %s" % (count, name, why), flush=True)


def done():
    print("1..%d" % count, flush=True)
    sys.exit(1 if failed else 0)


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds

    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)

    return condition()


def until_made(name):
    """Shell code that goes on when the test has made a file, see make()."""
    return "until [ -e %s ]; do sleep 0.02; done; " % name


def end_all():
    """What a killed executor has left, and what starts others all the time."""
    if os.geteuid() == 0:
        subprocess.call(["setpriv", "--reuid", str(UID), "--regid", str(UID),
                         "--clear-groups", "sh", "-c", "kill -9 -1"],
                        stderr=subprocess.DEVNULL)


atexit.register(end_all)
signal.signal(signal.SIGTERM, lambda signo, frame: sys.exit(1))


class Call:
    def __init__(self, path, headers, body):
        self.at = time.monotonic()
        self.path = path
        self.headers = headers
        self.body = body


class Callback:
    """nginx's internal API, as far as the executor can see."""

    def __init__(self, path):
        self.path = path
        self.calls = []
        self.answer = lambda call: 200
        self.gets = []
        self.serve = lambda call: (404, b"")
        self.server = None
        self.up()

    def up(self):
        calls, callback = self.calls, self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                size = int(self.headers["Content-Length"])
                call = Call(self.path, self.headers, self.rfile.read(size))
                # who waits for the call may want another answer to the next
                answer = callback.answer
                calls.append(call)
                status = answer(call)

                if status is None:
                    self.close_connection = True
                    return

                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def do_GET(self):
                call = Call(self.path, self.headers, self.command)
                serve = callback.serve
                callback.gets.append(call)
                status, body = serve(call)
                self.close_connection = True

                if status is None:
                    return

                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else body)

            do_HEAD = do_GET

            def log_message(self, *args):
                pass

            def address_string(self):
                return "unix"

        class Server(socketserver.ThreadingMixIn,
                     socketserver.UnixStreamServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass

        self.server = Server(self.path, Handler)
        os.chmod(self.path, 0o666)
        threading.Thread(target=self.server.serve_forever,
                         kwargs={"poll_interval": 0.05},
                         daemon=True).start()

    def down(self):
        self.server.shutdown()
        self.server.server_close()
        os.unlink(self.path)

    def results(self, execution_id):
        return [c for c in self.calls
                if c.path == "/internal/executions/%s/result" % execution_id]


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout=120):
        super().__init__("localhost", timeout=timeout)
        self.unix_path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.unix_path)


class Result:
    """A result's body, taken apart as the control plane does."""

    def __init__(self, body):
        head, rest = body.split(b"\n", 1)
        self.head_size = len(head)
        self.head = json.loads(head)
        n, m = self.head["stdout_bytes"], self.head["stderr_bytes"]
        k = self.head["return_value_bytes"]
        self.exact = len(rest) == n + m + k + self.head["events_bytes"]
        self.out = rest[:n].decode("utf-8")
        self.err = rest[n:n + m].decode("utf-8")
        self.text = rest[n + m:n + m + k].decode("utf-8")
        self.events = rest[n + m + k:].decode("ascii")
        self.value = json.loads(self.text) if self.text else "NONE"
        self.status = self.head["status"]
        self.code = self.head["exit_code"]
        self.message = self.head["error_message"]

    def __repr__(self):
        return "%r out=%r err=%r value=%.200r" % (
            self.head, self.out[:2000], self.err[:2000], self.text)


class Stream:
    """Somebody who reads the events of an execution."""

    def __init__(self, e, name, query="", token=TOKEN):
        self.connection = Connection(e.socket)
        self.connection.request("GET", "/v1/executions/%s/events%s"
                                % (name, query), headers={
                                    "Authorization": "Bearer " + token})
        self.sock = self.connection.sock
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.data = b""

    def next(self):
        """(type, number, text), and when it came; None: the end."""
        while True:
            nl = self.data.find(b"\n")
            if nl >= 0:
                kind, number, size = self.data[:nl].decode().split(" ")
                end = nl + 1 + int(size)
                if len(self.data) > end:
                    text = self.data[nl + 1:end]
                    if self.data[end:end + 1] != b"\n":
                        raise RuntimeError("a frame that does not end")
                    self.data = self.data[end + 1:]
                    self.at = time.monotonic()
                    return kind, int(number), text

            more = self.response.read1(1024 * 1024)
            if not more:
                self.connection.close()
                if self.data:
                    raise RuntimeError("half of a frame")
                return None
            self.data += more

    def all(self):
        return list(iter(self.next, None))

    def close(self):
        self.response.close()
        self.connection.close()


class Executor:
    serial = 0
    warm = True

    def __init__(self, init=False, bubblewrap=BUBBLEWRAP, **bootstrap):
        self.dir = tempfile.mkdtemp(prefix="executor-")
        self.run = self.dir + "/run"
        self.workspace = self.dir + "/workspace"
        self.socket = self.run + "/executor.sock"
        self.log = self.dir + "/log"
        self.init = init
        self.path = PATH

        os.chmod(self.dir, 0o755)
        shutil.copytree(BUILT, self.dir + "/opt")
        os.mkdir(self.dir + "/callback")

        for folder in self.run, self.workspace:
            os.mkdir(folder)
            if os.geteuid() == 0:
                os.chown(folder, UID, UID)

        if not bubblewrap:
            self.program("bwrap", "exit 1")

        self.callback = Callback(self.dir + "/callback/internal.sock")
        self.bootstrap = {
            "session_id": SESSION, "token": TOKEN,
            "callback": self.callback.path, "env_vars": {},
        }
        self.bootstrap.update(bootstrap)
        self.process = None
        atexit.register(self.clean)

    def program(self, name, script):
        """One that the executor finds before the image's."""
        os.makedirs(self.dir + "/bin", exist_ok=True)

        with open(self.dir + "/bin/" + name, "w") as f:
            f.write("#!/bin/sh\n" + script + "\n")

        os.chmod(f.name, 0o755)
        self.path = self.dir + "/bin:" + PATH

    def start(self, text=None):
        path = self.run + "/bootstrap.json"

        with open(path, "w") as f:
            f.write(json.dumps(self.bootstrap) if text is None else text)

        os.chmod(path, 0o644)

        command = [self.dir + "/opt/executor", self.run,
                   "--workspace", self.workspace]
        drop = ["setpriv", "--reuid", str(UID), "--regid", str(UID),
                "--clear-groups", "--no-new-privs"]

        if self.init:
            command = ["unshare", "--pid", "--fork", "--mount-proc"] \
                + drop + command

        elif os.geteuid() == 0:
            command = drop + command

        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.log, "wb"), cwd="/",
            env={"PATH": self.path, "ASAN_OPTIONS": "detect_leaks=1",
                 "EXECUTOR_ONLY": "not for the code"})

        return self

    def ready(self):
        if not until(self.readies):
            sys.stderr.write(self.errors())
            raise RuntimeError("the executor did not come up")

        return self

    def signal(self, signo):
        """To the executor itself: it may be a child of unshare."""
        pid = self.process.pid

        if self.init:
            # setpriv has cleared what --kill-child relies on
            with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
                pid = int((f.read().split() or [pid])[0])

        os.kill(pid, signo)

    def kill(self):
        """As the kernel does it for want of memory: without a goodbye."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def restart(self):
        """In the same folder, as the control plane would."""
        known = len(self.readies())
        self.start()

        if not until(lambda: len(self.readies()) > known):
            raise RuntimeError("it did not come up again: " + self.errors())

    def readies(self):
        return [c for c in self.callback.calls
                if c.path.endswith("/container_ready")]

    def stop(self):
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)

        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            status = self.process.wait()

        errors = self.errors()
        ok("Sanitizer" not in errors and "runtime error" not in errors
           and TOKEN not in errors, "nothing of note in the log", errors)

        self.callback.down()
        self.clean()

        return status

    def clean(self):
        """Also when a test died."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait()

        shutil.rmtree(self.dir, ignore_errors=True)

    def errors(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def make(self, name):
        """A file that code waits for."""
        open(self.workspace + "/" + name, "w").close()

    def state(self, name):
        """Of an execution; None: it is not known."""
        return json.loads(self.request("GET", "/v1/executions/" + name)[1]).get(
            "state")

    def connect(self):
        return Connection(self.socket)

    def request(self, method, path, body=None, token=TOKEN, connection=None):
        c = connection or self.connect()
        headers = {"Content-Type": "application/json"}

        if token is not None:
            headers["Authorization"] = "Bearer " + token

        c.request(method, path, body, headers)
        r = c.getresponse()
        data = r.read()

        if connection is None:
            c.close()

        return r, data

    def body(self, language, code, **fields):
        Executor.serial += 1
        body = {
            "execution_id": "exec_20260101_%08d" % Executor.serial,
            "language": language, "code": code, "timeout": 30,
            "event": None, "env_vars": {}, "stdin": None,
            "working_directory": None, "mode": "sync",
        }
        body.update(fields)
        return body

    def post(self, body, connection=None):
        return self.request("POST", "/v1/executions", json.dumps(body),
                            connection=connection)

    def ack(self, execution_id):
        return self.request("POST", "/v1/executions/%s/ack"
                            % execution_id)[0].status

    def status(self):
        return json.loads(self.request("GET", "/v1/status")[1])

    def wait_for_ready(self, language):
        """Until one waits for its request; half a start more, to be sure."""
        if self.bootstrap.get("prestart", {}).get(language):
            if not until(lambda: self.status()["ready"][language]):
                raise RuntimeError("no interpreter is kept ready: "
                                   + self.errors())
            if self.warm:
                until(lambda: self.waiting(language), 2)

    def waiting(self, language):
        """How many sleep in the read of their gate."""
        found = 0
        name = {"python": "python3", "javascript": "node"}.get(
            language, language)

        for pid in self.inside():
            try:
                with open("/proc/%d/comm" % pid) as f:
                    if name not in f.read():
                        continue
                with open("/proc/%d/wchan" % pid) as f:
                    found += "pipe_read" in f.read()
            except OSError:
                continue

        return found

    def run_code(self, language, code, **fields):
        """Runs, acknowledges, and takes the result apart."""
        self.wait_for_ready(language)
        body = self.body(language, code, **fields)
        r, data = self.post(body)

        if r.status != 200:
            raise RuntimeError("%d %s" % (r.status, data))

        self.ack(body["execution_id"])
        result = Result(data)
        result.id = body["execution_id"]

        return result

    def python(self, code, **fields):
        return self.run_code("python", code, **fields)

    def javascript(self, code, **fields):
        return self.run_code("javascript", code, **fields)

    def shell(self, code, **fields):
        return self.run_code("shell", code, **fields)

    def processes(self, marker):
        """Command lines with the marker in them."""
        found = []

        for pid, state in everything():
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    line = f.read()
            except OSError:
                continue

            if marker.encode() in line and state != "Z":
                found.append((pid, line))

        return found

    def inside(self):
        """Processes that work in the workspace."""
        found = []

        for pid, state in everything():
            try:
                if os.readlink("/proc/%d/cwd" % pid).startswith(
                        self.workspace):
                    found.append(pid)
            except OSError:
                continue

        return found

    def left(self):
        """How many of them wait for nothing."""
        return len(self.inside()) - sum(self.status()["ready"].values())


def everything():
    for pid in os.listdir("/proc"):
        if not pid.isdigit() or int(pid) == os.getpid():
            continue

        try:
            with open("/proc/%s/stat" % pid) as f:
                yield int(pid), f.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
