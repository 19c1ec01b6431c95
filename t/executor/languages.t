#!/usr/bin/env python3
# Copyright (C) the ngx_sandbox authors
#
# What Python, JavaScript and the shell promise to the code that they run,
# docs/runner-protocol.md: on interpreters that are started for it, and again
# on such as were kept ready.  Would catch: a return value that is changed or
# lost, an error whose message says nothing, a runner's frame in a traceback,
# code that behaves otherwise on the other kind of interpreter.
#
# SANDBOX_EXECUTOR_DIR names another build than build/executor.

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import (BUILT, SESSION, Executor, done, equal, json,  # noqa
                     ok, skip)

MIB = 1024 * 1024
SESSION_ENV = {"FROM_SESSION": "s", "BOTH": "s"}


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


def main():
    if not os.path.exists(BUILT + "/executor"):
        print("Bail out! %s is not built" % BUILT)
        sys.exit(1)

    for prestart in {}, {"python": 2, "javascript": 2}:
        e = Executor(env_vars=SESSION_ENV, prestart=prestart)
        e.start().ready()

        for test in (test_python, test_python_errors, test_python_imports,
                     test_javascript, test_shell, test_environment):
            test(e)

        equal(e.stop(), 0, "the end")

    done()


if __name__ == "__main__":
    main()
