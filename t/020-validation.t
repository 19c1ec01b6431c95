#!/usr/bin/env perl

# What clients send wrongly: each mistake gets a clear 400 or 422 that names
# the field, before anything is read from the database.
# Would catch: a limit that is one off, a mistake that is answered with 500, a
# second mistake that is not told, a parser that can be exhausted or fooled by
# bytes that are not text, a code at exactly the allowed size that fails.

use strict;
use warnings;
use Sandbox::Test;
use Sandbox::OpenApi;

nginx_start();


my $sessions = '/sessions';
my $execute = '/sessions/none/execute';
my $templates = '/templates';
my ($rows) = db('SELECT COUNT(*) FROM sessions');
my $template = { name => 'n', image_url => 'i', runtime_type => 'python3.11' };


# ---- bodies that are no JSON object

for my $case (
    ['nothing', '', 'ends too early'],
    ['white space', " \n", 'ends too early'],
    ['no JSON', 'template_id=python-basic', 'a value is expected'],
    ['half of it', '{"template_id":"python-basic"', 'ends too early|expected'],
    ['more than one', '{"template_id":"python-basic"}{}', 'follows'],
    ['an array', '["template_id"]', 'must be an object'],
    ['a string', '"template_id"', 'must be an object'],
    ['null', 'null', 'must be an object'],
    ['a trailing comma', '{"template_id":"a",}', 'key'],
    ['a comment', '{"template_id":"a"/**/}', 'comma'],
    ['single quotes', "{'template_id':'a'}", 'key'],
    ['a key twice', '{"template_id":"a","template_id":"b"}', 'twice'],
    ['a key twice, escaped', '{"template_id":"a","template\u005fid":"b"}',
     'twice'],
    ['a key twice inside', '{"template_id":"a","env_vars":{"A":"1","A":"2"}}',
     'twice'],
    ['1 MB of [', '[' x (1 << 20), 'nested too deeply'],
    ['1 MB of {"a":', '{"a":' x 200_000, 'nested too deeply'],
    ['1.9 MB of one string', '"' . 'a' x 1_900_000, 'does not end'],
    ['65 levels', '{"event":' . '[' x 64 . ']' x 64 . '}',
     'nested too deeply'],
    ['an escaped NUL', '{"template_id":"a\u0000b"}', 'NUL'],
    ['an escaped NUL in a key', '{"template\u0000_id":"ab"}', 'NUL'],
    ['a NUL', "{\"template_id\":\"a\0b\"}", 'control'],
    ['a NUL behind', "{\"template_id\":\"a\"}\0", 'follows'],
    ['a line feed in a string', "{\"template_id\":\"a\nb\"}", 'control'],
    ['a high surrogate', '{"template_id":"\ud800"}', 'surrogate'],
    ['a low surrogate', '{"template_id":"\udc00"}', 'surrogate'],
    ['two high ones', '{"template_id":"\ud800\ud800"}', 'surrogate'],
    ['a surrogate and an escape', '{"template_id":"\ud800\n"}', 'surrogate'],
    ['no UTF-8', "{\"template_id\":\"\xff\"}", 'UTF-8'],
    ['overlong UTF-8', "{\"template_id\":\"\xc0\xaf\"}", 'UTF-8'],
    ['a surrogate in UTF-8', "{\"template_id\":\"\xed\xa0\x80\"}", 'UTF-8'],
    ['above U+10FFFF', "{\"template_id\":\"\xf4\x90\x80\x80\"}", 'UTF-8'],
    ['a byte order mark', "\xef\xbb\xbf{}", 'value is expected'],
    ['UTF-16', "{\0}\0", 'expected'],
    ['an unknown escape', '{"template_id":"\x41"}', 'escape'],
    ['a number too large', '{"timeout":1e999}', 'too large'],
    ['an integer too large', '{"timeout":99999999999999999999999}',
     'too large'],
    ['a leading zero', '{"timeout":010}', 'begins with 0'],
    ['hexadecimal', '{"timeout":0x10}', 'comma|expected'],
    ['NaN', '{"timeout":NaN}', 'value is expected'],
    ['a plus', '{"timeout":+1}', 'value is expected'],
)
{
    my ($name, $body, $reason) = @$case;

    my $begun = time;
    my $answer = api(POST => $sessions, $body);

    refused($answer, "body: $name", 400);
    like($answer->{json}{error_detail}, qr/$reason/, "$name: why")
        unless $name =~ /^(nothing|white)/;
    cmp_ok(time - $begun, '<', 10, "$name: at once") if length $body > 1000;
}

# chunk by chunk it is no different
my $chunked = join '', map { "1000\r\n" . '[' x 4096 . "\r\n" } 1 .. 256;
like(raw("POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
         . "Content-Type: application/json\r\n"
         . "Transfer-Encoding: chunked\r\n\r\n${chunked}0\r\n\r\n"),
     qr/^HTTP\S+ 400 .*nested too deeply/s, '1 MB of [ in chunks');

# every route that takes a body reads it in the same way
my $depth = '[' x (1 << 20);

for my $route ([POST => $sessions], [POST => $execute],
               [POST => '/sessions/none/execute-sync'],
               [POST => '/executions/sessions/none/execute'],
               [POST => '/executions/sessions/none/execute-sync'],
               [POST => $templates], [PUT => '/templates/python-basic'])
{
    my $at = "@$route";

    refused_for(api(@$route, $_->[0]), "$at: $_->[1]", $_->[1])
        for ['x', 'a value is expected'], ['[]', 'must be an object'],
            [$depth, 'nested too deeply'],
            ['{"name":"a","name":"b"}', 'twice'],
            ['{"name":"a\u0000"}', 'NUL'], ['{"name":"\ud800"}', 'surrogate'],
            ['{"timeout":1e999}', 'too large'];
    refused(api(@$route, { nonsense => 1 }), "$at: an unknown field", 400,
            'nonsense');
    is(api(@$route, '{}', { 'Content-Type' => 'text/plain' })->{status}, 415,
       "$at: another type");
}

# ... also where anything may stand
for my $case (
    ['{"a":["\u0000"]}', 'NUL'], ['{"\u0000":1}', 'NUL'],
    ['{"a":{"b":"x\udc00"}}', 'surrogate'], ['{"n":-1e309}', 'too large'],
    ['{"n":' . '9' x 2000 . '}', 'too large'],
    ['{"a":{"b":1,"b":2}}', 'twice'], ["{\"a\":\"\xc3\x28\"}", 'UTF-8'],
)
{
    my ($event, $why) = @$case;
    my $rest = "\"event\":$event}";

    refused_for(api(POST => $sessions, "{\"template_id\":\"none\",$rest"),
                "event of a session: $why", $why);
    refused_for(api(POST => $execute, '{"language":"python","code":"x",'
                                      . $rest),
                "event of an execution: $why", $why);
}

refused_for(api(POST => $execute, "{\"language\":\"python\",$_->[0]}"),
            "execution: $_->[1]", $_->[1])
    for ['"code":"x","stdin":"\u0000"', 'NUL'],
        ['"code":"x","stdin":"\udfff"', 'surrogate'],
        ['"code":"x","env_vars":{"A":"\u0000"}', 'NUL'],
        ['"code":"x\u0000"', 'NUL'], ['"code":"\ud800x"', 'surrogate'],
        ["\"code\":\"\xff\"", 'UTF-8'];


# ---- ids in paths

for my $path ('/sessions/%s', '/sessions/%s/executions', '/executions/%s',
              '/executions/%s/result', '/templates/%s', '/containers/%s',
              '/containers/%s/logs', '/executions/sessions/%s/executions')
{
    for my $id ('..%2f..%2fetc%2fpasswd', '%2e%2e%2f', '..%5c..%5cx', 'a%00',
                '%27%20OR%201=1', 'a' x 300, '%c0%ae%c0%ae', '%0d%0aX:%20y',
                '%ed%a0%80')
    {
        my $answer = api(GET => sprintf $path, $id);
        my $error = $answer->{json} || {};

        like("$answer->{status} " . ($error->{error_code} // ''),
             qr/^(?:404 Sandbox\.\w*NotFound|400 Sandbox\.InvalidParameter)$/,
             sprintf "GET $path", substr $id, 0, 30);
        is($answer->{headers}{'x-request-id'}, $error->{request_id},
           'its id');
    }
}


# ---- fields of a session

for my $case (
    [template_id => undef, 400],
    [template_id => '', 422], [template_id => 'a/../b', 422],
    [template_id => '../../etc', 422], [template_id => 'a b', 422],
    [template_id => 'a' x 65, 422], [template_id => 7, 400],
    [template_id => ['a'], 400], [template_id => "a\x{e4}", 422],
    [id => '', 422], [id => '../x', 422], [id => 'a.b', 422],
    [id => 'x' x 65, 422], [id => '%2e', 422], [id => {}, 400],
    [timeout => 0, 422], [timeout => 3601, 422], [timeout => -1, 422],
    [timeout => 1.5, 400], [timeout => '300', 400],
    [timeout => 9_223_372_036_854_775_807, 422],
    [cpu => '0', 422], [cpu => '0.05', 422], [cpu => '5', 422],
    [cpu => '4001m', 422], [cpu => 'many', 422], [cpu => '-1', 422],
    [cpu => '1e1', 422], [cpu => '', 422],
    [memory => '127Mi', 422], [memory => '9Gi', 422], [memory => '512', 422],
    [memory => '18446744073709551616Gi', 422], [memory => 'Mi', 422],
    [disk => '255Mi', 422], [disk => '51Gi', 422], [disk => '1Xi', 422],
    [env_vars => [], 400], [env_vars => { A => 1 }, 400],
    [env_vars => { 'A=B' => 'x' }, 422], [env_vars => { '' => 'x' }, 422],
    [env_vars => { '1A' => 'x' }, 422],
    [env_vars => { map { ("K$_" => 'v') } 1 .. 65 }, 422],
    [env_vars => { K => 'v' x 10_240 }, 422],
    [event => 'text', 400], [event => [], 400],
    [event => { a => 'x' x (1 << 20) }, 422],
    [dependencies => {}, 400],
    [dependencies => [{ name => 'requests' }], 422],
    [install_timeout => 29, 422], [install_timeout => 1801, 422],
    [fail_on_dependency_error => 'yes', 400],
    [mode => 'forever', 422], [mode => 1, 400],
    [network => 'egress', 422], [network => 'all', 422],
    [agent_id => "a\nb", 422], [agent_id => 'a' x 129, 422],
    [metadata => { k => 1 }, 400], [metadata => { k => 'v' x 257 }, 422],
    [metadata => { 'k' x 65 => 'v' }, 422], [metadata => 'x', 400],
    [metadata => { map { ("k$_" => 'v') } 1 .. 33 }, 422],
    [python_package_index_url => 'https://index.example/simple', 422],
    [image => 'x', 400], [Template_id => 'x', 400],
)
{
    my ($field, $value, $status) = @$case;
    my %body = (template_id => 'none', $field => $value);

    delete $body{$field} unless defined $value;
    refused(api(POST => $sessions, \%body), shown($field, $value), $status,
            $field);
}

# what is at the edge is taken: only the template is unknown
for my $case ([id => 'x' x 64], [timeout => 1], [timeout => 3600],
              [cpu => '0.1'], [cpu => '4'], [cpu => '4000m'],
              [memory => '128Mi'], [memory => '8Gi'], [disk => '256Mi'],
              [disk => '50Gi'],
              [env_vars => { map { ("K$_" => 'v') } 1 .. 64 }],
              [env_vars => { K => 'v' x 10_239 }], [event => undef],
              [metadata => { 'k' x 64 => 'v' x 256 }], [dependencies => []],
              [network => 'none'], [mode => 'persistent'])
{
    my ($field, $value) = @$case;
    my $answer = api(POST => $sessions,
                     { template_id => 'none', $field => $value });

    is("$answer->{status} $answer->{json}{error_code}",
       '400 Sandbox.TemplateNotFound', 'taken: ' . shown($field, $value))
        or diag($answer->{text});
}

my $several = api(POST => $sessions, { template_id => 'a/b', timeout => 0,
                                       cpu => 'x', foo => 1 });
refused($several, 'four mistakes', 400, qw(template_id timeout cpu foo));
refused(api(POST => $sessions, { template_id => 'a/b', timeout => 0,
                                 cpu => 'x' }),
        'three mistakes of values', 422, qw(template_id timeout cpu));
refused(api(POST => $sessions, { map { ("f$_" => 1) } 1 .. 5000 }),
        'thousands of mistakes', 400);
cmp_ok(length api(POST => $sessions, { map { ("f$_" => 1) } 1 .. 5000 })
       ->{text}, '<', 16384, 'are not all told');

my $nasty = api(POST => $sessions, "{\"\\u001b[31m\\\"<b>\xc3\xa4\":1}");
refused($nasty, 'an unknown field with an odd name', 400);
unlike($nasty->{text}, qr/[\x00-\x1f\x7f-\xff]/, 'which is escaped');


# ---- fields of an execution

my %run = (code => 'x', language => 'python');

for my $case (
    [code => undef, 400], [code => '', 422], [code => 1, 400],
    [code => 'x' x 102_401, 422],
    [language => undef, 400], [language => 'ruby', 422],
    [language => 'Python', 422],
    [timeout => 0, 422], [timeout => 3601, 422],
    [event => [1], 400], [event => { a => 'x' x (1 << 20) }, 422],
    [env_vars => { 'A-B' => 'x' }, 422], [env_vars => { A => undef }, 400],
    [stdin => 1, 400], [stdin => 'x' x ((1 << 20) + 1), 422],
    [working_directory => '/etc', 422], [working_directory => '..', 422],
    [working_directory => 'a/../b', 422], [working_directory => 'a//b', 422],
    [working_directory => '', 422], [working_directory => "a\nb", 422],
    [session_id => 'x', 400],
)
{
    my ($field, $value, $status) = @$case;
    my %body = (%run, $field => $value);

    delete $body{$field} unless defined $value;
    refused(api(POST => $execute, \%body), shown($field, $value), $status,
            $field);
}

is(api(POST => $execute, { %run, code => 'x' x 102_400 })
   ->{json}{error_code}, 'Sandbox.SessionNotFound',
   'code of exactly 100 KB is taken');
is(api(POST => $execute, { %run, code => "\x{20ac}" x 34_133 })
   ->{json}{error_code}, 'Sandbox.SessionNotFound', 'bytes are counted');
refused(api(POST => $execute, { %run, code => "\x{20ac}" x 34_134 }),
        'code of 100 KB and 2 bytes', 422, 'code');
is(api(POST => $execute, { %run, event => undef, stdin => undef,
                           working_directory => undef })
   ->{json}{error_code}, 'Sandbox.SessionNotFound', 'null is as good as none');


# ---- fields of a template

for my $case (
    [name => undef, 400], [name => '', 422], [name => 'x' x 129, 422],
    [image_url => undef, 400], [image_url => '', 422],
    [image_url => 'a b', 422], [image_url => '-x', 422],
    [image_url => "a\nb", 422], [image_url => '../../x', 422],
    [runtime_type => undef, 400], [runtime_type => 'ruby3', 422],
    [default_cpu_cores => 0, 422], [default_cpu_cores => 5, 422],
    [default_cpu_cores => '1', 400],
    [default_memory_mb => 127, 422], [default_disk_mb => 51_201, 422],
    [default_timeout_sec => 0, 422], [default_timeout => 3601, 422],
    [default_env_vars => { 'A B' => 'x' }, 422],
    [security_context => { privileged => JSON::PP::true() }, 422],
    [warm_pool => { min => 3, target => 2, max => 1 }, 422],
    [warm_pool => { min => -1 }, 422], [warm_pool => 1, 400],
    [prestart => { python => 99 }, 422], [prestart => { ruby => 1 }, 400],
    [max_concurrent_executions => 0, 422], [is_active => 1, 400],
    [id => '../x', 422], [foo => 1, 400],
)
{
    my ($field, $value, $status) = @$case;
    my %body = (%$template, $field => $value);

    delete $body{$field} unless defined $value;
    refused(api(POST => $templates, \%body), 'template ' . shown($field,
            $value), $status, $field);
}


# ---- query parameters

for my $case (
    ['limit=0', 422], ['limit=-1', 422], ['limit=', 400], ['limit=x', 400],
    ['limit=1.5', 400], ['limit=1&limit=2', 400], ['limit=%31%', 400],
    ['limit=%zz', 400], ['limit=-99999999999999999999', 422],
    ['offset=-1', 422], ['offset=1000001', 422],
    ['offset=99999999999999999999999', 422], ['offset=0x10', 400],
    ['status=paused', 422], ['status=', 422], ['status=running&status=failed',
    400], ['template_id=a%2fb', 422], ['template_id=', 422],
    ['template_id=%00', 400], ['cursor=', 422], ['cursor=AAAA', 422],
    ['cursor=%27%20OR%201%3D1', 422], ['metadata.=x', 422, 'metadata.'],
    [join('&', map { "metadata.k$_=x" } 1 .. 9), 422, 'metadata.'],
    ['metadata.a=1&metadata.a=2', 400, 'metadata.a'],
    ['foo=1', 400], ['limit[]=1', 400, 'limit[]'], ['LIMIT=1', 400],
)
{
    my ($query, $status, $name) = @$case;

    ($name) = $query =~ /^(\w+)/ unless $name;
    refused(api(GET => "/sessions?$query"), "?$query", $status, $name);
}

refused(api(GET => '/sessions?limit=0&offset=-1&status=x'),
        'three wrong parameters', 422, qw(limit offset status));
refused(api(GET => "/sessions/none/executions?$_"), "executions ?$_", 0,
        /^(\w+)/) for 'limit=0', 'cursor=x', 'offset=-1', 'status=creating';
refused(api(POST => "/sessions/none/execute-sync?$_", \%run),
        "execute-sync ?$_", 0, /^(\w+)/)
    for 'sync_timeout=0', 'sync_timeout=3601', 'poll_interval=0.05',
        'poll_interval=11', 'poll_interval=x', 'wait=1';
is(api(POST => "/sessions/none/execute-sync?$_", \%run)->{json}{error_code},
   'Sandbox.SessionNotFound', "taken: execute-sync ?$_")
    for 'sync_timeout=3600', 'poll_interval=0.1', 'poll_interval=10';
is(api(GET => "/sessions?$_")->{status}, 200, "taken: ?$_")
    for 'limit=1', 'limit=200', 'limit=201', 'limit=99999999999999999999',
        'offset=0', 'offset=1000000', '', '&', 'metadata.a%20b=c%2fd';

is_deeply([db('SELECT COUNT(*) FROM sessions')], [$rows],
          'and nothing of all this has left a session');

finish();


# a mistake of the client's, in the contract's shape, that names each field
sub refused {
    my ($answer, $name, $status, @fields) = @_;
    my $error = $answer->{json} || {};
    my $wanted = $status ? "^$status\$" : '^4(00|22)$';

    subtest "refused: $name" => sub {
        like($answer->{status}, qr/$wanted/, 'status');
        is($error->{error_code}, 'Sandbox.InvalidParameter', 'error_code');
        ok(length($error->{$_} // ''), $_)
            for qw(description error_detail solution request_id);
        is($answer->{headers}{'x-request-id'}, $error->{request_id},
           'X-Request-ID');
        like($error->{error_detail} // '', qr/(?:^|; )\Q$_\E\S*: /,
             "names $_")
            for @fields;
    } or diag(substr $answer->{text}, 0, 600);
}


# a body that is not read, for this reason
sub refused_for {
    my ($answer, $name, $why) = @_;

    refused($answer, $name, 400);
    like($answer->{json}{error_detail}, qr/$why/, "$name: why");
}


sub shown {
    my ($field, $value) = @_;
    my $text = JSON::PP->new->canonical->allow_nonref->ascii->encode($value);

    return "$field: " . (length $text > 60 ? substr($text, 0, 57) . '...'
                                           : $text);
}
