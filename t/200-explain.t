#!/usr/bin/env perl

# How MariaDB runs every statement of src/store, on tables with thousands of
# rows.
# Would catch: a statement that nobody gave an index, a filter that reads a
# whole table, a list that sorts what it could read in order.

use strict;
use warnings;
use JSON::PP;
use Sandbox::Test;
use Cwd qw(abs_path);
use File::Basename qw(dirname);

my $root = abs_path(dirname(__FILE__) . '/..');
my $build = $ENV{SANDBOX_BUILD} || "$root/build";
my $database = 'ngx_sandbox_explain';


# ---- the statements, from the module's own tables

system("make -s -C $root/t/unit statements BUILD=$build SANITIZE= >&2") == 0
    or BAIL_OUT('no list of statements');
my $statements = decode_json(
    scalar `LD_PRELOAD=$build/unit/statements.so /usr/sbin/nginx -v`);
cmp_ok(scalar @$statements, '>', 50, 'statements');


# ---- tables as they are after a while: most of what there is has ended

db("DROP DATABASE IF EXISTS $database; CREATE DATABASE $database
    CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");

# conf/migrate's own table
sql(q(CREATE TABLE schema_migrations (version INT UNSIGNED PRIMARY KEY,
      state ENUM('applying', 'applied') NOT NULL)));

for my $file (sort glob "$root/conf/schema/*.sql") {
    sql(Sandbox::Test::slurp($file));
}

sql(q(INSERT INTO templates (id, name, image_url, runtime_type,
      default_cpu_milli, default_memory_mb, default_disk_mb,
      default_timeout_sec, created_at)
      SELECT CONCAT('t-', seq), CONCAT('t-', seq), 'x', 'python3.11', 1000,
      256, 256, 300, '2026-01-01' + INTERVAL seq SECOND
      FROM seq_1_to_3000;),
    q(INSERT INTO sessions (id, template_id, status, language_runtime,
      runtime_backend, runtime_node, image_url, cpu_milli, memory_mb, disk_mb,
      max_processes, timeout_sec, workspace_path, start_deadline_at,
      expires_at, created_at, deleted_at)
      SELECT CONCAT('s-', seq), CONCAT('t-', seq MOD 10),
      ELT(1 + (seq MOD 50 = 0) + 2 * (seq MOD 50 = 1) + 3 * (seq MOD 7 = 3),
          'terminated', 'running', 'creating', 'failed', 'failed', 'failed'),
      'python3.11', 'docker', 'local', 'x', 1000, 256, 256, 128, 300, 'x',
      '2026-01-01' + INTERVAL seq SECOND, '2026-01-02' + INTERVAL seq SECOND,
      '2026-01-01' + INTERVAL seq SECOND, IF(seq MOD 3, NULL, '2026-02-01')
      FROM seq_1_to_8000;),
    q(INSERT INTO session_metadata SELECT id, 'k',
      CONCAT('v-', CRC32(id) MOD 300) FROM sessions;),
    q(INSERT INTO containers (id, session_id, template_id, node_id,
      runtime_type, runtime_id, image, status, created_at)
      SELECT CONCAT('c-', id), id, template_id, 'local', 'docker',
      CONCAT('r-', id), 'x', IF(status IN ('creating', 'running'), status,
      'removed'), created_at FROM sessions;),
    q(INSERT INTO executions (id, session_id, status, language, code,
      timeout_sec, due_at, created_at)
      SELECT CONCAT('e-', seq), CONCAT('s-', 1 + seq MOD 2000),
      IF(seq MOD 100, 'completed', IF(seq MOD 200, 'running', 'pending')),
      'python', 'x', 30, '2026-01-01' + INTERVAL seq SECOND,
      '2026-01-01' + INTERVAL seq SECOND FROM seq_1_to_8000;),
    'ANALYZE TABLE templates, sessions, session_metadata, containers,
     executions');


# ---- what may read more than it returns, and why

my %whole = (

    # without a filter, a page is the head of an index, and what an offset
    # leaves out has to be read
    'listing templates' => 'templates',
    'listing containers' => 'c',

    # stops at the list's limit
    'counting containers' => 'containers',

    # a table of some rows
    'reading the schema\'s version' => 'schema_migrations',
);

# a pair that many sessions have is sorted by time, which no index of pairs has
my %sorted = ('listing sessions' => qr/session_metadata/);

my %seen;
my @faults = faults(@$statements);

for my $statement (@$statements) {
    my ($name, $sql) = @{$statement}{qw(name sql)};
    my $title = $name . ($seen{$name}++ ? " ($seen{$name})" : '');

    is(shift @faults, '', $title) or diag($sql);
}


# ---- and these checks do see what is wrong

for my $case (
    ["SELECT id FROM sessions WHERE agent_id = ?", qr/reads all rows .ALL/],
    ["SELECT id FROM sessions WHERE runtime_backend = ? LIMIT ?",
     qr/reads all rows/],
    ["SELECT COUNT(*) FROM executions", qr/reads all rows .index/],
    ["UPDATE executions SET status = 'failed' WHERE retry_count = ?",
     qr/reads all rows/],
    ["SELECT id FROM executions e WHERE e.session_id = ? ORDER BY code",
     qr/sorts/],
    ["SELECT s.id FROM sessions s JOIN templates t ON t.image_url = s.agent_id"
     . " WHERE s.id > ?", qr/reads all rows|join/],
)
{
    my ($sql, $pattern) = @$case;

    like((faults({ name => '', sql => $sql }))[0], $pattern, "seen: $sql");
}

my ($lapsed) = grep { $_->{name} eq 'finding lapsed sessions' } @$statements;

sql('ALTER TABLE sessions DROP INDEX unfinished, DROP INDEX expiring,
     DROP INDEX listed_status, DROP INDEX listed_both');
like((faults($lapsed))[0], qr/reads all rows/, 'seen: an index is dropped');

db("DROP DATABASE $database");
done_testing();


# what is wrong with the ways statements are run, a text for each
sub faults {
    my @statements = @_;
    my @plans = ('');

    # one call for all: a row of one column ends each plan
    for my $row (sql(map { (map({ ('EXPLAIN ', literal($_), ";\n") }
                                parts($_->{sql})), "SELECT 'end';\n")
                         } @statements))
    {
        if (@$row == 1) {
            push @plans, '';
            next;
        }

        my $fault = fault($statements[$#plans], @$row);
        $plans[-1] .= "$fault\n" if $fault;
    }

    die 'not all statements were explained' if @plans != @statements + 1;
    pop @plans;
    return @plans;
}


sub fault {
    my ($statement, $id, $select, $table, $type, $keys, $key, $length, $ref,
        $rows, $extra) = @_;
    my ($name, $sql) = @{$statement}{qw(name sql)};

    # constants, derived tables, JSON_TABLE, and where an INSERT writes
    return '' if $table eq 'NULL' || $table =~ /^</ || $table eq 'j'
                 || $select eq 'INSERT';

    return "$table: reads all rows ($type)"
        if $type eq 'ALL'
           || ($type eq 'index' && ($whole{$name} // '') ne $table);
    return "$table: sorts ($extra)"
        if $extra =~ /filesort|temporary/
           && !($sorted{$name} && $sql =~ $sorted{$name});
    return "$table: joins without an index ($extra)"
        if $extra =~ /join buffer/;
    return '';
}


# what a compound statement does with tables; its variables have names that
# end with a low line
sub parts {
    my ($sql) = @_;

    return ($sql) if $sql !~ /^BEGIN NOT ATOMIC/;

    my @parts = grep { /^(?:INSERT|UPDATE|DELETE)\b|^SELECT\b.*\bFROM\b/ }
                map { s/^\s*(?:IF\b.*?\bTHEN\s+)?//r } split /;/, $sql;
    die "no parts: $sql" if !@parts;

    return map { s/ INTO [\w, ]*_(?= FROM)//r
                 =~ s/ FOR UPDATE$//r =~ s/\b[a-z]+_(?![a-z])/'x'/gr } @parts;
}


# the statement with values for its parameters: what stands before one tells
# what it is
sub literal {
    my ($sql) = @_;
    my $text = '';

    while ($sql =~ /\G([^?]*)(\?)?/gc) {
        my ($before, $parameter) = ($1, $2);

        $text .= $before;
        last unless defined $parameter;
        $text .= $before =~ /OFFSET $/            ? 0
               : $before =~ /LIMIT $/             ? 51
               : $before =~ /INTERVAL $/          ? 1_000_000
               : $before =~ /(?:AND \($| OR $)/   ? 2
               : $before =~ /JSON_TABLE\($/       ? q('[{"k":"k","v":"v-7"}]')
               : $before =~ /\be\.status = $|executions.*status = $/s
                                                  ? "'completed'"
               : $before =~ /status = $/          ? "'terminated'"
               : $before =~ /created_at <=? $/    ? "'2026-01-01 00:30:00'"
               : $before =~ /(?:epoch|retry_count) = $/ ? 1
               : $before =~ /\bk = $/             ? "'k'"
               : $before =~ /\bv = $/             ? "'v-7'"
               : $before =~ /(?:template_id|t\.id) = $|templates.* id = $/s
                                                  ? "'t-7'"
               : $before =~ /node_id = $/         ? "'local'"
               : $before =~ /session_id = $/      ? "'s-77'"
               : $before =~ /(?:\be\.|executions.* )id = $/s ? "'e-77'"
               : $before =~ /(?:\bc\.|containers.* )id = $/s ? "'c-s-77'"
               : $before =~ /id = $/              ? "'s-77'"
               :                                    "'{}'";
    }

    return $text;
}


sub sql {
    return db("USE $database;\n", @_);
}
