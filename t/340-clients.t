#!/usr/bin/env perl

# Clients that leave: before, inside of and behind a request, while what they
# asked for is done, politely (FIN) and rudely (RST).
# Would catch: half of a body that is taken for one, work that stops with its
# client, a read that goes on for nobody, a connection of the pool or a place
# at the engine that is not given back, a crash of a worker.

use strict;
use warnings;
use IO::Socket::INET;
use Sandbox::Test;
use Sandbox::OpenApi;
use Socket qw(SOL_SOCKET SO_LINGER SO_RCVBUF);

my @pids;

nginx_start(conf => sub {
    s/(sandbox_node\s+local;)/$1
    sandbox_reconcile_interval 500ms;
    sandbox_start_timeout 30s;/;
});

@pids = workers();


sub request {
    my ($method, $path, $body) = @_;
    my $text = "$method /api/v1$path HTTP/1.1\r\nHost: x\r\n";

    return "$text\r\n" unless defined $body;
    return "${text}Content-Type: application/json\r\nContent-Length: "
           . length($body) . "\r\n\r\n$body";
}


# sends, waits and is gone
sub leave {
    my ($text, $delay, $rude) = @_;
    my $socket = IO::Socket::INET->new('127.0.0.1:' . port()) or die $!;

    $socket->autoflush(1);
    print $socket $text;
    sleep $delay if $delay;
    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $rude;
    close $socket;
}


sub status {
    my ($row) = db("SELECT status FROM sessions WHERE id = '$_[0]'");

    return $row ? $row->[0] : 'absent';
}


# nothing of it is stuck: the workers are the same and answer at once
sub well {
    my ($name) = @_;
    my $begun = time;

    is_deeply([map { api(GET => '/sessions')->{status} } 1 .. 20],
              [(200) x 20], "$name: others are answered");
    cmp_ok(time - $begun, '<', 15, "$name: at once");
    is(join(' ', workers()), "@pids", "$name: by the same workers");
}


# ---- before the request is whole: nothing happens

my $body = '{"template_id":"python-basic","id":"half"}';
my $head = "POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\n"
           . "Content-Type: application/json\r\n";

for my $rude (0, 1) {
    for my $text ('', 'GE', 'GET /api/v1/ses', "GET /api/v1/sessions HTTP/1.1",
                  $head, "${head}Content-Length: 42\r\n\r\n",
                  "${head}Content-Length: 42\r\n\r\n" . substr($body, 0, 20),
                  "${head}Content-Length: 43\r\n\r\n$body",
                  "${head}Transfer-Encoding: chunked\r\n\r\n2a\r\n$body",
                  "${head}Transfer-Encoding: chunked\r\n\r\n2a\r\n$body\r\n",
                  "${head}Transfer-Encoding: chunked\r\n\r\n2a\r\n$body\r\n0")
    {
        leave($text, $_, $rude) for 0, 0.02;
    }
}

well('half of a request');
is(status('half'), 'absent', 'half of a body is no body');


# ---- while a session is made: it is made

my %left;

for my $rude (0, 1) {
    for my $delay (0, 0.002, 0.005, 0.01, 0.05, 0.1, 0.2) {
        my $id = sprintf 'left-%d-%d', $rude, $delay * 1000;

        leave(request(POST => '/sessions',
                      "{\"template_id\":\"python-basic\",\"id\":\"$id\"}"),
              $delay, $rude);
        $left{$id} = !$rude;
    }

    # those that were made so far have been enough for two cores
    ok(wait_for(sub { !grep { status($_) eq 'creating' } keys %left }, 60),
       'what was begun is ended');
}

# a reset can overtake a request that nobody has read yet
is_deeply([grep { status($_) ne 'running'
                  && ($left{$_} || status($_) ne 'absent') } sort keys %left],
          [], 'a session is made for a client that has left');
cmp_ok(scalar(grep { !$left{$_} && status($_) eq 'running' } keys %left), '>',
       0, 'also where it was rude');

for my $id (grep { status($_) eq 'running' } sort keys %left) {
    leave(request(DELETE => "/sessions/$id"), 0.005, $id =~ /-1-/);
}

ok(wait_for(sub {
    !grep { status($_) eq 'running' } keys %left;
}), 'and is ended for one');
ok(wait_for(sub {
    !docker('ps -aq --filter label=ngx_sandbox.instance=local');
}, 60), 'with its container');
well('sessions for nobody');


# ---- while code runs: it runs, and its result is kept

my $s = session();
my ($runs, $polite) = (0, 0);

for my $rude (0, 1) {
    for my $path ('execute', 'execute-sync') {
        for my $delay (0.005, 0.02, 0.1, 0.4) {
            leave(request(POST => "/sessions/$s/$path",
                          '{"language":"shell","code":"sleep 0.3; echo kept;'
                          . ' head -c 500000 /dev/zero | tr \'\\\\0\' x"}'),
                  $delay, $rude);
            $runs++;
            $polite++ if !$rude;
            sleep 0.4;
        }
    }
}

my @rows;
ok(wait_for(sub {
    @rows = db("SELECT status, LEFT(stdout, 4), LENGTH(stdout)
                FROM executions WHERE session_id = '$s'");
    return @rows >= $polite && !grep { $_->[0] =~ /pending|running/ } @rows;
}, 60), 'all that was begun has ended');
is_deeply(\@rows, [(['completed', 'kept', 500_005]) x @rows],
          'each with its result');
cmp_ok(scalar @rows, '>', $polite, 'also where the client was rude');
cmp_ok(scalar @rows, '<=', $runs, 'and none twice');


# ---- behind the request: nobody reads the answer

for my $rude (0, 1) {
    for my $delay (0, 0.001, 0.005, 0.02) {
        leave(request(GET => $_), $delay, $rude)
            for ('/sessions', "/sessions/$s", '/health',
                 "/sessions/$s/executions?limit=20",
                 '/containers', "/containers/sandbox-$s-2/logs") x 5;
    }
}

well('answers that nobody reads');


# ---- one that does not read for a while, and then reads everything

my $slow = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . port(),
                                 Timeout => 5) or die $!;
setsockopt $slow, SOL_SOCKET, SO_RCVBUF, pack('i', 65_536);
$slow->autoflush(1);
print $slow request(POST => "/sessions/$s/execute-sync",
                    '{"language":"shell","code":"head -c 3000000 /dev/zero"}');
sleep 1.5;

my $begun = time;
my $got = '';
while ($got !~ /"artifacts":\[\]\}/ && time - $begun < 20) {
    sysread $slow, $got, 65536, length $got or last;
}

cmp_ok(length $got, '>', 6 << 20, 'all of a large answer reaches it');
cmp_ok(time - $begun, '<', 15, 'as soon as it reads');
print $slow request(GET => "/sessions/$s");
sysread $slow, my $next, 65536;
like(substr($next, 0, 15), qr/^HTTP\/1\.1 200 OK/,
     'and its connection can be used again');
close $slow;


# ---- many of them while MariaDB hangs: their places are given back

freeze('mariadb');
leave(request(GET => "/sessions/$s"), 0.01, $_ % 2) for 1 .. 60;
thaw('mariadb');
ok(wait_for(sub { api(GET => "/sessions/$s")->{status} == 200 }, 30),
   'MariaDB goes on: good');
all_well() or fail('in each worker');
well('clients that did not wait for MariaDB');

# each worker has a pool of its own
my %pools;
ok(wait_for(sub {
    my $answer = api(GET => '/health/detailed')->{json};
    $pools{ $answer->{worker_pid} } = $answer->{database_pool};
    return keys %pools == 2
           && !grep { $_->{waiting} || $_->{open} > $_->{size} } values %pools;
}), 'no pool is full or waits') or diag(explain(\%pools));

# ... and while the engine does
freeze('docker');
leave(request(GET => "/containers/sandbox-$s-2/logs"), 0.01, $_ % 2)
    for 1 .. 20;
thaw('docker');
is(api(GET => "/containers/sandbox-$s-2/logs")->{status}, 200,
   'the engine goes on: good');


# ---- many requests on one connection, and then it is gone

leave(join('', map { request(POST => "/sessions/$s/execute",
                             '{"language":"shell","code":"true"}') } 1 .. 4),
      2);
ok(wait_for(sub {
    (db("SELECT COUNT(*) FROM executions WHERE session_id = '$s'
         AND code = 'true' AND status = 'completed'"))[0][0] == 4;
}), 'requests that came together are all done');

well('at the end');

expect_error(qr/answered 503/, qr/no answer in/, qr/lost MariaDB/);
finish();
