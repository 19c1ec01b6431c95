#!/usr/bin/env perl

# The internal API: what executors report over the callback socket, and what
# the instance tells itself over the loopback socket.
# Would catch: a result that anybody can post, or that one sandbox can post for
# another one, a forged result that stays, a second report that changes the
# first, a frame whose lengths lie, a report that brings an ended session back.

use strict;
use warnings;
use JSON::PP;
use Sandbox::Test;

nginx_start();

my $callback = home() . '/callback/internal.sock';
my $a = session();
my $b = session();
my $json = JSON::PP->new->utf8->canonical;


sub report {
    my ($token, $uri, $body, %headers) = @_;

    $headers{Authorization} = "Bearer $token" if defined $token;
    return unix_call($callback, 'POST', $uri,
                     ref $body ? $json->encode($body) : $body, %headers);
}


# a result as the executor frames it; what is given overrides
sub frame {
    my ($id, $head, @parts) = @_;
    my ($out, $err, $value) = map { $_ // '' } @parts[0 .. 2];

    return $json->encode({
        execution_id => $id, status => 'completed', exit_code => 0,
        error_message => undef, stdout_bytes => length $out,
        stderr_bytes => length $err, return_value_bytes => length $value,
        stdout_dropped => 0, stderr_dropped => 0, duration_ms => 1.5,
        metrics => { cpu_time_ms => 1, peak_memory_mb => 2.5,
                     io_read_bytes => 0, io_write_bytes => 0 },
        %{ $head || {} } }) . "\n$out$err$value";
}


# one that runs for a while; only its executor knows that it does
sub running {
    my ($session) = @_;
    my $answer = api(POST => "/sessions/$session/execute",
                     { language => 'shell', code => 'sleep 600; echo real',
                       timeout => 900 });
    my $id = $answer->{json}{execution_id};

    is($answer->{status}, 201, 'an execution') or diag($answer->{text});
    wait_for(sub { stored($id) =~ /^running/ }) or fail('it runs');
    return $id;
}


sub stored {
    my ($id) = @_;
    my ($row) = db("SELECT status, stdout, IFNULL(return_value, '-'), epoch
                    FROM executions WHERE id = '$id'");

    return join ' ', @$row;
}


# ---- tokens

my $id = running($a);
my $result = "/internal/executions/$id/result";
my $ours = frame($id, undef, 'forged');
my $before = stored($id);
my $good = token($a);

for my $case (['none', undef], ['an empty one', ''], ['rubbish', 'x' x 80],
              ['a bare id', $a], ['an id and a dot', "$a."],
              ['one of zeros', "$a." . '0' x 64],
              ['one byte less', substr $good, 0, -1],
              ['one byte more', $good . '0'],
              ['in upper case', $a . uc substr $good, length $a],
              ['another name', 'x' . $good],
              ['one of 8000 bytes', 'x' x 7900],
              ['the loopback\'s', Sandbox::Test::loopback_token()])
{
    my ($name, $token) = @$case;

    for my $uri ($result, "/internal/executions/$id/status",
                 "/internal/sessions/$a/container_ready",
                 "/internal/sessions/$a/container_exited",
                 '/api/v1/internal/containers/ready')
    {
        my $answer = report($token, $uri, $ours);
        is($answer->{status}, 401, "token: $name: $uri");
        is($answer->{json}{error_code}, 'Internal.Unauthorized', 'its code');
        like($answer->{headers}{'www-authenticate'}, qr/^Bearer/,
             'WWW-Authenticate');
    }
}

is(unix_call($callback, 'POST', $result, $ours,
             Authorization => "Basic $good")->{status}, 401,
   'not a Bearer token');

# another session's token is worth nothing here
is(report(token($b), $result, $ours)->{status}, 401,
   'a result for another session\'s execution');
is(report(token($b), "/internal/executions/$id/status", {})->{status}, 401,
   'its status');
is(report(token($b), "/internal/sessions/$a/$_", {})->{status}, 401,
   "another session's $_") for qw(container_ready container_exited);
is(report(token('sess_unknown'), $result, $ours)->{status}, 401,
   'the token of a session that is not there');
is(stored($id), $before, 'and the row is as it was');


# ---- what else the callback socket serves: nothing

is(report($good, $_, '{}')->{status}, 404, "not for sandboxes: $_")
    for '/api/v1/sessions', '/api/v1/templates', '/livez',
        "/internal/sessions/$a/start", "/internal/sessions/$a/settle",
        '/internal/jobs/reconcile', '/_sandbox/database',
        '/_sandbox/executor', '/';
is(unix_call($callback, 'GET', "/api/v1/sessions/$b", '',
             Authorization => "Bearer $good")->{status}, 404,
   'a sandbox cannot read a session');
is(unix_call($callback, 'GET', $result, '',
             Authorization => "Bearer $good")->{status}, 405,
   'nor a result');


# ---- lying frames

my $over = (1 << 20) + 1;

for my $case (
    ['nothing', '', 'head'], ['no line', 'x' x 100, 'head'],
    ['no JSON', "x\n", 'value is expected'],
    ['an array', "[]\n", 'object'],
    ['JSON without a line feed', '{}', 'head'],
    ['an empty object', "{}\n", 'execution_id: is required; status: '],
    ['a head of 17 KB', frame($id, { error_message => 'x' x 17_000 }), 'head'],
    ['another id', frame('exec_20200101_aaaaaaaa'), '^execution_id: '],
    ['an id that is none', frame('../../x'), '^execution_id: '],
    ['status running', frame($id, { status => 'running' }), '^status: '],
    ['status crashed', frame($id, { status => 'crashed' }), '^status: '],
    ['exit code 256', frame($id, { exit_code => 256 }), '^exit_code: '],
    ['exit code -2', frame($id, { exit_code => -2 }), '^exit_code: '],
    ['exit code "0"', frame($id, { exit_code => '0' }), '^exit_code: '],
    ['more stdout than there is', frame($id, { stdout_bytes => 10 }, 'abc'),
     'add up'],
    ['less stdout than there is', frame($id, { stdout_bytes => 1 }, 'abc'),
     'add up'],
    ['negative lengths', frame($id, { stdout_bytes => -3, stderr_bytes => 6 },
                               'abc'), '^stdout_bytes: '],
    ['lengths that overflow', frame($id, {
        stdout_bytes => 9_223_372_036_854_775_807,
        stderr_bytes => 9_223_372_036_854_775_807, }, 'abc'),
     'stdout_bytes: '],
    ['a length as a string', frame($id, { stdout_bytes => '3' }, 'abc'),
     '^stdout_bytes: '],
    ['a length as a fraction', frame($id, { stdout_bytes => 3.5 }, 'abc'),
     '^stdout_bytes: '],
    ['stdout of 1 MiB and 1', frame($id, undef, 'x' x $over),
     '^stdout_bytes: '],
    ['a return value of 1 MiB and 1',
     frame($id, undef, '', '', '"' . 'x' x ($over - 2) . '"'),
     '^return_value_bytes: '],
    ['stdout that is not UTF-8', frame($id, undef, "\xff"), 'stdout.*UTF-8'],
    ['stderr that is cut in a character', frame($id, undef, '', "\xe2\x82"),
     'stderr.*UTF-8'],
    ['a character across stdout and stderr',
     frame($id, undef, "\xe2", "\x82\xac"), 'stdout.*UTF-8'],
    ['a return value that is not JSON', frame($id, undef, '', '', '{]'),
     'return value'],
    ['two return values', frame($id, undef, '', '', '1 2'), 'return value'],
    ['a return value of 70 levels',
     frame($id, undef, '', '', '[' x 70 . ']' x 70), 'return value'],
    ['a return value of 1 MB of [', frame($id, undef, '', '', '[' x (1 << 20)),
     'return value'],
    ['an unknown field', frame($id, { session_id => $b }), '^session_id: '],
    ['a key twice', '{"execution_id":"' . $id . '",'
                    . substr(frame($id), 1), 'twice'],
    ['negative duration', frame($id, { duration_ms => -1 }), '^duration_ms: '],
    ['metrics that are none', frame($id, { metrics => [] }), '^metrics: '],
    ['unknown metrics', frame($id, { metrics => { gpu => 1 } }),
     '^metrics.gpu: '],
    ['an error message of 5000 bytes',
     frame($id, { error_message => 'x' x 5000 }), '^error_message: '],
)
{
    my ($name, $body, $reason) = @$case;
    my $answer = report($good, $result, $body);

    is($answer->{status}, 400, "refused: $name") or diag($answer->{text});
    is($answer->{json}{error_code}, 'Sandbox.InvalidParameter', 'its code');
    like($answer->{json}{error_detail}, qr/$reason/, 'and why');
}

expect_error(qr/client intended to send too large (?:chunked )?body/);
is(report($good, $result, 'x' x (5 << 20))->{status}, 413, '5 MiB');
is(report($good, $result, 'x' x (100 << 20))->{status}, 413, '100 MiB');
is(report($good, $result, frame($id, { stdout_bytes => 100 << 20 },
                                'x' x (100 << 20)))->{status}, 413,
   'also those that it tells of');

my $chunked = IO::Socket::UNIX->new(Peer => $callback) or die $!;
like(Sandbox::Test::exchange($chunked, "POST $result HTTP/1.1\r\nHost: x\r\n"
        . "Authorization: Bearer $good\r\nConnection: close\r\nContent-Type: "
        . "application/vnd.ngx-sandbox.result\r\nTransfer-Encoding: chunked"
        . "\r\n\r\n" . ("100000\r\n" . 'x' x (1 << 20) . "\r\n") x 100
        . "0\r\n\r\n", 60), qr{^HTTP/1\.1 413 }, 'or say no length');
is(stored($id), $before, 'and the row is as it was');


# ---- a result, and the same again

my $first = report($good, $result, frame($id, undef, "own\n", 'e', '[0]'));
is($first->{status}, 201, 'its own session may report it');
is($first->{json}{status}, 'completed', 'the answer is what is stored');
is(stored($id) =~ s/ \d+$//r, "completed own\\n [0]", 'the row');

my $kept = stored($id);
my $second = report($good, $result, frame($id, { status => 'failed',
                                                 exit_code => 1 }, 'other'));
is($second->{status}, 200, 'a second report is answered with 200');
is_deeply($second->{json}, $first->{json}, 'and with the stored answer');
is(stored($id), $kept, 'and changes nothing');
is(report($good, "/api/v1/internal/executions/$id/result", frame($id))
   ->{status}, 200, 'the older spelling');
is(api(GET => "/executions/$id/result")->{json}{stdout}, "own\n",
   'clients see the first');
is(report($good, "/internal/executions/$id/status", {})->{status}, 409,
   'its status is not wanted any more');

is(report($good, '/internal/executions/exec_20200101_aaaaaaaa/result',
          frame('exec_20200101_aaaaaaaa'))->{json}{error_code},
   'Internal.InvalidExecution', 'an execution that is not there');
is(report($good, '/internal/executions/a%20b/result', frame($id))->{status},
   404, 'an id that is none');

my $two = running($a);
is(report($good, "/internal/executions/$two/status", {})->{status}, 200,
   'the status of one that runs');

# four at once: one is the first
my $body = frame($two, undef, 'once');
my @pids = map {
    my $pid = fork // die;
    if (!$pid) {
        my $status = report($good, "/internal/executions/$two/result", $body)
            ->{status};
        POSIX::_exit($status == 201 ? 1 : $status == 200 ? 0 : 2);
    }
    $pid
} 1 .. 4;
is(join(' ', sort map { waitpid $_, 0; $? >> 8 } @pids), '0 0 0 1',
   'four reports at once: one 201, three 200');

for my $state (qw(cancelled crashed)) {
    my $old = running($a);
    db("UPDATE executions SET status = '$state', completed_at = NOW(3)
        WHERE id = '$old'");
    my $late = report($good, "/internal/executions/$old/result", frame($old));
    is("$late->{status} $late->{json}{error_code}",
       '409 Internal.StateConflict', "a result for one that is $state");
    is(stored($old) =~ s/ .*//r, $state, 'which it stays');
}


# ---- container_ready, container_exited

my ($row) = db("SELECT epoch, status, started_at FROM sessions
                WHERE id = '$a'");
is(report($good, "/internal/sessions/$a/container_ready", {})->{status}, 200,
   'container_ready, repeated') for 1 .. 2;
is(report($good, '/api/v1/internal/containers/ready', {})->{status}, 200,
   'the older spelling');
is_deeply([db("SELECT epoch, status, started_at FROM sessions
               WHERE id = '$a'")], [$row], 'changes nothing');

is(report($good, "/internal/sessions/$a/container_exited", {})->{status}, 200,
   'container_exited of one that runs');
is(report($good, '/api/v1/internal/containers/exited', {})->{status}, 200,
   'the older spelling');
is(api(GET => "/sessions/$a")->{json}{status}, 'running',
   'is not believed: it runs');

api(POST => "/sessions/$b/terminate");
is(report(token($b), "/internal/sessions/$b/container_ready", {})->{status},
   409, 'container_ready of a session that has ended');
is(api(GET => "/sessions/$b")->{json}{status}, 'terminated',
   'which it stays');
is(report(token('sess_unknown'), '/internal/sessions/sess_unknown'
          . '/container_ready', {})->{status}, 404,
   'of one that never was, with its right token');


# ---- who only holds a connection

my $held = IO::Socket::UNIX->new(Peer => $callback) or die $!;
syswrite $held, 'P';
my $since = time;
is(sysread($held, my $nothing, 1), 0, 'a request that does not come is left');
cmp_ok(time - $since, '<', 10, 'soon');


# ---- the loopback socket

my $loopback = home() . '/run/loopback.sock';
is(unix_call($loopback, 'POST', '/internal/jobs/reconcile', '')->{status}, 401,
   'loopback: no token');
is(unix_call($loopback, 'POST', '/internal/jobs/reconcile', '',
             Authorization => "Bearer $good")->{status}, 401,
   'loopback: a sandbox\'s token');
is(unix_call($loopback, 'POST', $result, frame($id),
             Authorization => 'Bearer '
                              . Sandbox::Test::loopback_token())->{status}, 404,
   'loopback: no results');
is(loopback('/internal/jobs/reconcile')->{status}, 200, 'loopback: its own');
is(loopback("/internal/sessions/$a/start")->{status}, 200,
   'a start that comes twice');
is_deeply([db("SELECT epoch, status, started_at FROM sessions
               WHERE id = '$a'")], [$row], 'changes nothing');
is(scalar(docker("ps -aq --filter label=ngx_sandbox.session=$a")), 1,
   'and makes no second container');
is(loopback("/internal/sessions/$a/settle")->{status}, 200,
   'a settle of what is well');
is(api(GET => "/sessions/$a")->{json}{status}, 'running', 'and it runs');
is(loopback('/internal/sessions/none/start')->{status}, 404,
   'a start of what is not there');

finish();
