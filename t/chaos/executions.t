#!/usr/bin/env perl

# Everything is killed at random while clients run code in every way that there
# is, and install packages: workers, nginx, MariaDB, containers, executors, what
# executes the code or waits for some; and containers stand still for a while,
# and are given up.  Afterwards each execution that was accepted must have
# ended, once, with the result that it really had.
# Would catch: a result that is lost or invented, code that runs twice although
# that is forbidden, an attempt that is counted wrongly, an answer that a later
# read does not confirm, something that is left running, an install that stays
# "installing".
#
# What really happened is in a ledger that each attempt writes into its
# workspace, of which we hold the folder open from outside: so it can be read
# when the sandbox is long dead.  A trigger writes down what the rows went
# through.  Nothing here depends on how quick anything is.
#
#     SANDBOX_CHAOS_SECONDS=1800 SANDBOX_CHAOS_SEED=7 prove t/chaos/executions.t

use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(time sleep);
use Sandbox::Packages;
use Sandbox::Test;

my $seconds = $ENV{SANDBOX_CHAOS_SECONDS} // 120;
my $seed = $ENV{SANDBOX_CHAOS_SEED} // int(time) % 100_000;
my $home = Sandbox::Test::home();
my $notes = "$home/tmp/chaos";

diag("seed $seed, $seconds s");
srand $seed;

my $index = index_start();

sub conf {
    index_conf("sandbox_package_index pypi $index/simple/ files=$index/files/;",
               'sandbox_execution_lease 4s;', 'sandbox_reap_interval 200ms;',
               'sandbox_reconcile_interval 1s;');
}

nginx_start(workers => 3, conf => \&conf);
mkdir $notes;

my $changed = 'NEW.status <> OLD.status OR NEW.retry_count <> OLD.retry_count';
db("DROP TRIGGER IF EXISTS chaos; DROP TABLE IF EXISTS chaos;
    CREATE TABLE chaos (n BIGINT AUTO_INCREMENT PRIMARY KEY, id VARCHAR(64),
        at DECIMAL(20, 6), status VARCHAR(16), retries INT, message TEXT);
    CREATE TRIGGER chaos AFTER UPDATE ON executions FOR EACH ROW
        INSERT INTO chaos (id, at, status, retries, message)
        SELECT NEW.id, UNIX_TIMESTAMP(SYSDATE(6)), NEW.status, NEW.retry_count,
               IFNULL(NEW.error_message, '') FROM DUAL WHERE $changed;");
unlink glob "$notes/*";

my @sessions;
my (%workspace, %killed);     # session => folder; session => when
my (%spooled, @events);       # results that a dead executor has left; what was
                              # done, for whoever looks for a cause


# one that runs, and its workspace as the host sees it
sub renew {
    my ($n) = @_;
    my $id;

    for (1 .. 20) {
        $id = api(POST => '/sessions', { template_id => 'python-basic',
                                         install_timeout => 30,
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
    my ($method, $path, $body, $key, $wait) = @_;
    my $answer = HTTP::Tiny->new(timeout => 40)->request($method,
        'http://127.0.0.1:' . Sandbox::Test::port() . "/api/v1$path",
        { $body ? (content => encode_json($body)) : (),
          headers => { 'Content-Type' => 'application/json',
                       $wait ? (Prefer => 'wait=5') : (),
                       $key ? ('Idempotency-Key' => $key) : () } });

    my $json = eval { decode_json($answer->{content}) } // {};
    return ($answer->{status}, $json);
}


# a stream's last event that has the execution; undef: it was cut off before
sub stream {
    my ($path, $body, $key) = @_;
    my $answer = HTTP::Tiny->new(timeout => 40)->post('http://127.0.0.1:'
        . Sandbox::Test::port() . "/api/v1$path",
        { content => encode_json($body),
          headers => { 'Content-Type' => 'application/json',
                       $key ? ('Idempotency-Key' => $key) : () } });
    my ($data) = $answer->{content} =~ /^event: result\ndata: (.*)$/m;

    return ($answer->{status}, eval { decode_json($answer->{content}) } // {})
        if $answer->{status} != 200;
    return $data ? (200, decode_json($data)) : (599, {});
}


# the same in both languages: it writes when it begins and ends
my %code = (
    shell => 'name="%s"; read -r me </proc/sys/kernel/random/uuid; '
             . 'now() { date +%%s.%%N; }; '
             . 'echo "$name start $me $(now)" >>ledger; echo out $me; '
             . 'sleep %.2f; echo "$name end $me $(now)" >>ledger; exit %d',
    python => 'name="%s"; import sys, time
me = open("/proc/sys/kernel/random/uuid").read().strip()
def note(what):
    with open("ledger", "a") as f:
        f.write("%%s %%s %%s %%.9f\n" %% (name, what, me, time.time()))
note("start")
print("out", me)
time.sleep(%.2f)
note("end")
sys.exit(%d)
',
);

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
        my $sleep = $timeout == 1 ? 60
                    : rand() < 0.2 ? 1 + rand 4 : rand 0.3;
        my $mode = (qw(execute execute execute-sync execute-stream))[rand 4];
        my $language = rand() < 0.4 ? 'python' : 'shell';
        my %body = (language => $language, timeout => $timeout,
                    max_retries => rand() < 0.4 ? 0 : 3,
                    code => sprintf($code{$language}, $name, $sleep, $exit));
        my $key = rand() < 0.7 ? $name : undef;
        my $wait = $mode eq 'execute' && rand() < 0.3;
        my %job = (name => $name, session => $session, exit => $exit,
                   timeout => $timeout, key => $key, mode => $mode,
                   retries => $body{max_retries});
        my $path = "/sessions/$session/$mode";

        # without a key, whoever is not told must not send it again
        for (1 .. ($key ? 30 : 1)) {
            my ($status, $json) = $mode eq 'execute-stream'
                ? stream($path, \%body, $key)
                : call(POST => $path, \%body, $key, $wait);
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

        # somebody waits for what was only begun
        if ($job{id} && !$job{told} && rand() < 0.3) {
            my ($status, $json) =
                call(GET => "/executions/$job{id}?wait=done&timeout=5");
            $job{told} = $json if $status == 200 && $json->{completed_at};
        }

        print $note encode_json(\%job), "\n";

        # and sometimes somebody asks for the end, or for packages
        if ($job{id} && rand() < 0.05) {
            call(POST => "/executions/$job{id}/cancel");
        }

        if (rand() < 0.05) {
            call(POST => "/sessions/$session/dependencies/install",
                 { dependencies => packages([(qw(good slow broken))[rand 3],
                                             undef]) });
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
my $late = 0;

sub mariadb_pid {
    my ($pid) = split ' ', Sandbox::Test::slurp("$home/run/mariadb.pid");
    return $pid;
}

# of a random session: what its executor has started, a waiting interpreter or
# what executes code
sub children {
    my $pid = inspect('sandbox-' . $sessions[rand @sessions] . '-2')
        ->{State}{Pid};
    return split ' ', Sandbox::Test::slurp("/proc/$pid/task/$pid/children");
}

# kills a sandbox, and notes what its executor has on its disk: that must not be
# lost, however slow everything is
sub slay {
    my ($n, $how) = @_;
    my $session = $sessions[$n];
    my $pid = inspect("sandbox-$session-2")->{State}{Pid};

    $pid or die "$session is dead already";
    Sandbox::Test::signal_process(STOP => $pid);
    $spooled{$_} = 1
        for map { m{/(exec_\w+\.\d+)$} ? $1 : () }
                glob "/proc/$pid/root/run/sandbox/spool/*";
    $killed{$session} = time;
    $how->($session, $pid);
}

sub kill_container { slay($_[0], sub { docker("kill sandbox-$_[0]-2") }) }

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
        kill_container($n);
        renew($n);
    },
    # for longer than $moment: what has ended at first must be on the disk
    'nginx, and the containers before it is back' => sub {
        Sandbox::Test::nginx_kill();
        sleep 6;
        kill_container($_) for 0 .. $#sessions;
        nginx_start(workers => 3, conf => \&conf);
        renew($_) for 0 .. $#sessions;
    },
    'an executor' => sub {
        my $n = int rand @sessions;
        slay($n, sub { kill 'KILL', $_[1] });
        renew($n);
    },
    'what executes code or waits for some' => sub {
        my @children = children();
        kill 'KILL', $children[rand @children] if @children;
    },
    'all of that' => sub { kill 'KILL', children() },
    'nothing for a while, in a container that stands still' => sub {
        my $name = 'sandbox-' . $sessions[rand @sessions] . '-2';
        docker("pause $name");
        sleep 6 + rand 5;
        late();
        docker("unpause $name");
    },
);

# what an attempt that was given up says when its sandbox is back
sub late {
    my @late = eval {
        db("SELECT session_id, id, retry_count FROM executions
            WHERE status IN ('running', 'crashed') AND retry_count > 0")
    };

    for (@late) {
        my ($session, $id, $attempt) = @$_;
        report_result($session, $id, $attempt, "out too-late\n");
        $late++;
    }
}

my @kinds = sort keys %chaos;
my $end = time + $seconds;

while (time < $end) {
    my $kind = $kinds[rand @kinds];

    sleep rand 3;
    push @events, sprintf '%.3f %s', time, $kind;
    $chaos{$kind}->();
    push @events, sprintf '%.3f done', time;
    $done{$kind}++;
}

for (@clients) {
    waitpid $_, 0;
    is($?, 0, 'a client goes on to the end');
}

diag(join ', ', (map { "$done{$_} x $_" } sort keys %done),
     "$late late results");
expect_error(qr/\[error\]/, qr/exited on signal 9/, qr/was locked by/);


# ---- everything ends

ok(wait_for(sub {
    !db("SELECT 1 FROM executions
         WHERE status IN ('pending', 'running', 'crashed') LIMIT 1");
}, 180), 'each execution ends') or diag(join "\n", map { "@$_" }
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
        @{ $ledger{$name} }{'last', 'began'} = ($attempt, $at)
            if $what eq 'start';
        $ledger{$name}{$attempt} = $what eq 'end' ? $at : undef;
    }
}

for (db(q{SELECT id, session_id, status, IFNULL(exit_code, ''),
          SUBSTRING_INDEX(SUBSTRING_INDEX(code, '"', 2), '"', -1), stdout,
          retry_count, metrics IS NOT NULL, IFNULL(error_message, ''),
          max_retries FROM executions}))
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

my (%faults, %went);
my $confirmed = 0;

push @{ $went{ shift @$_ } }, $_
    for db('SELECT id, at, status, retries, message FROM chaos ORDER BY n');

# whether what began then was given up, later or before: nobody could be asked.
# What became of the row afterwards does not change that
sub given_up {
    my ($id, $began) = @_;
    my $given = 0;

    for (@{ $went{$id} // [] }) {
        my ($at, $status, $retries, $message) = @$_;
        my $up = $message =~ /was silent|did not take it/;

        return 1 if $up && $at >= $began;
        $given = $up if $at < $began;
    }

    return $given;
}

# when it was accepted, what it went through, and what it really did
sub tells {
    my ($name, $row) = @_;
    my $really = $ledger{$name} // {};

    return "$name: " . join(' ', map { "$_=$row->{$_}" } sort keys %$row)
           . join('', map { "\n    @$_" } @{ $went{ $row->{id} } // [] })
           . "\n    really: "
           . join(' ', map { "$_=" . ($really->{$_} // '') }
                           sort keys %$really)
           . "\n    died: " . ($killed{ $row->{session} } // 'never');
}

for my $name (sort keys %rows) {
    my $job = $jobs{$name} or next;

    # what could not begin was refused, and has a row; with its key it is tried
    # anew, and has another one
    my @refused = grep { $_->{status} eq 'failed' && !$_->{retries}
                         && !$_->{result} && $_->{message} !~ /while it ran/ }
                       @{ $rows{$name} };
    my %refused = map { $_->{id} => 1 } @refused;
    my ($row, @more) = grep { !$refused{ $_->{id} } } @{ $rows{$name} };
    $row //= $refused[0];
    @more = @refused if @refused && !$job->{key} && @{ $rows{$name} } > 1;

    my $really = $ledger{$name} // {};
    my $tells = tells($name, $row);

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

    # what has ended is told so, unless it was given up, or its sandbox died
    # around that moment, and the result was not on its disk
    my $ended = $really->{ $really->{last} // '' };
    my $died = $killed{ $row->{session} };
    my $moment = $job->{mode} eq 'execute' ? 4 : 10;

    if (!$row->{result} && $row->{status} ne 'cancelled'
        && $row->{message} !~ /was silent|did not take it/
        && ($spooled{ $row->{id} . '.' . ($row->{retries} + 1) }
            || ($ended && !given_up($row->{id}, $really->{began})
                && !($died && $ended > $died - $moment))))
    {
        push @{ $faults{'keeps the result that it had'} }, $tells;
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

diag(join "\n", @events) if %faults;

my @changed;

for my $job (values %jobs) {
    my $told = $job->{told} or next;
    my ($status, $now);

    # a worker may not have noticed yet that MariaDB is back
    wait_for(sub {
        ($status, $now) = call(GET => "/executions/$told->{id}");
        return $status == 200 || $status == 404;
    }, 20);

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

# a heartbeat tells the executor what nobody wants any more, and that is ended
for my $session (@sessions) {
    my $answer;
    ok(wait_for(sub {
        $answer = api(POST => "/sessions/$session/execute-sync",
                      { language => 'shell', max_retries => 0,
                        code => 'for p in /proc/[0-9]*; do'
                                . ' tr "\\0" " " <$p/cmdline; echo; done'
                                . ' 2>/dev/null | grep -c "^sleep"; true' });
        return ($answer->{json}{stdout} // '') eq "0\n";
    }), 'nothing runs that should not') or diag($answer->{text});
}

# an interpreter may wait in each
for my $session (@sessions) {
    my @left;
    ok(wait_for(sub {
        @left = grep { !m{/opt/sandbox/executor} }
                     splice @{ [docker("top sandbox-$session-2 -eo args")] }, 1;
        return @left <= 1;
    }, 30), 'and no interpreter that has nothing to wait for')
        or diag(join "\n", @left);
}

ok(wait_for(sub {
    !db("SELECT 1 FROM sessions WHERE dependency_status = 'installing' LIMIT 1")
}, 90), 'each install ends');
is_deeply([db("SELECT id FROM sessions WHERE dependency_status = 'failed'
               AND IFNULL(dependency_error, '') = ''")], [], 'with a cause');

db('DROP TRIGGER chaos; DROP TABLE chaos');
index_stop();
closedir $_ for values %workspace;
unlink glob "$notes/*";
rmdir $notes;
finish();
