
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What stands at such a path was made inside of a sandbox: a link there could
 * lead to any socket of the host.  So the path is opened without following one,
 * what was opened is looked at, and connected to through the descriptor.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_socket.h"


ngx_fd_t
ngx_sandbox_socket_open(ngx_str_t *path, ngx_log_t *log)
{
    ngx_fd_t         fd;
    ngx_file_info_t  fi;

    fd = open((char *) path->data, O_PATH|O_NOFOLLOW|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE) {
        return NGX_INVALID_FILE;
    }

    /* its owner, the sandbox, may close it to us, and connect() would alarm */

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR || !S_ISSOCK(fi.st_mode)
        || !(fi.st_mode & S_IWOTH))
    {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "sandbox: \"%V\" is not a socket that we may use", path);

        (void) ngx_close_file(fd);
        return NGX_INVALID_FILE;
    }

    return fd;
}


void
ngx_sandbox_socket_address(ngx_fd_t fd, struct sockaddr_un *ret_address)
{
    ngx_memzero(ret_address, sizeof(struct sockaddr_un));

    ret_address->sun_family = AF_UNIX;
    ngx_sprintf((u_char *) ret_address->sun_path, "/proc/self/fd/%d%Z", fd);
}
