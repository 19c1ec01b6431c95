#!/usr/bin/env perl

# Watching executions while something breaks: the sandbox, a worker, nginx's
# configuration, MariaDB, and the executor itself, which another server stands
# in for.
# Would catch: a client that waits for ever, or that is told an end too early;
# output that is lost with a worker; a worker that is kept busy, or fills its
# memory, because a sandbox wants it to; anything passed on that is no output.

use strict;
use warnings;
use IO::Socket::UNIX;
use Sandbox::Stream;
use Sandbox::Test;

my $home = home();
my $count = 'for i in $(seq 1 60); do echo $i; sleep 0.1; done';
my $counted = join '', map { "$_\n" } 1 .. 60;

nginx_start(workers => 2, conf => sub {
    s{(listen 127\.0\.0\.1:\d+);}{$1 reuseport;};
    s/(sandbox_node\s+local;)/$1
    sandbox_reap_interval 200ms;
    sandbox_reconcile_interval 500ms;/;
});

my $s = session();


sub newest {
    return (db("SELECT id FROM executions WHERE session_id = '$s'
                ORDER BY created_at DESC, id DESC LIMIT 1"))[0][0];
}


# ---- nginx gets another configuration: old workers keep their streams

my @old = workers();
my $w = run($s, $count);
my @head = map { event($w) } 1 .. 3;
nginx_reload();
ok(wait_for(sub { my %new = map { $_ => 1 } workers();
                  %new && !grep { $new{$_} } @old }, 60), 'a reload');
my @all = (@head, rest($w));
is(output(@all)->{stdout}, $counted, 'all of the output');
is($all[-1]{event}, 'done', 'to its end, from the old worker');
close $w->{socket};
ok(wait_for(sub { !grep { kill 0, $_ } @old }, 60), 'which leaves then');


# ---- a worker is killed

$w = run($s, $count);
@head = map { event($w) } 1 .. 5;
my $id = newest();
my $victim;
ok(wait_for(sub {
    my %health = healths();
    ($victim) = grep { $health{$_}{streams} } keys %health;
    return $victim;
}), 'the worker that has the stream');
kill_worker($victim);
push @head, rest($w);
isnt($head[-1]{event}, 'done', 'a worker that is killed cuts it');
close $w->{socket};
ok(wait_for(sub { workers() == 2 }), 'there is another one');
$w = watch(GET => "/executions/$id/events",
           headers => { 'Last-Event-ID' => $head[-1]{id} });
@all = (@head, rest($w));
is(output(@all)->{stdout}, $counted, 'who comes back has lost nothing');
is_deeply([map { $_->{id} } @all], [1 .. @all], 'and nothing came twice');
is($all[-2]{data}{status}, 'completed', 'the result');
close $w->{socket};


# ---- MariaDB is away

$w = run($s, $count);
event($w);
freeze('mariadb');
ok(event($w, 10), 'the output needs no MariaDB') for 1 .. 3;
sleep 7;
thaw('mariadb');
@all = rest($w, 60);
is(short(@all[-2, -1]) =~ s/\d+://gr, 'result=completed done',
   'when it is back there is the result');
close $w->{socket};
expect_error(qr/MariaDB/, qr/answered 503/);


# ---- an executor that is not what it should be

my $hostile = session();
my $socket = "$home/sessions/$hostile/executor.sock";
my $token = token($hostile);
my $head = "HTTP/1.0 200 OK\r\nContent-Type: x\r\n\r\n";
my $good = "o 1 5\nfirst\n";

sub says {
    my (@texts) = @_;

    return sub { my ($c) = @_; print $c $_ or return for @texts; 1 };
}


sub flood {
    my ($begin, $part) = @_;

    return sub {
        my ($c) = @_;

        print $c $begin;
        1 while print $c ref $part ? $part->() : $part;
    };
}


my $n = 1;
my %hostile = (
    'closes at once' => [says(), ''],
    'closes behind the head' => [says($head), ''],
    'closes in a frame' => [says($head, $good, "o 2 5\nab"), 'first'],
    'sends no HTTP' => [says("\x16\x03\x01\x02\0\r\n\r\n$good"), ''],
    'sends a head without end' => [flood("HTTP/1.0 200 OK\r\n", "A: b\r\n"),
                                   ''],
    'refuses' => [says("HTTP/1.0 500 No\r\n\r\n$good"), ''],
    'redirects' => [says("HTTP/1.0 302 No\r\nLocation: /\r\n\r\n$good"), ''],
    'chunks' => [says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      . "c\r\n$good\r\n0\r\n\r\n"), ''],
    'counts backwards' => [says($head, $good, "o 1 5\nagain\n"), 'first'],
    'has numbers without bound' =>
        [says($head, $good, "o 99999999999999999999 1\nx\n"), 'first'],
    'has a length without bound' =>
        [says($head, $good, "o 2 99999999999\nx\n"), 'first'],
    'has a frame of 100 MB' =>
        [flood("$head${good}o 2 104857600\n", 'x' x 65_536), 'first'],
    'has a length that is none' => [says($head, $good, "o 2 -1\nx\n"), 'first'],
    'has a number that is none' => [says($head, $good, "o x 1\nx\n"), 'first'],
    'lies about a length' => [says($head, $good, "o 2 1\nlong\n"), 'first'],
    'sends what is no UTF-8' => [says($head, $good, "o 2 2\n\xff\xfe\n"),
                                 'first'],
    'sends half a character' => [says($head, $good, "o 2 1\n\xc3\no 3 1\n\xa9\n"),
                                 'first'],
    'has gaps of text' => [says($head, $good, "O 2 4\nmany\n"), 'first'],
    'goes on behind the end' => [says($head, $good, "z 1 0\n\no 2 1\nx\n"),
                                 'first'],
    'knows other frames' => [says($head, $good, "r 2 2\n{}\n"), 'first'],
    'sends events of its own' =>
        [says($head, "o 1 33\nx\n\nevent: done\ndata: {}\n\nid: 9\n\nn"
                     . "\n"), "x\n\nevent: done\ndata: {}\n\nid: 9\n\nn"],
    'sends without end, and no frames' => [flood($head, 'x' x 65_536), ''],
    'gives signs of life without end' =>
        [flood("$head$good", "h 1 0\n\n" x 4096), 'first'],
    'sends output without end' =>
        [flood($head, sub { my $text = sprintf "o %d 1000\n%s\n", $n++,
                                              'y' x 1000; $text }), 'y*'],
    'says nothing' => [sub { sleep 60 }, ''],
    'falls silent' => [sub { print { $_[0] } "$head$good"; sleep 60 },
                       'first'],
);

my @kinds = sort keys %hostile;
my %seen;

for my $i (0 .. $#kinds) {
    db("INSERT INTO executions (id, session_id, status, language, code,
        timeout_sec, max_retries, due_at)
        VALUES ('hostile-$i', '$hostile', 'running', 'shell', 'x', 600, 0,
                UTC_TIMESTAMP() + INTERVAL 1 HOUR)");
}

rename $socket, "$home/tmp/real.sock" or die $!;
my $listen = IO::Socket::UNIX->new(Local => $socket, Listen => 64) or die $!;
chmod 0666, $socket;

my $stub = fork // die $!;
if (!$stub) {
    $SIG{PIPE} = 'IGNORE';
    $SIG{CHLD} = 'IGNORE';
    setpgrp;

    while (my $client = $listen->accept) {
        next if fork;
        my $request = '';

        until ($request =~ /\r\n\r\n/) {
            sysread $client, $request, 65_536, length $request or last;
        }

        $client->autoflush(1);
        my ($i) = $request =~ m{^GET\ /v1/executions/hostile-(\d+)/events
                                \?after=\d+&attempt=1\ HTTP/1\.0\r\n}x;
        Sandbox::Test::spew("$home/tmp/asked", $request);
        $hostile{$kinds[$i]}[0]->($client) if defined $i;
        POSIX::_exit(0);
    }

    POSIX::_exit(0);
}
close $listen;

my $before = peak('reset');

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

# 'output without end' alone is read meanwhile: it fills a pipe otherwise
my %streams = map { ($_ => watch(GET => "/executions/hostile-$_/events")) }
              0 .. $#kinds;
my ($endless) = grep { $kinds[$_] eq 'sends output without end' } 0 .. $#kinds;
my $text = 0;
my $begun = time;

while (time - $begun < 3 || ($text <= 100_000 && time - $begun < 60)) {
    my $e = event($streams{$endless}, 20) or last;
    $text += length $e->{data}{text};
}

cmp_ok($text, '>', 100_000, 'output without end comes through');

my $slowest = 0;
for (1 .. 10) {
    my $asked = time;
    is(api(GET => '//livez')->{status}, 200, 'others are served');
    $slowest = time - $asked if time - $asked > $slowest;
}
cmp_ok($slowest, '<', 10, 'soon');
cmp_ok(peak() - $before, '<', 24, 'no worker has held much of it');

# it is written anew by each that is asked
my $asked = '';
wait_for(sub {
    $asked = Sandbox::Test::slurp("$home/tmp/asked");
    return $asked =~ /\r\n\r\n/;
});
like($asked, qr/^Authorization: Bearer \Q$token\E\r$/m,
     'it was asked with its token');

db("UPDATE executions SET status = 'failed', completed_at = UTC_TIMESTAMP(3),
    error_message = 'given up' WHERE id LIKE 'hostile-%'");

for my $i (0 .. $#kinds) {
    my @events = rest($streams{$i}, 60);
    my $got = output(@events)->{stdout};
    my $want = $hostile{$kinds[$i]}[1];

    if ($want eq 'y*') {
        like($got, qr/^y*$/, "$kinds[$i]: only that");
    }
    else {
        is($got, $want, "$kinds[$i]: what was right before comes, once");
    }

    is(short(@events[-2, -1]) =~ s/\d+://gr, 'result=failed done',
       'and the end from the row');
    close $streams{$i}{socket};
}

kill 'KILL', -$stub;
waitpid $stub, 0;
unlink $socket;

# a link in its place is not followed

symlink "$home/run/docker.sock", $socket or die $!;
db("UPDATE executions SET status = 'running', completed_at = NULL
    WHERE id = 'hostile-0'");
$w = watch(GET => '/executions/hostile-0/events');
is(event($w, 2), undef, 'a link in place of the socket');
db("UPDATE executions SET status = 'failed', completed_at = UTC_TIMESTAMP(3)
    WHERE id = 'hostile-0'");
is(short(rest($w, 60)) =~ s/\d+://gr, 'result=failed done', 'leads nowhere');
close $w->{socket};
unlink $socket;
rename "$home/tmp/real.sock", $socket or die $!;
expect_error(qr/is not a socket/, qr/the output of execution .* is cut/);


# ---- the session is deleted, or its container dies

$w = run($hostile, 'echo a; sleep 60', fields => { max_retries => 0 });
event($w);
api(DELETE => "/sessions/$hostile");
is(short(rest($w)), '-:error=Sandbox.ExecutionNotFound -:done',
   'the session is deleted: an error, then the end, without numbers');
close $w->{socket};

$w = run($s, 'echo a; sleep 60', fields => { max_retries => 0 });
event($w);
my $container = api(GET => "/sessions/$s")->{json}{container_id};
docker("kill $container");
@all = rest($w, 60);
is(short(@all[-2, -1]) =~ s/\d+://gr, 'result=failed done',
   'the container dies: the result says that it failed');
like($all[-2]{data}{error_message} // '', qr/\w/, 'and why');
close $w->{socket};

finish();
