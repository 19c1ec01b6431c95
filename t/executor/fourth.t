#!/usr/bin/env python3
# Copyright (C) the ngx_sandbox authors
#
# A fourth language is one file and one row: a copy of the executor's source
# is given a runner for Perl and a row in its table, is built, and runs Perl on
# a new interpreter and on one that was kept ready.  Would catch: a language
# that something else than its row has to know.

import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa
from harness import (BUILT, TOP, Executor, done, equal, ok,  # noqa
                     until)

ROW = """
    { "perl",       { "perl", NULL },
                    { NULL },
                    { "perl.pl", NULL },
                    { "PERL", NULL }, 0 },
"""

# docs/runner-protocol.md, as far as a handler and its value need it
RUNNER = r"""
use strict;
use warnings;
use JSON::PP;
use POSIX ();

$| = 1;
POSIX::close(6);

open my $gate, '<&=', 5 or die;
exit 0 unless sysread $gate, my $byte, 1;
close $gate;

open my $request, '<&=', 3 or die;
my $data = do { local $/; <$request> };
close $request;

my ($head, $rest) = split /\n\n/, $data, 2;
my ($version, @lines) = split /\n/, $head;
die "unknown protocol: $version" if $version ne 'sandbox-run 2';

my %head = map { split / /, $_, 2 } @lines;
my $code = substr $rest, 0, $head{code};
my $event = substr $rest, $head{code}, $head{event};
my $env = substr $rest, $head{code} + $head{event}, $head{env};

for (split /\0/, $env) {
    my ($name, $value) = split /=/, $_, 2;
    $ENV{$name} = $value;
}

chdir $head{directory} or die;

my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my $value = eval {
    eval "package main; no strict; no warnings; use utf8;\n#line 1 main.pl\n"
         . "$code\n;1" or die $@;
    main->can('handler')
        ? $json->encode(main::handler($event ? $json->decode($event) : undef))
        : undef;
};

my $error = $@;
my $frame = $error ? 'error ' : 'value ';

chomp $error;
print STDERR "$error\n" if $error;

my $text = $error || $value;

if (defined $text) {
    open my $out, '>&=', 4 or die;
    syswrite $out, $frame . length($text) . "\n" . $text;
}

exit($error ? 1 : 0);
"""


def build(folder):
    """An executor that knows Perl; nothing of the tree is changed."""
    source = folder + "/src/executor"
    shutil.copytree(TOP + "/src/executor", source)

    with open(source + "/runners/perl.pl", "w") as f:
        f.write(RUNNER)

    with open(source + "/language.c") as f:
        text = f.read()

    start = text.index("sandbox_language_rows[] = {")
    end = text.index("\n};\n", start) + 1

    with open(source + "/language.c", "w") as f:
        f.write(text[:end] + ROW + text[end:])

    # with sanitizers, where the tests are run with them
    more = ["SANITIZE=1"] if BUILT.endswith("-asan") else []

    return subprocess.run(["make", "-s", "-f", source + "/executor.mk",
                           "BUILD=" + folder + "/build", "executor"] + more,
                          cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def test_perl(e, kind):
    r = e.run_code("perl", "print \"a\\n\";\n"
                   "sub handler { my ($event) = @_;\n"
                   " return {got => $event->{n}, uni => '\u20ac',"
                   " env => $ENV{MINE}}; }",
                   event={"n": [1, 2]}, env_vars={"MINE": "m"})
    equal((r.status, r.code, r.out, r.value),
          ("completed", 0, "a\n",
           {"got": [1, 2], "uni": "\u20ac", "env": "m"}),
          "perl: a handler" + kind)

    r = e.run_code("perl", "print STDIN->getline;", stdin="typed\n")
    equal((r.status, r.out, r.text), ("completed", "typed\n", ""),
          "perl: a script" + kind)

    r = e.run_code("perl", "\nsub handler { die 'bad' }", event={})
    equal((r.status, r.code, r.message, r.err),
          ("failed", 1, "bad at main.pl line 2.", "bad at main.pl line 2.\n"),
          "perl: an error" + kind)

    r = e.run_code("perl", "use Cwd; print getcwd; exit 7",
                   working_directory="below")
    equal((r.status, r.code, r.message, r.out),
          ("failed", 7, "exited with status 7", e.workspace + "/below"),
          "perl: exit, and its folder" + kind)

    equal(e.python("def handler(e): return 1").value, 1,
          "the others are as they were" + kind)


def main():
    folder = tempfile.mkdtemp(prefix="fourth-")

    try:
        built = build(folder)

        if not ok(built.returncode == 0, "one file and one row: it builds",
                  built.stdout.decode()):
            done()

        harness.BUILT = folder + "/build/" + os.path.basename(BUILT)

        for kind, prestart in (("", {}), (", ready", {"perl": 2})):
            e = Executor(prestart=prestart).start().ready()
            status = e.status()

            ok("perl" in status["languages"], "it is a language" + kind,
               status)

            if prestart:
                ok(until(lambda: e.status()["ready"]["perl"] == 2),
                   "it is kept ready", e.status())

            test_perl(e, kind)
            equal(e.stop(), 0, "the end" + kind)

    finally:
        shutil.rmtree(folder)

    done()


if __name__ == "__main__":
    main()
