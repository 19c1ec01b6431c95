#!/usr/bin/env perl

# EXPLAIN of every statement of src/store, on tables with rows in them.  Would
# catch: a filter without its index, a list that sorts the whole table, a
# column whose type the parameter does not match.

use strict;
use warnings;
use JSON::PP;
use Sandbox::Test;

my $root = $ENV{PWD};
my $program = "$root/build/unit/statements.so";

system('make', '-s', '-C', 't/unit', 'statements', 'SANITIZE=') == 0
    or BAIL_OUT('statements.so was not built');

my $statements = decode_json(`env LD_PRELOAD=$program /usr/sbin/nginx -v`);
cmp_ok(scalar @$statements, '>', 50, 'the statements are known');


# ---- rows, spread as in real use, and statistics of them

db(q(
INSERT INTO sessions (id, template_id, status, language_runtime,
    runtime_backend, runtime_node, image_url, cpu_milli, memory_mb, disk_mb,
    max_processes, timeout_sec, workspace_path, start_deadline_at, created_at,
    completed_at, deleted_at)
SELECT CONCAT('e-', seq), CONCAT('t-', seq % 50),
    IF(seq % 100 = 0, 'running', 'terminated'), 'python3.11', 'docker',
    'local', 'x', 1000, 256, 256, 128, 300, 'x', '2020-01-01',
    '2020-01-01' + INTERVAL seq SECOND, '2020-01-02',
    IF(seq % 3 = 0 AND seq % 100, '2020-01-03', NULL) FROM seq_1_to_5000;
INSERT INTO session_metadata SELECT id, 'k', id FROM sessions
    WHERE id LIKE 'e-%';
INSERT INTO executions (id, session_id, status, language, code, timeout_sec,
    deadline_at, created_at, completed_at)
SELECT CONCAT('x-', seq), CONCAT('e-', seq % 500 + 1),
    'completed', 'shell', ':', 30, '2020-01-01',
    '2020-01-01' + INTERVAL seq SECOND, '2020-01-02' FROM seq_1_to_5000;
INSERT INTO containers (id, session_id, template_id, node_id, runtime_type,
    image, status, created_at, exited_at)
SELECT CONCAT('c-', seq), CONCAT('e-', seq), 't-1', 'local', 'docker', 'x',
    'removed', '2020-01-01' + INTERVAL seq SECOND, '2020-01-02'
    FROM seq_1_to_5000;
ANALYZE TABLE sessions, session_metadata, executions, containers));


# what a parameter is, from what stands before it
sub with_values {
    my ($sql) = @_;

    for ($sql) {
        s/LIMIT \?/LIMIT 10/g;
        s/OFFSET \?/OFFSET 0/g;
        s/INTERVAL \?/INTERVAL 1/g;
        s/status = \?/status = 'running'/g;
        s/(epoch|\w+_milli|\w+_mb|\w+_sec) = \?/$1 = 1/g;
        s/created_at (<=?) \?/created_at $1 '2020-01-01 01:00:00.000'/g;
        s/(?<![\w'])\?/'e-7'/g;
    }

    return $sql;
}


# these read all of a small table, or no table of ours
my %whole = (
    'listing templates' => 'the list is of all templates',
    'asking whether the database answers' => 'there is no table',
    'inserting a session\'s metadata' => 'the table is the parameter',
);

my %seen;
for my $stmt (@$statements) {
    my $name = $stmt->{name} . ' #' . ++$seen{ $stmt->{name} };

    next if $stmt->{sql} =~ /^INSERT INTO \w+ \([^)]*\) VALUES/;

    my @plan = eval { db('EXPLAIN ' . with_values($stmt->{sql})) };
    is($@, '', "$name: explained") or next;
    next if $whole{ $stmt->{name} };

    my @bad;
    for my $row (@plan) {
        my ($table, $type, $key, $rows, $extra) = @$row[2, 3, 5, 8, 9];

        next if $table =~ /^(?:<derived|NULL)/ || $type eq 'NULL';
        push @bad, "$table: $type over $rows rows" if $type eq 'ALL';
        push @bad, "$table: sorts" if $extra =~ /filesort/
                                      && $stmt->{sql} !~ /JOIN/;
    }

    ok(!@bad, "$name: by an index") or diag(join("\n", @bad,
        map { join ' | ', @$_ } @plan), "\n$stmt->{sql}");
}

db(q(DELETE FROM sessions WHERE id LIKE 'e-%'));

done_testing();
