#!/usr/bin/env perl

# Requests that are sent twice, and must do nothing twice.
# Would catch: a key that is stored after its effect, or without it; two
# workers that both make something; an answer that differs from the first one;
# a key that is lost with its worker, or kept for what has failed.

use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;
use Time::HiRes qw(time sleep);
use Sandbox::Test;
use Sandbox::OpenApi;

nginx_start(workers => 4, conf => sub {
    s/(sandbox_node\s+local;)/$1
    sandbox_execution_lease 3s;
    sandbox_reap_interval 200ms;
    sandbox_idempotency_ttl 600s;/;
});

my $s = session();
my %shell = (language => 'shell');


sub keyed {
    my ($key, $path, $body) = @_;

    return api(POST => $path, $body, { 'Idempotency-Key' => $key });
}


sub keys_of {
    my ($key) = @_;

    return (db("SELECT COUNT(*) FROM idempotency_keys
                WHERE idempotency_key = '$key'"))[0][0];
}


# the same request from many processes at once; what each of them got.  A run
# that lasts is told to those who have waited for a second: they ask again
sub together {
    my ($n, $key, $path, $body) = @_;
    my (@pipes, @answers);

    for (1 .. $n) {
        my $pid = open(my $pipe, '-|') // die $!;

        if ($pid == 0) {
            my $answer;
            my $end = time + 60;

            do {
                $answer = HTTP::Tiny->new(timeout => 60)->post(
                    'http://127.0.0.1:' . Sandbox::Test::port()
                    . "/api/v1$path",
                    { content => encode_json($body),
                      headers => { 'Content-Type' => 'application/json',
                                   'Idempotency-Key' => $key } });
            } while ($answer->{status} == 409
                     && $answer->{content} =~ /is not over/ && time < $end);

            print encode_json([@{$answer}{qw(status content)},
                $answer->{headers}{'idempotency-replayed'} // '']);
            close STDOUT;
            POSIX::_exit(0);
        }

        push @pipes, $pipe;
    }

    for my $pipe (@pipes) {
        local $/;
        push @answers, decode_json(scalar <$pipe>);
    }

    return @answers;
}


sub agree {
    my ($title, $status, @answers) = @_;

    is(scalar(grep { $_->[0] == $status } @answers), scalar @answers,
       "$title: all have status $status")
        or diag(join "\n", map { "$_->[0] $_->[1]" }
                grep { $_->[0] != $status } @answers);

    my %bodies = map { $_->[1] => 1 } @answers;
    is(scalar keys %bodies, 1, "$title: all have the same body")
        or diag(join "\n", keys %bodies);
    is(scalar(grep { $_->[2] eq '' } @answers), 1,
       "$title: one was the first");
}


# ---- each route that creates

my %sessions = (template_id => 'python-basic', metadata => { k => 'once' });
my $first = keyed('key-1', '/sessions', \%sessions);
is($first->{status}, 201, 'a session');
is($first->{headers}{'idempotency-replayed'}, undef, 'is new');
wait_status($first->{json}{id}, 'creating');
my $second = keyed('key-1', '/sessions', \%sessions);
is("$second->{status} $second->{text}", "201 $first->{text}",
   'sent again: the first answer, to the byte');
is($second->{headers}{'idempotency-replayed'}, 'true', 'and it is told');
is(keyed('"key-1"', '/sessions', \%sessions)->{text}, $first->{text},
   'in quotes it is the same key');
isnt(keyed('Key-1', '/sessions', { %sessions, timeout => 60 })->{json}{id},
     $first->{json}{id}, 'another key, another session');

my $other = keyed('key-1', '/sessions', { %sessions, timeout => 61 });
is("$other->{status} $other->{json}{error_code}",
   '422 Sandbox.IdempotencyMismatch', 'another body');
like($other->{json}{error_detail}, qr/"key-1"/, 'names the key');

my %async = (%shell, code => 'echo x >>async; echo out');
$first = keyed('key-1', "/sessions/$s/execute", \%async);
is($first->{status}, 201, 'the same key for another route');
ok(wait_for(sub {
    api(GET => "/executions/$first->{json}{execution_id}")->{json}{status}
        eq 'completed';
}), 'which has run');
$second = keyed('key-1', "/sessions/$s/execute", \%async);
is("$second->{status} $second->{text}", "201 $first->{text}", 'sent again');
is(keyed('key-1', "/executions/sessions/$s/execute", \%async)->{text},
   $first->{text}, 'also by the older path');
is(keyed('key-1', "/sessions/$s/execute", { %async, timeout => 3 })->{status},
   422, 'another body');

my %sync = (%shell, code => 'echo x >>sync; echo out; exit 3');
$first = keyed('key-1', "/sessions/$s/execute-sync", \%sync);
is("$first->{status} $first->{json}{status}", '200 failed',
   'a synchronous one, whatever the code does');
$second = keyed('key-1', "/sessions/$s/execute-sync?sync_timeout=5", \%sync);
is("$second->{status} $second->{text}", "200 $first->{text}", 'sent again');
is($second->{headers}{'idempotency-replayed'}, 'true', 'told');
is(keyed('key-1', "/sessions/$s/execute-sync", { %sync, timeout => 3 })
   ->{status}, 422, 'another body');

my %template = (name => 'once', image_url => 'x', runtime_type => 'python3.11');
$first = keyed('key-1', '/templates', \%template);
is($first->{status}, 201, 'a template');
is(api(PUT => "/templates/$first->{json}{id}", { description => 'new' })
   ->{status}, 200, 'is changed');
is(keyed('key-1', '/templates', \%template)->{text}, $first->{text},
   'sent again: as it was answered');
is(api(POST => '/templates', \%template)->{status}, 409,
   'without a key it is another one of that name');

is(api(POST => "/sessions/$s/execute-sync",
       { %shell, code => 'cat async sync' })->{json}{stdout}, "x\nx\n",
   'nothing has run twice');

# ids that the client gives
my %own = (id => 'my-own', template_id => 'python-basic');
$first = keyed('own', '/sessions', \%own);
is(keyed('own', '/sessions', \%own)->{text}, $first->{text},
   'a session with an id of the client\'s');
is(keyed('own-2', '/sessions', \%own)->{status}, 409, 'is taken for others');
is(keys_of('own-2'), 0, 'whose key is not kept');


# ---- many at once

agree('100 sessions', 201, together(100, 'many', '/sessions', \%sessions));
is((db("SELECT COUNT(*) FROM session_metadata m JOIN sessions s
        ON s.id = m.session_id WHERE k = 'k' AND v = 'once'"))[0][0], 3,
   'are one');

agree('100 executions', 201,
      together(100, 'many', "/sessions/$s/execute",
               { %shell, code => 'echo x >>many; sleep 0.2' }));
agree('50 synchronous ones', 200,
      together(50, 'many', "/sessions/$s/execute-sync",
               { %shell, code => 'echo y >>many; sleep 0.3; echo out' }));
agree('30 templates', 201, together(30, 'many', '/templates',
      { %template, name => 'many' }));
ok(wait_for(sub {
    (db("SELECT COUNT(*) FROM executions WHERE session_id = '$s'
         AND code LIKE '%>>many%' AND status = 'completed'"))[0][0] == 2;
}), 'both have run');
sleep 0.5;
is(api(POST => "/sessions/$s/execute-sync",
       { %shell, code => 'sort many' })->{json}{stdout}, "x\ny\n",
   'each has run once');


# ---- while the first one runs

# it runs until it has been asked for
my %long = (%shell, timeout => 60, code => 'echo x >>long; while [ ! -e enough ];'
                            . ' do sleep 0.1; done; cat long');
my $runner = fork // die $!;

if ($runner == 0) {
    keyed('long', "/sessions/$s/execute-sync", \%long);
    POSIX::_exit(0);
}

ok(wait_for(sub { keys_of('long') }), 'one runs');
my $begun = time;
my $busy = keyed('long', "/sessions/$s/execute-sync", \%long);
is("$busy->{status} $busy->{json}{error_code}", '409 Sandbox.Conflict',
   'sent again: it is still running');
like($busy->{json}{error_detail}, qr/execution exec_\w+/, 'which one');
cmp_ok(time - $begun, '<', 10, 'after a moment');
is(keyed('long', "/sessions/$s/execute-sync", { %shell, code => ':' })
   ->{status}, 422, 'another body does not wait');
api(POST => "/sessions/$s/execute-sync", { %shell, code => 'touch enough' });
waitpid $runner, 0;
is(keyed('long', "/sessions/$s/execute-sync", \%long)->{json}{stdout}, "x\n",
   'afterwards it is its answer');

my $late = keyed('late', "/sessions/$s/execute-sync?sync_timeout=1",
                 { %shell, code => 'echo x >>late; sleep 2; echo late' });
is($late->{status}, 504, 'one that was not waited for');
ok(wait_for(sub {
    my $answer = keyed('late', "/sessions/$s/execute-sync",
                       { %shell, code => 'echo x >>late; sleep 2; echo late' });
    $answer->{status} == 200 && $answer->{json}{stdout} eq "late\n";
}), 'is answered when it is over');


# ---- what has failed may be tried again

is(keyed('try', '/sessions', { template_id => 'none' })->{status}, 400,
   'no such template');
is(keys_of('try'), 0, 'no key');
is(keyed('try', '/sessions', \%sessions)->{status}, 201, 'the key is free');
is(keyed('try', '/sessions/none/execute', \%async)->{status}, 404,
   'no such session');
is(keyed('try', "/sessions/$s/execute", { %async, language => 'javascript' })
   ->{status}, 422, 'no such language in the image');
is(keyed('try', "/sessions/$s/execute", { %async, code => '' })->{status}, 422,
   'a bad body');
is(keys_of('try'), 1, 'only the session has one');
is(keyed('try', "/sessions/$s/execute", \%async)->{status}, 201, 'it is free');


# ---- a worker that is killed

sub unanswered {
    my ($key) = @_;

    db("UPDATE idempotency_keys SET answer = NULL, status = NULL
        WHERE idempotency_key = '$key'");
}

$first = keyed('killed', '/sessions', \%sessions);
wait_status($first->{json}{id}, 'creating');
unanswered('killed');
$second = keyed('killed', '/sessions', \%sessions);
is("$second->{status} $second->{json}{id}", "201 $first->{json}{id}",
   'before it stored its answer: the same session');
is($second->{json}{status}, 'running', 'as it is now');
is(keyed('killed', '/sessions', \%sessions)->{text}, $second->{text},
   'from then on');

# the row is there, and nothing else
$first = keyed('row', "/sessions/$s/execute",
               { %shell, code => 'echo x >>row; cat row' });
my $id = $first->{json}{execution_id};
wait_for(sub { api(GET => "/executions/$id")->{json}{status} eq 'completed' });
api(POST => "/sessions/$s/execute-sync", { %shell, code => 'rm row' });
unanswered('row');
db("UPDATE executions SET id = 'exec_row', status = 'pending',
    completed_at = NULL, metrics = NULL,
    due_at = UTC_TIMESTAMP() + INTERVAL 60 SECOND WHERE id = '$id'");
db("UPDATE idempotency_keys SET resource_id = 'exec_row'
    WHERE idempotency_key = 'row'");
$second = keyed('row', "/sessions/$s/execute",
                { %shell, code => 'echo x >>row; cat row' });
is("$second->{status} $second->{json}{execution_id}", '201 exec_row',
   'before it was handed over: the same execution');
ok(wait_for(sub {
    (api(GET => '/executions/exec_row')->{json}{stdout} // '') eq "x\n";
}), 'which is handed over now');

my %made;

for my $i (1 .. 12) {
    my $client = fork // die $!;

    if ($client == 0) {
        keyed("kill-$i", "/sessions/$s/execute",
              { %shell, code => "echo x >>kill-$i" });
        POSIX::_exit(0);
    }

    sleep rand 0.01;
    kill_worker($_) for workers();
    waitpid $client, 0;

    my $answer;
    ok(wait_for(sub {
        $answer = keyed("kill-$i", "/sessions/$s/execute",
                        { %shell, code => "echo x >>kill-$i" });
        $answer->{status} == 201;
    }, 30), "all workers killed at some moment: completed by a retry");
    ok(wait_for(sub {
        api(GET => "/executions/$answer->{json}{execution_id}")
            ->{json}{status} eq 'completed';
    }, 30), 'it ran');
    $made{$i} = (db("SELECT COUNT(*) FROM executions
        WHERE code = 'echo x >>kill-$i'"))[0][0];
}

is_deeply([values %made], [(1) x 12], 'one row each');
is(api(POST => "/sessions/$s/execute-sync",
       { %shell, code => 'cat kill-* | wc -l' })->{json}{stdout} + 0, 12,
   'each has run once');

# ---- their time

db("UPDATE idempotency_keys SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND
    WHERE idempotency_key = 'key-1'");
$second = keyed('key-1', "/sessions/$s/execute", { %shell, code => ':' });
is($second->{status}, 201, 'one that has expired may be used anew');
is(keyed('key-1', "/sessions/$s/execute", { %shell, code => ':' })->{text},
   $second->{text}, 'and counts again');
agree('40 with one that has expired', 201, do {
    db("UPDATE idempotency_keys SET
        expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND
        WHERE idempotency_key = 'many'");
    together(40, 'many', "/sessions/$s/execute", { %shell, code => 'echo z' });
});
is((db("SELECT COUNT(*) FROM executions WHERE code = 'echo z'"))[0][0], 1,
   'are one');
is((db("SELECT COUNT(*) FROM idempotency_keys WHERE idempotency_key = 'late'
        AND TIMESTAMPDIFF(SECOND, created_at, expires_at)
        BETWEEN 598 AND 601"))[0][0], 1,
   'sandbox_idempotency_ttl');
db("UPDATE idempotency_keys SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND
    WHERE idempotency_key IN ('late', 'long')");
is(loopback('/internal/jobs/reconcile')->{status}, 200, 'the job');
is(keys_of('late') + keys_of('long'), 0, 'removes them');
cmp_ok(keys_of('row'), '==', 1, 'and only them');


# ---- bad keys

for my $key ('', '""', ' ', '"', '"a', 'a"', '"a"b"', 'a' x 256,
             '"' . 'a' x 256 . '"', '"a\\b"', '"a "', "a\tb")
{
    my $answer = keyed($key, "/sessions/$s/execute", \%async);
    is($answer->{status}, 400, "the key <$key>");
    like($answer->{json}{error_detail}, qr/^Idempotency-Key: must be/, 'named');
}

like(raw("POST /api/v1/sessions/$s/execute HTTP/1.1\r\nHost: x\r\n"
         . "Connection: close\r\nIdempotency-Key: \xc3\xa9\r\n"
         . "Content-Length: 31\r\n\r\n" . encode_json({ %shell, code => ':' })),
     qr{^HTTP/1.1 400 .*Idempotency-Key: must be}s, 'one that is not ASCII');

for my $key ('a' x 255, '"' . 'b' x 255 . '"', '"a \\" \\\\ b"', 'a:b/c?d=e;f',
             "it's", '%27', '$(x)', '?')
{
    my $answer = keyed($key, "/sessions/$s/execute", \%async);
    is($answer->{status}, 201, "the key <$key>");
    is(keyed($key, "/sessions/$s/execute", \%async)->{text}, $answer->{text},
       'is one');
}

for my $keys (['two', 'three'], ['two', 'two'], ['two', '']) {
    for my $path ("/sessions/$s/execute", "/sessions/$s/execute-sync",
                  "/sessions/$s/execute-stream")
    {
        my $answer = keyed($keys, $path, \%async);
        is("$answer->{status} $answer->{json}{error_detail}",
           '400 Idempotency-Key: must be there once',
           "$path with the keys <@$keys>");
    }
}
is(keyed(['two', 'three'], $_, {})->{status}, 400, "$_ with two keys")
    for '/sessions', '/templates';
is(keys_of('two') + keys_of('three'), 0, 'none of them counts');

is(keyed('x', "/sessions/$s/terminate")->{status}, 200,
   'where nothing is created it is not looked at');

finish();
