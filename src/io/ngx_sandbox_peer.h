
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_PEER_H_INCLUDED_
#define _NGX_SANDBOX_PEER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Who is at the other end of a unix socket.
 *
 * NGX_OK:        an executor (process 1 of its pid namespace), or a process of
 *                our own namespace, or one of which nothing can be known
 * NGX_DECLINED:  any other process of another namespace: code in a sandbox, or
 *                one that has ended meanwhile
 */
ngx_int_t ngx_sandbox_peer_check(ngx_socket_t fd);

/* NGX_OK: it can be told who a peer is; else every peer counts as known. */
ngx_int_t ngx_sandbox_peer_init(void);

/* For the check: the text of /proc/PID/status. */
ngx_int_t ngx_sandbox_peer_read(ngx_str_t *status);


#endif /* _NGX_SANDBOX_PEER_H_INCLUDED_ */
