package Sandbox::Packages;

# Packages in tests: an index that does as it is told (t/lib/package_index.py),
# and what is asked of a session about them.
#
#     use Sandbox::Test;
#     use Sandbox::Packages;
#
#     my $index = index_start();              # "http://127.0.0.1:PORT"
#     nginx_start(conf => sub { index_conf(); });
#     install($id, packages(['left', '1.0.0'], ['right', undef]));
#     is(installed(settled($id)), 'left==1.0.0 right==1.2.0');
#     index_stop();
#
# The cache of an earlier test is removed, and the locations have times that a
# test can wait for.

use strict;
use warnings;
use Exporter 'import';
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path ();
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use Sandbox::Test;

our @EXPORT = qw(index_start index_stop index_conf packages install settled
                 installed installers run_in counts hits);

my $root = abs_path(dirname(__FILE__) . '/../../..');
my $port = port() + 1;
my $server;


sub index_start {
    open $server, '|-', 'python3', "$root/t/lib/package_index.py", $port
        or BAIL_OUT("no index: $!");

    # it makes its packages first, a large one among them
    wait_for(sub { IO::Socket::INET->new("127.0.0.1:$port") }, 120)
        or BAIL_OUT('the index does not listen');
    File::Path::remove_tree(home() . '/packages') if -d home() . '/packages';

    return "http://127.0.0.1:$port";
}


sub index_stop {
    close $server if $server;
    undef $server;
}


# changes $_, a configuration
sub index_conf {
    my (@directives) = @_;
    my $text = Sandbox::Test::slurp("$root/conf/sandbox_packages.conf");

    $text =~ s/proxy_read_timeout\s+\S+;/proxy_read_timeout 5s;/ or die;
    Sandbox::Test::spew(home() . '/conf/sandbox_packages_test.conf', $text);

    s{(sandbox_node\s+local;)}{join "\n        ", $1, @directives}e or die;
    s{(include\s+\S+/)sandbox_packages\.conf;}{$1sandbox_packages_test.conf;}
        or die;
}


sub packages { return [map { { name => $_->[0], version => $_->[1] } } @_] }


sub install {
    my ($id, $packages, %more) = @_;

    return api(POST => "/sessions/$id/dependencies/install",
               { dependencies => $packages, %more });
}


# what became of it
sub settled {
    my ($id, $seconds) = @_;
    my $session;

    wait_for(sub {
        my $answer = api(GET => "/sessions/$id");

        $session = $answer->{json};
        return $answer->{status} == 200
               && $session->{dependency_install_status} ne 'installing';
    }, $seconds // 120);

    return $session;
}


sub installed {
    my ($session) = @_;

    return join ' ', sort map { "$_->{name}==$_->{version}" }
                              @{ $session->{installed_dependencies} };
}


# pids of the installer in a session's container, as the host sees them
sub installers {
    my ($id) = @_;
    my $container = inspect("sandbox-$id-2") or return;
    my @pids;

    for my $group (glob '/proc/[0-9]*/cgroup') {
        next unless Sandbox::Test::slurp($group) =~ /\Q$container->{Id}\E/;
        my ($pid) = $group =~ /(\d+)/;
        push @pids, $pid if Sandbox::Test::slurp("/proc/$pid/cmdline")
                            =~ m{/pip3?\0install};
    }

    return @pids;
}


sub run_in {
    my ($id, $code, $language) = @_;

    return api(POST => "/sessions/$id/execute-sync",
               { language => $language // 'python', code => $code })->{json};
}


# what the index was asked for
sub counts {
    my $answer = HTTP::Tiny->new->get("http://127.0.0.1:$port/counts");

    return JSON::PP::decode_json($answer->{content});
}


sub hits { return api(GET => '/health/detailed')->{json}{packages} }


1;
