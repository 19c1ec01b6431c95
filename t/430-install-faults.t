#!/usr/bin/env perl

# Installs while everything around them dies, and packages that are made to do
# harm.
# Would catch: an install that stays "installing", one that is given up without
# a cause or that no later one can follow, a session that a package has broken,
# files, processes or a disk that are not given back.

use strict;
use warnings;
use Sandbox::Test;
use Sandbox::Packages;

my $index = index_start();

sub configure {
    index_conf("sandbox_package_index pypi $index/simple/ files=$index/files/;",
               'sandbox_package_max_size 100m;',
               'sandbox_reconcile_interval 500ms;');
}


sub request {
    my ($id, @names) = @_;

    return install($id, packages(map { [$_, undef] } @names));
}


nginx_start(conf => \&configure);
expect_error(qr/upstream timed out/, qr/upstream prematurely closed/,
             qr/client intended to send too large body/);


# ---- an index, and packages, that mean harm

my %says = (
    html => qr/html: .*No matching distribution/s,
    json => qr/json: pip ended/,
    binary => qr/binary: pip ended/,
    hash => qr/hash: .*(?:hash|HASH)/s,
    host => qr/host: .*sends to somewhere else/s,
    astray => qr/astray: .*sends to somewhere else/s,
    short => qr/short: pip ended/,
    absolute => qr/absolute: .*outside/s,
    unnamable => qr/unnamable: .*File name too long/s,
    upwards => qr/upwards: .*outside/s,
    many => qr/many: (?:killed|timed out|.*No space)/s,
);

my $s = session();

# what is left of an install: nothing
sub unharmed {
    my ($id, $what) = @_;

    is(run_in($id, 'ls .packages; ls -d /outside* /workspace/outside*'
                   . ' 2>&- | wc -l', 'shell')->{stdout}, "python\n0\n",
       "$what: nothing is left, nothing is elsewhere");
    is_deeply([installers($id)], [], 'not even a process');
    cmp_ok(run_in($id, 'df -k --output=used /workspace | tail -1', 'shell')
           ->{stdout}, '<', 2000, 'the disk is given back');
}

request($s, 'good');
is(installed(settled($s)), 'good==2.0', 'one that is well');
unharmed($s, 'good');
is(HTTP::Tiny->new->get("$index/make/many")
   ->{status}, 200, 'a million files');

for my $name (sort keys %says) {
    request($s, $name);
    my $session = settled($s, 400);
    is($session->{dependency_install_status}, 'failed', "$name fails");
    like($session->{dependency_install_error}, $says{$name}, 'and says why');
    is(installed($session), 'good==2.0', 'what was there is there');
    unharmed($s, $name);
}

is(run_in($s, 'import good; print(good.VERSION)')->{stdout}, "2.0\n",
   'code still has it');

# what is harmless where it is

for my $name (qw(bytes deep)) {
    my $id = session();
    request($id, $name);
    my $session = settled($id);
    is($session->{dependency_install_status}, 'completed', "$name is installed")
        or diag($session->{dependency_install_error});
    is(installed($session), "$name==1.0", 'as what it is');
    unharmed($id, $name);
    request($id, 'good');
    is(installed(settled($id)), join(' ', sort "$name==1.0", 'good==2.0'),
       'and another one');
    unharmed($id, "$name once more");
    api(DELETE => "/sessions/$id");
}

my $names = session();
request($names, 'names');
my $session = settled($names);
is($session->{dependency_install_status}, 'completed', 'a long list is taken')
    or diag($session->{dependency_install_error});
is(scalar @{ $session->{installed_dependencies} }, 1000, 'as far as it is told');
api(DELETE => "/sessions/$names");

# an index that sends a byte now and then

for my $name (qw(drips dribble)) {
    # pip takes its time to begin
    db("UPDATE sessions SET install_timeout_sec = 12 WHERE id = '$s'");
    request($s, $name);
    ok(wait_for(sub { counts()->{dribbles} }, 30), "$name: it comes slowly");
    like(settled($s)->{dependency_install_error},
         qr/$name: timed out after 12 s/, 'there is a time for it');
    unharmed($s, $name);
    ok(wait_for(sub { !counts()->{dribbles} }, 60), 'nobody waits for the rest')
        or diag(counts()->{dribbles});
}


# ---- code that meddles while an installer runs

# it looks for the secret of the installer's URL, and asks its port without
my $meddle = <<'END';
import glob, os, re, socket

found, asked = [], []

for p in glob.glob('/proc/[0-9]*'):
    for name in 'environ', 'mem', 'fd/3':
        try:
            with open(p + '/' + name, 'rb') as f:
                if re.search(rb'127\.0\.0\.1:\d+/[0-9a-f]{32}', f.read(100000)):
                    found.append(p + '/' + name)
        except OSError:
            pass

with open('/proc/net/tcp') as f:
    ports = [int(line.split()[1].split(':')[1], 16)
             for line in f.readlines()[1:] if line.split()[3] == '0A']

for port in ports:
    for head in ('GET /packages/pypi/default/0/simple/good/ HTTP/1.1',
                 'GET /' + '0' * 32 + '/packages/pypi/default/0/simple/good/'
                 ' HTTP/1.1', 'GET http://127.0.0.1/livez HTTP/1.1',
                 'CONNECT 127.0.0.1:80 HTTP/1.1', 'POST / HTTP/1.1'):
        c = socket.create_connection(('127.0.0.1', port), 5)
        c.sendall((head + '\r\nHost: x\r\n\r\n').encode())
        asked.append(c.recv(12)[9:].decode())

held = [socket.create_connection(('127.0.0.1', p), 5) for p in ports * 12]
print(found, len(ports), sorted(set(asked)))
END

my $m = api(POST => '/sessions', { template_id => 'python-basic', env_vars => {
    PIP_INDEX_URL => 'http://127.0.0.1:1/', PIP_NO_INDEX => '1',
    PYTHONPATH => '/workspace', PIP_TARGET => '/workspace/own' } })->{json}{id};
is(wait_status($m, 'creating'), 'running', 'a session with variables for pip');

# modules and configurations that pip could take for its own
is(run_in($m, <<'END')->{status}, 'completed', 'and files for it');
import os
os.makedirs('.packages/tmp/.config/pip')
for name in ('sitecustomize.py', 'usercustomize.py', 'pip.py', 'ssl.py',
             '.packages/tmp/sitecustomize.py'):
    open(name, 'w').write('open("/workspace/.packages/ran", "w")')
for name in 'pip.conf', 'setup.cfg', '.packages/tmp/.config/pip/pip.conf':
    open(name, 'w').write('[global]\nindex-url = http://127.0.0.1:1/\n'
                          'no-index = true\n[install]\nprefix = /tmp\n')
END
request($m, 'good');
$session = settled($m);
is(installed($session), 'good==2.0', 'the installer heeds none of it')
    or diag($session->{dependency_install_error});
is(run_in($m, 'ls .packages', 'shell')->{stdout}, "python\n", 'and runs none');

request($s, 'slow');
ok(wait_for(sub { installers($s) }, 60), 'an installer runs');
is(run_in($s, $meddle)->{stdout}, "[] 1 ['404']\n",
   'code learns nothing of it, and its port tells nothing');
is(settled($s)->{dependency_install_status}, 'failed', 'it goes on');
unharmed($s, 'meddled');


# ---- everything around it dies

my $home = home();
my %dies = (
    'all workers' => sub { kill_worker($_) for workers() },
    'nginx' => sub {
        Sandbox::Test::nginx_kill();
        sleep 3;
        nginx_start(conf => \&configure);
    },
    'the installer' => sub { kill 'KILL', installers($s) },
    'MariaDB' => sub {
        my ($pid) = split ' ', Sandbox::Test::slurp("$home/run/mariadb.pid");
        kill 'KILL', $pid;
        wait_for(sub { !kill 0, $pid }, 10);
        sleep 2;
        system('bash', '-c', ". docker/lib.sh; home=$home; mariadb_start") == 0
            or die 'no MariaDB';

        # each worker has to notice
        all_well() or fail('MariaDB is back');
    },
);

expect_error(qr/exited on signal 9/, qr/was locked by/,
             qr/MariaDB|database|connect\(\)/);
db("UPDATE sessions SET install_timeout_sec = 30 WHERE id = '$s'");

for my $what (sort keys %dies) {
    request($s, $what eq 'the installer' ? 'slow' : 'late');
    ok(wait_for(sub { installers($s) }, 60), 'an installer runs');
    $dies{$what}->();

    my $session = settled($s);
    like($session->{dependency_install_status}, qr/^(?:completed|failed)$/,
         "$what dies: it ends");
    like($session->{dependency_install_error}, qr/killed by signal 9/, 'so')
        if $what eq 'the installer';
    ok($session->{dependency_install_error}, 'with a cause')
        if $session->{dependency_install_status} eq 'failed';
    unharmed($s, $what);
    request($s, 'good');
    $session = settled($s);
    is($session->{dependency_install_status}, 'completed',
       'and another one goes well')
        or diag($session->{dependency_install_error});
}


# ---- what a worker has accepted, and has not handed over

db("UPDATE sessions SET requested_dependencies =
    '[{\"name\": \"good\", \"version\": \"1.0\"}]',
    dependency_status = 'installing', dependency_epoch = dependency_epoch + 1,
    dependency_due_at = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR,
    updated_at = '2020-01-01' WHERE id = '$s'");
is(installed(settled($s)), 'good==1.0', 'is handed over by the next one');

# asked again and again, who does not answer may still be at work
request($s, 'late');
docker("pause sandbox-$s-2");
db("UPDATE sessions SET updated_at = '2020-01-01' WHERE id = '$s'");
sleep 12;
is(api(GET => "/sessions/$s")->{json}{dependency_install_status}, 'installing',
   'an executor that is silent has time until it is due');
docker("unpause sandbox-$s-2");
like(settled($s)->{dependency_install_error}, qr/late/, 'it goes on');
expect_error(qr/timed out|connect\(\)/);


# ---- reports that lie

my $t = session();
my %token = (Authorization => 'Bearer ' . token($t),
             'Content-Type' => 'application/json');

sub report {
    my ($more, %headers) = @_;
    my $body = ref $more ? { install_id => 'install_1', status => 'completed',
                             installed => [], error => undef, %$more } : $more;

    $body = JSON::PP->new->latin1->encode($body) if ref $body;
    return unix_call("$home/callback/internal.sock", 'POST',
                     "/internal/sessions/$t/dependencies", $body, %token,
                     %headers)->{status};
}

# it cannot end meanwhile
request($t, 'slow');
ok(wait_for(sub { installers($t) }, 60), 'an installer runs');
docker("pause sandbox-$t-2");

my @lies = (
    ['of another session', {}, 401, Authorization => 'Bearer ' . token($s)],
    ['of nobody', {}, 401, Authorization => 'Bearer x'],
    ['of no install', { install_id => 'install_' }, 422],
    ['of install -1', { install_id => 'install_-1' }, 422],
    ['of one with a huge number', { install_id => 'install_' . '9' x 30 }, 422],
    ['of the next one', { install_id => 'install_2' }, 409],
    ['with a status that is none', { status => 'installing' }, 422],
    ['with a field more', { x => 1 }, 400],
    ['with a name that is a path',
     { installed => [{ name => '../x', version => '1' }] }, 422],
    ['with a number', { installed => [{ name => 1, version => '1' }] }, 400],
    ['with too many', { installed => [map { { name => "x$_", version => '1' } }
                                          1 .. 1001] }, 422],
    ['with a long error', { status => 'failed', error => 'x' x 5000 }, 422],
    ['with bytes that are no text', { status => 'failed', error => "\xff" },
     400],
    ['of 10 MB', '{"x":"' . 'x' x 10_000_000 . '"}', 413],
    ['that ends early', '{"install_id":', 400],
    ['that is a list', '[]', 400],
);

for (@lies) {
    my ($what, $more, $status, %headers) = @$_;

    is(report($more, %headers), $status, "a report $what");
}

is(api(GET => "/sessions/$t")->{json}{dependency_install_status}, 'installing',
   'changes nothing');
docker("unpause sandbox-$t-2");
unlike(settled($t)->{dependency_install_error}, qr/x{9}/, 'and is not shown');
api(DELETE => "/sessions/$t");


# ---- a session that ends is not installing, whatever ends it

my $ended = 'the session ended before its packages were installed';
my %ends = (
    'is terminated' => sub { api(POST => "/sessions/$_[0]/terminate") },
    'is deleted' => sub { api(DELETE => "/sessions/$_[0]") },
    'has lost its container' => sub { docker("kill sandbox-$_[0]-2") },
    'has had its time' => sub {
        db("UPDATE sessions SET expires_at = UTC_TIMESTAMP(3)
            WHERE id = '$_[0]'");
    },
);

for my $what (sort keys %ends) {
    my $id = session();
    request($id, 'slow');
    ok(wait_for(sub { installers($id) }, 60), 'an installer runs');
    $ends{$what}->($id);

    my @row;
    ok(wait_for(sub {
        @row = map { @$_ } db("SELECT status, dependency_status,
            IFNULL(dependency_error, ''), dependency_completed_at IS NOT NULL,
            dependency_due_at IS NULL FROM sessions WHERE id = '$id'");
        return $row[0] ne 'running';
    }, 30), "a session that $what ends");
    is("@row[1 .. 4]", "failed $ended 1 1", 'and so does its install');
}

finish();
index_stop();
