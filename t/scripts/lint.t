#!/usr/bin/env perl
#
# t/lint: each rule fires on its violation, at its line, and on nothing else.
# It would catch a rule that never fires, one that a comment or a string
# confuses, and one that nobody shows to fire.
#
# What is planted is written in pieces where this file would break the rule.

use strict;
use warnings;

use Cwd ();
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

my $root = Cwd::abs_path(dirname(__FILE__) . '/../..');
my $work = tempdir(CLEANUP => 1);
my (%fired, $tree);

my $copyright = "\n/*\n * Copyright (C) the ngx_sandbox authors\n */\n\n\n";
my $prologue = "/*\n * What it is; it never waits.\n */\n\n\n";


# ------------------------------------------------------------- a clean tree

sub header {
    my ($guard, @body) = @_;

    return $copyright . "#ifndef _${guard}_INCLUDED_\n"
           . "#define _${guard}_INCLUDED_\n\n\n" . join('', @body)
           . "\n\n#endif /* _${guard}_INCLUDED_ */\n";
}


sub source {
    return $copyright . $prologue . join '', @_;
}


sub function {
    my ($name, @body) = @_;
    my @lines = map { /./ ? "    $_\n" : "\n" } @body;

    return "void\n$name(void)\n{\n" . join('', @lines) . "}\n";
}


my $tricky = <<'END';
void
tricky(void)
{
    char  *s;

    s = "http://a \" // b"; /* if (a) b(); // sleep(1) */
    s[0] = '"';

    if (a(b(c), (d))) {
        ngx_str_set(s, "x");

    } else if (e) {
        /* void */

    } else {
        x->wait(s);
        ngx_sandbox_poll(s);
    }

    do {
        s++;
    } while (f(s));

    for ( ;; ) { ngx_str_null(s); }

#if (NGX_DEBUG)
    if (g)
#endif
    {
        ngx_post_event(s, q);
    }
}
END

my %clean = (
    'src/core/ngx_sandbox_a.h' => header('NGX_SANDBOX_A_H', "void a(void);\n"),
    'src/core/ngx_sandbox_a.c' => source(
        "#include <ngx_config.h>\n#include <openssl/evp.h>\n",
        "#include \"ngx_sandbox_a.h\"\n\n\n", function('a'), "\n\n",
        function('b'), "\n\n", $tricky),
    'src/io/ngx_sandbox_db.h' => header('NGX_SANDBOX_DB_H',
        "#include \"ngx_sandbox_a.h\"\n"),
    'src/io/ngx_sandbox_db_private.h' => header('NGX_SANDBOX_DB_PRIVATE_H',
        "#include <mysql.h>\n#include \"ngx_sandbox_db.h\"\n"),
    'src/io/ngx_sandbox_db.c' => source("#include <curl/curl.h>\n",
        "#include \"ngx_sandbox_db_private.h\"\n\n\n",
        function('b', 'mysql_query_start(c);', 'mysql_close(c);')),
    'src/flow/ngx_sandbox_f.h' => header('NGX_SANDBOX_F_H',
        "#include \"ngx_sandbox_db.h\"\n"),
    'src/executor/spawn.h' => header('SANDBOX_SPAWN_H',
        "#include <event2/event.h>\n#include <jansson.h>\n"),
    'src/executor/spawn.c' => source("#include \"spawn.h\"\n\n\n",
        function('a', 'sleep(1);', 'waitpid(1, NULL, 0);')),
    'ngx_sandbox_module/ngx_http_sandbox_module.h' =>
        header('NGX_HTTP_SANDBOX_MODULE_H', "#include \"ngx_sandbox_f.h\"\n"),
    'run.sh' => "#!/usr/bin/env bash\n# why\n\nset -euo pipefail\n\n"
        . "mktemp /tmp/" . 'X' x 6 . "\n",
    'quick' => "#!/bin/sh\nset -eu\n",
    'a.t' => "#!/usr/bin/env perl\nuse strict;\nuse warnings;\n__DATA__\n"
        . 'x' x 90 . "\n",
    'b.t' => "#!/usr/bin/env bash\n. \"\$(dirname \"\$0\")/tap.sh\"\n",
    'Makefile' => "all:\n\ttrue\n",
    'README.md' => "see /workspace/a, build/work/x; " . 'x' x 90 . "\n",
    'docs/a.md' => "in a container the folder is /ro" . "ot/a\n",
);


sub plant {
    my ($name, $text) = @_;

    make_path(dirname("$tree/$name"));
    open my $out, '>:raw', "$tree/$name" or die "$name: $!";
    print $out $text;
    close $out or die "$name: $!";
}


sub lint {
    my @lines = qx{'$root/t/lint' --root '$tree' 2>&1};

    return ($? >> 8, @lines);
}


sub clean_tree {
    $tree = tempdir(DIR => $work);
    plant($_, $clean{$_}) for keys %clean;
}


# the only finding is this one
sub fires {
    my ($rule, $where, $title, %files) = @_;

    clean_tree();
    plant($_, $files{$_}) for keys %files;

    my ($status, @lines) = lint();

    $fired{$rule} = 1;
    ok($status == 1 && @lines == 1 && $lines[0] =~ /^\Q$where: $rule: \E\S/,
       "$rule: $title")
        or diag("status $status, expected $where: $rule:\n", @lines);
}


sub passes {
    my ($title, %files) = @_;

    clean_tree();
    plant($_, $files{$_}) for keys %files;

    my ($status, @lines) = lint();

    ok($status == 0 && !@lines, $title) or diag("status $status\n", @lines);
}


# a function after the copyright (6 lines), the prologue (5), in src/io
sub body {
    return ('src/io/ngx_sandbox_x.c' => source(function('x', @_)));
}


# one line of the body above, the first of it is 15
sub body_fires {
    my ($rule, $line, $title, @body) = @_;

    fires($rule, "src/io/ngx_sandbox_x.c:$line", $title, body(@body));
}


passes('a clean tree has no finding');

# ------------------------------------------------------------------- layers

fires('layer', 'src/core/ngx_sandbox_x.c:12', 'an arrow that points up',
      'src/core/ngx_sandbox_x.c' => source("#include \"ngx_sandbox_db.h\"\n"));
fires('layer', 'src/io/ngx_sandbox_x.h:11', 'an arrow up in a header',
      'src/io/ngx_sandbox_x.h' => header('NGX_SANDBOX_X_H',
          "#include \"ngx_sandbox_f.h\"\n"));
fires('layer', 'src/flow/ngx_sandbox_x.c:12', 'the module is above all',
      'src/flow/ngx_sandbox_x.c' =>
          source("#include \"ngx_http_sandbox_module.h\"\n"));
fires('layer', 'src/executor/x.c:12', 'nginx in the executor',
      'src/executor/x.c' => source("#include <ngx_config.h>\n"));
fires('layer', 'src/executor/x.c:12', 'a layer in the executor',
      'src/executor/x.c' => source("#include \"../core/ngx_sandbox_a.h\"\n"));
fires('layer', 'src/core/ngx_sandbox_x.c:12', 'the executor in a layer',
      'src/core/ngx_sandbox_x.c' => source("#include \"spawn.h\"\n"));
fires('layer', 'src/core/ngx_sandbox_x.c:12', 'a header that is nowhere',
      'src/core/ngx_sandbox_x.c' => source("#include \"gone.h\"\n"));
fires('layer', 'src/extra/ngx_sandbox_x.c:1', 'a folder that is no layer',
      'src/extra/ngx_sandbox_x.c' => source("\n#define X  1\n"));

my @below = qw(core io runtime store sched flow job api);

for (1 .. $#below) {
    my ($low, $high) = @below[$_ - 1, $_];
    my $h = header('NGX_SANDBOX_Y_H', "#define Y  1\n");
    my $c = source("#include \"ngx_sandbox_y.h\"\n");

    passes("$high may include $low", "src/$low/ngx_sandbox_y.h" => $h,
           "src/$high/ngx_sandbox_y.c" => $c);
    fires('layer', "src/$low/ngx_sandbox_y.c:12", "$low may not include $high",
          "src/$high/ngx_sandbox_y.h" => $h, "src/$low/ngx_sandbox_y.c" => $c);
}

# ---------------------------------------------------------------- libraries

for ([ 'mysql.h', 'src/store' ], [ 'mysqld_error.h', 'src/flow' ],
     [ 'curl/curl.h', 'src/runtime' ], [ 'hiredis/async.h', 'src/core' ],
     [ 'jansson.h', 'src/io' ], [ 'openssl/evp.h', 'src/io' ],
     [ 'event2/event.h', 'src/core' ], [ 'jansson.h', 'ngx_sandbox_module' ])
{
    my ($library, $folder) = @$_;

    fires('library', "$folder/ngx_sandbox_x.c:12", "$library in $folder",
          "$folder/ngx_sandbox_x.c" => source("#include <$library>\n"));
}

for ([ 'jansson.h', 'core' ], [ 'openssl/evp.h', 'core' ],
     [ 'jansson.h', 'runtime' ])
{
    my ($library, $folder) = @$_;

    fires('library', "src/$folder/ngx_sandbox_x.h:11",
          "$library in a header of $folder",
          "src/$folder/ngx_sandbox_x.h" => header('NGX_SANDBOX_X_H',
              "#include <$library>\n"));
}

fires('library', 'src/io/ngx_sandbox_db_private.h:11',
      'a library in a header of io that others see',
      'src/io/ngx_sandbox_db.h' => header('NGX_SANDBOX_DB_H',
          "#include \"ngx_sandbox_db_private.h\"\n"));

# -------------------------------------------------------- sizes and spacing

fires('size', 'src/io/ngx_sandbox_x.c:801', 'a long file',
      'src/io/ngx_sandbox_x.c' => source("int  a;\n" x (801 - 11)));
fires('size', 'src/io/ngx_sandbox_x.h:301', 'a long header',
      'src/io/ngx_sandbox_x.h' => header('NGX_SANDBOX_X_H',
          "int  a;\n" x (301 - 13)));
body_fires('size', 14, 'a long function', ('a();') x 79);
passes('functions of 80 lines', body(('a();') x 78));

body_fires('columns', 15, 'a long line', 'a' . '(' x 38 . ')' x 38 . ';');
passes('80 columns, counted in characters',
       body('/* ' . "\xc3\xa9" x 70 . ' */'));
fires('columns', 'run.sh:3', 'a long line of a script',
      'run.sh' => "#!/bin/bash\nset -euo pipefail\necho " . 'a' x 96 . "\n");
fires('columns', 'a.t:4', 'a long line before __DATA__',
      'a.t' => "#!/usr/bin/env perl\nuse strict;\nuse warnings;\n#"
               . 'x' x 100 . "\n__DATA__\n");

fires('blank', 'notes.md:2', 'a trailing blank', 'notes.md' => "a\nb \n");
fires('blank', 'notes.md:1', 'a tab', 'notes.md' => "a\tb\n");
fires('blank', 'notes.md:1', 'CR LF', 'notes.md' => "a\r\n");
fires('blank', 'notes.md:2', 'no newline at the end', 'notes.md' => "a\nb");
fires('blank', 'notes.md:2', 'a blank line at the end', 'notes.md' => "a\n\n");

fires('spacing', 'src/io/ngx_sandbox_x.c:15', 'one line between functions',
      'src/io/ngx_sandbox_x.c' => source(function('x'), "\n", function('y')));
fires('spacing', 'src/io/ngx_sandbox_x.c:15', 'three lines between functions',
      'src/io/ngx_sandbox_x.c' =>
          source(function('x'), "\n\n\n", function('y')));
passes('a directive may follow a function',
       'src/io/ngx_sandbox_x.c' => source("#if (A)\n\n", function('x'),
                                          "\n#endif\n"));

# ---------------------------------------------------------------- statements

body_fires('comment', 15, 'a // comment', 'a();  // b');
body_fires('keyword', 15, 'no space after if', 'if(a) {', '    b();', '}');
body_fires('keyword', 17, 'no blank line before else', 'if (a) {', '    b();',
           '} else {', '    c();', '}');
body_fires('brace', 16, 'an if without a brace', 'if (a)', '    b();');
body_fires('brace', 19, 'an else without a brace', 'if (a) {', '    b();', '',
           '} else', '    c();');
body_fires('brace', 15, 'a for without a brace', 'for (a; b(c); d) e();');
body_fires('brace', 15, 'a while without a brace', 'while (a) b();');

for my $macro (qw(ngx_queue_remove ngx_post_event ngx_delete_posted_event
                  ngx_str_set ngx_str_null))
{
    for my $control ('if (a)', 'for ( ;; )', 'while (a)', 'else') {
        clean_tree();
        plant(@{ [ body($control, "    $macro(&a, b);") ] });
        my ($status, @lines) = lint();
        $fired{macro} = 1;
        is_deeply([ $status, map { /:16: (macro|brace):/ } @lines ],
                  [ 1, 'brace', 'macro' ], "macro: $macro under $control")
            or diag(@lines);
    }
}

# ---------------------------------------------------------------- the worker

for (qw(sleep usleep nanosleep getaddrinfo gethostbyname mysql_query
        mysql_real_query mysql_stmt_execute mysql_stmt_prepare
        curl_easy_perform system popen select poll redisCommand fopen flock
        wait waitpid))
{
    body_fires('blocking', 15, $_, "rc = $_(a);");
}

fires('blocking', 'ngx_sandbox_module/x.c:15', 'the module is a worker too',
      'ngx_sandbox_module/x.c' => source(function('x', 'sleep (1);')));

# ------------------------------------------------------- words and beginnings

for (qw(work home root)) {
    fires('path', 'notes.md:1', "/$_", 'notes.md' => "cd /$_/x\n");
}

for ('py' . 'pi.org', 'registry-1.' . 'docker.io', 'ghcr.' . 'io',
     'registry.npm' . 'js.org', 'deb.' . 'debian.org',
     'files.python' . 'hosted.org')
{
    fires('registry', 'notes.md:1', $_, 'notes.md' => "https://$_/x\n");
}

passes("Debian's package is no host", 'notes.md' => "apt install docker.io\n");

for ('TO' . 'DO', 'FIX' . 'ME', 'X' . 'XX', 'HA' . 'CK') {
    fires('unfinished', 'notes.md:1', $_, 'notes.md' => "$_: later\n");
}

fires('copyright', 'src/io/ngx_sandbox_x.h:1', 'a header without it',
      'src/io/ngx_sandbox_x.h' =>
          header('NGX_SANDBOX_X_H', "int  a;\n") =~ s/the ngx_s/my s/r);
fires('guard', 'src/io/ngx_sandbox_x.h:1', 'another name',
      'src/io/ngx_sandbox_x.h' => header('NGX_SANDBOX_Y_H', "int  a;\n"));
fires('guard', 'src/io/ngx_sandbox_x.h:1', 'no comment at its end',
      'src/io/ngx_sandbox_x.h' =>
          header('NGX_SANDBOX_X_H', "int  a;\n") =~ s{#endif .*}{#endif}r);
fires('prologue', 'src/io/ngx_sandbox_x.c:1', 'a .c file without it',
      'src/io/ngx_sandbox_x.c' => "$copyright#include <ngx_config.h>\n");

fires('strict', 'run.sh:1', 'bash that goes on after an error',
      'run.sh' => "#!/usr/bin/env bash\nset -u\n");
fires('strict', 'run.sh:1', 'bash that does something first',
      'run.sh' => "#!/bin/bash\ncd /tmp\nset -euo pipefail\n");
fires('strict', 'quick:1', 'sh', 'quick' => "#!/bin/sh\ntrue\n");
fires('strict', 'a.t:1', 'perl', 'a.t' => "#!/usr/bin/env perl\nuse strict;\n");

# -------------------------------------------------------------- the program

my @rules = map { /^(\S+)/ } qx{'$root/t/lint' --rules};

cmp_ok(scalar @rules, '>', 10, 'the rules are named');
is_deeply([ grep { !$fired{$_} } @rules ], [],
          'each rule was shown to fire');

system("'$root/t/lint' --no-such-option 2>'$work/usage'");
isnt($?, 0, 'an unknown option is refused');

clean_tree();
plant('build/x.c', 'nothing of this is checked');
is((lint())[0], 0, 'what was built is not checked');

clean_tree();
system("cd '$tree' && git init -q . && echo ignored >.gitignore") == 0
    or die 'git init failed';
plant('ignored', "a \n");
plant('untracked', "a \n");
my ($status, @lines) = lint();
is_deeply([ $status, @lines ],
          [ 1, "untracked:1: blank: blanks at the end of the line\n" ],
          'in a checkout, what git would track is checked');

done_testing();
