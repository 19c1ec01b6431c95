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

import shutil  # noqa

from harness import (BUILT, SESSION, Executor, done, equal, json,  # noqa
                     ok, skip)

MIB = 1024 * 1024
SESSION_ENV = {"FROM_SESSION": "s", "BOTH": "s"}
CIRCLE = "class A: pass\na = A(); a.me = a\n"


def check(e, language, name, code, exit_code=0, message=None, out="",
          err="", value="NONE", files={}, left={}, **fields):
    """
    One contract.  What is not given is expected to be as of code that does
    nothing; "err" may be a list of what has to be in it; "files" are in the
    workspace before, "left" afterwards.
    """
    for path, text in files.items():
        os.makedirs(os.path.dirname(e.workspace + "/" + path), exist_ok=True)
        with open(e.workspace + "/" + path, "w") as f:
            f.write(text)

    r = e.run_code(language, code, **fields)
    found = {}

    for path in os.listdir(e.workspace):
        full = e.workspace + "/" + path

        if path in left and os.path.isfile(full):
            with open(full, errors="replace") as f:
                found[path] = f.read()

        if os.path.isdir(full) and not os.path.islink(full):
            shutil.rmtree(full)
        else:
            os.unlink(full)

    ok((r.status, r.code, r.message, r.out)
       == ("failed" if exit_code else "completed", exit_code, message, out)
       and r.exact and same(r.value, value) and found == left
       and (r.err == err if isinstance(err, str)
            else all(text in r.err for text in err))
       and not any(ours in r.err + (r.message or "")
                   for ours in ("/proc/self/fd", "node:internal",
                                "runners/")),
       language + ": " + name, r, found,
       [exit_code, message, out, err, value, left])

    return r


def same(got, expected):
    """0 is not False, and 1 not 1.0."""
    return json.dumps(got) == json.dumps(expected)


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
            ("import sys; sys.exit('why')", ("failed", 1, "why")),
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
                        "NODE_PATH", "PATH", "PWD", "PYTHONPATH", "TMPDIR"],
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


def test_python_places(e):
    """Syntax errors, with line and column."""
    for name, code, message, err in (
            ("a syntax error", "x = 1\ndef f(:\n    pass\n",
             "SyntaxError: invalid syntax (main.py, line 2, column 7)",
             '  File "/main.py", line 2\n    def f(:\n          ^\n'
             "SyntaxError: invalid syntax\n"),
            ("an open bracket", "print((1,\n",
             "SyntaxError: '(' was never closed"
             " (main.py, line 1, column 7)", ["print((1,\n          ^\n"]),
            ("an indent", "def f():\npass\n", "IndentationError: expected an"
             " indented block after function definition on line 1"
             " (main.py, line 2, column 1)", ["    pass\n    ^"]),
            ("not of the grammar", "x = 1\nreturn 5\n",
             "SyntaxError: 'return' outside function"
             " (main.py, line 2, column 1)", ["    return 5\n    ^"]),
            ("in exec()", "exec('a b')", "SyntaxError: invalid syntax"
             " (<string>, line 1, column 3)",
             ['File "/main.py", line 1, in <module>', "    a b\n      ^"])):
        check(e, "python", name, code, 1, message, err=err)

    check(e, "python", "a syntax error in a module", "import bad", 1,
          "SyntaxError: invalid syntax (bad.py, line 2, column 9)",
          err=["import bad\n", "/bad.py\", line 2\n"],
          files={"bad.py": "\nx = 1 + ;\n"})


def test_python_exceptions(e):
    raised = "def handler(event):\n    raise "

    for name, code, message, err in (
            ("a chain", "try:\n    1/0\nexcept Exception:\n"
             "    raise ValueError('two')", "ValueError: two",
             ["line 2, in <module>\n    1/0\n", "During handling"]),
            ("a group", raised + "ExceptionGroup('g', [KeyError(1)])",
             "ExceptionGroup: g (1 sub-exception)", ["| KeyError: 1\n"]),
            ("RecursionError", "def f(): return f()\n"
             "def handler(event): return f()",
             "RecursionError: maximum recursion depth exceeded",
             ["line 2, in handler", "times]\n"]),
            ("MemoryError", "def handler(event): bytearray(10 ** 15)",
             "MemoryError", ["line 1, in handler"]),
            ("KeyboardInterrupt", raised + "KeyboardInterrupt('k')",
             "KeyboardInterrupt: k", ["raise KeyboardInterrupt"]),
            ("SIGINT", "import os, time\nos.kill(os.getpid(), 2)\n"
             "time.sleep(1)", "KeyboardInterrupt", ["line 2, in <module>"]),
            ("several lines", "raise ValueError('one\\ntwo')",
             "ValueError: one\ntwo", ["ValueError: one\ntwo\n"]),
            ("a note", "e = ValueError('x'); e.add_note('a note'); raise e",
             "ValueError: x", ["ValueError: x\na note\n"]),
            ("no handler's arguments", "def handler(): pass",
             "TypeError: handler() takes 0 positional arguments but 1 was"
             " given", ["TypeError: handler() takes 0"]),
            ("an async one with a cause", "async def handler(event):\n"
             "    try: {}['k']\n    except KeyError as e:\n"
             "        raise ValueError('v') from e", "ValueError: v",
             ["line 2, in handler", "line 4, in handler",
              "the direct cause"]),
            ("a task's", "import asyncio\nasync def bad(): 1/0\n"
             "async def handler(event):\n"
             "    await asyncio.gather(bad())",
             "ZeroDivisionError: division by zero", ["line 2, in bad"]),
            ("unicode", raised + "ValueError('\u6f22\U0001f600')",
             "ValueError: \u6f22\U0001f600", ["ValueError: \u6f22"]),
            ("a lone surrogate", "raise ValueError('a\\ud800b')",
             "ValueError: a?b", ["ValueError: a\\ud800b\n"])):
        check(e, "python", "an exception, " + name, code, 1, message,
              err=err)

    # where Python itself does not fail, neither do we; but the line is shown
    value = "def handler(event): return 1\n"
    line = ["in f\n    1/0\n", "ZeroDivisionError: division by zero\n"]

    for name, code, title in (
            ("a thread", "def f():\n    1/0\nimport threading\n"
             "t = threading.Thread(target=f); t.start(); t.join()",
             "Exception in thread Thread-1 (f):\nTraceback"),
            ("atexit", "import atexit\n@atexit.register\ndef f():\n    1/0\n",
             "Exception ignored in atexit callback: <function f"),
            ("__del__", "def f():\n    1/0\nclass A:\n"
             "    def __del__(self): f()\na = A()",
             "Exception ignored in: <function A.__del__")):
        check(e, "python", "an exception in " + name, value + code, value=1,
              err=line + [title],
              files={"main.py": "the lines of another file\n" * 9})

    for code, status, err in (
            ("'why'", 1, "why\n"), ("None", 0, ""), ("True", 1, ""),
            ("300", 44, ""), ("-1", 255, ""), ("[1]", 1, "[1]\n"),
            ("''", 1, "\n")):
        for how in ("import sys\nsys.exit(%s)",
                    "import sys\nasync def handler(event): sys.exit(%s)"):
            check(e, "python", (how % code).split("\n")[1], how % code,
                  status, err.rstrip() or ("exited with status %d" % status
                                           if status else None), err=err)

    head = "Traceback (most recent call last):\n"
    frame = '  File "/main.py", line %d, in %s\n'

    check(e, "python", "an error in the last line, without an end",
          "def handler(event):\n    x = {}['k']", 1, "KeyError: 'k'",
          err=head + frame % (2, "handler")
          + "    x = {}['k']\n        ~~^^^^^\nKeyError: 'k'\n"
          if sys.version_info >= (3, 11) else ["    x = {}['k']\n"])

    for separator in "\x0b", "\x0c", "\x1c", "\x85", "\u2028":
        check(e, "python", "%r ends no line" % separator,
              "x = 'a%sb'\n\ndef handler(event):\n    raise ValueError(1)\n"
              % separator, 1, "ValueError: 1",
              err=head + frame % (4, "handler")
              + "    raise ValueError(1)\nValueError: 1\n")

    for end in "\r", "\r\n":
        check(e, "python", "%r does" % end,
              "x = 1%sraise ValueError(1)" % end, 1, "ValueError: 1",
              err=head + frame % (2, "<module>")
              + "    raise ValueError(1)\nValueError: 1\n")

    check(e, "python", "a value's own error",
          "class D(dict):\n    def items(self):\n"
          "        raise KeyError('mine')\n"
          "def handler(event): return D(a=1)", 1, "KeyError: 'mine'",
          err=[frame % (3, "items")])
    check(e, "python", "a value that is nested a thousand times",
          "def handler(event):\n    a = []\n"
          "    for _ in range(9999): a = [a]\n    return a", 1,
          "return value is not JSON: it is nested too deeply,"
          " 64 levels are allowed",
          err="return value is not JSON: it is nested too deeply,"
          " 64 levels are allowed\n")

    hook = "import sys\nsys.excepthook = lambda k, v, t: %s\n1/0"
    check(e, "python", "an excepthook", hook % "print('mine', v)", 1,
          "ZeroDivisionError: division by zero",
          out="mine division by zero\n")
    check(e, "python", "one that fails itself", hook % "v.nothing", 1,
          "ZeroDivisionError: division by zero", err=["    1/0\n"])


def test_python_output(e):
    broken = "import os\nr, w = os.pipe(); os.close(r); os.dup2(w, 1)\n"
    value = "\ndef handler(event): return 1"

    check(e, "python", "print to a closed pipe", broken + "print('x')", 1,
          "BrokenPipeError: [Errno 32] Broken pipe",
          err="Traceback (most recent call last):\n"
          '  File "/main.py", line 3, in <module>\n    print(\'x\')\n'
          "BrokenPipeError: [Errno 32] Broken pipe\n")
    check(e, "python", "what a closed pipe does not take is not lost"
          " silently", broken + "print('x', end='')" + value, 1,
          "BrokenPipeError: [Errno 32] Broken pipe",
          err="BrokenPipeError: [Errno 32] Broken pipe\n")
    check(e, "python", "print after os.close(1)",
          "import os\nos.close(1)\nprint('x')", 1,
          "OSError: [Errno 9] Bad file descriptor",
          err=["line 3, in <module>"])
    check(e, "python", "print after sys.stdout.close()",
          "import sys\nsys.stdout.close()\nprint('x')", 1,
          "ValueError: I/O operation on closed file.", err=["line 3"])

    for name, code, out in (
            ("is closed", "sys.stdout.write('x'); sys.stdout.close()", "x"),
            ("is gone", "sys.stdout.write('x'); del sys.stdout", "x"),
            ("is None", "sys.stdout = None; print('x')", ""),
            ("is an object with no more than write()", "class W:\n"
             " def write(self, text): sys.__stdout__.write(text.upper())\n"
             "sys.stdout = W(); print('x')", "X\n"),
            ("is wrapped", "import io\nsys.stdout ="
             " io.TextIOWrapper(sys.stdout.buffer); print('x')", "x\n"),
            ("has a part of a line", "sys.stdout.write('x')", "x"),
            ("has bytes", "sys.stdout.buffer.write(b'x')", "x")):
        check(e, "python", "sys.stdout " + name,
              "import sys\n" + code + value, out=out, value=1)

    check(e, "python", "the order of one's own and a child's lines",
          "import subprocess as s\nprint(1); s.run(['echo', '2']); print(3)",
          out="1\n2\n3\n")
    check(e, "python", "warnings and logging", "import logging, warnings\n"
          "warnings.warn('careful')\nlogging.warning('w')\n"
          "try: 1/0\nexcept Exception: logging.exception('oops')" + value,
          value=1, err=["main.py:2: UserWarning: careful\n",
                        "WARNING:root:w\nERROR:root:oops\nTraceback",
                        "line 4, in <module>\n    try: 1/0\n"])

    check(e, "python", "input()", "print([input('? '), input()])",
          out="? ['a', '\u00e9']\n", stdin="a\n\u00e9\n")
    check(e, "python", "input() at the end", "input()", 1,
          "EOFError: EOF when reading a line", err=["line 1, in <module>"])
    check(e, "python", "lines of stdin", "import sys\n"
          "for line in sys.stdin: print(line.strip().upper())",
          out="\u00c9\nB\n", stdin="\u00e9\nb\n")


def test_python_source(e):
    for name, code, value, more in (
            ("__main__", "import sys\nm = __name__\n"
             "def handler(event): return [m, len(sys.argv)]",
             ["__main__", 1], {}),
            ("__file__ is in the working directory", "import os\n"
             "def handler(event):\n"
             " return [os.path.relpath(os.path.abspath(__file__)),"
             " os.path.basename(os.getcwd())]", ["main.py", "below"],
             {"working_directory": "below"}),
            ("open() is relative to it", "def handler(event):\n"
             " return open('a.txt').read()", "a",
             {"files": {"below/a.txt": "a"}, "working_directory": "below"}),
            ("inspect", "import inspect\nclass A:\n    x = 1\n"
             "def handler(event): return inspect.getsource(A)",
             "class A:\n    x = 1\n", {}),
            ("traceback", "import traceback\ndef handler(event):\n"
             " try: 1/0\n except Exception:\n"
             "  return traceback.format_exc().split('\\n')[1:3]",
             ['  File "/main.py", line 3, in handler', "    try: 1/0"], {}),
            ("annotations", "from __future__ import annotations\n"
             "import dataclasses, typing\n@dataclasses.dataclass\nclass P:\n"
             " x: int\n y: typing.Optional[P] = None\n"
             "def handler(event): return [dataclasses.asdict(P(1)),"
             " len(typing.get_type_hints(P))]", [{"x": 1, "y": None}, 2],
             {}),
            ("a process", "import multiprocessing as m\n"
             "def f(q): q.put([__name__])\ndef handler(event):\n"
             " c = m.get_context('fork'); q = c.Queue()\n"
             " p = c.Process(target=f, args=(q,)); p.start()\n"
             " v = q.get(); p.join(); return v + [p.exitcode]",
             ["__main__", 0], {}),
            ("a spawned process, with what a module has",
             "import helper, multiprocessing as m\ndef handler(event):\n"
             " c = m.get_context('spawn'); q = c.SimpleQueue()\n"
             " p = c.Process(target=helper.f, args=(q,)); p.start()\n"
             " v = q.get(); p.join(); return [v, p.exitcode]", ["x", 0],
             {"files": {"helper.py": "def f(q): q.put('x')"}}),
            ("a pool that is left open", "import concurrent.futures as c\n"
             "def f(x): return x * x\np = c.ProcessPoolExecutor(2)\n"
             "def handler(event): return list(p.map(f, [2]))", [4], {}),
            ("subprocess", "import os, subprocess as s\n"
             "os.environ['NEW'] = '1'\ndef handler(event):\n"
             " return s.check_output('echo $NEW$MINE', shell=True).decode()",
             "12\n", {"env_vars": {"MINE": "2"}}),
            ("asyncio's subprocess", "import asyncio\n"
             "async def handler(event):\n"
             " p = await asyncio.create_subprocess_shell('echo a',"
             " stdout=-1)\n return (await p.communicate())[0].decode()",
             "a\n", {}),
            ("unicode", "\u00e9 = '\u6f22'\ndef handler(event):\n"
             " return {\u00e9: ['\\0', '\U0001f600', event]}",
             {"\u6f22": ["\0", "\U0001f600", {"\u00fc": "\u2028"}]},
             {"event": {"\u00fc": "\u2028"}}),
            ("names of the runner are not there", "def handler(event):\n"
             " return sorted(n for n in globals() if n[0] != '_')",
             ["handler"], {}),
            ("how deep it may be", "import sys\ndef f(n):\n"
             " try: return f(n + 1)\n except RecursionError: return n\n"
             "def handler(event): return f(0) > 980", True, {}),
            ("nothing runs beside it", "import gc, signal, threading\n"
             "def handler(event): return [gc.isenabled(),"
             " threading.active_count(),"
             " signal.getsignal(15) == signal.SIG_DFL]", [True, 1, True],
             {})):
        check(e, "python", name, code, value=value, **more)

    check(e, "python", "a byte order mark", "\ufeffprint('x')", out="x\n")
    check(e, "python", "CR LF", "if 1:\r\n    print('x')\r\n", out="x\n")


def test_python_modules(e):
    """Those of the workspace, with names of the standard library."""
    for name in ("json", "re", "random", "collections", "datetime", "enum",
                 "typing", "bisect", "traceback", "linecache", "asyncio",
                 "inspect", "statistics", "operator"):
        check(e, "python", "the workspace's " + name,
              "import %s as m\ndef handler(event): return [m.mine, event]"
              % name, value=[1, {"a": 2}], event={"a": 2},
              files={name + ".py": "mine = 1"})

    check(e, "python", "a package of the workspace",
          "import datetime\nprint(datetime.mine)", out="1\n",
          files={"datetime/__init__.py": "mine = 1"})
    check(e, "python", "a file that is none",
          "import random\nprint(random.random() < 1)", out="True\n",
          files={"random.txt": "x", "random/x": ""})
    check(e, "python", "what the standard library misses then",
          "import functools", 1, files={"collections.py": ""},
          message="ImportError: cannot import name 'namedtuple' from"
          " 'collections' (%s/collections.py)" % e.workspace,
          err=["line 1, in <module>\n    import functools\n"])
    check(e, "python", "an error is told all the same",
          "import enum\nasync def handler(event): 1/0", 1,
          "ZeroDivisionError: division by zero",
          err=["line 2, in handler"],
          files={"enum.py": "", "types.py": "", "collections.py": ""})
    check(e, "python", "variables are there all the same", "import os, enum\n"
          "def handler(event): return [os.environ['A'],"
          " os.environb[b'A'].decode(), os.getenv('FROM_SESSION')]",
          value=["b", "b", "s"], env_vars={"A": "b"},
          files={"enum.py": ""})


def test_python_end(e):
    """What happens when an interpreter ends, happens."""
    opened = "f = open('f', 'w'); f.write('x')\n"
    final = "class D:\n def __del__(self): print('end', len(str(D)) > 3)\n"
    generator = "def g():\n try: yield 1\n finally: print('end')\n" \
        "x = g(); next(x)\n"

    for name, code, out, left in (
            ("a file in a global", opened, "", "x"),
            ("in a closure", "def m():\n f = open('f', 'w')\n"
             " def w(): f.write('x')\n return w\nw = m(); w()", "", "x"),
            ("in a default", "def w(f=open('f', 'w')): f.write('x')\nw()",
             "", "x"),
            ("in a circle of globals", opened + CIRCLE + "a.f = f", "", "x"),
            ("in a module", opened + "import json\njson.f = f; del f", "",
             "x"),
            ("in a context variable", opened + "import contextvars\n"
             "contextvars.ContextVar('v').set(f); del f", "", "x"),
            ("on a descriptor of its own", "import io, os\n"
             "w = io.BufferedWriter(io.FileIO(os.dup(1), 'w'))\n"
             "w.write(b'x')", "x", None),
            ("on stdout, in a module", "import json\n"
             "json.f = open(1, 'w', closefd=False); json.f.write('x')",
             "x", None),
            ("of a class of the code", "import io, os\n"
             "class R(io.RawIOBase):\n def writable(self): return True\n"
             " def write(self, b): os.write(1, b); return len(b)\n"
             "w = io.BufferedWriter(R()); w.write(b'x')", "x", None),
            ("gzip", "import gzip\ng = gzip.open('g', 'w')\n"
             "g.write(b'x'); g.flush()\n"
             "print(gzip.open('g').read(1))", "b'x'\n", None),
            ("TemporaryDirectory", "import os, tempfile\n"
             "d = tempfile.TemporaryDirectory(dir='.', prefix='f')\n"
             "os.rename(d.name, 'f'); d.name = 'f'\n"
             "import atexit; atexit.register(lambda: print('end'))",
             "end\n", None),
            ("sqlite3, not committed", "import sqlite3\n"
             "c = sqlite3.connect('f'); c.execute('create table t(a)')\n"
             "c.execute('insert into t values (1)'); c = None\n"
             "c = sqlite3.connect('f')\n"
             "print(c.execute('select * from t').fetchall())", "[]\n",
             None),
            ("weakref.finalize", "import weakref\n" + CIRCLE +
             "weakref.finalize(a, print, 'end')", "end\n", None),
            ("atexit", "import atexit\natexit.register(print, 'end')",
             "end\n", None),
            ("logging", "import logging, logging.handlers as h, sys\n"
             "logging.getLogger().addHandler(h.MemoryHandler(9,"
             " target=logging.StreamHandler(sys.stdout)))\n"
             "logging.warning('x')", "x\n", None),
            ("a finalizer", final + "d = D()", "end True\n", None),
            ("in a circle", final + CIRCLE + "a.d = D(); del a",
             "end True\n", None),
            ("in a module", final + "import json\njson.d = D()",
             "end True\n", None),
            ("that was put there later", "class A: pass\nsetattr(A, '__d'"
             " 'el__', lambda a: print('end'))\nx = A(); x.x = x; del x",
             "end\n", None),
            ("a generator", generator, "end\n", None),
            ("in a circle", generator + "l = [x]; l.append(l); del l, x",
             "end\n", None),
            ("in a module", generator + "import json\njson.x = x",
             "end\n", None),
            ("a context manager", "import contextlib\n"
             "@contextlib.contextmanager\ndef c():\n try: yield\n"
             " finally: print('end')\nx = c(); x.__enter__()", "end\n",
             None),
            ("a thread", "import threading, time\ndef f():\n"
             " time.sleep(0.1); print('end')\n"
             "threading.Thread(target=f).start()", "end\n", None),
            ("a daemon thread", "import threading, time\ndef f():\n"
             " time.sleep(1); print('end')\n"
             "threading.Thread(target=f, daemon=True).start()", "", None),
            ("an executor", "import concurrent.futures as c, time\n"
             "def f(): time.sleep(0.1); print('end')\n"
             "c.ThreadPoolExecutor(1).submit(f)", "end\n", None),
            ("C's own buffers", "import ctypes\n"
             "ctypes.CDLL(None).printf(b'end')", "end", None),
            ("a child that was forked", "import os\n"
             "os.write(1, b'a'); p = os.fork()\n"
             "if p == 0: print('b', end='')\nelse: os.waitpid(p, 0)\n",
             "ab", None),
            ("a module of the workspace", "import helper", "end\n", None),
            ("that was taken out", "import helper, sys\n"
             "del sys.modules['helper'], helper", "end\n", None),
            ("what a finalizer prints goes to stdout", final +
             "import io, sys\nd = D(); sys.stdout = io.StringIO()",
             "end True\n", None)):
        for handler in "", "\ndef handler(event): return 1":
            check(e, "python", "the end: " + name + handler[1:4],
                  code + handler, out=out, value=1 if handler else "NONE",
                  left={} if left is None else {"f": left},
                  files={"helper.py": "class A:\n"
                         " def __del__(self): print('end')\na = A()"})

    r = e.python("import asyncio\nasync def f():\n try:"
                 " await asyncio.sleep(9)\n finally: print('end')\n"
                 "async def handler(event):\n"
                 " t = asyncio.create_task(f()); await asyncio.sleep(0)\n"
                 " return 1")
    equal((r.out, r.value), ("end\n", 1), "python: the end: a task")


def test_javascript_errors(e):
    def fails(name, code, message, err=(), exit_code=1, **more):
        check(e, "javascript", name, code, exit_code, message,
              err=err or [message], **more)

    for name, code, message, err in (
            ("a syntax error", "let a = 1;\nlet b = ;\n",
             "SyntaxError: Unexpected token ';' (main.js, line 2, column 9)",
             "main.js:2\nlet b = ;\n        ^\n\n"
             "SyntaxError: Unexpected token ';'\n"),
            ("at the end", "function f() {",
             "SyntaxError: Unexpected end of input"
             " (main.js, line 1, column 15)", ["main.js:1\n"]),
            ("export in a block", "if (1) { export const a = 1 }",
             "SyntaxError: Unexpected token 'export'"
             " (main.js, line 1, column 10)",
             ["main.js:1\nif (1) { export"]),
            ("a module's", "import fs from 'fs';\nconst x = ;\n",
             "SyntaxError: Unexpected token ';' (main.js, line 2, column 11)",
             "main.js:2\nconst x = ;\n          ^\n\n"
             "SyntaxError: Unexpected token ';'\n"),
            ("of what a module exports",
             "export const handler = () => {\n  return 1 +;\n}",
             "SyntaxError: Unexpected token ';' (main.js, line 2, column 13)",
             ["main.js:2\n  return 1 +;\n            ^\n"]),
            ("in a module's first line",
             "export default function () { let a; let a; }",
             "SyntaxError: Identifier 'a' has already been declared"
             " (main.js, line 1, column 41)", ["main.js:1\n"]),
            ("await", "function f() { await 1 }",
             "SyntaxError: await is only valid in async functions and the"
             " top level bodies of modules: let the handler be async"
             " (main.js, line 1, column 16)", ["^^^^^"])):
        fails(name, code, message, err)

    fails("a syntax error in a module", "require('./bad')",
          "SyntaxError: Unexpected token ';' (bad.js, line 2, column 9)",
          ["/bad.js:2\nlet x = ;\n        ^\n"],
          files={"bad.js": "\nlet x = ;"})

    for thrown, message in (
            ("'text'", "Uncaught 'text'"), ("null", "Uncaught null"),
            ("undefined", "Uncaught undefined"), ("42", "Uncaught 42"),
            ("5n", "Uncaught 5n"), ("Symbol('s')", "Uncaught Symbol(s)"),
            ("{a: 1}", "Uncaught { a: 1 }"),
            ("new Error()", "Error"),
            ("new Error('a\\nb')", "Error: a\nb"),
            ("new (class MyError extends Error {})('m')", "MyError: m"),
            ("Object.assign(new Error('m'), {stack: undefined})",
             "Error: m")):
        fails("throw " + thrown, "function handler() { throw %s }" % thrown,
              message)
        fails("reject " + thrown,
              "async function handler() { throw %s }" % thrown, message)

    fails("a strange error", "throw new Proxy({}, {get() { throw 1 }})",
          "Error", "Error\n")
    fails("a cause", "throw new Error('a', {cause: new TypeError('b')})",
          "Error: a", ["    at main.js:1:7\n  [cause]: TypeError: b\n"])
    fails("several errors", "throw new AggregateError([new Error('b')],"
          " 'a')", "AggregateError: a", ["[error]: Error: b\n"])
    fails("properties", "throw Object.assign(new Error('a'), {code: 'C'})",
          "Error: a", ["{ code: 'C' }"])
    fails("a cause of itself", "const e = new Error('a'); e.cause = e;"
          " throw e", "Error: a")
    fails("recursion", "function handler() { return handler() + 1 }",
          "RangeError: Maximum call stack size exceeded", ["at handler"])
    fails("strict mode", "'use strict';\nx = 1;",
          "ReferenceError: x is not defined", ["main.js:2\nx = 1;\n"])
    fails("a module that is missing", "require('./none')",
          "Error: Cannot find module './none'\nRequire stack:\n- "
          + e.workspace + "/main.js")
    fails("an event that nobody hears",
          "new (require('events'))().emit('error', new Error('e'))",
          "Error: e")

    late = "new Promise((r) => setTimeout(r, 30))"
    fails("unhandled, before the handler has ended",
          "Promise.reject(new Error('r'));"
          "async function handler() { await %s; return 1 }" % late,
          "Error: r", ["Error: r\n"])
    fails("unhandled, beside it", "function handler() {"
          " Promise.reject('why'); return 1 }", "Uncaught 'why'")
    check(e, "javascript", "its own listener",
          "process.on('unhandledRejection', (e) => console.log('' + e));"
          "Promise.reject(1); function handler() { return 1 }",
          out="1\n", value=1)


def test_javascript_end(e):
    never = "the promise of the handler is never settled"
    pending = "async function handler() { %s; await new Promise(() => {}) }"

    for name, code, status, out in (
            ("never settled", "", 1, ""),
            ("after a timer", "setTimeout(() => console.log(1), 20)", 1,
             "1\n"),
            ("with an exit code", "process.exitCode = 3", 3, "")):
        check(e, "javascript", name, pending % code, status, never,
              out=out, err=never + "\n")

    check(e, "javascript", "settled at the last moment",
          "let go; process.on('beforeExit', () => go(5));"
          "function handler() { return new Promise((r) => { go = r }) }",
          value=5)
    check(e, "javascript", "process.exit(0) instead",
          pending % "setTimeout(() => process.exit(0), 10)")

    for code, status in (
            ("function handler() { process.exit(9) }", 9),
            ("process.on('exit', () => { process.exitCode = 8 });"
             " handler = () => 1", 8),
            ("process.exit(300)", 44), ("process.exit(-1)", 255),
            ("process.exitCode = '4'", 4)):
        check(e, "javascript", code, code, status,
              "exited with status %d" % status)

    check(e, "javascript", "exit listeners", "process.on('exit',"
          " (n) => console.log(n)); handler = () => 1", out="0\n", value=1)
    check(e, "javascript", "timers and sockets do not keep it",
          "require('net').createServer().listen('s');"
          " setTimeout(() => console.log('late'), 5000);"
          " handler = () => 1", value=1)

    write = "const fs = require('fs');" \
        " function handler() { %s; return 1 }"
    for code in ("fs.promises.writeFile('f', 'data')",
                 "fs.writeFile('f', 'data', () => {})",
                 "fs.createWriteStream('f').end('data')"):
        check(e, "javascript", "a file is written to its end: " + code,
              write % code, value=1, left={"f": "data"})
    check(e, "javascript", "or it is told that it cannot",
          write % "fs.promises.writeFile('/none/f', '')", 1,
          "Error: ENOENT: no such file or directory, open '/none/f'",
          err=["code: 'ENOENT'"])

    for code in ("JSON = null", "JSON.stringify = () => '2'",
                 "process.exit = () => {}", "Promise = null",
                 "Buffer.from = null", "Buffer = null", "process = null",
                 "setImmediate = null", "Object.defineProperty = null",
                 "String = Error = null", "Symbol = null",
                 "require('fs').writeSync = () => 0"):
        check(e, "javascript", code, "const log = console.log.bind(console);"
              + code + ";function handler() { log('x'); return [1] }",
              out="x\n", value=[1])

    for code, out in (
            ("console.log(1); console.error(2); console.log(3)", "1\n3\n"),
            ("process.stdout.write('1'); process.stderr.write('2\\n')",
             "1")):
        check(e, "javascript", code, code, out=out, err="2\n")


def test_javascript_values(e):
    deep = "let a = 1; for (let i = 0; i < 70; i++) a = [a]; return a"
    refused = "return value is not JSON: "

    for code, value in (
            ("new Date(0)", "1970-01-01T00:00:00.000Z"),
            ("[undefined, () => 1]", [None] * 2),
            ("{a: undefined, b: null, c: Symbol('x')}", {"b": None}),
            ("new Uint8Array([7])", {"0": 7}),
            ("{toJSON() { return 5 }}", 5), ("null", None),
            ("[new String('s'), Object(1)]", ["s", 1]),
            ("{then(r) { r(5) }}", 5), ("1.5", 1.5), ("[]", []),
            ("{}", {}), ("new Proxy({a: 1}, {})", {"a": 1}),
            ("'\\0\\u2028\U0001f600'", "\0\u2028\U0001f600"),
            ("arguments.length", 2)):
        check(e, "javascript", "returns " + code,
              "function handler() { return (%s) }" % code, value=value)

    for code, message in (
            ("return {a: [1n]}", "Do not know how to serialize a BigInt"),
            ("const a = {}; a.b = {a}; return a",
             "Converting circular structure to JSON"),
            ("return NaN", "it is NaN"),
            ("return [1, {a: -Infinity}]", '"a" is -Infinity'),
            ("return [new Map([[1, 2]])]", '"0" is a Map'),
            ("return {s: new Set([1])}", '"s" is a Set'),
            ("return {p: Promise.resolve(1)}", '"p" is a promise'),
            ("let a; for (let n = 0; n < 1e5; n++) a = [a]; return a",
             "it is nested too deeply, 64 levels are allowed"),
            ("return Symbol()", "it is a symbol"),
            ("return [1][Symbol.iterator]()",
             "handler is a generator, let it return an array")):
        check(e, "javascript", "refuses: " + code,
              "function handler() { %s }" % code, 1, refused + message,
              err=refused + message + "\n")

    for name, code in (
            ("toJSON", "toJSON() {\n throw new TypeError('no') }"),
            ("a getter", "get a() {\n throw new TypeError('no') }")):
        check(e, "javascript", "fails with what %s has thrown" % name,
              "exports.handler = () => ({ %s })" % code, 1, "TypeError: no",
              err=["main.js:2\n", "TypeError: no\n    at "])

    for value in "5", "'x'", "null", "class {}":
        check(e, "javascript", "exports.handler of " + value,
              "exports.handler = " + value, 1,
              "the exported handler is not a function",
              err="the exported handler is not a function\n")

    stack = check(e, "javascript", "a stack ends with the code's frames",
                  "exports.handler = () => { console.log('-');\n"
                  " try { null.x } catch (e) { console.error(e) }\n"
                  " console.trace('here') }", out="-\n", value=None,
                  err=["at exports.handler (main.js:2:"])
    equal(stack.err.count("    at "), 2, "javascript: and with no others")
    check(e, "javascript", "an error of node's keeps its code",
          "try { Buffer.alloc('x') } catch (e) {"
          " console.log(e.stack.split('\\n')[0]) }",
          out='TypeError [ERR_INVALID_ARG_TYPE]: The "size" argument must be'
          " of type number. Received type string ('x')\n")

    for code, message in ((deep, "it is nested too deeply,"
                           " 64 levels are allowed"),
                          ("return {'\\ud800': 1}",
                           "a string has a lone surrogate")):
        check(e, "javascript", "refuses: " + code,
              "function handler() { %s }" % code, 1, refused + message)


def test_javascript_esm(e):
    """Code that is a module itself."""
    files = {"m.mjs": "export default 7; export let n = 8",
             "c.js": "exports.x = 9", "d.json": '{"a": 8}',
             "node_modules/pkg/index.js": "exports.x = 5"}

    for name, code, value in (
            ("export const handler",
             "export const handler = async (event) => event.n", 1),
            ("export function handler", "export function handler(event,"
             " context) { return arguments.length }", 2),
            ("export default", "export default (event) => event.n", 1),
            ("export default of an object",
             "export default { handler: () => 2 }", 2),
            ("a handler before the default one", "export default () => 1\n"
             "export const handler = () => 2", 2),
            ("a handler that is not exported", "import fs from 'fs';\n"
             "function handler() { return typeof fs.readFileSync }",
             "function"),
            ("one that is renamed", "const own = () => 3;\n"
             "export { own as handler }", 3),
            ("no handler", "import 'fs'; const f = () => { const handler = 1 }",
             "NONE"),
            ("await at the top", "const x = await Promise.resolve(4);\n"
             "function handler() { return x }", 4),
            ("await, and a script's exports", "const x = [await 5];\n"
             "exports.handler = () => x", [5]),
            ("names of a built-in module", "import fs, { readFileSync as r }"
             " from 'node:fs';\nimport * as path from 'path';\n"
             "export const handler = () => [r === fs.readFileSync,"
             " path.join('a', 'b')]", [True, "a/b"]),
            ("a module of the workspace", "import m, { n } from './m.mjs';\n"
             "export const handler = () => [m, n]", [7, 8]),
            ("a script of the workspace", "import c from './c.js';\n"
             "export const handler = () => c.x", 9),
            ("a package", "import pkg from 'pkg';\n"
             "export const handler = () => pkg.x", 5),
            ("import()", "export const handler = async () =>"
             " (await import('./m.mjs')).n", 8),
            ("require()", "import 'fs';\n"
             "export const handler = () => require('./c.js').x", 9),
            ("import.meta", "export const handler = () =>"
             " [import.meta.url.slice(0, 8), import.meta.filename.slice(-8),"
             " typeof import.meta.dirname]", ["file:///", "/main.js",
                                              "string"])):
        check(e, "javascript", "a module: " + name, code, value=value,
              event={"n": 1}, files=files)

    for name, code, message, err in (
            ("an error", "export const a = 1;\nnull.x",
             "TypeError: Cannot read properties of null (reading 'x')",
             ["main.js:2\nnull.x\n", "    at main.js:2:6\n"]),
            ("its handler's", "import 'fs';\nexport function handler() {\n"
             "  throw new TypeError('mine') }", "TypeError: mine",
             ["main.js:3\n", "    at handler (main.js:3:9)\n"]),
            ("a name that is not there", "import { nothing } from 'fs';",
             "SyntaxError: The requested module 'fs' does not provide an"
             " export named 'nothing'", ["nothing"]),
            ("an await that is for ever", "await new Promise(() => {})",
             "a top-level await is never settled", ["never settled\n"]),
            ("no function", "export const handler = 5",
             "the exported handler is not a function", ["not a function\n"]),
            ("a generator", "export async function* handler() { yield 1 }",
             "return value is not JSON: handler is a generator, let it return"
             " an array", ["generator"])):
        check(e, "javascript", "a module: " + name, code, 1, message, err=err)

    r = e.javascript("import './nothing.mjs'")
    ok(r.code == 1 and "Cannot find module" in r.message
       and "nothing.mjs" in r.message and "/proc/self/fd" not in r.err,
       "javascript: a module that is not there", r)


def test_javascript_packages(e):
    """What was installed for the session, and what else NODE_PATH names."""
    there = ".packages/node/node_modules/"
    esm = '{"type": "module", "exports": {".": {"import": "./i.js"}, ' \
          '"./sub": "./s.js"}}'
    files = {there + "left/index.js": "exports.x = require('right').x",
             there + "right/index.js": "exports.x = 5",
             there + "esm/package.json": esm,
             there + "esm/i.js": "import r from 'right'; import './s.js';\n"
             "export default r.x; export const own = import.meta.url",
             there + "esm/s.js": "export default 6",
             there + "@a/b/package.json": '{"main": "m.js"}',
             there + "@a/b/m.js": "module.exports = 7",
             there + "broken/package.json": '{"exports": "./i.mjs"}',
             there + "broken/i.mjs": "import 'nowhere'",
             there + "mine/index.js": "module.exports = 'installed'",
             "node_modules/mine/index.js": "module.exports = 'workspace'",
             "d.json": '{"a": 8}', "lib/other/index.js": "exports.x = 9"}
    keyword = "with" if e.javascript(
        "handler = () => process.versions.node.split('.')").value > ["19"] \
        else "assert"

    for name, code, value, more in (
            ("require()", "handler = () => [require('left').x,"
             " require('@a/b'), require('mine')]", [5, 7, "workspace"], {}),
            ("import()", "handler = async () =>"
             " [(await import('left')).default.x, (await import('esm'))"
             ".default, (await import('esm/sub')).default, (await"
             " import('@a/b')).default, (await import('mine')).default]",
             [5, 5, 6, 7, "workspace"], {}),
            ("import", "import { x } from 'left'; import esm, { own } from"
             " 'esm';\nimport six from 'esm/sub'; import seven from '@a/b';"
             "\nimport mine from 'mine';\nexport const handler = () =>"
             " [x, esm, six, seven, mine, own.slice(-9)]",
             [5, 5, 6, 7, "workspace", "/esm/i.js"], {}),
            ("in a folder below", "import left from 'left';\nexport const"
             " handler = async () => [left.x, (await import('esm')).default]",
             [5, 5], {"working_directory": "lib"}),
            ("a folder with another name", "handler = async () =>"
             " [require('other').x, (await import('other')).x]", [9, 9],
             {"env_vars": {"NODE_PATH": e.workspace + "/lib"}}),
            ("attributes", "handler = async () => (await import('./d.json',"
             " {%s: {type: 'json'}})).default.a" % keyword, 8, {}),
            ("attributes of a module", "import d from './d.json' %s"
             " {type: 'json'};\nexport const handler = () => d.a" % keyword,
             8, {})):
        check(e, "javascript", "a package: " + name, code, value=value,
              files=files, err=[], **more)

    for name, code, message in (
            ("one that is absent", "nowhere", "Cannot find package 'nowhere'"
             " imported from %s/main.js"),
            ("what it needs is absent", "broken", "Cannot find package"
             " 'nowhere' imported from %s/" + there + "broken/i.mjs"),
            ("what it does not export", "esm/no", "Package subpath './no' is"
             " not defined by \"exports\" in %s/" + there
             + "esm/package.json imported from %s/.packages/node/main.js")):
        message = message.replace("%s", e.workspace)
        check(e, "javascript", "a package: " + name,
              "import '%s';\nexport const handler = () => 1" % code, 1,
              "Error: " + message, files=files, err=[message])


def test_javascript_modules(e):
    files = {"node_modules/pkg/index.js": "exports.x = 5",
             "node_modules/esm/package.json":
             '{"type": "module", "exports": "./i.js"}',
             "node_modules/esm/i.js": "export default 6",
             "m.mjs": "export default 7", "d.json": '{"a": 8}',
             "main.js": "exports.x = 9",
             "child.js": "process.send(10)", "below/a.txt": "a"}

    for name, code, value, more in (
            ("module.exports = async (event)",
             "module.exports = async (event) => event.n", 1, {}),
            ("module.exports.handler is before it",
             "module.exports = () => 1; module.exports.handler = () => 2",
             2, {}),
            ("so is a global handler",
             "function handler() { return 2 } module.exports = () => 1",
             2, {}),
            ("a class is none", "module.exports = class {}", "NONE", {}),
            ("nor is a global one", "class handler {}", "NONE", {}),
            ("require", "handler = () => [require('pkg').x,"
             " require('./d.json').a, require('./main').x]", [5, 8, 9], {}),
            ("import()", "handler = async () =>"
             " [(await import('esm')).default,"
             " (await import('./m.mjs')).default]", [6, 7], {}),
            ("both, in a folder below", "handler = async () =>"
             " [require('pkg').x, (await import('../m.mjs')).default]",
             [5, 7], {"working_directory": "below"}),
            ("__dirname", "handler = () => [require('fs').readFileSync("
             "__dirname + '/a.txt', 'utf8'),"
             " require('path').basename(__filename)]", ["a", "main.js"],
             {"working_directory": "below"}),
            ("worker_threads", "const w = require('worker_threads');"
             "handler = () => new Promise((r) => new w.Worker("
             "'require(\"worker_threads\").parentPort.postMessage(1)',"
             " {eval: true}).on('message', r))", 1, {}),
            ("child_process", "const c = require('child_process');"
             "handler = () => ['' + c.execSync('echo $MINE'),"
             " c.spawnSync('sh', ['-c', 'exit 3']).status]", ["2\n", 3],
             {"env_vars": {"MINE": "2"}}),
            ("fork", "const c = require('child_process');"
             "handler = () => new Promise((r) =>"
             " c.fork('./child.js').on('message', r))", 10, {}),
            ("stdin", "handler = () => require('fs').readFileSync(0,"
             " 'utf8')", "\u00e9\n", {"stdin": "\u00e9\n"}),
            ("unicode", "const \u00e9 = '\u6f22';"
             "handler = (e) => ({[\u00e9]: e})",
             {"\u6f22": {"n": 1, "\u00fc": "\U0001f600"}},
             {"event": {"n": 1, "\u00fc": "\U0001f600"}}),
            ("variables", "handler = () => [process.env.A, process.env.B,"
             " process.env.FROM_SESSION]", ["\u00e9=1", "", "s"],
             {"env_vars": {"A": "\u00e9=1", "B": ""}}),
            ("names of node and of the runner can be used",
             "const fs = 1, path = 2, require = 3, module = 4, source = 5;"
             " function main() {} handler = () => [typeof Context, source]",
             ["undefined", 5], {})):
        more.setdefault("event", {"n": 1})
        check(e, "javascript", name, code, value=value, files=files, **more)

    check(e, "javascript", "a byte order mark and #!",
          "\ufeff#!/usr/bin/env node\nconsole.log('x')", out="x\n")


def test_shell_scripts(e):
    for name, code, more in (
            ("set -e", "set -e\necho a\nfalse\necho b",
             {"exit_code": 1, "out": "a\n"}),
            ("the last command counts", "false; true", {}),
            ("false", "true; false", {"exit_code": 1}),
            ("a pipe has its last status", "exit 3 | true", {}),
            ("exit in a subshell", "(exit 4)", {"exit_code": 4}),
            ("a syntax error", "echo a\nif true; then\n",
             {"exit_code": 2, "out": "a\n",
              "err": ["Syntax error", ": 3: "]}),
            ("a command that is not there", "\nnothing_like_it",
             {"exit_code": 127, "err": ["2: nothing_like_it: not found"]}),
            ("a child's signal", "sh -c 'kill -9 $$'; echo $?",
             {"out": "137\n", "err": ["Killed"]}),
            ("a trap", "trap 'echo t; exit 9' TERM; kill -TERM $$; sleep 1",
             {"exit_code": 9, "out": "t\n"}),
            ("a trap at the end", "trap 'echo bye' EXIT; exit 3",
             {"exit_code": 3, "out": "bye\n"}),
            ("a pipe that is closed", "yes | head -1", {"out": "y\n"}),
            ("output that is closed", "exec 1>&-; echo x",
             {"exit_code": 1, "err": ["echo"]}),
            ("here-documents", "cat <<E\n$((1 + 1)) \u6f22\nE\n"
             "cat <<'E'\n$raw\nE\n", {"out": "2 \u6f22\n$raw\n"}),
            ("a job that is waited for", "(sleep 0.1; echo b) & wait",
             {"out": "b\n"}),
            ("nothing", "# nothing\n", {}),
            ("a script of the workspace", "cat s >t; chmod +x t; ./t \u00e9",
             {"files": {"s": "#!/bin/sh\necho $1\n"}, "out": "\u00e9\n"}),
            ("a folder below", "pwd; cat a",
             {"files": {"below/a": "a"}, "working_directory": "below",
              "out": e.workspace + "/below\na"}),
            ("quotes in the event", "printf '%s\\n' \"$SANDBOX_EVENT\"; read -r line;"
             " [ \"$line\" = \"$SANDBOX_EVENT\" ] && echo same",
             {"event": {"a": "'\"$x`\\"}, "out":
              json.dumps({"a": "'\"$x`\\"}) + "\nsame\n"})):
        status = more.get("exit_code")

        check(e, "shell", name, code, message="exited with status %d"
              % status if status else None, **more)

    for signo, name in ((2, "INT"), (11, "SEGV"), (13, "PIPE"),
                        (15, "TERM")):
        check(e, "shell", "SIG" + name, "kill -%s $$" % name, 128 + signo,
              "killed by signal %d (SIG%s)" % (signo, name))


def test_sizes(e):
    """What is large or no text, in each language."""
    code = {
        "python": ("def handler(event): return len(event['x'])",
                   "def handler(event): return '\u00e9' * %d",
                   "import os\nos.write(1, %s)\nos.write(2, %s)",
                   "b'a\\xffb\\xe2\\x82c'"),
        "javascript": ("handler = (event) => event.x.length",
                       "handler = () => '\u00e9'.repeat(%d)",
                       "process.stdout.write(%s); process.stderr.write(%s)",
                       "Buffer.from('a\\xffb\\xe2\\x82c', 'latin1')"),
        "shell": ("printf %s \"$(wc -c)\"", None, "printf %s; printf %s >&2",
                  "'a\\377b\\342\\202c'"),
    }

    for language, (event, value, write, data) in code.items():
        r = e.run_code(language, event, event={"x": "y" * MIB})
        ok(r.value == MIB or r.out == str(MIB + len('{"x": ""}\n')),
           language + ": an event of 1 MB", r)

        r = e.run_code(language, write % (data, data))
        m = r.head["metrics"]
        equal((r.out, r.err, m["stdout_replaced_bytes"],
               m["stderr_replaced_bytes"], r.head["stdout_dropped"]),
              ("a\ufffdb\ufffdc", "a\ufffdb\ufffdc", 3, 3, 0),
              language + ": bytes that are no text are replaced, counted")

        if value is None:
            continue

        most = (MIB - 2) // 2
        r = e.run_code(language, value % most)
        equal((r.status, r.head["return_value_bytes"], r.value),
              ("completed", MIB, "\u00e9" * most),
              language + ": a value of 1 MiB")

        for half in most + 1, 5 * MIB:
            message = "return value of %d bytes is larger than %d bytes" \
                % (2 * half + 2, MIB)
            check(e, language, "a value of %d bytes" % (2 * half + 2),
                  value % half, 1, message, err=message + "\n")


def main():
    if not os.path.exists(BUILT + "/executor"):
        print("Bail out! %s is not built" % BUILT)
        sys.exit(1)

    for prestart in {}, {"python": 2, "javascript": 2}:
        e = Executor(env_vars=SESSION_ENV, prestart=prestart)
        e.start().ready()

        for test in (test_python, test_python_errors, test_python_imports,
                     test_python_places, test_python_exceptions,
                     test_python_output, test_python_source,
                     test_python_modules, test_python_end, test_javascript,
                     test_javascript_errors, test_javascript_end,
                     test_javascript_values, test_javascript_modules,
                     test_javascript_esm, test_javascript_packages,
                     test_shell, test_shell_scripts, test_environment,
                     test_sizes):
            test(e)

        equal(e.stop(), 0, "the end")

    done()


if __name__ == "__main__":
    main()
