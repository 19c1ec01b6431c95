#!/usr/bin/env perl

# Persistent sessions whose sandbox dies.
# Would catch: a session that ends although it should not, or never, two
# containers of one, code that is lost with a sandbox or runs again although
# that was forbidden, an attempt that begins before its packages are there, a
# folder that is removed under the next sandbox, a start that nobody begins.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path ();
use POSIX ();
use Sandbox::OpenApi;
use Sandbox::Stream;
use Sandbox::Test;

my $root = abs_path(dirname(__FILE__) . '/..');
my $port = port() + 1;

my $indexer = open my $index, '|-', 'python3', "$root/t/lib/package_index.py", $port
    or BAIL_OUT("no index: $!");
wait_for(sub { IO::Socket::INET->new("127.0.0.1:$port") }, 120)
    or BAIL_OUT('the index does not listen');
File::Path::remove_tree(home() . '/packages') if -d home() . '/packages';

sub config {
    s{(sandbox_node\s+local;)}{$1
    sandbox_package_index pypi http://127.0.0.1:$port/simple/
                          files=http://127.0.0.1:$port/files/;
    sandbox_session_restarts 3;
    sandbox_start_timeout 10s;
    sandbox_execution_lease 3s;
    sandbox_reconcile_interval 300ms;
    sandbox_reap_interval 200ms;};
}


nginx_start(workers => 4, conf => \&config);

# executors that are killed do not answer
expect_error(qr/connect\(\) to .* failed|prematurely closed|reset by peer|is cut/);


sub persistent {
    return session(mode => 'persistent', timeout => 600, @_);
}


sub record {
    my ($id) = @_;

    return api(GET => "/sessions/$id")->{json};
}


# its latest container, with the process that everything in it ends with
sub container { return record($_[0])->{container_id} }

sub kill_container {
    my ($id) = @_;
    my $name = container($id);

    kill 'KILL', inspect($name)->{State}{Pid};
    return $name;
}


sub restarted {
    my ($id, $count) = @_;

    return wait_for(sub {
        my $session = record($id);
        return $session->{restart_count} == $count
               && $session->{status} eq 'running';
    }, 60);
}


sub submit {
    my ($id, %run) = @_;

    return api(POST => "/sessions/$id/execute",
               { language => 'shell', timeout => 90, %run })
           ->{json}{execution_id};
}


sub execution {
    my ($id) = @_;

    return api(GET => "/executions/$id")->{json};
}


sub ended {
    my ($id, $timeout) = @_;

    wait_for(sub {
        execution($id)->{status} !~ /^(pending|running|crashed)$/;
    }, $timeout // 60);
    return execution($id);
}


sub begun {
    my ($id) = @_;

    return wait_for(sub { execution($id)->{status} eq 'running' }, 20);
}


sub run_in {
    my ($id, $code, $language) = @_;

    return api(POST => "/sessions/$id/execute-sync",
               { language => $language // 'shell', code => $code })->{json};
}


# what runs in this container knows that it is not the next one
sub marked {
    my ($id) = @_;

    run_in($id, 'touch mark');
    return $id;
}


# ---- what it was, and what it had to do

my $s = persistent(env_vars => { KEPT => 'yes' }, metadata => { a => 'b' });
my $before = record($s);
is($before->{restart_count}, 0, 'not yet');
marked($s);

my $again = submit($s, code => 'test -e mark && sleep 60; echo $KEPT; '
                               . 'test -e mark || echo new');
my $once = submit($s, code => 'sleep 60; echo twice', max_retries => 0);
ok(begun($again) && begun($once), 'two that run');

my $old = kill_container($s);
my $second = ended($again);
is_deeply([@{$second}{qw(status stdout retry_count)}],
          ['completed', "yes\nnew\n", 1],
          'what its sandbox died with runs again, in another one');
my $forbidden = ended($once);
is_deeply([@{$forbidden}{qw(status stdout retry_count)}],
          ['failed', '', 0], 'not if that was forbidden');
like($forbidden->{error_message}, qr/sandbox ended while it ran/, 'with cause');

my $after = record($s);
is($after->{status}, 'running', 'the session runs');
is($after->{restart_count}, 1, 'as is told');
is($after->{failure}{exit_code}, 137, 'with what ended the sandbox');
isnt($after->{container_id}, $old, 'in another container');
is_deeply([@{$after}{qw(started_at expires_at metadata)}],
          [@{$before}{qw(started_at expires_at metadata)}],
          'and is the same otherwise, its time goes on');
is(run_in($s, 'pwd; ls')->{stdout}, "/workspace\n", 'its workspace is empty');
is_deeply([sort map { $_->[0] }
           db("SELECT status FROM containers WHERE session_id = '$s'")],
          ['removed', 'running'], 'one container is left');
ok(!(grep { $_ eq $old } docker('ps -a --format {{.Names}}')),
   'the engine has no other one');


# ---- those who wait and watch

marked($s);
my $caller = fork // die "fork: $!";
if (!$caller) {
    my $run = api(POST => "/sessions/$s/execute-sync",
                  { language => 'shell', timeout => 90,
                    code => 'echo begun; test -e mark && sleep 60; '
                            . 'echo waited' });
    my $ok = $run->{status} == 200 && $run->{json}{stdout} eq "begun\nwaited\n"
             && $run->{json}{retry_count} == 1;
    print STDERR "# $run->{text}\n" if !$ok;
    POSIX::_exit($ok ? 0 : 1);
}

ok(wait_for(sub {
    my ($run) = db("SELECT id FROM executions WHERE session_id = '$s'
                    AND status = 'running'");
    return $run;
}, 20), 'one that is waited for');
my ($watched) = map { $_->[0] }
    db("SELECT id FROM executions WHERE session_id = '$s'
        AND status = 'running'");
my $stream = watch(GET => "/executions/$watched/events");
is((event($stream, 30) // {})->{data}{text}, "begun\n", 'and watched');
kill_container($s);
waitpid $caller, 0;
is($?, 0, 'who waits gets the result of the second attempt');
my @told = rest($stream, 30);
is(short(@told[0, -2, -1]) =~ s/\d+://gr, 'retry=2 result=completed done',
   'who watches sees it begin once more, and end');
is(join('', map { $_->{event} eq 'stdout' ? $_->{data}{text} : () } @told),
   "begun\nwaited\n", 'and all of its output');
is(record($s)->{restart_count}, 2, 'a second restart');


# ---- not for ever

docker('rm -f ' . container($s));
ok(restarted($s, 3), 'one whose container is gone');
docker('rm -f ' . container($s));
ok(wait_for(sub { record($s)->{status} eq 'failed' }, 60),
   'after sandbox_session_restarts it fails');
is(record($s)->{failure}{reason}, 'container_exited', 'with the cause');
is(record($s)->{restart_count}, 3, 'and has had three');

my $e = session();
kill_container($e);
ok(wait_for(sub { record($e)->{status} eq 'failed' }, 60),
   'an ephemeral one fails at once');


# ---- packages

my $p = persistent(dependencies => [{ name => 'good', version => undef }]);
ok(wait_for(sub {
    record($p)->{dependency_install_status} eq 'completed';
}, 90), 'a session with packages');
is(run_in($p, 'import good; print(good.VERSION)', 'python')->{stdout}, "2.0\n",
   'the newest one');

# as if that had come out since
db(qq(UPDATE sessions SET installed_dependencies =
      '[{"name": "good", "version": "1.0"}]' WHERE id = '$p'));
my $user = submit($p, language => 'python', code =>
                  "import good, time\n"
                  . "time.sleep(60 if good.VERSION == '2.0' else 0)\n"
                  . 'print(good.VERSION)');
ok(begun($user), 'code that needs them');
kill 'STOP', $indexer;
kill_container($p);
ok(restarted($p, 1), 'whose sandbox dies');
sleep 2;
is(execution($user)->{status}, 'crashed', 'waits for its packages');
kill 'CONT', $indexer;
my $used = ended($user, 90);
is_deeply([@{$used}{qw(status stdout retry_count)}], ['completed', "1.0\n", 1],
          'has them in the next container, as they were')
    or diag($used->{stderr});
is_deeply(record($p)->{installed_dependencies},
          [{ name => 'good', version => '1.0' }], 'as is told');
is_deeply(record($p)->{requested_dependencies},
          [{ name => 'good', version => undef }],
          'what was asked for stays that');

# one that has failed is not tried again, what was there is
api(POST => "/sessions/$p/dependencies/install",
    { dependencies => [{ name => 'absent', version => undef }] });
ok(wait_for(sub {
    record($p)->{dependency_install_status} eq 'failed';
}, 90), 'an install that fails');
kill_container($p);
ok(restarted($p, 2), 'and a restart');
ok(wait_for(sub {
    record($p)->{dependency_install_status} eq 'completed';
}, 90), 'installs what was there') or diag(record($p)->{dependency_install_error});
is(run_in($p, 'import good; print(good.VERSION)', 'python')->{stdout}, "1.0\n",
   'which is there again');


# ---- cut short in between

# after the row: a container that is dead, a start that nobody has begun
my $c = marked(persistent());
my $cut = submit($c, code => 'test -e mark && sleep 60; echo third');
begun($cut);
my $dead = container($c);
db("UPDATE sessions SET status = 'creating', container_id = NULL,
    epoch = epoch + 1, restart_count = 1, updated_at = UTC_TIMESTAMP(3),
    start_deadline_at = UTC_TIMESTAMP(3) + INTERVAL 30 SECOND
    WHERE id = '$c'");
loopback("/internal/sessions/$c/start");
sleep 0.5;
is(record($c)->{status}, 'creating', 'nothing starts beside an earlier one');
kill 'KILL', inspect($dead)->{State}{Pid};
is_deeply([@{ended($cut)}{qw(status stdout retry_count)}],
          ['completed', "third\n", 1], 'somebody goes on with it');
ok(!(grep { $_ eq $dead } docker('ps -a --format {{.Names}}')),
   'and removes the dead one');

# a start that its worker has taken along
db("INSERT INTO sessions (id, template_id, status, language_runtime,
    runtime_backend, runtime_node, image_url, cpu_milli, memory_mb, disk_mb,
    max_processes, timeout_sec, workspace_path, start_deadline_at, updated_at)
    SELECT 'unbegun', template_id, 'creating', language_runtime,
    runtime_backend, runtime_node, image_url, cpu_milli, memory_mb, disk_mb,
    max_processes, timeout_sec, 'x', UTC_TIMESTAMP(3) + INTERVAL 30 SECOND,
    '2020-01-01' FROM sessions WHERE id = '$c'");
is(wait_status('unbegun', 'creating'), 'running', 'so is a start');

# workers are killed while sandboxes die
my @many = map { marked(persistent()) } 1 .. 3;
my @runs = map { submit($_, code => 'test -e mark && sleep 60; echo done',
                        max_retries => 10) } @many;
begun($_) for @runs;
kill_container($_) for @many;

for (1 .. 8) {
    sleep 0.15;
    kill_worker($_) for workers();
}

my @ends = map { ended($_, 120) } @runs;
is_deeply([map { "$_->{status} $_->{stdout}" } @ends],
          [("completed done\n") x 3], 'and workers with them: all complete')
    or diag(map { "$_->{retry_count} $_->{error_message}\n" } @ends);
is_deeply([map { record($_)->{status} } @many], ['running', 'running',
          'running'], 'the sessions run');
is_deeply([map { scalar @$_ }
           map { [db("SELECT 1 FROM containers WHERE session_id = '$_'
                      AND status <> 'removed'")] } @many],
          [1, 1, 1], 'in one container each');

# a start that does not end
my $l = persistent();
my $lost = container($l);
db("UPDATE sessions SET status = 'creating', epoch = epoch + 1,
    start_deadline_at = '2020-01-01' WHERE id = '$l'");
ok(restarted($l, 1), 'one whose starter has died is started anew');
is(record($l)->{failure}{reason}, 'start_timeout', 'for that reason');
ok(!(grep { $_ eq $lost } docker('ps -a --format {{.Names}}')),
   'what that had made is gone');

# ended while it is made anew
my $t = persistent();
expect_error(qr{POST /internal/sessions/\Q$t\E/start});
kill_container($t);
wait_for(sub { record($t)->{status} eq 'creating' }, 10);
is(api(POST => "/sessions/$t/terminate")->{json}{status}, 'terminated',
   'one that restarts can be terminated');
ok(wait_for(sub {
    !db("SELECT 1 FROM containers WHERE session_id = '$t'
         AND status <> 'removed'");
}, 60), 'and nothing is left of it');


# ---- where no session gets another one

nginx_stop();
nginx_start(workers => 2, conf => sub {
    config();
    s/sandbox_session_restarts 3/sandbox_session_restarts 0/;
});

my $z = persistent();
my $only = submit($z, code => 'sleep 60');
begun($only);
kill_container($z);
ok(wait_for(sub { record($z)->{status} eq 'failed' }, 20),
   'a persistent one fails as well');
is(record($z)->{restart_count}, 0, 'at once');
is(ended($only)->{error_message}, 'the sandbox ended while it ran',
   'with what it ran');

close $index;
finish();
