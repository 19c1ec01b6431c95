#!/usr/bin/env perl

# Faults, injected into the real parts: workers that are killed in each step,
# MariaDB frozen, killed and absent, an engine that is absent, slow or talks
# nonsense, an executor that dies.  Would catch: a row that lies afterwards, a
# container that nobody removes, a caller that gets no answer.

use strict;
use warnings;
use IO::Socket::UNIX;
use Sandbox::Test;

my $home = home();


sub fast {
    s/(sandbox_node\s+local;)/$1
    sandbox_reconcile_interval 500ms;
    sandbox_start_timeout 10s;/;
}


# a request whose answer may never come
sub background {
    my ($path, $body) = @_;

    my $pid = fork // die $!;
    return $pid if $pid;
    api(POST => $path, $body);
    POSIX::_exit(0);
}


sub settled {
    my ($id) = @_;

    return wait_for(sub {
        my ($row) = db("SELECT status FROM sessions WHERE id = '$id'");
        return !$row || $row->[0] ne 'creating';
    }, 60);
}


# ---- a worker is killed at any moment of a create

nginx_start(conf => \&fast);

for my $delay (0, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3) {
    my $id = "killed-" . $delay * 1000;
    my $pid = background('/sessions',
                         { template_id => 'python-basic', id => $id });

    sleep $delay;
    kill_worker($_) for workers();
    waitpid $pid, 0;

    ok(wait_for(sub { workers() == 2 }), "workers are back ($delay s)");
    ok(settled($id), "its row tells the truth ($delay s)");
}

# those that run, run: the executor's report was sent again
for my $row (db(q(SELECT id FROM sessions WHERE status = 'running'))) {
    my $answer = api(POST => "/sessions/$row->[0]/execute-sync",
                     { language => 'shell', code => 'echo alive' });
    is($answer->{json}{stdout}, "alive\n", "$row->[0] works");
    api(DELETE => "/sessions/$row->[0]");
}


# ---- a worker is killed at any moment of an execution

my $s = session();

for my $delay (0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2) {
    my $pid = background("/sessions/$s/execute-sync",
                         { language => 'shell', timeout => 5,
                           code => "sleep 0.1; echo $delay >>ledger;"
                                   . " echo done" });

    sleep $delay;
    kill_worker($_) for workers();
    waitpid $pid, 0;
    wait_for(sub { workers() == 2 });
}

ok(wait_for(sub {
    !db("SELECT id FROM executions WHERE session_id = '$s'
         AND status IN ('pending', 'running', 'crashed')");
}, 90), 'each execution has ended');

my $ledger = api(POST => "/sessions/$s/execute-sync",
                 { language => 'shell', code => 'sort ledger | uniq -c' });
unlike($ledger->{json}{stdout}, qr/^\s*[2-9]/m, 'none ran twice');

my @ran = split /\n/, $ledger->{json}{stdout};
my ($stored) = db("SELECT COUNT(*) FROM executions WHERE session_id = '$s'
                   AND status = 'completed' AND stdout = 'done\\n'");
is($stored->[0], scalar @ran, 'each that ran has its result');
cmp_ok(scalar @ran, '>', 1, 'and some have run');


# ---- clients that leave at once lose nothing

for (1 .. 20) {
    my $socket = IO::Socket::INET->new('127.0.0.1:'
                                       . ($ENV{TEST_NGINX_PORT} || 18070));
    my $body = '{"language":"shell","code":"echo left"}';
    print $socket "POST /api/v1/sessions/$s/execute-sync HTTP/1.1\r\n"
        . "Host: x\r\nContent-Type: application/json\r\nContent-Length: "
        . length($body) . "\r\n\r\n$body";
    close $socket;
}

ok(wait_for(sub {
    my ($n) = db("SELECT COUNT(*) FROM executions WHERE session_id = '$s'
                  AND stdout = 'left\\n'");
    my ($open) = db("SELECT COUNT(*) FROM executions WHERE session_id = '$s'
                     AND status IN ('pending', 'running', 'crashed')");
    # some may have been refused, but none is lost
    return $n->[0] > 0 && $open->[0] == 0;
}, 60), 'a client that leaves does not stop what it asked for');

# a worker may have taken some of them late
my $cut;
wait_for(sub {
    ($cut) = db("SELECT COUNT(*) FROM executions WHERE session_id = '$s'
                 AND status NOT IN ('completed', 'failed')");
    return $cut->[0] == 0;
}, 60);
is($cut->[0], 0, 'and all have ended');


# ---- the executor dies in a run

expect_error(qr/upstream prematurely closed connection/,
             qr/answered 503.*the sandbox closed the connection/,
             qr{executor\.sock failed},
             qr/recv\(\) failed \(104/, qr/connect\(\) to unix:.* failed/);
my $pid = background("/sessions/$s/execute-sync",
                     { language => 'shell', code => 'sleep 20' });
wait_for(sub {
    db("SELECT 1 FROM executions WHERE session_id = '$s'
        AND code = 'sleep 20' AND status = 'running'");
}) or fail('it runs');
docker("kill sandbox-$s-2");
waitpid $pid, 0;
is(wait_status($s, 'running'), 'failed', 'the session has failed');
my $failure = api(GET => "/sessions/$s")->{json}{failure};
is($failure->{reason}, 'container_exited', 'for this reason');
is($failure->{exit_code}, 137, 'with this exit code');
is((db("SELECT status FROM executions WHERE session_id = '$s'
        AND code = 'sleep 20'"))[0][0], 'failed', 'and so has the execution');
is(api(GET => "/sessions/$s/executions?limit=1")->{json}{items}[0]{status},
   'failed', 'as is told');

# ---- a container that dies while nobody uses it

$s = session();
docker("kill sandbox-$s-2");
ok(wait_for(sub {
    (db("SELECT status FROM sessions WHERE id = '$s'"))[0][0] eq 'failed';
}, 30), 'a sandbox that died idle is found');


# ---- out of memory

$s = session(memory => '128Mi');
my $oom = api(POST => "/sessions/$s/execute-sync", { language => 'python',
    code => "x = []\nwhile True: x.append(bytearray(1 << 20))" });
ok($oom->{status} == 503 || $oom->{json}{status} eq 'failed',
   'memory that runs out is a failure');


# ---- MariaDB frozen, then back

my ($mariadb) = do { local @ARGV = "$home/run/mariadb.pid"; <> };
chomp $mariadb;

expect_error(qr/lost MariaDB/, qr/answered 503/);
$s = session();
signal_process(STOP => $mariadb);
my $begun = time;
my $frozen = api(GET => "/sessions/$s");
is($frozen->{status}, 503, 'frozen: 503');
ok(time - $begun < 20, 'within the deadline');
is($frozen->{json}{error_code}, 'Sandbox.DatabaseUnavailable', 'its code');
ok($frozen->{headers}{'retry-after'}, 'with Retry-After');
is(api(GET => '//readyz')->{status}, 503, 'readyz says so');
is(api(GET => '//livez')->{status}, 200, 'livez does not care');
kill 'CONT', $mariadb;
ok(wait_for(sub { api(GET => "/sessions/$s")->{status} == 200 }, 30),
   'thawed: good again');
all_well() or fail('in each worker');


# ---- MariaDB killed under way, and absent at start

# killed sooner, it may be that the code was never handed over
$pid = background("/sessions/$s/execute-sync",
                  { language => 'shell',
                    code => 'touch begun; sleep 1; echo kept' });
wait_for(sub { grep { $_ eq 'begun' } docker("exec sandbox-$s-2 ls /workspace") })
    or fail('it has begun');
kill 'KILL', $mariadb;
waitpid $pid, 0;
is(api(GET => "/sessions/$s")->{status}, 503, 'killed: 503');

nginx_stop();
nginx_start(conf => \&fast);
is(api(GET => "/sessions/$s")->{status}, 503, 'absent at start: 503');

system('bash', '-c', ". docker/lib.sh; home=$home; mariadb_start") == 0
    or diag('MariaDB did not start again');
ok(wait_for(sub { api(GET => "/sessions/$s")->{status} == 200 }, 30),
   'back: good');
ok(wait_for(sub {
    my ($row) = db("SELECT stdout FROM executions WHERE session_id = '$s'
                    AND status = 'completed'");
    return $row && $row->[0] eq 'kept\\n';
}, 70), 'the result came once MariaDB was back')
    or diag(map { join(' ', map { $_ // '' } @$_) . "\n" }
            db("SELECT id, status, exit_code, error_message, created_at,
                completed_at FROM executions WHERE session_id = '$s'"));


# ---- engines that are not what they should be

sub engine_stub {
    my ($serve) = @_;
    my $path = "$home/run/stub.sock";

    unlink $path;
    my $listen = IO::Socket::UNIX->new(Local => $path, Listen => 16)
        or die "stub: $!";
    chmod 0666, $path;
    my $pid = fork // die $!;
    return $pid if $pid;

    while (my $client = $listen->accept) {
        sysread $client, my $request, 65536;
        $serve->($client, $request);
    }
    POSIX::_exit(0);
}

my %engines = (
    'absent' => undef,
    'garbage' => sub { print { $_[0] } "\x16\x03\x01 no HTTP\r\n\r\n" },
    'not JSON' => sub { print { $_[0] } "HTTP/1.1 201 Created\r\n"
                        . "Content-Length: 4\r\n\r\n]]]]" },
    'closing early' => sub { print { $_[0] } "HTTP/1.1 201 Cre" },
    'silent' => sub { sleep 30 },
);

for my $kind (sort keys %engines) {
    my $stub = $engines{$kind} ? engine_stub($engines{$kind}) : 0;

    nginx_stop();
    nginx_start(conf => sub {
        fast();
        s{unix:\S+/docker\.sock}
         {unix:$home/run/stub.sock timeout=1s create_timeout=2s};
    });

    unlink "$home/run/stub.sock" unless $stub;

    my $made = api(POST => '/sessions', { template_id => 'python-basic' });
    is($made->{status}, 201, "engine $kind: accepted");
    is(wait_status($made->{json}{id}, 'creating', 40), 'failed',
       "engine $kind: failed within its deadline");
    my $why = api(GET => "/sessions/$made->{json}{id}")->{json}{failure};
    ok($why->{message}, "engine $kind: " . ($why->{message} // ''));

    if ($stub) {
        kill 'KILL', $stub;
        waitpid $stub, 0;
    }
}

expect_error(qr/Docker|engine|the answer/i);


# ---- an engine that cuts a connection that was kept: is a create sent twice?

my $asked = "$home/tmp/asked";
Sandbox::Test::spew($asked, '');

my $stub = engine_stub(sub {
    my ($client, $request) = @_;

    return if fork;

    while ($request =~ /^GET (\S+)/) {
        my $text = $1 =~ /images/ ? '{"Id":"sha256:0","Config":{}}' : 'OK';
        print $client "HTTP/1.1 200 OK\r\nContent-Length: "
                      . length($text) . "\r\n\r\n$text";
        sysread $client, $request, 65536 or POSIX::_exit(0);
    }

    open my $file, '>>', $asked or die "$asked: $!";
    syswrite $file, $request =~ s/\r.*//sr . "\n";
    POSIX::_exit(0);
});

nginx_stop();
nginx_start(workers => 1, conf => sub {
    fast();
    s/sandbox_reconcile_interval 500ms/sandbox_reconcile_interval 60s/;
    s{unix:\S+/docker\.sock}{unix:$home/run/stub.sock timeout=5s};
});

is(api(GET => '//readyz')->{status}, 200, 'an engine that is well');
my $once = api(POST => '/sessions', { template_id => 'python-basic' })->{json};
is(wait_status($once->{id}, 'creating', 40), 'failed', 'and cuts a create');
is(() = Sandbox::Test::slurp($asked) =~ m{/containers/create}g, 1,
   'was asked once');
kill 'KILL', $stub;
waitpid $stub, 0;

nginx_stop();
nginx_start(conf => \&fast);


# ---- an executor that is never ready

$s = api(POST => '/templates', { id => 'mute', name => 'mute',
         image_url => 'sandbox-template-python-basic:latest',
         runtime_type => 'python3.11' })->{json}{id};
expect_error(qr/was not ready within/);
{
    nginx_stop();
    nginx_start(conf => sub {
        fast();
        # the callback listener is elsewhere: no report can arrive
        s{(sandbox_callback_path\s+)\S+;}{$1$home/tmp;};
    });
    my $made = api(POST => '/sessions', { template_id => 'mute' })->{json};
    is(wait_status($made->{id}, 'creating', 40), 'failed', 'never ready');
    my $why = api(GET => "/sessions/$made->{id}")->{json}{failure};
    is($why->{reason}, 'start_timeout', 'for this reason');
    ok(wait_for(sub { !docker('ps -aq --filter label=ngx_sandbox.session='
                              . $made->{id}) }, 40), 'nothing is left');
}


# ---- the name is taken by somebody else's container

expect_error(qr/name_conflict|is taken|already in use|Conflict/i);
docker('create --name sandbox-taken-2 sandbox-template-python-basic:latest'
       . ' true');
nginx_stop();
nginx_start(conf => \&fast);
api(POST => '/sessions', { template_id => 'python-basic', id => 'taken' });
is(wait_status('taken', 'creating'), 'failed', 'name conflict');
is(api(GET => '/sessions/taken')->{json}{failure}{reason}, 'name_conflict',
   'for this reason');
like(join(' ', docker('ps -a --format {{.Names}}')), qr/sandbox-taken-2/,
     'the other container is left alone');
docker('rm sandbox-taken-2');


# ---- reload under load

$s = session();
$pid = background("/sessions/$s/execute-sync",
                  { language => 'shell', code => 'sleep 2; echo through' });
sleep 0.5;
nginx_reload();
waitpid $pid, 0;
my ($through) = db("SELECT stdout FROM executions WHERE session_id = '$s'");
is($through->[0], 'through\\n', 'a run outlives a reload');

finish();
