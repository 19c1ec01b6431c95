package Sandbox::Blocks;

# Declarative blocks, one request and its answer each: those of
# Test::Nginx::Socket, sent to the nginx that Sandbox::Test started, so that
# they run against what an operator would run, and without a restart between
# them.
#
#     use Test::Nginx::Socket 'no_plan';
#     use Sandbox::Blocks;
#
#     blocks();                # takes what nginx_start() takes, and expected =>
#                              # [qr/lines of error.log/], after => sub {...}
#
#     __DATA__
#
#     === TEST 1: no such path
#     --- request
#     GET /api/v1/foo
#     --- error_code: 404
#     --- code: Sandbox.NotFound
#     --- detail_like: ^the API has
#
# Every block is checked for the contract's headers (X-Request-ID, and JSON
# where there is a body), and every error for the contract's shape.  Sections
# besides those of Test::Nginx:
#
#     code           the error_code of an error's body; needed for each error
#     detail_like    a pattern for its error_detail
#     detail_names   words that its error_detail must all contain, as "name:"
#     plain          the answer is not the API's: nothing is checked unasked

use strict;
use warnings;
use Exporter 'import';
use JSON::PP;
use Sandbox::Test ();
use Test::More ();
use Test::Nginx::Socket ();
use Test::Nginx::Util ();

our @EXPORT = qw(blocks);

my $json = JSON::PP->new->utf8;
my @shape = qw(description error_code error_detail request_id solution);


sub blocks {
    my (%arg) = @_;

    Sandbox::Test::nginx_start(%arg);
    Sandbox::Test::expect_error(@{ $arg{expected} || [] });

    $Test::Nginx::Util::NoNginxManager = 1;
    $Test::Nginx::Util::ErrLogFile = Sandbox::Test::home() . '/log/error.log';
    Test::Nginx::Util::server_port_for_client(Sandbox::Test::port());
    Test::Nginx::Util::no_shuffle();
    Test::Nginx::Util::timeout(20);
    Test::Nginx::Util::add_block_preprocessor(\&prepare);
    Test::Nginx::Socket::add_response_body_check(\&check);
    Test::Nginx::Util::run_tests();

    $arg{after}->() if $arg{after};
    Sandbox::Test::finish();
}


# what is expected of every answer need not be written into every block
sub prepare {
    my ($block) = @_;

    return if defined $block->plain;

    my $wanted = $block->response_headers_like // '';

    # Test::Nginx looks at one of the two sections only
    if (defined(my $exact = $block->response_headers)) {
        $wanted .= join '', map { /^(!?\S+?):?\s+(.*?)\s*$/
                                  ? "\n$1: \Q$2\E" : '' } split /\n/, $exact;
        $block->set_value('response_headers', undef);
    }

    $wanted .= "\nX-Request-ID: [A-Za-z0-9._-]{1,128}"
        unless $wanted =~ /X-Request-ID/;
    $wanted .= "\nContent-Type: application/json"
        unless ($block->error_code // 200) =~ /204/;

    $wanted =~ s/\A\s+//;
    $wanted =~ s/\n{2,}/\n/g;
    $block->set_value('response_headers_like', "$wanted\n");
}


sub check {
    my ($block, $body) = @_;
    my $name = $block->name;
    my ($status) = ($block->error_code // 200) =~ /(\d+)/;

    return if defined $block->plain || $status < 400;
    return if ($block->request || '') =~ /\A\s*HEAD/;

    my $error = eval { $json->decode($body // '') };

    Test::More::is_deeply([sort keys %{ $error || {} }], \@shape,
                          "$name - the shape of an error")
        or return Test::More::diag($body);

    Test::More::is($error->{error_code}, trimmed($block->code),
                   "$name - error_code");
    Test::More::is(scalar(grep { length } @{$error}{@shape}), scalar @shape,
                   "$name - nothing of it is empty");

    if (defined $block->detail_like) {
        my $pattern = trimmed($block->detail_like);
        Test::More::like($error->{error_detail}, qr/$pattern/,
                         "$name - error_detail");
    }

    for my $word (split ' ', $block->detail_names // '') {
        Test::More::like($error->{error_detail}, qr/(?:^|; )\Q$word\E: /,
                         "$name - error_detail names $word");
    }
}


sub trimmed {
    my ($text) = @_;

    $text //= '';
    $text =~ s/\A\s+|\s+\z//g;
    return $text;
}


1;
