#!/usr/bin/env perl

# Waiting for a session or an execution: when it is answered, with what, by
# which worker, and what it costs.
# Would catch: a change that wakes nobody or only its own worker, one that gets
# lost between reading and waiting, a waiter that outlives its client, a reload
# that waits for the waiters, a ring that was overrun and forgets somebody,
# waiting that asks MariaDB, a time-out that is not kept.

use strict;
use warnings;
use Sandbox::Test;
use Sandbox::OpenApi;
use Sandbox::Waiting;
use Time::Local qw(timegm);

my $soon = 5;        # s; on a machine that does nothing else it is 0.02


sub start {
    my ($more, %arg) = @_;

    nginx_start(%arg, conf => waiting_conf($more));
}


# seconds since a time of MariaDB's, whose clock is this machine's
sub since {
    my ($at, $time) = @_;
    my ($y, $m, $d, $h, $min, $s) = $time =~ /[\d.]+/g;

    return $at - timegm(int $s, $min, $h, $d, $m - 1, $y) - ($s - int $s);
}


# nothing that has been begun before asks MariaDB any more
sub quiet {
    my $last = -1;

    wait_for(sub {
        my $now = statements();
        my $same = $now == $last;

        $last = $now;
        sleep 1.5;
        return $same;
    }, 30);
}


start('');
my $s = session();


# ---- without a timeout it is 30 s; its end is looked at later

executions($s, 'long', 1, 'pending');
my $long_pid = open(my $long, '-|') // die $!;

if ($long_pid == 0) {
    my $begun = time;
    my $status = answer(ask(GET => '/executions/long-1?wait=done'), 50)
        ->{json}{status};
    printf "%s %.2f", $status, time - $begun;
    close STDOUT;
    POSIX::_exit(0);
}


# ---- what has ended, or is as it should be, is answered at once

for my $status (qw(completed failed timeout cancelled)) {
    executions($s, "at-$status", 1, $status);

    my $begun = time;
    my $answer = api(GET => "/executions/at-$status-1?wait=done&timeout=30");
    is("$answer->{status} $answer->{json}{status}", "200 $status",
       "an execution that is $status");
    cmp_ok(time - $begun, '<', 5, 'at once');
}

for my $status (qw(completed failed timeout terminated)) {
    sessions("at-$status", 1, $status);

    my $begun = time;
    my $answer = api(GET => "/sessions/at-$status-1?wait=running&timeout=30");
    is("$answer->{status} $answer->{json}{status}", "200 $status",
       "a session that is $status");
    cmp_ok(time - $begun, '<', 5, 'at once');
}

is(api(GET => "/sessions/$s?wait=running")->{json}{status}, 'running',
   'a session that runs');
is(api(GET => "/$_")->{status}, 404, "none: $_")
    for 'sessions/none?wait=running', 'executions/none?wait=done',
        'sessions/a%20b?wait=running', 'executions/a%20b/status?wait=done';


# ---- what does not change is answered as it is when the time is over

for my $status (qw(pending running crashed)) {
    executions($s, "still-$status", 1, $status);

    my $begun = time;
    my $answer = api(GET => "/executions/still-$status-1?wait=done&timeout=1");
    is("$answer->{status} $answer->{json}{status}", "200 $status",
       "time-out: $status");
    my $took = time - $begun;
    ok($took >= 0.99 && $took < 10, "after $took s");
}

sessions('still', 1, 'creating');
is(api(GET => '/sessions/still-1?wait=running&timeout=1')->{json}{status},
   'creating', 'time-out of a session');
# the machine may have held up some
my $least = 60;
for (1 .. 5) {
    my $zero = time;
    is(api(GET => '/sessions/still-1?wait=running&timeout=0')->{status}, 200,
       'no time at all');
    $least = time - $zero if time - $zero < $least;
}
cmp_ok($least, '<', 0.9, 'is none');
is(api(HEAD => '/sessions/still-1?wait=running&timeout=0')->{status}, 200,
   'HEAD');


# ---- refused

for my $case (['sessions/still-1?timeout=5', 422, 'timeout'],
              ['sessions/still-1?wait=done', 422, 'wait'],
              ['sessions/still-1?wait=', 422, 'wait'],
              ['sessions/still-1?wait=running&timeout=61', 422, 'timeout'],
              ['sessions/still-1?wait=running&timeout=-1', 422, 'timeout'],
              ['sessions/still-1?wait=running&timeout=x', 400, 'timeout'],
              ['sessions/still-1?wait=running&wait=running', 400, 'wait'],
              ['sessions/still-1?wait=running&foo=1', 400, 'foo'],
              (map { [ "executions/still-pending-1$_?timeout=0", 422,
                       'timeout' ],
                     [ "executions/still-pending-1$_?wait=running", 422,
                       'wait' ] } '', '/status', '/result'))
{
    my ($path, $status, $field) = @$case;
    my $answer = api(GET => "/$path");

    is($answer->{status}, $status, "refused: $path") or diag($answer->{text});
    like($answer->{json}{error_detail}, qr/^$field: /, 'names the field');
}


# ---- a session that comes up, seen from both workers

my $created = api(POST => '/sessions', { template_id => 'python-basic' });
my $new = $created->{json}{id};
my @sockets = map { ask(GET => "/sessions/$new?wait=running") } 1 .. 24;
my @answers = map { answer($_) } @sockets;

is_deeply([map { $_->{json}{status} } @answers], [('running') x 24],
          'all that wait for a session see it run');
my @late = sort { $a <=> $b }
           map { since($_->{at}, $_->{json}{started_at}) } @answers;
printf "# answered %.0f to %.0f ms after it ran\n",
       map { $_ * 1000 } @late[0, -1];
cmp_ok($late[-1], '<', $soon, 'soon after it did');


# ---- one that has lapsed before is settled by who waits

sessions('lapsed', 1, 'creating');
executions($s, 'lapsed', 1, 'running');
db("UPDATE sessions SET start_deadline_at = '2020-01-01'
    WHERE id = 'lapsed-1';
    UPDATE executions SET due_at = '2020-01-01' WHERE id = 'lapsed-1'");
is(api(GET => '/sessions/lapsed-1?wait=running&timeout=20')->{json}{status},
   'failed', 'a start that has lapsed');
is(api(GET => '/executions/lapsed-1?wait=done&timeout=20')->{json}{status},
   'failed', 'an execution that is lost');


# ---- Prefer

my %shell = (language => 'shell');
my $p = session();
my $done = api(POST => "/sessions/$p/execute", { %shell, code => 'sleep 0.5' },
               { Prefer => 'respond-async, wait=20' });
is("$done->{status} $done->{json}{status}", '201 completed',
   'Prefer: an execution is waited for');
is($done->{headers}{'preference-applied'}, 'wait=20', 'Preference-Applied');
is_deeply([sort keys %{ $done->{json} }],
          [qw(created_at execution_id session_id status)], 'the same fields');

my $begun = time;
my $slow = api(POST => "/executions/sessions/$p/execute",
               { %shell, code => 'sleep 20' }, { prefer => 'wait=2' });
is("$slow->{status} $slow->{json}{status}", '201 running', 'or the time');
my $took = time - $begun;
ok($took >= 1.99 && $took < 10, "of 2 s: $took");
is($slow->{headers}{'preference-applied'}, 'wait=2', 'which was kept');

my $up = api(POST => '/sessions', { template_id => 'python-basic' },
             { Prefer => 'wait=100' });
is("$up->{status} $up->{json}{status}", '201 running',
   'Prefer: a session is waited for');
is($up->{headers}{'preference-applied'}, 'wait=60', '60 s at most');
ok($up->{json}{started_at}, 'and shown as it is then');

expect_error(qr/is not on this node/, qr/answered 503.*the image/);
my $fails = api(POST => '/sessions', { template_id => 'python-datascience' },
                { Prefer => 'wait=20' });
is("$fails->{status} $fails->{json}{status}", '201 failed',
   'one that cannot run');

for my $prefer ('wait=0', 'wait=x', 'wait', 'wait=-1', 'x="wait=9"',
                'respond-async')
{
    my $begun = time;
    my $answer = api(POST => "/sessions/$p/execute",
                     { %shell, code => 'sleep 15' }, { Prefer => $prefer });

    is("$answer->{status} $answer->{json}{status}", '201 pending',
       "Prefer: $prefer");
    cmp_ok(time - $begun, '<', 10, 'does not wait');
    is($answer->{headers}{'preference-applied'} // 'none',
       $prefer eq 'wait=0' ? 'wait=0' : 'none', 'and says so');
}

my $two = answer(ask(POST => "/sessions/$p/execute",
                     { %shell, code => ':' }, 'Content-Type: application/json',
                     'Prefer: foo', 'Prefer: wait=9', 'Prefer: wait=0'), 40);
like($two->{head}, qr/^Preference-Applied: wait=9\r?$/m,
     'of several fields the first wait counts');

is(api(POST => "/sessions/$p/execute", { %shell },
       { Prefer => 'wait=9' })->{headers}{'preference-applied'} // 'none',
   'none', 'not where it is refused');
is(api(POST => "/sessions/$p/execute?wait=done",
       { %shell, code => ':' })->{status}, 400, 'a POST has no query for it');


# ---- from here on those that wait are counted: the long one has ended

my ($as, $long_took) = split / /, <$long>;
is($as, 'pending', 'without a timeout: the time is over');
ok($long_took >= 29.9 && $long_took < 45, "after 30 s: $long_took");
wait_for(sub { sum(waiters()) == 0 }) or fail('nobody waits');


# ---- an execution that ends, on all paths, seen from both workers

# when all of them wait
my $run = api(POST => "/sessions/$s/execute",
              { language => 'shell', timeout => 60,
                code => 'while [ ! -e go ]; do sleep 0.1; done; echo x' });
my $id = $run->{json}{execution_id};

@sockets = map { my $p = $_; map { ask(GET => "/executions/$id$p?wait=done") }
                             1 .. 12 } '', '/status', '/result';
my @waiting = (0);
wait_for(sub { @waiting = waiters(); sum(@waiting) >= 36 });
is(scalar(grep { $_ > 0 } @waiting), 2, "both workers have some: @waiting");
is(sum(@waiting), 36, 'and each is counted');
api(POST => "/sessions/$s/execute-sync",
    { language => 'shell', code => 'touch go' });

@answers = map { answer($_) } @sockets;
is_deeply([map { "$_->{status} $_->{json}{status}" } @answers],
          [('200 completed') x 36], 'all see it end');
is($answers[0]{json}{stdout}, "x\n", 'with its output');
is($answers[-1]{json}{stdout}, "x\n", 'in a result as well');
ok(!exists $answers[12]{json}{stdout}, 'and not in a status');
@late = sort { $a <=> $b }
        map { since($_->{at}, $_->{json}{completed_at}) } @answers;
printf "# answered %.0f to %.0f ms after it ended\n",
       map { $_ * 1000 } @late[0, -1];
cmp_ok($late[-1], '<', $soon, 'soon after it did');
ok(wait_for(sub { sum(waiters()) == 0 }), 'nobody is left waiting');


# ---- executions that end with their session

my $short = session();
my $real = api(POST => "/sessions/$short/execute",
               { language => 'shell', code => 'sleep 50' })->{json}{execution_id};
executions($short, 'with', 2, 'pending');
@sockets = map { ask(GET => "/executions/$_?wait=done&timeout=60") }
               ($real, 'with-1', 'with-2') x 4;
wait_for(sub { sum(waiters()) == 12 }) or fail('they wait');
api(POST => "/sessions/$short/terminate");
@answers = map { answer($_, 20) // {} } @sockets;
is_deeply([map { $_->{json}{status} // 'none' } @answers], [('failed') x 12],
          'a session that ends takes them along');
@late = sort { $a <=> $b }
        map { since($_->{at}, $_->{json}{completed_at}) } @answers;
printf "# answered %.0f to %.0f ms after they ended\n",
       map { $_ * 1000 } @late[0, -1];
cmp_ok($late[-1], '<', $soon, 'soon after they did');


# ---- each other way for a session to leave its state

sessions('left', 3, 'creating');
@sockets = map { ask(GET => "/sessions/left-$_?wait=running&timeout=60") }
               1 .. 3;
wait_for(sub { sum(waiters()) == 3 }) or fail('they wait');
api(POST => '/sessions/left-1/terminate');
api(DELETE => '/sessions/left-2');
db("UPDATE sessions SET start_deadline_at = '2020-01-01' WHERE id = 'left-3'");
api(GET => '/sessions/left-3');
is(answer($sockets[0], 20)->{json}{status}, 'terminated', 'terminated');
is(answer($sockets[1], 20)->{status}, 404, 'deleted');
is(answer($sockets[2], 20)->{json}{status}, 'failed', 'lapsed');


# ---- clients that leave, in all stages

executions($s, 'left', 1, 'pending');
@sockets = map { ask(GET => '/executions/left-1?wait=done&timeout=60') }
               1 .. 40;
push @sockets, map { ask(POST => "/sessions/$p/execute",
                         { %shell, timeout => 60, code => 'sleep 55' },
                         'Content-Type: application/json', 'Prefer: wait=60') }
                   1 .. 4;
ok(wait_for(sub { sum(waiters()) == 44 }), 'they wait');
close $_ for splice @sockets, 0, 30;
ok(wait_for(sub { sum(waiters()) == 14 }), 'and leave');
close $_ for splice @sockets;
ok(wait_for(sub { sum(waiters()) == 0 }), 'all of them');

# what they have left running ends with it, so that nothing goes on below
api(DELETE => "/sessions/$p");
wait_for(sub {
    (db("SELECT COUNT(*) FROM containers WHERE session_id = '$p'
         AND status <> 'removed'"))[0][0] == 0;
}) or fail('it is gone');


# ---- MariaDB is not asked while nothing changes

@sockets = map { ask(GET => '/executions/left-1?wait=done&timeout=60') }
               1 .. 100;
wait_for(sub { sum(waiters()) == 100 }) or fail('they wait');
my $health = api(GET => '/health/detailed')->{json}{database_pool};
is($health->{waiting}, 0, 'no statement of theirs is under way');
quiet();
my $before = statements();
sleep 3;
is(statements() - $before, 0, 'MariaDB hears nothing of 100 that wait');

# and of a change that is not theirs no more than that itself
api(POST => '/sessions/still-1/terminate');
sleep 0.5;
cmp_ok(statements() - $before, '<', 20, 'nor of what is none of theirs');


close $_ for @sockets;
wait_for(sub { sum(waiters()) == 0 }) or fail('nobody waits');


# ---- a worker that is killed: the others go on

@sockets = map { ask(GET => '/executions/left-1?wait=done&timeout=60') }
               1 .. 60;
wait_for(sub { sum(waiters()) == 60 }) or fail('they wait');
my $killed = (workers())[0];
expect_error(qr/shared memory zone "sandbox_zone" was locked/);
kill_worker($killed);
wait_for(sub { 2 == grep { $_ != $killed } workers() })
    or fail('there is another one');
db("UPDATE executions SET due_at = '2020-01-01' WHERE id = 'left-1'");
loopback('/internal/executions/left-1/settle');
my %statuses;
$statuses{ $_ ? $_->{json}{status} : 'cut' }++
    for map { answer($_, 20) } @sockets;
is(join(' ', sort keys %statuses), 'cut failed', 'the other worker answers');


# ---- a reload ends the waiting, and is not held up by it

executions($s, 'reload', 1, 'pending');
@sockets = map { ask(GET => '/executions/reload-1?wait=done&timeout=60') }
               1 .. 60;
wait_for(sub { sum(waiters()) >= 60 }) or fail('they wait');
my @old = workers();
$begun = time;
nginx_reload();
@answers = map { answer($_, 40) // {} } @sockets;
is_deeply([map { ($_->{status} // 'none') . ' ' . ($_->{json}{status} // '') }
           @answers], [('200 pending') x 60],
          'a reload: answered with the state as it is');
my $last = (sort { $a <=> $b } map { $_->{at} // 0 } @answers)[-1];
printf "# the last one after %.0f ms\n", ($last - $begun) * 1000;
cmp_ok($last - $begun, '<', 20, 'soon');
ok(wait_for(sub { !grep { kill 0, $_ } @old }, 60), 'and the old workers leave');


# ---- one with another size of the zone: that is a new one

wait_for(sub { workers() == 2 });
@sockets = map { ask(GET => '/executions/reload-1?wait=done&timeout=60') }
               1 .. 20;
wait_for(sub { sum(waiters()) == 20 }) or fail('they wait');
@old = workers();
nginx_conf(conf => waiting_conf('sandbox_zone 128k;'));
nginx_reload();
is(scalar(grep { ((answer($_, 30) // {})->{status} // 0) == 200 } @sockets), 20,
   'the zone changes: who waits is answered');
ok(wait_for(sub { !grep { kill 0, $_ } @old }, 60), 'by those that leave');
wait_for(sub { workers() == 2 });
@sockets = map { ask(GET => '/executions/reload-1?wait=done&timeout=60') }
               1 .. 20;
wait_for(sub { sum(waiters()) == 20 }) or fail('they wait');
db("UPDATE executions SET due_at = '2020-01-01' WHERE id = 'reload-1'");
loopback('/internal/executions/reload-1/settle');
is(scalar(grep { ((answer($_, 30) // {})->{json}{status} // '') eq 'failed' }
          @sockets), 20, 'and the new workers tell each other');
executions($s, 'reload2', 1, 'pending');


# ---- 2000 at once, for one execution: their turn comes, none is refused

executions($s, 'many', 1, 'pending');
wait_for(sub { workers() == 2 });

my $rss = resident();
@sockets = map { ask(GET => '/executions/many-1?wait=done&timeout=60') }
               1 .. 2000;
ok(wait_for(sub { sum(waiters()) == 2000 }, 30), '2000 wait');
printf "# %.1f KB each\n", (resident() - $rss) / 2000;
cmp_ok((resident() - $rss) / 2000, '<', $ENV{SANDBOX_TEST_ASAN} ? 64 : 24,
       'in little memory');
quiet();    # the first run of the jobs
$before = statements();
sleep 2;
cmp_ok(statements() - $before, '<=', 2, 'without a word to MariaDB');
db("UPDATE executions SET due_at = '2020-01-01' WHERE id = 'many-1'");
$begun = time;
loopback('/internal/executions/many-1/settle');
%statuses = ();
$statuses{ $_ ? "$_->{status} " . ($_->{json}{status} // '') : 'none' }++
    for map { answer($_, 20) } @sockets;
printf "# all answered within %.0f ms\n", (time - $begun) * 1000;
is_deeply(\%statuses, { '200 failed' => 2000 }, 'all are answered');
@sockets = ();


# ---- the smallest ring, overrun while a worker stands still

my $waits = ask(GET => '/executions/reload2-1?wait=done&timeout=60');
wait_for(sub { sum(waiters()) == 1 }) or fail('it waits');
nginx_stop();
is((answer($waits, 10) // {})->{status}, 200, 'a stop answers who waits');
start('sandbox_zone 64k;');

sessions('fill', 260, 'creating');
sessions('unseen', 2, 'creating');

# a connection to each worker
my %at;
wait_for(sub {
    my $c = ask(GET => '/health/detailed');
    $at{ answer($c)->{json}{worker_pid} } //= $c;
    return keys %at == 2;
});
my ($still, $busy) = sort keys %at;
put($at{$still}, GET => '/sessions/unseen-1?wait=running&timeout=60');
my @others = map { ask(GET => '/sessions/unseen-2?wait=running&timeout=60') }
             1 .. 60;
wait_for(sub { sum(waiters()) == 61 }) or fail('they wait');
Sandbox::Test::signal_process(STOP => $still);

for my $n (1 .. 260) {
    put($at{$busy}, POST => "/sessions/fill-$n/terminate");
    my $answer = answer($at{$busy}, 20);
    (($answer // {})->{status} // 0) == 200 or fail("fill-$n"), last;
}

# nobody is told of these: only who looks again can know
db("UPDATE sessions SET status = 'terminated',
    completed_at = UTC_TIMESTAMP(3) WHERE id LIKE 'unseen-%'");
$begun = time;
Sandbox::Test::signal_process(CONT => $still);
is((answer($at{$still}, 20) // {})->{json}{status}, 'terminated',
   'an overrun: who waits looks again');
printf "# after %.0f ms\n", (time - $begun) * 1000;
cmp_ok(time - $begun, '<', 15, 'soon');
ok(wait_for(sub { sum(waiters()) < 60 }), 'in that worker');
close $_ for @others;


# ---- too many

nginx_stop();
start('sandbox_max_waiters 5;', workers => 1);
executions($s, 'full', 1, 'pending');
@sockets = map { ask(GET => '/executions/full-1?wait=done&timeout=60') } 1 .. 5;
wait_for(sub { sum(waiters()) == 5 }) or fail('they wait');
my $full = api(GET => '/executions/full-1/status?wait=done');
is("$full->{status} $full->{json}{error_code}",
   '429 Sandbox.TooManyRequests', 'the sixth is refused');
like($full->{headers}{'retry-after'} // '', qr/^\d+$/, 'with Retry-After');
my $run_anyway = api(POST => "/sessions/$s/execute",
                     { %shell, code => 'sleep 1' }, { Prefer => 'wait=9' });
is("$run_anyway->{status} $run_anyway->{json}{status}", '201 pending',
   'a POST is done, and not waited for');
is($run_anyway->{headers}{'preference-applied'}, undef, 'and says so');
is(api(GET => '/executions/full-1?wait=done&timeout=0')->{status}, 429,
   'whatever the time');
is(api(GET => '/executions/full-1')->{status}, 200, 'who does not wait is not');
close pop @sockets;
ok(wait_for(sub { sum(waiters()) == 4 }), 'one leaves');
is(api(GET => '/executions/full-1?wait=done&timeout=1')->{status}, 200,
   'and the next may wait');
close $_ for @sockets;

finish();
