#!/usr/bin/env perl

# Executors that are not what they should be: another server stands at the
# socket of a session that runs, and answers nothing, garbage, or without end.
# Would catch: a caller that waits for ever, an answer that fills a worker's
# memory, a length that lies and is believed, a result that is taken for
# another one's, an execution that stays open, a client that waits for what is
# not its concern, a sandbox that leads the worker to another socket.

use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Sandbox::Test;
use Sandbox::OpenApi;
use Socket qw(SOL_SOCKET SO_RCVBUF);

my $home = home();
my %run = (language => 'shell', code => 'echo real', timeout => 1,
           max_retries => 0);
my ($s, $socket, @stubs);

nginx_start(workers => 1, conf => sub {
    s/(sandbox_node\s+local;)/$1\n    sandbox_reconcile_interval 500ms;/;
});

# what an operator is told of it
expect_error(qr/sandbox: an executor/, qr/answered 50[34]/,
             qr/upstream (?:prematurely closed|sent (?:invalid|too big))/,
             qr/recv\(\) failed \(104/, qr/writev\(\) failed \((?:32|104)/,
             qr/is not a socket/,
             qr/connect\(\) to .*executor\.sock failed/);


# the real one goes on behind, nobody reaches it
sub session_without_executor {
    $s = session();
    $socket = "$home/sessions/$s/executor.sock";
    rename $socket, "$home/tmp/real.sock" or die "$socket: $!";
}


sub real_executor {
    kill 'KILL', splice @stubs;
    unlink $socket;
    rename "$home/tmp/real.sock", $socket or die "$socket: $!";
}


# one that reads a request, if it is to, and serves it
sub stub {
    my ($serve, %arg) = @_;

    unlink $socket;
    my $listen = IO::Socket::UNIX->new(Local => $socket, Listen => 16)
        or die "$socket: $!";
    chmod 0666, $socket;

    my $pid = fork // die $!;

    if ($pid) {
        push @stubs, $pid;
        return;
    }

    $SIG{PIPE} = 'IGNORE';

    while (my $client = $listen->accept) {
        my $request = '';

        # the body ends with the mode
        while (!$arg{deaf} && $request !~ /\r\n\r\n.*\}\z/s
               && $request !~ /Content-Length: 0\r\n\r\n/)
        {
            sysread $client, $request, 65536, length $request or last;
        }

        $client->autoflush(1);
        $serve->($client, $request);
    }

    POSIX::_exit(0);
}


sub says {
    my ($text) = @_;

    return sub { print { $_[0] } $text };
}


# a 200 with what its length is not, or is
sub answer {
    my ($body, $length) = @_;

    $length //= length $body;
    return says("HTTP/1.1 200 OK\r\nContent-Length: $length\r\n\r\n$body");
}


sub frame {
    my ($id, $stdout) = @_;

    $stdout //= 'forged';

    return "{\"execution_id\":\"$id\",\"status\":\"completed\",\"exit_code\":0,"
           . '"error_message":null,"stdout_bytes":' . length($stdout)
           . ',"stderr_bytes":0,'
           . '"return_value_bytes":0,"stdout_dropped":0,"stderr_dropped":0,'
           . "\"duration_ms\":1,\"metrics\":{}}\n$stdout";
}


sub flood {
    my ($head) = @_;

    return sub {
        my ($client) = @_;
        my $part = 'x' x (1 << 20);

        print $client $head;
        for (1 .. 100) { syswrite $client, $part or last }
    };
}


# the most that a worker has had since the last reset, in MiB
sub peak {
    my ($reset) = @_;
    my ($worker) = workers();

    Sandbox::Test::spew("/proc/$worker/clear_refs", '5') if $reset;
    return Sandbox::Test::slurp("/proc/$worker/status")
           =~ /VmHWM:\s+(\d+)/ ? $1 / 1024 : 0;
}


# ---- what comes back is no result

session_without_executor();

# a whole result of the execution that was asked for, but for what "lie" changes
sub lies {
    my ($lie) = @_;

    return sub {
        my ($client, $request) = @_;
        my ($id) = $request =~ /"execution_id":"(\w+)"/;

        local $_ = frame($id // '');
        $lie->();
        answer($_)->($client);
    };
}

my %broken = (
    'closing at once' => [sub { }, deaf => 1],
    'closing after the request' => [sub { }],
    'closing in the head' => [says("HTTP/1.1 200 O")],
    'closing behind the head' => [answer('', 100)],
    'closing in the body' => [answer('{"execution_id":', 4000)],
    'garbage' => [says("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n")],
    'a line of 100 KB' => [says('x' x 100_000)],
    'a head of 100 KB' => [says("HTTP/1.1 200 OK\r\nA: " . 'x' x 100_000)],
    '1000 fields' => [says("HTTP/1.1 200 OK\r\n" . "A: b\r\n" x 10_000)],
    'no length' => [says("HTTP/1.1 200 OK\r\n\r\n" . frame('x'))],
    'chunks' => [says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      . "6\r\nforged\r\n0\r\n\r\n")],
    'a negative length' => [answer('', -1)],
    'a length that overflows' => [answer('', '18446744073709551617')],
    'a length of 100 MB' => [flood("HTTP/1.1 200 OK\r\nContent-Length: "
                                   . (100 << 20) . "\r\n\r\n")],
    '100 MB without a length' => [flood("HTTP/1.1 200 OK\r\n\r\n")],
    '100 MB without a head' => [flood('')],
    '100 MB in place of 10 bytes' => [flood("HTTP/1.1 200 OK\r\n"
                                            . "Content-Length: 10\r\n\r\n")],
    'an empty body' => [answer('')],
    'no result' => [answer("{}\n")],
    'not even JSON' => [answer("\0" x 100)],
    'a result that is not this one\'s' =>
        [answer(frame('exec_20200101_aaaaaaaa'))],
    'another attempt' => [lies(sub { s/"status"/"attempt":2,"status"/ })],
    'more than it has' => [lies(sub { s/("stdout_bytes":)\d+/${1}600/ })],
    'less than it has' => [lies(sub { s/("stdout_bytes":)\d+/${1}2/ })],
    'lengths that overflow' =>
        [lies(sub { s/("std..._bytes":)\d+/${1}9223372036854775807/g })],
    'a length that is text' => [lies(sub { s/("stdout_bytes":)(\d+)/$1"$2"/ })],
    'an exit code that is text' => [lies(sub { s/("exit_code":)0/$1"0"/ })],
    'an exit code of 300' => [lies(sub { s/("exit_code":)0/${1}300/ })],
    'a status that is none' => [lies(sub { s/completed/done/ })],
    'a status that is a number' => [lies(sub { s/"completed"/1/ })],
    'metrics that are none' => [lies(sub { s/\{\}/[]/ })],
    'a field that is not known' => [lies(sub { s/^\{/{"session_id":"x",/ })],
    'output that is no UTF-8' => [lies(sub { s/forged$/f\xff\xferge/ })],
    'half a character' => [lies(sub { s/forged$/forge\xc3/ })],
    'status 500' => [says("HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\noops")],
    'status 302' => [says("HTTP/1.1 302 No\r\nLocation: http://x/\r\n"
                          . "Content-Length: 0\r\n\r\n")],
    'status 101' => [says("HTTP/1.1 101 No\r\nContent-Length: 0\r\n\r\n")],
    'status 202' => [says("HTTP/1.1 202 No\r\nContent-Length: 0\r\n\r\n")],
);

stub(lies(sub { }));
is(api(POST => "/sessions/$s/execute-sync", \%run)->{json}{stdout}, 'forged',
   'a result that does not lie is taken');
kill 'KILL', splice @stubs;
db("DELETE FROM executions WHERE stdout = 'forged'");

# the first answers fill the pools and buffers that stay
api(POST => "/sessions/$s/execute-sync", \%run) for 1 .. 3;
my $before = peak('reset');

for my $kind (sort keys %broken) {
    my ($serve, %arg) = @{ $broken{$kind} };

    for my $path ('execute-sync', 'execute') {

        # what is right for the other one
        next if $kind eq 'status 202' && $path eq 'execute';

        stub($serve, %arg);
        my $begun = time;
        my $answer = api(POST => "/sessions/$s/$path", \%run);

        is("$answer->{status} " . ($answer->{json}{error_code} // ''),
           '503 Sandbox.RuntimeUnavailable', "$kind: $path says so")
            or diag($answer->{text});
        like($answer->{headers}{'retry-after'}, qr/^\d+$/, 'Retry-After');
        cmp_ok(time - $begun, '<', 10, 'at once');
        kill 'KILL', splice @stubs;
    }
}

cmp_ok(peak() - $before, '<', 32, 'and no worker has held much of it');
ok(!(grep { /forged/ } map { @$_ }
     db("SELECT stdout FROM executions WHERE session_id = '$s'")),
   'nothing of it was believed');


# ---- nothing comes back, or too slowly: the deadline stands

for my $case (
    ['silent', sub { sleep 30 }],
    ['a byte now and then', sub {
        print { $_[0] } "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n";
        for (1 .. 100) { print { $_[0] } 'x'; sleep 0.2 }
    }],
    ['a head without end', sub {
        print { $_[0] } "HTTP/1.1 200 OK\r\n";
        for (1 .. 100) { print { $_[0] } "A: b\r\n"; sleep 0.2 }
    }],
)
{
    my ($kind, $serve) = @$case;

    stub($serve);
    my $begun = time;
    my $answer = api(POST => "/sessions/$s/execute-sync?sync_timeout=2",
                     \%run);

    is("$answer->{status} $answer->{json}{error_code}",
       '504 Sandbox.ExecTimeout', "$kind: the time-out is told")
        or diag($answer->{text});
    my $took = time - $begun;
    cmp_ok($took, '>', 1.9, 'when it is over');
    cmp_ok($took, '<', 10, 'and not much later');
    kill 'KILL', splice @stubs;
}


# ---- a result that is stored is the client's, whatever becomes of its ack

my $acked = "$home/tmp/acked";

for my $case (
    ['taken', says("HTTP/1.1 204 No Content\r\n\r\n")],
    ['not answered', sub { sleep 30 }],
    ['cut off', sub { }],
    ['refused', says("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")],
    ['garbage', says("\0" x 100)],
)
{
    my ($kind, $serve) = @$case;
    my $least = 60;

    # an ack has a second; the machine may be what holds up some of three
    for (1 .. 3) {
        unlink $acked;
        stub(sub {
            my ($client, $request) = @_;

            if ($request =~ /"execution_id":"(\w+)"/) {
                answer(frame($1))->($client);
                return;
            }

            Sandbox::Test::spew($acked, $request);
            $serve->($client);
        });

        my $begun = time;
        my $answer = api(POST => "/sessions/$s/execute-sync", \%run);
        my $took = time - $begun;
        $least = $took if $took < $least;

        is("$answer->{status} $answer->{json}{stdout}", '200 forged',
           "an ack that is $kind: the client has its result")
            or diag($answer->{text});
        ok(wait_for(sub { -s $acked }), 'the ack was sent');
        like(Sandbox::Test::slurp($acked),
             qr{^POST /v1/executions/$answer->{json}{id}/ack\?attempt=1 },
             'as it should be');
        is_deeply(api(GET => "/executions/$answer->{json}{id}")->{json},
                  $answer->{json}, 'what was answered is what is stored');
        kill 'KILL', splice @stubs;
    }

    cmp_ok($least, '<', 0.5, 'and does not wait for it');
}

# a client that takes its time, meanwhile; then its connection is free again
stub(sub {
    my ($client, $request) = @_;

    $request =~ /"execution_id":"(\w+)"/
        ? answer(frame($1, "\1" x (1 << 20)))->($client)
        : sleep 30;
});

my $text = JSON::PP::encode_json(\%run);
my $client = IO::Socket::INET->new('127.0.0.1:' . port()) or die $!;
setsockopt $client, SOL_SOCKET, SO_RCVBUF, pack('i', 65_536);
$client->autoflush(1);
print $client "POST /api/v1/sessions/$s/execute-sync HTTP/1.1\r\nHost: x\r\n"
              . "Content-Type: application/json\r\nContent-Length: "
              . length($text) . "\r\n\r\n$text"
              . "GET /api/v1/sessions/$s HTTP/1.1\r\nHost: x\r\n"
              . "Connection: close\r\n\r\n";
sleep 0.5;

my ($begun, $both) = (time, '');
1 while time - $begun < 20 && sysread $client, $both, 65_536, length $both;
my $answers = () = $both =~ m{HTTP/1\.1 200 OK}g;

is($answers, 2, 'a large answer is read slowly, and the next request answered');
cmp_ok(length $both, '>', 6 << 20, 'all of it');
cmp_ok(time - $begun, '<', 4, 'without a pause');
kill 'KILL', splice @stubs;


# ---- what stands there is no socket, or leads elsewhere

my $other = session();

for my $case (
    ['nothing', sub { }],
    ['a file', sub { Sandbox::Test::spew($socket, 'x') }],
    ['a pipe', sub { POSIX::mkfifo($socket, 0666) }],
    ['a folder', sub { mkdir $socket }],
    ['a link to another session\'s', sub {
        symlink "$home/sessions/$other/executor.sock", $socket;
    }],
    ['a link to the engine\'s', sub {
        symlink "$home/run/docker.sock", $socket;
    }],
    ['a socket nobody listens at', sub {
        IO::Socket::UNIX->new(Local => $socket, Listen => 1)->close;
        chmod 0666, $socket;
    }],

    # the code may do that: the socket is its user's
    ['a socket nobody may open', sub { stub(sub { }); chmod 0, $socket }],
)
{
    my ($kind, $make) = @$case;

    unlink $socket;
    $make->();

    my $begun = time;
    my $answer = api(POST => "/sessions/$s/execute-sync", \%run);

    is("$answer->{status} $answer->{json}{error_code}",
       '503 Sandbox.RuntimeUnavailable', "in place of the socket: $kind")
        or diag($answer->{text});
    cmp_ok(time - $begun, '<', 8, 'at once');
    rmdir $socket if -d $socket;
}

is((db("SELECT COUNT(*) FROM executions WHERE session_id = '$other'"))[0][0],
   0, 'the other session saw nothing');


# ---- the way breaks while the code runs, and is there again

# it is mended when the first attempt has begun
stub(sub {
    my ($client, $request) = @_;

    if ($request =~ /"execution_id":/) {
        unlink $socket;
        rename "$home/tmp/real.sock", $socket;
    }

    close $client;
});

my $mended = api(POST => "/sessions/$s/execute-sync",
                 { %run, max_retries => 3, timeout => 9 });
kill 'KILL', splice @stubs;
is("$mended->{status} $mended->{json}{status} $mended->{json}{stdout}",
   "200 completed real\n", 'who waits gets the result of another attempt');
is($mended->{json}{retry_count}, 1, 'the second');
rename $socket, "$home/tmp/real.sock" or die "$socket: $!";


# ---- nothing is lost: each execution ends, and the session goes on

real_executor();

is(api(POST => "/sessions/$s/execute-sync", \%run)->{json}{stdout},
   "real\n", 'the real one is back: it works');
ok(wait_for(sub {
    !db("SELECT id FROM executions WHERE session_id = '$s'
         AND status IN ('pending', 'running', 'crashed')");
}, 60), 'each execution has ended by its deadline');

my @silent = db("SELECT id, status, IFNULL(error_message, '') FROM executions
                 WHERE session_id = '$s' AND status <> 'completed'");
cmp_ok(scalar @silent, '>', 40, 'those that were not run have rows');
is_deeply([grep { $_->[1] ne 'failed' || $_->[2] !~ /\w/ } @silent], [],
          'failed, each with a message');

finish();
