
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A container's specification as the JSON that the Docker Engine takes.
 *
 * Everything that keeps a sandbox in is named here and nowhere else.  What is
 * left out is left to the engine's default on purpose: the masked paths, and
 * the seccomp profile where the operator has none of his own.  There is no way
 * to switch a protection off.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_docker_json.h"
#include "ngx_sandbox_json_writer.h"


#define NGX_SANDBOX_DOCKER_USER       "1000:1000"
#define NGX_SANDBOX_DOCKER_OWNER      "uid=1000,gid=1000"
#define NGX_SANDBOX_DOCKER_LABEL      "ngx_sandbox."
#define NGX_SANDBOX_DOCKER_NOFILE     4096
#define NGX_SANDBOX_DOCKER_BODY_SIZE  4096

/*
 * Files are in memory, and charged to the container like that of processes.
 * It gets as much as both may need: or a full disk would leave processes no
 * memory to run in, not even the one that could empty it.  An entry, which may
 * be of an empty file, takes about a KiB of the kernel's.
 */
#define NGX_SANDBOX_DOCKER_TMP_MB     64
#define NGX_SANDBOX_DOCKER_ENTRIES    128      /* a MiB of disk */

#define ngx_sandbox_docker_files_mb(disk_mb)                                  \
    ((disk_mb) + NGX_SANDBOX_DOCKER_TMP_MB                                    \
     + ((disk_mb) + NGX_SANDBOX_DOCKER_TMP_MB)                                \
       / (1024 / NGX_SANDBOX_DOCKER_ENTRIES))

#define NGX_SANDBOX_DOCKER_TMP                                                \
    "rw,noexec,nosuid,nodev,size=%dm,nr_inodes=%d,mode=1777,"                 \
    NGX_SANDBOX_DOCKER_OWNER

/* exec: packages with native code are installed, and loaded, from here */
#define NGX_SANDBOX_DOCKER_WORKSPACE                                          \
    "rw,exec,nosuid,nodev,size=%uim,nr_inodes=%ui,mode=0755,"                 \
    NGX_SANDBOX_DOCKER_OWNER

#define ngx_sandbox_docker_put(json, name, text)                              \
    ngx_sandbox_json_literal_key(json, name);                                 \
    ngx_sandbox_json_literal(json, text)

#define ngx_sandbox_docker_put_int(json, name, value)                         \
    ngx_sandbox_json_literal_key(json, name);                                 \
    ngx_sandbox_json_int(json, (int64_t) (value))

#define ngx_sandbox_docker_put_bool(json, name, value)                        \
    ngx_sandbox_json_literal_key(json, name);                                 \
    ngx_sandbox_json_bool(json, value)


static void ngx_sandbox_docker_process(ngx_sandbox_json_t *json);
static void ngx_sandbox_docker_labels(ngx_sandbox_json_t *json,
    ngx_sandbox_container_spec_t *spec);
static ngx_int_t ngx_sandbox_docker_pair(ngx_pool_t *pool, char *label,
    ngx_str_t *value, ngx_str_t *ret_pair);
static void ngx_sandbox_docker_label(ngx_sandbox_json_t *json, char *name,
    ngx_str_t *value);
static void ngx_sandbox_docker_host_config(ngx_sandbox_json_t *json,
    ngx_sandbox_container_spec_t *spec, ngx_str_t *hosts_file,
    ngx_str_t *seccomp);
static void ngx_sandbox_docker_confine(ngx_sandbox_json_t *json,
    ngx_str_t *seccomp);
static void ngx_sandbox_docker_seccomp(ngx_sandbox_json_t *json,
    ngx_str_t *seccomp);
static void ngx_sandbox_docker_limit(ngx_sandbox_json_t *json,
    ngx_sandbox_container_spec_t *spec);
static void ngx_sandbox_docker_ulimit(ngx_sandbox_json_t *json, char *name,
    ngx_uint_t value);
static void ngx_sandbox_docker_tmpfs(ngx_sandbox_json_t *json,
    ngx_uint_t disk_mb);
static void ngx_sandbox_docker_mount(ngx_sandbox_json_t *json,
    ngx_str_t *source, char *target, ngx_uint_t read_only);


ngx_uint_t
ngx_sandbox_docker_is_name(ngx_str_t *name)
{
    u_char  ch;
    size_t  i;

    if (name->len == 0 || name->len > 255) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
            || (ch >= '0' && ch <= '9'))
        {
            continue;
        }

        if (i == 0 || (ch != '_' && ch != '.' && ch != '-')) {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
ngx_sandbox_docker_is_image(ngx_str_t *image)
{
    u_char     ch;
    size_t     i;
    ngx_str_t  part;

    if (image->len > 512) {
        return 0;
    }

    /* names joined by what would be special in them: no "..", no "//" */

    part.data = image->data;

    for (i = 0; i <= image->len; i++) {
        ch = (i < image->len) ? image->data[i] : '/';

        if (ch != '/' && ch != ':' && ch != '@') {
            continue;
        }

        part.len = image->data + i - part.data;

        if (!ngx_sandbox_docker_is_name(&part)) {
            return 0;
        }

        part.data = image->data + i + 1;
    }

    return 1;
}


ngx_int_t
ngx_sandbox_docker_encode_create(ngx_pool_t *pool,
    ngx_sandbox_container_spec_t *spec, ngx_str_t *hosts_file,
    ngx_str_t *seccomp, ngx_str_t *ret_body)
{
    ngx_sandbox_json_t  json;

    if (spec->memory_mb == 0 || spec->disk_mb == 0 || spec->cpu_milli == 0
        || spec->pids == 0)
    {
        return NGX_DECLINED;
    }

    ngx_sandbox_json_init(&json, pool,
                          NGX_SANDBOX_DOCKER_BODY_SIZE + 2 * seccomp->len);

    ngx_sandbox_json_object_start(&json);

    ngx_sandbox_json_literal_key(&json, "Image");
    ngx_sandbox_json_string(&json, &spec->image);

    ngx_sandbox_docker_process(&json);
    ngx_sandbox_docker_labels(&json, spec);
    ngx_sandbox_docker_host_config(&json, spec, hosts_file, seccomp);

    ngx_sandbox_json_object_end(&json);

    return ngx_sandbox_json_finish(&json, ret_body);
}


ngx_int_t
ngx_sandbox_docker_encode_filters(ngx_pool_t *pool,
    ngx_sandbox_instance_t *instance, ngx_str_t *ret_filters)
{
    u_char              *p;
    uintptr_t            escape;
    ngx_str_t            name, owner, text;
    ngx_sandbox_json_t   json;

    if (ngx_sandbox_docker_pair(pool, NGX_SANDBOX_DOCKER_LABEL "instance",
                                &instance->name, &name)
        != NGX_OK
        || ngx_sandbox_docker_pair(pool, NGX_SANDBOX_DOCKER_LABEL "owner",
                                   &instance->owner, &owner)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_sandbox_json_init(&json, pool, name.len + owner.len + 32);
    ngx_sandbox_json_object_start(&json);
    ngx_sandbox_json_literal_key(&json, "label");
    ngx_sandbox_json_array_start(&json);
    ngx_sandbox_json_string(&json, &name);
    ngx_sandbox_json_string(&json, &owner);
    ngx_sandbox_json_array_end(&json);
    ngx_sandbox_json_object_end(&json);

    if (ngx_sandbox_json_finish(&json, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    escape = ngx_escape_uri(NULL, text.data, text.len,
                            NGX_ESCAPE_URI_COMPONENT);

    p = ngx_pnalloc(pool, text.len + 2 * escape);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ret_filters->data = p;
    ret_filters->len = (u_char *) ngx_escape_uri(p, text.data, text.len,
                                                 NGX_ESCAPE_URI_COMPONENT)
                       - p;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_docker_pair(ngx_pool_t *pool, char *label, ngx_str_t *value,
    ngx_str_t *ret_pair)
{
    size_t   len;
    u_char  *p;

    len = ngx_strlen(label);

    p = ngx_pnalloc(pool, len + 1 + value->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ret_pair->data = p;
    ret_pair->len = ngx_sprintf(p, "%s=%V", label, value) - p;

    return NGX_OK;
}


static void
ngx_sandbox_docker_process(ngx_sandbox_json_t *json)
{
    ngx_sandbox_docker_put(json, "User", NGX_SANDBOX_DOCKER_USER);
    ngx_sandbox_docker_put(json, "WorkingDir", "/workspace");

    ngx_sandbox_json_literal_key(json, "Entrypoint");
    ngx_sandbox_json_array_start(json);
    ngx_sandbox_json_literal(json, "/opt/sandbox/executor");
    ngx_sandbox_json_array_end(json);

    ngx_sandbox_json_literal_key(json, "Cmd");
    ngx_sandbox_json_array_start(json);
    ngx_sandbox_json_literal(json, "/run/sandbox");
    ngx_sandbox_json_array_end(json);

    /* anybody in the container, and of the engine's users, can read it */

    ngx_sandbox_json_literal_key(json, "Env");
    ngx_sandbox_json_array_start(json);
    ngx_sandbox_json_literal(json, "HOME=/workspace");
    ngx_sandbox_json_array_end(json);

    /* nothing of the image runs beside the executor */

    ngx_sandbox_json_literal_key(json, "Healthcheck");
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_json_literal_key(json, "Test");
    ngx_sandbox_json_array_start(json);
    ngx_sandbox_json_literal(json, "NONE");
    ngx_sandbox_json_array_end(json);
    ngx_sandbox_json_object_end(json);

    /* a terminal would change the form of the logs */

    ngx_sandbox_docker_put_bool(json, "Tty", 0);
    ngx_sandbox_docker_put_bool(json, "OpenStdin", 0);

    /* spares the engine half of the time of a start, unlike the mode "none" */

    ngx_sandbox_docker_put_bool(json, "NetworkDisabled", 1);
}


static void
ngx_sandbox_docker_labels(ngx_sandbox_json_t *json,
    ngx_sandbox_container_spec_t *spec)
{
    u_char     buf[NGX_INT64_LEN];
    ngx_str_t  epoch;

    epoch.data = buf;
    epoch.len = ngx_snprintf(buf, NGX_INT64_LEN, "%uL", spec->epoch) - buf;

    ngx_sandbox_json_literal_key(json, "Labels");
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_docker_label(json, NGX_SANDBOX_DOCKER_LABEL "instance",
                             &spec->instance.name);
    ngx_sandbox_docker_label(json, NGX_SANDBOX_DOCKER_LABEL "owner",
                             &spec->instance.owner);
    ngx_sandbox_docker_label(json, NGX_SANDBOX_DOCKER_LABEL "session",
                             &spec->session_id);
    ngx_sandbox_docker_label(json, NGX_SANDBOX_DOCKER_LABEL "template",
                             &spec->template_id);
    ngx_sandbox_docker_label(json, NGX_SANDBOX_DOCKER_LABEL "epoch", &epoch);
    ngx_sandbox_json_object_end(json);
}


static void
ngx_sandbox_docker_label(ngx_sandbox_json_t *json, char *name,
    ngx_str_t *value)
{
    ngx_sandbox_json_key_bytes(json, (u_char *) name, ngx_strlen(name));
    ngx_sandbox_json_string(json, value);
}


static void
ngx_sandbox_docker_host_config(ngx_sandbox_json_t *json,
    ngx_sandbox_container_spec_t *spec, ngx_str_t *hosts_file,
    ngx_str_t *seccomp)
{
    ngx_sandbox_json_literal_key(json, "HostConfig");
    ngx_sandbox_json_object_start(json);

    ngx_sandbox_docker_confine(json, seccomp);
    ngx_sandbox_docker_limit(json, spec);
    ngx_sandbox_docker_tmpfs(json, spec->disk_mb);

    /* unlike "Binds" these refuse a folder that is absent: no root makes it */

    ngx_sandbox_json_literal_key(json, "Mounts");
    ngx_sandbox_json_array_start(json);
    ngx_sandbox_docker_mount(json, &spec->socket_path, "/run/sandbox", 0);
    ngx_sandbox_docker_mount(json, &spec->executor_path, "/opt/sandbox", 1);
    ngx_sandbox_docker_mount(json, &spec->callback_path,
                             "/run/sandbox-callback", 1);
    ngx_sandbox_docker_mount(json, hosts_file, "/etc/hosts", 1);
    ngx_sandbox_json_array_end(json);

    ngx_sandbox_json_object_end(json);
}


static void
ngx_sandbox_docker_confine(ngx_sandbox_json_t *json, ngx_str_t *seccomp)
{
    ngx_sandbox_json_literal_key(json, "CapDrop");
    ngx_sandbox_json_array_start(json);
    ngx_sandbox_json_literal(json, "ALL");
    ngx_sandbox_json_array_end(json);

    ngx_sandbox_json_literal_key(json, "SecurityOpt");
    ngx_sandbox_json_array_start(json);
    ngx_sandbox_json_literal(json, "no-new-privileges:true");
    ngx_sandbox_docker_seccomp(json, seccomp);
    ngx_sandbox_json_array_end(json);

    ngx_sandbox_docker_put_bool(json, "Privileged", 0);
    ngx_sandbox_docker_put_bool(json, "ReadonlyRootfs", 1);
    ngx_sandbox_docker_put(json, "NetworkMode", "none");
    ngx_sandbox_docker_put(json, "IpcMode", "private");
    ngx_sandbox_docker_put(json, "CgroupnsMode", "private");

    /* the executor is process 1, and containers are never used again */

    ngx_sandbox_docker_put_bool(json, "Init", 0);
    ngx_sandbox_docker_put_bool(json, "AutoRemove", 0);

    ngx_sandbox_json_literal_key(json, "RestartPolicy");
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_docker_put(json, "Name", "no");
    ngx_sandbox_json_object_end(json);
}


/* the text itself: the engine reads no file */

static void
ngx_sandbox_docker_seccomp(ngx_sandbox_json_t *json, ngx_str_t *seccomp)
{
    u_char     *p;
    ngx_str_t   option;

    if (seccomp->len == 0) {
        return;
    }

    option.len = sizeof("seccomp=") - 1 + seccomp->len;

    option.data = ngx_pnalloc(json->pool, option.len);
    if (option.data == NULL) {
        json->failed = 1;
        return;
    }

    p = ngx_cpymem(option.data, "seccomp=", sizeof("seccomp=") - 1);
    ngx_memcpy(p, seccomp->data, seccomp->len);

    ngx_sandbox_json_string(json, &option);
}


static void
ngx_sandbox_docker_limit(ngx_sandbox_json_t *json,
    ngx_sandbox_container_spec_t *spec)
{
    int64_t  memory;

    memory = (int64_t) (spec->memory_mb
                        + ngx_sandbox_docker_files_mb(spec->disk_mb))
             * 1024 * 1024;

    /* the same for both: no swap beyond the memory */

    ngx_sandbox_docker_put_int(json, "Memory", memory);
    ngx_sandbox_docker_put_int(json, "MemorySwap", memory);
    ngx_sandbox_docker_put_bool(json, "OomKillDisable", 0);
    ngx_sandbox_docker_put_int(json, "NanoCpus",
                               (int64_t) spec->cpu_milli * 1000000);
    ngx_sandbox_docker_put_int(json, "PidsLimit", spec->pids);

    ngx_sandbox_json_literal_key(json, "Ulimits");
    ngx_sandbox_json_array_start(json);
    ngx_sandbox_docker_ulimit(json, "nofile", NGX_SANDBOX_DOCKER_NOFILE);
    ngx_sandbox_docker_ulimit(json, "core", 0);
    ngx_sandbox_json_array_end(json);

    ngx_sandbox_json_literal_key(json, "LogConfig");
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_docker_put(json, "Type", "json-file");
    ngx_sandbox_json_literal_key(json, "Config");
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_docker_put(json, "max-size", "1m");
    ngx_sandbox_docker_put(json, "max-file", "1");
    ngx_sandbox_json_object_end(json);
    ngx_sandbox_json_object_end(json);
}


static void
ngx_sandbox_docker_ulimit(ngx_sandbox_json_t *json, char *name,
    ngx_uint_t value)
{
    ngx_sandbox_json_object_start(json);
    ngx_sandbox_json_literal_key(json, "Name");
    ngx_sandbox_json_string_bytes(json, (u_char *) name, ngx_strlen(name));
    ngx_sandbox_docker_put_int(json, "Soft", value);
    ngx_sandbox_docker_put_int(json, "Hard", value);
    ngx_sandbox_json_object_end(json);
}


static void
ngx_sandbox_docker_tmpfs(ngx_sandbox_json_t *json, ngx_uint_t disk_mb)
{
    u_char  *last, buf[sizeof(NGX_SANDBOX_DOCKER_WORKSPACE)
                       + 2 * NGX_INT_T_LEN];

    ngx_sandbox_json_literal_key(json, "Tmpfs");
    ngx_sandbox_json_object_start(json);

    last = ngx_snprintf(buf, sizeof(buf), NGX_SANDBOX_DOCKER_TMP,
                        NGX_SANDBOX_DOCKER_TMP_MB,
                        NGX_SANDBOX_DOCKER_TMP_MB
                        * NGX_SANDBOX_DOCKER_ENTRIES);

    ngx_sandbox_json_literal_key(json, "/tmp");
    ngx_sandbox_json_string_bytes(json, buf, last - buf);

    last = ngx_snprintf(buf, sizeof(buf), NGX_SANDBOX_DOCKER_WORKSPACE,
                        disk_mb, disk_mb * NGX_SANDBOX_DOCKER_ENTRIES);

    ngx_sandbox_json_literal_key(json, "/workspace");
    ngx_sandbox_json_string_bytes(json, buf, last - buf);

    ngx_sandbox_json_object_end(json);
}


static void
ngx_sandbox_docker_mount(ngx_sandbox_json_t *json, ngx_str_t *source,
    char *target, ngx_uint_t read_only)
{
    if (source->len == 0) {
        return;
    }

    ngx_sandbox_json_object_start(json);
    ngx_sandbox_docker_put(json, "Type", "bind");
    ngx_sandbox_json_literal_key(json, "Source");
    ngx_sandbox_json_string(json, source);
    ngx_sandbox_json_literal_key(json, "Target");
    ngx_sandbox_json_string_bytes(json, (u_char *) target, ngx_strlen(target));
    ngx_sandbox_docker_put_bool(json, "ReadOnly", read_only);
    ngx_sandbox_json_object_end(json);
}
