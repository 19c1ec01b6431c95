#!/usr/bin/env perl

# Rows and engine that do not agree, in both directions, and nobody who looks.
# Would catch: a session that is shown running although its container is gone,
# a container that nobody will ever remove, one of somebody else that is
# removed.

use strict;
use warnings;
use Sandbox::Test;

my $image = 'sandbox-template-python-basic:latest';
my $owner = substr(Sandbox::Test::hmac("ngx_sandbox owner\n"), 0, 16);

nginx_start(conf => sub {
    s/(sandbox_node\s+local;)/$1
    sandbox_reconcile_interval 500ms;
    sandbox_start_timeout 4s;/;
    s{(docker\.sock)}{$1 timeout=1s create_timeout=1s};
});


sub status {
    my ($id) = @_;

    return (db("SELECT status FROM sessions WHERE id = '$id'"))[0][0];
}


sub there {
    my ($name) = @_;

    return scalar grep { $_ eq $name } docker('ps -a --format {{.Names}}');
}


# a container with these labels that does nothing
sub stranger {
    my ($name, %label) = @_;

    docker("create --name $name --network none "
           . join(' ', map { "--label ngx_sandbox.$_=$label{$_}" } keys %label)
           . " $image true");
}


# ---- a row without a container

my $s = session();
my $other = session();

docker("rm -f sandbox-$s-2");
ok(wait_for(sub { status($s) eq 'failed' }, 10), 'a container that is gone');
like((db("SELECT JSON_VALUE(failure, '\$.message') FROM sessions
          WHERE id = '$s'"))[0][0], qr/gone/, 'is why');
is(status($other), 'running', 'the one that is there runs on');


# ---- containers without a row

stranger('sandbox-nobody-2', instance => 'local', owner => $owner,
         session => 'nobody', epoch => 2);
stranger('sandbox-ended-2', instance => 'local', owner => $owner,
         session => $s, epoch => 2);
stranger('somebody-else', instance => 'local', owner => '0' x 16,
         session => 'theirs', epoch => 2);
stranger('another-node', instance => 'remote', owner => $owner,
         session => 'theirs', epoch => 2);

my $begun = time;
ok(wait_for(sub { !there('sandbox-nobody-2') && !there('sandbox-ended-2') },
            15), 'what no row knows is removed');
cmp_ok(time - $begun, '>', 2, 'but not at once');
ok(there('somebody-else'), 'another system\'s is left alone');
ok(there('another-node'), 'and another node\'s');
docker('rm somebody-else another-node');


# ---- an engine that makes one after its caller has given up

expect_error(qr/Docker|answered 503/);
freeze('docker');
my $late = api(POST => '/sessions', { template_id => 'python-basic' })
    ->{json}{id};
ok(wait_for(sub { status($late) eq 'failed' }, 15), 'a start gives up');
thaw('docker');

# it may have been made and be gone already; it must not stay
ok(wait_for(sub { !there("sandbox-$late-2") }, 15), 'and nothing stays');
sleep 1;
ok(!there("sandbox-$late-2"), 'nor comes late');
is(status($other), 'running', 'the others have not noticed');


# ---- more rows than one page

my $rows = 450;
db("INSERT INTO containers (id, session_id, template_id, node_id, runtime_type,
    image, status) SELECT CONCAT('gone-', seq), NULL, 'x', 'local', 'docker',
    'x', 'running' FROM seq_1_to_$rows");
my $gone = session();
docker("rm -f sandbox-$gone-2");
ok(wait_for(sub { status($gone) eq 'failed' }, 10), 'behind many rows');
is(status($other), 'running', 'and the other is found among them');
db("DELETE FROM containers WHERE id LIKE 'gone-%'");

finish();
