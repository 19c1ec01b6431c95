
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


char *
ngx_http_sandbox_read_profile(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *ret_profile)
{
    ngx_int_t  rc;
    ngx_str_t  text, reason;

    /* a byte more than is allowed, if there is one */

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK
        || ngx_http_sandbox_read_file(cf, path,
                                      NGX_HTTP_SANDBOX_PROFILE_MAX + 1, &text)
           != NGX_OK)
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
