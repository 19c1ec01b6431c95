#!/usr/bin/env bash
# docker/indexes.sh: which package index a home gets.  It would catch a word that
# becomes something else in nginx.conf, an index whose files cannot be had, an
# index that comes back after it was taken away.

# shellcheck disable=SC2016,SC2034,SC2317  # ok and fails call

# shellcheck source=t/scripts/tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source=docker/lib.sh
. "$root/docker/lib.sh"
# shellcheck source=docker/indexes.sh
. "$root/docker/indexes.sh"

home=$work/home
mkdir -p "$home/conf"
unset PIP_INDEX_URL npm_config_registry NPM_CONFIG_REGISTRY

# a port that is free now; it ends when its input does
port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(
    Listen => 1, LocalAddr => "127.0.0.1")->sockport')
exec 8> >(exec python3 "$root/t/lib/package_index.py" "$port")
trap 'exec 8>&-; rm -rf "$work"' EXIT
wait_until 120 curl -sf -o "$work/counts" "http://127.0.0.1:$port/counts"
index=http://127.0.0.1:$port


# what the home's nginx.conf would have; a home keeps it
written() {
    indexes_write "$work/indexes" 3>>"$work/notes" 2>&3 || return 1
    cp "$work/indexes" "$home/conf/nginx.conf"
    sed 's/^ *//' "$work/indexes"
}


for good in http://127.0.0.1:8080/simple/ https://a.example/simple \
            https://a-b.example:443 https://a.example/~me/x_y/1.0/+f/
do
    ok "taken: $good" index_check "$good"
done

for bad in a.example ftp://a.example/ http:///simple/ https://u:p@a.example/ \
           'https://a.example/;' 'https://a.example/$x/' 'https://a/{' \
           "https://a/'" 'https://a/"' https://a/x?y https://a/x#y \
           https://a//x/ https://A.example/ 'https://[::1]/' -x ''
do
    fails "refused: $bad" index_check "$bad"
done

fails "refused: five URLs" index_check http://a/ http://b/ http://c/ \
    http://d/ http://e/

page=https://a.example/root/simple/pip/
while read -r link absolute; do
    is "$(index_absolute "$page" "$link")" "$absolute" "a link: $link"
done <<'END'
https://b.example/x/p.whl https://b.example/x/p.whl
//b.example/x/p.whl https://b.example/x/p.whl
/x/p.whl https://a.example/x/p.whl
p.whl https://a.example/root/simple/pip/p.whl
../../packages/p.whl https://a.example/root/packages/p.whl
../../../../../../x/p.whl https://a.example/x/p.whl
END

is "$(written)" "" "nobody says anything: no index"

index_option=([pypi]="$index/simple" [npm]="$index/npm/ http://b.example/f")
is "$(written)" "sandbox_package_index pypi $index/simple/ files=$index/files/;
sandbox_package_index npm $index/npm/ files=http://b.example/f/;" \
    "options, and where the files are"

index_option=()
PIP_INDEX_URL=http://127.0.0.1:1/simple/
is "$(written)" "sandbox_package_index pypi $index/simple/ files=$index/files/;
sandbox_package_index npm $index/npm/ files=http://b.example/f/;" \
    "without options the home says it"

index_option=([pypi]='' [npm]="$index/npm/")
is "$(written)" "# sandbox_package_index pypi none;
sandbox_package_index npm $index/npm/;" "an empty one takes it away"
index_option=()
PIP_INDEX_URL=$index/simple/
is "$(written | head -n 1)" "# sandbox_package_index pypi none;" \
    "for good, whatever the environment says"

rm "$home/conf/nginx.conf"
npm_config_registry=$index/npm
is "$(written)" "sandbox_package_index pypi $index/simple/ files=$index/files/;
sandbox_package_index npm $index/npm/;" "a new home asks the environment"

rm "$home/conf/nginx.conf"
PIP_INDEX_URL=https://user:password@a.example/simple/
npm_config_registry='https://a.example/;'
is "$(written)" "" "which may say what we cannot do"
like "$(cat "$work/notes")" "index for pypi cannot be used" "and then is told"

rm "$home/conf/nginx.conf"
unset npm_config_registry
PIP_INDEX_URL=http://127.0.0.1:1/simple/
is "$(written)" "" "or what does not answer"
index_option=([pypi]=http://127.0.0.1:1/simple/)
fails "an option that does not answer is an error" \
    bash -c '. "$1/docker/lib.sh"; . "$1/docker/indexes.sh"; home=$2; set -e
             index_option=([pypi]=http://127.0.0.1:1/simple/)
             indexes_write "$2/indexes" 3>&1' x "$root" "$home"
like "$said" "http://127.0.0.1:1/simple/ does not answer" "in clear words"
index_option=([pypi]="http://127.0.0.1:1/simple/ http://127.0.0.1:1/f/")
is "$(written)" "sandbox_package_index pypi http://127.0.0.1:1/simple/ \
files=http://127.0.0.1:1/f/;" "unless it is told where its files are"

fails "quickstart refuses at once" "$root/docker/quickstart" \
    --home "$work/none" --pypi 'http://a/;'
like "$said" '--pypi: this is no URL' "and says which option"

done_testing
