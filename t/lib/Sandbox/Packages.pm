package Sandbox::Packages;

# A package index (t/lib/package_index.py) and an nginx that installs from it,
# for the tests of installs that meet trouble.

use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path ();
use HTTP::Tiny;
use JSON::PP ();
use Sandbox::Test;

our @EXPORT = qw(index_start index_stop index_port index_conf install settled
                 packages installed run_in counts installers);

my $root = abs_path(dirname(__FILE__) . '/../../..');
my $server;


sub index_port { return port() + 1 }


sub index_start {
    my $port = index_port();

    open $server, '|-', 'python3', "$root/t/lib/package_index.py", $port
        or BAIL_OUT("no index: $!");
    wait_for(sub { IO::Socket::INET->new("127.0.0.1:$port") }, 30)
        or BAIL_OUT('the index does not listen');

    File::Path::remove_tree(home() . '/packages') if -d home() . '/packages';
}


sub index_stop {
    close $server if $server;
    undef $server;
}


# for nginx_start(conf =>): its times are such that a test can wait for them
sub index_conf {
    my ($more) = @_;
    my $at = 'http://127.0.0.1:' . index_port();
    my $text = Sandbox::Test::slurp("$root/conf/sandbox_packages.conf");

    $text =~ s/proxy_read_timeout\s+\S+;/proxy_read_timeout 2s;/ or die;
    Sandbox::Test::spew(home() . '/conf/sandbox_packages_test.conf', $text);

    s{(sandbox_node\s+local;)}{$1
        sandbox_package_index pypi $at/simple/ files=$at/files/;
        sandbox_package_max_size 100m; sandbox_reconcile_interval 500ms;
        @{[$more // '']}};
    s{(include\s+\S+/)sandbox_packages\.conf;}{$1sandbox_packages_test.conf;};
}


sub packages { return [map { { name => $_, version => undef } } @_] }


sub install {
    my ($id, @names) = @_;

    return api(POST => "/sessions/$id/dependencies/install",
               { dependencies => packages(@names) });
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
    }, $seconds // 90);

    return $session;
}


sub installed {
    my ($session) = @_;

    return join ' ', sort map { "$_->{name}==$_->{version}" }
                              @{ $session->{installed_dependencies} };
}


sub run_in {
    my ($id, $code, $language) = @_;

    return api(POST => "/sessions/$id/execute-sync",
               { language => $language // 'python', code => $code })->{json};
}


sub counts {
    my $answer = HTTP::Tiny->new->get('http://127.0.0.1:' . index_port()
                                      . '/counts');

    return JSON::PP::decode_json($answer->{content});
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

1;
