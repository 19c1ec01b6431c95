#!/usr/bin/env perl

# Sessions through their whole life: what is created, refused, listed, ended.
# Would catch: an id that two sessions get, a filter that is ignored, a cursor
# that skips or repeats, a container that outlives its session, a time-out that
# nobody keeps.

use strict;
use warnings;
use Sandbox::Test;
use Sandbox::OpenApi;

# what earlier tests left would be counted by the lists
db('DELETE FROM sessions');

nginx_start(conf => sub {
    s/(sandbox_node\s+local;)/$1\n    sandbox_reconcile_interval 500ms;/;
});


# ---- create, and what the contract says of the fields

my $odd = "a\"b' \\c\$.\x{e9}\x{1f600}";
my $s = session(id => 'sess_first', env_vars => { A => 'b' },
                metadata => { team => 'red', $odd => $odd }, cpu => '500m',
                memory => '128Mi', timeout => 120);
my $got = api(GET => "/sessions/$s")->{json};

is($got->{id}, 'sess_first', 'the id is the client\'s');
is($got->{status}, 'running', 'it runs');
is_deeply($got->{resource_limit}, { cpu => '0.5', memory => '128Mi',
          disk => '256Mi', max_processes => 128 }, 'limits');
is_deeply($got->{env_vars}, { A => 'b' }, 'environment');
is_deeply($got->{metadata}, { team => 'red', $odd => $odd }, 'metadata');
is($got->{start_kind}, 'cold', 'start_kind');
is($got->{runtime_type}, 'python3.11', 'runtime_type');
is($got->{timeout}, 120, 'timeout');

for my $field (qw(created_at updated_at started_at last_activity_at
                  expires_at))
{
    like($got->{$field}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, $field);
}

my @row = db("SELECT status, container_id FROM sessions WHERE id = '$s'");
is_deeply(\@row, [['running', "sandbox-$s-2"]], 'the row');


# ---- the container's isolation, as the engine has it

my $c = inspect("sandbox-$s-2");

is($c->{Config}{User}, '1000:1000', 'uid and gid');
is($c->{Config}{NetworkDisabled} ? 1 : 0, 1, 'no network');
is_deeply($c->{HostConfig}{CapDrop}, ['ALL'], 'no capabilities');
ok((grep { /no-new-privileges/ } @{ $c->{HostConfig}{SecurityOpt} }),
   'no new privileges');
ok($c->{HostConfig}{ReadonlyRootfs}, 'read-only root');
ok(!$c->{HostConfig}{Privileged}, 'not privileged');
is($c->{HostConfig}{PidsLimit}, 128, 'pids');
is($c->{HostConfig}{Memory}, (128 + 256 + 64 + 40) << 20, 'memory, with files');
is($c->{HostConfig}{MemorySwap}, (128 + 256 + 64 + 40) << 20, 'no swap');
is($c->{HostConfig}{NanoCpus}, 500_000_000, 'cpu');
is($c->{Config}{Labels}{'ngx_sandbox.session'}, $s, 'label');
unlike(join(' ', @{ $c->{Config}{Env} || [] }), qr/$s\./,
       'no token in the environment');
ok(!-e home() . "/sessions/$s/bootstrap.json", 'the bootstrap file is gone');
is(sprintf('%04o', (stat home() . "/sessions/$s")[2] & 07777), '0700',
   'the folder is sealed');

# a result that nobody has yet: what the sandbox cannot reach, and no obstacle
my $spool = home() . "/sessions/$s/spool";
is((lstat $spool)[4], 1000, 'the spool in it is the executor\'s');
open my $kept, '>', "$spool/exec_kept.1" or die "$spool: $!";
close $kept;
chown 1000, 1000, "$spool/exec_kept.1";
chmod 0600, "$spool/exec_kept.1";
my $seen = api(POST => "/sessions/$s/execute-sync", { language => 'shell',
    code => 'ls /run/sandbox /run/sandbox/spool; cat /run/sandbox/spool/*' });
is($seen->{json}{stdout}, '', 'nothing of which its code sees')
    or diag($seen->{text});
like($seen->{json}{stderr}, qr/Permission denied/, 'since it is closed');


# ---- conflicts

is(api(POST => '/sessions', { template_id => 'python-basic', id => $s })
   ->{status}, 409, 'the same id again');

my @four = map {
    open my $fh, '-|', 'curl', '-s', '-w', '\n%{http_code}',
        '-H', 'Content-Type: application/json', '-d',
        '{"template_id":"python-basic","id":"sess_four"}',
        'http://127.0.0.1:' . ($ENV{TEST_NGINX_PORT} || 18070)
        . '/api/v1/sessions' or die $!;
    $fh
} 1 .. 4;
my @said = map { local $/; scalar <$_> } @four;
is(join(' ', sort map { /(\d+)\z/ } @said), '201 409 409 409',
   'four creations of one id at once: one is made');
is(scalar(grep { /^\{"error_code":"Sandbox.Conflict",.*"request_id":"\w+"/ }
          @said), 3, 'the others are told so, with an id');
unlike("@said", qr/insert|duplicate|1062|PRIMARY/i, 'and without SQL');

my $unknown = api(POST => '/sessions', { template_id => 'none' });
is($unknown->{status}, 400, 'unknown template');
is($unknown->{json}{error_code}, 'Sandbox.TemplateNotFound', 'its code');
like($unknown->{json}{error_detail}, qr/template_id/, 'names the field');


# ---- SQL in a body is text

for my $sql ("'); DROP TABLE session_metadata; -- ", "' OR '1'='1",
             "\\' OR 1=1 -- ", '") OR 1 -- ', 'a?b\\')
{
    my $answer = api(POST => '/sessions', {
        template_id => 'python-basic', agent_id => $sql,
        event => { $sql => $sql }, env_vars => { A => $sql },
        metadata => { $sql => $sql } });

    is($answer->{status}, 201, "in all fields that are free: $sql")
        or diag($answer->{text});

    my $id = $answer->{json}{id} // next;
    my $kept = api(GET => "/sessions/$id")->{json};
    (my $escaped = $sql) =~ s/(\W)/sprintf '%%%02X', ord $1/ge;

    is_deeply([@$kept{qw(agent_id env_vars metadata)}],
              [$sql, { A => $sql }, { $sql => $sql }], 'kept as it is');
    is_deeply(JSON::PP::decode_json((db("SELECT HEX(event) FROM sessions
                  WHERE id = '$id'"))[0][0] =~ s/(..)/chr hex $1/ger),
              { $sql => $sql }, 'and so is what is not shown');
    is_deeply([map { $_->{id} }
               @{ api(GET => "/sessions?metadata.$escaped=$escaped")
                  ->{json}{items} }], [$id], 'found by it, and nothing else');
    is(api(GET => "/sessions?metadata.team=$escaped")->{json}{total}, 0,
       'it is no condition');
    wait_status($id, 'creating');
    api(DELETE => "/sessions/$id");
}


# ---- an event as deep as a body may be

for my $depth (30, 31, 62) {
    my $event = '{"a":' . '[' x $depth . ']' x $depth . '}';
    my $deep = api(POST => '/sessions',
                   '{"template_id":"python-basic","id":"deep-' . $depth
                   . "\",\"event\":$event}");

    is($deep->{status}, 201, "an event of $depth levels")
        or diag($deep->{text});
    wait_status("deep-$depth", 'creating') if $deep->{status} == 201;
    api(DELETE => "/sessions/deep-$depth");
}


# ---- lists: rows that have ended, made directly, so that paging has pages

db(q(INSERT INTO sessions (id, template_id, status, language_runtime,
     runtime_backend, runtime_node, image_url, cpu_milli, memory_mb, disk_mb,
     max_processes, timeout_sec, workspace_path, start_deadline_at, created_at,
     completed_at, metadata)
     SELECT CONCAT('old-', seq), IF(seq % 2, 'python-basic', 'nodejs-basic'),
     'terminated', 'python3.11', 'docker', 'local', 'x', 1000, 256, 256, 128,
     300, 'x', '2020-01-01', '2020-01-01' + INTERVAL FLOOR(seq / 3) SECOND,
     '2020-01-02', '{"n":"1"}' FROM seq_1_to_25));
db(q(INSERT INTO session_metadata SELECT id, 'n', '1' FROM sessions
     WHERE id LIKE 'old-%'));

my $list = api(GET => '/sessions?status=terminated&limit=10')->{json};
is($list->{total}, 25, 'total');
is(scalar @{ $list->{items} }, 10, 'a page');
is($list->{limit}, 10, 'limit');
ok($list->{has_more}, 'has_more');

my (@seen, $cursor, %totals);
do {
    my $page = api(GET => '/sessions?status=terminated&limit=4'
                   . ($cursor ? "&cursor=$cursor" : ''))->{json};
    $totals{ $page->{total} } = 1;
    push @seen, map { $_->{id} } @{ $page->{items} };
    $cursor = $page->{next_cursor};
} while ($cursor && @seen < 50);

is(scalar @seen, 25, 'the cursor leads through all');
my %unique = map { $_ => 1 } @seen;
is(scalar keys %unique, 25, 'and repeats none');

my @by_offset = map {
    map { $_->{id} }
        @{ api(GET => "/sessions?status=terminated&limit=10&offset=$_")
           ->{json}{items} }
} 0, 10, 20;
is_deeply(\@by_offset, \@seen, 'offset gives the same order');

# the last page, one that ends with the rows, and one behind them
for my $page ('limit=10&offset=20', 'limit=25', 'limit=24&offset=1',
              'limit=10&offset=100')
{
    $totals{ api(GET => "/sessions?status=terminated&$page")->{json}{total} }
        = 1;
}

is_deeply([keys %totals], [25], 'the total is the same on each page');

is(api(GET => '/sessions?template_id=nodejs-basic')->{json}{total}, 12,
   'filter: template_id');
is(api(GET => '/sessions?template_id=nodejs-basic&status=running')
   ->{json}{total}, 0, 'filters together');
is(api(GET => '/sessions?metadata.n=1&template_id=python-basic')
   ->{json}{total}, 13, 'filter: metadata');

# several pairs: all of them, whichever comes first, whatever is in them
utf8::encode(my $escaped = $odd);
$escaped =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ge;
is(api(GET => "/sessions?metadata.$escaped=$escaped&metadata.team=red")
   ->{json}{items}[0]{id}, $s, 'metadata of odd characters is found');

db(q(INSERT INTO session_metadata VALUES ('old-1', 'm', 'x'),
     ('old-2', 'm', 'y'), ('old-4', 'm', 'x')));
for my $case (['metadata.n=1&metadata.m=x', 2], ['metadata.m=x&metadata.n=1', 2],
              ['metadata.n=1&metadata.m=x&template_id=python-basic', 1],
              ['metadata.n=1&metadata.m=X', 0], ['metadata.n=2&metadata.m=x', 0],
              ['metadata.n=1&metadata.m=x&metadata.o=z', 0],
              ['metadata.n=1&metadata.m=x&status=running', 0],
              ['metadata.n=1&metadata.m=x&limit=1', 2])
{
    my ($query, $total) = @$case;
    my $page = api(GET => "/sessions?$query")->{json};

    is($page->{total}, $total, "metadata filters: $query");
}

is(api(GET => '/sessions?metadata.team=red')->{json}{items}[0]{id}, $s,
   'metadata given at creation is found');
is(api(GET => '/sessions?limit=1000')->{json}{limit}, 200,
   'a limit above 200 counts as 200');

for my $bad ('limit=0', 'limit=-1', 'limit=x', 'offset=-1',
             'offset=99999999999999999999', 'status=foo', 'cursor=abc', 'foo=1',
             'limit=1&limit=2', 'template_id=a%2F..%2Fb', 'status=%00')
{
    my $answer = api(GET => "/sessions?$bad");
    ok($answer->{status} == 400 || $answer->{status} == 422, "refused: $bad")
        or diag($answer->{text});
    like($answer->{json}{error_detail}, qr/^(limit|offset|status|cursor|foo|
         template_id):/x, "names the parameter: $bad");
}


is(api(GET => '/sessions?status=terminated')->{json}{total_is_lower_bound},
   undef, 'a total that is exact says nothing');


# ---- an event that is nested as deep as it may be

my $deep = {};
$deep = { a => $deep } for 1 .. 45;
my $nested = session(event => $deep);
is_deeply(JSON::PP::decode_json((db("SELECT event FROM sessions
                                     WHERE id = '$nested'"))[0][0]), $deep,
          'a nested event');
api(DELETE => "/sessions/$nested");


# ---- terminate and delete

my $ended = api(POST => "/sessions/$s/terminate")->{json};
is($ended->{status}, 'terminated', 'terminated');
ok($ended->{completed_at}, 'completed_at');
is(api(POST => "/sessions/$s/terminate")->{status}, 200, 'again');
ok(wait_for(sub { !grep { /\b$s\b/ } docker('ps -a --format {{.Names}}') }),
   'its container is removed');
is(api(GET => "/sessions/$s")->{json}{status}, 'terminated', 'record stays');

is(api(DELETE => "/sessions/$s")->{status}, 204, 'deleted');
is(api(DELETE => "/sessions/$s")->{status}, 204, 'deleted again');
ok(wait_for(sub { !-e home() . "/sessions/$s" }),
   'its folder is gone, with a spool that was not empty');
is(api(GET => "/sessions/$s")->{status}, 404, 'gone in a path');
ok(!(grep { $_->{id} eq $s } @{ api(GET => '/sessions')->{json}{items} }),
   'gone from lists');
is(api(DELETE => '/sessions/never-was')->{status}, 404, 'one that never was');
is(api(POST => "/sessions/$s/terminate")->{status}, 404, 'not terminated');

is(api(DELETE => '/templates/python-basic')->{status}, 409,
   'a template in use is kept') if wait_status('sess_four', 'creating');


# ---- time-out: nobody looks, and it ends all the same

my $short = session(timeout => 1);
ok(wait_for(sub {
    return (db("SELECT status FROM sessions WHERE id = '$short'"))[0][0]
           eq 'timeout';
}, 40), 'a session of one second ends by itself');
ok(wait_for(sub { !grep { /\b$short\b/ } docker('ps -a --format {{.Names}}') }),
   'and so does its container');


# ---- a container that is killed: its use says so, and another one can be made

my $dead = session(id => 'dead');
docker('kill sandbox-dead-2');
my $use = api(POST => '/sessions/dead/execute-sync',
              { language => 'shell', code => ':' });
like("$use->{status} $use->{json}{error_code}",
     qr/^(?:503 Sandbox.RuntimeUnavailable|409 Sandbox.SessionNotRunning)$/,
     'a killed container: not 500');
is(wait_status('dead', 'running'), 'failed', 'its session has failed');
is(api(GET => '/sessions/dead')->{json}{failure}{exit_code}, 137,
   'with the exit code');
ok(wait_for(sub { !grep { /\bdead\b/ } docker('ps -a --format {{.Names}}') }),
   'and the name is free');
is(api(POST => '/sessions/' . session(id => 'dead-2') . '/execute-sync',
       { language => 'shell', code => 'echo again' })->{json}{stdout},
   "again\n", 'another one works');


# ---- an image that is absent fails with a clear cause

expect_error(qr/is not on this node/, qr/answered 503.*the image/,
             qr/connect\(\) to .*executor\.sock failed/,
             qr/answered 503.*executor cannot be reached/);
my $absent = api(POST => '/sessions', { template_id => 'python-datascience' })
    ->{json}{id};
is(wait_status($absent, 'creating'), 'failed', 'image absent');
my $failure = api(GET => "/sessions/$absent")->{json}{failure};
is($failure->{reason}, 'image_missing', 'the reason');
like($failure->{message}, qr/python-datascience/, 'names the image');

finish();
