#!/usr/bin/env perl

# MariaDB as it is on bad days: it closes what was idle, takes no connection,
# hangs, dies inside of a statement, is not there yet.
# Would catch: an error for a connection that had only been idle, a statement
# that is repeated although it was done, or not although it could be, a worker
# that waits for ever, a row that stays open, a sandbox that is ended because
# the database was away.

use strict;
use warnings;
use IO::Socket::UNIX;
use Sandbox::Test;
use Sandbox::OpenApi;

my $home = home();
my $callback = "$home/callback/internal.sock";
my (@holders, $s);

sub conf {
    s/(sandbox_node\s+local;)/$1
    sandbox_reconcile_interval 500ms;
    sandbox_start_timeout 12s;/;
}

# also when this test dies: the next ones need it
END {
    local $?;

    kill 'KILL', @holders if @holders;
    rename "$callback.away", $callback if $callback && -e "$callback.away";
    db('SET GLOBAL wait_timeout = 28800; SET GLOBAL max_connections = 200')
        if $home && -S "$home/run/mariadb.sock";
}


# answers of calls that are made together, each with the time that it took
sub at_once {
    my @readers = map {
        my ($method, $path, $body) = @$_;
        my $pid = open(my $reader, '-|') // die $!;

        if ($pid == 0) {
            my $begun = time;
            my $answer = api($method, $path, $body);

            print join ' ', $answer->{status},
                $answer->{json} && ref $answer->{json} eq 'HASH'
                    ? $answer->{json}{error_code} // '-' : '-',
                time - $begun;
            close STDOUT;
            POSIX::_exit(0);
        }

        $reader
    } @_;

    return map { taken($_) } @readers;
}


sub taken {
    my ($reader) = @_;
    my %answer;

    @answer{qw(status code took)} = split / /, <$reader>;
    return \%answer;
}


# a call whose answer is wanted later
sub begin {
    my ($method, $path, $body) = @_;
    my $pid = open(my $reader, '-|') // die $!;

    if ($pid == 0) {
        my $answer = api($method, $path, $body);

        print "$answer->{status} $answer->{text}";
        close STDOUT;
        POSIX::_exit(0);
    }

    return sub { local $/; return scalar <$reader> };
}


# a client of MariaDB's that does something and then sleeps over it
sub hold {
    my ($sql) = @_;
    my $pid = fork // die $!;

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec 'mariadb', '--no-defaults', '-S', "$home/run/mariadb.sock",
             'ngx_sandbox', '-e', "$sql; SELECT SLEEP(30)" or POSIX::_exit(1);
    }

    push @holders, $pid;
}


sub hold_row {
    my ($table, $id) = @_;

    hold("BEGIN; SELECT id FROM $table WHERE id = '$id' FOR UPDATE");
    wait_for(sub { sleeping() >= 1 }) or die 'nobody holds the row';
}


sub sleeping {
    return (db("SELECT COUNT(*) FROM information_schema.processlist
                WHERE info = 'SELECT SLEEP(30)'"))[0][0];
}


# a killed client is noticed by the server only when it writes; while all
# connections are taken the administrator's one may be as well, for a moment
sub release {
    wait_for(sub {
        return eval {
            db(map { "KILL $_->[0];\n" }
               db("SELECT id FROM information_schema.processlist
                   WHERE info = 'SELECT SLEEP(30)'"));
            1;
        };
    });
    waitpid $_, 0 for splice @holders;
}


# the connection of ours that waits for the row
sub blocked {
    my ($what) = @_;
    my @rows;

    wait_for(sub {
        @rows = db("SELECT id FROM information_schema.processlist
                    WHERE user = 'ngx_sandbox' AND time_ms > 100
                    AND info LIKE '%$what%'");
        return @rows > 0;
    }, 30) or die "nothing waits: $what";
    return $rows[0][0];
}


sub mariadb_pid {
    return Sandbox::Test::slurp($ENV{SANDBOX_TEST_MARIADB_PID_FILE})
           =~ /(\d+)/ ? $1 : die 'no pid';
}


sub mariadb_kill {
    my $pid = mariadb_pid();

    kill 'KILL', $pid;
    wait_for(sub { !kill 0, $pid });
}


sub mariadb_start {
    system('bash', '-c', ". docker/lib.sh; home=$home; mariadb_start") == 0
        or die 'MariaDB did not start again';
}


sub status {
    my ($row) = db("SELECT status FROM sessions WHERE id = '$_[0]'");

    return $row ? $row->[0] : 'absent';
}


# a session whose executor is ready, and whose row cannot say so yet: nobody
# hears the executor before somebody holds the row
sub held_start {
    rename $callback, "$callback.away" or die "$callback: $!";

    my $id = api(POST => '/sessions', { template_id => 'python-basic' })
        ->{json}{id};

    wait_for(sub {
        my ($row) = db("SELECT status FROM containers
                        WHERE session_id = '$id' AND runtime_id IS NOT NULL");
        return $row;
    }) or die 'no start could be held';
    hold_row(sessions => $id);
    rename "$callback.away", $callback or die "$callback: $!";
    return $id;
}


# code that ends when this file is there
sub awaiting {
    my ($name) = @_;

    return { language => 'shell', timeout => 60,
             code => "while [ ! -e $name ]; do sleep 0.1; done; echo $name" };
}


sub touch {
    my ($name) = @_;

    api(POST => "/sessions/$s/execute-sync",
        { language => 'shell', code => "touch $name" });
}


sub unavailable {
    my ($name, @answers) = @_;

    is_deeply([grep { "$_->{status} $_->{code}"
                      ne '503 Sandbox.DatabaseUnavailable' } @answers], [],
              "$name: 503");
    is_deeply([grep { $_->{took} > 15 } @answers], [],
              "$name: within the deadline");
}


# ---- gone after its idle time-out: nobody notices

db('SET GLOBAL wait_timeout = 1');
nginx_start(conf => \&conf);

for my $method (qw(GET POST)) {
    my $n = 0;

    for my $round (1 .. 3) {
        my @answers = at_once(map {
            $method eq 'GET' ? [GET => '/sessions']
                             : [POST => '/templates', {
                                   id => 'idle-' . ++$n, name => "Idle $n",
                                   image_url => 'x',
                                   runtime_type => 'go1.21' }]
        } 1 .. 12);

        is_deeply([grep { $_->{status} !~ /^20/ } @answers], [],
                  "$method, round $round: all are well");
        sleep 1.7;
    }
}

db('SET GLOBAL wait_timeout = 28800');
nginx_stop();
nginx_start(conf => \&conf);


# ---- killed connections

$s = session();
db('KILL USER ngx_sandbox');
is_deeply([grep { $_->{status} != 200 }
           at_once(map { [GET => "/sessions/$s"] } 1 .. 12)], [],
          'connections that were killed are made again');


# ---- inside of a statement: it is repeated, or its caller is told

expect_error(qr/lost MariaDB/, qr/answered 503 Sandbox.DatabaseUnavailable/);

hold_row(sessions => $s);
my $answer = begin(POST => "/sessions/$s/terminate");
db('KILL ' . blocked('terminated'));
release();
like($answer->(), qr/^(?:200 .*"status":"terminated"|503)/,
     'a connection is lost while a session is ended');
is(api(POST => "/sessions/$s/terminate")->{json}{status}, 'terminated',
   'and it is ended, at the latest by the next call');

hold_row(templates => 'python-basic');
$answer = begin(POST => '/sessions', { template_id => 'python-basic',
                                       id => 'cut' });
db('KILL ' . blocked('INSERT INTO sessions'));
release();
like($answer->(), qr/^(?:201|503 .*DatabaseUnavailable)/,
     'a connection is lost while a session is inserted');
ok(wait_for(sub { status('cut') ne 'creating' }, 40), 'its row is true');
is((db("SELECT COUNT(*) FROM containers WHERE session_id = 'cut'
        AND status <> 'removed'"))[0][0], status('cut') eq 'running' ? 1 : 0,
   'and so is its container\'s');

$s = session();
hold_row(sessions => $s);
$answer = begin(POST => "/sessions/$s/execute-sync",
                { language => 'shell', code => 'echo once >>ledger',
                  timeout => 1 });
db('KILL ' . blocked('INSERT INTO executions'));
release();
like($answer->(), qr/^(?:200|503 .*DatabaseUnavailable)/,
     'a connection is lost while an execution is inserted');
like(api(POST => "/sessions/$s/execute-sync",
         { language => 'shell', code => 'cat ledger 2>&1' })->{json}{stdout},
     qr/^(?:once|cat: .*)\n\z/, 'it did not run twice');

$answer = begin(POST => "/sessions/$s/execute-sync", awaiting('kept'));
my $id;
ok(wait_for(sub {
    ($id) = map { $_->[0] } db("SELECT id FROM executions WHERE status =
                                'running' AND code LIKE '%kept%'");
    return $id;
}), 'an execution runs');
hold_row(executions => $id);
touch('kept');
db('KILL ' . blocked('UPDATE executions'));
release();
$answer->();
ok(wait_for(sub { api(GET => "/executions/$id")->{json}{stdout} eq "kept\n" },
            60), 'a connection is lost while a result is stored: it is kept');


# ---- a row that is locked: a deadline for its caller, nothing for others

hold_row(sessions => $s);
my ($stuck) = at_once([POST => "/sessions/$s/terminate"]);
is("$stuck->{status} $stuck->{code}", '503 Sandbox.DatabaseUnavailable',
   'a lock that lasts: 503');

# a wait for a lock is cut by InnoDB after 2 s, and tried once more
cmp_ok($stuck->{took}, '<', 15, 'within the deadline');
is(api(GET => "/sessions/$s")->{status}, 200, 'the session can be read');
release();
is(api(POST => "/sessions/$s/terminate")->{json}{status}, 'terminated',
   'without the lock it ends');


# ---- the server dies inside of a statement

$s = session();
hold_row(sessions => $s);
my $ending = begin(POST => "/sessions/$s/terminate");
my $running = begin(POST => "/sessions/$s/execute",
                    { language => 'shell', code => ':' });
blocked('terminated');
my $begun = time;
mariadb_kill();
like($ending->(), qr/^503 .*DatabaseUnavailable/,
     'MariaDB dies while a session is ended: 503');
like($running->(), qr/^503 .*DatabaseUnavailable/, 'and for an execution');
cmp_ok(time - $begun, '<', 15, 'in time');
splice @holders;

mariadb_start();
ok(wait_for(sub { api(GET => "/sessions/$s")->{status} == 200 }, 40),
   'it is back: good, without a restart');
all_well() or fail('for each worker');
is(status($s), 'running', 'what was not done is not done');
is(api(POST => "/sessions/$s/terminate")->{json}{status}, 'terminated',
   'and can be repeated');


# ---- too many connections

expect_error(qr/Too many connections/);
nginx_stop();
nginx_start(conf => \&conf);
db('SET GLOBAL max_connections = 10');

# one more is for an administrator, which is db()
hold('DO 0') for 1 .. 10;
ok(wait_for(sub { (eval { sleeping() } // 0) == 10 }),
   'all connections are taken');

unavailable('no connection is free', at_once(
    (map { [GET => '/sessions'] } 1 .. 4),
    [POST => '/sessions', { template_id => 'python-basic', id => 'many' }],
    [DELETE => '/sessions/many'], [GET => '/containers']));
is(api(GET => '//readyz')->{status}, 503, 'readyz says so');
is(api(GET => '//livez')->{status}, 200, 'livez does not care');
release();
db('SET GLOBAL max_connections = 200');
ok(wait_for(sub { api(GET => '//readyz')->{status} == 200 }, 40),
   'some are free again: ready, without a restart');
ok(wait_for(sub {
    !grep { $_->{status} != 200 } at_once(map { [GET => '/sessions'] } 1 .. 12);
}, 30), 'in each worker');
is(status('many'), 'absent', 'what was refused is not done afterwards');


# ---- frozen: while a session is made, while code runs, for many at once

$s = session();
my $kept = begin(POST => "/sessions/$s/execute-sync",
                 { language => 'shell', code => 'sleep 3; echo through' });
ok(wait_for(sub {
    db("SELECT id FROM executions WHERE session_id = '$s'
        AND status = 'running'");
}), 'an execution runs');

freeze('mariadb');
unavailable('frozen', at_once(
    (map { [GET => "/sessions/$s"] } 1 .. 40),
    [POST => '/sessions', { template_id => 'python-basic', id => 'ice' }],
    [POST => "/sessions/$s/execute", { language => 'shell', code => ':' }]));
like($kept->(), qr/^503 .*DatabaseUnavailable/, 'as for one that runs');
thaw('mariadb');

ok(wait_for(sub { api(GET => "/sessions/$s")->{status} == 200 }, 40),
   'it goes on: good again');
ok(wait_for(sub {
    !grep { $_->{status} != 200 }
          at_once(map { [GET => "/sessions/$s"] } 1 .. 40);
}, 30), 'for many at once as well, in each worker');
ok(wait_for(sub {
    db("SELECT id FROM executions WHERE session_id = '$s'
        AND status = 'completed' AND stdout = 'through\\n'");
}, 30), 'the result of what ran is kept');
ok(wait_for(sub { status('ice') ne 'creating' }, 40),
   'a session that was being inserted is none, or has ended, or runs');
is(api(GET => '/health/detailed')->{json}{database_pool}{waiting}, 0,
   'nothing waits any more');


# ---- away when a session has just become ready: a sandbox that runs goes on

# the start gives up, and is not to take back what runs
expect_error(qr/was not ready within/);

# its last step is held up, so that its start looks once in a second only
$s = held_start();
sleep 2.5;
release();
ok(wait_for(sub { status($s) eq 'running' }), 'it runs');
freeze('mariadb');
sleep 13;
thaw('mariadb');

ok(wait_for(sub { api(GET => "/sessions/$s")->{status} == 200 }, 40),
   'MariaDB was away until the start\'s time was over');
all_well() or fail('for each worker');
is(api(GET => "/sessions/$s")->{json}{status}, 'running', 'it still runs');
is(api(POST => "/sessions/$s/execute-sync",
       { language => 'shell', code => 'echo here' })->{json}{stdout},
   "here\n", 'in its container');


# ---- a second report of the executor's, while the first is on its way

$s = held_start();
blocked("status = ''running''");
my $report = open(my $second, '-|') // die $!;

if ($report == 0) {
    my $answer = unix_call("$home/callback/internal.sock", 'POST',
                           "/internal/sessions/$s/container_ready", '{}',
                           Authorization => 'Bearer ' . token($s));

    print "$answer->{status} $answer->{text}";
    close STDOUT;
    POSIX::_exit(0);
}

ok(wait_for(sub {
    (db("SELECT COUNT(*) FROM information_schema.processlist
         WHERE user = 'ngx_sandbox' AND info LIKE
         '%SET s.status = ''running''%'"))[0][0] == 2;
}), 'both wait');
release();
like(do { local $/; scalar <$second> }, qr/^200 /,
     'the second learns what the first has done');
is(wait_status($s, 'creating'), 'running', 'it runs');
is(api(POST => "/sessions/$s/execute-sync",
       { language => 'shell', code => 'echo here' })->{json}{stdout},
   "here\n", 'its executor lives');


# ---- workers are killed inside of a statement: the rows tell the truth

sub kill_workers {
    my ($what) = @_;

    blocked($what);
    kill_worker($_) for workers();
    ok(wait_for(sub { workers() == 2 }), "killed inside of $what");
    release();
}


hold_row(templates => 'python-basic');
$answer = begin(POST => '/sessions', { template_id => 'python-basic',
                                       id => 'killed' });
kill_workers('INSERT INTO sessions');
$answer->();
ok(wait_for(sub { status('killed') ne 'creating' }, 40),
   'the session is ' . status('killed'));

$s = held_start();

kill_workers("status = ''running''");
is(wait_status($s, 'creating', 40), 'running',
   'its executor tells again that it is ready');

hold_row(sessions => $s);
$answer = begin(POST => "/sessions/$s/execute-sync",
                { language => 'shell', code => 'echo x >>ledger',
                  timeout => 1 });
kill_workers('INSERT INTO executions');
$answer->();

$answer = begin(POST => "/sessions/$s/execute-sync", awaiting('stored'));
ok(wait_for(sub {
    ($id) = map { $_->[0] } db("SELECT id FROM executions WHERE status =
                                'running' AND code LIKE '%stored%'");
    return $id;
}), 'an execution runs');
hold_row(executions => $id);
touch('stored');
kill_workers('UPDATE executions');
$answer->();
ok(wait_for(sub {
    (api(GET => "/executions/$id")->{json}{stdout} // '') eq "stored\n";
}, 60), 'its executor tells the result again');

hold_row(sessions => $s);
$answer = begin(POST => "/sessions/$s/terminate");
kill_workers("status = ''terminated''");
$answer->();
ok(wait_for(sub {
    !db("SELECT id FROM executions WHERE session_id = '$s'
         AND status IN ('pending', 'running', 'crashed')");
}, 60), 'no execution is left open');
api(POST => "/sessions/$s/terminate");
ok(wait_for(sub {
    !docker("ps -aq --filter label=ngx_sandbox.session=$s");
}), 'and an end is made');


# ---- a statement that is refused: 500 in the contract's shape, without SQL

expect_error(qr/MariaDB refused ".*execution.*": 1146/,
             qr/MariaDB refused "storing a result": 1146/,
             qr/answered 500 Sandbox.InternalError/);
$s = session();
sleep 1.5;      # its start has seen that it runs, too
db('RENAME TABLE executions TO executions_away');

for my $call ([GET => '/executions/none'], [GET => "/sessions/$s/executions"],
              [POST => "/sessions/$s/execute", { language => 'shell',
                                                 code => ':' }])
{
    my $refused = api(@$call[0 .. 2], { 'X-Request-ID' => 'seen-in-500' });

    is("$refused->{status} $refused->{json}{error_code}",
       '500 Sandbox.InternalError', "$call->[0] $call->[1]: 500");
    is($refused->{json}{request_id}, 'seen-in-500', 'with the request\'s id');
    is($refused->{headers}{'x-request-id'}, 'seen-in-500', 'twice');
    unlike($refused->{text}, qr/executions_away|SELECT|INSERT|doesn't exist/i,
           'and without SQL');
}

db('RENAME TABLE executions_away TO executions');


# ---- not there when nginx starts

mariadb_kill();
nginx_stop();
ok(nginx_start(conf => \&conf), 'nginx starts without MariaDB');
is(api(GET => '//livez')->{status}, 200, 'it lives');
is(api(GET => '//readyz')->{status}, 503, 'it is not ready');
unavailable('down', at_once(
    [GET => '/sessions'],
    [POST => '/sessions', { template_id => 'python-basic', id => 'early' }]));

mariadb_start();
ok(wait_for(sub { api(GET => '//readyz')->{status} == 200 }, 40),
   'it is there: ready, without a restart');
all_well() or fail('in each worker');
is(status('early'), 'absent', 'what was refused is not there');
is(api(POST => '/sessions', { template_id => 'python-basic', id => 'early' })
   ->{status}, 201, 'and can be repeated');
is(wait_status('early', 'creating'), 'running', 'it runs')
    or diag(api(GET => '/sessions/early')->{text});

api(DELETE => "/templates/idle-$_") for 1 .. 36;

finish();
