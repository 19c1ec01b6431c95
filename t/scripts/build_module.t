#!/usr/bin/env bash
# docker/build-module: a warning ends the build, configure runs only when it
# must, a new source file is found, nginx loads the result.

# shellcheck disable=SC2317  # functions are called through ok and fails

# shellcheck source=t/scripts/tap.sh
. "$(dirname "$0")/tap.sh"

addon=$work/addon
mkdir -p "$addon/src/core" "$addon/ngx_sandbox_module"
sed '/^ngx_module_name=/,/"$/c ngx_module_name=ngx_http_sandbox_module' \
    "$root/config" >"$addon/config"
cp "$root/sources.sh" "$addon"

cat >"$addon/ngx_sandbox_module/ngx_http_sandbox_module.c" <<'END'
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

static ngx_http_module_t  ctx;

ngx_module_t  ngx_http_sandbox_module = {
    NGX_MODULE_V1, &ctx, NULL, NGX_HTTP_MODULE,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NGX_MODULE_V1_PADDING
};
END


module() {
    "$root/docker/build-module" --addon "$addon" --build "$work/build" "$@"
}


before=$(find /usr/share/nginx/src -newer "$work" | wc -l)
ok "it builds" module
so=$work/build/module/ngx_http_sandbox_module.so
configured=$(stat -c %Y.%i "$work/build/module/Makefile")

cat >"$work/nginx.conf" <<END
load_module $so;
pid $work/pid;
error_log $work/log;
events { }
http { access_log off; client_body_temp_path $work/a; proxy_temp_path $work/b;
       fastcgi_temp_path $work/c; uwsgi_temp_path $work/d;
       scgi_temp_path $work/e; }
END
ok "nginx loads it" nginx -t -c "$work/nginx.conf" -e "$work/log"
ok "again" module
is "$(stat -c %Y.%i "$work/build/module/Makefile")" "$configured" \
    "nothing is configured again"

sleep 1
printf '#include <ngx_config.h>\n#include <ngx_core.h>\n%s\n' \
    'int ngx_sandbox_new(void) { int unused; return 1; }' \
    >"$addon/src/core/ngx_sandbox_new.c"
echo '#define X 1' >"$addon/src/core/ngx_sandbox_new.h"
fails "a warning in a new file ends the build" module
like "$said" 'unused variable' "and is shown"
sed -i 's/int unused; //' "$addon/src/core/ngx_sandbox_new.c"
ok "without it the build is fine" module
like "$(nm -D "$so")" 'T ngx_sandbox_new' "and has the new file"

like "$(cat "$work/build/module/Makefile")" 'ngx_sandbox_new\.h' \
    "a new header is a dependency that make knows"

# the conf_flags of nginx 1.30's nginx-dev has the compiler's options as well
newer=$work/newer
cp -r /usr/share/nginx/src "$newer"
echo 'NGX_CONF_FLAGS+=(--with-cc-opt="-DTHEIRS -I$PWD")' >>"$newer/conf_flags"
ok "it builds against a newer nginx-dev" module --source "$newer"
like "$(grep ^CFLAGS "$work/build/module/Makefile")" '-Wextra' "with our flags"
is "$(grep -c -- -DTHEIRS "$work/build/module/Makefile")" 0 "not with its own"

# a plain tree's configure writes a Makefile into the current folder
rm "$newer/conf_flags"
echo 'echo theirs >Makefile' >>"$newer/auto/init"
echo ours >"$newer/Makefile"
ok "it builds against a plain tree" module --source "$newer"
is "$(cat "$newer/Makefile")" ours "and leaves its Makefile alone"

echo 'false' >>"$addon/config"
echo 'exit 7' >>"$addon/config"
fails "configure's failure is one" module
like "$said" 'configure\.log' "and says where to read"
fails "an nginx tree that is none" module --source "$work"
like "$said" 'no nginx source tree' "is named"
is "$(find /usr/share/nginx/src -newer "$work" | wc -l)" "$before" \
    "nothing is written into nginx-dev's tree"

done_testing
