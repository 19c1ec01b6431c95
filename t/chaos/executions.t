#!/usr/bin/env perl

# Everything is killed at random while clients run code: workers, nginx,
# MariaDB, containers, what executes the code; and containers stand still for a
# while.  Afterwards each execution that was accepted must have ended, once,
# with the result that it really had.
# Would catch: a result that is lost or invented, code that runs twice although
# that is forbidden, an attempt that is counted wrongly, an answer that a later
# read does not confirm, something that is left running.
#
# What really happened is in a ledger that each attempt writes into its
# workspace, of which we hold the folder open from outside: so it can be read
# when the sandbox is long dead.
#
#     SANDBOX_CHAOS_SECONDS=1800 SANDBOX_CHAOS_SEED=7 prove t/chaos/executions.t

use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(time sleep);
use Sandbox::Test;

my $seconds = $ENV{SANDBOX_CHAOS_SECONDS} // 120;
my $seed = $ENV{SANDBOX_CHAOS_SEED} // int(time) % 100_000;
my $home = Sandbox::Test::home();
my $notes = "$home/tmp/chaos";

diag("seed $seed, $seconds s");
srand $seed;

sub conf {
    s/(sandbox_node\s+local;)/$1
    sandbox_execution_lease 4s;
    sandbox_reconcile_interval 1s;
    sandbox_reap_interval 200ms;/;
}

nginx_start(workers => 3, conf => \&conf);
mkdir $notes;
unlink glob "$notes/*";

my @sessions;
my (%workspace, %killed);     # session => folder; session => when


# one that runs, and its workspace as the host sees it
sub renew {
    my ($n) = @_;
    my $id;

    for (1 .. 20) {
        $id = api(POST => '/sessions', { template_id => 'python-basic',
                                         timeout => 3600 })->{json}{id};
        last if $id && wait_for(sub {
            (api(GET => "/sessions/$id")->{json}{status} // '') eq 'running';
        }, 10);
        sleep 0.5;
    }

    my $pid = inspect("sandbox-$id-2")->{State}{Pid};
    opendir my $dir, "/proc/$pid/root/workspace" or die "$pid: $!";
    $workspace{$id} = $dir;
    $sessions[$n] = $id;
    Sandbox::Test::spew("$notes/sessions.new", join "\n", @sessions);
    rename "$notes/sessions.new", "$notes/sessions";
}

renew($_) for 0 .. 2;


# ---- clients: each notes what it has asked for, and what it was told

sub call {
    my ($method, $path, $body, $key) = @_;
    my $answer = HTTP::Tiny->new(timeout => 40)->request($method,
        'http://127.0.0.1:' . Sandbox::Test::port() . "/api/v1$path",
        { $body ? (content => encode_json($body)) : (),
          headers => { 'Content-Type' => 'application/json',
                       $key ? ('Idempotency-Key' => $key) : () } });

    my $json = eval { decode_json($answer->{content}) } // {};
    return ($answer->{status}, $json);
}


sub client {
    my ($n) = @_;
    my $end = time + $seconds;
    my $i = 0;

    srand $seed * 100 + $n;
    open my $note, '>', "$notes/client-$n" or die $!;
    $note->autoflush(1);

    while (time < $end) {
        my $name = "job-$n-" . $i++;
        my @now = split /\n/, Sandbox::Test::slurp("$notes/sessions");
        my $session = $now[rand @now];
        my $exit = rand() < 0.3 ? 1 + int rand 100 : 0;
        my $timeout = rand() < 0.1 ? 1 : 20;
        my $sleep = $timeout == 1 ? 5
                    : rand() < 0.2 ? 1 + rand 4 : rand 0.3;
        my $mode = (qw(execute execute execute-sync))[rand 3];
        my %body = (language => 'shell', timeout => $timeout,
            max_retries => rand() < 0.4 ? 0 : 3,
            code => sprintf('name=%s; read -r me </proc/sys/kernel/random/uuid;'
                            . ' echo "$name start $me" >>ledger; echo out $me;'
                            . ' sleep %.2f;'
                            . ' echo "$name end $me $(date +%%s.%%N)" >>ledger;'
                            . ' exit %d', $name, $sleep, $exit));
        my $key = rand() < 0.7 ? $name : undef;
        my %job = (name => $name, session => $session, exit => $exit,
                   timeout => $timeout, key => $key, mode => $mode,
                   retries => $body{max_retries});

        # without a key, whoever is not told must not send it again
        for (1 .. ($key ? 30 : 1)) {
            my ($status, $json) = call(POST => "/sessions/$session/$mode",
                                       \%body, $key);
            $job{status} = $status;
            $job{id} = $json->{execution_id} // $json->{id} // $job{id};
            ($job{id}) = ($json->{error_detail} // '') =~ /(exec_\w+)/
                unless $job{id};
            $job{told} = $json if $status == 200;
            last if $status =~ /^20[01]$/ || $status == 404
                    || ($status == 409
                        && $json->{error_code} eq 'Sandbox.SessionNotRunning');
            sleep 0.2;
        }

        print $note encode_json(\%job), "\n";

        # and sometimes somebody asks for the end, or reads what there is
        if ($job{id} && rand() < 0.05) {
            call(POST => "/executions/$job{id}/cancel");
        }

        sleep rand 0.2;
    }

    POSIX::_exit(0);
}

my @clients;

for my $n (1 .. 4) {
    my $pid = fork // die $!;
    client($n) if $pid == 0;
    push @clients, $pid;
}


# ---- chaos

my %done;

sub mariadb_pid {
    my ($pid) = split ' ', Sandbox::Test::slurp("$home/run/mariadb.pid");
    return $pid;
}

my %chaos = (
    'a worker' => sub { kill 'KILL', (workers())[0] // () },
    'all workers' => sub { kill 'KILL', workers() },
    'nginx' => sub {
        Sandbox::Test::nginx_kill();
        sleep rand 2;
        nginx_start(workers => 3, conf => \&conf);
    },
    'a reload' => sub { nginx_reload() },
    'MariaDB' => sub {
        my $pid = mariadb_pid();
        kill 'KILL', $pid;
        wait_for(sub { !kill 0, $pid }, 5);
        sleep rand 2;
        system('bash', '-c', ". docker/lib.sh; home=$home; mariadb_start") == 0
            or die 'no MariaDB';
    },
    'a container' => sub {
        my $n = int rand @sessions;
        $killed{ $sessions[$n] } = time;
        docker("kill sandbox-$sessions[$n]-2");
        renew($n);
    },
    'nginx, and a container before it is back' => sub {
        my $n = int rand @sessions;
        Sandbox::Test::nginx_kill();
        sleep 3;
        $killed{ $sessions[$n] } = time;
        docker("kill sandbox-$sessions[$n]-2");
        nginx_start(workers => 3, conf => \&conf);
        renew($n);
    },
    'what executes the code' => sub {
        my $pid = inspect('sandbox-' . $sessions[rand @sessions] . '-2')
            ->{State}{Pid};
        my @children = split ' ',
            Sandbox::Test::slurp("/proc/$pid/task/$pid/children");
        kill 'KILL', $children[rand @children] if @children;
    },
    'nothing for a while, in a container that stands still' => sub {
        my $name = 'sandbox-' . $sessions[rand @sessions] . '-2';
        docker("pause $name");
        sleep 6 + rand 5;
        docker("unpause $name");
    },
);

my @kinds = sort keys %chaos;
my $end = time + $seconds;

while (time < $end) {
    my $kind = $kinds[rand @kinds];

    sleep rand 3;
    $chaos{$kind}->();
    $done{$kind}++;
}

waitpid $_, 0 for @clients;
diag(join ', ', map { "$done{$_} x $_" } sort keys %done);
expect_error(qr/\[error\]/, qr/exited on signal 9/, qr/was locked by/);


# ---- everything ends

ok(wait_for(sub {
    !db("SELECT 1 FROM executions
         WHERE status IN ('pending', 'running', 'crashed') LIMIT 1");
}, 60), 'each execution ends') or diag(join "\n", map { "@$_" }
    db("SELECT id, status, retry_count, due_at, session_id FROM executions
        WHERE status IN ('pending', 'running', 'crashed')"));


# ---- and as it really was

my (%ledger, %rows, %jobs, %seen);

for my $session (keys %workspace) {
    my $fd = fileno $workspace{$session};

    # the last attempt, and when each ended
    for (split /\n/, Sandbox::Test::slurp("/proc/self/fd/$fd/ledger")) {
        my ($name, $what, $attempt, $at) = split / /;
        $ledger{$name}{$what}++;
        $ledger{$name}{last} = $attempt if $what eq 'start';
        $ledger{$name}{$attempt} = $at;
    }
}

for (db("SELECT id, session_id, status, IFNULL(exit_code, ''),
         SUBSTRING(SUBSTRING_INDEX(code, ';', 1), 6), stdout,
         retry_count, metrics IS NOT NULL, IFNULL(error_message, ''),
         max_retries FROM executions"))
{
    my %row;
    @row{qw(id session status exit name stdout retries result message
            max_retries)} = @$_;
    push @{ $rows{ $row{name} } }, \%row;
    $seen{ $row{status} }++;
}

for my $file (glob "$notes/client-*") {
    for (split /\n/, Sandbox::Test::slurp($file)) {
        my $job = decode_json($_);
        $jobs{ $job->{name} } = $job;
    }
}

my %faults;
my $confirmed = 0;

for my $name (sort keys %rows) {
    my ($row, @more) = @{ $rows{$name} };
    my $job = $jobs{$name} or next;
    my $really = $ledger{$name} // {};
    my $tells = "$name: " . join ' ', map { "$_=$row->{$_}" } sort keys %$row;

    push @{ $faults{'is one row'} }, $tells if @more;
    push @{ $faults{'runs as often as it was attempted, at most'} }, $tells
        if ($really->{start} // 0) > $row->{retries} + 1;
    push @{ $faults{'is not attempted more often than it may be'} }, $tells
        if $row->{retries} > $row->{max_retries};
    push @{ $faults{'runs once where that is asked for'} }, $tells
        if $job->{retries} == 0 && ($really->{start} // 0) > 1;

    if ($row->{status} eq 'completed'
        || ($row->{status} eq 'failed' && $row->{exit} eq $job->{exit}
            && $job->{exit}))
    {
        $confirmed++;
        my ($attempt) = $row->{stdout} =~ /^out (\S+)\\n$/;
        push @{ $faults{'has a result that it really had'} }, $tells
            if !$attempt || !$really->{$attempt}
               || $row->{exit} != $job->{exit};
        push @{ $faults{'has the result of its last attempt'} }, $tells
            if ($attempt // '') ne ($really->{last} // '');
    }

    if ($row->{status} eq 'timeout') {
        push @{ $faults{'ran out of time where it could'} }, $tells
            if $job->{timeout} != 1;
    }

    # what has ended is told so, unless it was given up before, or its sandbox
    # died around that moment, before it could write the result to its disk
    my $ended = $really->{ $really->{last} // '' };
    my $died = $killed{ $row->{session} };
    my $moment = $job->{mode} eq 'execute' ? 1 : 4;

    if ($ended && !$row->{result} && $row->{status} ne 'cancelled'
        && $row->{message} !~ /was silent/
        && !($died && $ended > $died - $moment))
    {
        push @{ $faults{'keeps the result that it had'} },
            "$tells ended at $ended, died at " . ($died // '-');
    }

    if ($row->{status} eq 'failed' && $row->{message} eq '' ) {
        push @{ $faults{'tells the cause'} }, $tells;
    }
}

my @lost = grep { $jobs{$_}{id} && !$rows{$_} } keys %jobs;
is_deeply(\@lost, [], 'what was accepted is there');

for my $what ('is one row', 'runs as often as it was attempted, at most',
              'is not attempted more often than it may be',
              'runs once where that is asked for',
              'has a result that it really had',
              'has the result of its last attempt',
              'ran out of time where it could', 'keeps the result that it had',
              'tells the cause')
{
    is_deeply($faults{$what} // [], [], "each execution $what")
        or diag(join "\n", @{ $faults{$what} });
}

my @changed;

for my $job (values %jobs) {
    my $told = $job->{told} or next;
    my $now = (call(GET => "/executions/$told->{id}"))[1];

    push @changed, "$told->{id}: $told->{status} -> " . ($now->{status} // '?')
        if grep { ($told->{$_} // '') ne ($now->{$_} // '') }
           qw(status exit_code stdout stderr error_message completed_at
              retry_count);
}

is_deeply(\@changed, [], 'no answer is other than a later read');

my $executions = keys %rows;
diag("$executions executions: "
     . join(', ', map { "$seen{$_} $_" } sort keys %seen)
     . "; $confirmed by the ledger");
cmp_ok($confirmed, '>', $executions / 3, 'most of them had a result');

for my $session (@sessions) {
    my $answer = api(POST => "/sessions/$session/execute-sync",
                     { language => 'shell', max_retries => 0,
                       code => 'for p in /proc/[0-9]*; do'
                               . ' tr "\\0" " " <$p/cmdline; echo; done'
                               . ' 2>/dev/null | grep -c "^sleep"; true' });
    is($answer->{json}{stdout}, "0\n", 'nothing runs that should not')
        or diag($answer->{text});
}

closedir $_ for values %workspace;
unlink glob "$notes/*";
rmdir $notes;
finish();
