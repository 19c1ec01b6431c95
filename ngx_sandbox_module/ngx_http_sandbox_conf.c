
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Compound directives: an address and name=value parameters.  Whatever is
 * wrong is refused when the configuration is read, with the allowed range.
 * Secrets come from files, which the master reads before it gives up root.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_sandbox_module.h"


#define NGX_HTTP_SANDBOX_SECRET_MAX  4096    /* bytes of a file */


typedef enum {
    NGX_HTTP_SANDBOX_OPTION_STR = 0,
    NGX_HTTP_SANDBOX_OPTION_FILE,        /* its content, without line end */
    NGX_HTTP_SANDBOX_OPTION_PATH,
    NGX_HTTP_SANDBOX_OPTION_PROFILE,     /* its content, a seccomp profile */
    NGX_HTTP_SANDBOX_OPTION_NUM,
    NGX_HTTP_SANDBOX_OPTION_MSEC,
    NGX_HTTP_SANDBOX_OPTION_FLAG
} ngx_http_sandbox_option_e;


typedef struct {
    ngx_str_t                   name;
    ngx_http_sandbox_option_e   type;
    size_t                      offset;
    ngx_int_t                   min;
    ngx_int_t                   max;
} ngx_http_sandbox_option_t;


static char *ngx_http_sandbox_options(ngx_conf_t *cf, ngx_command_t *cmd,
    const ngx_http_sandbox_option_t *options, void *conf);
static char *ngx_http_sandbox_option(ngx_conf_t *cf,
    const ngx_http_sandbox_option_t *option, ngx_str_t *value, void *conf);
static ngx_int_t ngx_http_sandbox_unix_path(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *ret_path);


#define OPTION(name, type, field, min, max)                                   \
    { ngx_string(name "="), NGX_HTTP_SANDBOX_OPTION_##type,                   \
      offsetof(ngx_sandbox_db_conf_t, field), min, max }

static const ngx_http_sandbox_option_t  ngx_http_sandbox_db_options[] = {
    OPTION("user", STR, user, 1, 80),
    OPTION("dbname", STR, database, 1, 64),
    OPTION("password_file", FILE, password, 0, 0),
    OPTION("pool", NUM, size, 1, 64),
    OPTION("queue", NUM, queue, 1, 65536),
    OPTION("wait", MSEC, wait_timeout, 10, 60000),
    OPTION("connect_timeout", MSEC, connect_timeout, 10, 60000),
    OPTION("timeout", MSEC, query_timeout, 100, 60000),
    OPTION("idle", MSEC, idle_timeout, 1000, 3600000),
    OPTION("ssl", FLAG, ssl, 0, 0),
    OPTION("ssl_ca", PATH, ssl_ca, 0, 0),
    { ngx_null_string, 0, 0, 0, 0 }
};

#undef OPTION


#define OPTION(name, type, field, min, max)                                   \
    { ngx_string(name "="), NGX_HTTP_SANDBOX_OPTION_##type,                   \
      offsetof(ngx_sandbox_docker_conf_t, field), min, max }

static const ngx_http_sandbox_option_t  ngx_http_sandbox_docker_options[] = {
    OPTION("timeout", MSEC, timeout, 100, 600000),
    OPTION("create_timeout", MSEC, create_timeout, 1000, 600000),
    OPTION("creates", NUM, creates, 1, 64),
    OPTION("wait", MSEC, wait_timeout, 1000, 600000),
    OPTION("seccomp", PROFILE, seccomp, 0, 0),
    { ngx_null_string, 0, 0, 0, 0 }
};

#undef OPTION


char *
ngx_http_sandbox_database(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_sandbox_main_conf_t  *smcf = conf;

    ngx_url_t               u;
    ngx_str_t              *value;
    ngx_sandbox_db_conf_t  *db;

    db = &smcf->node.db;

    if (db->size) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strncmp(value[1].data, "unix:", 5) == 0) {

        if (ngx_http_sandbox_unix_path(cf, &value[1], &db->socket) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

    } else {
        ngx_memzero(&u, sizeof(ngx_url_t));

        u.url = value[1];
        u.default_port = 3306;
        u.no_resolve = 1;

        if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid address \"%V\" in "
                               "\"sandbox_database\": it must be a \"unix:\" "
                               "path or an IP address with an optional port, "
                               "since a name would have to be looked up while "
                               "requests wait", &value[1]);
            return NGX_CONF_ERROR;
        }

        db->host = u.host;
        db->port = u.port;
    }

    ngx_str_set(&db->user, "ngx_sandbox");
    ngx_str_set(&db->database, "ngx_sandbox");

    db->size = 8;
    db->queue = 1024;
    db->wait_timeout = 1000;
    db->connect_timeout = 2000;
    db->query_timeout = 5000;
    db->idle_timeout = 60000;

    return ngx_http_sandbox_options(cf, cmd, ngx_http_sandbox_db_options, db);
}


char *
ngx_http_sandbox_docker(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_sandbox_main_conf_t  *smcf = conf;

    ngx_str_t                  *value;
    ngx_sandbox_docker_conf_t  *docker;

    docker = &smcf->node.docker;

    if (docker->socket.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_sandbox_unix_path(cf, &value[1], &docker->socket) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    docker->timeout = 10000;
    docker->create_timeout = 30000;
    docker->creates = 2;
    docker->wait_timeout = 45000;

    return ngx_http_sandbox_options(cf, cmd, ngx_http_sandbox_docker_options,
                                    docker);
}


char *
ngx_http_sandbox_unix(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t  *value, *field;

    field = (ngx_str_t *) (p + cmd->offset);

    if (field->len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    return ngx_http_sandbox_unix_path(cf, &value[1], field) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_sandbox_read_secret(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *ret_secret)
{
    if (ngx_conf_full_name(cf->cycle, path, 0) != NGX_OK
        || ngx_http_sandbox_read_file(cf, path, NGX_HTTP_SANDBOX_SECRET_MAX,
                                      ret_secret)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    while (ret_secret->len > 0
           && (ret_secret->data[ret_secret->len - 1] == LF
               || ret_secret->data[ret_secret->len - 1] == CR))
    {
        ret_secret->len--;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_sandbox_read_file(ngx_conf_t *cf, ngx_str_t *path, size_t max,
    ngx_str_t *ret_text)
{
    size_t     len;
    u_char    *p;
    ssize_t    n;
    ngx_fd_t   fd;

    p = ngx_pnalloc(cf->pool, max);
    if (p == NULL) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    for (len = 0, n = 1; n > 0 && len < max; len += n > 0 ? n : 0) {
        n = ngx_read_fd(fd, p + len, max - len);
    }

    if (n == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "reading \"%V\" failed", path);
    }

    (void) ngx_close_file(fd);

    ret_text->data = p;
    ret_text->len = len;

    return n == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


static char *
ngx_http_sandbox_options(ngx_conf_t *cf, ngx_command_t *cmd,
    const ngx_http_sandbox_option_t *options, void *conf)
{
    char                             *rv;
    ngx_str_t                        *value, arg;
    ngx_uint_t                        i;
    const ngx_http_sandbox_option_t  *option;

    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {

        for (option = options; option->name.len; option++) {

            if (ngx_strncmp(value[i].data, option->name.data,
                            option->name.len)
                == 0)
            {
                break;
            }
        }

        if (option->name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\"",
                               &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }

        arg.data = value[i].data + option->name.len;
        arg.len = value[i].len - option->name.len;

        rv = ngx_http_sandbox_option(cf, option, &arg, conf);

        if (rv == NGX_CONF_ERROR) {
            return rv;
        }

        if (rv != NGX_CONF_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"%V\": %s",
                               &value[i], &cmd->name, rv);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_sandbox_option(ngx_conf_t *cf,
    const ngx_http_sandbox_option_t *option, ngx_str_t *value, void *conf)
{
    char       *p = conf;
    u_char     *message;
    ngx_int_t   n;

    p += option->offset;

    switch (option->type) {

    case NGX_HTTP_SANDBOX_OPTION_STR:
        *(ngx_str_t *) p = *value;
        n = value->len;
        break;

    case NGX_HTTP_SANDBOX_OPTION_FILE:
        return ngx_http_sandbox_read_secret(cf, value, (ngx_str_t *) p)
               == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;

    case NGX_HTTP_SANDBOX_OPTION_PATH:
        *(ngx_str_t *) p = *value;

        return ngx_conf_full_name(cf->cycle, (ngx_str_t *) p, 0) == NGX_OK
               ? NGX_CONF_OK : NGX_CONF_ERROR;

    case NGX_HTTP_SANDBOX_OPTION_PROFILE:
        return ngx_http_sandbox_read_profile(cf, value, (ngx_str_t *) p);

    case NGX_HTTP_SANDBOX_OPTION_FLAG:

        if (ngx_strcmp(value->data, "on") != 0
            && ngx_strcmp(value->data, "off") != 0)
        {
            return "it must be \"on\" or \"off\"";
        }

        *(ngx_flag_t *) p = (value->len == 2);

        return NGX_CONF_OK;

    case NGX_HTTP_SANDBOX_OPTION_MSEC:
        n = ngx_parse_time(value, 0);
        *(ngx_msec_t *) p = n;
        break;

    default: /* NGX_HTTP_SANDBOX_OPTION_NUM */
        n = ngx_atoi(value->data, value->len);
        *(ngx_uint_t *) p = n;
        break;
    }

    if (n >= option->min && n <= option->max) {
        return NGX_CONF_OK;
    }

    message = ngx_pnalloc(cf->pool, 128);
    if (message == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_sprintf(message, "it must be from %i to %i%s%Z", option->min,
                option->max,
                option->type == NGX_HTTP_SANDBOX_OPTION_MSEC ? " ms"
                : option->type == NGX_HTTP_SANDBOX_OPTION_STR ? " bytes long"
                : "");

    return (char *) message;
}


static ngx_int_t
ngx_http_sandbox_unix_path(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *ret_path)
{
    struct sockaddr_un  *sun;

    if (value->len < 6 || ngx_strncmp(value->data, "unix:/", 6) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid address \"%V\", it must be \"unix:\" and "
                           "an absolute path", value);
        return NGX_ERROR;
    }

    ret_path->data = value->data + 5;
    ret_path->len = value->len - 5;

    if (ret_path->len >= sizeof(sun->sun_path)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the path in \"%V\" is too long for a unix socket, "
                           "%uz bytes are allowed",
                           value, sizeof(sun->sun_path) - 1);
        return NGX_ERROR;
    }

    return NGX_OK;
}
