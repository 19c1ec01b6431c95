#!/usr/bin/env perl

# Health: livez asks nobody, readyz and health ask MariaDB and the engine.
# Would catch: health that says healthy while MariaDB hangs, a check that hangs
# with it, a livez that fails for what a restart does not cure, an instance that
# takes work with a schema that it does not know.

use strict;
use warnings;
use Sandbox::Test;
use Sandbox::OpenApi;

nginx_start();


# ---- all is well

for my $path ('//livez', '//readyz', '/health', '/health/detailed') {
    my $answer = api(GET => $path);

    is($answer->{status}, 200, "$path: 200");
    like($answer->{headers}{'x-request-id'}, qr/./, "$path: X-Request-ID");
    is(api(HEAD => $path)->{status}, 200, "$path: HEAD");
}

is_deeply(api(GET => '//livez')->{json}, { status => 'ok' }, 'livez');
is_deeply(api(GET => '//readyz')->{json}, { status => 'ready', reasons => [] },
          'readyz');

my $verbose = api(GET => '//readyz?verbose')->{json};
is($verbose->{checks}{$_}{ok}, JSON::PP::true(), "verbose: $_")
    for qw(database runtime);
is(api(GET => '//readyz?verbose=0')->{json}{checks}, undef, 'verbose=0');
is(api(GET => '//readyz?verbose=perhaps')->{status}, 400, 'verbose=perhaps');
is(api(GET => '//readyz?foo=1')->{status}, 400, 'an unknown parameter');
is(api(GET => '/livez')->{status}, 404, 'livez is outside of the base path');

my $health = api(GET => '/health')->{json};
is($health->{status}, 'healthy', 'health');
like($health->{version}, qr/^\d+\.\d+\.\d+$/, 'version');
is_deeply($health->{reasons}, [], 'no reasons');

my $detailed = api(GET => '/health/detailed')->{json};
is($detailed->{node}, 'local', 'node');
ok((grep { $_ == $detailed->{worker_pid} } workers()), 'worker_pid');
is($detailed->{database_pool}{size}, 8, 'size of the pool');
cmp_ok($detailed->{database_pool}{open}, '>=', 1, 'open connections');
cmp_ok($detailed->{checks}{database}{took_ms}, '<', 1500, 'took_ms');


# ---- a backend that hangs

sub backend_hangs {
    my ($server, $check, $other) = @_;

    freeze($server);

    # the machine may hold up some
    my $least = 60;

    for (1 .. 3) {
        my ($live, $took) = timed('//livez');
        is($live->{status}, 200, "$server hangs: livez is well");
        $least = $took if $took < $least;
    }

    cmp_ok($least, '<', 1, "$server hangs: at once");

    for my $path ('//readyz?verbose', '/health', '/health/detailed') {
        my ($answer, $took) = timed($path);

        is($answer->{status}, 503, "$server hangs: $path says so");
        unlike($answer->{json}{status}, qr/^(ready|healthy)$/, 'in its status');
        is(scalar @{ $answer->{json}{reasons} }, 1, 'with the one reason');
        cmp_ok($took, '<', 10, 'in time');
        next if $path eq '/health';
        is($answer->{json}{checks}{$check}{ok}, JSON::PP::false(), $check);
        like($answer->{json}{checks}{$check}{detail}, qr/\w/, 'its detail');
        is($answer->{json}{checks}{$other}{ok}, JSON::PP::true(),
           "and $other is well");
    }

    thaw($server);
    ok(wait_for(sub { api(GET => '//readyz')->{status} == 200 }, 20),
       "$server goes on: ready again");
}


sub timed {
    my ($path) = @_;
    my $begun = time;
    my $answer = api(GET => $path);

    return ($answer, time - $begun);
}


expect_error(qr/timed? ?-?out/i, qr/answered 503/, qr/no answer in/,
             qr/sandbox: .*(database|engine|docker)/i);
backend_hangs('mariadb', 'database', 'runtime');
backend_hangs('docker', 'runtime', 'database');


# ---- a schema that is not the one needed

my ($row) = db(q(SELECT MAX(version) FROM schema_migrations));
my $version = $row->[0];

# also when this test dies: the next ones need it
END {
    db("UPDATE schema_migrations SET version = version + 1000, state = 'applied'
            ORDER BY version DESC;
        SET \@n = 0;
        UPDATE schema_migrations SET version = (\@n := \@n + 1)
            ORDER BY version")
        if $version;
}

sub schema_is {
    my ($change, $reason, $name) = @_;

    db($change);
    nginx_stop();
    nginx_start();

    my $ready = api(GET => '//readyz');
    is($ready->{status}, 503, "$name: not ready");
    like(join(' ', @{ $ready->{json}{reasons} }), $reason, 'and why');

    my $list = api(GET => '/sessions');
    is($list->{status}, 503, "$name: no queries");
    is($list->{json}{error_code}, 'Sandbox.DatabaseUnavailable', 'its code');
    like($list->{headers}{'retry-after'}, qr/^\d+$/, 'Retry-After');
    is(api(GET => '//livez')->{status}, 200, "$name: it lives");
}

expect_error(qr/run conf\/migrate/);
schema_is("UPDATE schema_migrations SET version = version + 1
           ORDER BY version DESC",
          qr/schema ${\ ($version + 1)} found, $version needed.*conf\/migrate/,
          'a newer schema');
schema_is("UPDATE schema_migrations SET version = version - 2
           ORDER BY version",
          qr/schema ${\ ($version - 1)} found, $version needed.*conf\/migrate/,
          'an older schema');
db("UPDATE schema_migrations SET version = version + 1 ORDER BY version DESC");
schema_is("UPDATE schema_migrations SET state = 'applying'
           WHERE version = $version", qr/$version is half done.*conf\/migrate/,
          'a schema half applied');
db("UPDATE schema_migrations SET state = 'applied'");

ok(wait_for(sub { api(GET => '//readyz')->{status} == 200 }, 20),
   'the right schema: ready, without a restart');

finish();
