#!/usr/bin/env perl

# The checks that every test ends with do fail: each fault is planted once, in
# a test of its own.
# Would catch: a harness that has stopped looking.

use strict;
use warnings;
use Sandbox::Test;
use Cwd qw(abs_path);
use File::Basename qw(dirname);

my $lib = abs_path(dirname(__FILE__) . '/lib');
my $row = "INSERT INTO sessions (id, template_id, status, language_runtime,
           runtime_backend, image_url, cpu_milli, memory_mb, disk_mb,
           max_processes, timeout_sec, workspace_path, start_deadline_at,
           expires_at, completed_at, failure) VALUES ('bad', 'x', '%s', 'x',
           'docker', 'x', 1, 1, 1, 1, 1, 'x', '2099-01-01', '2099-01-01', %s,
           NULL)";
my $ended = sprintf $row, 'terminated', 'NOW()';

sub planted {
    my ($code, $red) = @_;
    my $file = home() . '/tmp/planted.t';

    Sandbox::Test::spew($file, "use strict; use warnings; use Sandbox::Test;\n"
                        . "nginx_start(); ok(1, 'begun');\n$code\nfinish();\n");

    my @bad = map { /^not ok \d+ - (.*)/ ? $1 : () }
              `$^X -I $lib $file 2>/dev/null`;
    my $status = $? >> 8;

    is_deeply(\@bad, $red ? [$red] : [], $red ? "seen: $red" : 'nothing wrong');
    is($status != 0, defined $red, 'and told');
}


planted('');
planted(q(my $log; open $log, '>>', home() . '/log/error.log';
          print $log "2026/01/01 00:00:00 [alert] 1#1: planted\n"; close $log;),
        'error.log is clean');
planted(q(my $log; open $log, '>>', home() . '/log/error.log';
          print $log "2026/01/01 00:00:00 [error] 1#1: planted\n"; close $log;
          expect_error(qr/another/);), 'error.log is clean');
planted(q(my $log; open $log, '>>', home() . '/log/error.log';
          print $log "2026/01/01 00:00:00 [error] 1#1: planted\n"; close $log;
          expect_error(qr/planted/);));
planted("wait_for(sub { workers() == 2 }); kill KILL => (workers())[0];"
        . "sleep 0.5;", 'error.log is clean');

my $leak = q(docker(q(run -d --network none --label
    ngx_sandbox.instance=local --entrypoint /bin/sleep
    sandbox-template-python-basic:latest 60) =~ s/\s+/ /gr););
planted("no warnings; *Sandbox::Test::end_sessions = sub {}; $leak",
        'no container is left');
planted(q(no warnings; *Sandbox::Test::end_sessions = sub {};
          mkdir home() . '/sessions/leak';), 'no folder of a session is left');

my $rows = q(no warnings; *Sandbox::Test::end_sessions = sub {}; db(q(%s)););

planted(sprintf($rows, "$ended; INSERT INTO containers (id, session_id,
                template_id, node_id, runtime_type, image, status) VALUES
                ('bad', 'bad', 'x', 'elsewhere', 'docker', 'x', 'running')"),
        'a live container has an active session');
planted(sprintf($rows, sprintf $row, 'running', 'NULL'),
        'a running session has a running container');
planted(sprintf($rows, "$ended; INSERT INTO executions (id, session_id, status,
                language, code, timeout_sec, due_at) VALUES ('bad', 'bad',
                'running', 'shell', 'x', 1, '2099-01-01')"),
        'an ended session has no unfinished execution');
planted(sprintf($rows, sprintf $row, 'terminated', 'NULL'),
        'what has ended has its time');
planted(sprintf($rows, sprintf $row, 'failed', 'NOW()'),
        'a failed session says why');

# and a test that begins after all this does not see it
Sandbox::Test::clean_slate();
is_deeply([db('SELECT COUNT(*) FROM sessions')], [[0]], 'a clean slate');
is(join(' ', docker('ps -aq --filter label=ngx_sandbox.instance=local')), '',
   'without containers');
is(join(' ', glob home() . '/sessions/*'), '', 'and without folders');

done_testing();
