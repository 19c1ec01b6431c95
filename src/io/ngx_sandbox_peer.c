
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The kernel says which process has connected, and /proc which number that
 * process has in its own pid namespace.  The executor is number 1 of its
 * container, and code that it runs cannot be: so the token is not the only
 * thing that keeps code from speaking in its executor's name.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_peer.h"


#define NGX_SANDBOX_PEER_STATUS  4096


static ngx_int_t ngx_sandbox_peer_status(pid_t pid, u_char *buf, size_t size,
    ngx_str_t *ret_status);


/* a mount with "hidepid" shows nobody else's processes */
static ngx_uint_t  ngx_sandbox_peer_visible;


ngx_int_t
ngx_sandbox_peer_init(void)
{
    u_char     buf[NGX_SANDBOX_PEER_STATUS];
    ngx_str_t  status;

    /* whoever is process 1 is another user */

    ngx_sandbox_peer_visible = (ngx_sandbox_peer_status(1, buf, sizeof(buf),
                                                        &status)
                                == NGX_OK);

    return ngx_sandbox_peer_visible ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_sandbox_peer_check(ngx_socket_t fd)
{
    u_char        buf[NGX_SANDBOX_PEER_STATUS];
    socklen_t     len;
    ngx_str_t     status;
    struct ucred  peer;

    len = sizeof(struct ucred);

    if (!ngx_sandbox_peer_visible
        || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1
        || peer.pid == 0)
    {
        /* 0: it is in a namespace that is not below ours */
        return NGX_OK;
    }

    if (ngx_sandbox_peer_status(peer.pid, buf, sizeof(buf), &status)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_sandbox_peer_read(&status);
}


/*
 * "NSpid:\t4711\t1\n": its number in our namespace, in those below, and at the
 * end in its own.
 */

ngx_int_t
ngx_sandbox_peer_read(ngx_str_t *status)
{
    u_char      *p, *last, *number;
    ngx_uint_t   n;

    last = status->data + status->len;

    p = ngx_strlcasestrn(status->data, last, (u_char *) "\nNSpid:",
                         sizeof("\nNSpid:") - 2);
    if (p == NULL) {
        /* a kernel that does not tell */
        return NGX_OK;
    }

    p += sizeof("\nNSpid:") - 1;
    number = p;

    for (n = 0; p < last && *p != LF; /* void */ ) {

        if (*p < '0' || *p > '9') {
            p++;
            continue;
        }

        number = p;
        n++;

        while (p < last && *p >= '0' && *p <= '9') {
            p++;
        }
    }

    if (n == 1 || (p - number == 1 && *number == '1')) {
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_sandbox_peer_status(pid_t pid, u_char *buf, size_t size,
    ngx_str_t *ret_status)
{
    ssize_t   n;
    u_char    path[sizeof("/proc//status") + NGX_INT64_LEN];
    ngx_fd_t  fd;

    ngx_sprintf(path, "/proc/%P/status%Z", pid);

    fd = ngx_open_file(path, NGX_FILE_RDONLY|O_CLOEXEC, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, buf, size);

    (void) ngx_close_file(fd);

    if (n <= 0) {
        return NGX_ERROR;
    }

    ret_status->data = buf;
    ret_status->len = n;

    return NGX_OK;
}
