#!/usr/bin/env python3

# Installing packages, with an installer that does as it is told by the names of
# the packages.  Would catch: a package that is half there, one that an
# interpreter does not find, an installer that knows the token, that reaches
# more than its index, that outlives its time or is ended with somebody's code,
# and a link that has us remove what code cannot.

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import (Executor, PATH, TOKEN, SESSION, done, equal, ok, skip,
                     until)

PIP = r'''
import http.client, os, socket, sys, time, urllib.parse, urllib.request

target = sys.argv[sys.argv.index("--target") + 1]
index = os.environ["PIP_INDEX_URL"]
url = urllib.parse.urlsplit(index)


def ask(method, path):
    c = http.client.HTTPConnection(url.hostname, url.port, timeout=20)
    c.request(method, path, headers={"Accept": "text/x-test",
                                     "Authorization": "Basic x"})
    return c.getresponse().status


# the head of a request and what follows: the status, "-" for none
def raw(head, rest=b""):
    c = socket.create_connection((url.hostname, url.port), timeout=20)
    answer = b""
    try:
        c.sendall(head + b"\r\n" + rest)
        while True:
            part = c.recv(4096)
            if not part:
                break
            answer += part
    except OSError:
        pass
    c.close()
    return "+".join(p[:3].decode() for p in answer.split(b"HTTP/1.1 ")[1:]) \
        or "-"


def put(name, text):
    os.makedirs(os.path.dirname(target + "/" + name), exist_ok=True)
    with open(target + "/" + name, "w") as f:
        f.write(text)


def allowed(path):
    try:
        open(path, "w").close()
        return "yes"
    except OSError as e:
        return type(e).__name__


for package in sys.argv[sys.argv.index("--target") + 2:]:
    name, _, version = package.partition("==")

    if name.startswith("--") or name == "legacy-resolver":
        continue

    with open(target + "/seen", "a") as f:
        f.write(package + "\n")

    if name == "fails":
        put("half/__init__.py", "")
        print("ERROR: No matching distribution found for " + index,
              file=sys.stderr)
        sys.exit(1)

    if name == "sleeps":
        open(os.environ["TMPDIR"] + "/sleeping", "w").close()
        time.sleep(100)

    if name == "waits":
        time.sleep(2)

    if name == "tells":
        print("ERROR: " + repr((sys.argv, dict(os.environ))), file=sys.stderr)
        sys.exit(1)

    if name == "writes":
        print("ERROR: workspace %s, packages %s, tmp %s" % (
            allowed("own"), allowed(target + "/own"),
            allowed(os.environ["TMPDIR"] + "/own")), file=sys.stderr)
        sys.exit(1)

    if name == "asks":
        secret = url.path.split("/")[1]
        base = "/%s/packages/pypi/default/" % secret
        print("ERROR: " + " ".join(str(ask(*a)) for a in (
            ("GET", base + "0/simple/x/"), ("HEAD", base + "0/simple/x/"),
            ("POST", base + "0/simple/x/"),
            ("GET", base.replace("default", "other") + "0/simple/x/"),
            ("GET", "/%s/internal/sessions/x/heartbeat" % secret),
            ("GET", base + "../../../internal/x"),
            ("GET", base + "0/simple/x/?y"),
            ("GET", base + "0/..%2f..%2f..%2f..%2finternal/x"),
            ("GET", base + "%2e%2e/%2E%2E/%2e./internal/x"),
            ("GET", base + "0/simple/%2e"), ("GET", base + "0/.."),
            ("GET", base + "0/simple/x%0d%0aX-Y:z"), ("GET", base + "0/%"),
            ("GET", base + "0/x%00"), ("GET", base + "0/x%25"),
            ("GET", base.replace(secret, secret[:-1] + "g") + "0/simple/x/"),
            ("GET", base.replace(secret, "0" * 32) + "0/simple/x/"),
            ("GET", "/packages/pypi/default/0/simple/x/"))), file=sys.stderr)
        sys.exit(1)

    if name == "raw":
        good = url.path.encode() + b"x/"
        print("ERROR: " + " ".join(raw(*a) for a in (
            (b"GET http://127.0.0.1:%d" % url.port + good + b" HTTP/1.1\r\n",),
            (b"GET http://127.0.0.1/x HTTP/1.1\r\nHost: example\r\n",),
            (b"CONNECT 127.0.0.1:80 HTTP/1.1\r\n",),
            (b"GET  " + good + b" HTTP/1.1\r\n",),
            (b"get " + good + b" HTTP/1.1\r\n",),
            (b"GET " + good + b"\r\n",),
            (b"GET\r\n",), (b"\r\n",), (b"\0" * 64 + b"\r\n",),
            (b"GET " + good + b"\0 HTTP/1.1\r\n",),
            (b"GET " + good + b" HTTP/1.1\r\nX: " + b"y" * 20000 + b"\r\n",),
            (b"GET " + good + b"y" * 2000 + b" HTTP/1.1\r\n",),
            (b"GET " + good + b" HTTP/1.1\r\nContent-Length: 50\r\n"
             b"Transfer-Encoding: chunked\r\nAccept: a\r\n",
             b"0\r\n\r\nGET " + good + b"smuggled/ HTTP/1.1\r\n\r\n"),
            (b"GET " + good + b" HTTP/1.1\r\nAccept: b\nX-Smuggled: y\r\n",),
            (b"GET " + good + b" HTTP/1.1\r\nAccept: " + b"c" * 300
             + b"\r\n",),
            (b"GET /x HTTP/1.1\r\n",
             b"GET " + good + b"second/ HTTP/1.1\r\n\r\n"))),
            file=sys.stderr)
        sys.exit(1)

    if name == "deep":
        for folder in target, os.environ["TMPDIR"]:
            os.chdir(folder)
            for i in range(100):
                os.mkdir("d" * 200)
                os.chdir("d" * 200)
            os.makedirs(folder + "/closed/also/inner")
            os.chmod(folder + "/closed/also", 0)
            os.chmod(folder + "/closed", 0)
            os.chmod(folder + "/" + "d" * 200, 0)
        print("ERROR: deep", file=sys.stderr)
        sys.exit(1)

    if name == "gets":
        try:
            urllib.request.urlopen(index + version + "/", timeout=20).read()
        except OSError:
            pass
        print("ERROR: nothing", file=sys.stderr)
        sys.exit(1)

    text = urllib.request.urlopen(index + name + "/", timeout=20).read()
    put(name + "/__init__.py", "TEXT = %r\n" % text.decode())
    put("%s-%s.dist-info/METADATA" % (name, version or "1.0"),
        "Metadata-Version: 2.1\nName: %s\nVersion: %s\n\nText"
        % (name, version or "1.0"))
'''

NPM = r'''
import json, os, sys

prefix = sys.argv[sys.argv.index("--prefix") + 1]
os.makedirs(prefix + "/node_modules/@a/b")

with open(prefix + "/node_modules/@a/b/index.js", "w") as f:
    f.write("exports.text = 'hello';\n")

with open(prefix + "/node_modules/.package-lock.json", "w") as f:
    json.dump({"packages": {"node_modules/@a/b": {"version": "1.2.3"},
                            "node_modules/@a/b/node_modules/c":
                            {"version": "2.0.0"},
                            "node_modules/bad": {"version": "; x"}}}, f)
'''


answers = {}


def executor(**bootstrap):
    e = Executor(**bootstrap)

    for name, text in ("pip3", PIP), ("npm", NPM):
        e.program(name, 'exec python3 "%s/bin/%s.py" "$@"' % (e.dir, name))
        with open("%s/bin/%s.py" % (e.dir, name), "w") as f:
            f.write(text)

    e.callback.serve = lambda call: (200, b"text of "
                                     + call.path.split("/")[-2].encode())
    e.start()
    e.ready()
    return e


def install(e, name, *packages, **fields):
    body = {"install_id": name, "kind": "pip", "timeout": 20,
            "index": "/packages/pypi/default/0/simple/",
            "packages": [dict(zip(("name", "version"), p.split("==")))
                         for p in packages]}
    body.update(fields)
    r, data = e.request("POST", "/v1/installs", json.dumps(body))
    answers[name] = r.status, data.decode()
    return answers[name]


def reports(e, name):
    return [json.loads(c.body) for c in e.callback.calls
            if c.path == "/internal/sessions/%s/dependencies" % SESSION
            and json.loads(c.body)["install_id"] == name]


def report(e, name):
    found = until(lambda: reports(e, name), 60)

    if not found:
        raise RuntimeError("no report of %s, which was answered %r: %s"
                           % (name, answers[name], e.errors()))

    return found[0]


def left(e):
    return sorted(os.listdir(e.workspace + "/.packages"))


# ------------------------------------------------------------ one that is well

e = executor(prestart={"python": 1})
e.wait_for_ready("python")

equal(install(e, "i1", "good==1.5", "other")[0], 202, "an install is begun")
r = report(e, "i1")
equal(r["status"], "completed", "and completes")
equal(sorted(p["name"] + p["version"] for p in r["installed"]),
      ["good1.5", "other1.0"], "what is there is told")
equal(r["error"], None, "without an error")
equal(left(e), ["python"], "nothing else is left")

get = e.callback.gets[0]
equal(get.path, "/packages/pypi/default/0/simple/good/", "the path asked for")
equal(get.headers["Authorization"], "Bearer " + TOKEN, "with the token")
equal(get.headers["Accept"], "*/*", "something is accepted")
ok(get.headers["X-Sandbox-Base"].startswith("http://127.0.0.1:"),
   "and the base is told")

CODE = "import good\nprint(good.TEXT)"
equal(e.python(CODE).out, "text of good\n", "an interpreter that waited")
equal(e.python(CODE, env_vars={"LC_ALL": "C"}).out, "text of good\n",
      "and a new one find it")
equal(e.python("import subprocess, sys; sys.stdout.write(subprocess."
               "check_output([sys.executable, '-c', 'import good;"
               "print(good.TEXT)'], text=True))").out, "text of good\n",
      "so does what code starts")
equal(e.shell("python3 -c 'import good; print(good.TEXT)'").out,
      "text of good\n", "and a shell")

with open(e.workspace + "/good.py", "w") as f:
    f.write("TEXT = 'mine'\n")

equal(e.python(CODE).out, "mine\n", "the workspace's own comes first")
os.unlink(e.workspace + "/good.py")

# ------------------------------------------------------------ all or nothing

equal(install(e, "i2", "good", "fails==2.0")[0], 202, "one that will fail")
r = report(e, "i2")
equal(r["status"], "failed", "fails")
equal(r["installed"], [], "with nothing installed")
ok("good, fails==2.0: pip ended with status 1" in r["error"], "it says of what",
   r["error"])
ok("No matching distribution" in r["error"] and "only wheels" in r["error"],
   "and why", r["error"])
ok("127.0.0.1" not in r["error"], "the secret is not told", r["error"])
equal(left(e), ["python"], "what it had done is undone")
equal(e.python(CODE).out, "text of good\n", "what was there still is")

equal(install(e, "i3", "new")[0], 202, "a third")
equal([p["name"] for p in report(e, "i3")["installed"]], ["new"],
      "has what it was asked for")
equal(e.python("import new\nprint(new.TEXT)").out, "text of new\n", "and that")
equal(e.python(CODE).code, 1, "and no other one")

install(e, "i4", "good", "new", allow_version_conflicts=True)
equal(report(e, "i4")["status"], "completed", "conflicts are allowed")

# ------------------------------------------------------------ the report

refusing = True
taken = []


def answer(call):
    if not call.path.endswith("/dependencies"):
        return 200

    if refusing:
        return 500

    taken.append(call)
    return 200


e.callback.answer = answer
install(e, "i5", "good")
ok(until(lambda: reports(e, "i5")), "a report that is not taken")
equal(install(e, "i5", "good")[0], 202, "asked for again: it is known")
refusing = False
ok(until(lambda: taken), "is repeated")
time.sleep(1.5)
equal(len(taken), 1, "until it is taken")
e.callback.answer = lambda c: 200

# ------------------------------------------------------------ time

install(e, "i6", "good", "sleeps", timeout=1)
equal(install(e, "i7", "good")[0], 409, "there is one at a time")
r = report(e, "i6")
ok(r["status"] == "failed" and "timed out after 1 s" in r["error"],
   "its time is over", r)
equal(left(e), ["python"], "and nothing is left")
# of this run: others have installers of the same name
equal(e.processes(e.dir + "/bin/pip3.py"), [], "not even a process")

# an execution ends what it has left; an installer is not its own
install(e, "i8", "waits", "good")
e.shell("sleep 50 & sleep 50 &")
e.python("import os, time\nif not os.fork():\n    os.setsid()\n    time.sleep(9)")
equal(report(e, "i8")["status"], "completed", "code ends, the installer stays")

# ------------------------------------------------------------ what it may do

install(e, "i9", "tells")
r = report(e, "i9")
ok(TOKEN not in r["error"] and TOKEN.split(".")[1] not in r["error"],
   "it does not know the token")
ok("EXECUTOR_ONLY" not in r["error"] and "'PIP_INDEX_URL': '/packages"
   in r["error"], "but its index", r["error"])

install(e, "i10", "writes")
r = report(e, "i10")
ok("packages yes, tmp yes" in r["error"], "it writes where it should", r)
if e.status()["isolation"]["landlock"]:
    ok("workspace PermissionError" in r["error"], "and nowhere else", r)
else:
    skip("and nowhere else", "the kernel has no Landlock")

before = len(e.callback.gets)
install(e, "i11", "asks")
r = report(e, "i11")
ok("ERROR" not in r["error"] and r["error"].endswith(
   " 200 200" + 16 * " 404"), "it reaches its index only", r)
equal([(c.body, c.path) for c in e.callback.gets[before:]],
      [(m, "/packages/pypi/default/0/simple/x/") for m in ("GET", "HEAD")],
      "nothing else was asked for")
equal(e.callback.gets[before].headers["Accept"], "text/x-test",
      "what it accepts is passed on")

# what is no request of an installer

before = len(e.callback.gets)
install(e, "i12", "raw")
r = report(e, "i12")
ok(r["error"].endswith("404 404 404 404 404 404 404 404 404 404 - 404 200 200"
                       " 200 404"), "one request each, and only a plain one", r)
asked = e.callback.gets[before:]
equal([(c.body, c.path) for c in asked],
      3 * [("GET", "/packages/pypi/default/0/simple/x/")],
      "nothing is smuggled past that")
equal([c.headers["Accept"] for c in asked], ["a", "*/*", "*/*"],
      "what is accepted is one short line")
equal({len(c.headers) for c in asked}, {5}, "no other header goes on")

# deeper than any path

install(e, "i13", "deep")
ok(report(e, "i13")["error"].endswith("deep"), "folders deeper than any path")
equal(left(e), ["python"], "are removed")
equal(e.python("import os\nos.makedirs('.packages/new')\n"
               "for f in ('.packages/new', '.packages/tmp'):\n"
               "    os.makedirs(f, exist_ok=True)\n    os.chdir(f)\n"
               "    for i in range(100):\n"
               "        os.mkdir('d' * 200)\n        os.chdir('d' * 200)\n"
               "    os.chdir('/')\n    os.chdir(%r)\n" % e.workspace).status,
      "completed", "also those of the code")
install(e, "i14", "good")
equal(report(e, "i14")["status"], "completed", "are in nobody's way")
equal(left(e), ["python"], "and are gone")

# and one that writes there as quickly as it can

WRITES = """
import os, time
end = time.time() + 8
n = 0
while time.time() < end:
    try:
        n += 1
        os.makedirs('.packages/new/d%d/e' % (n % 300))
    except OSError:
        pass
"""
writer = threading.Thread(target=lambda: e.python(WRITES))
writer.start()
until(lambda: os.path.exists(e.workspace + "/.packages/new/d99"))
begun = time.monotonic()
status = install(e, "i15", "fails")[0]
if status == 202:
    report(e, "i15")
ok(time.monotonic() - begun < 25, "code that writes meanwhile delays nothing",
   time.monotonic() - begun)
ok(status in (202, 503), "that is what it has", status)
writer.join()
# each removes for 2 s what is there, a slow machine needs more than one
ok(until(lambda: install(e, "i16", "good")[0] == 202), "and only while it does",
   answers["i16"])
equal(report(e, "i16")["status"], "completed", "then it has no say")
equal(left(e), ["python"], "nothing is left")

for status, says in ((500, "the package index answered 500"),
                     (502, "cannot be reached"), (504, "in time"),
                     (413, "is larger than this instance passes on"),
                     (None, "the control plane does not answer"),
                     (404, None)):
    e.callback.serve = lambda call: (status, b"")
    name = "g%s" % status
    install(e, name, "gets==1")
    r = report(e, name)
    ok(says in r["error"] if says else "index" not in r["error"],
       "the index answers %s" % status, r)

# ------------------------------------------------------------ what is refused

for what, fields in (
        ("another kind", {"kind": "apt"}),
        ("no packages", {"packages": []}),
        ("an option", {"packages": [{"name": "--target"}]}),
        ("a path", {"packages": [{"name": "../x"}]}),
        ("a scope", {"packages": [{"name": "@x/y"}]}),
        ("a URL", {"packages": [{"name": "x@http://x"}]}),
        ("a version that is more", {"packages": [{"name": "x",
                                                  "version": "1 --y"}]}),
        ("another path", {"index": "/internal/sessions/"}),
        ("a short path", {"index": "/packages/pypi/"}),
        ("a path upwards", {"index": "/packages/pypi/default/../../x"}),
        ("a line", {"index": "/packages/pypi/default/0/ HTTP/1.1\r\nX: y"}),
        ("no time", {"timeout": 0}),
        ("too much time", {"timeout": 1801}),
        ("an id with a slash", {"install_id": "a/b"}),
        ("a list", {"packages": {}})):
    equal(install(e, "x", "good", **fields)[0], 400, what + " is refused")

equal(e.request("POST", "/v1/installs", "{")[0].status, 400, "no JSON")
equal(e.request("POST", "/v1/installs", "{}", token=None)[0].status, 401,
      "nobody without the token")

# ------------------------------------------------------------ npm

e.callback.serve = lambda call: (200, b"")
install(e, "n1", "@a/b==1.2.3", kind="npm", index="/packages/npm/default/0/")
r = report(e, "n1")
equal(sorted(p["name"] + "@" + p["version"] for p in r["installed"]),
      ["@a/b@1.2.3", "c@2.0.0"], "npm's packages")

if "javascript" in e.status()["languages"]:
    equal(e.javascript("console.log(require('@a/b').text)").out, "hello\n",
          "are found")
else:
    skip("are found", "no Node.js here")

# the real one, where there is one: its options are what it takes

def npm_works():
    npm = shutil.which("npm", path=PATH)
    return npm is not None and subprocess.run(
        [npm, "--version"], capture_output=True, check=False,
        env={"PATH": PATH, "HOME": "/nonexistent"}).returncode == 0


REAL = npm_works()

if REAL:
    os.unlink(e.dir + "/bin/npm")
    packages = {}

    def npm_package(name, version, main, needs):
        package = {"name": name, "version": version, "main": "index.js",
                   "dependencies": needs,
                   "scripts": {"install": "touch %s/ran" % e.workspace}}
        out = io.BytesIO()

        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            for path, text in (("package/package.json", json.dumps(package)),
                               ("package/index.js", main)):
                item = tarfile.TarInfo(path)
                item.size = len(text)
                tar.addfile(item, io.BytesIO(text.encode()))

        packages[name] = (package, out.getvalue())

    def registry(call):
        path = call.path[len("/packages/npm/default/0/"):].replace("%2f", "/")

        if path.endswith(".tgz"):
            return 200, packages[path[:-len(".tgz")]][1]

        if path not in packages:
            return 404, b"{}"

        package, data = packages[path]
        package["dist"] = {
            "tarball": "%s/packages/npm/default/0/%s.tgz"
            % (call.headers["X-Sandbox-Base"], path),
            "integrity": "sha512-" + base64.b64encode(
                hashlib.sha512(data).digest()).decode()}
        return 200, json.dumps({
            "name": path, "dist-tags": {"latest": package["version"]},
            "versions": {package["version"]: package}}).encode()

    npm_package("@s/left", "1.0.0", "exports.text = require('right').text;",
                {"right": "^1.0.0"})
    npm_package("right", "1.2.0", "exports.text = 'from right';", {})
    npm_package("lonely", "1.0.0", "", {"missing": "^1.0.0"})
    e.callback.serve = registry

    install(e, "n3", "@s/left", kind="npm", index="/packages/npm/default/0/",
            timeout=60)
    r = report(e, "n3")
    equal(sorted(p["name"] + "@" + p["version"] for p in r["installed"]),
          ["@s/left@1.0.0", "right@1.2.0"], "the real npm installs")
    equal(e.javascript("console.log(require('@s/left').text)").out,
          "from right\n", "what is found")
    ok(not os.path.exists(e.workspace + "/ran"), "and runs no scripts")

    install(e, "n4", "lonely==1.0.0", kind="npm", timeout=60,
            index="/packages/npm/default/0/")
    r = report(e, "n4")
    ok(r["status"] == "failed" and "lonely==1.0.0" in r["error"]
       and "404" in r["error"], "or says what is missing", r)

else:
    skip("the real npm", "this machine has none")

e.callback.serve = lambda call: (200, b"")

# ------------------------------------------------------------ links

kept = e.run + "/spool/kept"
os.makedirs(kept)
os.chmod(kept, 0o777)
open(kept + "/file", "w").close()
equal(e.python("import os\nos.symlink(%r, '.packages/new')\n"
               "os.makedirs('.packages/tmp/a/b')\nos.symlink(%r, "
               "'.packages/tmp/a/link')\nos.chmod('.packages/tmp/a', 0)"
               % (kept, kept)).status, "completed", "links of the code")
install(e, "l1", "good")
equal(report(e, "l1")["status"], "completed", "do not disturb")
equal(os.listdir(kept), ["file"], "and lead nowhere")
equal(e.python("import os, shutil\nshutil.rmtree('.packages')\n"
               "os.symlink(%r, '.packages')" % kept).status, "completed",
      "the whole folder as a link")
equal(install(e, "l2", "good")[0], 503, "is refused")
equal(os.listdir(kept), ["file"], "and leads nowhere either")
os.unlink(e.workspace + "/.packages")

if not REAL:
    os.unlink(e.dir + "/bin/npm")
    equal(install(e, "n2", "x", kind="npm",
                  index="/packages/npm/default/0/")[0], 404, "without npm")
else:
    skip("without npm", "this machine has one")

e.stop()
done()
