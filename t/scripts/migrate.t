#!/usr/bin/env bash
# conf/migrate: what is applied is applied once, and nothing goes on over a
# half-applied file, a changed file or another caller.  It would catch a second
# caller that applies the same file, and a password in a command line.

# shellcheck disable=SC2317  # functions are called through ok and fails

# shellcheck source=t/scripts/tap.sh
. "$(dirname "$0")/tap.sh"

[ -n "${SANDBOX_TEST_DB_SOCKET:-}" ] || skip_all "needs the stack of t/run"

name=migrate_$$
schema=$work/schema
secret=$work/secret
mkdir "$schema"
printf '%s' 'pa"ss\wo#rd'\''' >"$secret"

trap 'root_sql -e "DROP DATABASE IF EXISTS $name;
                   DROP USER IF EXISTS $name@localhost"
      rm -rf "$work"' EXIT


root_sql() {
    mariadb --no-defaults --socket="$SANDBOX_TEST_DB_SOCKET" --user=root \
        --batch --skip-column-names "$@"
}


migrate() {
    SANDBOX_MIGRATE_WAIT=1 "$root/conf/migrate" --schema "$schema" \
        --socket "$SANDBOX_TEST_DB_SOCKET" --user "$name" \
        --password-file "$secret" --database "$name" "$@"
}


fresh() {
    root_sql -e "DROP DATABASE IF EXISTS $name; CREATE DATABASE $name"
    rm -f "$schema"/*
    echo 'CREATE TABLE a (id INT); INSERT INTO a VALUES (1);' \
        >"$schema/0001_first.sql"
}


states() {
    root_sql -e "SELECT version, name, state FROM $name.schema_migrations" \
        | tr '\t\n' '  '
}


fresh
root_sql -e "CREATE USER $name@localhost IDENTIFIED BY 'pa\"ss\\\\wo#rd'''"
root_sql -e "GRANT ALL ON $name.* TO $name@localhost"

fails "status exits with a number when something is to be done" migrate --status
like "$said" '0001 first +pending' "and names it"
ok "a file is applied, the password has every odd character" migrate
is "$(states)" "1 first applied " "and recorded"
ok "a second run is fine" migrate
is "$(root_sql -e "SELECT COUNT(*) FROM $name.a")" 1 "and applies nothing"
ok "status is content" migrate --status

echo 'CREATE TABLE b (id INT);' >"$schema/0002_second.sql"
ok "the next file is applied" migrate
is "$(states)" "1 first applied 2 second applied " "and only that"

echo '-- changed' >>"$schema/0001_first.sql"
fails "a file that changed is refused" migrate
like "$said" 'has changed since it was applied' "and says so"

fresh
echo 'CREATE TABLE c (id INT); CREATE TABLE c (id INT);' \
    >"$schema/0002_broken.sql"
fails "a file that breaks ends the run" migrate
is "$(states)" "1 first applied 2 broken applying " "and stays applying"
fails "nothing goes on over it" migrate
like "$said" 'DELETE FROM schema_migrations WHERE version = 2' \
    "a way out is told"
root_sql "$name" -e 'DROP TABLE c;
                     DELETE FROM schema_migrations WHERE version = 2'
echo 'CREATE TABLE c (id INT);' >"$schema/0002_broken.sql"
ok "and works" migrate

rm "$schema/0002_broken.sql"
fails "a database from the future is refused" migrate
like "$said" 'schema 2' "and its number is told"

fresh
echo 'CREATE TABLE b (id INT);' >"$schema/0003_gap.sql"
fails "a gap in the numbers is refused" migrate
fresh
echo 'x' >"$schema/2_x.sql"
fails "a name of another form is refused" migrate

# the file takes its time, so that all of them meet in it
fresh
echo 'CREATE TABLE d (id INT); DO SLEEP(1); INSERT INTO d VALUES (1);' \
    >"$schema/0002_slow.sql"
pids=()
for _ in 1 2 3 4 5; do
    SANDBOX_MIGRATE_WAIT=60 "$root/conf/migrate" --schema "$schema" \
        --socket "$SANDBOX_TEST_DB_SOCKET" --user "$name" --database "$name" \
        --password-file "$secret" >>"$work/out" 2>&1 &
    pids+=($!)
done

# a client lives for a moment only, and not yet on a busy machine
for _ in {1..100}; do
    list=$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ')
    [[ ! $list =~ mariadb\ .*$name ]] || break
    sleep 0.05
done

like "$list" "mariadb .*$name" "the clients are seen in the process list"
is "$(grep -c 'pa["]ss' <<<"$list")" 0 "without the password"
failed=0
for pid in "${pids[@]}"; do
    wait "$pid" || failed=$((failed + 1))
done
is "$failed" 0 "five at once all end well"
is "$(grep -c 'applied 0002' "$work/out")" 1 "one of them applied the file"
is "$(root_sql -e "SELECT COUNT(*) FROM $name.d")" 1 "once"

echo 'wrong' >"$secret"
fails "a wrong password is an error" migrate
like "$said" 'cannot talk to the database' "in clear words"
SANDBOX_TEST_DB_SOCKET=$work/none fails "no server is an error" \
    "$root/conf/migrate" --socket "$work/none"

# the project's own schema
fresh
rm "$schema"/*
cp "$root"/conf/schema/*.sql "$schema"
printf '%s' 'pa"ss\wo#rd'\''' >"$secret"
ok "the project's schema is applied" migrate
is "$(root_sql -e "SELECT COUNT(*) FROM $name.templates")" 3 \
    "with its templates"

done_testing
