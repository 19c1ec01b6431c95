#!/usr/bin/env perl

# The engine behind a proxy that is told what to do with each call: late
# answers, lost answers, refusals, answers without end; and workers that are
# killed at each call, before it is made and after it was.
# Would catch: a session that stays "creating" since the executor was ready
# before the engine had answered, a container that a failed start has left, a
# container that nobody knows of since the answer was lost, a row that lies
# after a worker's end, a slow engine that is taken for a dead one.

use strict;
use warnings;
use IO::Socket::UNIX;
use Sandbox::Test;
use Sandbox::OpenApi;

my $home = home();
my ($proxy, $number);

END { kill 'KILL', $proxy if $proxy }

nginx_start(conf => sub {
    s/(sandbox_node\s+local;)/$1
    sandbox_reconcile_interval 500ms;
    sandbox_start_timeout 9s;/;
    s{unix:\S+/docker\.sock}
     {unix:$home/run/stub.sock timeout=4s create_timeout=5s};
});

expect_error(qr/Docker|engine/i, qr/answered 50[03]/,
             qr/was not ready within/, qr/the container ended/);


# ---- the proxy

# calls are named by what they are to do
my %calls = (
    create => qr{^POST /v[\d.]+/containers/create},
    start => qr{^POST /v[\d.]+/containers/[^/]+/start},
    inspect => qr{^GET /v[\d.]+/containers/[^/]+/json},
    remove => qr{^DELETE /v[\d.]+/containers/},
    list => qr{^GET /v[\d.]+/containers/json},
);


# what it does with a call; a rule has before, after (both get the client and
# may end the process by "lost"), change (of the call's text, $_, which keeps its
# length), and times, how often it holds (else always)
sub proxy {
    my (%rules) = @_;
    my $path = "$home/run/stub.sock";

    if ($proxy) {
        kill 'KILL', $proxy;
        waitpid $proxy, 0;
    }

    unlink $path, glob "$home/tmp/proxied-*";
    my $listen = IO::Socket::UNIX->new(Local => $path, Listen => 64)
        or die "$path: $!";
    chmod 0666, $path;
    $proxy = fork // die $!;

    return if $proxy;
    local $SIG{CHLD} = 'IGNORE';

    while (1) {
        my $client = $listen->accept or next;

        if (fork == 0) {
            $SIG{PIPE} = 'IGNORE';
            eval { proxied($client, %rules) };
            POSIX::_exit(0);
        }
    }
}


sub proxied {
    my ($client, %rules) = @_;
    my $request = message($client);
    my ($name) = grep { $request =~ $calls{$_} } keys %calls;
    my $rule = $rules{ $name // '' };

    $client->autoflush(1);
    $rule = undef if $rule && $rule->{times}
                     && !counted($name, $rule->{times});

    $rule->{before}->($client) if $rule && $rule->{before};
    $rule->{change}->() for $rule && $rule->{change} ? $request : ();

    # one call a connection: the end of the answer is the end of that
    my $engine = IO::Socket::UNIX->new($ENV{SANDBOX_TEST_DOCKER_SOCKET})
        or die 'no engine';
    $request =~ s/\r\n/\r\nConnection: close\r\n/;
    $engine->autoflush(1);
    print $engine $request;
    my $answer = do { local $/; <$engine> };

    $rule->{after}->($client) if $rule && $rule->{after};
    print $client $answer;
}


sub message {
    my ($from) = @_;
    my $text = '';

    while ($text !~ /\r\n\r\n/) {
        sysread $from, $text, 65536, length $text or die 'closed';
    }

    my ($length) = $text =~ /\r\nContent-Length: (\d+)/i;
    my $end = index($text, "\r\n\r\n") + 4 + ($length // 0);

    while (length $text < $end) {
        sysread $from, $text, 65536, length $text or die 'closed';
    }

    return $text;
}


# whether a rule holds once more: a file is what all processes see
sub counted {
    my ($name, $times) = @_;

    for (1 .. $times) {
        sysopen my $file, "$home/tmp/proxied-$name-$_",
            POSIX::O_CREAT() | POSIX::O_EXCL() and return 1;
    }

    return 0;
}


sub seen { return -e "$home/tmp/proxied-$_[0]-1" }


sub late {
    my ($seconds) = @_;

    return sub { sleep $seconds };
}


sub lost { return sub { close $_[0]; die 'lost' } }


sub says {
    my ($status, $body) = @_;

    return sub {
        print { $_[0] } "HTTP/1.1 $status No\r\nConnection: close\r\n"
            . "Content-Type: application/json\r\nContent-Length: "
            . length($body) . "\r\n\r\n$body";
        close $_[0];
        die 'said';
    };
}


# ---- sessions

sub create {
    my $id = 'engine-' . ++$number;
    my $answer = api(POST => '/sessions', { template_id => 'python-basic',
                                            id => $id });

    is($answer->{status}, 201, "$id: accepted");
    return $id;
}


sub works {
    my ($id, $name) = @_;

    is(api(POST => "/sessions/$id/execute-sync",
           { language => 'shell', code => 'echo alive' })->{json}{stdout},
       "alive\n", "$name: it works");
}


# ended, and nothing of it is left
sub gone {
    my ($id, $name) = @_;

    api(DELETE => "/sessions/$id");
    ok(wait_for(sub {
        return !docker("ps -aq --filter label=ngx_sandbox.session=$id")
               && !-e "$home/sessions/$id"
               && !db("SELECT id FROM containers WHERE session_id = '$id'
                       AND status <> 'removed'");
    }, 60), "$name: nothing is left");
}


sub failure {
    my ($id, $name) = @_;

    is(wait_status($id, 'creating', 60), 'failed', "$name: it has failed");
    my $failure = api(GET => "/sessions/$id")->{json}{failure};
    like($failure->{message} // '', qr/\w/, "$name: and says why");

    # before anybody deletes it
    ok(wait_for(sub {
        return !docker("ps -aq --filter label=ngx_sandbox.session=$id");
    }, 60), "$name: its container is removed");
    return $failure;
}


# ---- slow, but well

proxy(map { ($_ => { before => late(0.7) }) } keys %calls);
my $s = create();
is(wait_status($s, 'creating', 60), 'running', 'a slow engine: it runs');
works($s, 'a slow engine');
gone($s, 'a slow engine');


# ---- the executor is ready before the engine has answered

proxy(start => { after => late(3), times => 1 });
$s = create();
is(wait_status($s, 'creating'), 'running', 'start answered late: it runs');
ok(seen('start'), 'before that');
works($s, 'start answered late');
sleep 3.5;
works($s, 'start answered late, afterwards');
gone($s, 'start answered late');


# ---- the engine gets to a create when its caller has given up: the folder that
# it would bind is gone by then

proxy(create => { before => late(8), times => 1 });
$s = create();
is(wait_status($s, 'creating', 60), 'failed', 'a create that lasts: given up');
ok(wait_for(sub {
    (db("SELECT status FROM containers WHERE session_id = '$s'"))[0][0]
        eq 'removed';
}), 'its row says removed');
sleep 5;
ok(!docker("ps -aq --filter label=ngx_sandbox.session=$s"),
   'and none is made afterwards');
gone($s, 'a create that lasts');


# ---- done, and the answer is lost

proxy(create => { after => lost(), times => 1 });
$s = create();
failure($s, 'create lost');
gone($s, 'create lost');

proxy(start => { after => lost(), times => 1 });
$s = create();
is(wait_status($s, 'creating', 60), 'running', 'start lost: it runs');
sleep 1;
works($s, 'start lost');
gone($s, 'start lost');


# ---- the same, and the executor takes its time

my $executor = $ENV{SANDBOX_TEST_EXECUTOR_PATH};
(my $sleepy = $executor) =~ s/executor$/sleepy01/ or die $executor;
system("rm -rf $sleepy && cp -r $executor $sleepy"
       . " && mv $sleepy/executor $sleepy/real") and die 'no copy';
Sandbox::Test::spew("$sleepy/executor", "#!/bin/sh\nsleep 1\nexec /opt/sandbox/real \"\$@\"\n");
chmod 0755, "$sleepy/executor";

proxy(start => { after => lost(), times => 1 },
      create => { change => sub { s/\Q$executor"/$sleepy"/ }, times => 1 });
$s = create();
is(wait_status($s, 'creating', 60), 'running', 'start lost, slow: it runs');
works($s, 'start lost, slow');
gone($s, 'start lost, slow');

# lost on its way there: it was never started
proxy(start => { before => lost(), times => 1 });
$s = create();
failure($s, 'start never arrived');
gone($s, 'start never arrived');

for my $call (qw(inspect remove list)) {
    proxy($call => { after => lost(), times => 2 });
    $s = create();
    is(wait_status($s, 'creating', 60), 'running', "$call lost: it runs");
    works($s, "$call lost");
    gone($s, "$call lost");
    ok(wait_for(sub { seen($call) }), "$call lost: it was");
}


# ---- refused

for my $case (
    ['an error of the engine', 500, '{"message":"no space left on device"}',
     qr/no space left/],
    ['an error with odd bytes', 500, "{\"message\":\"a\x01b\xff\\u0000\\ud800"
     . '<script>"}', qr/./],
    ['an error without JSON', 500, 'oops', qr/./],
    ['a refusal', 400, '{"message":"OCI runtime create failed: no such file"}',
     qr/OCI runtime/],
    ['forbidden', 403, '{"message":"authorization denied"}', qr/denied/],
)
{
    my ($name, $status, $body, $message) = @$case;

    for my $call (qw(create start)) {
        proxy($call => { before => says($status, $body) });
        my $id = create();
        like(failure($id, "$call, $name")->{message}, $message,
             "$call, $name: in the engine's words");
        gone($id, "$call, $name");
    }
}


# ---- answers that are none

for my $case (
    ['no id', '{}'], ['an id that is a number', '{"Id":7}'],
    ['an id that is a path', '{"Id":"../../x"}'],
    ['an array', '[]'], ['deep', '[' x 100_000],
    ['100 MB', '{"Id":"' . 'x' x (100 << 20) . '"}'],
)
{
    my ($name, $body) = @$case;

    proxy(create => { before => says(201, $body) });
    my $id = create();
    failure($id, "created with $name");
    gone($id, "created with $name");
}


# ---- a removal that is refused is made up for

proxy(remove => { before => says(500, '{"message":"device busy"}'),
                  times => 3 });
$s = create();
is(wait_status($s, 'creating'), 'running', 'it runs');
sleep 1.5;      # its start has seen that, too
is(api(DELETE => "/sessions/$s")->{status}, 204, 'deleted');
gone($s, 'a removal that is refused');

proxy(start => { before => says(500, '{"message":"no"}') },
      remove => { before => says(500, '{"message":"busy"}'), times => 3 });
$s = create();
failure($s, 'a start and its removal are refused');
gone($s, 'a start and its removal are refused');


# ---- a container that is removed by somebody else

proxy();
$s = create();
is(wait_status($s, 'creating'), 'running', 'it runs');
docker("rm -f sandbox-$s-2");
my $removed = api(POST => "/sessions/$s/execute-sync",
                  { language => 'shell', code => ':' });
is("$removed->{status} $removed->{json}{error_code}",
   '503 Sandbox.RuntimeUnavailable', 'removed by hand: its use says so');
is(wait_status($s, 'running'), 'failed', 'and the session has failed');
gone($s, 'removed by hand');
$s = create();
is(wait_status($s, 'creating'), 'running', 'another one runs');
docker("rm -f sandbox-$s-2");
is(wait_status($s, 'running', 30), 'failed', 'removed idle: it is found');


# ---- a worker is killed at each call of a create, and of an end

sub killing {
    my ($call, $when) = @_;
    my @workers = workers();

    expect_error(map { qr/worker process $_ exited on signal 9/,
                       qr/zone "\w+" was locked by $_$/ } @workers);

    # the call that is not made is one that the dead worker had not made yet
    proxy($call => { ($when eq 'after' ? 'after' : 'before') => sub {
                         kill 'KILL', @workers;
                         die 'not made' if $when eq 'instead of';
                     }, times => 1 });

    # a call that is made before they are gone would be lost with them
    return sub { seen($call) && !grep { kill 0, $_ } @workers };
}


for my $when ('instead of', 'before', 'after') {
    for my $call (qw(create start)) {
        my $name = "killed $when $call";

        my $killed = killing($call, $when);
        my $id = create();
        ok(wait_for($killed), "$name: it was");
        ok(wait_for(sub {
            my ($row) = db("SELECT status FROM sessions WHERE id = '$id'");
            return $row->[0] ne 'creating';
        }, 60), "$name: its row tells the truth in time");

        my $status = api(GET => "/sessions/$id")->{json}{status};
        $status eq 'running' ? works($id, $name) : failure($id, $name);
        gone($id, "$name: $status");
    }

    for my $call (qw(inspect remove)) {
        my $name = "killed $when $call";

        proxy();
        my $id = create();
        is(wait_status($id, 'creating'), 'running', "$name: it runs");
        my $killed = killing($call, $when);
        is(api(DELETE => "/sessions/$id")->{status}, 204, "$name: deleted");
        ok(wait_for($killed), "$name: it was");
        gone($id, $name);
    }
}


# ---- the real engine stops in a create, and goes on

proxy();
$s = create();
freeze('docker');
is(wait_status($s, 'creating', 60), 'failed',
   'frozen: the start ends within its deadline');
thaw('docker');
gone($s, 'frozen');


# ---- many creates at once: a worker has so many places, the others wait

nginx_stop();
nginx_start(workers => 1, conf => sub {
    s/(sandbox_node\s+local;)/$1 sandbox_start_timeout 30s;/;
    s{unix:\S+/docker\.sock}{unix:$home/run/stub.sock creates=3};
});

my $ledger = "$home/tmp/creates";
Sandbox::Test::spew($ledger, '');

sub entered {
    my ($what) = @_;

    return sub {
        open my $file, '>>', $ledger or die "$ledger: $!";
        syswrite $file, "$what\n";
        sleep 1 if $what > 0;
    };
}

proxy(map { ($_ => { before => entered(1), after => entered(-1) }) }
      qw(create start));
my @many = map { create() } 1 .. 6;
is(wait_status($_, 'creating', 30), 'running', "$_: has its turn") for @many;

my ($now, $most) = (0, 0);
for my $step (split /\n/, Sandbox::Test::slurp($ledger)) {
    $now += $step;
    $most = $now if $now > $most;
}

is($most, 3, 'no more than that at once');
gone($_, $_) for @many;

finish();
