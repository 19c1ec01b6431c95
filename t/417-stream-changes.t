#!/usr/bin/env perl

# Streams that have nobody to follow: the executor does not know the execution,
# there is none, or another attempt is to come.  They hear of changes like
# everybody who waits.
# Would catch: a stream that asks MariaDB again and again; one that hears of the
# end of its execution, or of its session, late or never; one that is deaf in a
# worker that leaves, or counts as a request that waits.

use strict;
use warnings;
use Sandbox::Stream;
use Sandbox::Test;
use Sandbox::Waiting;

my $soon = 5;        # s; without being told it would be 15
my $each = 10;       # streams of an execution

nginx_start(workers => 2, conf => waiting_conf(''));
my $s = session();


sub streams {
    my ($id) = @_;

    return map { watch(GET => "/executions/$id/events") } 1 .. $each;
}


# seconds after which all have the result with this status
sub told {
    my ($begun, $status, @streams) = @_;
    my %ends;

    $ends{join ' ', map { s/^\d+://r } split / /, short((rest($_, 30))[-2, -1])}++
        for @streams;
    is_deeply(\%ends, { "result=$status done" => scalar @streams },
              "all are told that it is $status");
    note(sprintf 'within %.0f ms', 1000 * (time - $begun));
    return time - $begun;
}


executions($s, 'pending', 1, 'pending');     # the executor knows nothing of it
executions($s, 'crashed', 1, 'crashed');
sessions('none', 1, 'creating');             # has no executor
executions('none-1', 'none', 1, 'running');

my $real = run($s, 'while [ ! -e go ]; do sleep 0.1; done',
               fields => { timeout => 120 });
my $real_id = (db("SELECT id FROM executions WHERE session_id = '$s'
                   AND id LIKE 'exec\\_%'"))[0][0];
my %streams = map { ($_ => [streams($_)]) } 'pending-1', 'crashed-1', 'none-1',
                                            $real_id;
is(scalar(grep { $_->{status} == 200 } map { @$_ } values %streams), 4 * $each,
   'they watch');
is(sum(waiters()), 0, 'and do not count as waiters');


# ---- nothing happens: MariaDB is not asked

# the first look, and the first pauses
wait_for(sub {
    my $now = statements();
    sleep 1;
    return statements() - $now < 5;
});
my $before = statements();
sleep 5;
my $asked = statements() - $before;
note("$asked statements in 5 s");

# each looks once in 15 s, and there are heartbeats and jobs
cmp_ok($asked, '<', 4 * $each + 10, 'MariaDB is hardly asked');


# ---- changes

my $begun = time;
api(POST => '/executions/pending-1/cancel');
cmp_ok(told($begun, 'cancelled', @{ $streams{'pending-1'} }), '<', $soon,
       'soon after its end');

$begun = time;
api(POST => '/executions/crashed-1/cancel');
cmp_ok(told($begun, 'cancelled', @{ $streams{'crashed-1'} }), '<', $soon,
       'soon, where an attempt was to come');

$begun = time;
api(POST => '/sessions/none-1/terminate');
cmp_ok(told($begun, 'failed', @{ $streams{'none-1'} }), '<', $soon,
       'soon after the end of its session');

$begun = time;
api(POST => "/sessions/$s/execute-sync", { language => 'shell',
                                           code => 'touch go' });
cmp_ok(told($begun, 'completed', $real, @{ $streams{$real_id} }), '<', $soon,
       'soon after the executor has told its end');


# ---- in a worker that leaves

executions($s, 'leaving', 1, 'pending');
wait_for(sub { my %health = healths();
               !grep { $_->{streams} } values %health; })
    or fail('those that have ended are gone');

# each worker has some, whichever takes them
my (@streams, %health);
for (1 .. 10) {
    push @streams, streams('leaving-1');
    %health = healths();
    last if !grep { !$_->{streams} } values %health;
}
my @old = workers();
nginx_reload();
wait_for(sub { my %old = map { $_ => 1 } @old;
               my @new = grep { !$old{$_} } workers();
               @new == 2 && @new == workers() }, 60) or fail('a reload');
is(scalar(grep { kill 0, $_ } @old), 2, 'old workers keep their streams');

# every stream has looked when the worker began to leave
sleep 1;
$begun = time;
api(POST => '/executions/leaving-1/cancel');
cmp_ok(told($begun, 'cancelled', @streams), '<', $soon,
       'which hear of what the new ones do');
close $_->{socket} for @streams;
ok(wait_for(sub { !grep { kill 0, $_ } @old }, 60), 'and then they leave');

finish();
