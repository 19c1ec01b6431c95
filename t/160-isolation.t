#!/usr/bin/env perl

# What code in a sandbox sees and reaches: its own workspace, and nothing of
# other sandboxes, of the API, of the host.
# Would catch: a folder of another session that is mounted, an executor that
# runs code for a neighbour, a result that anybody can post, an API that a
# sandbox reaches, a token that code can read.

use strict;
use warnings;
use JSON::PP;
use Sandbox::Test;
use Sandbox::OpenApi;

my $inside = $ENV{SANDBOX_TEST_BUBBLEWRAP};

nginx_start();

my $a = session(id => 'neighbour-a', env_vars => { SECRET => 'of-a' });
my $b = session(id => 'neighbour-b');


# what a handler returns; its event says where to look
sub seen {
    my ($session, $code, %event) = @_;
    my $answer = api(POST => "/sessions/$session/execute-sync",
                     { language => 'python', event => \%event,
                       code => "import glob, os, socket\n"
                               . "def handler(event):\n$code" });

    is($answer->{json}{status}, 'completed', 'it was run')
        or diag($answer->{text});
    return $answer->{json}{return_value};
}


# ---- files

is(seen($a, "    open('/workspace/mine', 'w').write('of a')\n"
            . "    open('/tmp/mine', 'w').write('of a')\n"
            . "    return open('mine').read()\n"), 'of a', 'it can write');
is(seen($a, "    return open('/workspace/mine').read()\n"), 'of a',
   'and finds it again');
is_deeply(seen($b, "    return glob.glob('/workspace/*')"
                   . " + glob.glob('/tmp/*')\n"), [],
          'a neighbour does not see it');

my $mounts = seen($b, "    return open('/proc/self/mountinfo').read()\n");
like($mounts, qr{ /run/sandbox }, 'its mounts');
unlike($mounts, qr/neighbour-a/, 'none of the neighbour\'s');
unlike($mounts, qr/docker\.sock|mariadb|loopback/, 'nor of the host\'s');

is_deeply([sort map { $_->{Destination} }
           @{ inspect("sandbox-$b-2")->{Mounts} }],
          ['/etc/hosts', '/opt/sandbox', '/run/sandbox',
           '/run/sandbox-callback'], 'as the engine has them');

# every folder that it may write into; what it leaves there ends with it
is_deeply(seen($b, <<'END'), [],
    found = []
    for top, folders, files in os.walk('/'):
        folders[:] = [f for f in folders if (top + '/' + f).replace('//', '/')
                      not in ('/proc', '/sys', '/dev', '/workspace', '/tmp')]
        if os.access(top, os.W_OK):
            found.append(top)
    return found
END
          'it can write nowhere else');
is(seen($b, "    try: return os.listdir('/run/sandbox') or 'no'\n"
            . "    except PermissionError: return 'no'\n"), 'no',
   'not even look at where its executor listens');


# ---- what is in force is told

my $isolation = api(GET => "/sessions/$b")->{json}{isolation};
ok($isolation->{landlock} >= 1, 'Landlock, by the session');
ok($isolation->{seccomp}, 'the filter of system calls');
is(!!$isolation->{bubblewrap}, !!$inside, 'bubblewrap, or none');
is_deeply(api(GET => '/health/detailed')->{json}{isolation}, $isolation,
          'and by health');


# ---- other executors, and its own

is(seen($b, <<'END'), $inside ? 'FileNotFoundError' : 'PermissionError',
    s = socket.socket(socket.AF_UNIX)
    try: return s.connect('/run/sandbox/executor.sock')
    except OSError as e: return type(e).__name__
END
   'its own executor cannot be reached by code');
is_deeply(seen($b, "    return [p for p in glob.glob('/proc/[0-9]*/cmdline')"
                   . " if b'neighbour-a' in open(p, 'rb').read()]\n"), [],
          'no process of the neighbour\'s');
unlike(seen($b, "    found = []\n"
                . "    for path in glob.glob('/proc/[0-9]*/environ'):\n"
                . "        try: found.append(open(path, 'rb').read())\n"
                . "        except OSError: pass\n"
                . "    return repr(found)\n"), qr/of-a|[0-9a-f]{64}/,
       'no environment that holds a token or a neighbour\'s secret');


# ---- networks

my $port = 0 + port();
is_deeply(seen($b, <<'END', port => $port), [],
    found = []
    for address in ('127.0.0.1', '172.17.0.1', '10.0.0.1', '1.1.1.1'):
        s = socket.socket()
        s.settimeout(1)
        try:
            s.connect((address, event['port']))
            found.append(address)
        except OSError:
            pass
    return found
END
          'it reaches no address');
is_deeply(seen($b, "    return sorted(os.listdir('/sys/class/net'))\n"),
          ['lo'], 'it has no interface');


# ---- the callback socket: nothing without a token, no result that is forged

my $forged = <<'END';
    import json
    def post(path, body, token):
        s = socket.socket(socket.AF_UNIX)
        try: s.connect('/run/sandbox-callback/internal.sock')
        except FileNotFoundError: return 'not there'
        try: s.sendall(('POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n'
                   'Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n'
                   % (path, token, len(body))).encode() + body)
        except OSError: return 'closed'
        try: return int(s.recv(100).split()[1])
        except (OSError, IndexError): return 'closed'
    head = {'execution_id': event['id'], 'status': 'completed', 'exit_code': 0,
            'error_message': None, 'stdout_bytes': 6, 'stderr_bytes': 0,
            'return_value_bytes': 0, 'stdout_dropped': 0, 'stderr_dropped': 0,
            'duration_ms': 1, 'metrics': {}}
    body = json.dumps(head).encode() + b'\nforged'
    return [post('/internal/executions/%s/result' % event['id'], body, token)
            for token in ('', 'x', 'neighbour-a', 'neighbour-a.' + '0' * 64,
                          'neighbour-b.' + '0' * 64)] \
        + [post(path, b'{}', '') for path in
           ('/api/v1/sessions', '/internal/sessions/neighbour-a/start',
            '/internal/jobs/reconcile', '/livez')]
END
my $victim = api(POST => "/sessions/$a/execute",
                 { language => 'shell', code => 'sleep 2; echo real' })
    ->{json}{execution_id};
is_deeply(seen($b, $forged, id => $victim),
          [($inside ? 'not there' : 'closed') x 9],
          'a result of a neighbour\'s cannot be posted, and nothing be asked');
ok(wait_for(sub {
    api(GET => "/executions/$victim")->{json}{status} eq 'completed';
}), 'the neighbour\'s execution ends');
is(api(GET => "/executions/$victim")->{json}{stdout}, "real\n",
   'with its own result');


# ---- an image that brings a place of the host's disk, beside the limit

docker(q(run --name volume --user 0 --entrypoint /bin/sh
         sandbox-template-python-basic:latest -c) =~ s/\s+/ /gr
       . q( 'mkdir /data && chown 1000 /data'));
docker(q(commit --change 'VOLUME /data' volume sandbox-test-volume:latest));
docker('rm volume');

api(POST => '/templates', { id => 'volume', name => 'Volume',
                            image_url => 'sandbox-test-volume:latest',
                            runtime_type => 'python3.11' });
expect_error(qr/answered 50\d.*VOLUME/, qr/declares a VOLUME/);
my $v = api(POST => '/sessions', { template_id => 'volume' })->{json}{id};

is(wait_status($v, 'creating'), 'failed', 'an image with a VOLUME');
my $refused = api(GET => "/sessions/$v")->{json}{failure};
is($refused->{reason}, 'image_refused', 'is refused');
like($refused->{message}, qr/VOLUME/, 'and what is wrong with it is said');

api(DELETE => "/sessions/$v");
ok(wait_for(sub {
    !docker("ps -aq --filter label=ngx_sandbox.session=$v");
}), 'it is gone');
docker('rmi sandbox-test-volume:latest');


# ---- a neighbour that takes what it can

my @greedy = map {
    api(POST => "/sessions/$b/execute", { language => 'shell', timeout => 40,
        code => $_ })->{status}
} ('while :; do :; done', 'while :; do sh -c "sleep 9 &" ; done 2>/dev/null',
   'cat /dev/zero >/workspace/full 2>/dev/null; sleep 30');
is_deeply(\@greedy, [201, 201, 201], 'a neighbour is greedy');
sleep 1;

my $begun = time;
is(api(POST => "/sessions/$a/execute-sync",
       { language => 'shell', code => 'echo $SECRET' })->{json}{stdout},
   "of-a\n", 'the other one works');
cmp_ok(time - $begun, '<', 15, 'in time');

finish();
