#!/usr/bin/env perl

# A thousand requests that wait, over four workers, with a short queue in front
# of MariaDB: those that come at once, those that one change wakes, those that a
# reload ends, and those that are one too many.
# Would catch: a herd that fills the queue, so that some are answered 503; one
# that asks MariaDB once or twice for each waiter of one row; a bound that is
# none; waiters whose memory is not given back.

use strict;
use warnings;
use Sandbox::Test;
use Sandbox::Waiting;

my $many = 1000;
my $max = 330;       # of a worker; it has some 250 of the thousand

# what is frozen here is not away: nothing may be given up meanwhile
nginx_start(workers => 4, conf => sub {
    waiting_conf("sandbox_max_waiters $max;")->();
    s/pool=8;/pool=2 queue=120 wait=30s timeout=30s connect_timeout=30s;/;
});


# how often each answer was given
sub answers {
    my %seen;

    $seen{ $_ ? "$_->{status} " . ($_->{json}{status}
                                   // $_->{json}{error_code} // '') : 'none' }++
        for map { answer($_, 30) } @_;

    return \%seen;
}


# a session, and executions of it, that nothing runs behind
sub rows {
    my ($name) = @_;

    sessions($name, 1, 'creating');
    executions("$name-1", $name, $many, 'pending');
}


sub ask_all {
    my ($name) = @_;

    return map { ask(GET => "/executions/$name-$_?wait=done&timeout=60") }
               1 .. $many;
}


# ---- all of one row

sessions('one', 1, 'creating');
waiters();
my $before = resident();
my @sockets = map { ask(GET => '/sessions/one-1?wait=running&timeout=60') }
                  1 .. $many;
ok(wait_for(sub { sum(waiters()) == $many }, 30), "$many wait for one row");
my $held = resident() - $before;
note(sprintf '%.1f KiB each', $held / $many);

my $asked = statements();
api(POST => '/sessions/one-1/terminate');
is_deeply(answers(@sockets), { '200 terminated' => $many },
          'one change: all are answered');
$asked = statements() - $asked;
note("$asked statements");
cmp_ok($asked, '<', $many, 'not even one statement for each of them');
@sockets = ();
ok(wait_for(sub { sum(waiters()) == 0 }), 'nobody is left waiting');


# ---- each of another row, all at once: MariaDB has not answered the first one

rows('each');
freeze('mariadb');
@sockets = ask_all('each');
thaw('mariadb');
ok(wait_for(sub { sum(waiters()) == $many }, 30),
   "$many that come at once wait, none is refused");

# their session's end is one change
api(POST => '/sessions/each-1/terminate');
is_deeply(answers(@sockets), { '200 failed' => $many },
          'one change of them all: all are answered');
@sockets = ();
wait_for(sub { sum(waiters()) == 0 }) or fail('nobody is left waiting');


# ---- they come, and leave: their memory is used again

rows('left');
my @after;

for (1 .. 5) {
    @sockets = ask_all('left');
    wait_for(sub { sum(waiters()) == $many }, 30) or fail('they wait');
    close $_ for splice @sockets;
    wait_for(sub { sum(waiters()) == 0 }, 30) or fail('they leave');
    push @after, resident() - $before;
}

note("KiB more than in the beginning: @after");

SKIP: {
    skip('the sanitizer keeps what was freed', 1) if $ENV{SANDBOX_TEST_ASAN};

    cmp_ok($after[-1] - $after[1], '<', $held,
           'three times as many have left less than once as many hold');
}

@sockets = ask_all('left');
wait_for(sub { sum(waiters()) == $many }, 30) or fail('they wait');


# ---- a reload answers them all

my @old = workers();
nginx_reload();
is_deeply(answers(@sockets), { '200 pending' => $many },
          'a reload: all are answered with the state as it is');
@sockets = ();
ok(wait_for(sub { !grep { kill 0, $_ } @old }, 20), 'and the old workers leave');
wait_for(sub { workers() == 4 }) or fail('there are new ones');


# ---- more than may wait

sessions('full', 1, 'creating');
@sockets = map { ask(GET => '/sessions/full-1?wait=running&timeout=60') }
               1 .. 2 * $many;
ok(wait_for(sub { sum(waiters()) == 4 * $max }, 30),
   'as many wait as sandbox_max_waiters allows');
is_deeply([waiters()], [($max) x 4], 'in each worker');
api(POST => '/sessions/full-1/terminate');
is_deeply(answers(@sockets),
          { '200 terminated' => 4 * $max,
            '429 Sandbox.TooManyRequests' => 2 * $many - 4 * $max },
          'the others were refused at once');
@sockets = ();
ok(wait_for(sub { sum(waiters()) == 0 }), 'and nobody is left waiting');

finish();
