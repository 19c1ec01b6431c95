# shellcheck shell=bash
# What docker/quickstart, docker/images and t/lib/stack.sh share: progress
# lines, Debian packages, waiting, processes, and the private servers of one
# home folder: MariaDB, Redis, a Docker Engine.  Sourced, never run.
#
# A caller sets `home` (and may set `cache`).  Nothing here touches a server of
# the system or a file outside of the home, the cache and the package database.
# Every process is found by its pid file and known by the home's path in its
# command line, so stacks with different homes never see each other.

export LC_ALL=C DEBIAN_FRONTEND=noninteractive
umask 022

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${SANDBOX_BUILD:-$root/build}
# shellcheck disable=SC2034  # those who source this read it
cache=${SANDBOX_CACHE:-$build/cache}
home=${home:-}
group=ngx_sandbox            # the workers', and that of the engine's socket
hint=                        # what to do when the next step fails
step_log=                    # where a step's output goes

# shellcheck disable=SC2034
build_packages=(gcc make libc6-dev nginx nginx-dev libmariadb-dev
                libcurl4-openssl-dev libjansson-dev libssl-dev libevent-dev)

# the -core packages bring no service that would have to be kept from starting
# shellcheck disable=SC2034
run_packages=(nginx mariadb-server-core mariadb-client-core redis-server
              docker.io ca-certificates curl procps)

# shellcheck disable=SC2034
test_packages=(bubblewrap git libcmocka-dev nodejs openssl perl python3
               python3-yaml)

# shellcheck disable=SC2034
fuzz_packages=(clang-14 libclang-rt-14-dev)


# ---------------------------------------------------------------- telling

fail() {
    printf '\n%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}


# a word about what a step is waiting for; fd 3 is the terminal inside a step
note() {
    printf '\n    %s ...' "$*" >&3
}


seconds_since() {
    local now=$EPOCHREALTIME

    awk -v a="$1" -v b="$now" 'BEGIN { printf "%.1f", b - a }'
}


# step TEXT COMMAND...: run it in a subshell with its output in a file.  To be
# called plainly: under `if` or `||` bash would ignore the subshell's set -e.
step() {
    local text=$1 started=$EPOCHREALTIME status=0

    shift
    [ -n "$step_log" ] || step_log=$(mktemp)
    : >"$step_log"
    printf '==> %s ...' "$text"

    set +e
    ( set -e; "$@" ) 3>&1 >>"$step_log" 2>&1 </dev/null
    status=$?
    set -e

    if [ $status -eq 0 ]; then
        printf ' %s s\n' "$(seconds_since "$started")"
        hint=
        return
    fi

    printf ' FAILED after %s s\n\n' "$(seconds_since "$started")"
    tail -n 20 "$step_log" | sed 's/^/    /' >&2
    printf '\n%s: %s failed.\n' "${0##*/}" "$text" >&2
    [ -z "$hint" ] || printf 'What to do: %s\n' "$hint" >&2
    exit 1
}


# wait_until SECONDS COMMAND...: false when the time is over
wait_until() {
    local end=$((SECONDS + $1))

    shift

    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}


# ---------------------------------------------------------------- packages

packages_missing() {
    local name status

    for name in "$@"; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) \
            || status=none
        [ "$status" = installed ] || printf '%s\n' "$name"
    done
}


# a package's own service must not start: it would hold ports, and it is not
# what the caller asked for.  An administrator's policy is left as it is.
services_guard() {
    local policy=/usr/sbin/policy-rc.d mark='# made by ngx_sandbox'

    if [ "$1" = off ]; then
        ! grep -qs "^$mark" "$policy" || rm -f "$policy"
        return
    fi

    [ -e "$policy" ] || printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
    ! grep -qs "^$mark" "$policy" || chmod 755 "$policy"
}


apt_lists_present() {
    compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null
}


apt_update() {
    apt-get -q -o Acquire::Retries=3 update
}


# the lists may be older than the mirror, so a failed try is repeated with new
apt_install() {
    local options=(-q -y --no-install-recommends -o Acquire::Retries=3
                   -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
    local try

    trap 'services_guard off' EXIT
    services_guard on

    for try in 1 2 3; do
        if [ "$try" -gt 1 ] || ! apt_lists_present; then
            apt_update || true
        fi

        if apt-get "${options[@]}" install "$@"; then
            return
        fi

        sleep "$try"
    done

    return 1
}


packages_ensure() {
    local missing

    mapfile -t missing < <(packages_missing "$@")
    [ ${#missing[@]} -gt 0 ] || return 0

    command -v apt-get >/dev/null \
        || fail "needs a Debian system with these packages: ${missing[*]}"

    hint="see that 'apt-get update' works here (network, mirror, disk space),"
    hint+=" then run this command again"
    step "installing ${#missing[@]} Debian packages" apt_install "${missing[@]}"
}


# ---------------------------------------------------------------- processes

# the pid of a server of this home, or nothing: a pid file outlives a crash,
# and its number may belong to somebody else by now
pid_of() {
    local file=$home/run/$1.pid pid

    [ -s "$file" ] || return 1
    read -r pid <"$file" || [ -n "$pid" ]
    [[ $pid =~ ^[0-9]+$ ]] || return 1
    # not through a pipe: with pipefail a grep that ends early would fail it
    grep -aqF -- "$home/" "/proc/$pid/cmdline" 2>/dev/null || return 1
    echo "$pid"
}


process_gone() {
    # what waits for its parent has ended as well: nobody reaps in a chroot
    [ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null
}


daemon_known() {
    pid_of "$1" >/dev/null || process_gone "$2"
}


# A server must keep neither the terminal nor the lock of who started it.  Until
# it has replaced this shell, pid_of would not know it.
daemon_start() {
    local name=$1

    shift
    setsid "$@" >>"$home/log/$name.log" 2>&1 </dev/null 3>&- 9>&- &
    echo $! >"$home/run/$name.pid"
    wait_until 5 daemon_known "$name" $!
}


# process_stop NAME {SIGNAL SECONDS}...: by pid, waiting for each signal's
# effect; the last resort is KILL
process_stop() {
    local name=$1 pid

    shift
    pid=$(pid_of "$name") || { rm -f "$home/run/$name.pid"; return 0; }

    while [ $# -gt 0 ]; do
        kill -s "$1" "$pid" 2>/dev/null || true
        ! wait_until "$2" process_gone "$pid" || break
        echo "$name (pid $pid) did not end on $1 within $2 s"
        shift 2
    done

    if ! process_gone "$pid"; then
        kill -s KILL "$pid" 2>/dev/null || true
        wait_until 10 process_gone "$pid"
    fi

    rm -f "$home/run/$name.pid"
}


# not by pid_of: while a process becomes another program it has no command line
daemon_gone() {
    local pid

    read -r pid <"$home/run/$1.pid" || return 0
    process_gone "$pid"
}


# server_wait NAME SECONDS COMMAND...: until COMMAND is true, but no longer
# than the server lives; its log is the step's last words
server_wait() {
    local name=$1 end=$((SECONDS + $2))

    shift 2

    until "$@" >/dev/null 2>&1; do
        if daemon_gone "$name" || [ $SECONDS -ge $end ]; then
            tail -n 15 "$home/log/$name.log"
            echo "$name is not up; all of its log is $home/log/$name.log"
            return 1
        fi

        sleep 0.1
    done
}


# ---------------------------------------------------------------- the home

# unix socket paths have at most 107 bytes, and nginx.conf and SQL carry the
# path unquoted
home_check() {
    [[ $home =~ ^/[A-Za-z0-9._/-]+$ && $home != *..* ]] \
        || fail "--home must be an absolute path of [A-Za-z0-9._/-]: \"$home\""
    [ ${#home} -le 56 ] \
        || fail "--home is too long for the unix sockets in it (56 bytes)"
    [ "$(id -u)" = 0 ] || fail "must be run as root"
    home=${home%/}
}


# one caller at a time on a home
home_lock() {
    mkdir -p "$home"
    exec 9>"$home/.lock"
    flock -n 9 || fail "another command is at work on $home: wait for it"
}


random_hex() {
    od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'
}


# kept for ever: who has them again finds the data again
secret_ensure() {
    local file=$home/secrets/$1

    [ ! -s "$file" ] || return 0
    (umask 077; random_hex 32 >"$file.new")
    mv "$file.new" "$file"
}


users_ensure() {
    getent group ngx_sandbox >/dev/null || groupadd --system ngx_sandbox
    getent group mysql >/dev/null || groupadd --system mysql
    getent passwd mysql >/dev/null \
        || useradd --system --gid mysql --no-create-home \
               --home-dir /nonexistent --shell /usr/sbin/nologin mysql
}


# run: who may enter may talk to MariaDB, the engine and the loopback listener
home_prepare() {
    users_ensure
    install -d -m 755 "$home" "$home"/{lib,log,tmp,callback,executor,conf} \
        "$home/mariadb" "$home/docker"
    install -d -m 750 -o root -g "$group" "$home/run"
    install -d -m 700 "$home/secrets"
    secret_ensure database
    secret_ensure node
}


# a new file takes the old one's place: a running nginx or sandbox has the old
# one mapped and keeps it
file_install() {
    ! cmp -s "$1" "$2" || return 0
    install -m "$3" "$1" "$2.new"
    mv -f "$2.new" "$2"
}


executor_install() {
    local path

    while IFS= read -r -d '' path; do
        mkdir -p "$home/executor/$(dirname "$path")"
        file_install "$build/executor/$path" "$home/executor/$path" \
            "$(stat -c %a "$build/executor/$path")"
    done < <(cd "$build/executor" && find . -type f -printf '%P\0')
}


# ---------------------------------------------------------------- building

build_module() {
    "$root/docker/build-module" --build "$build" "$@"
}


build_executor() {
    make -s -C "$root" BUILD="$build" executor 9>&-
    [ -x "$build/executor/executor" ] \
        || { echo "no $build/executor/executor was built"; return 1; }
}


# ---------------------------------------------------------------- MariaDB

# the server's user cannot enter run, so its socket has a folder of its own,
# and run has a link to it
mariadb_prepare() {
    local data=$home/mariadb/data

    install -d -m 750 -o mysql -g "$group" "$home/mariadb/run"
    ln -sfn ../mariadb/run/mariadb.sock "$home/run/mariadb.sock"
    [ ! -d "$data/mysql" ] || return 0

    # made aside: a set-up that was cut short leaves nothing that looks whole
    rm -rf "$data" "$data.new"
    install -d -m 700 -o mysql -g mysql "$data.new"
    mariadb-install-db --no-defaults --user=mysql --datadir="$data.new" \
        --auth-root-authentication-method=socket --skip-test-db \
        --innodb-log-file-size=32M
    mv "$data.new" "$data"
}


# shellcheck disable=SC2120
mariadb_root() {
    mariadb --no-defaults --socket="$home/run/mariadb.sock" --user=root \
        --batch --skip-column-names "$@"
}


# flush at each commit and pool of threads: docs/architecture.md has figures
mariadb_start() {
    ! pid_of mariadb >/dev/null || return 0

    mariadb_prepare
    daemon_start mariadb mariadbd --no-defaults --user=mysql \
        --datadir="$home/mariadb/data" \
        --socket="$home/mariadb/run/mariadb.sock" \
        --pid-file="$home/mariadb/run/mariadb.pid" \
        --skip-networking --skip-name-resolve --skip-log-bin \
        --thread-handling=pool-of-threads --max-connections=300 \
        --innodb-flush-log-at-trx-commit=1 --innodb-log-file-size=32M \
        --innodb-buffer-pool-size=128M --performance-schema=OFF \
        --character-set-server=utf8mb4 --collation-server=utf8mb4_bin \
        --default-time-zone=+00:00
    server_wait mariadb 60 mariadb_root -e 'SELECT 1'
}


# the statement goes through a pipe, so the password is in no command line
mariadb_account() {
    local password

    password=$(cat "$home/secrets/database")
    # shellcheck disable=SC2119
    mariadb_root <<SQL
CREATE DATABASE IF NOT EXISTS ngx_sandbox
    CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER IF NOT EXISTS ngx_sandbox@localhost;
ALTER USER ngx_sandbox@localhost IDENTIFIED BY '$password';
GRANT ALL ON ngx_sandbox.* TO ngx_sandbox@localhost;
SQL
}


schema_apply() {
    mariadb_account
    "$root/conf/migrate" --socket "$home/run/mariadb.sock" --user ngx_sandbox \
        --password-file "$home/secrets/database" --database ngx_sandbox
}


mariadb_stop() {
    process_stop mariadb TERM 60
}


# ---------------------------------------------------------------- Redis

redis_start() {
    ! pid_of redis >/dev/null || return 0

    daemon_start redis redis-server --port 0 --save '' --appendonly no \
        --unixsocket "$home/run/redis.sock" --unixsocketperm 770 \
        --dir "$home/tmp"
    server_wait redis 20 redis-cli -s "$home/run/redis.sock" ping
    chgrp "$group" "$home/run/redis.sock"
}


redis_stop() {
    process_stop redis TERM 10
}


# ---------------------------------------------------------------- Docker

engine_answers() {
    [ -S "$1" ] \
        && curl -sf -m 10 --unix-socket "$1" http://docker/_ping >/dev/null
}


# The machine's engine serves when it answers and its socket is for a group:
# workers get that group and no more.  A socket of root's group or for all
# would be as good as root for every worker, so such an engine is left alone.
# Sets `engine` (the socket), `engine_own` and `group`.
engine_choose() {
    local foreign=${SANDBOX_ENGINE:-/var/run/docker.sock} mode owner

    engine=$home/run/docker.sock
    # shellcheck disable=SC2034
    engine_own=1
    group=ngx_sandbox

    # a home keeps its engine: its sandboxes are there
    [ ! -d "$home/docker/data" ] || return 0
    [ "$foreign" != none ] || return 0
    engine_answers "$foreign" || return 0

    mode=$(stat -L -c %a "$foreign")
    owner=$(stat -L -c %G "$foreign")

    if [ "$owner" != root ] && [ "$owner" != UNKNOWN ] \
        && [ "${mode: -1}" = 0 ] && [ $((0${mode: -2:1} & 6)) -eq 6 ]
    then
        engine=$foreign
        # shellcheck disable=SC2034
        engine_own=
        group=$owner
        return
    fi

    echo "    the engine on $foreign has mode $mode and group $owner:" \
         "not for workers, so this one gets its own"
}


# a containerd of the system would be shared by name: hence the own name space
engine_start() {
    local name

    ! pid_of docker >/dev/null || return 0
    name=ngx-sandbox-$(sha256sum <<<"$home" | cut -c1-16)

    # of an engine that was killed
    rm -f "$home/run/docker.sock" "$home/run/dockerd.pid" \
        "$home/docker/exec/containerd/containerd.pid"
    daemon_start docker dockerd --data-root "$home/docker/data" \
        --exec-root "$home/docker/exec" --pidfile "$home/run/dockerd.pid" \
        -H "unix://$home/run/docker.sock" -G "$group" \
        --bridge=none --iptables=false --ip6tables=false \
        --containerd-namespace "$name" \
        --containerd-plugins-namespace "$name-plugins" \
        --log-level warn
    server_wait docker 60 engine_answers "$home/run/docker.sock"
}


engine() {
    docker -H "unix://$engine" "$@"
}


# what a sandbox of this home left in its engine
engine_clean() {
    local ids

    mapfile -t ids < <(engine ps -aq --filter "label=$1")
    [ ${#ids[@]} -eq 0 ] || engine rm -f -v "${ids[@]}" >/dev/null
}


engine_stop() {
    process_stop docker TERM 30
    rm -f "$home/run/docker.sock"
}


# ---------------------------------------------------------------- the end

# mounts of an engine that was killed would make rm fail, or worse, succeed
home_remove() {
    local mount

    while read -r mount; do
        umount -l "$mount"
    done < <(awk -v h="$home/" 'index($2, h) == 1 { print $2 }' /proc/mounts \
                 | sort -r)

    rm -rf --one-file-system "$home"
}
