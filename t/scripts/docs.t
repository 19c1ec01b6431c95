#!/usr/bin/env perl
#
# What the pages say of the tree: links lead somewhere, files that are named
# exist, and the step table that is quoted is the one in the code.
# It would catch a page that was left behind when a file moved.

use strict;
use warnings;

use Cwd ();
use File::Basename qw(dirname);
use File::Glob qw(bsd_glob);
use Test::More;

my $root = Cwd::abs_path(dirname(__FILE__) . '/../..');
my @pages = map { s{^\Q$root/\E}{}r }
            glob "$root/*.md $root/docs/*.md $root/docs/decisions/*.md";


sub content {
    my ($name) = @_;

    open my $in, '<', "$root/$name" or die "$name: $!";
    local $/;
    return scalar <$in>;
}


# as GitHub makes them from headings
sub anchors {
    my ($name) = @_;

    return map { my $a = lc; $a =~ s/[^\w -]//g; $a =~ s/ /-/g; ($a => 1) }
           content($name) =~ /^#+ +(.*)$/mg;
}


cmp_ok(scalar @pages, '>=', 14, 'there are pages');

my ($links, $paths) = (0, 0);

for my $page (@pages) {
    my $text = content($page);
    my @broken;

    for ($text =~ /\]\(([^)\s]+)\)/g) {
        next if m{^https?://};

        my ($file, $anchor) = /^([^#]*)(?:#(.*))?$/;
        my $path = $file eq '' ? $page
                   : $page =~ m{^(.*)/} ? "$1/$file" : $file;

        $links++;

        if (!-e "$root/$path") {
            push @broken, $_;

        } elsif (defined $anchor) {
            my %anchors = anchors($path);
            push @broken, $_ unless $anchors{$anchor};
        }
    }

    is_deeply(\@broken, [], "$page: links");

    # NNNN, NAME, ... and * stand for something; {a,b} is not a path
    my @missing;

    for ($text =~ m{`((?:\./)?(?:src|t|conf|docker|docs|ngx_sandbox_module)
                       /[\w./*-]+)}gx)
    {
        next if m{NNNN|NAME|\.\.\.|_$};

        $paths++;
        push @missing, $_ unless grep { -e } bsd_glob("$root/$_");
    }

    is_deeply(\@missing, [], "$page: files that it names");
}

cmp_ok($links, '>', 30, 'links were checked');
cmp_ok($paths, '>', 60, 'paths were checked');

# ------------------------------------------------------------ the step table

my ($quoted) = content('docs/architecture.md') =~
    /session_start_steps\[\] = \{(.*?)null_step/s;
my ($real) = content('src/flow/ngx_sandbox_session_start.c') =~
    /session_start_steps\[\] = \{(.*?)null_step/s;

my @quoted = $quoted =~ /"([^"]+)"|\b(\w+)\b/g;
my @real = $real =~ /"([^"]+)"|\b(?:ngx_sandbox_)?(\w+)\b/g;
my @names = grep { defined } @real;

pop @names while @names && $names[-1] =~ /^ngx_sandbox_/;
@quoted = grep { defined && !/^ngx_sandbox_/ } @quoted;

is_deeply(\@quoted, \@names, 'the step table that is quoted');

# ------------------------------------------------------------ the first example

my ($printed) = content('docker/quickstart') =~ /cat <<END\n(.*?)\nEND\n/s;
my $readme = content('README.md');

$printed =~ s/\\([\$\\])/$1/g;

my @lines = grep { /\S/ && /^    / && !/^    base=/ && !/DELETE/ }
            split /\n/, $printed;

cmp_ok(scalar @lines, '>=', 5, 'what quickstart prints was read');
is_deeply([ grep { index($readme, "$_\n") < 0 } @lines ], [],
          'the first example is the one that quickstart prints');

done_testing();
