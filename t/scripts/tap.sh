# shellcheck shell=bash
# TAP for the tests of the scripts.  A test file sources this, calls `is`, `ok`
# and `like`, and ends with `done_testing`.  $root is the checkout, $work a
# folder of the test's own which is removed at the end.

set -uo pipefail

# shellcheck disable=SC2034  # the tests read it
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
tap_count=0
tap_failed=0

trap 'rm -rf "$work"' EXIT


tap_result() {
    tap_count=$((tap_count + 1))

    if [ "$1" = 0 ]; then
        echo "ok $tap_count - $2"
    else
        echo "not ok $tap_count - $2"
        tap_failed=1
    fi
}


tap_says() {
    printf '%s\n' "$@" | sed 's/^/# /' >&2
}


# ok TITLE COMMAND...; the command may be a function that has a `name` itself
ok() {
    local tap_title=$1 tap_output tap_status=0

    shift
    tap_output=$("$@" 2>&1) || tap_status=$?
    tap_result "$tap_status" "$tap_title"
    [ "$tap_status" = 0 ] || tap_says "exit status $tap_status" "$tap_output"
}


# fails TITLE COMMAND...: its words are then in $said
fails() {
    local tap_title=$1 tap_status=0

    shift
    said=$("$@" 2>&1) || tap_status=$?
    tap_result "$([ "$tap_status" != 0 ]; echo $?)" "$tap_title"
    [ "$tap_status" != 0 ] || tap_says "it did not fail" "$said"
}


is() {
    tap_result "$([ "$1" = "$2" ]; echo $?)" "$3"
    [ "$1" = "$2" ] || tap_says "got:      $1" "expected: $2"
}


like() {
    tap_result "$([[ $1 =~ $2 ]]; echo $?)" "$3"
    [[ $1 =~ $2 ]] || tap_says "got:           $1" "does not match $2"
}


skip_all() {
    echo "1..0 # SKIP $*"
    exit 0
}


done_testing() {
    echo "1..$tap_count"
    exit $tap_failed
}
