package Sandbox::Test;

# The harness of the behaviour tests: nginx with the module, configured from
# conf/quickstart.conf, against the real servers that t/lib/stack.sh started.
#
#     use Sandbox::Test;
#
#     nginx_start(workers => 2, conf => sub { s/pool=8/pool=1/ });
#     my $s = session();                       # created, and running
#     my $r = api(POST => "/sessions/$s/execute-sync", { ... });
#     is($r->{status}, 200); is($r->{json}{stdout}, "hi\n");
#     expect_error(qr/prematurely closed/);    # for this test's error.log
#     finish();
#
# api() takes a method, a path below /api/v1 (or "//livez" for one outside), a
# body (a hash is sent as JSON, a string as it is) and headers; it returns
# {status, headers, text, json}.  raw() sends bytes as they are and returns the
# whole answer.  db() runs SQL and returns rows of strings.  freeze("mariadb")
# and freeze("docker") stop a server where it is; thaw() lets it go on, and so
# does the end of the test.
#
# With SANDBOX_TEST_BUBBLEWRAP=1 the containers have a profile of system calls
# that lets bubblewrap work.
#
# For blocks of one request and its answer see Sandbox::Blocks; with
# Sandbox::OpenApi every answer is held against docs/openapi.yaml.
#
# finish() ends all sessions, stops nginx, and fails the test on [alert],
# [crit], [emerg] or an unexpected [error] in error.log, on a container or a
# session's folder that is left, on a row that breaks an invariant, and on a
# sanitizer's report.

use strict;
use warnings;
use Exporter 'import';
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use HTTP::Tiny;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = (qw(nginx_start nginx_stop nginx_reload nginx_conf api raw
                  unix_call session
                  wait_status wait_for db docker workers healths all_well kill_worker token
                  transactions report_result loopback expect_error finish home inspect
                  port freeze thaw
                  signal_process),
               @Test::More::EXPORT, qw(sleep time));

my $root = abs_path(dirname(__FILE__) . '/../../..');
my $home = $ENV{SANDBOX_TEST_HOME}
    or BAIL_OUT('no stack: eval "$(t/lib/stack.sh start HOME)" first');
my $port = $ENV{TEST_NGINX_PORT} || 18070;
my $module = $ENV{SANDBOX_TEST_MODULE}
    || "$root/build/module/ngx_http_sandbox_module.so";
my $binary = $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx';
my $log = "$home/log/error.log";
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my (@expected, @observers, @at_end, $running, $owner, %frozen);


sub home { return $home }


sub port { return $port }


sub slurp {
    my ($file) = @_;

    open my $fh, '<', $file or return '';
    local $/;
    return scalar <$fh>;
}


sub spew {
    my ($file, $text) = @_;

    open my $fh, '>', $file or die "$file: $!";
    print $fh $text;
    close $fh or die "$file: $!";
}


# the operator's configuration with this stack's paths; "conf" may change it
sub nginx_conf {
    my (%arg) = @_;
    my $text = slurp("$root/conf/quickstart.conf");
    my $workers = $arg{workers} // 2;

    for ($text) {
        s{/var/lib/ngx_sandbox/lib/ngx_http_sandbox_module\.so}{$module};
        s{/var/lib/ngx_sandbox\b}{$home}g;
        s{127\.0\.0\.1:8080}{127.0.0.1:$port}g;
        s{worker_processes\s+\d+}{worker_processes $workers};
        s{(sandbox_docker\s+[^;\s]+)}{$1 seccomp=$ENV{SANDBOX_TEST_SECCOMP}}
            if $ENV{SANDBOX_TEST_BUBBLEWRAP};
        $arg{conf}->() if $arg{conf};
    }

    spew("$home/conf/nginx.conf", $text);
    spew("$home/conf/$_", slurp("$root/conf/$_"))
        for qw(sandbox_locations.conf sandbox_packages.conf);
}


sub nginx_start {
    my (%arg) = @_;

    nginx_conf(%arg);
    clean_slate() unless $running;
    unlink "$home/callback/internal.sock", "$home/run/loopback.sock";
    spew($log, '') unless $running++;
    $owner = $$;

    my $out = `$binary -e $log -c $home/conf/nginx.conf 2>&1`;
    if ($? != 0) {
        diag($out);
        BAIL_OUT('nginx did not start') unless $arg{may_fail};
        return 0;
    }

    wait_for(sub { IO::Socket::INET->new("127.0.0.1:$port") }, 30)
        or BAIL_OUT('nginx does not listen');
    wait_for(sub { workers() >= ($arg{workers} // 2) }, 30)
        or BAIL_OUT('nginx has too few workers');
    return 1;
}


sub nginx_pid {
    my $pid = slurp("$home/run/nginx.pid");

    $pid =~ s/\s+//g;
    return $pid;
}


sub nginx_reload { kill 'HUP', nginx_pid() }


sub nginx_stop {
    my $pid = nginx_pid() or return;

    kill 'QUIT', $pid;
    wait_for(sub { !kill 0, $pid }, 90) or kill 'KILL', $pid;
}


# what a test that died has left, now or in an earlier run
sub nginx_kill {
    my $pid = nginx_pid() or return;
    my $title = slurp("/proc/$pid/cmdline");
    my @workers = split ' ', `pgrep -P $pid`;

    return unless $title =~ /\Q$home\E/;
    kill 'KILL', $pid, @workers;
    wait_for(sub { !grep { kill 0, $_ } $pid, @workers }, 30);
    unlink "$home/run/nginx.pid";
}


# so that a test neither sees nor is judged by what an earlier one has left
sub clean_slate {
    nginx_kill();

    my @left = containers();
    docker("rm -f -v @left") if @left;

    require File::Path;
    File::Path::remove_tree($_) for folders();

    db(q(DELETE FROM sessions; DELETE FROM containers;
         DELETE FROM idempotency_keys; DELETE FROM templates
         WHERE id NOT IN ('python-basic', 'python-datascience',
                          'nodejs-basic')));
}


END {
    my $status = $?;

    if (($owner // 0) == $$) {
        thaw($_) for grep { $frozen{$_} } keys %frozen;
        nginx_kill();
    }

    $? = $status;
}


# pids of the workers that do not leave
sub workers {
    my $master = nginx_pid();
    my @pids;

    for my $pid (split ' ', `pgrep -P $master`) {
        my $title = slurp("/proc/$pid/cmdline");
        push @pids, $pid if $title =~ /worker process/
                            && $title !~ /shutting down/;
    }

    return @pids;
}


# it may have been just at work in the shared memory
sub kill_worker {
    my ($pid) = @_ ? @_ : (workers())[0];

    push @expected, qr/worker process $pid exited on signal 9/,
                    qr/shared memory zone "\w+" was locked by $pid$/;
    kill 'KILL', $pid;
}


sub expect_error { push @expected, @_ }


# what each worker tells of itself, by its pid: nobody can choose who answers
sub healths {
    my (%health, @workers);

    wait_for(sub {
        for (1 .. 10) {
            my $health = api(GET => '/health/detailed')->{json} or next;

            $health{ $health->{worker_pid} } = $health;
            @workers = workers();
            return 1 if !grep { !$health{$_} } @workers;
        }

        return 0;
    }, 30);

    return map { $_ => $health{$_} } grep { $health{$_} } @workers;
}


# ---------------------------------------------------------------- calls

sub answer {
    my ($response) = @_;
    my $text = $response->{content} // '';
    my $value = $text =~ /^\s*[\[{]/ ? eval { $json->decode($text) } : undef;

    return { status => $response->{status}, headers => $response->{headers},
             text => $text, json => $value };
}


sub api {
    my ($method, $path, $body, $headers) = @_;
    my %headers = %{ $headers || {} };
    my $http = HTTP::Tiny->new(timeout => 60, keep_alive => 0);
    my $url = "http://127.0.0.1:$port"
              . ($path =~ m{^//(.*)} ? "/$1" : "/api/v1$path");
    my %options = (headers => \%headers);

    if (defined $body) {
        $options{content} = ref $body ? $json->encode($body) : $body;
        $headers{'Content-Type'} //= 'application/json';
    }

    my $answer = answer($http->request($method, $url, \%options));
    my ($full) = $url =~ m{^http://[^/]+(.*)}s;

    $_->($method, $full, $answer, $options{content}) for @observers;
    return $answer;
}


# called with each answer of api(): method, path, answer, body as sent
sub observe { push @observers, @_ }


# called by finish(), may test
sub at_end { push @at_end, @_ }


# bytes as they are, all that comes back
sub raw {
    my ($bytes, $timeout) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
        or return '';

    return exchange($socket, $bytes, $timeout // 10);
}


sub exchange {
    my ($socket, $bytes, $timeout) = @_;
    my $text = '';

    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { die "time-out\n" };

    eval {
        alarm $timeout;
        $socket->autoflush(1);
        print $socket $bytes;
        while (sysread $socket, my $part, 65536) { $text .= $part }
        alarm 0;
    };

    alarm 0;
    return $text;
}


# a request over a unix socket
sub unix_call {
    my ($path, $method, $uri, $body, %headers) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => $path) or return { status => 0 };

    $body //= '';
    my $head = "$method $uri HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
               . "Content-Length: " . length($body) . "\r\n"
               . join('', map { "$_: $headers{$_}\r\n" } keys %headers);
    my $text = exchange($socket, "$head\r\n$body", 60);
    my ($status) = $text =~ m{^HTTP/1\.\d (\d+)};
    my ($fields, $content) = $text =~ /\A[^\r]*\r\n(.*?)\r\n\r\n(.*)/s;
    my %fields = map { /^([^:]+):\s*(.*)/ ? (lc $1, $2) : () }
                     split /\r\n/, $fields // '';

    return answer({ status => $status // 0, content => $content,
                    headers => \%fields });
}


# each worker notices by itself that a server is back
sub all_well {
    my %health;

    return wait_for(sub {
        %health = healths();
        return %health && !grep { $_->{status} ne 'healthy' } values %health;
    }, 30);
}


# a container as the engine describes it
sub inspect {
    my ($name) = @_;

    return eval { $json->decode(join "\n", docker("inspect $name"))->[0] };
}


# the token of a session's executor, as src/core/ngx_sandbox_token.c makes it
sub token {
    my ($session) = @_;

    return "$session." . hmac("ngx_sandbox executor token\n$session");
}


# a result as an executor reports it, of this attempt; the answer
sub report_result {
    my ($session, $id, $attempt, $text) = @_;
    my $head = $json->encode({ execution_id => $id, attempt => $attempt + 0,
        status => 'completed', exit_code => 0, error_message => undef,
        stdout_bytes => length $text, stderr_bytes => 0,
        return_value_bytes => 0, stdout_dropped => 0, stderr_dropped => 0,
        duration_ms => 1.5, metrics => { cpu_time_ms => 1,
        peak_memory_mb => 1, io_read_bytes => 0, io_write_bytes => 0 } });

    return unix_call("$home/callback/internal.sock",
                     POST => "/internal/executions/$id/result", "$head\n$text",
                     Authorization => 'Bearer ' . token($session),
                     'Content-Type' => 'application/vnd.ngx-sandbox.result');
}


sub loopback_token {
    return 'loopback.' . hmac("ngx_sandbox loopback token\n" . 'loopback');
}


sub loopback {
    my ($uri) = @_;
    my $token = loopback_token();

    return unix_call("$home/run/loopback.sock", 'POST', $uri, '',
                     Authorization => "Bearer $token");
}


sub hmac {
    my ($text) = @_;
    my $secret = slurp($ENV{SANDBOX_TEST_SECRET_FILE});

    require Digest::SHA;
    $secret =~ s/[\r\n]+\z//;
    return Digest::SHA::hmac_sha256_hex($text, $secret);
}


# ---------------------------------------------------------------- sessions

# one that runs; its id
sub session {
    my (%body) = @_;
    my $created;

    # a worker may not have noticed yet that MariaDB is back
    wait_for(sub {
        $created = api(POST => '/sessions',
                       { template_id => 'python-basic', %body });
        return $created->{status} != 503;
    }, 20);

    BAIL_OUT("no session: $created->{text}") if $created->{status} != 201;
    my $id = $created->{json}{id};
    my $status = wait_status($id, 'creating');

    BAIL_OUT("session $id is $status: " . api(GET => "/sessions/$id")->{text})
        if $status ne 'running';
    return $id;
}


# waits until the session has left a status; the one that it has then
sub wait_status {
    my ($id, $old, $timeout) = @_;
    my $status = '';

    wait_for(sub {
        my $answer = api(GET => "/sessions/$id");
        $status = $answer->{json}{status} // "answer $answer->{status}";
        return $status ne $old && $answer->{status} != 503;
    }, $timeout // 30);

    return $status;
}


sub wait_for {
    my ($condition, $timeout) = @_;
    my $end = time + ($timeout // 20);

    while (1) {
        return 1 if $condition->();
        return 0 if time >= $end;
        sleep 0.05;
    }
}


# ---------------------------------------------------------------- backends

# InnoDB brings its table up to date only if nobody has read it for 0.1 s
sub transactions {
    my ($which) = @_;

    sleep 0.2;
    return db("SELECT 1 FROM information_schema.innodb_trx WHERE $which");
}


sub db {
    # children of a test ask as well, at the same time
    my $file = "$home/tmp/test-$$.sql";

    spew($file, join '', @_);

    my $out = `mariadb --no-defaults -S $home/run/mariadb.sock -N -B \\
               ngx_sandbox <$file 2>&1`;

    unlink $file;
    die "db: $out" if $? != 0;
    return map { [split /\t/, $_, -1] } split /\n/, $out;
}


# stops a server's process where it is, and lets it go on: mariadb, docker
sub freeze { signal_server(STOP => @_) }
sub thaw { signal_server(CONT => @_) }


sub signal_server {
    my ($signal, $name) = @_;
    my ($pid) = slurp($ENV{'SANDBOX_TEST_' . uc($name) . '_PID_FILE'})
        =~ /(\d+)/ or die "no pid of $name";

    signal_process($signal, $pid);
    $frozen{$name} = $signal eq 'STOP';
}


# with STOP it returns when no thread runs any more
sub signal_process {
    my ($signal, $pid) = @_;

    kill $signal, $pid or die "$pid: $!";
    return if $signal ne 'STOP';

    wait_for(sub {
        !grep { eval { slurp("$_/stat") } !~ /^.*\) [TtZ] / }
            glob "/proc/$pid/task/*";
    }) or die "$pid cannot be stopped";
}


sub docker {
    return split /\n/,
        `docker -H unix://$ENV{SANDBOX_TEST_DOCKER_SOCKET} @_ 2>&1`;
}


# ---------------------------------------------------------------- the end

sub finish {
    end_sessions();
    nginx_stop();
    check_log();
    check_containers();
    check_rows();
    check_sanitizers();
    $_->() for @at_end;
    done_testing();
}


sub end_sessions {
    my @active = db(q(SELECT id FROM sessions
                      WHERE status IN ('creating', 'running')));

    for my $row (@active) {
        wait_for(sub { api(DELETE => "/sessions/$row->[0]")->{status} != 503 });
    }

    # what was handed over is done when no container and no folder is left
    wait_for(sub {
        return !containers() && !folders();
    }, 90);
}


sub containers {
    return docker('ps -aq --filter label=ngx_sandbox.instance=local');
}


sub folders {
    return glob "$home/sessions/*";
}


sub check_log {
    my @bad;

    for my $line (split /\n/, slurp($log)) {
        # UBSan writes where nginx's standard error is, which is its log
        next unless $line =~ /\[(?:alert|crit|emerg|error)\]|runtime error:/;
        next if grep { $line =~ $_ } @expected;
        push @bad, $line;
    }

    ok(!@bad, 'error.log is clean') or diag(join "\n", splice @bad, 0, 10);
}


sub check_containers {
    is(join(' ', containers()), '', 'no container is left');
    is(join(' ', folders()), '', 'no folder of a session is left');
}


# what must be true of the rows when nothing is under way
my %invariants = (
    'a live container has an active session' =>
        q(SELECT c.id FROM containers c JOIN sessions s ON s.id = c.session_id
          WHERE c.live_session IS NOT NULL
          AND s.status NOT IN ('creating', 'running')),
    'a running session has a running container' =>
        q(SELECT s.id FROM sessions s LEFT JOIN containers c
          ON c.id = s.container_id AND c.status = 'running'
          WHERE s.status = 'running' AND c.id IS NULL),
    'an ended session has no unfinished execution' =>
        q(SELECT e.id FROM executions e JOIN sessions s ON s.id = e.session_id
          WHERE e.status IN ('pending', 'running')
          AND s.status NOT IN ('creating', 'running')),
    'what has ended has its time' =>
        q(SELECT id FROM sessions
          WHERE status NOT IN ('creating', 'running') AND completed_at IS NULL
          UNION SELECT id FROM executions
          WHERE status NOT IN ('pending', 'running', 'crashed')
          AND completed_at IS NULL),
    'a failed session says why' =>
        q(SELECT id FROM sessions WHERE status = 'failed'
          AND JSON_VALUE(failure, '$.reason') IS NULL),
);


sub check_rows {
    for my $what (sort keys %invariants) {
        is(join(' ', map { $_->[0] } db($invariants{$what})), '', $what);
    }
}


sub check_sanitizers {
    return unless $ENV{SANDBOX_TEST_ASAN};

    my @reports = grep { -s $_ } glob "$home/asan/report*";
    is(join(' ', @reports), '', 'no report of the sanitizers');
}


1;
