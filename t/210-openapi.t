#!/usr/bin/env perl

# docs/openapi.yaml against the router, both ways, and against real answers of
# every operation.
# Would catch: a route that nobody described, a described one that is not
# there, a field that an answer has and the contract has not, or has with
# another type, a limit that the two see differently.

use strict;
use warnings;
use JSON::PP;
use Sandbox::Test;
use Sandbox::OpenApi;
use Cwd qw(abs_path);
use File::Basename qw(dirname);

my $root = abs_path(dirname(__FILE__) . '/..');


# ---- the checks themselves

my $person = { type => 'object', required => ['a'], properties => {
                   a => { type => 'integer', minimum => 1 },
                   b => { type => ['string', 'null'], pattern => '^x' },
                   c => { type => 'array', maxItems => 1,
                          items => { enum => ['u', 'v'] } },
                   d => { oneOf => [{ type => 'null' },
                                    { type => 'boolean' }] } } };

for my $case (
    ['{"a":1}', ''], ['{"a":1,"b":null,"c":["u"],"d":true}', ''],
    ['{}', 'no field a'], ['{"a":"1"}', 'string and not integer'],
    ['{"a":1.5}', 'number and not integer'], ['{"a":0}', 'limit is 1'],
    ['{"a":true}', 'boolean and not integer'],
    ['{"a":1,"b":7}', 'integer and not string or null'],
    ['{"a":1,"b":"y"}', 'does not match'], ['{"a":1,"c":["w"]}', 'enum'],
    ['{"a":1,"c":["u","v"]}', 'limit is 1'],
    ['{"a":1,"d":0}', 'fits 0 of oneOf'], ['{"a":1,"e":1}', 'not described'],
    ['[]', 'array and not object'], ['null', 'null and not object'],
)
{
    my ($text, $wanted) = @$case;
    my @faults = faults($person, JSON::PP->new->allow_nonref->decode($text));

    $wanted eq '' ? is(join('; ', @faults), '', "fits: $text")
                  : like(join('; ', @faults), qr/$wanted/, "a fault: $text");
}

ok(!eval { faults({ patternProperties => {} }, {}); 1 },
   'a word that is not checked is not passed over');


# ---- the router's table, both ways

my @described = operations();
my $source = Sandbox::Test::slurp("$root/src/api/ngx_sandbox_router.c");
my @routes;

while ($source =~ /\{ \s* NGX_HTTP_(\w+), \s* "([^"]+)", \s* PUBLIC, \s*
                   ([^,]+),/gx)
{
    my ($method, $path, $flags) = ($1, $2, $3);
    push @routes, "$method " . ($flags =~ /BASE/ ? '/api/v1' : '') . $path;
}

is(scalar(() = $source =~ /\bPUBLIC,\s/g), scalar @routes,
   'every row of the table was read');
is_deeply([grep { my $one = $_; !grep { $_ eq $one } @described } @routes], [],
          'every route is described');
is_deeply([grep { my $one = $_; !grep { $_ eq $one } @routes } @described], [],
          'everything described is a route');

my @ids = map { $_->{operationId} // () }
          map { my $item = $_; @$item{grep { $_ ne 'parameters' } keys %$item} }
          values %{ contract()->{paths} };
my %unique = map { ($_ => 1) } @ids;
is(scalar @ids, scalar @described, 'each operation has an operationId');
is(scalar keys %unique, scalar @ids, 'of its own');


# ---- the running router: what a path allows

nginx_start(conf => sub {
    s{(sandbox_node\s+local;)}
     {$1 sandbox_package_index pypi http://127.0.0.1:1/simple/;};
});

for my $path (sort keys %{ contract()->{paths} }) {
    my %methods = map { (uc $_ => 1) } grep { $_ ne 'parameters' }
                  keys %{ contract()->{paths}{$path} };

    $methods{HEAD} = 1 if $methods{GET};

    my $url = $path =~ s{^/api/v1}{}r =~ s/\{id\}/none/r;
    my $answer = api(OPTIONS => $path =~ m{^/api/v1} ? $url : "/$path");

    is(join(' ', sort split /, /, $answer->{headers}{allow} // ''),
       join(' ', sort keys %methods), "Allow of $path");
}


# ---- every operation, well and badly

my $s = session(metadata => { k => 'v' }, env_vars => { A => 'b' },
                agent_id => 'me', event => { a => 1 });

for my $prefix ('', '/executions') {
    my $at = "$prefix/sessions/$s";

    api(POST => "$at/execute-sync?sync_timeout=30&poll_interval=1",
        { language => 'python', code => 'def handler(e): return {"a": [1]}',
          event => {}, env_vars => { B => 'c' }, stdin => 'x', timeout => 9,
          working_directory => 'w' });
    api(POST => "$at/execute-sync", { language => 'shell', code => 'exit 3' });
    api(POST => "$at/execute-sync", { language => 'shell', code => 'sleep 9',
                                      timeout => 1 });
    api(POST => "$at/execute-sync?sync_timeout=1",
        { language => 'shell', code => 'sleep 4' });
    api(POST => "$at/execute-sync", { language => 'ruby', code => 'x' });
    api(POST => "$at/execute-sync", 'no json');
    api(GET => "$at/executions?limit=2&offset=1&status=failed");
    api(GET => "$at/executions?limit=0");

    my $run = api(POST => "$at/execute", { language => 'shell',
                                           code => 'sleep 0.5' });
    my $id = $run->{json}{execution_id};

    # while it runs, and when it has ended
    api(GET => "/executions/$id/events?last_event_id=0");

    for (1 .. 2) {
        api(GET => "/executions/$id$_") for '', '/status', '/result';
        wait_for(sub {
            api(GET => "/executions/$id")->{json}{status} eq 'completed';
        });
    }

    api(POST => "/executions/$id/cancel");

    api(POST => "$at/execute", {});
    api(GET => "$at/executions");
    api(POST => "$prefix/sessions/none/$_", { language => 'shell',
                                              code => 'x' })
        for qw(execute execute-sync);
    api(GET => "$prefix/sessions/none/executions");
}

api(POST => "/sessions/$s/execute-stream?cancel_on_disconnect=1",
    { language => 'shell', code => 'echo a; echo b >&2; exit 3' });
api(POST => "/sessions/$s/execute-stream", { language => 'ruby' });
api(POST => '/sessions/none/execute-stream', { language => 'shell',
                                               code => 'x' });
api(GET => "/executions/none$_") for '', '/status', '/result', '/events';
api(POST => '/executions/none/cancel');
api(HEAD => '/executions/none/events');
api(GET => '/sessions');
api(GET => '/sessions?limit=1&status=running&template_id=python-basic'
           . '&metadata.k=v');
api(GET => '/sessions?cursor=x&limit=0');
api(GET => "/sessions/$_") for $s, 'none';
api(HEAD => "/sessions/$s");
api(POST => '/sessions', { template_id => 'none' });
api(POST => '/sessions', { template_id => 'python-basic', id => $s });
api(POST => '/sessions', { template_id => '..' });
api(POST => '/sessions', 'x', { 'Content-Type' => 'text/plain' });
api(POST => '/sessions', 'x' x (3 << 20));
api(GET => '/sessions', undef, { Accept => 'image/png' });
expect_error(qr/client intended to send too large body/);

my $container = api(GET => "/sessions/$s")->{json}{container_id};
api(GET => $_) for '/containers', '/containers?status=running&limit=1',
                   '/containers?limit=x', "/containers/$container",
                   "/containers/$container/logs?tail=5&since=0",
                   '/containers/none', '/containers/none/logs',
                   "/containers/$container/logs?tail=0";

my $template = { id => 'described', name => 'Described', image_url => 'a/b:c',
                 runtime_type => 'nodejs20', description => 'x',
                 default_cpu_cores => 0.5, default_memory_mb => 128,
                 default_disk_mb => 256, default_timeout => 9,
                 default_env_vars => { A => 'b' },
                 pre_installed_packages => ['x'], security_context => {},
                 warm_pool => { max => 1 }, prestart => { python => 1 },
                 max_concurrent_executions => 1,
                 is_active => JSON::PP::true() };
api(POST => '/templates', $template) for 1 .. 2;
api(POST => '/templates', { name => '' });
api(POST => '/templates', '[');
api(GET => '/templates');
api(GET => "/templates/$_") for 'described', 'none';
api(PUT => '/templates/described', { description => 'y',
                                     warm_pool => { min => 0 } });
api(PUT => '/templates/described', { name => 'Python' });
api(PUT => '/templates/described', $_) for {}, { name => '' };
api(PUT => '/templates/none', { name => 'x' });
api(DELETE => "/templates/$_") for 'python-basic', 'described', 'none';

api(GET => $_) for '/health', '/health/detailed', '//livez', '//readyz',
                   '//readyz?verbose', '//readyz?x=1';

# the index is not there: t/420-dependencies.t has one
expect_error(qr/connect\(\) failed .* "http:..127\.0\.0\.1:1\//);
api(POST => "/sessions/$s/dependencies/install",
    { dependencies => [{ name => 'x', version => '==1.0' }] });
api(POST => "/sessions/$s/dependencies/install",
    { dependencies => [{ name => 'y' }] });

api(POST => "/sessions/$s/terminate");
api(GET => "/sessions/$s");
api(GET => "/containers/$container");
api(POST => "/sessions/$s/execute", { language => 'shell', code => 'x' });
api(DELETE => "/sessions/$s") for 1 .. 2;
api($_->[0] => "/sessions/none$_->[1]") for ['POST', '/terminate'],
                                            ['DELETE', ''];

# one that fails has its reason
expect_error(qr/is not on this node/, qr/answered 503.*the image/);
my $failed = api(POST => '/sessions', { template_id => 'python-datascience' })
    ->{json}{id};
is(wait_status($failed, 'creating'), 'failed', 'a session that fails');

is_deeply([grep { !answered()->{$_} } @described], [],
          'every operation was seen to work');

finish();
