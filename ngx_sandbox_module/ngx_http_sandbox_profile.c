
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The file of "seccomp=" in "sandbox_docker", read once, when the configuration
 * is.  The engine gets its text, so it need not be where the engine could
 * find it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_sandbox_module.h"
#include "ngx_sandbox_docker_json.h"


/* the engine repeats it in what it tells of a container, which is bounded */
#define NGX_HTTP_SANDBOX_PROFILE_MAX  (128 * 1024)    /* bytes */


static ngx_int_t ngx_http_sandbox_profile_text(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *ret_text);


char *
ngx_http_sandbox_read_profile(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *ret_profile)
{
    ngx_int_t  rc;
    ngx_str_t  text, reason;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK
        || ngx_http_sandbox_profile_text(cf, path, &text) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (text.len > NGX_HTTP_SANDBOX_PROFILE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the seccomp profile \"%V\" is too large, %d bytes "
                           "are allowed", path, NGX_HTTP_SANDBOX_PROFILE_MAX);
        return NGX_CONF_ERROR;
    }

    rc = ngx_sandbox_docker_read_profile(cf->pool, &text, ret_profile,
                                         &reason);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no seccomp profile: %V", path, &reason);
    }

    return rc == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* a byte more than is allowed, if there is one */

static ngx_int_t
ngx_http_sandbox_profile_text(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *ret_text)
{
    size_t     len;
    u_char    *p;
    ssize_t    n;
    ngx_fd_t   fd;

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    p = ngx_pnalloc(cf->pool, NGX_HTTP_SANDBOX_PROFILE_MAX + 1);
    len = 0;
    n = p ? 1 : NGX_ERROR;

    while (n > 0 && len <= NGX_HTTP_SANDBOX_PROFILE_MAX) {
        n = ngx_read_fd(fd, p + len, NGX_HTTP_SANDBOX_PROFILE_MAX + 1 - len);
        len += n > 0 ? n : 0;
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
