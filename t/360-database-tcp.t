#!/usr/bin/env perl

# MariaDB over TCP, with and without TLS, against a server of its own.
# Would catch: a certificate of somebody else that is believed, an account that
# needs TLS and gets none, a worker that a silent server stops in the handshake.

use strict;
use warnings;
use Sandbox::Test;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IO::Socket::INET;

my $root = abs_path(dirname(__FILE__) . '/..');
my $dir = home() . '/tmp/tls';
my $port = port() + 1;
my $password = Sandbox::Test::slurp($ENV{SANDBOX_TEST_DB_PASSWORD_FILE});
my $server;

$password =~ s/\s+\z//;


sub run {
    my ($command) = @_;

    system('bash', '-c', "cd $dir && { $command; } >>$dir/log 2>&1") == 0
        or BAIL_OUT("$command: " . Sandbox::Test::slurp("$dir/log"));
}


# ---- a server with a certificate for its address

system("rm -rf $dir; mkdir $dir; chown mysql $dir");

for my $ca (qw(ca other)) {
    run("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$ca"
        . " -keyout $ca.key -out $ca.pem");
}

run('openssl req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1'
    . ' -keyout server.key -out server.csr;'
    . ' openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key'
    . ' -CAcreateserial -days 2 -out server.pem'
    . ' -extfile <(echo subjectAltName=IP:127.0.0.1);'
    . ' chown mysql server.key');
run("mariadb-install-db --no-defaults --user=mysql --datadir=$dir/data"
    . ' --auth-root-authentication-method=socket --skip-test-db'
    . ' --innodb-log-file-size=8M');

$server = fork // die $!;
if (!$server) {
    open STDOUT, '>>', "$dir/log";
    open STDERR, '>&', \*STDOUT;
    exec 'mariadbd', '--no-defaults', '--user=mysql', "--datadir=$dir/data",
        "--socket=$dir/sock", "--port=$port", '--bind-address=127.0.0.1',
        '--skip-name-resolve', "--ssl-cert=$dir/server.pem",
        "--ssl-key=$dir/server.key", "--ssl-ca=$dir/ca.pem",
        '--innodb-log-file-size=8M', '--innodb-buffer-pool-size=16M',
        "--pid-file=$dir/pid";
}

my $client = "mariadb --no-defaults -S $dir/sock -N -B";

ok(wait_for(sub { system("$client -e 'DO 0' 2>/dev/null") == 0 }, 60),
   'a server for TCP');
Sandbox::Test::spew("$dir/accounts.sql", <<"END");
CREATE DATABASE ngx_sandbox CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER strict\@'127.0.0.1' IDENTIFIED BY '$password' REQUIRE SSL;
CREATE USER plain\@'127.0.0.1' IDENTIFIED BY '$password';
GRANT ALL ON ngx_sandbox.* TO strict\@'127.0.0.1';
GRANT ALL ON ngx_sandbox.* TO plain\@'127.0.0.1';
END
run("$client <accounts.sql");
run("$root/conf/migrate --socket $dir/sock --user root"
    . ' --database ngx_sandbox');


# nginx with this server, and what it says of it
sub told {
    my ($parameters) = @_;

    nginx_stop();
    nginx_start(workers => 1, conf => sub {
        s{unix:\S+/mariadb\.sock}{127.0.0.1:$port $parameters};
        s{user=ngx_sandbox\s}{};
        s{(sandbox_node\s+local;)}{$1 sandbox_reconcile_interval 1h;};
    });

    my $answer = api(GET => '/templates');
    return $answer if $answer->{status} != 200;
    return { status => 200, templates => scalar @{ $answer->{json} } };
}


# ---- who gets in

expect_error(qr/lost MariaDB at 127\.0\.0\.1:$port/, qr/answered 503/);

for my $case (
    ['without TLS', 'user=plain', 200],
    ['TLS, and whoever answers', 'user=strict ssl=on', 200],
    ['TLS, and a certificate that is checked', "user=strict ssl_ca=$dir/ca.pem",
     200],
    ['an account that needs TLS, without', 'user=strict', 503,
     qr/error 1045/],
    ['another authority', "user=strict ssl_ca=$dir/other.pem", 503,
     qr/error 2026.*certificate/],
)
{
    my ($name, $parameters, $status, $why) = @$case;
    my $answer = told($parameters);

    is($answer->{status}, $status, $name);
    is($answer->{templates}, 3, 'and reads') if $status == 200;
    like(Sandbox::Test::slurp(home() . '/log/error.log'),
         qr/lost MariaDB at 127\.0\.0\.1:$port: $why/, 'and the log says why')
        if $why;
}


# ---- many at once: connections are made one after the other

told("user=strict ssl_ca=$dir/ca.pem");
my @statuses = map { api(GET => '/sessions?limit=1')->{status} } 1 .. 20;
is_deeply([grep { $_ != 200 } @statuses], [], 'it goes on');
cmp_ok(`$client -e "SELECT COUNT(*) FROM information_schema.processlist
                    WHERE user = 'strict'"`, '>', 0, 'over TLS');


# ---- a server that falls silent does not stop the worker

told("user=strict ssl_ca=$dir/ca.pem idle=1s");
sleep 1.5;
my ($pid) = Sandbox::Test::slurp("$dir/pid") =~ /(\d+)/;
signal_process(STOP => $pid);
my $begun = time;
my $asking = fork // die $!;
if (!$asking) {
    api(GET => '/templates');
    POSIX::_exit(0);
}
sleep 0.3;
my $alive = time;
is(api(GET => '//livez')->{status}, 200, 'it lives');
cmp_ok(time - $alive, '<', 1.5, 'and answers at once');
waitpid $asking, 0;
cmp_ok(time - $begun, '<', 20, 'who waits is told within the deadline');
kill 'CONT', $pid;
ok(wait_for(sub { api(GET => '/templates')->{status} == 200 }, 40),
   'it goes on: good again');

nginx_stop();
kill 'TERM', $pid;
waitpid $server, 0;
system("rm -rf $dir");

# the checks at the end ask the stack's own database through the API
nginx_start();
finish();
