#!/usr/bin/env python3
# Copyright (C) the ngx_sandbox authors
#
# The built executor as its control plane and its code meet it: a temporary
# folder, a user without rights, a callback server that is told what to
# answer.  Would catch: a result that is lost or sent twice, output mixed
# with the return value, a process that outlives its execution, a flood or a
# closed descriptor that stops the executor, a token that leaks.
#
# SANDBOX_EXECUTOR_DIR names another build than build/executor.

import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import (BUILT, SESSION, TOKEN, Executor, Result, done,  # noqa
                     equal, json, ok, skip, until)

MIB = 1024 * 1024
SESSION_ENV = {"FROM_SESSION": "s", "BOTH": "s"}


def test_start():
    e = Executor(env_vars=SESSION_ENV).start().ready()

    ready = e.callback.calls[0]
    equal(ready.path, "/internal/sessions/%s/container_ready" % SESSION,
          "container_ready is told at start")
    equal(ready.headers["Authorization"], "Bearer " + TOKEN, "with the token")
    equal(sorted(json.loads(ready.body)),
          ["isolation", "languages", "version"],
          "and what can run, and what keeps it in")
    ok(not os.path.exists(e.run + "/bootstrap.json"),
       "bootstrap.json is gone")
    equal(oct(os.stat(e.socket).st_mode & 0o777), "0o666",
          "mode of the socket")

    r, data = e.request("GET", "/v1/status")
    status = json.loads(data)
    equal((r.status, status["session_id"], status["running"]),
          (200, SESSION, 0), "status")
    ok("python" in status["languages"] and "shell" in status["languages"],
       "languages of the image", status)

    return e


def test_http(e):
    for name, token in (("no", None), ("wrong", TOKEN[:-1] + "x"),
                        ("short", TOKEN[:-1]), ("long", TOKEN + "0"),
                        ("empty", "")):
        r, data = e.request("GET", "/v1/status", token=token)
        equal((r.status, "error" in json.loads(data)), (401, True),
              "%s token: 401" % name)

    r, _ = e.request("POST", "/v1/executions/x/ack", token="x")
    equal(r.status, 401, "401 comes before everything else")

    equal(e.request("GET", "/v1/nothing")[0].status, 404, "unknown path: 404")
    equal(e.request("GET", "/v1/executions")[0].status, 405,
          "wrong method: 405")
    equal(e.request("GET", "/v1/executions/exec_unknown")[0].status, 404,
          "an unknown one: 404")
    equal(e.request("GET", "/v1/executions/../status")[0].status, 404,
          "an id that is none: 404")
    equal(e.ack("exec_unknown"), 204, "ack of an unknown one: 204")
    equal(e.request("POST", "/v1/executions/exec_unknown/cancel")[0].status,
          404, "cancel of an unknown one: 404")

    for body, field in (
            ("", "body"), ("{", "body"), ("[]", "body"), ('"x"', "body"),
            ("{}", "execution_id"), (b'{"a": "\xff"}', "body"),
            ('{"execution_id": "a", "execution_id": "b"}', "execution_id")):
        r, data = e.request("POST", "/v1/executions", body)
        ok(r.status == 400
           and json.loads(data)["error"].startswith(field),
           "%r: 400 names %s" % (body[:30], field), r.status, data)

    for field, value in (
            ("execution_id", "../x"), ("execution_id", "x" * 65),
            ("execution_id", 1), ("language", "ruby"), ("language", None),
            ("code", ""), ("code", "a\0b"), ("code", "x" * 131072),
            ("timeout", 0), ("timeout", 3601), ("timeout", "1"),
            ("timeout", None), ("env_vars", {"a=b": "c"}),
            ("env_vars", {"": "c"}), ("env_vars", {"a": 1}),
            ("env_vars", {"a": "b\0"}), ("env_vars", {"a": "x" * 140000}),
            ("env_vars", []), ("stdin", 5), ("mode", "later"),
            ("working_directory", "/tmp"), ("working_directory", "a/../.."),
            ("working_directory", ".."), ("working_directory", "")):
        r, data = e.post(dict(e.body("shell", ":"), **{field: value}))
        ok(r.status == 400 and json.loads(data)["error"].startswith(field),
           "%s=%.20r: 400" % (field, value), r.status, data)

    c = e.connect()
    try:
        r, data = e.request("POST", "/v1/executions", b" " * 20 * MIB,
                            connection=c)
        status = r.status
    except (BrokenPipeError, ConnectionResetError):
        status = "closed"
    c.close()
    ok(status in (413, "closed"), "a body of 20 MB is refused", status)
    equal(e.request("GET", "/v1/status")[0].status, 200, "and it lives on")

    c = e.connect()
    equal([e.request("GET", "/v1/status", connection=c)[0].status
           for _ in range(3)], [200] * 3, "connections are kept")
    c.close()

    for rest in (b"GET / HTTP/1.1\r\nA: " + b"x" * 100000 + b"\r\n\r\n",
                 b"\0\0\0\0\r\n\r\n", b"POST /v1/executions HTTP/1.1\r\n"
                 b"Content-Length: -5\r\n\r\n"):
        c = e.connect()
        c.connect()
        try:
            c.sock.sendall(rest)
            c.sock.settimeout(2)
            c.sock.recv(100)
        except OSError:
            pass
        c.close()
    equal(e.request("GET", "/v1/status")[0].status, 200,
          "no garbage ends it")


def test_curl(e):
    """The same as a person would do it."""
    body = json.dumps(e.body("shell", "echo from curl"))
    out = subprocess.run(
        ["curl", "-sS", "--unix-socket", e.socket, "-H",
         "Authorization: Bearer " + TOKEN, "-d", body,
         "http://localhost/v1/executions"], capture_output=True).stdout
    equal(Result(out).out, "from curl\n", "curl --unix-socket")
    e.ack(json.loads(body)["execution_id"])


def test_python(e):
    r = e.python("print('a', flush=True)\n"
                 "def handler(event):\n"
                 "    print('b')\n"
                 "    return {'got': event, 'uni': '\u20ac'}\n",
                 event={"n": 1.10, "big": 2 ** 80})
    ok(r.exact and r.status == "completed" and r.code == 0
       and r.message is None, "python: completed", r)
    equal(r.out, "a\nb\n", "python: stdout")
    equal(r.value, {"got": {"n": 1.1, "big": 2 ** 80}, "uni": "\u20ac"},
          "python: the value is exact, and not in stdout")
    m = r.head["metrics"]
    ok(m["cpu_time_ms"] > 1 and 5 < m["peak_memory_mb"] < 200
       and r.head["duration_ms"] > 1, "metrics are plausible", r)

    for value in ("0", '""', "[]", "False", "None", "{}", "1.5", "'x'",
                  "-0.0", "2**70", "{1: 2}", "(1, 2)"):
        r = e.python("def handler(event): return " + value)
        expected = json.loads(json.dumps(eval(value)))
        ok(r.status == "completed" and r.value == expected and r.text != "",
           "python: %s is kept" % value, r)

    r = e.python("print(1)")
    equal((r.status, r.text, r.out), ("completed", "", "1\n"),
          "python: a script has no return value")
    equal(e.python("def handler(event): return event").text, "null",
          "python: no event is None")
    equal(e.python("handler = 5").text, "", "python: a handler is callable")

    for name, code, message in (
            ("NaN", "float('nan')", "Out of range float"),
            ("inf", "[float('inf')]", "Out of range float"),
            ("a set", "{1}", "type set is not JSON"),
            ("bytes", "b'x'", "type bytes is not JSON"),
            ("a lone surrogate", "'\\ud800'", "lone surrogate"),
            ("a deep list", "eval('['*70+']'*70)", "nested too deeply"),
            ("a generator", "(i for i in [1])", "generator"),
            ("2 MB", "'x' * 2**21", "larger than 1048576"),
            ("a huge number", "10**5000", "4300 digits")):
        r = e.python("def handler(event): return " + code)
        ok(r.status == "failed" and r.code == 1 and r.text == ""
           and message in r.message
           and r.message.startswith("return value "),
           "python: %s is refused" % name, r)

    r = e.python("def handler(event):\n a = []\n a.append(a)\n return a")
    ok("ircular" in r.message, "python: a circular value is refused", r)
    r = e.python("def handler(event):\n yield 1")
    ok("generator" in r.message, "python: a generator is refused", r)
    r = e.python("async def handler(event):\n yield 1")
    ok("generator" in r.message, "python: an async one too", r)

    for name, code, expected in (
            ("async", "import asyncio\nasync def handler(event):\n"
             " await asyncio.sleep(0)\n return 7", 7),
            ("context", "def handler(event, context):\n"
             " return [context.execution_id[:5], context.timeout,"
             " 0 < context.remaining() <= 30]", ["exec_", 30.0, True]),
            ("context=None", "def handler(event, context=None):\n"
             " return context is not None", True),
            ("*, context", "def handler(event, *, context):\n"
             " return context.session_id", SESSION),
            ("another default", "def handler(event, retries=3):\n"
             " return retries", 3),
            ("decorated", "import functools\ndef d(f):\n"
             " @functools.wraps(f)\n def w(*a): return f(*a)\n return w\n"
             "@d\ndef handler(event): return 1", 1),
            ("a callable object", "class H:\n"
             " def __call__(self, event, context): return context.timeout\n"
             "handler = H()", 30.0),
            ("lambda", "handler = lambda e: 5", 5),
            ("__main__", "def handler(event):\n"
             " import __main__\n"
             " return [__name__, __main__.handler is handler]",
             ["__main__", True]),
            ("pickle", "import pickle\nclass A: pass\n"
             "def handler(e): return type(pickle.loads(pickle.dumps("
             "A()))).__name__", "A"),
            ("multiprocessing", "import multiprocessing as m\n"
             "def f(x): return x * x\n"
             "def handler(e):\n"
             " with m.get_context('fork').Pool(2) as p:\n"
             "  return p.map(f, [1, 2, 3])", [1, 4, 9]),
            ("inspect", "import inspect\n"
             "def handler(e): return inspect.getsource(handler)[:5]",
             "def h"),
            ("descriptors", "import os\n"
             "def handler(e): return sorted(int(f) for f in"
             " os.listdir('/proc/self/fd'))[:6]", [0, 1, 2, 3, 4])):
        r = e.python(code)
        ok(r.value == expected, "python: " + name, r)


def test_python_errors(e):
    r = e.python("def inner(x):\n    return 1 / x\n\n"
                 "def handler(event):\n    return inner(0)\n")
    equal((r.status, r.code, r.message),
          ("failed", 1, "ZeroDivisionError: division by zero"),
          "python: an exception")
    ok("return 1 / x" in r.err and "line 5, in handler" in r.err
       and "python.py" not in r.err and "asyncio" not in r.err,
       "its traceback has the code's lines and none of ours", r.err)

    r = e.python("async def handler(event):\n    raise KeyError('k')\n")
    ok(r.message == "KeyError: 'k'" and "raise KeyError" in r.err
       and "asyncio" not in r.err, "python: an async exception", r)

    r = e.python("x = 1\ndef f(:\n")
    ok(r.status == "failed" and r.code == 1
       and r.message.startswith("SyntaxError: ") and "line 2" in r.message
       and "def f(:" in r.err, "python: a syntax error has its line", r)

    r = e.python("try:\n    1/0\nexcept Exception as x:\n"
                 "    raise ValueError('two') from x\n")
    ok(r.message == "ValueError: two" and "ZeroDivisionError" in r.err
       and "direct cause" in r.err, "python: a chain of exceptions", r)

    r = e.python("raise ValueError('x' * 100000)")
    ok(r.message.startswith("ValueError: xxx") and len(r.message) <= 2048
       and r.head_size <= 16384, "python: a long message is cut", r.head)
    r = e.python("raise ValueError('\\x01' * 100000)")
    ok(r.head_size <= 16384, "and the head stays small", r.head_size)

    r = e.python("class E(Exception):\n"
                 "    def __str__(self): raise ValueError\n"
                 "raise E()\n")
    ok(r.status == "failed" and "E" in r.message,
       "python: an exception without text", r)

    for code, expected in (
            ("import sys; sys.exit(3)", ("failed", 3,
                                         "exited with status 3")),
            ("import sys; sys.exit(0)", ("completed", 0, None)),
            ("exit()", ("completed", 0, None)),
            ("import sys; sys.exit('why')", ("failed", 1,
                                             "exited with status 1")),
            ("import os; os._exit(9)", ("failed", 9,
                                        "exited with status 9")),
            ("import os; os.kill(os.getpid(), 9)",
             ("failed", 137, "killed by signal 9 (SIGKILL)")),
            ("import os; os.abort()",
             ("failed", 134, "killed by signal 6 (SIGABRT)")),
            ("import ctypes; ctypes.string_at(0)",
             ("failed", 139, "killed by signal 11 (SIGSEGV)"))):
        r = e.python(code)
        equal((r.status, r.code, r.message), expected, "python: " + code)

    r = e.python("def handler(event): return 1\n"
                 "import atexit, os\natexit.register(os._exit, 4)")
    equal((r.status, r.code, r.text), ("failed", 4, ""),
          "python: a value does not outweigh an exit status")

    r = e.python("import sys\nsys.stdout = sys.stderr = None\n1/0")
    ok("ZeroDivisionError" in r.err, "python: sys.stderr is gone", r)


def test_python_imports(e):
    with open(e.workspace + "/helper.py", "w") as f:
        f.write("def answer():\n    return 42\n"
                "def handler(event):\n    raise OSError('in helper')\n")
    with open(e.workspace + "/json.py", "w") as f:
        f.write("raise RuntimeError('the wrong json')\n")
    with open(e.workspace + "/traceback.py", "w") as f:
        f.write("raise RuntimeError('the wrong traceback')\n")

    equal(e.python("import helper\n"
                   "def handler(event): return helper.answer()").value, 42,
          "python: imports from the workspace")
    r = e.python("from helper import *")
    ok(r.message == "OSError: in helper" and "helper.py" in r.err
       and "python.py" not in r.err, "python: an imported handler", r)
    r = e.python("from helper import answer as handler\n"
                 "1/0")
    equal(r.message, "ZeroDivisionError: division by zero",
          "python: the workspace does not replace what we use")

    os.unlink(e.workspace + "/json.py")
    os.unlink(e.workspace + "/traceback.py")

    r = e.python("import helper", working_directory="deep/below")
    equal((r.status, os.path.isdir(e.workspace + "/deep/below")),
          ("completed", True),
          "python: the workspace is on the path of a folder below it")

    r = e.python("import sys, importlib.util as u\n"
                 "def handler(event): return [p for p in sys.path"
                 " if 'packages' in p]")
    ok(r.value, "python: packages of the image are on the path", r)

    ok(not os.path.exists(e.workspace + "/__pycache__"),
       "python: no bytecode in the workspace")


def test_javascript(e):
    if "javascript" not in json.loads(e.request("GET", "/v1/status")[1])[
            "languages"]:
        skip("javascript", "no node here")
        return

    r = e.javascript("console.log('a');\n"
                     "function handler(event) {\n"
                     "  console.log('b'); return {got: event};\n}",
                     event={"n": 1.5, "s": "\u20ac"})
    equal((r.status, r.code, r.out, r.value),
          ("completed", 0, "a\nb\n", {"got": {"n": 1.5, "s": "\u20ac"}}),
          "javascript: a global handler")

    for name, code, expected in (
            ("async", "async function handler(e) { return 1 }", 1),
            ("const", "const handler = async (e, c) => c.timeout", 10),
            ("module.exports.handler",
             "module.exports.handler = (e) => 2", 2),
            ("exports.handler", "exports.handler = (e) => [3]", [3]),
            ("module.exports =", "module.exports = {handler: () => 4}", 4),
            ("require", "const fs = require('fs');"
             "const crypto = require('node:crypto');"
             "function handler() { return typeof fs.readFileSync"
             " + typeof crypto.createHash }", "functionfunction"),
            ("a promise", "function handler() { return new Promise((r) =>"
             " setTimeout(() => r('late'), 20)) }", "late"),
            ("undefined is null", "function handler() {}", None),
            ("0", "handler = () => 0", 0), ("''", "handler = () => ''", ""),
            ("false", "handler = () => false", False),
            ("require.main", "handler = () => require.main === module",
             True),
            ("import()", "async function handler() {"
             " return typeof (await import('os')).cpus }", "function"),
            ("an open timer", "setInterval(() => {}, 1000);"
             "function handler() { return 1 }", 1)):
        r = e.javascript(code, timeout=10)
        ok(r.status == "completed" and r.value == expected,
           "javascript: " + name, r)

    with open(e.workspace + "/helper.js", "w") as f:
        f.write("exports.answer = 42;\n")
    with open(e.workspace + "/helper.mjs", "w") as f:
        f.write("export const answer = 43;\n")
    equal(e.javascript("handler = async () => [require('./helper').answer,"
                       " (await import('./helper.mjs')).answer]").value,
          [42, 43], "javascript: modules of the workspace")

    r = e.javascript("setTimeout(() => console.log('later'), 30)")
    equal((r.out, r.text), ("later\n", ""),
          "javascript: a script ends when it has nothing to do")

    for name, code, message in (
            ("BigInt", "handler = () => 1n", "BigInt"),
            ("a circle", "handler = () => {const a = {}; a.a = a;"
             " return a}", "circular"),
            ("a function", "handler = () => () => 1", "function"),
            ("a generator", "function* handler() { yield 1 }", "generator"),
            ("a lone surrogate", "handler = () => '\\ud800'",
             "lone surrogate"),
            ("2 MB", "handler = () => 'x'.repeat(2**21)",
             "larger than 1048576")):
        r = e.javascript(code)
        ok(r.status == "failed" and r.code == 1 and message in r.message
           and r.message.startswith("return value ") and r.text == "",
           "javascript: %s is refused" % name, r)

    for name, code, message in (
            ("throw", "function handler() { throw new TypeError('bad') }",
             "TypeError: bad"),
            ("reject", "async function handler() {throw new Error('no')}",
             "Error: no"),
            ("unhandled", "Promise.reject(new Error('lost'))",
             "Error: lost"),
            ("unhandled beside a handler", "function handler() {"
             " Promise.reject(new Error('lost')); return 1 }",
             "Error: lost"),
            ("uncaught later", "setTimeout(() => { throw new Error('x') })",
             "Error: x"),
            ("no error", "throw 'text'", "Uncaught 'text'"),
            ("null", "throw null", "Uncaught null")):
        r = e.javascript(code)
        ok(r.status == "failed" and r.code == 1 and r.message == message
           and "javascript.js" not in r.err and "node:internal" not in r.err
           and message.split(": ")[-1] in r.err, "javascript: " + name, r)

    r = e.javascript("\nfunction handler() {\n  boom();\n}")
    ok("main.js:3" in r.err and "  boom();\n  ^" in r.err,
       "javascript: the line is shown", r.err)
    r = e.javascript("let a = 1;\nlet b = ;\n")
    ok(r.message.startswith("SyntaxError: ") and "line 2" in r.message
       and "let b = ;" in r.err, "javascript: a syntax error", r)

    for code, expected in (
            ("process.exit(5)", ("failed", 5, "exited with status 5")),
            ("process.exit(0)", ("completed", 0, None)),
            ("process.exitCode = 6", ("failed", 6, "exited with status 6")),
            ("function handler() { process.exitCode = 7 }",
             ("failed", 7, "exited with status 7")),
            ("process.kill(process.pid, 'SIGKILL')",
             ("failed", 137, "killed by signal 9 (SIGKILL)")),
            ("require('fs').closeSync(4); handler = () => 1",
             ("failed", 1, "exited with status 1"))):
        r = e.javascript(code)
        equal((r.status, r.code, r.message), expected, "javascript: " + code)

    r = e.javascript("process.stdin.on('data', d => console.log('' + d))",
                     stdin="typed")
    equal(r.out, "typed\n", "javascript: stdin")

    r = e.javascript("console.log('x'.repeat(3000000)); process.exit(0)")
    equal((len(r.out), r.head["stdout_dropped"]),
          (MIB, 3000001 - MIB), "javascript: process.exit loses no output")


def test_shell(e):
    r = e.shell("echo $SANDBOX_EVENT; cat", event={"a": [1, 2.50]})
    text = json.dumps({"a": [1, 2.50]}) + "\n"
    equal(r.out, text + text, "shell: the event, in both ways")
    equal(e.shell("echo ${SANDBOX_EVENT-unset}; cat").out, "unset\n",
          "shell: no event")
    equal(e.shell("cat; echo $SANDBOX_EVENT", event={},
                  stdin="typed\n").out, "typed\n{}\n",
          "shell: stdin comes first")
    r = e.shell("echo ${SANDBOX_EVENT-unset}; wc -c",
                event={"x": "y" * 200000})
    equal(r.out, "unset\n%d\n" % (200000 + len('{"x": ""}\n')),
          "shell: a large event is on stdin only")

    for code, expected in (
            ("exit 3", ("failed", 3, "exited with status 3")),
            ("true", ("completed", 0, None)),
            ("kill -9 $$", ("failed", 137, "killed by signal 9 (SIGKILL)")),
            ("kill -TERM $$",
             ("failed", 143, "killed by signal 15 (SIGTERM)")),
            ("nothing_like_it 2>/dev/null",
             ("failed", 127, "exited with status 127"))):
        r = e.shell(code)
        equal((r.status, r.code, r.message), expected, "shell: " + code)

    r = e.shell("echo out; echo err >&2")
    equal((r.out, r.err, r.text), ("out\n", "err\n", ""),
          "shell: two streams, no value")

    r = e.shell("ls /proc/self/fd | tr '\\n' ' '; umask; ulimit -c")
    equal(r.out, "0 1 2 3 0022\n0\n", "shell: descriptors, umask, cores")


def test_environment(e):
    r = e.shell("env | sort", env_vars={"BOTH": "e", "MINE": "\u20ac x"})
    env = dict(line.split("=", 1) for line in r.out.splitlines())
    env.pop("_", None), env.pop("SHLVL", None)
    equal(sorted(env), ["BOTH", "FROM_SESSION", "HOME", "LANG", "MINE",
                        "PATH", "PWD", "TMPDIR"],
          "nothing of the executor's environment")
    equal((env["BOTH"], env["FROM_SESSION"], env["MINE"], env["LANG"],
           env["HOME"], env["TMPDIR"], env["PWD"]),
          ("e", "s", "\u20ac x", "C.UTF-8", e.workspace, "/tmp",
           e.workspace), "its values")

    equal(e.shell("pwd", working_directory="a/./b//c").out,
          e.workspace + "/a/b/c\n", "working_directory is made")

    os.symlink("/tmp", e.workspace + "/link")
    open(e.workspace + "/file", "w").close()
    for path in ("link", "link/x", "file", "file/x"):
        r, data = e.post(e.body("shell", "pwd", working_directory=path))
        ok(r.status == 400 and b"working_directory" in data,
           "working_directory %s: 400" % path, r.status, data)

    equal(e.python("import sys; print(sys.stdin.read())",
                   stdin="two\nlines\0").out, "two\nlines\0\n",
          "stdin of python, NUL as well")
    equal(e.python("import sys; print(repr(sys.stdin.read()))").out, "''\n",
          "stdin is empty else")
    big = "x" * 5 * MIB
    equal(e.python("import sys; print(len(sys.stdin.read()))",
                   stdin=big).out, "%d\n" % len(big), "5 MB of stdin")
    equal(e.python("def handler(e): return len(e['x'])",
                   event={"x": big}).value, len(big), "5 MB of event")


def test_output(e):
    r = e.python("import os\nfor c in (b'\\xff', b'a\\xe2\\x82', b'\\xac b',"
                 " b'\\xed\\xa0\\x80', b'\\xf0\\x9f'): os.write(1, c)")
    raw = b"\xffa\xe2\x82\xac b\xed\xa0\x80\xf0\x9f"
    equal(r.out, raw.decode("utf-8", "replace"),
          "invalid UTF-8 is replaced as everywhere")

    r = e.shell("head -c 100000000 /dev/zero | tr '\\0' x;"
                " echo err >&2", timeout=120)
    equal((r.status, len(r.out), r.head["stdout_dropped"], r.err),
          ("completed", MIB, 100000000 - MIB, "err\n"),
          "a flood of 100 MB is drained, bounded and counted")

    r = e.shell("head -c 2000000 /dev/zero | tr '\\0' '\\377' >&2")
    ok(len(r.err.encode()) <= MIB and set(r.err) == {"\ufffd"}
       and r.head["stderr_dropped"] == 2000000 - len(r.err),
       "replacements count as they are sent", r.head)

    r = e.python("import os, time\nos.closerange(0, 3)\ntime.sleep(0.3)\n"
                 "def handler(event): return 'still'")
    equal((r.status, r.value), ("completed", "still"),
          "closing stdout early ends nothing")
    ok(r.head["duration_ms"] >= 300, "and is waited for")

    r = e.python("import os\nos.close(4)\n"
                 "def handler(event): return 1")
    ok(r.status == "failed" and r.code == 1 and r.text == ""
       and "cannot be passed on" in r.err,
       "closing the value's descriptor fails", r)

    for name, frame in (("garbage", "b'garbage'"),
                        ("a huge length", "b'value 99999999999\\n1'"),
                        ("too much", "b'value 2000000\\n' + b'1' * 2000000"),
                        ("too little", "b'value 5\\n12'"),
                        ("no JSON", "b'value 3\\nNaN'"),
                        ("not UTF-8", "b'value 3\\n\"\\xff\"'"),
                        ("a head only", "b'value '")):
        r = e.python("import os\ndata = %s\nwhile data:\n"
                     "    data = data[os.write(4, data):]" % frame)
        ok(r.status == "failed" and r.code == 1 and r.text == ""
           and r.message.startswith("return value"),
           "a forged value, %s: refused" % name, r)

    r = e.python("import os\nif os.fork() == 0: os._exit(0)\n"
                 "os.wait()\ndef handler(event): return os.getpid()")
    ok(isinstance(r.value, int), "fork in the code", r)
    r = e.python("import os\npid = os.fork()\n"
                 "def handler(event): return pid > 0\n"
                 "if pid: os.waitpid(pid, 0)")
    equal(r.value, True, "a forked child does not answer for its parent")


def test_time(e):
    began = time.monotonic()
    r = e.python("print('before')\nimport time\ntime.sleep(60)", timeout=1)
    took = time.monotonic() - began
    equal((r.status, r.code, r.message, r.out),
          ("timeout", 124, "timed out after 1 s", "before\n"),
          "time-out, with what was printed")
    ok(1 <= took < 2.5, "at once", took)

    began = time.monotonic()
    r = e.shell("trap '' TERM; echo $$; while :; do sleep 0.1; done",
                timeout=0.5)
    took = time.monotonic() - began
    ok(r.status == "timeout" and 2.5 <= took < 4
       and r.message == "timed out after 0.5 s",
       "SIGTERM ignored: killed after 2 s", took, r)
    pid = int(r.out)
    ok(not os.path.exists("/proc/%d" % pid), "and gone")

    r = e.shell("kill -STOP $$; echo on", timeout=0.5)
    equal((r.status, r.code), ("timeout", 124), "a stopped process ends too")

    body = e.body("shell", "sleep 60", mode="async")
    equal(e.post(body)[0].status, 202, "async: 202")
    name = body["execution_id"]
    equal(e.request("POST", "/v1/executions/%s/cancel" % name)[0].status,
          204, "cancel: 204")
    call = until(lambda: e.callback.results(name))
    r = Result(call[0].body)
    equal((r.status, r.message), ("cancelled", "cancelled"),
          "its result says cancelled")

    if "long" in sys.argv:
        r = e.python("import time; time.sleep(70)", timeout=100)
        equal(r.status, "completed", "a sync call of 70 s")


def test_processes(e, where):
    def gone(marker):
        return until(lambda: not e.processes(marker), 1)

    marker = "7%06d" % (os.getpid() % 1000000)

    r = e.shell("sleep %s & echo started" % marker)
    ok(r.out == "started\n" and gone(marker),
       where + "a background process is gone", e.processes(marker))

    r = e.shell("sleep %s & sleep 0.2; echo $!" % marker)
    ok(r.head["duration_ms"] < 2000,
       where + "and does not keep the execution", r)

    daemon = ("import os, sys, time\n"
              "if os.fork() == 0:\n"
              "    os.setsid()\n"
              "    if os.fork() == 0:\n"
              "        os.execvp('sleep', ['sleep', '%s'])\n"
              "    os._exit(0)\n"
              "os.wait()\n"
              "def handler(event): return 'done'\n" % marker)
    began = time.monotonic()
    r = e.python(daemon)
    ok(r.value == "done" and gone(marker),
       where + "a daemon with its own session is gone",
       e.processes(marker))
    ok(time.monotonic() - began < 2, where + "quickly")

    # another one runs: it is known whose the daemon is all the same
    body = e.body("shell", "sleep 1; echo other", mode="async")
    e.post(body)
    r = e.python(daemon)
    ok(r.value == "done" and not e.processes(marker)
       and not e.callback.results(body["execution_id"]),
       where + "so is one beside another execution", e.processes(marker))
    other = until(lambda: e.callback.results(body["execution_id"]), 5)
    equal(Result(other[0].body).out, "other\n",
          where + "which is left alone")

    # and if it says that it is nobody's
    r = e.python("import ctypes\n"
                 "ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)\n" + daemon)
    ok(r.value == "done" and not e.processes(marker),
       where + "so is one whose parent gave it away", e.processes(marker), r)

    # a group of its own in the same session, beside another execution
    body = e.body("shell", "sleep 2", mode="async")
    e.post(body)
    r = e.python("import os, time\n"
                 "if os.fork() == 0:\n"
                 "    os.setpgid(0, 0)\n"
                 "    os.execvp('sleep', ['sleep', '%s'])\n"
                 "time.sleep(0.2)\n" % marker)
    ok(gone(marker) and not e.callback.results(body["execution_id"]),
       where + "a group of its own in the session is gone",
       e.processes(marker))
    until(lambda: e.callback.results(body["execution_id"]), 5)

    forks = ("import os, time\n"
             "for i in range(20):\n"
             "    if os.fork() == 0:\n"
             "        os.setsid()\n"
             "        while True:\n"
             "            if os.fork() != 0: os._exit(0)\n"
             "            time.sleep(0.001)\n"
             "            os.getpid()\n"
             "'%s'\n" % marker)
    r = e.python(forks, timeout=20)
    ok(r.status == "completed", where + "processes that run from a kill", r)
    time.sleep(0.1)
    equal(e.left(), 0, where + "are all caught")

    if e.init:
        r = e.shell("kill -9 -1; echo never; sleep 0.2; exit 5")
        equal(r.out, "never\n",
              where + "kill -9 -1 spares its sender and the executor")


def test_limits():
    e = Executor(max_concurrent_executions=2,
                 max_queued_executions=3).start().ready()

    bodies = [e.body("shell", "echo $$ >>order; echo %d >>order; sleep 0.5"
                     % n, mode="async") for n in range(5)]
    answers = [e.post(b) for b in bodies]
    equal([r.status for r, _ in answers], [202] * 5,
          "two at a time, and three that wait")
    equal([json.loads(data)["status"] for _, data in answers],
          ["running"] * 2 + ["queued"] * 3, "are told which they are")
    r, data = e.post(e.body("shell", "true"))
    equal((r.status, "error" in json.loads(data)), (429, True),
          "the sixth: 429")
    status = e.status()
    equal((status["running"], status["queued"]), (2, 3), "status counts them")
    equal(e.post(bodies[0])[0].status, 409, "the same id again: 409")
    equal(e.post(bodies[4])[0].status, 409, "also of one that waits")

    _, data = e.request("GET", "/v1/executions/" + bodies[4]["execution_id"])
    equal(json.loads(data)["state"], "queued", "it is known as such")
    equal(e.request("POST", "/v1/executions/%s/cancel"
                    % bodies[4]["execution_id"])[0].status, 204,
          "one that waits is cancelled")
    result = until(lambda: e.callback.results(bodies[4]["execution_id"]))
    equal(Result(result[0].body).status, "cancelled", "at once")

    ok(until(lambda: all(e.callback.results(b["execution_id"])
                         for b in bodies)), "all are reported")
    order = [line for line in open(e.workspace + "/order").read().split()
             if len(line) == 1]
    equal((sorted(order[:2]), sorted(order[2:])), (["0", "1"], ["2", "3"]),
          "in the order in which they came, the cancelled one not at all")
    head = Result(e.callback.results(bodies[3]["execution_id"])[0].body).head
    ok(300 < head["metrics"]["queued_ms"] < 2000
       and head["duration_ms"] < 1500,
       "the time that one waited is told, and is not its own", head)

    # a sync one waits like the others
    e.post(e.body("shell", "sleep 0.4", mode="async"))
    e.post(e.body("shell", "sleep 0.4", mode="async"))
    equal(e.shell("echo late").out, "late\n", "a sync one waits for its place")
    equal(e.stop(), 0, "the end")

    # what waits is bounded in bytes as well
    e = Executor(max_concurrent_executions=1,
                 max_queued_executions=100).start().ready()
    large = [e.body("shell", "sleep 3", stdin="x" * (7 * MIB), mode="async")
             for _ in range(5)]
    statuses = [e.post(b)[0].status for b in large]
    equal(statuses, [202, 202, 202, 202, 429], "large ones take more room")
    e.stop()


def test_reports(e):
    cb = e.callback

    body = e.body("python", "print('x')\ndef handler(e): return [1]",
                  mode="async")
    name = body["execution_id"]
    e.post(body)
    calls = until(lambda: cb.results(name))
    equal((calls[0].headers["Idempotency-Key"],
           calls[0].headers["Authorization"],
           calls[0].headers["Content-Type"]),
          (name + "_result", "Bearer " + TOKEN,
           "application/vnd.ngx-sandbox.result"), "headers of a report")
    r = Result(calls[0].body)
    ok(r.exact and r.out == "x\n" and r.value == [1]
       and r.head["execution_id"] == name, "its body", r)
    time.sleep(0.4)
    equal(len(cb.results(name)), 1, "200: told once")
    equal(e.post(dict(body, mode="sync"))[0].status, 200,
          "then the id is free")
    e.ack(name)

    # no ack
    body = e.body("shell", "echo unacked")
    r, data = e.post(body)
    answered = time.monotonic()
    name = body["execution_id"]
    equal(e.post(body)[0].status, 409, "409 while it waits for the ack")
    r, state = e.request("GET", "/v1/executions/" + name)
    equal((r.status, json.loads(state)),
          (200, {"execution_id": name, "state": "ended"}),
          "it is known to have ended")
    calls = until(lambda: cb.results(name))
    ok(calls and 1.8 < calls[0].at - answered < 2.8,
       "no ack: reported after 2 s", calls and calls[0].at - answered)
    equal(calls and calls[0].body, data, "the same bytes")

    # an ack, and silence
    body = e.body("shell", "echo acked")
    e.post(body)
    equal(e.ack(body["execution_id"]), 204, "ack: 204")
    time.sleep(2.5)
    equal(cb.results(body["execution_id"]), [], "ack: no report")

    # the client goes before the end
    body = e.body("shell", "sleep 0.5; echo survived")
    c = e.connect()
    c.request("POST", "/v1/executions", json.dumps(body),
              {"Authorization": "Bearer " + TOKEN})
    time.sleep(0.1)
    c.close()
    equal(json.loads(e.request("GET", "/v1/executions/"
                               + body["execution_id"])[1])["state"],
          "running", "and known to run")
    calls = until(lambda: cb.results(body["execution_id"]))
    ok(calls and Result(calls[0].body).out == "survived\n",
       "the client is gone: reported", calls)

    # ... with an answer that fits no socket buffer
    body = e.body("shell", "sleep 0.3; head -c 1000000 /dev/zero"
                           " | tr '\\0' x")
    c = e.connect()
    c.request("POST", "/v1/executions", json.dumps(body),
              {"Authorization": "Bearer " + TOKEN})
    time.sleep(0.8)
    c.close()
    calls = until(lambda: cb.results(body["execution_id"]))
    ok(calls and len(Result(calls[0].body).out) == 1000000,
       "the client goes while it is answered: reported")

    # an ack while the answer is still being written
    body = e.body("shell", "head -c 1000000 /dev/zero | tr '\\0' x")
    c = e.connect()
    c.request("POST", "/v1/executions", json.dumps(body),
              {"Authorization": "Bearer " + TOKEN})
    ok(until(lambda: json.loads(e.request("GET", "/v1/status")[1])["running"]
             == 0), "it has ended")
    equal(e.ack(body["execution_id"]), 204, "an ack before the last byte")
    equal(len(Result(c.getresponse().read()).out), 1000000,
          "the answer is whole all the same")
    c.close()
    equal(cb.results(body["execution_id"]), [], "and is not reported")

    # two executions on one connection, the first without an ack
    c = e.connect()
    first, second = e.body("shell", "echo 1"), e.body("shell", "sleep 3")
    e.post(first, connection=c)
    _, data = e.post(second, connection=c)
    c.close()
    ok(Result(data).status == "completed"
       and cb.results(first["execution_id"]),
       "a kept connection does not stop a report")
    e.ack(second["execution_id"])


def test_retries(e):
    cb = e.callback

    cb.answer = lambda call: 503
    body = e.body("shell", "echo retried", mode="async")
    name = body["execution_id"]
    e.post(body)
    until(lambda: len(cb.results(name)) >= 4, 6)
    calls = cb.results(name)
    gaps = [b.at - a.at for a, b in zip(calls, calls[1:])]
    ok(len(gaps) >= 3 and 0.15 < gaps[0] < 0.4 and 0.45 < gaps[1] < 0.8
       and 0.9 < gaps[2] < 1.5, "503: again after 0.2, 0.5, 1 s", gaps)
    equal(e.ack(name), 204, "an ack ends the reports")
    n = len(cb.results(name))
    time.sleep(2.2)
    equal(len(cb.results(name)), n, "there are none any more")

    for status in (400, 401, 404, 409):
        cb.answer = lambda call: status
        body = e.body("shell", "echo refused", mode="async")
        e.post(body)
        until(lambda: cb.results(body["execution_id"]))
        time.sleep(0.6)
        equal(len(cb.results(body["execution_id"])), 1,
              "%d is final" % status)

    for status in (429, 500, 302, None):
        cb.answer = lambda call: status
        body = e.body("shell", "echo again", mode="async")
        e.post(body)
        until(lambda: cb.results(body["execution_id"]))
        cb.answer = lambda call: 201
        ok(until(lambda: len(cb.results(body["execution_id"])) == 2),
           "%s is not" % status)

    cb.down()
    body = e.body("shell", "echo later", mode="async")
    name = body["execution_id"]
    e.post(body)
    time.sleep(1)
    equal(cb.results(name), [], "the callback is down")
    cb.up()
    ok(until(lambda: cb.results(name)), "then up: reported")
    time.sleep(0.3)
    equal(e.post(dict(body, mode="sync"))[0].status, 200, "and forgotten")
    e.ack(name)
    cb.answer = lambda call: 200


def test_held():
    """A callback that is away for long must not cost all of the memory."""
    e = Executor().start().ready()
    e.callback.answer = lambda call: 503
    statuses = []

    for _ in range(40):
        body = e.body("shell", "head -c 1000000 /dev/zero | tr '\\0' x;"
                      " sleep 0.01", mode="async")
        statuses.append(e.post(body)[0].status)
        until(lambda: json.loads(e.request("GET", "/v1/status")[1])[
            "running"] == 0)
        if statuses[-1] == 429:
            break

    ok(statuses[-1] == 429 and 10 < len(statuses) < 30,
       "held results are bounded: 429", statuses)
    e.callback.answer = lambda call: 200
    ok(until(lambda: e.post(e.body("shell", "true", mode="async"))[0].status
             == 202, 20), "room again when they are stored")
    e.stop()


def test_ready():
    e = Executor()
    e.callback.answer = lambda call: 503
    e.start()
    until(lambda: len(e.callback.calls) >= 4, 5)
    calls = e.callback.calls
    gaps = [b.at - a.at for a, b in zip(calls, calls[1:])]
    ok(len(gaps) >= 3 and gaps[0] < 0.15 and 0.09 < gaps[1] < 0.25
       and 0.19 < gaps[2] < 0.4, "ready is repeated after 50, 100, 200 ms",
       gaps)
    equal(e.shell("echo early").out, "early\n",
          "it works before it is acknowledged")
    e.callback.answer = lambda call: 200
    n = len(until(lambda: [c for c in calls] if len(calls) > 4 else None, 5)
            or calls)
    time.sleep(0.6)
    ok(len(calls) <= n + 1, "200 ends it", len(calls), n)
    equal(e.stop(), 0, "SIGTERM: status 0")

    e = Executor()
    e.callback.answer = lambda call: 409
    e.start()
    equal(e.process.wait(5), 3, "409: status 3")
    e.stop()


def test_bootstrap():
    good = {"session_id": "s", "token": "t", "callback": "/x"}

    for name, text in (
            ("no JSON", "{"), ("not an object", "[]"), ("empty", ""),
            ("no token", json.dumps(dict(good, token=None))),
            ("a bad token", json.dumps(dict(good, token="a\r\nb"))),
            ("a bad id", json.dumps(dict(good, session_id="a/b"))),
            ("a long callback", json.dumps(dict(good,
                                                callback="/" * 200))),
            ("bad env_vars", json.dumps(dict(good, env_vars={"a": 1}))),
            ("a bad maximum", json.dumps(
                dict(good, max_concurrent_executions=0))),
            ("too large", json.dumps(dict(good, x="y" * 300000)))):
        e = Executor()
        e.start(text)
        equal((e.process.wait(5),
               os.path.exists(e.run + "/bootstrap.json")), (1, False),
              "bootstrap with %s: status 1, and unlinked" % name)
        ok(e.errors() != "", "and a line in the log")
        e.stop()


def test_secrets(e):
    r = e.python("import glob, os\n"
                 "def handler(event):\n"
                 "    found = []\n"
                 "    for p in glob.glob('/proc/[0-9]*'):\n"
                 "        for n in ('environ', 'mem', 'maps', 'fd'):\n"
                 "            try:\n"
                 "                f = p + '/' + n\n"
                 "                if %r in open(p + '/cmdline',"
                 " 'rb').read().split(b'\\0')[0]:\n"
                 "                    os.listdir(f) if n == 'fd' else"
                 " open(f, 'rb').read(1)\n"
                 "                    found.append(f)\n"
                 "            except OSError: pass\n"
                 "    return [found, [k for k, v in os.environ.items()"
                 " if v == %r]]" % ((e.dir + "/opt").encode(), TOKEN))
    equal(r.value, [[], []], "the code cannot look into the executor")


def test_init():
    if os.geteuid() != 0 or subprocess.call(
            ["unshare", "--pid", "--fork", "--mount-proc", "true"],
            stderr=subprocess.DEVNULL) != 0:
        skip("process 1", "no right to make a pid namespace")
        return

    e = Executor(init=True).start().ready()

    equal(e.python("import os\ndef handler(e): return os.getppid()").value,
          1, "it is process 1")
    test_processes(e, "process 1: ")
    e.shell("kill -TERM 1; kill -INT 1; kill -9 1; kill -STOP 1; sleep 0.1")
    equal(e.shell("echo alive").out, "alive\n",
          "no signal of the code ends it")
    r = e.shell("for i in 1 2 3 4 5; do (sleep 0.05 & ) ; done; sleep 0.3;"
                " ps -A -o stat= 2>/dev/null | grep -c Z")
    equal(r.out, "0\n", "orphans are waited for")
    equal(e.stop(), 0, "one from outside does")


def test_code(e):
    test_python(e)
    test_python_errors(e)
    test_python_imports(e)
    test_javascript(e)
    test_shell(e)
    test_environment(e)
    test_output(e)
    test_time(e)
    test_processes(e, "")


def test_prestart(e):
    def ready():
        return e.status()["ready"]

    full = {"python": 2, "javascript": 2, "shell": 0}
    ok(until(lambda: ready() == full), "what was asked for is kept ready",
       ready())

    # each is used once
    code = "import os\ndef handler(event): return os.getpid()"
    pids = [e.python(code).value for _ in range(6)]
    equal(len(set(pids)), 6, "an interpreter runs one request")
    r = e.python("import builtins\nbuiltins.left = 1\n"
                 "open('/tmp/here', 'w')\n")
    r = e.python("import builtins\n"
                 "def handler(event): return hasattr(builtins, 'left')")
    equal(r.value, False, "nothing of one is seen by the next")

    # one that ends before it is needed
    until(lambda: ready() == full)
    for pid in e.inside():
        os.kill(pid, signal.SIGKILL)
    r = e.python(code)
    ok(r.status == "completed", "all killed: a new one is started", r)
    ok(until(lambda: ready() == full), "and they are replaced", ready())
    equal(e.left(), 0, "the dead are waited for")

    # what it used before does not count
    until(lambda: ready() == full)
    until(lambda: e.waiting("python"))
    r = e.python("pass")
    ok(r.head["metrics"]["cpu_time_ms"] < 15,
       "its start is no part of the execution", r.head)

    # variables that are read at the start need a start
    r = e.javascript("function handler() { return typeof gc; }",
                     env_vars={"NODE_OPTIONS": "--expose-gc"})
    equal(r.value, "function", "NODE_OPTIONS are seen")
    r = e.python("import time\ndef handler(event): return time.tzname[0]",
                 env_vars={"TZ": "XYZ-1"})
    equal(r.value, "XYZ", "so is TZ")
    r = e.javascript("function handler() {"
                     " return new Date(0).getHours(); }",
                     env_vars={"TZ": "Asia/Tokyo"})
    ok(r.value in (9, 0), "in JavaScript, where the image has zones", r)

    # a burst is served, with new ones when none is left
    bodies = [e.body("python", code, mode="async") for _ in range(12)]
    equal({e.post(b)[0].status for b in bodies}, {202}, "a burst is taken")
    ok(until(lambda: all(e.callback.results(b["execution_id"])
                         for b in bodies), 10), "and served")


def main():
    if not os.path.exists(BUILT + "/executor"):
        print("Bail out! %s is not built" % BUILT)
        sys.exit(1)

    e = test_start()

    test_http(e)
    test_curl(e)
    test_code(e)
    test_reports(e)
    test_retries(e)
    test_secrets(e)

    equal(e.stop(), 0, "the end")

    # the same with interpreters that were started before
    e = Executor(env_vars=SESSION_ENV,
                 prestart={"python": 2, "javascript": 2}).start().ready()
    test_code(e)
    test_prestart(e)
    equal(e.stop(), 0, "the end")

    test_init()
    test_limits()
    test_held()
    test_ready()
    test_bootstrap()

    done()


if __name__ == "__main__":
    main()
