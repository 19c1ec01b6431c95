#!/usr/bin/env perl

# The hostile programs of t/165-hostile.t inside of bubblewrap, in containers
# with a profile of system calls that lets it work, and those that only
# bubblewrap stops.
# Would catch: a profile that gives code what the engine's default refuses, and
# that nothing else takes away; a layer that is lost inside.

use strict;
use warnings;
use Sandbox::Test;

$ENV{SANDBOX_TEST_BUBBLEWRAP} = 1;

do './t/165-hostile.t' or die $@ || $!;
