#!/usr/bin/env perl

# The documentation against the code: every directive and its default, every
# public route, both ways.  Would catch: a directive or a route that is added,
# renamed or dropped in one place only.

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


# ---- directives

my (%commands, %documented, %defaults);

for my $file (glob "$root/ngx_sandbox_module/*.c") {
    my $text = slurp($file);

    $commands{$1} = 1 while $text =~ /\{ ngx_string\("(sandbox_\w+)"\),/g;

    while ($text =~ /ngx_conf_init_(msec|uint)_value\(smcf->node\.(\w+),\s*
                     (\d+)\)/gx)
    {
        $defaults{"sandbox_$2"} = $1 eq 'msec' ? $3 / 1000 . 's' : $3;
    }
}

for my $section (split /^## /m, slurp("$root/docs/directives.md")) {
    my ($name) = $section =~ /\A(sandbox_\w+)/ or next;

    $documented{$name} = $section;
    like($section, qr/^Syntax: .*Default: .*Context: /ms,
         "$name says syntax, default and context");
}

is_deeply([sort keys %documented], [sort keys %commands],
          'directives.md has the directives of the command tables');

cmp_ok(scalar keys %defaults, '>=', 4, 'defaults are found');

for my $name (sort keys %defaults) {
    like($documented{$name}, qr/Default: `\Q$defaults{$name}\E`/,
         "$name: its default is $defaults{$name}");
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
