#!/usr/bin/env perl

# The configurations that are shown: conf/minimal.conf is what it says, and
# wrong values are refused when nginx reads them.  Would catch: a directive that
# became required and is not shown, a range that nobody checks.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

my $root = abs_path(dirname(__FILE__) . '/../..');
my $module = $ENV{SANDBOX_TEST_MODULE}
    || "$root/build/module/ngx_http_sandbox_module.so";
my $nginx = $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx';
my $dir = tempdir(CLEANUP => 1);

plan skip_all => 'the module is not built' unless -e $module;
mkdir "$dir/$_" for qw(callback run executor sessions);


sub slurp {
    open my $fh, '<', $_[0] or die "$_[0]: $!";
    local $/;
    return scalar <$fh>;
}


sub spew {
    open my $fh, '>', $_[0] or die "$_[0]: $!";
    print $fh $_[1];
    close $fh or die "$_[0]: $!";
}


my $minimal = slurp("$root/conf/minimal.conf");
cmp_ok(scalar(() = $minimal =~ /\n/g), '<', 30, 'minimal.conf is short');

my ($main, $http, $server) =
    split /^# (?:in its http block|and in the server).*\n/m, $minimal;

spew("$dir/secret", 'x' x 64);
spew("$dir/empty.json", '{}');
spew("$dir/large.json", ' ' x (128 * 1024 + 1));
spew("$dir/allows.json", '{"defaultAction": "SCMP_ACT_ALLOW"}');
spew("$dir/refuses.json", '{"defaultAction": "SCMP_ACT_ERRNO"}');
spew("$dir/sandbox_locations.conf",
     slurp("$root/conf/sandbox_locations.conf"));


# says what nginx says of the configuration, changed by a function
sub check {
    my ($change) = @_;

    local $_ = $main . "pid $dir/run/nginx.pid;\nevents { }\nhttp {\n$http\n"
        . "client_body_temp_path $dir/tmp; proxy_temp_path $dir/tmp;\n"
        . "fastcgi_temp_path $dir/tmp; uwsgi_temp_path $dir/tmp;\n"
        . "scgi_temp_path $dir/tmp;\n"
        . "server { listen 127.0.0.1:1; $server }\n}\n";

    s{modules/ngx_http_sandbox_module\.so}{$module};
    s{^user .*}{}m;
    s{/var/lib/ngx_sandbox|/usr/local/share/ngx_sandbox}{$dir}g;
    s{/etc/nginx/sandbox\.\w+}{$dir/secret}g;
    $change->() if $change;
    spew("$dir/nginx.conf", $_);

    return scalar `$nginx -t -e stderr -c $dir/nginx.conf 2>&1`;
}

like(check(), qr/test is successful/, 'minimal.conf is complete');

for my $name (qw(database docker state_path executor_path callback_path
                 loopback secret_file))
{
    like(check(sub { s/^sandbox_$name\s.*?;//ms }),
         qr/"sandbox_$name" is required/, "sandbox_$name is missed");
}

like(check(sub { s/(sandbox_docker \s*\S+;)/$1 sandbox_zone 64k;/ }),
     qr/test is successful/, 'the smallest zone');

# relative to the configuration's folder, as nginx has it with such files
like(check(sub { s/(sandbox_docker \s*\S+);/$1 seccomp=refuses.json;/ }),
     qr/test is successful/, 'a seccomp profile');

# an edge starts, whatever has become of an index
like(check(sub { s/(sandbox_docker \s*\S+;)/$1
                   sandbox_package_index pypi https:\/\/a.invalid\/simple\/;/ }),
     qr/"sandbox_package_index" is not known now.*test is successful/s,
     'an index whose name nobody knows');

my $index = 'X sandbox_package_index';

my @bad = (
    ['another kind of packages', '(sandbox_docker \s*\S+;)',
     "$index apt http://127.0.0.1/;", qr/must be "pypi" or "npm"/],
    ['an index without a slash', '(sandbox_docker \s*\S+;)',
     "$index pypi http://127.0.0.1/simple;", qr/a slash at its end/],
    ['an index with a user', '(sandbox_docker \s*\S+;)',
     "$index pypi http://a:b\@127.0.0.1/;", qr/invalid parameter "http/],
    ['two URLs of an index', '(sandbox_docker \s*\S+;)',
     "$index pypi http://127.0.0.1/ http://127.0.0.1/b/;",
     qr/invalid parameter "http:..127.0.0.1.b/],
    ['a name that is none', '(sandbox_docker \s*\S+;)',
     "$index pypi http://127.0.0.1/ name=a/b;", qr/invalid parameter "name/],
    ['two of a name', '(sandbox_docker \s*\S+;)',
     "$index npm http://127.0.0.1/; sandbox_package_index npm "
     . "http://127.0.0.2/;", qr/is duplicate/],
    ['a name as address', 'sandbox_database\s+unix:\S+',
     'sandbox_database db.example', qr/must be a "unix:" path or an IP/],
    ['pool=0', '(sandbox_database \s*\S+)', 'X pool=0', qr/from 1 to 64/],
    ['pool=x', '(sandbox_database \s*\S+)', 'X pool=x', qr/from 1 to 64/],
    ['an unknown parameter', '(sandbox_database \s*\S+)', 'X foo=1',
     qr/invalid parameter "foo=1"/],
    ['a time-out out of range', '(sandbox_database \s*\S+)', 'X timeout=2m',
     qr/from 100 to 60000 ms/],
    ['ssl=maybe', '(sandbox_database \s*\S+)', 'X ssl=maybe',
     qr/"on" or "off"/],
    ['twice', '(sandbox_docker \s*\S+;)', 'X sandbox_docker unix:/x;',
     qr/is duplicate/],
    ['a relative socket', 'sandbox_docker\s+unix:\S+',
     'sandbox_docker unix:docker.sock;', qr/absolute path/],
    ['a path that is too long', 'sandbox_loopback\s+\S+',
     'sandbox_loopback unix:/' . 'x' x 200 . ';', qr/too long/],
    ['another face', 'sandbox_internal_api callback',
     'sandbox_internal_api public', qr/"callback" or "loopback"/],
    ['max_processes', '(sandbox_docker \s*\S+;)', 'X sandbox_max_processes 1;',
     qr/must be between 16 and 4096/],
    ['a node with a slash', '(sandbox_docker \s*\S+;)', 'X sandbox_node a/b;',
     qr/must be 1 to 64 of/],
    ['a long node', '(sandbox_docker \s*\S+;)',
     'X sandbox_node ' . 'x' x 65 . ';', qr/must be 1 to 64 of/],
    ['a profile that is absent', '(sandbox_docker \s*[^\s;]+)',
     'X seccomp=absent.json', qr/open\(\) ".*absent.json" failed/],
    ['one without a default', '(sandbox_docker \s*[^\s;]+)',
     'X seccomp=empty.json', qr/"\S*empty.json" is no .*"defaultAction"/],
    ['one that allows', '(sandbox_docker \s*[^\s;]+)',
     'X seccomp=allows.json', qr/allows.json" is no .*does not refuse/],
    ['one that is no JSON', '(sandbox_docker \s*[^\s;]+)',
     'X seccomp=nginx.conf', qr/nginx.conf" is no .*line 1/],
    ['a large one', '(sandbox_docker \s*[^\s;]+)',
     'X seccomp=large.json', qr/large.json" is too large, 131072 bytes/],
    ['a folder', '(sandbox_docker \s*[^\s;]+)',
     'X seccomp=run', qr/reading ".*run" failed/],
    ['no time to start', '(sandbox_docker \s*\S+;)',
     'X sandbox_start_timeout 0;', qr/must be at least 1000ms/],
    ['no time between jobs', '(sandbox_docker \s*\S+;)',
     'X sandbox_reconcile_interval 0;', qr/must be at least 100ms/],
    ['a small zone', '(sandbox_docker \s*\S+;)',
     'X sandbox_zone 63k;', qr/must be at least 64k/],
    ['nobody may wait', '(sandbox_docker \s*\S+;)',
     'X sandbox_max_waiters 0;', qr/must be between 1 and 1000000/],
);

for my $case (@bad) {
    my ($what, $pattern, $text, $says) = @$case;

    like(check(sub {
        s/$pattern/my $kept = $1 \/\/ ''; (my $new = $text) =~ s{^X}{$kept};
                   $new/e;
    }), $says, "refused: $what");
}

spew("$dir/secret", 'short');
like(check(), qr/at least 32 are needed/, 'a short secret is refused');
unlink "$dir/secret";
like(check(), qr/open\(\) ".*secret" failed/, 'an absent one too');

done_testing();
