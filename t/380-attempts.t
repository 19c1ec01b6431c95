#!/usr/bin/env perl

# Executions that are lost on their way, and ended by somebody.
# Would catch: code that runs again although that was forbidden, an attempt that
# was given up and whose late result is taken, one that is given up although its
# executor has it, a retry that comes at once or for ever, an execution that
# cannot be cancelled where it is, output that a cancelled one loses.

use strict;
use warnings;
use JSON::PP;
use Time::HiRes qw(time sleep);
use Sandbox::Test;
use Sandbox::OpenApi;
use Sandbox::Waiting qw(ask answer);

sub config {
    s/(sandbox_node\s+local;)/$1
    sandbox_execution_lease 6s;
    sandbox_reconcile_interval 1s;
    sandbox_reap_interval 200ms;/;
}


nginx_start(workers => 2, conf => \&config);

my $s = session();


sub row {
    my ($id, @columns) = @_;

    return @{(db('SELECT ' . join(', ', map { "IFNULL($_, '')" } @columns)
                 . " FROM executions WHERE id = '$id'"))[0]};
}


sub submit {
    my (%run) = @_;
    my $answer = api(POST => "/sessions/$s/execute",
                     { language => 'shell', %run });

    is($answer->{status}, 201, 'accepted') or diag($answer->{text});
    is($answer->{json}{status}, 'pending', 'as pending');
    return $answer->{json}{execution_id};
}


# one that no executor has: as after a worker that was killed.  The more
# attempts were given up, the longer it is between two of them: 1, 2, 4 s
sub lost {
    my ($id, $status, $retries, $code, $given_up) = @_;

    $given_up //= 0;
    db("INSERT INTO executions (id, session_id, status, language, code,
        timeout_sec, max_retries, retry_count, due_at)
        VALUES ('$id', '$s', '$status', 'shell', '$code', 5, $retries,
                $given_up, '2020-01-01')");
}


# waits until code has made this file
sub made {
    my ($name) = @_;

    api(POST => "/sessions/$s/execute-sync", { language => 'shell',
        code => "while [ ! -e $name ]; do sleep 0.1; done" });
}


# ---- what was lost is attempted again

my $begun = time;
lost('again', 'running', 3, 'echo again');
my $crashed;
ok(wait_for(sub {
    $crashed = api(GET => '/executions/again')->{json};
    return $crashed->{status} eq 'crashed';
}), 'what its executor does not know has crashed');
is($crashed->{retry_count}, 1, 'the next attempt is counted');
like($crashed->{error_message}, qr/has lost the execution/,
     'why is told meanwhile');
ok(wait_for(sub { (row('again', 'status'))[0] eq 'completed' }),
   'then it is run again');
cmp_ok(time - $begun, '>', 1, 'after a second');
my $again = api(GET => '/executions/again')->{json};
is_deeply([@{$again}{qw(stdout retry_count max_retries error_message)}],
          ["again\n", 1, 3, undef], 'its result is that of the second attempt');

lost('never', 'pending', 3, 'echo never handed over');
ok(wait_for(sub { (row('never', 'status'))[0] eq 'completed' }),
   'one that was never handed over is run');

lost('once', 'running', 0, 'echo twice >>twice');
ok(wait_for(sub { (row('once', 'status'))[0] eq 'failed' }),
   'not if that is forbidden');
is((row('once', 'error_message'))[0],
   'the executor has lost the execution', 'the cause is told');
lost('known', 'pending', 0, 'echo twice >>twice');
ok(wait_for(sub { (row('known', 'status'))[0] eq 'failed' }),
   'nor if nothing is known of it');
is((row('known', 'error_message'))[0],
   'no executor has it, it is not known to have begun', 'which is told');


# ---- mistakes of the code are never repeated

my $mistake = submit(code => 'echo x >>mistakes; exit 3');
my $slow = submit(code => 'echo x >>slow; sleep 9', timeout => 1);
ok(wait_for(sub { (row($mistake, 'status'))[0] eq 'failed'
                  && (row($slow, 'status'))[0] eq 'timeout' }),
   'a failure and a time-out');
sleep 2;
is(api(POST => "/sessions/$s/execute-sync",
       { language => 'shell', code => 'cat mistakes slow; cat twice' })
   ->{json}{stdout}, "x\nx\n", 'happen once');
is_deeply([map { (row($_, 'retry_count'))[0] } $mistake, $slow], [0, 0],
          'as the rows say');


# ---- an executor that is silent: paused with all that it runs

$begun = time;
my $paused = submit(code => 'echo x >>paused; sleep 8; echo done',
                    timeout => 20);
ok(wait_for(sub { (row($paused, 'status'))[0] eq 'running' }), 'it runs');
made('paused');
docker("pause sandbox-$s-2");
my @silent;
ok(wait_for(sub {
    @silent = row($paused, qw(status error_message));
    return $silent[0] eq 'crashed';
}, 40), 'silence for the time of its lease');
cmp_ok(time - $begun, '>', 6, 'not before');
like($silent[1], qr/was silent/, 'the cause');
docker("unpause sandbox-$s-2");
ok(wait_for(sub { (row($paused, 'status'))[0] eq 'completed' }, 60),
   'when it is back, another attempt completes it');
my ($retries) = row($paused, 'retry_count');
cmp_ok($retries, '>=', 1, 'which is not the first');
is(api(GET => "/executions/$paused")->{json}{stdout}, "done\n",
   'with its own output');

# one that arrived when it had been given up has not
my $lines = api(POST => "/sessions/$s/execute-sync",
                { language => 'shell', code => 'sleep 9; wc -l <paused',
                  timeout => 20 })->{json}{stdout};
ok($lines >= 2 && $lines <= $retries + 1,
   'no attempt has run twice, and the first one was ended')
    or diag("$lines lines, $retries retries");
expect_error(qr/timed out|503|did not answer/);


# ---- a result of an attempt that was given up

lost('given-up', 'running', 5, 'sleep 1; echo second', 2);
wait_for(sub { (row('given-up', 'status'))[0] eq 'crashed' });
is(report_result($s, 'given-up', 3, 'first')->{status}, 409,
   'the first attempt is refused');
is((row('given-up', 'status'))[0], 'crashed', 'and changes nothing');
ok(wait_for(sub { (row('given-up', 'status'))[0] eq 'running' }),
   'while the second one runs');
is(report_result($s, 'given-up', 3, 'first')->{status}, 409,
   'as well');
is(report_result($s, 'given-up', 5, 'third')->{status}, 409,
   'as is one that has not begun');
ok(wait_for(sub { (row('given-up', 'status'))[0] eq 'completed' }), 'ended');
is(report_result($s, 'given-up', 3, 'first')->{status}, 409,
   'and afterwards');
is(report_result($s, 'given-up', 4, 'other')->{status}, 200,
   'the one that counts may come twice');
is(api(GET => '/executions/given-up')->{json}{stdout}, "second\n",
   'and is stored once');
is(report_result($s, 'once', 1, 'late')->{status}, 409,
   'nor is one taken that was closed without');


# ---- cancelled wherever it is

sub cancel {
    my ($id) = @_;
    my $answer = api(POST => "/executions/$id/cancel");

    is($answer->{status}, 200, "cancelling $id") or diag($answer->{text});
    return $answer->{json};
}

# without being killed after 2 s; the machine may hold up some of three
my ($c, $least) = (undef, 60);

for my $n (1 .. 3) {
    my $running = submit(code => "echo so far; touch far-$n; sleep 60; "
                                 . 'echo never', timeout => 90);
    wait_for(sub { (row($running, 'status'))[0] eq 'running' });
    made("far-$n");
    $begun = time;
    $c = cancel($running);
    $least = time - $begun if time - $begun < $least;
    is_deeply([@{$c}{qw(previous_status status stdout)}],
              ['running', 'cancelled', "so far\n"],
              'a running one, its output is kept');
    $c = cancel($running);
    is_deeply([@{$c}{qw(previous_status status stdout)}],
              ['cancelled', 'cancelled', "so far\n"], 'again');
}

cmp_ok($least, '<', 2, 'at once');

my $stubborn = submit(code => 'trap "" TERM; touch no; sleep 60 & wait; sleep 60',
                      timeout => 90);
wait_for(sub { (row($stubborn, 'status'))[0] eq 'running' });
made('no');
is(cancel($stubborn)->{status}, 'cancelled', 'one that does not want to');

$c = cancel($mistake);
is_deeply([@{$c}{qw(previous_status status exit_code)}],
          ['failed', 'failed', 3], 'one that has ended stays what it is');

lost('retrying', 'running', 10, 'echo retried', 1);
wait_for(sub { (row('retrying', 'status'))[0] eq 'crashed' });
$c = cancel('retrying');
is_deeply([@{$c}{qw(previous_status status)}], ['crashed', 'cancelled'],
          'one between two attempts');
sleep 3;
is((row('retrying', 'status'))[0], 'cancelled', 'is not attempted again');

db("INSERT INTO executions (id, session_id, status, language, code,
    timeout_sec, max_retries, due_at)
    VALUES ('waiting', '$s', 'pending', 'shell', 'echo', 5, 3,
            UTC_TIMESTAMP(3) + INTERVAL 60 SECOND)");
$c = cancel('waiting');
is_deeply([@{$c}{qw(previous_status status)}], ['pending', 'cancelled'],
          'one that was not handed over');

my @queued = map { submit(code => 'sleep 60', timeout => 90) } 1 .. 6;
sleep 0.5;
is(cancel($_)->{status}, 'cancelled', 'running or queued') for reverse @queued;

my $status = api(POST => '/executions/none/cancel');
is("$status->{status} $status->{json}{error_code}",
   '404 Sandbox.ExecutionNotFound', 'none');

# as if it was cancelled while nothing could be told to its executor
my $unwanted = submit(code => 'sleep 60', timeout => 90);
wait_for(sub { (row($unwanted, 'status'))[0] eq 'running' });
db("UPDATE executions SET status = 'cancelled', cancel_requested = 1,
    completed_at = UTC_TIMESTAMP(3) WHERE id = '$unwanted'");
ok(wait_for(sub {
    api(POST => "/sessions/$s/execute-sync",
        { language => 'shell', code => 'ps ax 2>/dev/null | grep -c "[s]leep 60"'
          . ' || for p in /proc/[0-9]*; do tr "\0" " " <$p/cmdline; echo; done'
          . ' 2>/dev/null | grep -c "^[s]leep 60"' })->{json}{stdout} =~ /^0/;
}, 30), 'the heartbeat tells what nobody wants, and it is ended');

my $sync = fork // die $!;

if ($sync == 0) {
    my $answer = api(POST => "/sessions/$s/execute-sync",
                     { language => 'shell', code => 'echo sync; sleep 60',
                       timeout => 90 });
    Sandbox::Test::spew(Sandbox::Test::home() . '/sync.json', $answer->{text});
    POSIX::_exit($answer->{status} == 200 ? 0 : 1);
}

my $waited;
wait_for(sub {
    ($waited) = map { $_->[0] } db("SELECT id FROM executions
        WHERE session_id = '$s' AND code LIKE 'echo sync%'
        AND status = 'running'");
});
sleep 0.5;
cancel($waited);
waitpid $sync, 0;
is($?, 0, 'who waits for a cancelled one gets it');
is(decode_json(Sandbox::Test::slurp(Sandbox::Test::home() . '/sync.json'))
   ->{status}, 'cancelled', 'as what it is');
unlink Sandbox::Test::home() . '/sync.json';


# ---- cancelled while nginx is reloaded, or stopped: the output is kept

for my $how (qw(reload stop)) {
    my $id = submit(code => "trap '' TERM; echo kept; touch $how; sleep 60 & "
                            . 'wait; sleep 60', timeout => 90, max_retries => 0);
    api(POST => "/sessions/$s/execute-sync", { language => 'shell',
        code => "while [ ! -e $how ]; do sleep 0.1; done" });

    # it takes 2 s to end it
    my $asked = ask(POST => "/executions/$id/cancel");
    wait_for(sub { (row($id, 'cancel_requested'))[0] })
        or fail('its end is noted');

    if ($how eq 'reload') {
        nginx_reload();
    }
    else {
        nginx_stop();
    }

    my $c = answer($asked, 40);
    is($c->{status}, 200, "$how: it is answered");

    if ($how eq 'reload') {
        is_deeply([@{ $c->{json} }{qw(status stdout)}], ['cancelled', "kept\n"],
                  'when it has ended, with its output');
    }
    else {
        like($c->{json}{status}, qr/^(running|cancelled)$/,
             'with the state as it is');
        nginx_start(workers => 2, conf => \&config);
        ok(wait_for(sub { (row($id, 'status'))[0] ne 'running' }, 60),
           'its executor reports when nginx is there again');
        is_deeply([row($id, 'status', 'stdout')], ['cancelled', 'kept\n'],
                  'it is cancelled, with its output');
    }
}


# ---- a sandbox that dies before it could report

my $dead = session();
my $unsaid = api(POST => "/sessions/$dead/execute",
                 { language => 'shell', timeout => 90, code =>
                   'while [ ! -e over ]; do sleep 0.1; done; echo unsaid; exit 4' })
    ->{json}{execution_id};
my $cut = api(POST => "/sessions/$dead/execute",
              { language => 'shell', code => 'sleep 60', timeout => 90,
                max_retries => 0 })->{json}{execution_id};
wait_for(sub { (row($cut, 'status'))[0] eq 'running'
               && (row($unsaid, 'status'))[0] eq 'running' });
nginx_stop();
docker("exec sandbox-$dead-2 touch /workspace/over");

my $spool = Sandbox::Test::home() . "/sessions/$dead/spool";
wait_for(sub { -e "$spool/$unsaid.1" });
is_deeply([map { s{.*/}{}r } glob "$spool/*"], ["$unsaid.1"],
          'what nobody took is on the disk of the host');

# and what its user may do there with a fault in our executor
Sandbox::Test::spew("$spool/$cut.1", Sandbox::Test::slurp("$spool/$unsaid.1"));
symlink '/etc/passwd', "$spool/exec_link.1";
symlink "$spool/$unsaid.1", "$spool/$cut.2";
POSIX::mkfifo("$spool/exec_pipe.1", 0666);
mkdir "$spool/exec_folder.1";
Sandbox::Test::spew("$spool/exec_junk.1", '{');
truncate "$spool/exec_junk.1", 1 << 34;

docker("kill sandbox-$dead-2");
expect_error(qr{sessions/\Q$dead\E/executor\.sock failed});
nginx_start(workers => 2, conf => \&config);
ok(wait_for(sub { (row($unsaid, 'status'))[0] eq 'failed' }, 40),
   'it is stored when the death is seen');
my $said = api(GET => "/executions/$unsaid")->{json};
is_deeply([@{$said}{qw(exit_code stdout)}], [4, "unsaid\n"], 'as it was');
ok(wait_for(sub { (row($cut, 'status'))[0] eq 'failed' }, 40),
   'what had no result ends');
is((row($cut, 'error_message'))[0], 'the sandbox ended while it ran',
   'with the cause, and not with the result of another one');
ok(wait_for(sub { !-e "$spool/.." }), 'nothing is left of the folder');


# ---- one that dies while somebody waits for what it runs

my $doomed = session();
my $killer = fork // die $!;

if ($killer == 0) {
    wait_for(sub { grep { $_ eq '/workspace/begun' }
                   docker("exec sandbox-$doomed-2 ls /workspace/begun") });
    docker("kill sandbox-$doomed-2");
    POSIX::_exit(0);
}

$begun = time;
my $answer = api(POST => "/sessions/$doomed/execute-sync",
                 { language => 'shell', code => 'touch begun; sleep 50',
                   timeout => 55 });
waitpid $killer, 0;
is("$answer->{status} $answer->{json}{status}: $answer->{json}{error_message}",
   '200 failed: the sandbox ended while it ran', 'it is told the cause');
cmp_ok(time - $begun, '<', 25, 'soon');
expect_error(qr/upstream prematurely closed.*\Q$doomed\E/,
             qr{sessions/\Q$doomed\E/executor\.sock failed});


# ---- bad input

for my $bad (-1, 11, '3', 1.5, undef) {
    my $answer = api(POST => "/sessions/$s/execute",
                     { language => 'shell', code => ':',
                       max_retries => $bad });
    like($answer->{status}, qr/^4(?:00|22)$/, 'max_retries '
         . ($bad // 'null'));
    like($answer->{json}{error_detail}, qr/^max_retries/, 'names it');
}

for my $body ('{}', '{"executions": "x"}', '{"executions": [1]}',
              '{"executions": ["x"]}', '{"executions": ["x."]}',
              '{"executions": ["x.0"]}', '{"executions": ["x.1.1"]}',
              '{"executions": ["a\'b.1"]}', '[]')
{
    like(unix_call(Sandbox::Test::home() . '/callback/internal.sock',
                   POST => "/internal/sessions/$s/heartbeat", $body,
                   Authorization => 'Bearer ' . token($s),
                   'Content-Type' => 'application/json')->{status},
         qr/^4(?:00|22)$/, "heartbeat: $body");
}

# the older spelling, of one execution
db("INSERT INTO executions (id, session_id, status, language, code,
    timeout_sec, max_retries, due_at)
    VALUES ('older', '$s', 'running', 'shell', ':', 5, 0,
            UTC_TIMESTAMP(3) + INTERVAL 5 SECOND)");
my ($due) = row('older', 'due_at');
for my $case (['older', '{"attempt": 2}', 200], ['older', '{}', 200],
              ['none', '{}', 200], ['a%20b', '{}', 404], ['older', '[]', 400])
{
    my ($id, $body, $status) = @$case;
    is(unix_call(Sandbox::Test::home() . '/callback/internal.sock',
                 POST => "/internal/executions/$id/heartbeat", $body,
                 Authorization => 'Bearer ' . token($s),
                 'Content-Type' => 'application/json')->{status},
       $status, "heartbeat of $id: $body");
}
cmp_ok((row('older', 'due_at'))[0], 'gt', $due, 'renews its lease');

finish();
