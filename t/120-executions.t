#!/usr/bin/env perl

# Running code: results in every shape, limits, time-outs, lists.
# Would catch: a return value that loses 0 or "", output that fills a column,
# a process that outlives its time-out, a list that forgets its offset, a
# result that is lost when the caller stops waiting.

use strict;
use warnings;
use JSON::PP;
use Sandbox::Test;
use Sandbox::OpenApi;

nginx_start();
my $s = session(env_vars => { BASE => 'one' });
my @answers;


sub run {
    my ($language, $code, %more) = @_;
    my $answer = api(POST => "/sessions/$s/execute-sync",
                     { language => $language, code => $code, %more });

    is($answer->{status}, 200, 'answered')
        or diag($answer->{text});
    push @answers, $answer->{json};
    return $answer->{json};
}


# ---- longer than any time-out on the way; its end is looked at last

my $long = session();
my $long_pid = open(my $long_answer, '-|') // die $!;

if ($long_pid == 0) {
    print api(POST => "/sessions/$long/execute-sync",
              { language => 'shell', code => 'sleep 33; echo through',
                timeout => 60 })->{text};
    close STDOUT;
    POSIX::_exit(0);
}


# ---- python

my $e = run(python => "def handler(event):\n    print('hi')\n"
                      . "    return {'sum': event['a'] + event['b']}",
            event => { a => 1, b => 2 });
is($e->{status}, 'completed', 'completed');
is_deeply($e->{return_value}, { sum => 3 }, 'return value');
is($e->{stdout}, "hi\n", 'stdout apart from it');
is($e->{exit_code}, 0, 'exit code');
is($e->{language}, 'python', 'language');
ok($e->{execution_time} > 0, 'execution_time');
ok($e->{$_}, $_) for qw(created_at started_at completed_at metrics);
like($e->{id}, qr/^exec_\d{8}_[a-z0-9]{8}$/, 'id');
is_deeply($e->{artifacts}, [], 'artifacts');

for my $value ('0', '""', '[]', 'false', 'null', '"\u00fc\ud83d\ude00"') {
    my $kept = run(python => "import json\ndef handler(event):\n"
                             . "    return json.loads(r'$value')");
    is(JSON::PP->new->allow_nonref->ascii->encode($kept->{return_value}),
       $value, "return value $value is kept");
}

$e = run(python => "def handler(event):\n    raise ValueError('no')");
is($e->{status}, 'failed', 'an exception fails it');
is($e->{exit_code}, 1, 'with 1');
is($e->{error_message}, 'ValueError: no', 'and the last line');
like($e->{stderr}, qr/line 2, in handler/, 'traceback of the user\'s lines');

$e = run(python => "print('only a script')");
is($e->{status}, 'completed', 'a script without a handler');
is($e->{return_value}, undef, 'returns nothing');

$e = run(python => "import os\ndef handler(event):\n"
                   . "    return os.environ['BASE'] + os.environ['MORE']",
         env_vars => { MORE => 'two' });
is($e->{return_value}, 'onetwo', 'both environments');

$e = run(python => "import sys\ndef handler(event):\n"
                   . "    return sys.stdin.read()", stdin => "line\n");
is($e->{return_value}, "line\n", 'stdin');

$e = run(python => "import os\ndef handler(event): return os.getcwd()",
         working_directory => 'a/b');
is($e->{return_value}, '/workspace/a/b', 'working_directory');

$e = run(python => "def handler(event): return 'x' * 70000");
is(length $e->{return_value}, 70000, 'a return value of 70 KB');

$e = run(python => "def handler(event): return len(event['text'])",
         event => { text => 'x' x 200_000 });
is($e->{return_value}, 200_000, 'an event of 200 KB');

my $code = "def handler(event): return 1\n#";
$e = run(python => $code . 'x' x (102_400 - length $code));
is($e->{return_value}, 1, 'code of exactly 100 KB');


# ---- shell

$e = run(shell => 'echo out; echo err >&2; exit 7');
is($e->{exit_code}, 7, 'exit code of a script');
is($e->{status}, 'failed', 'is a failure');
is($e->{stdout}, "out\n", 'stdout');
is($e->{stderr}, "err\n", 'stderr');

$e = run(shell => 'kill -9 $$');
is($e->{exit_code}, 137, 'a signal is 128+n');

$e = run(shell => 'echo "$SANDBOX_EVENT"; cat', event => { k => 'v' });
like($e->{stdout}, qr/^\{"k":\s?"v"\}\n\{"k":\s?"v"\}/,
     'the event in SANDBOX_EVENT and on stdin');

$e = run(shell => 'head -c 102400 /dev/zero | tr "\0" x');
is(length $e->{stdout}, 102_400, '100 KB of stdout');
ok(!$e->{stdout_truncated}, 'whole');

$e = run(shell => 'head -c 3000000 /dev/zero | tr "\0" x');
is(length $e->{stdout}, 1 << 20, 'stdout stops at 1 MiB');
ok($e->{stdout_truncated}, 'and says so');

$e = run(shell => 'printf "a\377b"');
is($e->{stdout}, "a\x{fffd}b", 'invalid UTF-8 is replaced');

my $begun = time;
$e = run(shell => 'sleep 60 & echo begun; wait', timeout => 1);
is($e->{status}, 'timeout', 'time-out');
is($e->{exit_code}, 124, 'its exit code');
is($e->{stdout}, "begun\n", 'with the output so far');
ok(time - $begun < 20, 'in time');
$e = run(shell => 'ps 2>/dev/null | grep -c "[s]leep 60"'
                  . ' || grep -l "^sleep" /proc/[0-9]*/comm | wc -l');
like($e->{stdout}, qr/^0/, 'and its processes are gone');


# ---- javascript

my $node = session(template_id => 'nodejs-basic');
{
    my $keep = $s; $s = $node;
    $e = run(javascript => 'module.exports.handler = async (event) =>'
                           . ' ({ n: event.n + 1 })', event => { n => 1 });
    is_deeply($e->{return_value}, { n => 2 }, 'javascript');

    my $none = api(POST => "/sessions/$s/execute-sync",
                   { language => 'python', code => '1' });
    is($none->{status}, 422, 'a language that the image has not');
    like($none->{json}{error_detail}, qr/^language:/, 'names the field');
    $s = $keep;
}


# ---- asynchronous, and both spellings

for my $path ("/sessions/$s/execute", "/executions/sessions/$s/execute") {
    my $accepted = api(POST => $path, { language => 'shell',
                                        code => 'sleep 0.3; echo later' });
    is($accepted->{status}, 201, "accepted: $path");
    is_deeply([sort keys %{ $accepted->{json} }],
              [qw(created_at execution_id session_id status)], 'fields');

    my $id = $accepted->{json}{execution_id};
    ok(wait_for(sub {
        api(GET => "/executions/$id/status")->{json}{status} eq 'completed';
    }), 'it completes');

    my $status = api(GET => "/executions/$id/status")->{json};
    ok(!exists $status->{code} && !exists $status->{stdout},
       'status is without code and output');
    is(api(GET => "/executions/$id/result")->{json}{stdout}, "later\n",
       'result has them');
    is(api(GET => "/executions/$id")->{json}{stdout}, "later\n", 'and this');
}

my $used = api(GET => "/sessions/$s")->{json};
cmp_ok($used->{last_activity_at}, 'gt', $used->{started_at},
       'what runs is an activity of the session');

my $old = api(POST => "/executions/sessions/$s/execute-sync",
              { language => 'shell', code => 'echo old' });
is($old->{json}{stdout}, "old\n", 'execute-sync, the older spelling');


# ---- a caller that stops waiting

my $late = api(POST => "/sessions/$s/execute-sync?sync_timeout=1",
               { language => 'shell', code => 'sleep 4; echo done' });
is($late->{status}, 504, 'sync_timeout');
is($late->{json}{error_code}, 'Sandbox.ExecTimeout', 'its code');
my ($id) = $late->{json}{error_detail} =~ /(exec_\w+)/;
ok($id, 'tells the execution');
ok(wait_for(sub {
    (api(GET => "/executions/$id")->{json}{stdout} // '') eq "done\n";
}, 15), 'which goes on and keeps its result');


# ---- one whose lease is over: the executor is asked first

my $slow = api(POST => "/sessions/$s/execute",
               { language => 'shell', timeout => 60,
                 code => 'while [ ! -e slow ]; do sleep 0.1; done; echo slow' })
    ->{json}{execution_id};
wait_for(sub { api(GET => "/executions/$slow")->{json}{status} eq 'running' });
db("UPDATE executions SET due_at = '2020-01-01' WHERE id = '$slow'");
loopback('/internal/jobs/reap');
loopback("/internal/executions/$slow/settle");
my ($due) = @{(db("SELECT status, due_at > UTC_TIMESTAMP() + INTERVAL 10 SECOND
                   FROM executions WHERE id = '$slow'"))[0]}[0, 1];
ok($due && api(GET => "/executions/$slow")->{json}{status} eq 'running',
   'what the executor still has is not given up, its lease is renewed');
api(POST => "/sessions/$s/execute-sync",
    { language => 'shell', code => 'touch slow' });
ok(wait_for(sub {
    api(GET => "/executions/$slow")->{json}{status} ne 'running';
}), 'it goes on');
is(api(GET => "/executions/$slow")->{json}{stdout}, "slow\n",
   'its result came');

db("INSERT INTO executions (id, session_id, status, language, code,
    timeout_sec, max_retries, due_at) VALUES
    ('lost-1', '$s', 'running', 'shell', ':', 1, 0, '2020-01-01'),
    ('lost-2', '$s', 'pending', 'shell', ':', 1, 0, '2020-01-01')");
loopback('/internal/jobs/reap');
ok(wait_for(sub {
    my $lost = api(GET => '/executions/lost-1')->{json};
    "$lost->{status}: " . ($lost->{error_message} // '')
        eq 'failed: the executor has lost the execution';
}), 'what it has not, is, by the job');
ok(wait_for(sub {
    (api(GET => '/executions/lost-2')->{json}{error_message} // '')
        =~ /not known to have begun/;
}), 'and it is said whether it can have begun');


# ---- lists

my $lengthy = api(POST => "/sessions/$s/execute-sync",
               { language => 'python', code => "def handler(e):\n"
                 . " print('\xe9' * 9000)\n return 'x' * 9000\n"
                 . '#' x 9000 })->{json};
my $first = api(GET => "/sessions/$s/executions?limit=1")->{json}{items}[0];
is($first->{id}, $lengthy->{id}, 'the last is the first of a list');
is(length $first->{stdout}, 8192, 'which shows the beginning of an output');
ok($first->{stdout_truncated} && !$lengthy->{stdout_truncated}, 'and says so');
is(length $first->{code}, 8192, 'and that of the code');
ok($first->{code_truncated}, 'and says so');
is($first->{return_value}, undef, 'but no part of a value');
ok($first->{return_value_omitted}, 'and says that too');
is(length api(GET => "/executions/$lengthy->{id}")->{json}{return_value}, 9000,
   'the execution itself has all of it');
ok(!api(GET => "/sessions/$s/executions?limit=2")->{json}{items}[1]
   {return_value_omitted}, 'a short one is whole');

my $list = api(GET => "/sessions/$s/executions?limit=2&offset=1")->{json};
my ($total) = map { $_->[0] }
    db("SELECT COUNT(*) FROM executions WHERE session_id = '$s'");
is($list->{total}, $total, 'total is that of all pages');
is(scalar @{ $list->{items} }, 2, 'a page');
is($list->{items}[0]{id},
   api(GET => "/sessions/$s/executions?limit=2")->{json}{items}[1]{id},
   'offset moves it');
is(api(GET => "/executions/sessions/$s/executions")->{status}, 200,
   'the older spelling');
is(api(GET => "/sessions/$s/executions?status=timeout")->{json}{total}, 1,
   'filter: status');


# ---- a page of long ones: 200, as many as there are in one, of which 70 have
# 1 MiB of output, and all the characters that JSON makes six bytes of; nobody
# is to attempt them again meanwhile

sub page {
    my ($query) = @_;

    return raw("GET /api/v1/sessions/$s/executions?$query HTTP/1.1\r\n"
               . "Host: x\r\nConnection: close\r\n\r\n", 60);
}


db("INSERT INTO executions (id, session_id, status, language, code,
    timeout_sec, due_at, completed_at, stdout, stderr, error_message,
    return_value) SELECT CONCAT('long-', seq), '$s', 'crashed', 'shell',
    REPEAT(CHAR(1), 102400), 1, UTC_TIMESTAMP() + INTERVAL 1 HOUR, '2020-01-01',
    REPEAT(CHAR(1), IF(seq > 130, 1048576, 8193)), REPEAT(CHAR(1), 8193),
    REPEAT(CHAR(1), 4096), CONCAT('\"', REPEAT(_utf8mb4 X'F09F9880', 8190), '\"')
    FROM seq_1_to_200");
my $page = page('status=crashed&limit=200');
like($page, qr{^HTTP/1.1 200 .*\}\z}s, 'a page of long ones is given');
is(scalar(() = $page =~ /"stdout":"(?:\\u0001){8192}",/g), 200,
   'each with the beginning of its output');
is(scalar(() = $page =~ /"stdout_truncated":true/g), 200, 'and says so');
is(scalar(() = $page =~ /"code":"(?:\\u0001){8192}",/g), 200, 'of its code');
is(scalar(() = $page =~ /"return_value":"/g), 200, 'and its short value');
like($page, qr/"total":200,/, 'they are all');
db("DELETE FROM executions WHERE id LIKE 'long-%'");


# ---- refused

is(api(GET => '/sessions/none/executions')->{status}, 404,
   'list of an unknown session');
is(api(GET => '/executions/exec_20200101_aaaaaaaa')->{status}, 404,
   'unknown execution');
is(api(POST => '/sessions/none/execute-sync',
       { language => 'shell', code => ':' })->{status}, 404,
   'unknown session');

for my $bad ({ language => 'shell' }, { code => ':' },
             { language => 'perl', code => ':' },
             { language => 'shell', code => '' },
             { language => 'shell', code => 'x' x 102_401 },
             { language => 'shell', code => ':', timeout => 0 },
             { language => 'shell', code => ':', timeout => 3601 },
             { language => 'shell', code => ':', event => [] },
             { language => 'shell', code => ':', working_directory => '../x' },
             { language => 'shell', code => ':', working_directory => '/etc' },
             { language => 'shell', code => ':', env_vars => { 'A=B' => 'x' } },
             { language => 'shell', code => ':', foo => 1 })
{
    my $answer = api(POST => "/sessions/$s/execute-sync", $bad);
    my ($named) = ($answer->{json}{error_detail} // '') =~ /^(\w+)/;
    ok($answer->{status} =~ /^4(00|22)$/ && $named,
       'refused: ' . ($named // $answer->{text}));
}

is(api(POST => "/sessions/$s/execute-sync?sync_timeout=0",
       { language => 'shell', code => ':' })->{status}, 422,
   'sync_timeout out of range');
is(api(POST => "/sessions/$s/execute-sync?poll_interval=0.5",
       { language => 'shell', code => ':' })->{status}, 200,
   'poll_interval is taken');


# ---- the answer that was waited for is what anybody reads later

cmp_ok(scalar @answers, '>', 20, 'answers of all kinds');
is_deeply([map { api(GET => "/executions/$_->{id}")->{json} } @answers],
          \@answers, 'each is the row that was stored');


# ---- bytes that were read from a disk, by a child

for my $language ('python', 'shell') {
    my $read = q(for f in /usr/lib/python3*/*.py; do
                     dd if="$f" iflag=nocache count=0 status=none
                     cat "$f"
                 done >/dev/null);

    $e = run($language => $language eq 'shell' ? $read
             : "import subprocess\ndef handler(event):\n"
               . "    subprocess.run(['sh', '-c', r'''$read'''], check=True)");
    is($e->{status}, 'completed', "$language reads from the image")
        or diag(explain($e));
    cmp_ok($e->{metrics}{io_read_bytes}, '>', 100_000, 'its bytes are counted');
}


api(POST => "/sessions/$s/terminate");
my $over = api(POST => "/sessions/$s/execute-sync",
               { language => 'shell', code => ':' });
is($over->{status}, 409, 'a session that has ended');
is($over->{json}{error_code}, 'Sandbox.SessionNotRunning', 'its code');


# ---- a session whose time is over, and nobody has noticed

my $overdue = session();
db("UPDATE sessions SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND
    WHERE id = '$overdue'");

for my $path ('execute-sync', 'execute') {
    is(api(POST => "/sessions/$overdue/$path",
           { language => 'shell', code => ':' })->{json}{error_code},
       'Sandbox.SessionNotRunning', "$path in a session that is overdue");
}

is((db("SELECT COUNT(*) FROM executions WHERE session_id = '$overdue'"))[0][0], 0,
   'is none');


# ---- the long one

$long = JSON::PP->new->utf8->decode(do { local $/; scalar <$long_answer> });
is($long->{status}, 'completed', 'a time-out of 60 s does not end at 30');
is($long->{stdout}, "through\n", 'with its output');
cmp_ok($long->{execution_time}, '>=', 33, 'after its time');

# ---- memory that runs out: the kernel's cause is told, and the session lives

my $greedy = session(memory => '128Mi');
my $oom = api(POST => "/sessions/$greedy/execute-sync", {
    language => 'python',
    code => "x = []\nwhile True: x.append(bytearray(1 << 20))" })->{json};
is($oom->{status}, 'failed', 'no memory left: failed');
is($oom->{exit_code}, 137, 'as by SIGKILL');
ok($oom->{metrics}{oom_killed}, 'which the kernel has sent');
like($oom->{error_message}, qr/no memory left/, 'and the message says so');
my $killed = api(POST => "/sessions/$greedy/execute-sync",
                 { language => 'shell', code => 'kill -9 $$' })->{json};
is($killed->{exit_code}, 137, 'the same signal of its own');
ok(!$killed->{metrics}{oom_killed}, 'is not taken for it');

finish();
