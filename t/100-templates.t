#!/usr/bin/env perl

# Templates: the three seeded ones, create, change, delete, and what a session
# takes from them.
# Would catch: a template in use that can be deleted, a PUT that resets what it
# was not given, a name that two templates have, a session that is made from
# one that is switched off, a record that vanishes with its template.

use strict;
use warnings;
use JSON::PP;
use Sandbox::Test;
use Sandbox::OpenApi;

nginx_start();
my $time = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;


# ---- the three that are there from the start

my $list = api(GET => '/templates');
is($list->{status}, 200, 'list');
is(ref $list->{json}, 'ARRAY', 'a bare array');

my %seeded = map { $_->{id} => $_ } @{ $list->{json} };
my %images = map { ($_ => "sandbox-template-$_:latest") }
                 qw(python-basic python-datascience nodejs-basic);
is_deeply({ map { ($_ => $seeded{$_}{image_url}) } keys %images }, \%images,
          'three templates and their images');
is($seeded{'python-basic'}{runtime_type}, 'python3.11', 'python');
is($seeded{'nodejs-basic'}{runtime_type}, 'nodejs20', 'node');
is_deeply(api(GET => '/templates/python-basic')->{json},
          $seeded{'python-basic'}, 'read alone it is the same');


# ---- create

my $made = api(POST => '/templates', {
    id => 'tpl-full', name => 'Full', description => "two\nlines \x{fc}",
    image_url => 'sandbox-template-python-basic:latest',
    runtime_type => 'python3.11', default_cpu_cores => 0.25,
    default_memory_mb => 192, default_disk_mb => 300,
    default_timeout_sec => 77, default_env_vars => { A => '1', B => '2' },
    pre_installed_packages => ['a', 'b'], security_context => {},
    warm_pool => { min => 0, target => 1, max => 2, max_idle => 60 },
    prestart => { python => 1 }, max_concurrent_executions => 2 });
is($made->{status}, 201, 'created');

my $full = $made->{json};
like(delete $full->{$_}, $time, $_) for qw(created_at updated_at);
is_deeply($full, {
    id => 'tpl-full', name => 'Full', description => "two\nlines \x{fc}",
    image_url => 'sandbox-template-python-basic:latest',
    runtime_type => 'python3.11', default_cpu_cores => 0.25,
    default_memory_mb => 192, default_disk_mb => 300,
    default_timeout_sec => 77, default_env_vars => { A => '1', B => '2' },
    pre_installed_packages => ['a', 'b'], security_context => {},
    warm_pool => { min => 0, target => 1, max => 2, max_idle => 60 },
    prestart => { python => 1, javascript => 0 },
    max_concurrent_executions => 2, is_active => JSON::PP::true,
}, 'with all that was given');

my $small = api(POST => '/templates', { name => 'Small', image_url => 'x:1',
                                        runtime_type => 'go1.21' });
is($small->{status}, 201, 'name, image and runtime_type are enough');
like($small->{json}{id}, qr/^[A-Za-z0-9_-]{1,64}$/, 'an id is made');
is($small->{json}{is_active}, JSON::PP::true, 'active');
cmp_ok($small->{json}{$_}, '>', 0, "a default: $_")
    for qw(default_cpu_cores default_memory_mb default_disk_mb
           default_timeout_sec max_concurrent_executions);
is(api(POST => '/templates', { name => 'Older', image_url => 'x',
                               runtime_type => 'java17',
                               default_timeout => 55 })
   ->{json}{default_timeout_sec}, 55, 'default_timeout, the older name');

for my $case (['id', { id => 'tpl-full', name => "Other name'" }],
              ['name', { id => 'other', name => 'Full' }])
{
    my ($field, $again) = @$case;
    my $answer = api(POST => '/templates', { image_url => 'x', %$again,
                                             runtime_type => 'go1.21' });
    is($answer->{status}, 409, "conflict: $again->{id} $again->{name}");
    is($answer->{json}{error_code}, 'Sandbox.Conflict', 'its code');
    like($answer->{json}{error_detail}, qr/^$field: /, 'names the field');
    unlike($answer->{text}, qr/insert|duplicate entry/i, 'and no SQL');
}
is(api(GET => '/templates/other')->{status}, 404, 'nothing was made');

my @at_once = map {
    open my $fh, '-|', 'curl', '-s', '-o', '/dev/null', '-w', '%{http_code}',
        '-H', 'Content-Type: application/json', '-d',
        '{"id":"at-once","name":"At once","image_url":"x",'
        . '"runtime_type":"go1.21"}',
        'http://127.0.0.1:' . port() . '/api/v1/templates' or die $!;
    $fh
} 1 .. 4;
is(join(' ', sort map { scalar <$_> } @at_once), '201 409 409 409',
   'four at once: one is made');


# ---- change

my $changed = api(PUT => '/templates/tpl-full', { description => 'new',
                                                  default_memory_mb => 256 });
is($changed->{status}, 200, 'changed');
is($changed->{json}{description}, 'new', 'what was given');
is($changed->{json}{default_memory_mb}, 256, 'and this');

my %rest = (%$full, description => 'new', default_memory_mb => 256);
is_deeply({ %{ $changed->{json} }{keys %rest} }, \%rest, 'and nothing else');
cmp_ok($changed->{json}{updated_at}, 'gt', $changed->{json}{created_at},
       'updated_at');
is_deeply(api(GET => '/templates/tpl-full')->{json}, $changed->{json},
          'it stays');

is(api(PUT => '/templates/tpl-full', { description => '' })
   ->{json}{description}, '', 'a description can be emptied');
is_deeply(api(PUT => '/templates/tpl-full', { default_env_vars => {},
                                              pre_installed_packages => [] })
          ->{json}{default_env_vars}, {}, 'so can a map');

my $taken = api(PUT => '/templates/tpl-full', { name => 'Small' });
is($taken->{status}, 409, 'a name that another one has');
like($taken->{json}{error_detail}, qr/^name: .*Small/, 'names it');
is(api(PUT => '/templates/tpl-full', { name => 'Full' })->{status}, 200,
   'its own name is no conflict');
is(api(PUT => '/templates/none', { name => 'x' })->{status}, 404, 'unknown');
is(api(PUT => '/templates/tpl-full', {})->{status}, 400, 'nothing to change');
is(api(PUT => '/templates/tpl-full', { id => 'x' })->{status}, 400,
   'an id does not change');
is(api(PUT => '/templates/tpl-full', { created_at => 'x' })->{status}, 400,
   'nor created_at');


# ---- what a session takes from it

api(PUT => '/templates/tpl-full', { default_env_vars => { A => '1', B => '2' }
});
my $s = session(template_id => 'tpl-full', env_vars => { B => '3', C => '4' });
my $session = api(GET => "/sessions/$s")->{json};

is_deeply($session->{env_vars}, { A => '1', B => '3', C => '4' },
          'environments are merged, the session\'s wins');
is_deeply([@{ $session->{resource_limit} }{qw(cpu memory disk)}],
          ['0.25', '256Mi', '300Mi'], 'resources');
is($session->{timeout}, 77, 'time-out');
is(api(POST => "/sessions/$s/execute-sync",
       { language => 'shell', code => 'echo $A$B$C' })->{json}{stdout},
   "134\n", 'and the code sees them');


# ---- a list of long ones: each field that can be long as long as it may be

db("INSERT INTO templates (id, name, description, image_url, runtime_type,
    default_cpu_milli, default_memory_mb, default_disk_mb,
    default_timeout_sec, default_env_vars, pre_installed_packages)
    SELECT CONCAT('long-', seq), CONCAT('Long ', seq), REPEAT('d', 4096), 'x',
    'go1.21', 1000, 256, 256, 300, JSON_OBJECT('A', REPEAT('e', 10239)),
    CONCAT('[', REPEAT(CONCAT('\"', REPEAT('p', 256), '\",'), 127),
           '\"', REPEAT('p', 256), '\"]')
    FROM seq_1_to_990");
my $listed = raw("GET /api/v1/templates HTTP/1.1\r\nHost: x\r\n"
                 . "Connection: close\r\n\r\n", 60);
like($listed, qr{^HTTP/1.1 200 .*\]\z}s, 'a list of long ones is given');
is(scalar(() = $listed =~ /"id":"long-/g), 990, 'with all of them');
db("DELETE FROM templates WHERE id LIKE 'long-%'");


# ---- in use, switched off, deleted

my $in_use = api(DELETE => '/templates/tpl-full');
is($in_use->{status}, 409, 'one that is in use is kept');
is($in_use->{json}{error_code}, 'Sandbox.TemplateInUse', 'its code');

is(api(PUT => '/templates/tpl-full', { is_active => JSON::PP::false })
   ->{json}{is_active}, JSON::PP::false, 'switched off');
my $off = api(POST => '/sessions', { template_id => 'tpl-full' });
is($off->{status}, 400, 'no session is made from it');
is($off->{json}{error_code}, 'Sandbox.TemplateNotFound', 'its code');
is(api(GET => "/sessions/$s")->{json}{status}, 'running',
   'the one that runs goes on');

api(POST => "/sessions/$s/terminate");
my $gone = api(DELETE => '/templates/tpl-full');
is($gone->{status}, 204, 'deleted when no session is active');
is($gone->{text}, '', 'without a body');
is(api(DELETE => '/templates/tpl-full')->{status}, 404, 'again');
is(api(GET => '/templates/tpl-full')->{status}, 404, 'read');
is(api(GET => "/sessions/$s")->{json}{template_id}, 'tpl-full',
   'the record of its session stays');
ok(!(grep { $_->{id} eq 'tpl-full' } @{ api(GET => '/templates')->{json} }),
   'and it is in no list');

api(DELETE => "/templates/$_->{id}")
    for grep { !$images{$_->{id}} } @{ api(GET => '/templates')->{json} };
is(scalar @{ api(GET => '/templates')->{json} }, 3, 'all of ours are gone');

finish();
