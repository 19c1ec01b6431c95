package Sandbox::Waiting;

# Many requests that wait at the same time, and rows for them that nothing runs
# behind.
#
#     nginx_start(conf => waiting_conf('sandbox_max_waiters 5;'));
#     my @sockets = map { ask(GET => "/sessions/$id?wait=running") } 1 .. 9;
#     wait_for(sub { sum(waiters()) == 9 });
#     my $answer = answer($sockets[0], 5);   # {status, json, head, at}, undef:
#                                            # none came in that time
#
# put() is ask() over a socket that is open already.  waiters() tells how many
# wait, worker by worker; statements() how many MariaDB has executed; resident()
# the KiB of all workers that are theirs alone.

use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Sandbox::Test;

our @EXPORT = qw(waiting_conf ask put answer waiters sum sessions executions
                 statements resident);

my $json = JSON::PP->new->utf8;

my $columns = 'template_id, language_runtime, runtime_backend, runtime_node,
    image_url, cpu_milli, memory_mb, disk_mb, max_processes, timeout_sec,
    workspace_path, start_deadline_at';
my $values = q('python-basic', 'python3.11', 'docker', 'local', 'x', 1000, 256,
    256, 128, 300, 'x', UTC_TIMESTAMP() + INTERVAL 1 HOUR);


# each worker has a socket of its own, so that connections come to all of them
sub waiting_conf {
    my ($more) = @_;

    return sub {
        s{(listen 127\.0\.0\.1:\d+);}{$1 reuseport;};
        s{(sandbox_node\s+local;)}{$1 sandbox_reconcile_interval 1h;
             sandbox_reap_interval 1h; $more};
    };
}


# a request whose answer is taken later
sub ask {
    my ($method, $path, $body, @headers) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1:' . port())
        or die $!;

    put($socket, $method, $path, $body, @headers);
    return $socket;
}


sub put {
    my ($socket, $method, $path, $body, @headers) = @_;

    $body = defined $body ? $json->encode($body) : '';
    $socket->autoflush(1);
    print $socket "$method /api/v1$path HTTP/1.1\r\nHost: x\r\n",
                  map({ "$_\r\n" } @headers),
                  'Content-Length: ', length $body, "\r\n\r\n$body";
}


# {status, json, at}, or undef when there is none in time
sub answer {
    my ($socket, $timeout) = @_;
    my $end = time + ($timeout // 30);
    my $text = '';

    while ($text !~ /\r\n\r\n/
           || length($') < ($text =~ /^Content-Length: (\d+)/m)[0])
    {
        my $left = $end - time;
        return undef
            if $left < 0 || !IO::Select->new($socket)->can_read($left);
        sysread $socket, $text, 65536, length $text or return undef;
    }

    my ($head, $content) = split /\r\n\r\n/, $text, 2;

    return { at => time, head => $head, status => (split ' ', $head)[1],
             json => eval { $json->decode($content) } };
}


# requests that wait, worker by worker
sub waiters {
    my %health = healths();

    return map { $health{$_}{waiters} } sort keys %health;
}


sub sum {
    my $sum = 0;
    $sum += $_ for @_;
    return $sum;
}


# rows that nothing runs behind: ids with a number, and a state
# claimed: or somebody would start them
sub sessions {
    my ($prefix, $n, $status) = @_;
    my $ended = $status =~ /creating|running/ ? 'NULL' : 'UTC_TIMESTAMP(3)';

    db("INSERT INTO sessions (id, status, container_id, completed_at, failure,
        $columns)
        SELECT CONCAT('$prefix-', seq), '$status', 'none', $ended,
        IF('$status' = 'failed', '{\"reason\":\"x\",\"exit_code\":null,"
       . "\"oom_killed\":false,\"message\":\"x\"}', NULL), $values
        FROM seq_1_to_$n");
}


sub executions {
    my ($session, $prefix, $n, $status) = @_;
    my $ended = $status =~ /pending|running|crashed/ ? 'NULL'
                                                     : 'UTC_TIMESTAMP(3)';

    db("INSERT INTO executions (id, session_id, status, language, code,
        timeout_sec, max_retries, due_at, completed_at)
        SELECT CONCAT('$prefix-', seq), '$session', '$status', 'shell', ':', 60, 0,
        UTC_TIMESTAMP() + INTERVAL 1 HOUR, $ended FROM seq_1_to_$n");
}


sub statements {
    return (map { $_->[1] }
            db("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'"))[0];
}


sub resident {
    return sum(map { Sandbox::Test::slurp("/proc/$_/status")
                     =~ /^RssAnon:\s+(\d+)/m } workers());
}


1;
