#!/usr/bin/env perl

# Watching executions: their output as server-sent events, while it is written
# and afterwards, from any worker.
# Would catch: output that comes late, twice, in another order or not at all; a
# client that comes back and loses or repeats a part; a slow client that costs a
# worker its memory or the code its time; a stream that never ends, or ends
# without its last event; code that goes on, or not, when its client has left;
# an executor that lies.

use strict;
use warnings;
use Encode qw(encode_utf8);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use Sandbox::Test;
use Socket qw(SOL_SOCKET SO_RCVBUF);

my $home = home();
my $json = JSON::PP->new->utf8->canonical;
my $s;

nginx_start(workers => 2, conf => sub {
    s/(sandbox_node\s+local;)/$1\n    sandbox_reconcile_interval 500ms;\n/;
});


# ---- a client of its own: HTTP::Tiny gives nothing before the end

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
    my ($code, %arg) = @_;

    return watch(POST => "/sessions/$s/execute-stream" . ($arg{query} // ''),
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
}


# the next event that is no comment; undef: none came in that time
sub event {
    my ($w, $timeout) = @_;
    my $end = time + ($timeout // 20);

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


sub close_stream { close $_[0]{socket} }


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


sub id_of {
    my ($at) = @_;

    return (db("SELECT id FROM executions WHERE session_id = '$s'
                ORDER BY created_at DESC, id DESC LIMIT 1"))[0][0];
}


$s = session();


# ---- what it looks like

my $w = run("echo one; sleep 0.2; echo 'tw\"o\\' >&2; sleep 0.2; printf three",
            headers => { Accept => 'text/event-stream' });

is($w->{status}, 200, 'execute-stream');
is($w->{headers}{'content-type'}, 'text/event-stream', 'Content-Type');
is($w->{headers}{'cache-control'}, 'no-store', 'Cache-Control');
is($w->{headers}{'x-accel-buffering'}, 'no', 'X-Accel-Buffering');
like($w->{headers}{'x-request-id'}, qr/^\w+$/, 'X-Request-ID');

my @all = rest($w);
is(short(@all), qq(1:stdout=one\n 2:stderr=tw"o\\\n 3:stdout=three )
                . '4:result=completed 5:done', 'events in their order');
is_deeply($all[-1]{data}, {}, 'done has nothing');

my $id = $all[-2]{data}{id};
is_deeply($all[-2]{data}, api(GET => "/executions/$id")->{json},
          'the result is the execution');
cmp_ok(abs($all[1]{at} - $all[0]{at} - 0.2), '<', 0.15,
       'the second comes when it is written');
ok(wait_for(sub { more($w, 0); parse($w); $w->{last_chunk} }, 2),
   'the answer has its end');

my $stored = (db("SELECT events FROM executions WHERE id = '$id'"))[0][0];
is($stored, 'o4 e6 o5', 'the shape is stored');

for my $from (0 .. 6) {
    my $again = watch(GET => "/executions/$id/events",
                      headers => $from ? { 'Last-Event-ID' => $from } : {});
    my @want = @all[($from < 4 ? $from : 4) .. 4];

    is(short(rest($again)) =~ s/\d+:done/done/r,
       short(@want) =~ s/\d+:done/done/r, "read again after $from");
}

is(short(rest(watch(GET => "/executions/$id/events?last_event_id=2"))),
   short(@all[2 .. 4]), 'last_event_id');

finish();
