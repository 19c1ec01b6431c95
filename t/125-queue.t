#!/usr/bin/env perl

# Executions beyond a session's places: they wait in order, as many as
# sandbox_execution_queue says, and the next one is refused.
# Would catch: a directive or a template's limit that does not reach the
# executor, a place that is not given on, an execution that waits and is lost.

use strict;
use warnings;
use Sandbox::Test;

nginx_start(conf => sub {
    s/(sandbox_node\s+local;)/$1
    sandbox_execution_queue 1;/;
});

my $image = api(GET => '/templates/python-basic')->{json}{image_url};
my $id = 'queue-' . time =~ s/\D.*//r;

is(api(POST => '/templates', { id => $id, name => $id, image_url => $image,
       runtime_type => 'python3.11', default_cpu_cores => 0.5,
       default_memory_mb => 128, default_disk_mb => 256,
       default_timeout_sec => 120, max_concurrent_executions => 1 })
   ->{status}, 201, 'a template with one place');
my $s = session(template_id => $id);

sub run {
    return api(POST => "/sessions/$s/execute",
               { language => 'shell', code => "sleep 4; echo $_[0]" });
}

my ($first, $second, $third) = map { run($_) } 1 .. 3;
is($first->{status}, 201, 'the first runs');
is($second->{status}, 201, 'the second waits');
is($third->{status}, 429, 'the third is refused');
ok($third->{headers}{'retry-after'}, 'with Retry-After');
like($third->{json}{error_detail}, qr/sandbox_execution_queue/,
     'and told which limits it has met');

my $late = $second->{json}{execution_id};
ok(wait_for(sub {
    api(GET => "/executions/$late")->{json}{status} eq 'completed';
}, 40), 'the second has its turn');
my $e = api(GET => "/executions/$late")->{json};
is($e->{stdout}, "2\n", 'with its own output');
ok($e->{metrics}{queued_ms} > 500, 'and says that it has waited');
ok($e->{execution_time} < 4 + 0.75 * $e->{metrics}{queued_ms} / 1000,
   'which is no part of its time');
my @order = db("SELECT stdout FROM executions WHERE session_id = '$s'
                AND status = 'completed' ORDER BY completed_at");
is_deeply(\@order, [['1\n'], ['2\n']], 'in the order in which they came');

api(DELETE => "/sessions/$s");
api(DELETE => "/templates/$id");
finish();
