#!/usr/bin/env perl

# npm of the Node.js template, in sandboxes without a network, against an index
# that does as it is told (t/lib/package_index.py).
# Would catch: a package that require() or import does not find, a script of a
# package that runs, packages that are there by half, a name that makes npm ask
# somebody else or read a file, a package that is downloaded twice.

use strict;
use warnings;
use Sandbox::Test;
use Sandbox::OpenApi;
use Sandbox::Packages;

my $origin = index_start();

nginx_start(conf => sub {
    index_conf("sandbox_package_index npm $origin/npm/;",
               'sandbox_reconcile_interval 500ms;');
});


sub node_session { return session(template_id => 'nodejs-basic', @_) }


# what a handler returns, or why not
sub value {
    my ($id, $code) = @_;
    my $done = run_in($id, $code, 'javascript');

    return $done->{return_value} // $done->{error_message};
}


sub shell {
    my ($id, $code) = @_;
    my $done = run_in($id, $code, 'shell');

    return $done->{stdout} . $done->{stderr};
}


# ---- what is there afterwards

my $s = node_session();
my $answer = install($s, packages(['left', '==1.0.0'], ['@scope/one', undef],
                                  ['only-import', undef]));
is($answer->{status}, 200, 'an install is begun');
is($answer->{json}{dependency_install_status}, 'installing', 'and told');

my $session = settled($s);
is($session->{dependency_install_status}, 'completed', 'it completes')
    or diag($session->{dependency_install_error});
is(installed($session),
   '@scope/one==1.0.0 left==1.0.0 only-import==1.0.0 right==1.2.0',
   'all is listed: with what was needed, in the version that fits');
is_deeply($session->{requested_dependencies},
          packages(['left', '1.0.0'], ['@scope/one', undef],
                   ['only-import', undef]), 'and what was asked for');

my $found = 'handler = async () => [require("left").text,'
    . ' require("@scope/one").text, (await import("left")).default.text,'
    . ' (await import("only-import")).default]';
is_deeply(value($s, $found), [qw(hello scoped hello hello)],
          'a script has them by require() and import()');
is_deeply(value($s, "import left, { text } from 'left';\n"
                . "import one from '\@scope/one';\n"
                . "import own from 'only-import';\n"
                . "export const handler = () =>"
                . " [left.text, text, one.text, own]"),
          [qw(hello hello scoped hello)], 'a module by import');
is(shell($s, q{node -p 'require("left").text'}), "hello\n",
   'a shell by require()');
is(shell($s, q{node -e 'import("only-import").then((m) =>
               console.log(m.default))'}), "hello\n", 'by import()');
is(shell($s, q{node --input-type=module -e 'import own from "only-import";
               import one from "@scope/one"; console.log(own, one.text)'}),
   "hello scoped\n", 'and by import');
is(shell($s, 'mkdir -p below && echo "import own from \"only-import\";
              console.log(own)" >below/own.mjs && node below/own.mjs'),
   "hello\n", 'so has a file of the workspace');
is(value($s, "import './below/own.mjs'; export const handler = () => 1"), 1,
   'also when it is imported');

is(shell($s, 'find /workspace /tmp -name script-has-run'), '',
   'no script of a package has run');
is(shell($s, 'ls -A .packages; ls -A .packages/node'),
   "node\nnode_modules\npackage-lock.json\npackage.json\n",
   'nothing else is left of npm');

# ---- the same from the cache, for another session

my ($before, $count) = (hits(), counts()->{counts});
my $t = node_session(dependencies => packages(['left', '1.0.0'],
    ['@scope/one', undef], ['only-import', undef]));
$session = settled($t);
is(installed($session),
   '@scope/one==1.0.0 left==1.0.0 only-import==1.0.0 right==1.2.0',
   'another session has them') or diag($session->{dependency_install_error});
is_deeply(counts()->{counts}, { %$count, '/counts' => 1 + $count->{'/counts'} },
          'and the index was not asked');
cmp_ok(hits()->{hits}, '>=', $before->{hits} + 8,
       'four pages and four packages are counted');
is(hits()->{misses}, $before->{misses}, 'as hits');
is_deeply(value($t, $found), [qw(hello scoped hello hello)], 'code has them');

my ($page) = grep { $_->[0] eq '/npm/left' } @{ counts()->{seen} };
is("@{ $page->[1] }", 'accept host user-agent',
   'the index sees no header of the sandbox');

# ---- all or nothing

sub fails {
    my ($package, $says, $what) = @_;

    install($t, packages($package));
    my $session = settled($t);
    is($session->{dependency_install_status}, 'failed', "$what fails");
    like($session->{dependency_install_error}, $says, 'and says why');
    unlike($session->{dependency_install_error}, qr/[0-9a-f]{32}/,
           'without a secret');
    unlike($session->{dependency_install_error}, qr/log of this run/,
           'and without a log that nobody can read');
    is(installed($session),
       '@scope/one==1.0.0 left==1.0.0 only-import==1.0.0 right==1.2.0',
       'what was there is still told');
}

expect_error(qr/upstream prematurely closed/);
fails(['gone', undef], qr/gone: npm ended .*E404/s, 'a package of nobody');
fails(['left', '9.9.9'], qr/left==9\.9\.9.*No matching version/s,
      'a version of nobody');
fails(['needs-broken', undef], qr/the package index answered 500/,
      'a package whose dependency cannot be had');
fails(['forged', undef], qr/EINTEGRITY/, 'a package that is another one');
fails(['elsewhere', undef], qr/elsewhere: npm ended/,
      'a package from somewhere else');
is_deeply(value($t, $found), [qw(hello scoped hello hello)],
          'and what was there still is');
is(shell($t, 'ls -A .packages; ls .packages/node/node_modules'),
   "node\n\@scope\nleft\nonly-import\nright\n", 'nothing is there by half');

# ---- conflicts

my $u = node_session();
install($u, packages(['wants-old', undef], ['wants-new', undef]));
$session = settled($u);
is($session->{dependency_install_status}, 'failed', 'a conflict of peers');
like($session->{dependency_install_error},
     qr/^wants-old, wants-new: npm ended .*ERESOLVE.*right/s, 'is reported');
is(installed($session), '', 'and nothing is there');

install($u, packages(['wants-old', undef]));
is(installed($session = settled($u)), 'right==1.2.0 wants-old==1.0.0',
   'one of them with its peer') or diag($session->{dependency_install_error});
install($u, packages(['wants-new', undef]));
like(settled($u)->{dependency_install_error}, qr/ERESOLVE/,
     'the other does not come to what is there');
is(shell($u, q{node -p 'require("wants-old").text'}), "old\n", 'which stays');

my $v = node_session(allow_version_conflicts => JSON::PP::true,
    dependencies => packages(['wants-old', undef], ['wants-new', undef]));
$session = settled($v);
is(installed($session), 'wants-new==1.0.0 wants-old==1.0.0',
   'allowed, both are there') or diag($session->{dependency_install_error});

# ---- two versions of one package, and names that differ by a character

my $w = node_session(mode => 'persistent',
                     dependencies => packages(['left', 'v1.0.0'], ['right', undef],
                                              ['a-like', undef]));
is(installed($session = settled($w)),
   'a-like==1.0.0 left==1.0.0 right==1.2.0 right==2.0.0',
   'a package has its own of what is there in another version')
    or diag($session->{dependency_install_error});
is($session->{installed_dependencies}[2]{version}, '2.0.0',
   'what code finds is told first');

install($w, packages(['a.like', undef]));
is(installed($session = settled($w)),
   'a-like==1.0.0 a.like==2.0.0 left==1.0.0 right==1.2.0 right==2.0.0',
   'a name that is like another takes nothing away')
    or diag($session->{dependency_install_error});

my $both = 'handler = () => [require("left").text, require("right").text,'
    . ' require("a-like").text, require("a.like").text]';
is_deeply(value($w, $both), [qw(hello newer dash dot)], 'code has them all');

kill 'KILL', inspect($session->{container_id})->{State}{Pid};
expect_error(qr/connect\(\) to .*\Q$w\E.* failed/);
ok(wait_for(sub {
    my $again = api(GET => "/sessions/$w")->{json};

    return $again->{restart_count} == 1
           && $again->{dependency_install_status} eq 'completed';
}, 60), 'its container is replaced');
is_deeply(value($w, $both), [qw(hello newer dash dot)],
          'the next one has the same versions');


# ---- what is refused

for my $case (['git+https://a/b.git'], ['git://a/b'], ['github:a/b'], ['a/b'],
              ['./x'], ['../x'], ['/etc/passwd'], ['~/x'], ['file:x'],
              ['http://a/x.tgz'], ['npm:left'], ['x@npm:left'], ['x@1.0.0'],
              ['--registry=http://a/'], ['-g'], ['@a'], ['@a/'], ['@/b'],
              ['@a/b/c'], ['@a/../b'], ['@../b'], ['x y'], ["x\n-g"],
              ['x', '^1.0.0'], ['x', '~1'], ['x', '>1'], ['x', '1 || 2'],
              ['x', '*'], ['x', 'npm:left@1.0.0'], ['x', 'file:..'],
              ['x', 'http://a/x.tgz'], ['x', 'git+ssh://a/b'], ['x', 'a/b'],
              ['x', '1'], ['x', '1.2'], ['x', '1.2.x'], ['x', 'latest'],
              ['x', '1.2.3-a_b'])
{
    my ($name, $version) = @$case;
    is(install($u, packages([$name, $version]))->{status}, 422,
       'refused: ' . ($version // $name) =~ s/\n/\\n/r);
}

is(api(POST => '/sessions', { template_id => 'nodejs-basic',
       dependencies => packages(['npm:left', undef]) })->{status}, 422,
   'at create as well');
like(install($u, packages(['left', '1.0.0'], ['right', '1.x']))
     ->{json}{error_detail}, qr/^dependencies\[1\]\.version: .*"1\.2\.3"/,
     'which one, and what it should be, is told');
like(api(POST => '/sessions', { template_id => 'nodejs-basic',
         dependencies => packages(['right', 'latest']) })->{json}{error_detail},
     qr/^dependencies: .*exact/, 'at create as well');
like(api(POST => '/sessions', { template_id => 'nodejs-basic',
         python_package_index_url => "$origin/npm/",
         dependencies => packages(['right', '1.x']) })->{json}{error_detail},
     qr/^dependencies: .*exact/, 'also where the index is named');
is(api(GET => "/sessions/$u")->{json}{dependency_install_status}, 'failed',
   'none of them has begun anything');

# what gets as far as npm means a package, never a file or an option of it
shell($u, 'mkdir -p package; echo "{\"name\": \"package\"}" >package/package.json;'
          . ' cp -r package latest');
install($u, packages(['package', undef]));
like(settled($u)->{dependency_install_error}, qr/E404/,
     'a folder of the workspace is no package');

index_stop();
finish();
