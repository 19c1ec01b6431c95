# Sourced by `config`: every source of the module, found by folder, so that a
# new file needs no entry anywhere.  src/executor is a program of its own.
# The order is fixed, so that a build is the same on every machine.

# shellcheck disable=SC2154  # ngx_addon_dir is given by nginx's configure
ngx_sandbox_list() {
    (cd "$ngx_addon_dir" \
        && LC_ALL=C find ngx_sandbox_module src/api src/flow src/job src/sched \
               src/store src/runtime src/io src/core \
               -name "$1" 2>/dev/null | LC_ALL=C sort)
}

ngx_sandbox_srcs=
ngx_sandbox_deps=
ngx_sandbox_incs=

for ngx_sandbox_file in $(ngx_sandbox_list '*.c'); do
    ngx_sandbox_srcs="$ngx_sandbox_srcs $ngx_addon_dir/$ngx_sandbox_file"
done

for ngx_sandbox_file in $(ngx_sandbox_list '*.h'); do
    ngx_sandbox_deps="$ngx_sandbox_deps $ngx_addon_dir/$ngx_sandbox_file"

    # each folder once: the list is sorted, so its files are together
    case "$ngx_sandbox_incs " in
        *" $ngx_addon_dir/${ngx_sandbox_file%/*} "*) ;;
        *) ngx_sandbox_incs="$ngx_sandbox_incs \
                             $ngx_addon_dir/${ngx_sandbox_file%/*}" ;;
    esac
done
