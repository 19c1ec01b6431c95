
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The folder that a session shares with its sandbox.
 *
 * Its parent is the worker's own and closed to everybody else (mode 0700), so
 * the open mode in here opens nothing to other users of the host: the sandbox
 * reaches the folder through its bind mount only.  What a sandbox may have put
 * there is never followed, and only unlinked; of its folders those are emptied
 * that lie right in it, as the executor's spool does.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_session_dir.h"


#define NGX_SANDBOX_SESSION_DIR_OPEN    0777
#define NGX_SANDBOX_SESSION_DIR_SEALED  0700

#define NGX_SANDBOX_BOOTSTRAP           "bootstrap.json"
#define NGX_SANDBOX_SOCKET              "executor.sock"

/* of folders that are emptied below it */
#define NGX_SANDBOX_SESSION_DIR_DEPTH   1


static ngx_int_t ngx_sandbox_session_dir_join(ngx_pool_t *pool,
    ngx_str_t *base, ngx_str_t *session_id, char *name, ngx_str_t *ret_path);
static ngx_int_t ngx_sandbox_session_dir_write(int dir, ngx_str_t *text,
    ngx_log_t *log);
static ngx_int_t ngx_sandbox_session_dir_empty(u_char *path, ngx_log_t *log);
static void ngx_sandbox_session_dir_empty_at(DIR *dir, u_char *path,
    ngx_uint_t depth, ngx_log_t *log);
static ngx_int_t ngx_sandbox_session_dir_unlink(int fd, char *name,
    u_char *path, ngx_uint_t depth, ngx_log_t *log);
static DIR *ngx_sandbox_session_dir_open(int fd, char *name);


ngx_int_t
ngx_sandbox_session_dir_path(ngx_pool_t *pool, ngx_str_t *base,
    ngx_str_t *session_id, ngx_str_t *ret_path)
{
    return ngx_sandbox_session_dir_join(pool, base, session_id, NULL,
                                        ret_path);
}


ngx_int_t
ngx_sandbox_session_dir_socket(ngx_pool_t *pool, ngx_str_t *base,
    ngx_str_t *session_id, ngx_str_t *ret_path)
{
    return ngx_sandbox_session_dir_join(pool, base, session_id,
                                        NGX_SANDBOX_SOCKET, ret_path);
}


ngx_int_t
ngx_sandbox_session_dir_create(ngx_str_t *path,
    ngx_str_t *bootstrap, ngx_log_t *log)
{
    int        dir;
    ngx_int_t  rc;

    if (ngx_sandbox_session_dir_remove(path, log) != NGX_OK) {
        return NGX_ERROR;
    }

    if (mkdir((char *) path->data, 0700) == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "sandbox: mkdir \"%V\" failed", path);
        return NGX_ERROR;
    }

    dir = open((char *) path->data, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    if (dir == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "sandbox: open \"%V\" failed", path);
        return NGX_ERROR;
    }

    rc = ngx_sandbox_session_dir_write(dir, bootstrap, log);

    /* mkdir() is subject to the umask */

    if (rc == NGX_OK && fchmod(dir, NGX_SANDBOX_SESSION_DIR_OPEN) == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "sandbox: fchmod \"%V\" failed", path);
        rc = NGX_ERROR;
    }

    (void) close(dir);

    return rc;
}


ngx_int_t
ngx_sandbox_session_dir_seal(ngx_str_t *path,
    ngx_log_t *log)
{
    if (chmod((char *) path->data, NGX_SANDBOX_SESSION_DIR_SEALED) == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "sandbox: chmod \"%V\" failed", path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_session_dir_remove(ngx_str_t *path, ngx_log_t *log)
{
    if (ngx_sandbox_session_dir_empty(path->data, log) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rmdir((char *) path->data) == -1 && ngx_errno != NGX_ENOENT) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "sandbox: rmdir \"%V\" failed", path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_session_dir_join(ngx_pool_t *pool, ngx_str_t *base,
    ngx_str_t *session_id, char *name, ngx_str_t *ret_path)
{
    u_char  *p;
    size_t   len;

    len = base->len + 1 + session_id->len;

    if (name) {
        len += 1 + ngx_strlen(name);
    }

    p = ngx_pnalloc(pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ret_path->data = p;
    ret_path->len = len;

    p = ngx_sprintf(p, "%V/%V", base, session_id);

    if (name) {
        p = ngx_sprintf(p, "/%s", name);
    }

    *p = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_session_dir_write(int dir, ngx_str_t *text, ngx_log_t *log)
{
    int      fd;
    ssize_t  n;

    fd = openat(dir, NGX_SANDBOX_BOOTSTRAP,
                O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "sandbox: creating " NGX_SANDBOX_BOOTSTRAP " failed");
        return NGX_ERROR;
    }

    n = write(fd, text->data, text->len);

    /* the sandbox's user is not ours; the parent keeps all others out */

    if (n != (ssize_t) text->len || fchmod(fd, 0644) == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "sandbox: writing " NGX_SANDBOX_BOOTSTRAP " failed");
        (void) close(fd);
        return NGX_ERROR;
    }

    (void) close(fd);

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_session_dir_empty(u_char *path, ngx_log_t *log)
{
    DIR  *dir;

    dir = ngx_sandbox_session_dir_open(AT_FDCWD, (char *) path);

    if (dir == NULL) {
        return (ngx_errno == NGX_ENOENT) ? NGX_OK : NGX_ERROR;
    }

    ngx_sandbox_session_dir_empty_at(dir, path, NGX_SANDBOX_SESSION_DIR_DEPTH,
                                     log);

    return NGX_OK;
}


/* closes it */

static void
ngx_sandbox_session_dir_empty_at(DIR *dir, u_char *path, ngx_uint_t depth,
    ngx_log_t *log)
{
    struct dirent  *entry;

    while ((entry = readdir(dir)) != NULL) {

        if (ngx_strcmp(entry->d_name, ".") == 0
            || ngx_strcmp(entry->d_name, "..") == 0)
        {
            continue;
        }

        /* two that settle a session may both be here */

        if (ngx_sandbox_session_dir_unlink(dirfd(dir), entry->d_name, path,
                                           depth, log)
            != NGX_OK
            && ngx_errno != NGX_ENOENT)
        {
            ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                          "sandbox: unlink \"%s/%s\" failed",
                          path, entry->d_name);
        }
    }

    (void) closedir(dir);
}


/* the type that a folder tells of its entries may be unknown, or no more so */

static ngx_int_t
ngx_sandbox_session_dir_unlink(int fd, char *name, u_char *path,
    ngx_uint_t depth, ngx_log_t *log)
{
    DIR  *dir;

    if (unlinkat(fd, name, 0) == 0) {
        return NGX_OK;
    }

    if (ngx_errno != NGX_EISDIR) {
        return NGX_ERROR;
    }

    if (depth) {
        dir = ngx_sandbox_session_dir_open(fd, name);

        if (dir == NULL) {
            return NGX_ERROR;
        }

        ngx_sandbox_session_dir_empty_at(dir, path, depth - 1, log);
    }

    return (unlinkat(fd, name, AT_REMOVEDIR) == 0) ? NGX_OK : NGX_ERROR;
}


static DIR *
ngx_sandbox_session_dir_open(int fd, char *name)
{
    int         folder;
    DIR        *dir;
    ngx_err_t   err;

    folder = openat(fd, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (folder == -1) {
        return NULL;
    }

    dir = fdopendir(folder);

    if (dir == NULL) {
        err = ngx_errno;
        (void) close(folder);
        ngx_set_errno(err);
    }

    return dir;
}
