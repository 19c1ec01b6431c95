#!/usr/bin/env perl

# Clients that speak HTTP/2: many requests at a time on one connection.
# Would catch: an answer that stays in a worker because a subrequest had the
# stream, one that is cut at the window's size, a stream that is never closed,
# a crash of a worker when a client resets what is under way.

use strict;
use warnings;
use JSON::PP;
use Sandbox::Test;

my $port = port() + 1;
my $base = "https://127.0.0.1:$port/api/v1";
my $cert = home() . '/tmp/http2';

# without TLS, Debian's curl cannot use a connection twice
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test"
       . " -keyout $cert.key -out $cert.pem 2>/dev/null") == 0
    or BAIL_OUT('no certificate');

nginx_start(conf => sub {
    my $public = '127.0.0.1:' . port();
    s/(listen\s+\Q$public\E[^;]*;)/$1
        listen 127.0.0.1:$port ssl http2;
        ssl_certificate $cert.pem;
        ssl_certificate_key $cert.key;/
        or die 'no listen';
});

my $s = session();
my @pids = workers();
my $file = home() . '/tmp/http2.answer';


# what curl has written, and its exit code
sub curl {
    my (@arguments) = @_;

    open my $out, '-|', 'curl', '-sk', '--stderr', '/dev/null',
         '--http2', '--max-time', 30,
         @arguments or die $!;
    my $text = do { local $/; <$out> } // '';
    close $out;

    return ($text, $? >> 8);
}


sub post {
    my ($code) = @_;

    return ('-H', 'Content-Type: application/json', '-d',
            encode_json({ language => 'shell', code => $code }));
}


# ---- one after the other, on one connection

my ($text) = curl(post('echo $((6 * 7))'), '-w',
                  ' %{http_version} %{http_code} %{num_connects}\n',
                  ("$base/sessions/$s/execute-sync") x 3);
my @lines = split /\n/, $text;

is(scalar @lines, 3, 'three answers');
is((grep { /"stdout":"42\\n"/ && / 2 200 [01]\z/ } @lines), 3, 'over HTTP/2')
    or diag($text);
is((grep { / 0\z/ } @lines), 2, 'one connection');


# ---- beside each other

($text) = curl('--parallel', '--parallel-max', 8, post('echo together'),
               '-w', '\n', ("$base/sessions/$s/execute-sync") x 16);
is((() = $text =~ /"stdout":"together\\n"/g), 16, 'sixteen streams')
    or diag($text);


# ---- more than a window, read slowly

my (undef, $code) = curl(post('head -c 2000000 /dev/zero'), '--limit-rate',
                         '4M', '-o', $file, "$base/sessions/$s/execute-sync");
is($code, 0, 'a large answer ends');
cmp_ok(-s $file, '>', 6 << 20, 'and is whole');
is(eval { decode_json(Sandbox::Test::slurp($file))->{status} }, 'completed',
   'as it should be');


# ---- streams that are reset: before, while and after code runs

for my $time (0.01, 0.05, 0.3, 3) {
    curl('--max-time', $time, '-o', '/dev/null', '--parallel',
         post('sleep 0.2; echo kept'), ("$base/sessions/$s/execute-sync") x 4);
}

ok(wait_for(sub {
    !db("SELECT id FROM executions WHERE session_id = '$s'
         AND status IN ('pending', 'running', 'crashed')");
}, 60), 'each execution ends');
cmp_ok((db("SELECT COUNT(*) FROM executions WHERE session_id = '$s'
            AND code LIKE 'sleep%'"))[0][0], '>=', 4, 'that was begun');
is((db("SELECT COUNT(*) FROM executions WHERE session_id = '$s'
        AND status = 'completed' AND stdout = 'kept\\n'"))[0][0],
   (db("SELECT COUNT(*) FROM executions WHERE session_id = '$s'
        AND code LIKE 'sleep%'"))[0][0], 'with its result');
is(join(' ', workers()), "@pids", 'the workers are the same');

($text, $code) = curl("$base/sessions/$s");
is($code, 0, 'and answer');


# ---- watching

($text, $code) = curl('-N', post('echo a; sleep 0.2; head -c 2000000 /dev/zero'
                                 . ' | tr "\\\\0" x; echo b >&2'),
                      "$base/sessions/$s/execute-stream");
is($code, 0, 'a stream of events ends');
like($text, qr/^id: 1\nevent: stdout\ndata: \{"text":"a\\n"\}\n\n/m,
     'with what was written');
like($text, qr/"b\\n"\}\n.*^event: done\ndata: \{\}\n\n\z/ms, 'to its end');

curl('-N', '--max-time', 5, '-o', '/dev/null', post('sleep 61'),
     "$base/sessions/$s/execute-stream?cancel_on_disconnect=true");
ok(wait_for(sub {
    (db("SELECT status FROM executions WHERE session_id = '$s'
         AND code = 'sleep 61'"))[0][0] eq 'cancelled';
}, 60), 'a stream that is reset ends the code, if it is to');
is(join(' ', workers()), "@pids", 'the workers are the same');

unlink $file, "$cert.key", "$cert.pem";
finish();
