#!/usr/bin/env perl

# Rows and engine that do not agree, in both directions, and nobody who looks.
# Would catch: a session that is shown running although its container is gone,
# a container that nobody will ever remove, one of somebody else that is
# removed.

use strict;
use warnings;
use Sandbox::Test;

my $image = 'sandbox-template-python-basic:latest';
my $owner = substr(Sandbox::Test::hmac("ngx_sandbox owner\n"), 0, 16);

sub conf {
    s/(sandbox_node\s+local;)/$1
    sandbox_reconcile_interval 500ms;
    sandbox_start_timeout 6s;/;
    s{(docker\.sock)}{$1 timeout=5s create_timeout=5s};
}

nginx_start(conf => \&conf);


sub status {
    my ($id) = @_;

    return (db("SELECT status FROM sessions WHERE id = '$id'"))[0][0];
}


sub there {
    my ($name) = @_;

    return scalar grep { $_ eq $name } docker('ps -a --format {{.Names}}');
}


# with workers that all have the new configuration
sub reloaded {
    my @old = workers();

    nginx_reload();
    wait_for(sub { !(grep { kill 0, $_ } @old) && workers() == 2 }, 60)
        or die 'no reload';
}


# a container with these labels that does nothing
sub stranger {
    my ($name, %label) = @_;

    docker("create --name $name --network none "
           . join(' ', map { "--label ngx_sandbox.$_=$label{$_}" } keys %label)
           . " $image true");
}


# ---- a row without a container

my $s = session();
my $other = session();

docker("rm -f sandbox-$s-2");
ok(wait_for(sub { status($s) eq 'failed' }, 30), 'a container that is gone');
like((db("SELECT JSON_VALUE(failure, '\$.message') FROM sessions
          WHERE id = '$s'"))[0][0], qr/gone/, 'is why');
is(status($other), 'running', 'the one that is there runs on');


# ---- containers without a row

my $begun = time;
stranger('sandbox-nobody-2', instance => 'local', owner => $owner,
         session => 'nobody', epoch => 2);
stranger('sandbox-ended-2', instance => 'local', owner => $owner,
         session => $s, epoch => 2);
stranger('somebody-else', instance => 'local', owner => '0' x 16,
         session => 'theirs', epoch => 2);
stranger('another-node', instance => 'remote', owner => $owner,
         session => 'theirs', epoch => 2);

mkdir home() . '/sessions/nobody';
ok(wait_for(sub { !there('sandbox-nobody-2') && !there('sandbox-ended-2') },
            60), 'what no row knows is removed');
cmp_ok(time - $begun, '>', 2, 'but not at once');
ok(wait_for(sub { !-e home() . '/sessions/nobody' }), 'and its folder');
ok(there('somebody-else'), 'another system\'s is left alone');
ok(there('another-node'), 'and another node\'s');
docker('rm somebody-else another-node');


# ---- another secret: what runs is still ours

my $secret = $ENV{SANDBOX_TEST_SECRET_FILE};
my $old = Sandbox::Test::slurp($secret);
Sandbox::Test::spew($secret, 'y' x 64);
reloaded();
sleep 1.5;
is(status($other), 'running', 'it is not taken for gone');
ok(there("sandbox-$other-2"), 'and not removed');
is(api(DELETE => "/sessions/$other")->{status}, 204, 'it can be ended');
ok(wait_for(sub { !there("sandbox-$other-2") }, 30), 'and is removed then');
Sandbox::Test::spew($secret, $old);
reloaded();
$other = session();


# ---- restarted with another secret: a container that no row knows any more is
# left alone if it has the earlier mark, whatever its name; sandboxes take no
# orders, and are not given up for that

my $marked = substr(Digest::SHA::hmac_sha256_hex("ngx_sandbox owner\n",
                                                 'z' x 64), 0, 16);

# a start that was cut short: claimed, with the container's row, the container
sub cut_short {
    my ($id, $owner, $noted) = @_;

    stranger("sandbox-$id-2", instance => 'local', owner => $owner,
             session => $id, epoch => 2);
    my $runtime_id = $noted ? "'" . inspect("sandbox-$id-2")->{Id} . "'"
                            : 'NULL';
    db("INSERT INTO sessions (id, template_id, status, epoch, language_runtime,
        runtime_backend, runtime_node, container_id, image_url, cpu_milli,
        memory_mb, disk_mb, max_processes, timeout_sec, workspace_path,
        start_deadline_at) VALUES ('$id', 'python-basic', 'creating', 2,
        'python3.11', 'docker', 'local', 'sandbox-$id-2', 'x', 1000, 256, 256,
        128, 300, 'x', '2020-01-01');
        INSERT INTO containers (id, session_id, template_id, node_id,
        runtime_type, image, status, epoch, runtime_id) VALUES
        ('sandbox-$id-2', '$id', 'python-basic', 'local', 'docker', 'x',
        'creating', 2, $runtime_id)");
}


my $busy = api(POST => "/sessions/$other/execute",
               { language => 'shell', timeout => 60,
                 code => 'while [ ! -e over ]; do sleep 0.1; done;'
                         . ' echo unheard' })
    ->{json}{execution_id};
wait_for(sub {
    api(GET => "/executions/$busy/status")->{json}{status} eq 'running';
});
nginx_stop();

# while nobody looks
cut_short('claimed', $owner);
cut_short('noted', $owner, 1);
cut_short('marked', $marked);
stranger('sandbox-before-2', instance => 'local', owner => $owner,
         session => 'before', epoch => 2);
Sandbox::Test::spew($secret, 'z' x 64);
nginx_start(conf => \&conf);
expect_error(qr/answered 503.*the executor answered with status 401/);
docker("exec sandbox-$other-2 touch /workspace/over");

my $told = api(POST => "/sessions/$other/execute-sync",
               { language => 'shell', code => ':' });
is("$told->{status} $told->{json}{error_code}",
   '503 Sandbox.RuntimeUnavailable', 'another secret: nothing more runs');

for my $id (qw(claimed noted marked)) {
    ok(wait_for(sub { status($id) eq 'failed' }, 30), "$id: it is settled");
    is(api(GET => "/sessions/$id")->{json}{failure}{reason}, 'start_timeout',
       'as a start whose time is over');
    ok(wait_for(sub {
        (db("SELECT status FROM containers WHERE id = 'sandbox-$id-2'"))[0][0]
            eq 'removed';
    }, 30), 'with the row of its container');
}

ok(!there('sandbox-noted-2'), 'the container is removed if its id is known');
ok(!there('sandbox-marked-2'), 'or its mark is ours');
sleep 7;
ok(there('sandbox-claimed-2'), 'else it is left alone');
ok(there('sandbox-before-2'), 'and so is what no row knows');

is(status($other), 'running', 'the sandbox that takes no orders runs on');
db("UPDATE executions SET due_at = '2020-01-01' WHERE id = '$busy'");
loopback("/internal/executions/$busy/settle");
is(api(GET => "/executions/$busy")->{json}{status}, 'running',
   'what it runs is not given up');
db("UPDATE sessions SET expires_at = '2020-01-01' WHERE id = '$other'");
ok(wait_for(sub { status($other) eq 'timeout' }, 30), 'it ends in time');
ok(wait_for(sub { !there("sandbox-$other-2") }, 30), 'with its container');
is(api(GET => "/executions/$busy")->{json}{status}, 'failed',
   'and with what it ran');

nginx_stop();
Sandbox::Test::spew($secret, $old);
nginx_start(conf => \&conf);
ok(wait_for(sub { !there('sandbox-claimed-2') && !there('sandbox-before-2') },
            60), 'with the first secret what was left alone is removed');
$other = session();


# ---- a start that cannot look whether its session runs

my $blind = api(POST => '/sessions', { template_id => 'python-basic' })
    ->{json}{id};
wait_for(sub { status($blind) eq 'running' }, 30);
expect_error(qr/lost MariaDB/, qr/answered 503/);
freeze('mariadb');
sleep 8;
thaw('mariadb');
ok(wait_for(sub { api(GET => "/sessions/$blind")->{status} == 200 }, 30),
   'MariaDB is back');
sleep 1;
all_well() or fail('for each worker');
is(api(POST => "/sessions/$blind/execute-sync",
       { language => 'shell', code => 'echo here' })->{json}{stdout}, "here\n",
   'a session that became running is not taken down by its start');


# ---- one that becomes running while it is settled

# not looked at by the job, before it is held
nginx_stop();
db("UPDATE sessions SET status = 'creating', start_deadline_at = '2020-01-01'
    WHERE id = '$blind'");
open my $sql, '|-', 'mariadb --no-defaults -S ' . home()
    . '/run/mariadb.sock ngx_sandbox' or die $!;
$sql->autoflush(1);
print $sql "BEGIN; UPDATE sessions SET status = 'running'
            WHERE id = '$blind';\n";
ok(wait_for(sub { transactions('trx_rows_modified > 0') }),
   'its row is held');
nginx_start(conf => sub {
    s/(sandbox_node\s+local;)/$1 sandbox_reconcile_interval 1h;
                               sandbox_start_timeout 4s;/;
});
my $settling = fork // die $!;
if (!$settling) {
    loopback("/internal/sessions/$blind/settle");
    POSIX::_exit(0);
}
wait_for(sub {
    db("SELECT 1 FROM information_schema.processlist
        WHERE user = 'ngx_sandbox' AND info LIKE 'UPDATE%sessions%'");
}) or fail('it is settled');
print $sql "COMMIT;\n";
close $sql;
waitpid $settling, 0;
ok(there("sandbox-$blind-2"), 'what it has seen before does not count');
is(api(POST => "/sessions/$blind/execute-sync",
       { language => 'shell', code => 'echo on' })->{json}{stdout}, "on\n",
   'it runs on');


# ---- running, and without even the row of a container

db("UPDATE containers SET status = 'removed' WHERE session_id = '$blind'");
loopback("/internal/sessions/$blind/settle");
is(status($blind), 'failed', 'is not running');
docker("rm -f sandbox-$blind-2");


# ---- nginx ends at once while a start is under way

my $made = 0;
for my $pause (0.05, 0.15, undef) {
    my $pid = fork // die $!;
    $made++;
    if (!$pid) {
        api(POST => '/sessions', { template_id => 'python-basic',
                                   id => "cut-$made" });
        POSIX::_exit(0);
    }
    defined $pause ? sleep $pause
        : wait_for(sub { db("SELECT 1 FROM sessions WHERE id = 'cut-3'") });
    freeze('mariadb');
    sleep 0.2;
    my @gone = (Sandbox::Test::nginx_pid(), workers());
    kill TERM => $gone[0];
    wait_for(sub { !grep { kill 0, $_ } @gone }, 30);
    thaw('mariadb');
    waitpid $pid, 0;
    nginx_start(conf => sub {
        s/(sandbox_node\s+local;)/$1 sandbox_reconcile_interval 500ms;
                                   sandbox_start_timeout 4s;/x;
    });
}

ok(wait_for(sub { !db("SELECT id FROM sessions WHERE status = 'creating'") },
            60), 'what was cut short is settled');
ok(db("SELECT id FROM sessions WHERE id LIKE 'cut-%'") > 0, 'if it was begun');


# ---- more lapsed sessions than one run ends

nginx_stop();
nginx_start(conf => sub {
    s/(sandbox_node\s+local;)/$1 sandbox_reconcile_interval 1h;/;
});
sleep 1.5;
db("INSERT INTO sessions (id, template_id, status, language_runtime,
    runtime_backend, runtime_node, image_url, cpu_milli, memory_mb, disk_mb,
    max_processes, timeout_sec, workspace_path, start_deadline_at)
    SELECT CONCAT('lapsed-', seq), 'python-basic', 'creating', 'python3.11',
    'docker', 'local', 'x', 1000, 256, 256, 128, 300, 'x', '2020-01-01'
    FROM seq_1_to_250");
loopback('/internal/jobs/reconcile');
ok(wait_for(sub {
    !db("SELECT id FROM sessions WHERE status = 'creating' LIMIT 1");
}, 60), 'one call of the job is enough');
nginx_stop();
nginx_start(conf => sub {
    s/(sandbox_node\s+local;)/$1 sandbox_reconcile_interval 500ms;/;
});


# ---- more rows than one page

my $rows = 450;
db("INSERT INTO containers (id, session_id, template_id, node_id, runtime_type,
    image, status) SELECT CONCAT('gone-', seq), NULL, 'x', 'local', 'docker',
    'x', 'running' FROM seq_1_to_$rows");
my $gone = session();
docker("rm -f sandbox-$gone-2");
ok(wait_for(sub { status($gone) eq 'failed' }, 30), 'behind many rows');
is(status($other), 'running', 'and the other is found among them');
db("DELETE FROM containers WHERE id LIKE 'gone-%'");

finish();
