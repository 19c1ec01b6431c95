#!/usr/bin/env bash
# The servers that the tests need, for themselves alone: MariaDB with an empty
# schema, Redis, a Docker Engine of its own with the images, the executor.
# nginx is not here: each test starts its own against these.
#
#   eval "$(t/lib/stack.sh start HOME)"    start (what runs stays), and export
#                                          SANDBOX_TEST_*; progress is on stderr
#   t/lib/stack.sh env HOME                only the exports
#   t/lib/stack.sh stop HOME               sandboxes and servers; keeps images
#   t/lib/stack.sh remove HOME             and the folder
#
# Several homes live side by side.  A home is kept between runs for its images;
# its database is made anew by every start.

set -euo pipefail

home=${2:-}

# shellcheck source=docker/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../docker/lib.sh"


# a schema from nothing is a test of the schema files as well
database_recreate() {
    mariadb_root -e 'DROP DATABASE IF EXISTS ngx_sandbox'
    schema_apply
}


sandboxes_remove() {
    engine_clean ngx_sandbox.instance
}


# One file of a package whose dependencies nobody needs here: the profile of
# system calls that the documentation recommends for bubblewrap.
profile_fetch() {
    local file=$cache/seccomp.json work try

    [ ! -s "$file" ] || return 0
    work=$(mktemp -d)

    for try in 1 2; do
        if [ "$try" -gt 1 ] || ! apt_lists_present; then
            apt_update || true
        fi

        ! (cd "$work" && apt-get -q -o Acquire::Retries=3 \
               -o APT::Sandbox::User=root \
               download golang-github-containers-common) || break
    done

    mkdir -p "$cache"
    dpkg-deb --fsys-tarfile "$work"/golang-github-containers-common_*.deb \
        | tar -xO ./usr/share/containers/seccomp.json >"$file.new"
    mv "$file.new" "$file"
    rm -rf "$work"
}


exports() {
    cat <<END
export SANDBOX_TEST_HOME=$home
export SANDBOX_TEST_DB_SOCKET=$home/run/mariadb.sock
export SANDBOX_TEST_DB_USER=ngx_sandbox
export SANDBOX_TEST_DB_NAME=ngx_sandbox
export SANDBOX_TEST_DB_PASSWORD_FILE=$home/secrets/database
export SANDBOX_TEST_SECRET_FILE=$home/secrets/node
export SANDBOX_TEST_REDIS_SOCKET=$home/run/redis.sock
export SANDBOX_TEST_DOCKER_SOCKET=$home/run/docker.sock
export SANDBOX_TEST_EXECUTOR_PATH=$home/executor
export SANDBOX_TEST_SECCOMP=$cache/seccomp.json
export SANDBOX_TEST_GROUP=$group
export SANDBOX_TEST_MARIADB_PID_FILE=$home/run/mariadb.pid
export SANDBOX_TEST_DOCKER_PID_FILE=$home/run/docker.pid
END
}


start() {
    packages_ensure "${build_packages[@]}" "${run_packages[@]}"
    engine_choose
    step "preparing $home" home_prepare
    step "building the executor" build_executor
    step "installing the executor" executor_install
    hint="read $home/log/mariadb.log"
    step "starting MariaDB" mariadb_start
    step "making an empty database" database_recreate
    hint="read $home/log/redis.log"
    step "starting Redis" redis_start
    hint="read $home/log/docker.log"
    step "starting a Docker Engine" engine_start
    "$root/docker/images" --engine "$engine" --cache "$cache" \
        python-basic nodejs-basic 9>&-
    step "fetching a profile of system calls" profile_fetch
    step "removing sandboxes of an earlier run" sandboxes_remove
}


stop() {
    [ -d "$home/run" ] || return 0
    engine_choose

    if pid_of docker >/dev/null; then
        step "removing the sandboxes" sandboxes_remove
        step "stopping the Docker Engine" engine_stop
    fi

    step "stopping Redis" redis_stop
    step "stopping MariaDB" mariadb_stop
}


main() {
    [ $# -eq 2 ] || fail "usage: stack.sh start|env|stop|remove HOME"
    home_check

    # the tests stop and freeze the engine, which must not be the machine's
    export SANDBOX_ENGINE=none

    case $1 in
        start)  home_lock; start >&2; exports ;;
        env)    exports ;;
        stop)   home_lock; stop >&2 ;;
        remove) home_lock; stop >&2; home_remove ;;
        *)      fail "unknown action \"$1\"" ;;
    esac

    [ -z "$step_log" ] || rm -f "$step_log"
}


main "$@"
