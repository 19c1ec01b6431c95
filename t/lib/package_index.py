# Copyright (C) the ngx_sandbox authors
#
# A package index that does as the names of its packages say, for
# t/420-dependencies.t:
#
#     python3 package_index.py PORT
#
# /simple/ is for pip, /npm/ for npm, /counts tells how often each path was
# asked for.  Everything is made here: nothing is read from a network or a disk.

import base64
import hashlib
import http.server
import io
import json
import socketserver
import struct
import sys
import tarfile
import threading
import time
import zipfile
import zlib

PORT = int(sys.argv[1])
OWN = "http://127.0.0.1:%d" % PORT
counts, seen = {}, []
dribbles = 0


def wheel(name, version, requires=(), size=0):
    info = "%s-%s.dist-info" % (name, version)
    files = {
        name + "/__init__.py": "VERSION = %r\n" % version,
        info + "/METADATA": "Metadata-Version: 2.1\nName: %s\nVersion: %s\n"
        % (name, version) + "".join("Requires-Dist: %s\n" % r
                                    for r in requires),
        info + "/WHEEL": "Wheel-Version: 1.0\nGenerator: test\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }

    if size:
        files[name + "/data.bin"] = "\0" * size

    record = []

    for path, text in files.items():
        digest = hashlib.sha256(text.encode()).digest()
        record.append("%s,sha256=%s,%d" % (
            path, base64.urlsafe_b64encode(digest).decode().rstrip("="),
            len(text)))

    files[info + "/RECORD"] = "\n".join(record + [info + "/RECORD,,"]) + "\n"
    out = io.BytesIO()

    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for path, text in files.items():
            z.writestr(path, text)

    return out.getvalue()


WHEELS = {"%s-%s-py3-none-any.whl" % (n, v): wheel(n, v, *rest)
          for n, v, *rest in (
              ("good", "1.0"), ("good", "2.0"),
              ("needs", "1.0", ["good==1.0"]),
              ("wants", "1.0", ["good==2.0"]),
              ("fat", "1.0", [], 400 * 1024 * 1024),
              ("cached", "1.0"), ("moved", "1.0"), ("broke", "1.0"))}

# wheels that are made to do harm: path => text, beside what makes a wheel
def wheel_with(name, files):
    out = io.BytesIO(wheel(name, "1.0"))

    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as z:
        for path, text in files.items():
            z.writestr(path, text)

    return out.getvalue()


LONG = "x" * 120
HARM = {
    "upwards": {"../../../outside": "x"},
    "absolute": {"/workspace/outside": "x"},
    "unnamable": {"x" * 300: "x"},
    "deep": {"deep/" + "d/" * 200 + "f": "x"},
    "links": {"links/outside": "x"},
    # packages that are named in the report, as many and as long as may be
    "names": {"names-1.0.data/purelib/%s%05d-1.dist-info/METADATA" % (LONG, i):
              "Metadata-Version: 2.1\nName: %s%05d\nVersion: %s\n"
              % (LONG, i, "1" * 64) for i in range(1200)},
    "bytes": {"bytes-1.0.data/purelib/b-1.dist-info/METADATA":
              b"Name: \xff\xfe\nVersion: \xc3\n"},
}

for name, files in HARM.items():
    WHEELS[name + "-1.0-py3-none-any.whl"] = wheel_with(name, files)


# a million files of no bytes, in 90 MB
def wheel_of_files():
    names = [b"%07d" % i for i in range(10 ** 6)]
    local = b"PK\3\4" + struct.pack("<HHHHHLLLHH", 20, 0, 0, 0, 33, 0, 0, 0, 7,
                                     0)
    entry = struct.Struct("<4sHHHHHHLLLHHHHHLL").pack
    out = [local + n for n in names]
    size = len(out) * (len(local) + 7)
    start = size
    made = wheel("many", "1.0")

    # the files of a wheel, behind those
    with zipfile.ZipFile(io.BytesIO(made)) as z:
        extra = [(i.filename.encode(), z.read(i)) for i in z.infolist()]

    central = [entry(b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 7, 0, 0, 0, 0, 0,
                     i * (len(local) + 7)) + n for i, n in enumerate(names)]

    for n, data in extra:
        crc = zlib.crc32(data)
        out.append(b"PK\3\4" + struct.pack("<HHHHHLLLHH", 20, 0, 0, 0, 33, crc,
                                            len(data), len(data), len(n), 0)
                   + n + data)
        central.append(entry(b"PK\1\2", 20, 20, 0, 0, 0, 33, crc, len(data),
                             len(data), len(n), 0, 0, 0, 0, 0, start) + n)
        start += len(out[-1])

    n, size = len(central), sum(map(len, central))
    end = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, n, n, size,
                      start)
    end += struct.pack("<4sLQL", b"PK\6\7", 0, start + size, 1)
    end += struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 0xffff, 0xffff,
                       size, start, 0)
    return b"".join(out + central) + end


# where a page's links lead, in each way that an index may write them
LINKS = {"good": OWN + "/files/", "needs": "../../files/", "wants": "/files/",
         # which docker/quickstart looks at
         "pip": "../../files/",
         "fat": OWN + "/files/", "cached": OWN + "/files/",
         "moved": "../../files/away/", "broke": "../../files/broken/",
         "huge": "../../files/", "endless": "../../files/",
         "foreign": "http://files.invalid/", "outside": "/other/",
         "short": "../../files/", "dribble": "../../files/",
         "astray": "../../files/astray/", "many": "../../files/",
         **{name: "../../files/" for name in HARM}}

# pages that are none
PAGES = {
    "html": (b"<html><body><a href=>x</a><a href='%s'>y</a><p>" % (b"z" * 9999),
             "text/html"),
    "json": (b'{"meta": {"api-version": "9"}, "files": {"x": [', "application/"
             "vnd.pypi.simple.v1+json"),
    "binary": (bytes(range(256)) * 64, "text/html; charset=utf-16"),
    "hash": (b'<a href="../../files/good-1.0-py3-none-any.whl#sha256=%s">x</a>'
             % (b"0" * 64), "text/html"),
    "host": (b"", ""),
}


def npm_package(name, version, main, **fields):
    """fields are those of package.json, or "file" for another one of code."""
    code = fields.pop("file", "index.js")
    package = {"name": name, "version": version, "main": code,
               # of the package's folder: the only place that it could write to
               "scripts": {when: "touch script-has-run; exit 1" for when in
                           ("preinstall", "install", "postinstall")}}
    package.update(fields)
    out = io.BytesIO()

    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for path, text in (("package/package.json", json.dumps(package)),
                           ("package/" + code, main)):
            item = tarfile.TarInfo(path)
            item.size = len(text)
            tar.addfile(item, io.BytesIO(text.encode()))

    data = out.getvalue()
    path = "/npm/%s/-/%s-%s.tgz" % (name, name.split("/")[-1], version)
    package["dist"] = {
        "tarball": OWN + path,
        "integrity": "sha512-" + base64.b64encode(
            hashlib.sha512(data).digest()).decode()}

    return path, data, package


# the last of a name is its newest
NPM = [npm_package("left", "1.0.0", "exports.text = require('right').text;",
                   dependencies={"right": "^1.0.0"}),
       npm_package("left", "2.0.0", "exports.text = require('right').text;",
                   dependencies={"right": "^2.0.0"}),
       npm_package("right", "1.1.0", "exports.text = 'older';"),
       npm_package("right", "1.2.0", "exports.text = 'hello';"),
       npm_package("right", "2.0.0", "exports.text = 'newer';"),
       npm_package("a-like", "1.0.0", "exports.text = 'dash';"),
       npm_package("a.like", "2.0.0", "exports.text = 'dot';"),
       npm_package("@scope/one", "1.0.0", "exports.text = 'scoped';"),
       npm_package("only-import", "1.0.0", "import { text } from 'right';\n"
                   "export default text; export const own = 1;",
                   dependencies={"right": "^1.0.0"}, type="module",
                   exports={".": {"import": "./m.js"}}, file="m.js"),
       npm_package("wants-old", "1.0.0", "exports.text = 'old';",
                   peerDependencies={"right": "^1.0.0"}),
       npm_package("wants-new", "1.0.0", "exports.text = 'new';",
                   peerDependencies={"right": "^2.0.0"}),
       npm_package("needs-broken", "1.0.0", "",
                   dependencies={"broken": "1.0.0", "right": "*"}),
       npm_package("broken", "1.0.0", ""),
       npm_package("forged", "1.0.0", ""),
       npm_package("elsewhere", "1.0.0", "")]

NPM[-1][2]["dist"]["tarball"] = "http://files.invalid/elsewhere-1.0.0.tgz"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path
        counts[path] = counts.get(path, 0) + 1
        seen.append([path, sorted(k.lower() for k in self.headers.keys())])
        name = path.strip("/").split("/")[-1]

        if path == "/counts":
            self.send(json.dumps({"counts": counts, "seen": seen,
                                  "dribbles": dribbles}).encode(),
                      "application/json")
        elif path.startswith("/simple/"):
            self.page(name)
        elif path.startswith("/npm/"):
            self.npm(path)
        elif path.startswith("/files/away/"):
            self.away()
        elif path.startswith("/files/astray/"):
            self.away("http://files.invalid/x.whl")
        elif path == "/make/many":
            WHEELS["many-1.0-py3-none-any.whl"] = wheel_of_files()
            self.send(b"made")
        elif name.startswith("short"):
            self.short()
        elif name.startswith("dribble") and path.startswith("/files/"):
            self.dribble("Content-Length", str(10 ** 6), b"x")
        elif path.startswith("/files/broken/"):
            self.send(b"broken", status=500)
        elif name.startswith("huge"):
            self.huge()
        elif name.startswith("endless"):
            self.endless()
        elif name in WHEELS and path.startswith("/files/"):
            self.send(WHEELS[name])
        else:
            self.send(b"nothing", status=404)

    def send(self, body, kind="application/octet-stream", status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def page(self, name):
        if name == "slow":
            time.sleep(60)
        elif name == "late":
            time.sleep(1)
            self.send(b'<a href="../../files/good-1.0-py3-none-any.whl">x</a>',
                      "text/html")
        elif name == "drips":
            self.dribble("Transfer-Encoding", "chunked", b"1\r\n \r\n")
        elif name == "host":
            self.away("http://files.invalid/simple/host/")
        elif name in PAGES:
            self.send(*PAGES[name])
        elif name == "broken":
            self.send(b"broken", status=500)
        elif name == "garbage":
            self.wfile.write(b"\x00\x01garbage\r\n\r\n" * 10)
            self.close_connection = True
        elif name == "orders":
            self.send_response(200)
            self.send_header("X-Accel-Redirect", "/_sandbox/packages/pypi/"
                             "default/0/simple/cached/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif name == "away":
            self.away()
        elif name == "source":
            self.send(b'<a href="../../files/source-1.0.tar.gz">source</a>',
                      "text/html")
        elif name in LINKS:
            files = [w for w in WHEELS if w.startswith(name + "-")] \
                or [name + "-1.0-py3-none-any.whl"]
            self.send("".join('<a href="%s%s">%s</a>\n'
                              % (LINKS[name], w, w) for w in files).encode(),
                      "text/html")
        else:
            self.send(b"nothing", status=404)

    def away(self, location=OWN + "/files/good-1.0-py3-none-any.whl"):
        self.send_response(302)
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    # half of what it says
    def short(self):
        data = WHEELS["good-1.0-py3-none-any.whl"]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:len(data) // 2])
        self.close_connection = True

    # a byte now and then, until nobody reads any more
    def dribble(self, header, value, part):
        global dribbles

        dribbles += 1
        self.send_response(200)
        self.send_header(header, value)
        self.end_headers()
        try:
            for _ in range(600):
                self.wfile.write(part)
                time.sleep(0.2)
        except OSError:
            pass
        dribbles -= 1
        self.close_connection = True

    def huge(self):
        self.send_response(200)
        self.send_header("Content-Length", str(1024 ** 3))
        self.end_headers()
        self.endless_body(1024, b"%s")

    def endless(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.endless_body(4096, b"100000\r\n%s\r\n")

    def endless_body(self, n, form):
        try:
            for _ in range(n):
                self.wfile.write(form % bytes(1024 * 1024))
        except OSError:
            self.close_connection = True

    def npm(self, path):
        for tarball, data, _ in NPM:
            if path == tarball and path.startswith("/npm/broken/"):
                return self.send(b"broken", status=500)
            if path == tarball and path.startswith("/npm/forged/"):
                return self.send(NPM[0][1])
            if path == tarball:
                return self.send(data)

        name = path[len("/npm/"):].replace("%2f", "/").replace("%2F", "/")
        packages = [p for _, _, p in NPM if p["name"] == name]

        if not packages:
            return self.send(b"{}", "application/json", 404)

        self.send(json.dumps({
            "name": name, "dist-tags": {"latest": packages[-1]["version"]},
            "versions": {p["version"]: p for p in packages}}).encode(),
            "application/vnd.npm.install-v1+json")

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


# who has started it may be killed
def watch():
    sys.stdin.read()
    server.shutdown()


server = Server(("127.0.0.1", PORT), Handler)
threading.Thread(target=watch, daemon=True).start()
server.serve_forever(0.1)
