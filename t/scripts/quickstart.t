#!/usr/bin/env bash
# docker/quickstart from nothing to an API that is ready, again, after a crash,
# and away.  It would catch a second run that loses data or takes minutes, a
# socket that is open to everybody, and a process that outlives --stop.

# shellcheck disable=SC2016,SC2119,SC2120,SC2317  # ok and fails call

# shellcheck source=t/scripts/tap.sh
. "$(dirname "$0")/tap.sh"

[ -n "${SANDBOX_TEST_HOME:-}" ] || skip_all "needs what t/run installs"

# not below /tmp: the servers' users must be able to go there
home=/var/lib/ngx_sandbox_qs$$
port=$((28000 + $$ % 2000))
trap 'quickstart --reset --yes >/dev/null 2>&1; rm -rf "$work" "$home-b"' EXIT


quickstart() {
    env -u PIP_INDEX_URL -u npm_config_registry -u NPM_CONFIG_REGISTRY \
        SANDBOX_ENGINE=none "$root/docker/quickstart" --home "$home" "$@"
}


pid() {
    cat "$home/run/$1.pid"
}


gone() {
    [ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"
}


all_gone() {
    local one

    for one in "$@"; do
        gone "$one" || return 1
    done
}


ready() {
    curl -s -m 5 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/readyz"
}


mode() {
    stat -c '%a %U:%G' "$home/$1"
}


index() {
    grep -o '^ *sandbox_package_index .*' "$home/conf/nginx.conf" | sed 's/^ *//'
}


fails "--stop of nothing is an error" quickstart --stop
fails "a port that is none is refused" quickstart --port 70000
fails "an address that is a name is refused" quickstart --listen localhost
fails "--reset of a folder that is not ours is refused" \
    env bash "$root/docker/quickstart" --home /usr --reset --yes
like "$said" 'nothing was started' "in clear words"

ok "the first run" quickstart --port "$port" \
    --npm http://127.0.0.1:1/npm
is "$(ready)" 200 "it is ready"
is "$(mode run)" "750 root:ngx_sandbox" "run is for the workers only"
is "$(mode run/docker.sock)" "660 root:ngx_sandbox" \
    "the engine's socket as well"
is "$(mode secrets)" "700 root:root" "the secrets are root's"
is "$(mode secrets/database)" "600 root:root" "each of them"
is "$(mode callback)" "755 root:root" "the callback folder is not writable"
is "$(mariadb --no-defaults --socket="$home/run/mariadb.sock" --user=root -N \
          -e 'SELECT @@skip_networking')" 1 "MariaDB has no TCP port"
fails "nobody else may ask MariaDB" setpriv --reuid 65534 --regid 65534 \
    --clear-groups mariadb --no-defaults --user=ngx_sandbox \
    --socket="$home/run/mariadb.sock" -e 'SELECT 1'
like "$(cat "/proc/$(pid mariadb)/status")" "Uid:.$(id -u mysql)." \
    "MariaDB is not root"
ok "--status is content" quickstart --status
secret=$(cat "$home/secrets/database")

is "$(index)" "sandbox_package_index npm http://127.0.0.1:1/npm/;" \
    "the package index that was asked for"

before=$(pid mariadb)/$(pid docker)/$(pid nginx)
begun=$SECONDS
said=$(quickstart 2>&1)
like "$said" "127.0.0.1:$port/api/v1" "the second run remembers the port"
ok "and takes seconds" test $((SECONDS - begun)) -le 15
is "$(pid mariadb)/$(pid docker)/$(pid nginx)" "$before" "all stay"
is "$(index)" "sandbox_package_index npm http://127.0.0.1:1/npm/;" \
    "the index as well"
ok "an index can be taken away" quickstart --npm ''
is "$(index)/$(ready)" "/200" "and is"

fails "another home on this port is refused" \
    env SANDBOX_ENGINE=none bash -c '"$1/docker/quickstart" --home "$2" \
        --port "$3"; s=$?; "$1/docker/quickstart" --home "$2" --reset --yes \
        >/dev/null 2>&1; exit $s' x "$root" "$home-b" "$port"
like "$said" "$port is in use" "in clear words"
like "$said" '--port' "with the way out"

# what a power cut leaves: sockets and pid files of nobody
pids=("$(pid nginx)" "$(pid mariadb)" "$(pid redis)" "$(pid docker)")
mapfile -t children < <(pgrep -P "$(IFS=,; echo "${pids[*]}")")
kill -9 "${pids[@]}" "${children[@]}" 2>/dev/null
for _ in {1..100}; do
    ! all_gone "${pids[@]}" || break
    sleep 0.1
done
fails "--status says that nothing runs" quickstart --status
ok "after a crash it starts again" quickstart
is "$(ready)" 200 "and is ready"
is "$(cat "$home/secrets/database")" "$secret" "with the secrets it had"

pids=("$(pid nginx)" "$(pid mariadb)" "$(pid redis)" "$(pid docker)")
ok "--stop" quickstart --stop
ok "ends everything" all_gone "${pids[@]}"
ok "a second --stop is fine" quickstart --stop
fails "--reset asks for --yes" quickstart --reset
ok "which kept the data" test -d "$home/mariadb/data"
ok "--reset --yes" quickstart --reset --yes
fails "removes everything" test -e "$home"
is "$(awk -v h="$home" 'index($2, h) == 1' /proc/mounts)" "" "no mount is left"

done_testing
