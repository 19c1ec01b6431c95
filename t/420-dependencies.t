#!/usr/bin/env perl

# Packages, installed in sandboxes without a network from an index that does as
# it is told (t/lib/package_index.py).
# Would catch: an install that is never settled, a report of an older one that is
# believed, a package that a session has half, an index that makes nginx do what
# it says or that fills a disk, a sandbox that reaches more than its index or
# reaches it while nothing is installed, a package that is downloaded twice.

use strict;
use warnings;
use Sandbox::Test;
use Sandbox::OpenApi;
use Sandbox::Packages;

my $origin = index_start();
my $index = "$origin/simple/";

nginx_start(conf => sub {
    index_conf("sandbox_package_index pypi $index files=$origin/files/;",
               'sandbox_package_index pypi http://127.0.0.1:1/simple/ name=down;',
               "sandbox_package_index npm $origin/npm/;",
               'sandbox_package_max_size 100m; sandbox_reconcile_interval 500ms;');
});


# ---- asked for afterwards

my $s = session();
my $session = api(GET => "/sessions/$s")->{json};
is($session->{dependency_install_status}, 'completed', 'without any');
is($session->{dependency_install_started_at}, undef, 'nothing was begun');

my $answer = install($s, packages(['good', '==1.0']));
is($answer->{status}, 200, 'an install is begun');
is($answer->{json}{dependency_install_status}, 'installing', 'and told');
like($answer->{json}{dependency_install_started_at}, qr/^\d{4}-/, 'since when');

$session = settled($s);
is($session->{dependency_install_status}, 'completed', 'it completes')
    or diag($session->{dependency_install_error});
is(installed($session), 'good==1.0', 'what is there is told');
is_deeply($session->{requested_dependencies}, packages(['good', '1.0']),
          'and what was asked for');
like($session->{dependency_install_completed_at}, qr/^\d{4}-/, 'with the time');
is(run_in($s, 'import good; print(good.VERSION)')->{stdout}, "1.0\n",
   'code has it');
is(run_in($s, 'python3 -c "import good; print(good.VERSION)"', 'shell')
   ->{stdout}, "1.0\n", 'so has a shell');

my ($page) = grep { $_->[0] eq '/simple/good/' } @{ counts()->{seen} };
is("@{ $page->[1] }", 'accept host user-agent',
   'the index sees no header of the sandbox');

# the same from the cache, for another session
my ($before, $count) = (hits(), counts()->{counts});
my $t = session();
install($t, packages(['good', '1.0']));
is(installed(settled($t)), 'good==1.0', 'another session has it');
is_deeply(counts()->{counts}, { %$count, '/counts' => 1 + $count->{'/counts'} },
          'and the index was not asked');
cmp_ok(hits()->{hits}, '>', $before->{hits}, 'that is counted');
is(hits()->{misses}, $before->{misses}, 'as hits');

# links in other forms, dependencies, and what was there stays
install($t, packages(['needs', undef]));
$session = settled($t);
is(installed($session), 'good==1.0 needs==1.0', 'with what it needs')
    or diag($session->{dependency_install_error});

# ---- conflicts, all or nothing

install($t, packages(['wants', undef]));
$session = settled($t);
is($session->{dependency_install_status}, 'failed', 'a conflict');
like($session->{dependency_install_error},
     qr/good==1.0, needs, wants: .*conflicting dependencies/s, 'is reported');
is(installed($session), 'good==1.0 needs==1.0', 'and nothing changes');
is(run_in($t, 'import needs; import wants')->{status}, 'failed',
   'nothing is there by half');
is(run_in($t, 'import needs, good; print(good.VERSION)')->{stdout}, "1.0\n",
   'and what was there still is');
install($t, packages(['Good', '2.0']));
$session = settled($t);
is($session->{dependency_install_status}, 'failed',
   'a version that what was there does not take');

# ---- at create

for my $case ([0, 'good', 'completed', 'running'],
              [0, 'gone', 'failed', 'running'],
              [1, 'gone', 'failed', 'failed'])
{
    my ($fails, $name, $status, $left) = @$case;
    my $made = api(POST => '/sessions', {
        template_id => 'python-basic', dependencies => packages([$name, '1.0']),
        fail_on_dependency_error => $fails ? JSON::PP::true : JSON::PP::false,
        install_timeout => 60 });

    is($made->{status}, 201, "$name at create");
    is($made->{json}{dependency_install_status}, 'installing', 'is told');
    my $id = $made->{json}{id};
    $session = settled($id);
    is($session->{dependency_install_status}, $status, "it is $status")
        or diag($session->{dependency_install_error});
    wait_status($id, 'creating');
    is(api(GET => "/sessions/$id")->{json}{status}, $left,
       "the session is $left");
    is($session->{failure}{reason}, 'dependencies', 'and says why') if $fails;
    like($session->{dependency_install_error},
         qr/^gone==1\.0: .*No matching.*only wheels/s, 'with the package')
        if $name eq 'gone';
    api(DELETE => "/sessions/$id");
}

# ---- an index that fails

my %says = (
    source => qr/No matching distribution.*only wheels/,
    broken => qr/the package index answered 500/,
    slow => qr/the package index did not answer in time/,
    garbage => qr/answers nonsense/,
    away => qr/sends to somewhere else/,
    moved => qr/sends to somewhere else/,
    broke => qr/the package index answered 500/,
    orders => qr/No matching distribution/,
    foreign => qr/foreign: pip ended/,
    outside => qr/the package index answered 403/,
    huge => qr/is larger than this instance passes on/,
    endless => qr/is larger than the session's disk|No space/,
    fat => qr/fat: .*(?:No space|disk|signal)/s,
);

expect_error(qr/upstream timed out/, qr/upstream sent (?:no valid|invalid)/,
             qr/connect\(\) failed .*"http:\/\/127\.0\.0\.1:1\//,
             qr/upstream prematurely closed/);
my $u = session();

for my $name (sort keys %says) {
    install($u, packages([$name, undef]));
    $session = settled($u);
    is($session->{dependency_install_status}, 'failed', "$name fails");
    like($session->{dependency_install_error}, $says{$name}, 'and says why');
    unlike($session->{dependency_install_error}, qr/[0-9a-f]{32}/,
           'without a secret');
    is($session->{status}, 'running', 'the session runs on');
}

is(run_in($u, 'import os; print(os.listdir(".packages"))')->{stdout}, "[]\n",
   'nothing is left of any');
is(counts()->{counts}{'/simple/cached/'}, undef,
   'nginx takes no orders from an index');
cmp_ok((split ' ', `du -sm @{[home()]}/packages`)[0], '<', 20,
       'nor in the cache');

is(install($u, packages(['good', undef]), python_package_index_url => 'down')
   ->{status}, 200, 'another index, by its name');
$session = settled($u);
like($session->{dependency_install_error}, qr/cannot be reached/, 'that is down');
is($session->{python_package_index_url}, 'down', 'is told');
is(install($u, packages(['good', undef]), python_package_index_url => $index)
   ->{status}, 200, 'one by its URL');
is(installed(settled($u)), 'good==2.0', 'the newest one');

# ---- what is refused

for my $case (['../x'], ['/etc/passwd'], ['x@http://a/b'], ['git+https://a/b'],
              ['--index-url=http://a'], ['-e'], ['./x'], ['x[extra]'], ['x;y'],
              ['x==1'], ['x y'], ["x\n--y"], ['@a/b'], ['@a/../b'], ['x', '>1'],
              ['x', '1 --y'], ['x', '1;y'], ['x', '==1,!=2'], ['x', '*'],
              ['x', 'latest'], ['x', '==a1'])
{
    my ($name, $version) = @$case;
    is(install($u, packages([$name, $version]))->{status}, 422,
       'refused: ' . ($version // $name));
}

is(install($u, [])->{status}, 422, 'refused: none');
is(install($u, packages(['x', '1'], ['X', '2']))->{status}, 422, 'twice');
is(install($u, packages(['x', undef]), python_package_index_url => $_)
   ->{status}, 422, "an index that is not allowed: $_")
    for 'http://127.0.0.1:1/', 'other', "$index../";
is(install('sess_0000000000000000', packages(['x', undef]))->{status}, 404,
   'no such session');
is(api(POST => '/sessions', { template_id => 'python-basic',
   python_package_index_url => 'http://a/' })->{status}, 422,
   'at create as well');

# ---- a language without packages, or without an index

for my $case (['java', 'java17'], ['go', 'go1.21']) {
    my ($name, $runtime) = @$case;

    api(POST => '/templates', { id => $name, name => $name,
        image_url => 'sandbox-template-python-basic:latest',
        runtime_type => $runtime });
    my $refused = api(POST => '/sessions', { template_id => $name,
                      dependencies => packages(['x', undef]) });
    is($refused->{status}, 422, "$runtime: refused at create");
    like($refused->{json}{error_detail}, qr/^dependencies: .*\Q$runtime/,
         'it names the field');
    like($refused->{json}{solution}, qr/Use a template of Python or Node/,
         'and what to do');
    my $id = session(template_id => $name);
    $refused = install($id, packages(['x', undef]));
    is($refused->{status}, 422, "$runtime: refused later");
    like($refused->{json}{solution}, qr/Use a template of Python or Node/,
         'with what to do');
    is(api(GET => "/sessions/$id")->{json}{dependency_install_status},
       'completed', 'nothing was begun');
    api(DELETE => "/sessions/$id");
    is(api(POST => '/sessions', { template_id => $name,
        python_package_index_url => 'down' })->{status}, 201,
       "$runtime: an index without packages is nobody's business");
}

my $wrong = api(POST => '/sessions', { template_id => 'nodejs-basic',
    dependencies => packages(['x', undef]), python_package_index_url => 'down' });
is($wrong->{status}, 422, 'an index of another language');
like($wrong->{json}{error_detail}, qr/^python_package_index_url: .* npm/,
     'says which field');
$wrong = api(POST => '/sessions', { template_id => 'python-basic',
    dependencies => packages(['good', undef], ['@scope/one', undef]) });
is($wrong->{status}, 422, 'a name of another language');
like($wrong->{json}{error_detail}, qr/^dependencies\[1\]\.name: /,
     'says which one');
is(api(POST => '/sessions', { template_id => 'gone',
    dependencies => packages(['x', undef]) })->{json}{error_code},
   'Sandbox.TemplateNotFound', 'no template is told as such');

my $key = { 'Idempotency-Key' => 'refused' };
my %asked = (template_id => 'java', dependencies => packages(['x', undef]));
is(api(POST => '/sessions', \%asked, $key)->{status}, 422, 'with a key');
is(api(POST => '/sessions', \%asked, $key)->{status}, 422, 'as often as wanted');
api(PUT => '/templates/java', { runtime_type => 'python3.11' });
is(api(POST => '/sessions', \%asked, $key)->{status}, 201,
   'until it is no mistake any more');

# ---- one at a time, only then, and only what is allowed

my $socket = home() . '/callback/internal.sock';
my %token = (Authorization => 'Bearer ' . token($u));
my $path = '/packages/pypi/default/0/simple/good/';

sub callback { return unix_call($socket, @_)->{status} }

is(callback('GET', $path, '', %token), 403, 'nothing is installed: refused');
install($u, packages(['slow', undef]));
is(install($u, packages(['good', undef]))->{status}, 409, 'one at a time');
is(callback('GET', $path, '', %token), 200, 'while it is: allowed');
is(callback('GET', $path, '', Authorization => 'Bearer ' . token($s)), 403,
   'not for another session');
is(callback('GET', $path), 401, 'nor without a token');
is(callback('POST', $path, '', %token), 405, 'nor to write');
is(callback('GET', $_, '', %token), 403, "nor $_")
    for '/packages/pypi/down/0/simple/good/', '/packages/npm/default/0/npm/x',
        '/packages/pypi/default/0/other/x', '/packages/pypi/default/1/simple/x/',
        '/packages/pypi/default/0/files/%2e%2e%2fx%3f';
is(callback('GET', "/_sandbox$path", '', %token), 404, 'nor by another way');
is(callback('GET', "$path?x=y", '', %token), 400, 'nor with a query');

# the report of an older one, and one that comes twice
my ($epoch) = map { $_->[0] }
    db("SELECT dependency_epoch FROM sessions WHERE id = '$u'");

sub report {
    my ($n) = @_;
    return callback('POST', "/internal/sessions/$u/dependencies",
        JSON::PP::encode_json({ install_id => "install_$n", status => 'failed',
            installed => [], error => 'forged' }), %token,
        'Content-Type' => 'application/json');
}

is(report($epoch - 1), 409, 'a late report is refused');
is(settled($u)->{dependency_install_error} =~ /forged/, '', 'and not believed');
is(report($epoch), 200, 'one that comes twice is taken');
is(settled($u)->{dependency_install_error} =~ /forged/, '', 'once');

# ---- one whose report never comes

db("UPDATE sessions SET dependency_status = 'installing',
    dependency_epoch = dependency_epoch + 1,
    dependency_due_at = UTC_TIMESTAMP(3) WHERE id = '$u'");
$session = settled($u);
like($session->{dependency_install_error}, qr/timed out/, 'it is settled');
is(installed($session), 'good==2.0', 'what is there is still told');

# ---- its time

db("UPDATE sessions SET install_timeout_sec = 1 WHERE id = '$u'");
install($u, packages(['slow', undef]));
like(settled($u)->{dependency_install_error}, qr/timed out after 1 s/,
     'an install has its time');

# ---- what npm asks for: t/425-npm.t has npm itself

my $n = session(template_id => 'nodejs-basic');

db("UPDATE sessions SET dependency_status = 'installing',
    dependency_due_at = UTC_TIMESTAMP(3) + INTERVAL 60 SECOND
    WHERE id = '$n'");

sub npm {
    my ($path, $base) = @_;

    return unix_call($socket, 'GET', "/packages/npm/default/0/npm/$path", '',
                     Authorization => 'Bearer ' . token($n),
                     'X-Sandbox-Base' => $base);
}

my $base = 'http://127.0.0.1:1/abc';
like(npm('left', $base)->{text},
     qr{"tarball": "\Q$base\E/packages/npm/default/0/npm/left/-/left-1}s,
     'links in a document of npm are turned');
like(npm('@scope%2fone', $base)->{text},
     qr{"tarball": "\Q$base\E/packages/npm/default/0/npm/\@scope/one/-/one-1}s,
     'with a scope as well');
is(npm('left/-/left-1.0.0.tgz', $base)->{status}, 200, 'they lead somewhere');
unlike(npm('left', 'http://"x')->{text}, qr/"x/, 'a base is an address');
is(callback('GET', '/packages/pypi/default/0/simple/good/', '',
            Authorization => 'Bearer ' . token($n)), 403,
   'nothing of Python for Node.js');
db("UPDATE sessions SET dependency_status = 'failed' WHERE id = '$n'");

# ---- an image without an installer: only its executor can know

my $bare = home() . '/tmp/bare';
File::Path::make_path($bare);
Sandbox::Test::spew("$bare/Dockerfile",
    "FROM sandbox-template-python-basic:latest\nUSER 0\n"
    . "RUN rm -f /usr/bin/pip /usr/bin/pip3\nUSER 1000:1000\n");
docker('build', '-q', '--network', 'none', '-t', 'sandbox-test-bare', $bare);
api(POST => '/templates', { id => 'bare', name => 'bare',
    image_url => 'sandbox-test-bare', runtime_type => 'python3.11' });
$s = session(template_id => 'bare');
is(install($s, packages(['good', undef]))->{status}, 200,
   'an image without an installer');
like(settled($s)->{dependency_install_error}, qr/the session's image has no pip/,
     'is told when it is asked');

# ---- without an index

index_stop();
nginx_stop();
nginx_start(conf => sub {});
$answer = api(POST => '/sessions', { template_id => 'python-basic',
              dependencies => packages(['x', undef]) });
is($answer->{status}, 422, 'without an index');
like($answer->{json}{error_detail}, qr/no package index/, 'it says so');

finish();
