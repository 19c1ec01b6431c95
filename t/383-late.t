#!/usr/bin/env perl

# Code that reaches its executor late: the worker, or the way, is held up
# between the row and the executor until somebody else has settled it.
# Would catch: code that runs although its client was told that it did not
# begin, that it was cancelled, or that another attempt has run; an attempt that
# is taken for late although its executor has it; a client that is told
# something else than what the row says.

use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;
use Time::HiRes qw(time sleep);
use Sandbox::Test;
use Sandbox::OpenApi;
use Sandbox::Waiting qw(ask answer);

my $home = home();
my $hold = "$home/tmp/hold";

nginx_start(workers => 2, conf => sub {
    s/(sandbox_node\s+local;)/$1
    sandbox_execution_lease 3s;
    sandbox_reap_interval 200ms;/;
});

my $s = session();
my $socket = "$home/sessions/$s/executor.sock";
my $proxy = proxy();

# not before: each result is acknowledged after it was answered
END {
    kill 'KILL', $proxy if $proxy;
    unlink "$home/tmp/real.sock";
}


# in front of the executor: what has to be held waits while the file is there
sub proxy {
    rename $socket, "$home/tmp/real.sock" or die "$socket: $!";

    my $listen = IO::Socket::UNIX->new(Local => $socket, Listen => 16)
        or die "$socket: $!";
    chmod 0666, $socket;

    my $pid = fork // die $!;
    return $pid if $pid;

    $SIG{CHLD} = 'IGNORE';

    while (1) {
        my $client = $listen->accept or next;
        fork // die $! or serve($client);
    }
}


sub serve {
    my ($client) = @_;
    my $request = '';

    # the body ends with the mode
    until ($request =~ /\r\n\r\n.*\}\z/s
           || $request =~ /Content-Length: 0\r\n\r\n/
           || $request =~ /\AGET .*\r\n\r\n\z/s)
    {
        sysread $client, $request, 65536, length $request or POSIX::_exit(1);
    }

    if (-e "$hold.old" && $request =~ m{^POST /v1/executions/\S+/fence}) {
        my $body = '{"error": "there is nothing at this path"}';
        syswrite $client, "HTTP/1.1 404 Not Found\r\nContent-Type: "
            . "application/json\r\nContent-Length: " . length($body)
            . "\r\n\r\n$body";
        POSIX::_exit(0);
    }

    if ($request =~ m{^POST /v1/executions .*hold}s) {
        rename "$hold.armed", "$hold.held";
        sleep 0.05 while -e "$hold.held";
    }

    my $real = IO::Socket::UNIX->new(Peer => "$home/tmp/real.sock")
        or POSIX::_exit(1);
    syswrite $real, $request;

    while (sysread $real, my $answer, 65536) {
        syswrite $client, $answer;
    }

    POSIX::_exit(0);
}


# a request whose code is on its way, and stays there
sub held {
    my ($path, %run) = @_;

    Sandbox::Test::spew("$hold.armed", '');
    my $request = ask(POST => "/sessions/$s/$path",
                      { language => 'shell', %run });
    ok(wait_for(sub { -e "$hold.held" }), "$path: the code is on its way");

    my ($id) = map { $_->[0] } db("SELECT id FROM executions
        WHERE session_id = '$s' ORDER BY created_at DESC, id DESC LIMIT 1");
    return ($request, $id);
}


# there is one that is not held any more
sub release {
    my ($request) = @_;

    unlink "$hold.held";
    return answer($request, 30)->{json};
}


sub status { api(GET => "/executions/$_[0]")->{json}{status} }


sub ledger {
    return api(POST => "/sessions/$s/execute-sync",
               { language => 'shell', code => 'cat ledger 2>/dev/null' })
           ->{json}{stdout};
}


# ---- given up meanwhile, and not to be attempted again

for my $path (qw(execute execute-sync)) {
    my ($request, $id) = held($path, code => 'echo hold >>ledger',
                              max_retries => 0);
    ok(wait_for(sub { status($id) eq 'failed' }, 30), 'it is given up');
    my $answer = release($request);
    is($answer->{execution_id} // $answer->{id}, $id,
       'its client has an answer');
    is($answer->{status}, $path eq 'execute' ? 'pending' : 'failed',
       'as what it was accepted, or has become');
    my $row = api(GET => "/executions/$id")->{json};
    is("$row->{status}, $row->{retry_count}", 'failed, 0', 'that stays so');
    like($row->{error_message},
         $path eq 'execute' ? qr/is not known to have begun/
                            : qr/has lost the execution/, 'with the cause');
    is(ledger(), '', 'it has not run');
}


# ---- attempted again meanwhile

my ($request, $id) = held('execute', code => 'echo again >>ledger; echo hold',
                          max_retries => 1);
ok(wait_for(sub { status($id) eq 'crashed' || status($id) eq 'running'
                  || status($id) eq 'completed' }, 30), 'it is given up');
sleep 0.1 while -e "$hold.armed";
is(release($request)->{execution_id}, $id, 'its client has an answer');
ok(wait_for(sub { status($id) eq 'completed' }, 30), 'the next attempt ends');
my $row = api(GET => "/executions/$id")->{json};
is("$row->{stdout}$row->{retry_count}", "hold\n1", 'as the second one');
is(ledger(), "again\n", 'it has run once');


# ---- cancelled meanwhile

($request, $id) = held('execute', code => 'echo hold >>ledger');
my $cancelled = api(POST => "/executions/$id/cancel")->{json};
is("$cancelled->{previous_status} $cancelled->{status}", 'pending cancelled',
   'it is cancelled before it has come');
is(release($request)->{execution_id}, $id, 'its client has an answer');
is(status($id), 'cancelled', 'that stays so');
is(ledger(), "again\n", 'it has not run');


# between two attempts, the first of which may still be on its way
db("INSERT INTO executions (id, session_id, status, language, code,
    timeout_sec, max_retries, retry_count, due_at)
    VALUES ('between', '$s', 'crashed', 'shell', 'x', 5, 3, 1,
            UTC_TIMESTAMP(3) + INTERVAL 60 SECOND)");
is(api(POST => '/executions/between/cancel')->{json}{previous_status}, 'crashed',
   'one between two attempts is cancelled');
is(unix_call("$home/tmp/real.sock", POST => '/v1/executions',
             '{"execution_id": "between", "attempt": 1, "language": "shell",'
             . ' "code": "echo x >>ledger", "timeout": 5, "mode": "async"}',
             Authorization => 'Bearer ' . token($s),
             'Content-Type' => 'application/json')->{status}, 409,
   'its executor takes none of them');


# ---- held up, and not too late

($request, $id) = held('execute', code => 'echo hold >>ledger');
sleep 1;
is(release($request)->{execution_id}, $id, 'within its lease');
ok(wait_for(sub { status($id) eq 'completed' }), 'it runs');
is(ledger(), "again\nhold\n", 'once');


# ---- an executor from before there were fences, which says 404 to one

Sandbox::Test::spew("$hold.old", '');
$id = api(POST => "/sessions/$s/execute",
          { language => 'shell', code => 'sleep 6; echo old >>ledger',
            max_retries => 0 })->{json}{execution_id};
ok(wait_for(sub { status($id) =~ /^(?:completed|failed)$/ }, 30), 'it ends');
is(status($id), 'completed', 'what it has is not given up');
is(ledger(), "again\nhold\nold\n", 'and runs once');
unlink "$hold.old";

finish();
