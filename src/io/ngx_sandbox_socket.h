
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The sockets that sandboxes make, for whoever connects to one.
 */


#ifndef _NGX_SANDBOX_SOCKET_H_INCLUDED_
#define _NGX_SANDBOX_SOCKET_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Opens the path, NUL-terminated, as a path, without following a link at its
 * end.  NGX_INVALID_FILE: nothing is there, or (which is logged) nothing that
 * we may connect to.  The caller closes it.
 */
ngx_fd_t ngx_sandbox_socket_open(ngx_str_t *path, ngx_log_t *log);

/* How to connect to just what was opened, as long as it is open. */
void ngx_sandbox_socket_address(ngx_fd_t fd, struct sockaddr_un *ret_address);


#endif /* _NGX_SANDBOX_SOCKET_H_INCLUDED_ */
