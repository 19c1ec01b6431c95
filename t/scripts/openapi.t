#!/usr/bin/env perl

# docs/openapi.yaml against the router, both ways.  Would catch: a route that is
# added, renamed or dropped in one place only.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

my $root = abs_path(dirname(__FILE__) . '/../..');


sub slurp {
    open my $fh, '<', $_[0] or die "$_[0]: $!";
    local $/;
    return scalar <$fh>;
}


# ---- routes

my (%routes, %paths);
my $router = slurp("$root/src/api/ngx_sandbox_router.c");

while ($router =~ /\{ NGX_HTTP_(\w+), "([^"]+)",\s*PUBLIC,\s*([^,]+),/g) {
    my ($method, $path, $flags) = (lc $1, $2, $3);

    $path = "/api/v1$path" if $flags =~ /\bBASE\b/;
    $routes{"$method $path"} = 1;
}

my $path;
my $base = '';
my $openapi = slurp("$root/docs/openapi.yaml");

for my $line (split /\n/, $openapi) {
    $path = $1 if $line =~ m{^  (/[^:]*):(?:\s|$)};
    undef $path if $line =~ /^\S/ && $line !~ /^paths:/;
    $paths{"$1 $path"} = 1
        if defined $path && $line =~ /^    (get|post|put|delete|patch):(?:\s|$)/;
}

# paths in the document may be relative to its server's
if (!grep { m{ /api/v1/} } keys %paths) {
    %paths = map {
        my ($method, $p) = split / /;
        ($p =~ m{^/(?:livez|readyz)$} ? "$method $p" : "$method /api/v1$p")
            => 1;
    } keys %paths;
}

cmp_ok(scalar keys %routes, '>', 20, 'routes are found');
is_deeply([sort keys %paths], [sort keys %routes],
          'openapi.yaml has the public routes of the router')
    or diag("only documented: ", join(', ', grep { !$routes{$_} } sort keys
            %paths), "\nonly routed: ", join(', ', grep { !$paths{$_} } sort
            keys %routes));

done_testing();
