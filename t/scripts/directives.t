#!/usr/bin/env perl
#
# docs/directives.md against ngx_sandbox_module/*.c, both ways: names, contexts,
# defaults, the parameters of compound directives and their ranges; and the
# configurations that we ship use nothing that is not described.
# It would catch a directive that nobody documented, one that is gone, and a
# default or a range that was changed in one place only.

use strict;
use warnings;

use Cwd ();
use File::Basename qw(dirname);
use Test::More;

my $root = Cwd::abs_path(dirname(__FILE__) . '/../..');
my %context = (MAIN => 'http', SRV => 'server', LOC => 'location');

# compound directives: the structure that their parameters are in, as the code
# calls it
my %compound = (sandbox_database => 'db', sandbox_docker => 'docker');


sub content {
    my ($name) = @_;

    open my $in, '<', $name or die "$name: $!";
    local $/;
    return scalar <$in>;
}


my $code = join '', map { content($_) } glob "$root/ngx_sandbox_module/*.c";
my $page = content("$root/docs/directives.md");


# nginx's times, in ms; a number is one of the kind that has no unit
sub number {
    my ($text) = @_;
    my %unit = (ms => 1, s => 1000, m => 60000, h => 3600000);

    return undef unless defined $text && $text =~ /^(\d+)(ms|[smh])?$/;
    return $1 * ($2 ? $unit{$2} : 1);
}


# nginx's sizes, in bytes
sub size {
    my ($text) = @_;
    my %unit = (k => 1024, m => 1024 * 1024);

    return undef unless defined $text && $text =~ /^(\d+)([km]?)$/;
    return $1 * ($2 ? $unit{$2} : 1);
}


# ------------------------------------------------------------------ the code

# name => { contexts, field }
sub directives_of_code {
    my %found;

    while ($code =~ /\{\s*ngx_string\("(\w+)"\),\s*
                     ((?:NGX_(?:HTTP|CONF)_\w+[|\s]*)+),
                     ([^{}]*?)\}/gxs)
    {
        my ($name, $flags, $rest) = ($1, $2, $3);

        $found{$name} = {
            contexts => join(', ', map { $context{$_} }
                                   $flags =~ /NGX_HTTP_(MAIN|SRV|LOC)_CONF/g),
            field => $rest =~ /(?:node_offset\(|_t,\s*)(\w+)\)/ ? $1 : '',
        };
    }

    return %found;
}


# fields that are sizes
my %sizes = map { $_ => 1 }
    $code =~ /ngx_conf_init_size_value\(\s*smcf->(?:node\.)?(\w+),/g;


# field => default, of the simple directives
sub defaults_of_code {
    my %found;

    $found{$1} = $2 while $code =~
        /ngx_conf_init_\w+_value\(\s*smcf->(?:node\.)?(\w+),\s*(\w+)\)/g;

    # seconds, where the others are milliseconds
    $found{$1} = "$2s" while $code =~
        /ngx_conf_init_value\(\s*smcf->(?:node\.)?(\w+),\s*(\w+)\)/g;
    $found{$1} = $2 while $code =~
        /if[ ]\(smcf->node\.(\w+)\.len[ ]==[ ]0\)[ ]\{\s*
         ngx_str_set\([^,]+,\s*"([^"]*)"\)/gx;

    return %found;
}


# structure => parameter => { type, min, max, default }
sub parameters_of_code {
    my %found;

    for my $struct (values %compound) {
        my ($table) = $code =~
            /ngx_http_sandbox_${struct}_options\[\] = \{(.*?)\n\};/s;

        while ($table =~ /OPTION\("(\w+)",\s*(\w+),\s*(\w+),\s*
                          (\d+),\s*(\d+)\)/gx)
        {
            my ($name, $type, $field, $min, $max) = ($1, $2, $3, $4, $5);
            my ($default) = $code =~ /\b$struct->$field = (\d+);/;

            ($default) = $code =~
                /ngx_str_set\(&$struct->$field,\s*"([^"]*)"\)/
                unless defined $default;
            $default //= $type eq 'FLAG' ? 'off' : 'none';

            $found{$struct}{$name} = { type => $type, min => $min,
                                       max => $max, default => $default };
        }
    }

    return %found;
}


# ------------------------------------------------------------------ the page

# name => { Syntax, Default, Context, Since, text }
sub directives_of_page {
    my %found;

    for my $part (split /^(?=### )/m, $page) {
        next unless $part =~ /^### (\w+)\n/;

        my %d = (name => $1, text => $part);

        $d{$1} = $2 while $part =~ /^    (\w+): +(\S.*)$/mg;
        $d{example} = grep { /^    [^S]*\b$d{name}\b/ && !/^    Syntax:/ }
                           split /\n/, $part;
        $found{ $d{name} } = \%d;
    }

    return %found;
}


# name => { default, min, max }
sub parameters_of_page {
    my ($text) = @_;
    my %found;

    while ($text =~ /^\| `(\w+)=` \| `?([^`|]*?)`? \|\s*([^|]*?)\s*\|/mg) {
        my ($name, $default, $range) = ($1, $2, $3);
        my ($min, $max) = $range =~ /^(\S+) to (\S+)/;

        $found{$name} = { default => $default, min => $min, max => $max,
                          range => $range };
    }

    return %found;
}


# -------------------------------------------------------------- the comparison

my %code = directives_of_code();
my %page = directives_of_page();
my %defaults = defaults_of_code();
my %parameters = parameters_of_code();

# the patterns above must have found something to compare
cmp_ok(scalar keys %code, '>=', 17, 'the command tables were read');
cmp_ok(scalar keys %defaults, '>=', 5, 'the defaults were read');

is_deeply([ sort keys %page ], [ sort keys %code ],
          'the page has the directives of the code, and no other');

for my $name (sort keys %code) {
    my ($c, $d) = ($code{$name}, $page{$name});

    next unless $d;

    like($d->{Syntax}, qr/^$name\b.*;$/, "$name: syntax");
    is($d->{Context}, $c->{contexts}, "$name: context");
    like($d->{Since} // '', qr/^\d+\.\d+\.\d+$/, "$name: since");
    cmp_ok($d->{example}, '>', 0, "$name: has an example");
    like($d->{text}, qr/\n\n[A-Z]/, "$name: is described");

    my $default = $defaults{ $c->{field} } // '-';

    my $value = $sizes{ $c->{field} } ? \&size : \&number;

    is($value->($d->{Default}) // $d->{Default},
       $value->($default) // $default, "$name: default");
}

for my $name (sort keys %compound) {
    my $code = $parameters{ $compound{$name} };
    my %page = parameters_of_page($page{$name}{text});

    cmp_ok(scalar keys %$code, '>=', 4, "$name: its parameters were read");
    is_deeply([ sort keys %page ], [ sort keys %$code ], "$name: parameters");

    for my $p (sort keys %$code) {
        my ($c, $d) = ($code->{$p}, $page{$p});

        next unless $d;

        is(number($d->{default}) // $d->{default},
           number($c->{default}) // $c->{default}, "$name $p=: default");

        if ($c->{max}) {
            is(number($d->{min}), $c->{min}, "$name $p=: at least");
            is(number($d->{max}), $c->{max}, "$name $p=: at most");
        }
    }
}

# ranges of simple directives are in prose: "number, 16 to 4096"
my %bounds;

$bounds{$1} = [ $2, $3 ] while $code =~
    /(\w+_bounds) = \{\s*ngx_conf_check_num_bounds,\s*(\d+),\s*(\d+)/g;

while ($code =~ /ngx_string\("(\w+)"\)[^{}]*?&(\w+_bounds)\s*\}/gs) {
    my ($name, $min, $max) = ($1, @{ $bounds{$2} });

    like($page{$name}{text}, qr/\b$min to $max\b/, "$name: range");
}

# ----------------------------------------------------------- what we ship

for my $conf (glob "$root/conf/*.conf") {
    my %used = map { $_ => 1 } content($conf) =~ /^[^#\n]*?(?<![\$@=])\b(sandbox_\w+)\b/mg;

    # files, a zone
    delete @used{qw(sandbox_locations sandbox_packages)};
    is_deeply([ grep { !$page{$_} } sort keys %used ], [],
              "$conf uses only what is described");
}

my ($missing) = $code =~ /missing = (.*?);/s;
my @required = $missing =~ /"(sandbox_\w+)"/g;
my ($said) = $page =~ /these are required: (.*?)\. They stand/s;

is_deeply([ sort $said =~ /(sandbox_\w+)/g ], [ sort @required ],
          'what is required is said');

for my $conf (qw(minimal quickstart)) {
    my $text = content("$root/conf/$conf.conf");

    is_deeply([ grep { $text !~ /^\s*$_\s/m } @required ], [],
              "conf/$conf.conf has all that is required");
}

done_testing();
