
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The door of the callback listener.  Code in a sandbox can reach its socket,
 * and would hold a connection for as long as a header may take; many of them,
 * and there is none left for anybody.  So it is looked who has connected before
 * anything else is done, and others than executors are let go at once.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_sandbox_module.h"
#include "ngx_sandbox_peer.h"


static ngx_uint_t ngx_http_sandbox_guard_is_callback(ngx_listening_t *ls,
    ngx_str_t *folder);
static void ngx_http_sandbox_guard_connection(ngx_connection_t *c);


void
ngx_http_sandbox_guard(ngx_sandbox_node_t *node, ngx_cycle_t *cycle)
{
    ngx_uint_t        i;
    ngx_listening_t  *ls;

    if (ngx_sandbox_peer_init() != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "sandbox: /proc hides the processes of other users, so "
                      "code in a sandbox can hold connections of the callback "
                      "listener; mount it without hidepid");
        return;
    }

    ls = cycle->listening.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {

        if (ngx_http_sandbox_guard_is_callback(&ls[i], &node->callback_path)) {
            ls[i].handler = ngx_http_sandbox_guard_connection;
        }
    }
}


/* a socket in the folder that is bound into sandboxes, whatever its name */

static ngx_uint_t
ngx_http_sandbox_guard_is_callback(ngx_listening_t *ls, ngx_str_t *folder)
{
    struct sockaddr_un  *sun;

    if (ls->handler != ngx_http_init_connection
        || ls->sockaddr->sa_family != AF_UNIX
        || folder->len == 0)
    {
        return 0;
    }

    sun = (struct sockaddr_un *) ls->sockaddr;

    return ngx_strncmp(sun->sun_path, folder->data, folder->len) == 0
           && sun->sun_path[folder->len] == '/';
}


static void
ngx_http_sandbox_guard_connection(ngx_connection_t *c)
{
    if (ngx_sandbox_peer_check(c->fd) == NGX_OK) {
        ngx_http_init_connection(c);
        return;
    }

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "sandbox: the callback listener has closed a connection "
                  "that is no executor's");

    ngx_http_close_connection(c);
}
