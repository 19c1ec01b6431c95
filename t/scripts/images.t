#!/usr/bin/env bash
# docker/images: what is in the images that sandboxes run from.  It would catch
# a file that lets somebody become root, Python without bytecode, and a base
# with an interpreter that does not start.

# shellcheck disable=SC2016,SC2317  # the shell inside expands; ok calls

# shellcheck source=t/scripts/tap.sh
. "$(dirname "$0")/tap.sh"

[ -n "${SANDBOX_TEST_DOCKER_SOCKET:-}" ] || skip_all "needs the stack of t/run"


engine() {
    docker -H "unix://$SANDBOX_TEST_DOCKER_SOCKET" "$@"
}


# as hardened as a sandbox is
inside() {
    engine run --rm --network none --read-only --cap-drop ALL \
        --security-opt no-new-privileges --tmpfs /tmp \
        "sandbox-template-$1:latest" sh -c "$2"
}


megabytes() {
    echo $(($(engine image inspect -f '{{.Size}}' \
                  "sandbox-template-$1:latest") / 1000000))
}


fits() {
    [ "$(megabytes "$1")" -le "$2" ]
}


for name in python-basic nodejs-basic; do
    is "$(inside $name 'id -u; id -g; id -un; pwd' | tr '\n' ' ')" \
        "1000 1000 sandbox /workspace " "$name: who and where"
    is "$(inside $name 'find / -xdev -perm /6000 -type f 2>/dev/null')" "" \
        "$name: no file lends rights"
    is "$(inside $name 'find /usr/share/doc /var/lib/apt /etc/apt \
                            /usr/share/man -type f 2>/dev/null')" "" \
        "$name: no packager's luggage"
    is "$(inside $name 'stat -c %u:%g /workspace')" 1000:1000 \
        "$name: the workspace is the sandbox's"
    is "$(inside $name 'find / -xdev -user 1000 ! -path "/proc/*" \
                            ! -path "/dev/*" 2>/dev/null')" /workspace \
        "$name: and nothing else is"
    is "$(inside $name 'echo a b | awk "{ print \$2 }" | tr b c \
                            | grep -o c | sed s/c/d/')" d \
        "$name: the tools work"
done

is "$(inside python-basic 'python3 -c "
import bz2, ctypes, decimal, hashlib, json, lzma, sqlite3, ssl, uuid, zlib
import asyncio, zoneinfo
print(json.dumps(str(zoneinfo.ZoneInfo(\"Asia/Tokyo\"))))"')" \
    '"Asia/Tokyo"' "python: the standard library is whole"
is "$(inside python-basic 'python3 -c "
import ctypes
for name in (\"libstdc++.so.6\", \"libgcc_s.so.1\", \"libm.so.6\"):
    ctypes.CDLL(name)
print(1)"')" 1 "python: what wheels expect of a system is there"
is "$(inside python-basic '
    cd /usr/lib/python3.11
    find . -name "*.py" ! -path "*/lib2to3/tests/*" | while read -r f; do
        b=${f##*/}
        ls "${f%/*}/__pycache__/${b%.py}".*.pyc >/dev/null 2>&1 || echo "$f"
    done')" "" "python: every file has bytecode"
is "$(inside python-basic 'python3 -v -c "import json, asyncio" 2>&1 \
         | grep -c "code object from .*\.py$"')" 0 "python: which is used"
is "$(inside nodejs-basic 'node -e "
    console.log(require(\"crypto\").createHash(\"md5\").update(\"\")
        .digest(\"hex\").length, typeof fetch,
        new Intl.NumberFormat(\"de\").format(1.5))"')" "32 function 1,5" \
    "node: the standard library is whole"

# what its build and its native packages need is left out of its dependencies
is "$(inside nodejs-basic '
    export HOME=/tmp
    mkdir /tmp/made && cd /tmp/made || exit
    echo "{\"name\": \"made\", \"version\": \"1.0.0\"}" >package.json
    echo "module.exports = 42" >index.js
    npm pack --silent --pack-destination /tmp \
        && npm install --silent --prefix /tmp/there /tmp/made-1.0.0.tgz
    NODE_PATH=/tmp/there/node_modules node -p "require(\"made\")"' \
    | tr '\n' ' ')" "made-1.0.0.tgz 42 " "node: npm works"
is "$(inside nodejs-basic 'command -v python3 gyp openssl webpack')" "" \
    "node: and brings nothing that it does not need"

ok "python is small: $(megabytes python-basic) MB" fits python-basic 100
ok "node is small: $(megabytes nodejs-basic) MB" fits nodejs-basic 160

fails "an unknown template is refused" "$root/docker/images" nonsense
like "$said" 'no template "nonsense"' "by name"
fails "no engine is an error" "$root/docker/images" --engine "$work/none"
like "$said" 'no Docker Engine answers' "in clear words"

done_testing
