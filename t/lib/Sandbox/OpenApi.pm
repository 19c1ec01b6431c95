package Sandbox::OpenApi;

# docs/openapi.yaml as a check of real answers.
#
#     use Sandbox::Test;
#     use Sandbox::OpenApi;       # from here on, every answer of api() is held
#                                 # against the contract; finish() fails if one
#                                 # broke it
#     operations();               # "GET /api/v1/sessions" and so on
#     answered();                 # operations that have answered 2xx so far
#     faults($schema, $value)     # what is wrong with a value, as texts
#
# Of JSON Schema it knows the words that the contract uses, and dies of others,
# so that nothing is written there that nobody checks.  Answers are held more
# strictly than a schema says: a field that is not described is a fault.

use strict;
use warnings;
use B ();
use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(dirname);
use JSON::PP;
use Sandbox::Test ();
use Test::More ();

our @EXPORT = qw(operations operation answered faults contract);

my $file = abs_path(dirname(__FILE__) . '/../../../docs/openapi.yaml');
my $json = JSON::PP->new->canonical->allow_nonref;
my $contract = load();
my (%answered, @broken);

Sandbox::Test::observe(\&observe);
Sandbox::Test::at_end(\&check);


# nothing of Perl's core reads YAML
sub load {
    my $text = `python3 -c 'import json, sys, yaml
print(json.dumps(yaml.safe_load(open(sys.argv[1]))))' $file`;

    die "$file cannot be read: python3-yaml is needed\n" if $? != 0;
    return JSON::PP->new->utf8->decode($text);
}


sub contract { return $contract }


sub operations {
    return sort map {
        my $path = $_;
        map { uc($_) . " $path" }
            grep { !/^(?:parameters|summary|description)$/ }
            keys %{ $contract->{paths}{$path} };
    } keys %{ $contract->{paths} };
}


sub answered { return \%answered }


# the operation that a method and a path without its query belong to
sub operation {
    my ($method, $path) = @_;

    $method = 'GET' if $method eq 'HEAD';

    for my $template (sort { ($a =~ tr/{//) <=> ($b =~ tr/{//) }
                      keys %{ $contract->{paths} })
    {
        my $pattern = join '[^/]+', map { quotemeta } split /\{\w+\}/,
                                    $template, -1;
        next unless $path =~ /^$pattern$/;
        return ($template, $contract->{paths}{$template}{lc $method});
    }

    return;
}


# ---------------------------------------------------------------- answers

sub observe {
    my ($method, $path, $answer, $body) = @_;

    $path =~ s/\?.*//s;

    my ($template, $operation) = operation($method, $path);
    return unless $template;

    my $where = "$method $template $answer->{status}";

    if (!$operation) {
        push @broken, "$where: not described, and not 405"
            if $answer->{status} != 405;
        return;
    }

    push @broken, map { "$where: $_" } broken($operation, $method, $answer);

    if ($answer->{status} =~ /^2/) {
        $answered{"$method $template"}++;
        push @broken, map { "$where: taken, but the request's $_" }
                      broken_request($operation, $body);
    }
}


sub broken {
    my ($operation, $method, $answer) = @_;
    my $response = resolved($operation->{responses}{$answer->{status}})
        or return 'the status is not described';
    my @faults;

    for my $name (sort keys %{ $response->{headers} || {} }) {
        my $header = resolved($response->{headers}{$name});
        my $value = $answer->{headers}{lc $name};

        if (!defined $value) {
            push @faults, "no header $name" if $header->{required} // 1;

        } elsif ($header->{schema}
                 && ($header->{schema}{type} // '') eq 'string')
        {
            push @faults, faults($header->{schema}, $value, $name);
        }
    }

    my $events = ($response->{content} || {})->{'text/event-stream'};

    if ($events) {
        return @faults if $method eq 'HEAD';
        return (@faults, event_faults($events->{'x-events'}, $answer));
    }

    my $schema = ($response->{content} || {})->{'application/json'};

    if (!$schema) {
        push @faults, 'a body, where none is described'
            if length $answer->{text};
        return @faults;
    }

    return @faults if $method eq 'HEAD';

    push @faults, 'not application/json'
        if ($answer->{headers}{'content-type'} // '') ne 'application/json';

    # decoded anew: a comparison may have made a string of a number
    my $value = eval { JSON::PP->new->utf8->decode($answer->{text}) };

    return (@faults, 'a body that is no JSON') if $@;
    return (@faults, faults($schema->{schema}, $value));
}


sub event_faults {
    my ($known, $answer) = @_;
    my (@faults, $last);

    push @faults, 'not text/event-stream'
        if ($answer->{headers}{'content-type'} // '') ne 'text/event-stream';

    for my $text (split /\n\n/, $answer->{text}) {
        my %field = map { /^(\w+): (.*)/ ? ($1, $2) : () } split /\n/, $text;

        next if $text =~ /^:/ && !%field;
        $last = $field{event} // '';

        my $value = eval { JSON::PP->new->utf8->decode($field{data}) };
        push @faults, $known->{$last} ? faults($known->{$last}, $value, $last)
                                      : "the event $last is not described";
    }

    push @faults, 'the last event is not done' if ($last // '') ne 'done';
    return @faults;
}


sub broken_request {
    my ($operation, $body) = @_;
    my $request = resolved($operation->{requestBody}) or return;
    my $value = eval { JSON::PP->new->utf8->decode($body // '') };

    return faults($request->{content}{'application/json'}{schema}, $value, '',
                  1);
}


sub check {
    my %told;

    @broken = grep { !$told{$_}++ } @broken;
    Test::More::ok(!@broken, 'all answers are as docs/openapi.yaml says')
        or Test::More::diag(join "\n", splice @broken, 0, 20);
}


# ---------------------------------------------------------------- schemas

sub resolved {
    my ($node) = @_;

    while (ref $node && exists $node->{'$ref'}) {
        my $found = $contract;

        for my $name (split m{/}, $node->{'$ref'} =~ s{^#/}{}r) {
            $found = $found->{$name}
                // die "docs/openapi.yaml: no $node->{'$ref'}\n";
        }

        $node = $found;
    }

    return $node;
}


# word => what is wrong with a value; words that only tell something are empty
my %words = (
    (map { ($_ => sub { }) } qw(description examples example default
                                deprecated format properties required
                                additionalProperties title)),

    type => sub {
        my ($types, $value) = @_;
        my $is = type_of($value);

        return if grep { $_ eq $is || ($_ eq 'number' && $is eq 'integer') }
                  ref $types ? @$types : $types;
        return "is $is and not " . join ' or ', ref $types ? @$types : $types;
    },

    enum => sub {
        my ($values, $value) = @_;

        return if grep { same($_, $value) } @$values;
        return 'is ' . $json->encode($value) . ', which is none of the enum';
    },

    const => sub {
        my ($const, $value) = @_;

        return same($const, $value) ? () : 'is not ' . $json->encode($const);
    },

    pattern => sub {
        my ($pattern, $value) = @_;

        return if type_of($value) ne 'string' || $value =~ /$pattern/;
        return "\"$value\" does not match $pattern";
    },

    minLength => bound('string', sub { length shift }, 1),
    maxLength => bound('string', sub { length shift }, -1),
    minimum => bound('number', sub { shift }, 1),
    maximum => bound('number', sub { shift }, -1),
    minItems => bound('array', sub { scalar @{ +shift } }, 1),
    maxItems => bound('array', sub { scalar @{ +shift } }, -1),
    minProperties => bound('object', sub { scalar keys %{ +shift } }, 1),
    maxProperties => bound('object', sub { scalar keys %{ +shift } }, -1),

    items => sub {
        my ($schema, $value, $path, $open) = @_;

        return if ref $value ne 'ARRAY';
        return map { faults($schema, $value->[$_], "$path\[$_]", $open) }
               0 .. $#$value;
    },

    propertyNames => sub {
        my ($schema, $value, $path) = @_;

        return if ref $value ne 'HASH';
        return map { faults($schema, "$_", "$path (a name)", 1) }
               keys %$value;
    },

    oneOf => sub {
        my ($schemas, $value, $path, $open) = @_;
        my @all = map { [faults($_, $value, $path, $open)] } @$schemas;
        my $fit = grep { !@$_ } @all;

        return if $fit == 1;
        return "fits $fit of oneOf: " . join ' | ', map { @$_ } @all;
    },
);


# sign 1: the word is the least that a value may have, -1: the most
sub bound {
    my ($type, $measure, $sign) = @_;

    return sub {
        my ($limit, $value) = @_;
        my $is = type_of($value);

        return if $is ne $type && !($type eq 'number' && $is eq 'integer');
        return if $sign * ($measure->($value) - $limit) >= 0;
        return 'has or is ' . $measure->($value) . ", the limit is $limit";
    };
}


sub faults {
    my ($schema, $value, $path, $open) = @_;
    my @faults;

    $path //= '';
    $schema = resolved($schema);

    # all parts of an allOf together describe an object
    push @faults, faults($_, $value, $path, 'part')
        for @{ $schema->{allOf} || [] };

    for my $word (sort keys %$schema) {
        next if $word eq 'allOf';

        my $check = $words{$word}
            or die "docs/openapi.yaml: nobody checks the word $word\n";
        push @faults,
            map { /^\Q$path\E\S*: / && $path ne '' ? $_ : "$path: $_" }
            $check->($schema->{$word}, $value, $path, inherit($open));
    }

    push @faults, object_faults($schema, $value, $path, $open)
        if ref $value eq 'HASH';

    return @faults;
}


# what is inside of a part is whole again
sub inherit {
    my ($open) = @_;

    return $open && $open ne 'part' ? 1 : 0;
}


sub object_faults {
    my ($schema, $value, $path, $open) = @_;
    my %described = described($schema);
    my $more = $schema->{additionalProperties};
    my @faults = map { exists $value->{$_} ? () : "$path: no field $_" }
                 @{ $schema->{required} || [] };

    for my $name (sort keys %$value) {
        if (my $known = ($schema->{properties} || {})->{$name}) {
            push @faults, faults($known, $value->{$name}, "$path.$name",
                                 inherit($open));

        } elsif (ref $more eq 'HASH') {
            push @faults, faults($more, $value->{$name}, "$path.$name",
                                 inherit($open));

        } elsif ((defined $more && !$more) || (!$open && %described
                                               && !$described{$name}))
        {
            push @faults, "$path: the field $name is not described";
        }
    }

    return @faults;
}


sub described {
    my ($schema) = @_;

    $schema = resolved($schema);

    return ((map { ($_ => 1) } keys %{ $schema->{properties} || {} }),
            map { described($_) } @{ $schema->{allOf} || [] });
}


sub type_of {
    my ($value) = @_;

    return 'null' unless defined $value;
    return 'boolean' if JSON::PP::is_bool($value);
    return 'object' if ref $value eq 'HASH';
    return 'array' if ref $value eq 'ARRAY';

    my $flags = B::svref_2object(\$value)->FLAGS;

    return 'string' if $flags & B::SVp_POK;
    return $value == int $value ? 'integer' : 'number';
}


sub same {
    my ($one, $other) = @_;

    return type_of($one) eq type_of($other)
           && $json->encode($one) eq $json->encode($other);
}


1;
