#!/usr/bin/env perl

# Installs while everything around them dies, and packages that are made to do
# harm.
# Would catch: an install that stays "installing", one that is given up without
# a cause or that no later one can follow, a session that a package has broken,
# files, processes or a disk that are not given back.

use strict;
use warnings;
use Sandbox::Test;
use Sandbox::Packages;

index_start();
nginx_start(conf => \&index_conf);
expect_error(qr/upstream timed out/);


# ---- a session that ends is not installing, whatever ends it

my $ended = 'the session ended before its packages were installed';
my %ends = (
    'is terminated' => sub { api(POST => "/sessions/$_[0]/terminate") },
    'is deleted' => sub { api(DELETE => "/sessions/$_[0]") },
    'has lost its container' => sub { docker("kill sandbox-$_[0]-2") },
    'has had its time' => sub {
        db("UPDATE sessions SET expires_at = UTC_TIMESTAMP(3)
            WHERE id = '$_[0]'");
    },
);

for my $what (sort keys %ends) {
    my $id = session();
    install($id, 'slow');
    ok(wait_for(sub { installers($id) }, 30), 'an installer runs');
    $ends{$what}->($id);

    my @row;
    ok(wait_for(sub {
        @row = map { @$_ } db("SELECT status, dependency_status,
            IFNULL(dependency_error, ''), dependency_completed_at IS NOT NULL,
            dependency_due_at IS NULL FROM sessions WHERE id = '$id'");
        return $row[0] ne 'running';
    }, 30), "a session that $what ends");
    is("@row[1 .. 4]", "failed $ended 1 1", 'and so does its install');
}

finish();
index_stop();
