#!/usr/bin/env perl

# Several that start one session: together, after one another, too late; and a
# secret that is changed in a start.
# Would catch: a second container of one session, a second start that takes
# the session over or fails it, one that is started when its time is over, a
# report with an earlier secret's token that is believed.

use strict;
use warnings;
use Sandbox::Test;

my $callback = home() . '/callback/internal.sock';
my $holder;
my $secret = $ENV{SANDBOX_TEST_SECRET_FILE};
my $old = Sandbox::Test::slurp($secret);

sub conf {
    s/(sandbox_node\s+local;)/$1
    sandbox_reconcile_interval 1h;/;
}

nginx_start(conf => \&conf);

# the job runs once when nginx starts
sleep 1.5;


# one that is accepted, and that nobody has been told to start
sub accepted {
    my ($id, $seconds) = @_;

    db("INSERT INTO sessions (id, template_id, status, language_runtime,
        runtime_backend, runtime_node, image_url, cpu_milli, memory_mb,
        disk_mb, max_processes, timeout_sec, workspace_path,
        start_deadline_at)
        SELECT '$id', id, 'creating', runtime_type, 'docker', 'local',
        image_url, 500, 128, 256, 128, 300, 'sessions/$id/',
        UTC_TIMESTAMP(3) + INTERVAL $seconds SECOND
        FROM templates WHERE id = 'python-basic'");
    return $id;
}


# a start whose answer is wanted later
sub start {
    my ($id) = @_;
    my $pid = open(my $reader, '-|') // die $!;

    if ($pid == 0) {
        print loopback("/internal/sessions/$id/start")->{status};
        close STDOUT;
        POSIX::_exit(0);
    }

    return sub { local $/; return scalar <$reader> };
}


# nobody else can change the row until it is released
sub hold {
    my ($id) = @_;

    open $holder, '|-', 'mariadb --no-defaults -S ' . home()
        . '/run/mariadb.sock ngx_sandbox >/dev/null' or die $!;
    $holder->autoflush(1);
    print $holder "BEGIN; SELECT * FROM sessions WHERE id = '$id'
                   FOR UPDATE;\n";
    wait_for(sub { transactions('trx_rows_locked > 0') })
        or die 'nobody holds the row';
}


# processes that were made meanwhile have the handle as well: its end is told
sub release {
    print $holder "COMMIT;\n\\q\n";
    close $holder;
}


# executors cannot report until they are heard again
sub deaf { rename $callback, "$callback.away" or die "$callback: $!" }
sub heard { rename "$callback.away", $callback or die "$callback: $!" }


sub claiming {
    return (db("SELECT COUNT(*) FROM information_schema.processlist
                WHERE user = 'ngx_sandbox'
                AND info LIKE 'UPDATE sessions SET container_id%'"))[0][0];
}


sub running {
    my ($id) = @_;
    my $container = inspect("sandbox-$id-2");

    return $container && $container->{State}{Running};
}


sub row {
    my ($id) = @_;

    return join ' ', map { $_ // '-' } @{ (db("SELECT status, epoch,
        container_id FROM sessions WHERE id = '$id'"))[0] };
}


# it runs in the container of its first start, and there never was another
sub started_once {
    my ($id, $name) = @_;

    wait_status($id, 'creating');
    is(row($id), "running 3 sandbox-$id-2", "$name: it runs, by one start");
    is_deeply([db("SELECT id, status FROM containers
                   WHERE session_id = '$id'")],
              [["sandbox-$id-2", 'running']], "$name: one container is known");
    is_deeply([docker("ps -a --filter label=ngx_sandbox.session=$id"
                      . ' --format {{.Names}}')],
              ["sandbox-$id-2"], "$name: and one is there");
    is(api(POST => "/sessions/$id/execute-sync",
           { language => 'shell', code => 'echo once' })->{json}{stdout},
       "once\n", "$name: it works");
}


# ---- several that have read the row before one of them claims it

accepted('together', 30);
hold('together');
my @starts = map { start('together') } 1 .. 4;
ok(wait_for(sub { claiming() == 4 }), 'four are about to claim it');
release();
is_deeply([map { $_->() } @starts], [(200) x 4],
          'all are told that it is well');
started_once('together', 'four at once');


# ---- one that comes when it is claimed, and nothing is made yet

accepted('claimed', 30);
freeze('docker');
my $first = start('claimed');
ok(wait_for(sub { row('claimed') eq 'creating 2 sandbox-claimed-2' }),
   'it is claimed');
is(loopback('/internal/sessions/claimed/start')->{status}, 200,
   'a second start of it');
is(row('claimed'), 'creating 2 sandbox-claimed-2', 'changes nothing');
thaw('docker');
is($first->(), 200, 'the first goes on');
started_once('claimed', 'claimed before');


# ---- one that comes when the container is there, and its executor is not ready

accepted('recorded', 30);
deaf();
$first = start('recorded');
ok(wait_for(sub { running('recorded') }, 30), 'its container runs');
is(row('recorded'), 'creating 2 sandbox-recorded-2', 'it does not');
is(loopback('/internal/sessions/recorded/start')->{status}, 200,
   'a second start of it');
is(row('recorded'), 'creating 2 sandbox-recorded-2', 'changes nothing');
heard();
is($first->(), 200, 'the first goes on');
started_once('recorded', 'being made');


# ---- one that comes when it runs, or has ended

is(loopback('/internal/sessions/recorded/start')->{status}, 200,
   'a start of one that runs');
started_once('recorded', 'started again');
api(POST => "/sessions/$_/terminate") for qw(together claimed recorded);
is(loopback('/internal/sessions/claimed/start')->{status}, 200,
   'a start of one that has ended');
is(row('claimed'), 'terminated 4 sandbox-claimed-2', 'changes nothing');


# ---- one that comes when the time of starts is over

accepted('late', 0);
is(loopback('/internal/sessions/late/start')->{status}, 200,
   'a start that is late');
is(row('late'), 'creating 1 NULL', 'claims nothing');
is_deeply([db("SELECT id FROM containers WHERE session_id = 'late'")], [],
          'and makes nothing');
loopback('/internal/jobs/reconcile');
is(wait_status('late', 'creating', 30), 'failed', 'the session has failed');
is(api(GET => '/sessions/late')->{json}{failure}{reason}, 'start_timeout',
   'for that reason');


# ---- another secret, before the executor has reported that it is ready

accepted('moved', 30);
deaf();
$first = start('moved');
ok(wait_for(sub { running('moved') }, 30), 'its container runs');
Sandbox::Test::nginx_kill();
unlink "$callback.away";
Sandbox::Test::spew($secret, 'z' x 64);
nginx_start(conf => \&conf);
ok(wait_for(sub { !running('moved') }, 30),
   'with another secret its executor is refused, and ends');
is(row('moved'), 'creating 2 sandbox-moved-2', 'it is not believed');
db("UPDATE sessions SET start_deadline_at = '2020-01-01' WHERE id = 'moved'");
loopback('/internal/jobs/reconcile');
is(wait_status('moved', 'creating', 30), 'failed', 'the session has failed');
ok(wait_for(sub {
    !docker('ps -aq --filter label=ngx_sandbox.session=moved')
        && !-e home() . '/sessions/moved';
}, 30), 'and nothing of it is left');
nginx_stop();
Sandbox::Test::spew($secret, $old);
nginx_start(conf => \&conf);

finish();
