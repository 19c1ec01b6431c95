package Sandbox::Stream;

# A client that watches executions: HTTP::Tiny gives nothing before the end.
#
#     my $w = watch(GET => "/executions/$id/events", headers => { ... });
#     my $w = run($session, 'echo hi', language => 'shell', fields => { ... });
#     my $e = event($w, 5);      # {id, event, data, at}, undef: none came
#     my @e = rest($w);          # all until "done", or until none comes
#     short(@e)                  # "1:stdout=hi 2:result=completed 3:done"
#
# $w has status, headers, comments, length (of all events as text), bytes (that
# have come), and last_chunk when the answer is whole.  With
# silent => 1 nothing is read before event() is called.  output(@events) puts
# the text of each stream together and counts what was missed.

use strict;
use warnings;
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Sandbox::Test;
use Socket qw(SOL_SOCKET SO_RCVBUF);

our @EXPORT = qw(watch run event rest short output more parse);

my $json = JSON::PP->new->utf8->canonical;

sub watch {
    my ($method, $path, %arg) = @_;
    my $body = exists $arg{body} ? $json->encode($arg{body}) : '';
    my $version = $arg{version} // '1.1';
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => port(), Proto => 'tcp',
        $arg{rcvbuf} ? (Sockopts => [[SOL_SOCKET, SO_RCVBUF,
                                      pack('i', $arg{rcvbuf})]]) : ()
    ) or die $!;

    $socket->autoflush(1);
    print $socket "$method /api/v1$path HTTP/$version\r\nHost: x\r\n"
        . join('', map { "$_: $arg{headers}{$_}\r\n" }
                       keys %{ $arg{headers} || {} })
        . ($body eq '' ? '' : "Content-Type: application/json\r\n"
                              . "Content-Length: " . length($body) . "\r\n")
        . "\r\n$body";

    my $w = { socket => $socket, raw => '', text => '', events => [],
              bytes => 0 };

    return $w if $arg{silent};
    head($w);
    return $w;
}


sub run {
    my ($session, $code, %arg) = @_;

    return watch(POST => "/sessions/$session/execute-stream"
                         . ($arg{query} // ''),
                 body => { language => $arg{language} // 'shell',
                           code => $code, %{ $arg{fields} || {} } },
                 map { ($_ => $arg{$_}) } grep { exists $arg{$_} }
                     qw(headers version rcvbuf silent));
}


# 0: nothing came in that time, or it is closed
sub more {
    my ($w, $timeout) = @_;

    return 0 if $w->{closed}
                || !IO::Select->new($w->{socket})->can_read($timeout // 10);
    my $n = sysread $w->{socket}, $w->{raw}, 262_144, length $w->{raw};
    $w->{closed} = 1 if !$n;
    $w->{bytes} += $n // 0;
    return $n ? 1 : 0;
}


sub head {
    my ($w) = @_;

    until ($w->{raw} =~ /\r\n\r\n/) { more($w) or die 'no head' }
    $w->{raw} =~ s/\A(.*?)\r\n\r\n//s;
    my ($line, @fields) = split /\r\n/, $1;
    ($w->{status}) = $line =~ m{^HTTP/1\.1 (\d+)};
    $w->{headers} = { map { /^([^:]+):\s*(.*)/ ? (lc $1, $2) : () } @fields };
    $w->{chunked} = ($w->{headers}{'transfer-encoding'} // '') eq 'chunked';
}


# what has come as events; a comment counts as one without a type
sub parse {
    my ($w) = @_;

    if ($w->{chunked}) {
        my $at = 0;

        while (substr($w->{raw}, $at, 20) =~ /\A([0-9a-f]+)\r\n/) {
            my ($n, $head) = (hex $1, length($1) + 2);
            last if length($w->{raw}) < $at + $head + $n + 2;
            $w->{text} .= substr $w->{raw}, $at + $head, $n;
            $w->{last_chunk} = 1 if $n == 0;
            $at += $head + $n + 2;
        }

        substr($w->{raw}, 0, $at) = '';
    }
    else {
        $w->{text} .= $w->{raw};
        $w->{raw} = '';
    }

    my $at = 0;

    while ((my $end = index $w->{text}, "\n\n", $at) >= 0) {
        my %e = (at => time);

        for my $line (split /\n/, substr $w->{text}, $at, $end - $at) {
            my ($name, $value) = $line =~ /^(\w*):\s?(.*)/ or die "[$line]";
            $name = 'comment' if $name eq '';
            $e{$name} = $value;
        }

        $e{data} = $json->decode($e{data}) if exists $e{data};
        push @{ $w->{events} }, \%e;
        $at = $end + 2;
    }

    substr($w->{text}, 0, $at) = '';
    $w->{length} += $at;
}


# the next event that is no comment; undef: none came in that time
sub event {
    my ($w, $timeout) = @_;
    my $end = time + ($timeout // 20);

    # some may have come with the head
    parse($w);

    while (1) {
        while (my $e = shift @{ $w->{events} }) {
            return $e if $e->{event};
            push @{ $w->{comments} }, $e;
        }

        my $left = $end - time;
        return if $left <= 0;
        my $more = more($w, $left);
        parse($w);
        return if !$more && !@{ $w->{events} };
    }
}


# all that are left
sub rest {
    my ($w, $timeout) = @_;
    my @events;

    while (my $e = event($w, $timeout)) {
        push @events, $e;
        last if $e->{event} eq 'done';
    }

    return @events;
}


sub short {
    return join ' ', map {
        my $e = $_;
        ($e->{id} // '-') . ":$e->{event}"
        . ($e->{event} =~ /^std/ ? "=$e->{data}{text}"
           : $e->{event} eq 'gap' ? '=' . ($e->{data}{stream} // 'null') . '/'
                                    . ($e->{data}{bytes} // 'null')
           : $e->{event} eq 'result' ? "=$e->{data}{status}"
           : $e->{event} eq 'error' ? "=$e->{data}{error_code}"
           : $e->{event} eq 'retry' ? "=$e->{data}{attempt}" : '');
    } @_;
}


sub output {
    my %all = (stdout => '', stderr => '', missed => { stdout => 0,
                                                       stderr => 0 });

    for my $e (@_) {
        $all{$e->{event}} .= $e->{data}{text} if $e->{event} =~ /^std/;
        $all{missed}{$e->{data}{stream}} += $e->{data}{bytes}
            if $e->{event} eq 'gap';
    }

    return \%all;
}


1;
