#!/usr/bin/env perl

# Watching executions: their output as server-sent events, while it is written
# and afterwards, from any worker.
# Would catch: output that comes late, twice, in another order or not at all; a
# client that comes back and loses or repeats a part; a slow client that costs a
# worker its memory or the code its time; a stream that never ends, or ends
# without its last event; code that goes on, or not, when its client has left.

use strict;
use utf8;
use warnings;
use JSON::PP;
use Sandbox::Stream;
use Sandbox::Test;

my $base = "/api/v1";

nginx_start(workers => 2, conf => sub {
    s{(listen 127\.0\.0\.1:\d+);}{$1 reuseport;};
    s/(sandbox_node\s+local;)/$1
    sandbox_reap_interval 200ms;
    sandbox_max_streams 12;
    send_timeout 4s;
    gzip on;
    gzip_min_length 0;
    gzip_types text\/event-stream;/;
});

my $s = session();


sub row {
    my ($id, $column) = @_;

    return (db("SELECT $column FROM executions WHERE id = '$id'"))[0][0];
}


# of all workers; each answers with its own
sub streams {
    my %health = healths();
    my $sum = 0;

    $sum += $_->{streams} for values %health;
    return $sum;
}


# the one that began last
sub newest {
    return (db("SELECT id FROM executions WHERE session_id = '$s'
                ORDER BY created_at DESC, id DESC LIMIT 1"))[0][0];
}


# the numbers of done and of a result that is told again are not compared
sub ends { return join ' ', map { s/^\d+://r } split / /, $_[0] }


# it takes its time: looked at in the end
my $silent = run($s, 'sleep 25; echo x', fields => { timeout => 60 });


# ---- what it looks like

my $w = run($s, "echo one; while [ ! -e go ]; do sleep 0.1; done;"
                . " echo 'tw\"o\\' >&2; while [ ! -e three ];"
                . " do sleep 0.1; done; printf three",
            headers => { Accept => 'text/event-stream',
                         'Accept-Encoding' => 'gzip' });

is($w->{status}, 200, 'execute-stream');
is($w->{headers}{'content-type'}, 'text/event-stream', 'Content-Type');
is($w->{headers}{'content-encoding'}, undef, 'no Content-Encoding');
is($w->{headers}{'cache-control'}, 'no-store', 'Cache-Control');
is($w->{headers}{'x-accel-buffering'}, 'no', 'X-Accel-Buffering');
like($w->{headers}{'x-request-id'}, qr/^\w+$/, 'X-Request-ID');

# the code waits until the client has what it has written

sub touch {
    my ($name) = @_;

    api(POST => "/sessions/$s/execute-sync", { language => 'shell',
                                               code => "touch $name" });
}

my @all = event($w);
touch('go');
push @all, event($w);
touch('three');
push @all, rest($w);
is(short(@all), qq(1:stdout=one\n 2:stderr=tw"o\\\n 3:stdout=three )
                . '4:result=completed 5:done', 'events in their order');
is_deeply($all[-1]{data}, {}, 'done has nothing');

my $id = $all[-2]{data}{id};
is_deeply($all[-2]{data}, api(GET => "/executions/$id")->{json},
          'the result is the execution');
ok(wait_for(sub { more($w, 0); parse($w); $w->{last_chunk} }),
   'the answer has its end');
is(row($id, 'events'), 'o4 e6 o5', 'the shape is stored');

for my $from (0 .. 6) {
    my @rest = rest(watch(GET => "/executions/$id/events",
                     headers => $from ? { 'Last-Event-ID' => $from } : {}));

    is(ends(short(@rest)), ends(short(@all[($from < 4 ? $from : 4) .. 4])),
       "read again after $from");
    is($rest[-2]{id}, 4, 'with the same numbers') if $from < 4;
}

is(short(rest(watch(GET => "/executions/$id/events?last_event_id=2"))),
   short(@all[2 .. 4]), 'last_event_id');
is(short(rest(watch(GET => "/executions/$id/events?last_event_id=0",
                    headers => { 'Last-Event-ID' => 2 }))),
   short(@all[2 .. 4]), 'the header is the newer one');

# of a row that is older than shapes
db("UPDATE executions SET events = NULL WHERE id = '$id'");
is(short(rest(watch(GET => "/executions/$id/events"))),
   qq(1:stdout=one\nthree 2:stderr=tw"o\\\n 3:result=completed 4:done),
   'without a shape: one stream after the other');
is(short(rest(watch(GET => "/executions/$id/events?last_event_id=1"))),
   qq(2:stderr=tw"o\\\n 3:result=completed 4:done), 'and from there');


# an answer that ends where a buffer does

sub stored {
    my ($n) = @_;

    db("UPDATE executions SET stdout = REPEAT('x', $n), events = 'o$n'
        WHERE id = '$id'");
    my $w = watch(GET => "/executions/$id/events");
    rest($w);
    wait_for(sub { more($w, 0); parse($w); $w->{last_chunk} || $w->{closed} });
    return $w;
}

# each byte of output is there twice, as an event and in the result
my $least = 4000 + int((16_384 - 3 - stored(4000)->{length} % 16_384) / 2);
my %ends;
for my $n (map { $least - 66 + 6 * $_ } 0 .. 12) {
    my $w = stored($n);
    $ends{$w->{last_chunk} ? 'whole' : "cut at $w->{length}"}++;
}
is_deeply(\%ends, { whole => 13 }, 'it is whole, wherever its buffer ends');


# ---- latency

# each line is written when the client has the one before it
my @late;
$w = run($s, 'import os, time
for i in range(10):
    print("%.6f" % time.time(), flush=True)
    while not os.path.exists("late-%d" % i):
        time.sleep(0.01)', language => 'python', fields => { timeout => 120 });
for my $i (0 .. 9) {
    my $e = event($w) // last;
    push @late, $e->{at} - $e->{data}{text} if $e->{event} eq 'stdout';
    touch("late-$i");
}
is(ends(short(rest($w))), 'result=completed done', 'and then it ends');
@late = sort { $a <=> $b } @late;
is(scalar @late, 10, 'each line is an event');
cmp_ok($late[5], '<', 1, 'it comes when it is written');
note(sprintf 'latency from print() to the client: median %.1f ms, worst %.1f',
     $late[5] * 1000, $late[-1] * 1000);


# ---- text that comes in pieces of characters

$w = run($s, 'import sys, time
for b in "é€😀".encode() + b"\x7f\xff\x01\r\n\"\\\\":
    sys.stdout.buffer.write(bytes([b]))
    sys.stdout.buffer.flush()
    time.sleep(0.02)', language => 'python');
@all = rest($w);
ok(output(@all)->{stdout} eq "é€😀\x7f\x{fffd}\x01\r\n\"\\",
   'each character is whole, what is none is replaced')
    or diag(JSON::PP->new->ascii->allow_nonref->encode(output(@all)->{stdout}));
is($all[-2]{data}{stdout}, output(@all)->{stdout}, 'as in the result');


# ---- the same request again

my %once = (headers => { 'Idempotency-Key' => 'stream-1' });
my $ab = 'echo a; while [ ! -e b ]; do sleep 0.1; done; echo b';
my $first = run($s, $ab, %once);
event($first);
my $second = run($s, $ab, %once);
touch('b');
is($second->{headers}{'idempotency-replayed'}, 'true', 'a repeated request');
@all = rest($second);
is(short(@all), "1:stdout=a\n 2:stdout=b\n 3:result=completed 4:done",
   'streams the same execution from its beginning');
is((rest($first))[-2]{data}{id}, $all[-2]{data}{id}, 'just that');
is(short(rest(run($s, $ab, %once))), short(@all),
   'and when it has ended');
is(run($s, 'echo c', %once)->{status}, 422, 'another body: 422');


# ---- going on in the middle, while it runs

$w = run($s, 'for i in $(seq 1 60); do echo $i; sleep 0.1; done');
my @head = map { event($w) } 1 .. 20;
close $w->{socket};
$id = newest();
my @parts = map { watch(GET => "/executions/$id/events?last_event_id=$_") }
                (20, 5, 0, 20, 10, 1);
my @rests = map { [rest($_)] } @parts;
@all = @{ $rests[2] };
is(output(@all)->{stdout}, join('', map { "$_\n" } 1 .. 60), 'all of it');
is_deeply([map { $_->{id} } @all], [1 .. @all], 'ids rise by one');
is(short(@head), short(@all[0 .. 19]), 'what came before is the same');
for my $n (0 .. 5) {
    my ($from) = (20, 5, 0, 20, 10, 1)[$n];
    is(short(@{ $rests[$n] }), short(@all[$from .. $#all]),
       "after $from, while it ran");
    is(short(rest(watch(GET =>
                        "/executions/$id/events?last_event_id=$from"))),
       short(@all[$from .. $#all]), 'and when it had ended');
}

# a number that no event had yet stands for the last one
$w = watch(GET => "/executions/$id/events?last_event_id=1000");
is(short(rest($w)), '1001:done', 'beyond its end: nothing more');


# ---- attempts

db("INSERT INTO executions (id, session_id, status, language, code,
    timeout_sec, max_retries, due_at)
    VALUES ('again', '$s', 'running', 'shell', 'echo again', 5, 3,
            UTC_TIMESTAMP() + INTERVAL 1 SECOND)");
my $again = "1000000000000:retry=2 1000000000001:stdout=again\n"
            . ' 1000000000002:result=completed 1000000000003:done';
$w = watch(GET => '/executions/again/events?last_event_id=7');
is(short(rest($w, 30)), $again, 'another attempt begins anew, and says so');
is(short(rest(watch(GET => '/executions/again/events'))), $again,
   'whoever comes later gets the same');
is(short(rest(watch(GET =>
              '/executions/again/events?last_event_id=1000000000000'))),
   $again =~ s/^\S+ //r, 'or goes on in it');


# ---- much output: nobody waits, and what is missed is counted

my $size = 100_000_000;
my $flood = "import sys
block = b'x' * 65536
left = $size
while left > 0:
    left -= sys.stdout.buffer.write(block[:left])
sys.stderr.write('end')";

sub peak {
    my ($reset) = @_;
    my $peak = 0;

    for my $pid (workers()) {
        Sandbox::Test::spew("/proc/$pid/clear_refs", '5') if $reset;
        my ($kb) = Sandbox::Test::slurp("/proc/$pid/status")
                   =~ /VmHWM:\s+(\d+)/;
        $peak = $kb / 1024 if $kb / 1024 > $peak;
    }

    return $peak;
}

for my $kind ('fast', 'slow') {
    my $before = peak('reset');
    my $begun = time;

    $w = run($s, $flood, language => 'python', rcvbuf => 65_536,
             fields => { timeout => 120 });

    if ($kind eq 'slow') {
        # it reads little until the code has ended
        for (1 .. 200) {
            more($w, 0);
            last if row(newest(), 'status') ne 'running' && $_ > 10;
            sleep 0.1;
        }

        # and takes the rest as it comes: to read it all at once may take longer
        # than send_timeout
        until (substr($w->{raw}, -7) eq "\r\n0\r\n\r\n") {
            more($w, 20) or last;
        }
    }

    @all = rest($w, 60);
    my $got = output(@all);

    is($all[-1]{event}, 'done', "100 MB, a $kind reader: to its end");
    is(length($got->{stdout}) + $got->{missed}{stdout}, $size,
       'received and missed are what was written');
    is(length($got->{stderr}) + $got->{missed}{stderr}, 3, 'of both');
    is($got->{stdout} =~ tr/x//c, 0, 'nothing else');
    ok(!(grep { $all[$_]{id} <= $all[$_ - 1]{id} } 1 .. $#all), 'ids rise');
    cmp_ok(peak() - $before, '<', 24, 'and no worker has held much of it');
    note(sprintf '%s: %d bytes received in %.1f s, %d events, %.1f MiB',
         $kind, length $got->{stdout}, time - $begun, scalar @all,
         peak() - $before);
}


# one that reads nothing at all, of more than the kernel holds for it, which is
# not written faster than it is passed on

$w = run($s, "import time
for _ in range(3000):
    print('x' * 100000, flush=True)
    time.sleep(0.02)", language => 'python', rcvbuf => 4096,
         fields => { timeout => 90 }, query => '?cancel_on_disconnect=true');
ok(wait_for(sub { row(newest(), 'status') eq 'cancelled' }, 60),
   'a client that takes nothing is ended by send_timeout');
close $w->{socket};


# ---- a client that leaves

$w = run($s, 'echo a; sleep 2; echo b');
event($w);
$id = newest();
close $w->{socket};
ok(wait_for(sub { row($id, 'status') eq 'completed' }), 'the code goes on');
is(row($id, 'stdout'), 'a\nb\n', 'to its end');

$w = run($s, 'echo a; sleep 60', query => '?cancel_on_disconnect=true');
event($w);
$id = newest();
close $w->{socket};
ok(wait_for(sub { row($id, 'status') eq 'cancelled' }, 20),
   'with cancel_on_disconnect it is ended');
is(row($id, 'stdout'), 'a\n', 'its output so far is kept');

$w = run($s, 'echo a; sleep 60');
event($w);
$id = newest();
my $other = watch(GET => "/executions/$id/events?cancel_on_disconnect=1");
event($other);
close $other->{socket};
ok(wait_for(sub { row($id, 'status') eq 'cancelled' }, 20),
   'also where it was begun by another client');
is((rest($w))[-2]{data}{status}, 'cancelled', 'who is told');

$w = run($s, 'echo a', query => '?cancel_on_disconnect=true');
rest($w);
close $w->{socket};


# ---- other clients

$w = run($s, 'echo a', version => '1.0');
is($w->{headers}{'transfer-encoding'}, undef, 'HTTP/1.0: no chunks');
is(short(rest($w)), "1:stdout=a\n 2:result=completed 3:done", 'all events');
1 while more($w, 5);
ok($w->{closed}, 'and the connection is closed');

$id = newest();
my $answer = api(HEAD => "/executions/$id/events");
is("$answer->{status} $answer->{headers}{'content-type'} $answer->{text}",
   '200 text/event-stream ', 'HEAD: the head');

for my $case (
    [GET => '/executions/none/events', {}, 404, 'ExecutionNotFound'],
    [HEAD => '/executions/none/events', {}, 404],
    [GET => '/executions/../events', {}, 404],
    [GET => "/executions/$id/events", { 'Last-Event-ID' => 'x' }, 400,
     'Last-Event-ID: must'],
    [GET => "/executions/$id/events", { 'Last-Event-ID' => '-1' }, 400,
     'Last-Event-ID'],
    [GET => "/executions/$id/events", { 'Last-Event-ID' => '9' x 30 }, 400,
     'Last-Event-ID'],
    [GET => "/executions/$id/events", { 'Last-Event-ID' => '1.5' }, 400,
     'Last-Event-ID'],
    [GET => "/executions/$id/events?last_event_id=x", {}, 400,
     'last_event_id'],
    [GET => "/executions/$id/events?cancel_on_disconnect=maybe", {}, 400,
     'cancel_on_disconnect'],
    [GET => "/executions/$id/events?x=1", {}, 400, 'x'],
    [GET => "/executions/$id/events", { Accept => 'image/png' }, 406,
     'text/event-stream'],
    [POST => "/executions/$id/events", {}, 405],
    [GET => "/executions/$id/events", { Accept => 'text/*' }, 200],
)
{
    my ($method, $path, $headers, $status, $detail) = @$case;
    my $answer = api($method => $path, undef, $headers);

    is($answer->{status}, $status, "$method $path " . join ' ', %$headers)
        or diag($answer->{text});
    like($answer->{text}, qr/\Q$detail\E/, 'says why') if $detail;
}

is(api(GET => "/executions/$id", undef, { Accept => 'text/event-stream' })
   ->{status}, 406, 'elsewhere there are no events');
is(run($s, '')->{status}, 422, 'a body that is refused');
is(watch(POST => '/sessions/none/execute-stream',
         body => { language => 'shell', code => 'x' })->{status}, 404,
   'a session that is not there');


# ---- as many as are allowed

close $first->{socket};
close $second->{socket};
$w = run($s, 'while [ ! -e many ]; do sleep 0.1; done',
         fields => { timeout => 120 });
$id = newest();
my ($taken, @open) = (0);
for (1 .. 40) {
    my $one = watch(GET => "/executions/$id/events");
    push @open, $one;
    $taken++ if $one->{status} == 200;
}
my ($no) = grep { $_->{status} != 200 } @open;
cmp_ok($taken, '<=', 24, 'more than sandbox_max_streams are refused');
is($no->{status}, 429, 'with 429');
like($no->{headers}{'retry-after'}, qr/^\d+$/, 'and Retry-After');
cmp_ok(streams(), '>', 10, 'health shows how many there are');
touch('many');
my @ends = grep { $_ } map { $_->{status} == 200 && (rest($_, 30))[-1] } @open;
is(scalar(grep { $_->{event} eq 'done' } @ends), $taken,
   'those beyond what an executor has, too, come to the end');
rest($w);
close $_->{socket} for @open, $w;


# ---- nothing for long

@all = rest($silent, 30);
is(short(@all), "1:stdout=x\n 2:result=completed 3:done", 'after a silence');
my @comments = grep { exists $_->{comment} } @{ $silent->{comments} };
cmp_ok(scalar @comments, '>=', 2, 'a comment at the beginning, and then');
close $silent->{socket};
ok(wait_for(sub { streams() == 0 }), 'no stream is left');

finish();
