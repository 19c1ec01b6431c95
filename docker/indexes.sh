# shellcheck shell=bash
# Where packages come from, for docker/quickstart: what --pypi and --npm say,
# else what the home says already, else what this machine's pip and npm are told
# by the environment.  Sourced, never run; needs docker/lib.sh.
#
# An index is written as the directive has it: its URL, then where its files
# are, if that is elsewhere.  One that was taken away on purpose is remembered
# by a comment.

# what --pypi and --npm were given
declare -A index_option=()

# what cannot be one thing here and another to nginx
index_pattern='^https?://[a-z0-9.:-]+/([A-Za-z0-9._~@+-]+/)*$'


# with the slash at its end that people leave out
index_url() {
    printf '%s\n' "${1%/}/"
}


# index_check WORD...: says what is wrong with them
index_check() {
    local url

    if [ $# -gt 4 ]; then
        echo "these are more than 4 URLs"
        return 1
    fi

    for url in "$@"; do
        if ! [[ $(index_url "$url") =~ $index_pattern ]]; then
            echo "this is no URL like https://host/simple/, without a user: $url"
            return 1
        fi
    done
}


# index_written KIND: "URL files=URL", "none" or nothing, from the home
index_written() {
    [ -f "$home/conf/nginx.conf" ] || return 0
    sed -n -E "s/^ *(# )?sandbox_package_index +$1 +([^;]+);.*/\2/p" \
        "$home/conf/nginx.conf" | head -n 1
}


# index_environment KIND
index_environment() {
    case $1 in
        pypi) printf '%s\n' "${PIP_INDEX_URL:-}" ;;
        npm)  printf '%s\n' "${npm_config_registry:-${NPM_CONFIG_REGISTRY:-}}" ;;
    esac
}


# index_absolute PAGE LINK: what a link of a page stands for
index_absolute() {
    local base=${1%/*}/ link=$2
    local origin=${1%"${1#*://*/}"}

    case $link in
        http://*|https://*) printf '%s\n' "$link"; return ;;
        //*) printf '%s\n' "${1%%//*}$link"; return ;;
        /*)  printf '%s\n' "${origin%/}$link"; return ;;
    esac

    while [[ $link == ../* ]]; do
        link=${link#../}
        [ "$base" = "$origin" ] || base=$(dirname "$base")/
    done

    printf '%s\n' "$base$link"
}


# index_files URL: the folders that a page of a Python index has its files in,
# but for those below the index itself; false if it does not answer
index_files() {
    local page=$1pip/ text link url rest first

    text=$(curl -sSfL -m 20 -H 'Accept: text/html' "$page") || return 1

    while read -r link; do
        url=$(index_absolute "$page" "$link")
        [[ $url != "$1"* ]] || continue
        rest=${url#*://*/}
        first=
        [[ $rest != */* ]] || first=${rest%%/*}/
        printf '%s\n' "${url%"$rest"}$first"
    done < <(grep -oE 'href="[^"#?]+' <<<"$text" | cut -c7-) | sort -u
}


# index_words KIND WORD...: the words of the directive.  Where the files of a
# Python index are is asked of itself if it is not told.
index_words() {
    local kind=$1 url files file

    url=$(index_url "$2")
    files=("${@:3}")

    if [ "$kind" = pypi ] && [ ${#files[@]} -eq 0 ]; then
        files=$(index_files "$url") || return 1
        mapfile -t files < <(printf '%s' "$files")
    fi

    printf '%s' "$url"

    for file in "${files[@]}"; do
        printf ' files=%s' "$(index_url "$file")"
    done
}


# index_given KIND VALUE: what an option says; empty takes the index away
index_given() {
    local words

    read -ra words <<<"$2"

    if [ ${#words[@]} -eq 0 ]; then
        printf none
    elif ! index_words "$1" "${words[@]}"; then
        echo "${words[0]} does not answer as a package index" >&2
        return 1
    fi
}


# index_default KIND: what the home says, else the environment, which is not
# meant for us and may say what we cannot do
index_default() {
    local words written

    written=$(index_written "$1")

    if [ -n "$written" ]; then
        printf '%s' "$written"
        return
    fi

    read -ra words <<<"$(index_environment "$1")"
    [ ${#words[@]} -gt 0 ] || return 0

    if ! index_check "${words[@]}" >/dev/null \
        || ! written=$(index_words "$1" "${words[@]}")
    then
        note "the environment's package index for $1 cannot be used"
        return
    fi

    printf '%s' "$written"
}


# indexes_write FILE: the directives
indexes_write() {
    local kind words off

    for kind in pypi npm; do
        if [ -n "${index_option[$kind]+given}" ]; then
            words=$(index_given "$kind" "${index_option[$kind]}")
        else
            words=$(index_default "$kind")
        fi

        off=
        [ "$words" != none ] || off='# '
        [ -z "$words" ] \
            || printf '    %ssandbox_package_index %s %s;\n' "$off" "$kind" \
                      "$words"
    done >"$1"
}
