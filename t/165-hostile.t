#!/usr/bin/env perl

# Hostile programs, one file of t/hostile an idea.  Each runs in a session, and
# has to be stopped: it says so itself, or what it has done is looked at.
# After each one nothing of it runs any more, the session does, and the next
# execution is as quick as ever.
# Would catch: a defence that does not work (each was seen to let something
# through when it was off, its file says which), a process that outlives its
# execution, a sandbox that code can break for the next one.
#
# t/166-hostile-bubblewrap.t runs all of it inside of bubblewrap.
#
# HOSTILE="vsock.py mount.py" runs these only; HOSTILE_TIMES=1 says how long each
# has taken.

use strict;
use warnings;
use JSON::PP;
use Sandbox::Test;

my $folder = 't/hostile';
my $prelude = text('t/lib/hostile.py');

my %language = (py => 'python', js => 'javascript', sh => 'shell');
my %only = map { $_ => 1 } split ' ', $ENV{HOSTILE} // '';
my $bubblewrap = $ENV{SANDBOX_TEST_BUBBLEWRAP};

# what only bubblewrap stops
my %is_inside = map { $_ => 1 } qw(
    hidden-names.py monitor.py preload.sh sysv-other.py
);

my @names = grep { (!%only || $only{$_}) && ($bubblewrap || !$is_inside{$_}) }
            map { m{([^/]+)$} } sort glob "$folder/*";

# another execution of the session runs meanwhile, and has to end as if there
# were none
my %has_victim = map { $_ => 1 } qw(
    abstract-sockets.py fd-other.py limits-other.py memory-other.py
    proc-other-write.py ptrace.py signal-everything.py signal-everything.sh
    value-pipe.py
);

# in the session with little memory
my %is_greedy = map { $_ => 1 } qw(
    fork-bomb.py fork-bomb.sh inodes.py memory-children.py memory-files.py
    memory-kernel.py memory.py threads.py
);

# what makes more than one execution, or cannot say how it went
my %special = (
    'callback-hold.py'       => \&holds_connections,
    'close-all.py'           => \&closes_all,
    'disk-workspace.py'      => sub { is_stopped($_[0], mib => 256) },
    'folder-link.py'         => \&links_folders,
    'forge-other.py'         => \&forges_other,
    'forge-own.py'           => \&forges_own,
    'fork-bomb.py'           => \&runs_out_of_time,
    'fork-bomb.sh'           => \&is_bomb,
    'giant-frames.py'        => \&sends_frames,
    'inodes.py'              => \&runs_out_of_memory,
    'memory-children.py'     => \&runs_out_of_memory,
    'memory-files.py'        => \&fills_memory,
    'memory-kernel.py'       => \&runs_out_of_memory,
    'memory.py'              => \&runs_out_of_memory,
    'monitor.py'             => \&watches_starts,
    'output.py'              => \&floods_output,
    'preload.sh'             => \&preloads,
    'shm-posix.py'           => \&leaves_memory,
    'shm-sysv.py'            => \&leaves_memory,
    'survive-ignoring.py'    => \&runs_out_of_time,
    'survive-stopping.py'    => \&runs_out_of_time,
    'sysv-other.py'          => \&looks_for_objects,
    'threads.py'             => \&runs_out_of_time,
    'token-read.py'          => \&looks_for_token,
    'traceme.py'             => \&traces_itself,
    'user-wide.py'           => \&uses_up,
);

nginx_start();

# there is room for what may lie on its disks
my $a = session(id => 'hostile-a', memory => '512Mi', timeout => 1800);
my $b = session(id => 'hostile-b', memory => '128Mi', timeout => 1800);
my ($node, $victim);

is(api(GET => "/sessions/$a")->{json}{isolation}{bubblewrap},
   $bubblewrap ? JSON::PP::true : JSON::PP::false,
   $bubblewrap ? 'inside of bubblewrap' : 'without bubblewrap');

if (grep { /\.js$/ } @names) {
    $node = session(id => 'hostile-node', template_id => 'nodejs-basic');
}

for my $name ((grep { !$has_victim{$_} } @names),
              (grep { $has_victim{$_} } @names))
{
    my $session = $name =~ /\.js$/ ? $node : $is_greedy{$name} ? $b : $a;

    $victim //= victim($session) if $has_victim{$name};

    my $begun = time;

    ($special{$name} // \&is_stopped)->($name);
    is_unharmed($name, $session);
    diag(sprintf '%-26s %.2f s', $name, time - $begun) if $ENV{HOSTILE_TIMES};
}

victim_ends($a) if $victim;

finish();


# ---------------------------------------------------------------- how to run

sub text {
    my ($file) = @_;

    open my $fh, '<', $file or die "$file: $!";
    local $/;
    return scalar <$fh>;
}


sub body {
    my ($name, $event, %more) = @_;
    my $code = text("$folder/$name");
    my ($kind) = $name =~ /(\w+)$/;

    $code = $prelude . $code if $kind eq 'py';
    return { language => $language{$kind}, code => $code, event => $event,
             timeout => 20, %more };
}


# a result
sub run {
    my ($name, $event, %more) = @_;
    my $session = $name =~ /\.js$/ ? $node : $is_greedy{$name} ? $b : $a;
    my $answer = api(POST => "/sessions/$session/execute-sync",
                     body($name, { session => $session, port => 0 + port(),
                                   %$event }, %more));

    diag("$name: $answer->{text}") if $answer->{status} != 200;
    return $answer->{json};
}


sub async {
    my ($session, $body) = @_;
    my $answer = api(POST => "/sessions/$session/execute", $body);

    is($answer->{status}, 201, 'it has begun') or diag($answer->{text});
    return $answer->{json}{execution_id};
}


# the result of one that was begun
sub ended {
    my ($id) = @_;
    my $e;

    wait_for(sub {
        $e = api(GET => "/executions/$id")->{json};
        return $e->{status} !~ /^(?:pending|running)$/;
    }, 60);

    return $e;
}


# ---------------------------------------------------------------- afterwards

sub is_unharmed {
    my ($name, $session) = @_;
    my ($others, $found);

    # one that is kept ready looks like one that was left: they are counted
    wait_for(sub {
        my $status = status($session);

        $others = 1 + ($victim && $session eq $a ? 1 : 0);
        $others += $_ for values %{ $status->{ready} };
        $found = [processes($session)];

        return $status->{running} == $others - 1 - ready($status)
               && @$found == $others;
    }, 10);

    is(@$found, $others, "$name: nothing is left of it")
        or diag(join "\n", splice @$found, 0, 10);
    is(api(GET => "/sessions/$session")->{json}{status}, 'running',
       "$name: the session runs");

    my $begun = time;
    my $next = api(POST => "/sessions/$session/execute-sync",
                   $name =~ /\.js$/
                       ? { language => 'javascript', code => 'module.exports'
                           . '.handler = () => "as ever"' }
                       : { language => 'python', code =>
                           'def handler(event): return "as ever"' });

    is($next->{json}{return_value}, 'as ever', "$name: and so does code")
        or diag($next->{text});
    cmp_ok(time - $begun, '<', 15, "$name: at once");
}


sub status {
    my ($session) = @_;

    return unix_call(home() . "/sessions/$session/executor.sock", 'GET',
                     '/v1/status', '',
                     Authorization => 'Bearer ' . token($session))->{json};
}


sub ready {
    my ($status) = @_;
    my $count = 0;

    $count += $_ for values %{ $status->{ready} };
    return $count;
}


sub processes {
    my ($session) = @_;

    return grep { !/^\s*PID/ }
        docker("top sandbox-$session-2 -eo pid,ppid,stat,args");
}


# ---------------------------------------------------------------- what to see

sub is_stopped {
    my ($name, %event) = @_;
    my $e = run($name, \%event);
    my $said = $e->{return_value} // $e->{stdout} // '';

    like($said, qr/\Astopped: /, "$name: is stopped")
        or diag(told($e));
    return $said;
}


# a result without what was sent
sub told {
    my ($e) = @_;

    return JSON::PP->new->allow_nonref->canonical->encode({
        map { $_ => $e->{$_} } grep { $_ ne 'code' } keys %{ $e // {} } });
}


sub runs_out_of_time {
    my ($name) = @_;
    my $e = run($name, {}, timeout => 1);

    is($e->{status}, 'timeout', "$name: its time ends")
        or diag(told($e));
}


# the interpreter is killed, or what it has started is, if there is the time
sub runs_out_of_memory {
    my ($name) = @_;
    my $e = run($name, {});

    like(join(' ', map { $_ // '' } @$e{qw(error_message return_value
                                           stdout)}),
         qr/SIGKILL|timed out|(?<!\S)stopped: /, "$name: it comes to an end")
        or diag(told($e));
}


sub fills_memory {
    my ($name) = @_;

    runs_out_of_memory($name);

    # what is in /tmp is the code's to keep
    run($name, {}, code => "import os; os.unlink('/tmp/full')");
}


sub is_bomb {
    my ($name) = @_;
    my $e = run($name, {}, timeout => 3);

    isnt($e->{status}, undef, "$name: it ends");
}


sub holds_connections {
    my ($name) = @_;
    my $id = async($a, body($name, { seconds => 2 }));
    my $slowest = 0;

    for (1 .. 8) {
        my $begun = time;

        is(api(GET => "/sessions/$b")->{status}, 200, "$name: the API answers");
        $slowest = time - $begun if time - $begun > $slowest;
        sleep 0.2;
    }

    cmp_ok($slowest, '<', 2, "$name: at once");

    my $open = 0;
    $open += () = glob "/proc/$_/fd/*" for workers();
    cmp_ok($open, '<', 500, "$name: there are few connections");

    # it comes by the callback listener
    is(ended(async($b, { language => 'shell', code => 'echo other' }))
       ->{stdout}, "other\n", "$name: other executors are heard");
    is(ended($id)->{status}, 'completed', "$name: it ends");
}


sub closes_all {
    my ($name) = @_;

    is(run($name, { then => 'wait' }, timeout => 1)->{status}, 'timeout',
       "$name: it may wait");
    is(run($name, { then => 'fork' })->{exit_code}, 0, "$name: or fork");
    is(run($name, { then => 'end' })->{exit_code}, 7, "$name: or end");
}


sub links_folders {
    my ($name) = @_;

    is_stopped($name);

    for my $path ('out', 'out/run', 'run', 'proc/root', 'up', 'up/opt',
                  'pipe')
    {
        my $answer = api(POST => "/sessions/$a/execute-sync",
                         { language => 'shell', code => 'pwd',
                           working_directory => $path });

        isnt($answer->{json}{status}, 'completed', "$name: not in $path")
            or diag($answer->{text});
    }

    run($name, {}, code => "import glob, os\n"
                           . "for path in glob.glob('/workspace/*'):\n"
                           . "    os.unlink(path)\n");
}


sub forges_own {
    my ($name) = @_;
    my $e = run($name, {});

    like($e->{return_value}, qr/\Astopped: /, "$name: is refused")
        or diag($e->{return_value});
    is(api(GET => "/executions/$e->{id}")->{json}{stdout}, '',
       "$name: its result is the true one");
}


sub forges_other {
    my ($name) = @_;
    my $id = async($b, { language => 'shell', code => 'sleep 1; echo real' });

    is_stopped($name, execution => $id, session => $b);
    is(ended($id)->{stdout}, "real\n", "$name: the other's result is its own");
}


sub sends_frames {
    my ($name) = @_;

    for my $kind (qw(endless announced negative binary nested many error)) {
        my $e = run($name, { kind => $kind });

        # the first of many is a good one
        is($e->{status}, $kind eq 'many' ? 'completed' : 'failed',
           "$name: $kind") or diag(told($e));
        cmp_ok(length($e->{error_message} // ''), '<=', 2048,
               "$name: says little");
    }
}


sub floods_output {
    my ($name) = @_;
    my $e = run($name, {});

    is($e->{return_value}, 'stopped: it is over', "$name: it ends");

    for my $stream (qw(stdout stderr)) {
        cmp_ok(length $e->{$stream}, '<=', 1 << 20, "$name: $stream is cut");
    }
}


sub leaves_memory {
    my ($name) = @_;

    is_stopped($name, step => 'leave');
    is_stopped($name, step => 'look');
}


sub looks_for_token {
    my ($name) = @_;
    my $form = qr/$a\.[0-9a-f]{64}/;

    is_stopped($name);
    unlike(join("\n", docker("logs sandbox-$a-2")), $form,
           "$name: it is not in the container's log");
    unlike(text(home() . '/log/error.log'), $form,
           "$name: nor in nginx's");
    unlike(unix_call(home() . "/sessions/$a/executor.sock", 'GET',
                     '/v1/status', '', Authorization => 'Bearer x')->{text},
           $form, "$name: nor in an error");
    unlike(join("\n", docker("inspect sandbox-$a-2")), $form,
           "$name: nor in what the engine knows");
}


sub traces_itself {
    my ($name) = @_;

    for my $thread (0, 1) {
        my $begun = time;
        my $e = run($name, { thread => $thread });

        is($e->{exit_code}, 137, "$name: it is killed")
            or diag(told($e));
        cmp_ok(time - $begun, '<', 15, "$name: at once");
    }
}


sub uses_up {
    my ($name) = @_;
    my $id = async($a, body($name, { seconds => 1 }));

    for (1 .. 5) {
        my $answer = api(POST => "/sessions/$b/execute-sync",
                         { language => 'python',
                           code => 'def handler(event): return 1' });

        is($answer->{json}{return_value}, 1, "$name: others do not notice")
            or diag($answer->{text});
        sleep 0.3;
    }

    like(ended($id)->{return_value}, qr/\Astopped: /, "$name: it ends");
}


# ---------------------------------------------------------------- bubblewrap

sub watches_starts {
    my ($name) = @_;
    my $id = async($a, body($name, {}));

    for (1 .. 20) {
        my $answer = api(POST => "/sessions/$a/execute-sync",
                         { language => 'shell', code => 'echo started' });

        next if ($answer->{json}{stdout} // '') eq "started\n";
        fail("$name: others start");
        diag($answer->{text});
    }

    like(ended($id)->{return_value}, qr/\Astopped: /, "$name: is stopped")
        or diag(told(ended($id)));
}


sub looks_for_objects {
    my ($name) = @_;
    my $id = async($a, body($name, { make => 1 }));

    is_stopped($name);
    is(ended($id)->{return_value}, 'made', "$name: there were some");
}


# its loader would say that this is no library
sub preloads {
    my ($name) = @_;
    my $e = run($name, {}, env_vars => { LD_PRELOAD => '/workspace/mine.so' });

    like($e->{stderr}, qr/ERROR: ld\.so/, "$name: the code's own loader");
    unlike(join("\n", docker("logs sandbox-$a-2")), qr/ld\.so/,
           "$name: and no other has seen it");
}


# ---------------------------------------------------------------- the victim

sub victim {
    my ($session) = @_;
    my $id = async($session, { language => 'python', timeout => 60,
                               stdin => 'from stdin',
                               env_vars => { SECRET => 'from env' },
                               code => <<'PYTHON' });
import os, socket, sys, time

def handler(event):
    open('/workspace/ended', 'w').close()
    os.unlink('/workspace/ended')
    s = socket.socket(socket.AF_UNIX)
    s.bind('\0victim')
    s.listen(100)
    with open('/workspace/.victim', 'w') as file:
        file.write(str(os.getpid()))
    os.rename('/workspace/.victim', '/workspace/victim')
    while not os.path.exists('/workspace/ended'):
        time.sleep(0.05)
    return [os.environ['SECRET'], sys.stdin.read()]
PYTHON

    wait_for(sub {
        api(POST => "/sessions/$session/execute-sync",
            { language => 'shell', code => 'cat /workspace/victim' })
            ->{json}{exit_code} == 0;
    });

    return $id;
}


sub victim_ends {
    my ($session) = @_;

    api(POST => "/sessions/$session/execute-sync",
        { language => 'shell', code => ': >/workspace/ended' });

    my $e = ended($victim);

    is($e->{status}, 'completed', 'the victim has ended as it should')
        or diag(told($e));
    is_deeply($e->{return_value}, ['from env', 'from stdin'],
              'with what is its own');
}
