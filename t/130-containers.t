#!/usr/bin/env perl

# Containers: what runs and what has run, and what it has printed.
# Would catch: a row that the engine contradicts, a filter or an offset that is
# ignored, an id that reaches the engine's URL unchecked.

use strict;
use warnings;
use Sandbox::Test;
use Sandbox::OpenApi;

nginx_start();

my $time = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
my @before = db('SELECT id FROM containers');
my $s = session();
my $id = api(GET => "/sessions/$s")->{json}{container_id};


# ---- one

my $answer = api(GET => "/containers/$id");
is($answer->{status}, 200, 'read');

my $c = $answer->{json};
is_deeply([sort keys %$c], [qw(created_at exit_code exited_at id image node_id
          oom_killed runtime_type session_id started_at status template_id)],
          'its fields');
is($c->{status}, 'running', 'it runs');
is($c->{session_id}, $s, 'its session');
is($c->{template_id}, 'python-basic', 'its template');
is($c->{node_id}, 'local', 'its node');
is($c->{runtime_type}, 'docker', 'its runtime');
is($c->{image}, 'sandbox-template-python-basic:latest', 'its image');
like($c->{$_}, $time, $_) for qw(created_at started_at);
is($c->{$_}, undef, "no $_") for qw(exited_at exit_code oom_killed);

my $real = inspect($id);
ok($real->{State}{Running}, 'the engine has it under this name, running');
is($real->{Config}{Labels}{'ngx_sandbox.session'}, $s, 'for this session');
is((db("SELECT runtime_id FROM containers WHERE id = '$id'"))[0][0],
   $real->{Id}, 'and the row knows the engine\'s own id');


# ---- lists

my $list = api(GET => '/containers?status=running')->{json};
is_deeply([map { $_->{id} } @{ $list->{items} }], [$id], 'filter: status');
is($list->{total}, 1, 'total');
is_deeply($list->{items}[0], $c, 'the same as read alone');
is(api(GET => '/containers?runtime_type=docker')->{json}{total}, @before + 1,
   'filter: runtime_type');
is(api(GET => '/containers?runtime_type=kubernetes')->{json}{total}, 0,
   'of which there is none');
is(api(GET => '/containers?runtime_type=kubernetes')->{json}{has_more},
   JSON::PP::false(), 'not on a next page either');
is(api(GET => '/containers?runtime_type=docker&status=running')->{json}{total},
   1, 'filters together');

db(q(INSERT INTO containers (id, template_id, node_id, runtime_type, image,
     status, created_at, exited_at)
     SELECT CONCAT('past-', LPAD(seq, 2, '0')), 'x', 'local', 'docker', 'x',
     'removed', '2020-01-01' + INTERVAL FLOOR(seq / 4) SECOND, '2020-01-02'
     FROM seq_1_to_30));

my $page = api(GET => '/containers?status=removed&limit=7')->{json};
my ($removed) = db(q(SELECT COUNT(*) FROM containers
                     WHERE status = 'removed'));
is($page->{total}, $removed->[0], 'total is that of all pages');
is(scalar @{ $page->{items} }, 7, 'a page');
ok($page->{has_more}, 'has_more');

my @seen = map {
    map { $_->{id} }
        @{ api(GET => "/containers?status=removed&limit=7&offset=$_")
           ->{json}{items} }
} map { 7 * $_ } 0 .. 40;
my %unique = map { ($_ => 1) } @seen;
is(scalar @seen, $removed->[0], 'offset leads through all');
is(scalar keys %unique, scalar @seen, 'and repeats none');
is_deeply([grep { /^past-/ } @seen],
          [map { sprintf 'past-%02d', $_ } reverse 1 .. 30], 'newest first');


# ---- logs

is_deeply(api(GET => "/containers/$id/logs")->{json},
          { id => $id, tail => 100, logs => '' },
          'a sandbox cannot write into its logs');

# a container with a row, that does print
docker(q(run -d --network none --name chatty --entrypoint /bin/sh
         sandbox-template-python-basic:latest -c) =~ s/\s+/ /gr
       . q( 'for i in 1 2 3; do echo out $i; done; echo err >&2;)
       . q( printf "bad \\\\377\\\\000 end\\\\n"; exec sleep 60'));
db(q(INSERT INTO containers (id, template_id, node_id, runtime_type, image,
     status) VALUES ('chatty', 'x', 'local', 'docker', 'x', 'running')));
ok(wait_for(sub { api(GET => '/containers/chatty/logs')->{text} =~ /end/ }),
   'logs of one that prints');

my $logs = api(GET => '/containers/chatty/logs')->{json};
is(join(' ', sort grep { !/^bad/ } split /\n/, $logs->{logs}),
   'err out 1 out 2 out 3', 'both streams, without the engine\'s frames');
like($logs->{logs}, qr/^bad \x{fffd}.? end$/m,
     'what is not UTF-8 is replaced');
is(scalar(split /\n/,
          api(GET => '/containers/chatty/logs?tail=2')->{json}{logs}), 2,
   'tail');
is(api(GET => '/containers/chatty/logs?since=' . (3600 + int time))
   ->{json}{logs}, '', 'since');
like(api(GET => '/containers/chatty/logs?since=1')->{json}{logs}, qr/out 1/,
     'since long ago');

docker('rm -f chatty');
is(api(GET => '/containers/chatty/logs')->{status}, 404,
   'a row whose container is gone');
db(q(DELETE FROM containers WHERE id = 'chatty'));


# ---- refused

for my $path ('', '/logs') {
    for my $bad ('none', 'a' x 97, '..%2f..', 'a%3Fall=1', 'x%0d%0aHost:%20y',
                 '%2e%2e', "a'b")
    {
        my $error = api(GET => "/containers/$bad$path");
        is($error->{status}, 404, "no container: $bad$path");
    }
}

is(api(GET => '/containers/none')->{json}{error_code},
   'Sandbox.ContainerNotFound', 'its code');

for my $bad ('status=up', 'runtime_type=lxc', 'limit=0', 'offset=-1', 'foo=1',
             'limit=1&limit=1', 'session_id=x')
{
    my $error = api(GET => "/containers?$bad");
    my ($name) = $bad =~ /^(\w+)/;
    like($error->{status}, qr/^4(00|22)$/, "refused: $bad");
    like($error->{json}{error_detail}, qr/^$name: /, 'by name');
}

for my $bad ('tail=0', 'tail=-1', 'tail=x', 'tail=1001', 'since=-1', 'since=x',
             'follow=1')
{
    my $error = api(GET => "/containers/$id/logs?$bad");
    my ($name) = $bad =~ /^(\w+)/;
    like($error->{status}, qr/^4(00|22)$/, "logs refused: $bad");
    like($error->{json}{error_detail}, qr/^$name: /, 'by name');
}


# ---- afterwards

api(POST => "/sessions/$s/terminate");
ok(wait_for(sub {
    api(GET => "/containers/$id")->{json}{status} eq 'removed';
}), 'removed with its session');

my $past = api(GET => "/containers/$id")->{json};
like($past->{exited_at}, $time, 'exited_at');
is(inspect($id), undef, 'the engine has it no more');
is(api(GET => "/containers/$id/logs")->{status}, 404, 'its logs are gone');

db(q(DELETE FROM containers WHERE id LIKE 'past-%'));
finish();
