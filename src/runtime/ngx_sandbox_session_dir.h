
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The folder of a session on the host, which its sandbox sees as /run/sandbox:
 * there the executor finds its bootstrap.json and makes its socket.
 */


#ifndef _NGX_SANDBOX_SESSION_DIR_H_INCLUDED_
#define _NGX_SANDBOX_SESSION_DIR_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* "base" is the node's sandbox_state_path; results are NUL-terminated */

ngx_int_t ngx_sandbox_session_dir_path(ngx_pool_t *pool, ngx_str_t *base,
    ngx_str_t *session_id, ngx_str_t *ret_path);
ngx_int_t ngx_sandbox_session_dir_socket(ngx_pool_t *pool, ngx_str_t *base,
    ngx_str_t *session_id, ngx_str_t *ret_path);

/*
 * Makes the folder, writable for the sandbox, and bootstrap.json in it.  One
 * that is there already is emptied first.  NGX_ERROR is logged.
 */
ngx_int_t ngx_sandbox_session_dir_create(ngx_str_t *path,
    ngx_str_t *bootstrap, ngx_log_t *log);

/*
 * Takes the sandbox's right to write away: from then on nothing in the folder
 * can be replaced, by a link to another socket for example.
 */
ngx_int_t ngx_sandbox_session_dir_seal(ngx_str_t *path,
    ngx_log_t *log);

/* Removes it with what is in it; one that does not exist is fine. */
ngx_int_t ngx_sandbox_session_dir_remove(ngx_str_t *path, ngx_log_t *log);


#endif /* _NGX_SANDBOX_SESSION_DIR_H_INCLUDED_ */
