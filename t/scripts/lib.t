#!/usr/bin/env bash
# docker/lib.sh: steps that fail end the script and say which; pids that belong
# to somebody else are never taken for a server of ours.  It would catch a stop
# that ends a stranger because a number was used again.

# shellcheck disable=SC2016,SC2317  # in_lib expands; ok and fails call

# shellcheck source=t/scripts/tap.sh
. "$(dirname "$0")/tap.sh"


# in_lib COMMANDS: in a shell with set -e and the library, as the scripts are
in_lib() {
    bash -c 'set -euo pipefail; home=$2; . "$1/docker/lib.sh"; eval "$3"' \
        lib "$root" "$work/home" "$1"
}


mkdir -p "$work/home/run" "$work/home/log" "$work/home2/run" "$work/home2/log"

ok "a step that works goes on" in_lib 'step "one" true; step "two" true'
like "$(in_lib 'step "sleeping" sleep 0.2')" \
    '^==> sleeping \.\.\. (0\.[2-9]|[1-9][0-9]?\.[0-9]) s$' "and tells its time"
fails "a step that fails ends the script" \
    in_lib 'f() { echo because; false; echo never; }
            hint="do this"; step "the thing" f; echo later'
like "$said" 'the thing failed' "which one is told"
like "$said" 'because' "its last words as well"
like "$said" 'do this' "and what to do"
is "$(grep -cE 'never|later' <<<"$said")" 0 "nothing after the fault ran"

# two servers with homes of which one is the other's beginning
sleep_in() {
    in_lib "home=$1; daemon_start one tail -F $1/log/x; cat $1/run/one.pid"
}
first=$(sleep_in "$work/home")
second=$(sleep_in "$work/home2")
is "$(in_lib 'pid_of one')" "$first" "a server is found"
echo "$second" >"$work/home/run/one.pid"
fails "a pid of another home is not ours" in_lib 'pid_of one'
echo 1 >"$work/home/run/one.pid"
fails "nor is process 1" in_lib 'pid_of one'
echo 'x; y' >"$work/home/run/one.pid"
fails "nor is a damaged file" in_lib 'pid_of one'
ok "stopping what is not ours ends nothing" in_lib 'process_stop one TERM 1'
fails "the other one lives" in_lib "process_gone $second"
echo "$first" >"$work/home/run/one.pid"
ok "ours is stopped" in_lib 'process_stop one TERM 5'
ok "and gone" in_lib "process_gone $first"

# one that does not listen to TERM
stubborn=$(in_lib 'daemon_start one bash -c "trap : TERM; while :; do
               read -t 1 </dev/zero || :; done" x "$home/"
           cat $home/run/one.pid')
sleep 0.3
ok "who does not end is killed" in_lib 'process_stop one TERM 1'
ok "and gone as well" in_lib "process_gone $stubborn"
kill "$second"

fails "a relative home is refused" in_lib 'home=x; home_check'
fails "a home with a space is refused" in_lib 'home="/a b"; home_check'
fails "a home with .. is refused" in_lib 'home=/a/../b; home_check'
fails "a long home is refused" in_lib 'home=/$(printf "%060d" 1); home_check'

ok "a secret is made" in_lib 'mkdir -p $home/secrets; secret_ensure node'
like "$(cat "$work/home/secrets/node")" '^[0-9a-f]{64}$' "of 32 random bytes"
is "$(stat -c %a "$work/home/secrets/node")" 600 "for nobody else"
before=$(cat "$work/home/secrets/node")
ok "a second time" in_lib 'secret_ensure node'
is "$(cat "$work/home/secrets/node")" "$before" "it stays"

done_testing
