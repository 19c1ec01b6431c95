
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Results that an executor has left behind, of a sandbox that is dead: it kept
 * them on the host's disk until they would be acknowledged.
 *
 * The sandbox's user may have put anything there.  No link is followed, nothing
 * is opened but regular files with the name of a result, and both their number
 * and their size are bounded.  Files are local, few and small: they are read as
 * nginx itself reads files where it has no threads.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_id.h"
#include "ngx_sandbox_session_spool.h"


#define NGX_SANDBOX_SPOOL_NAME  "spool"


static int ngx_sandbox_session_spool_open(ngx_str_t *folder);
static ngx_int_t ngx_sandbox_session_spool_add(ngx_pool_t *pool,
    ngx_array_t *names, char *name);
static ngx_int_t ngx_sandbox_session_spool_take(ngx_pool_t *pool, int fd,
    size_t max, ngx_str_t *ret_text);


ngx_int_t
ngx_sandbox_session_spool_list(ngx_pool_t *pool, ngx_str_t *folder,
    ngx_array_t **ret_names)
{
    int             fd;
    DIR            *dir;
    ngx_int_t       rc;
    struct dirent  *entry;

    *ret_names = ngx_array_create(pool, 4, sizeof(ngx_str_t));
    if (*ret_names == NULL) {
        return NGX_ERROR;
    }

    fd = ngx_sandbox_session_spool_open(folder);

    dir = (fd == -1) ? NULL : fdopendir(fd);

    if (dir == NULL) {

        if (fd != -1) {
            (void) close(fd);
        }

        return NGX_OK;
    }

    rc = NGX_OK;

    while (rc == NGX_OK && (*ret_names)->nelts < NGX_SANDBOX_SPOOL_MAX
           && (entry = readdir(dir)) != NULL)
    {
        rc = ngx_sandbox_session_spool_add(pool, *ret_names, entry->d_name);
    }

    (void) closedir(dir);

    return rc;
}


ngx_int_t
ngx_sandbox_session_spool_read(ngx_pool_t *pool, ngx_str_t *folder,
    ngx_str_t *name, size_t max, ngx_str_t *ret_text)
{
    int        dir, fd;
    ngx_int_t  rc;

    dir = ngx_sandbox_session_spool_open(folder);

    if (dir == -1) {
        return NGX_DECLINED;
    }

    /* a pipe without a writer would be waited for */

    fd = openat(dir, (char *) name->data,
                O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    (void) close(dir);

    if (fd == -1) {
        return NGX_DECLINED;
    }

    rc = ngx_sandbox_session_spool_take(pool, fd, max, ret_text);

    (void) close(fd);

    return rc;
}


ngx_int_t
ngx_sandbox_session_spool_parse(ngx_str_t *name, ngx_str_t *ret_id,
    ngx_int_t *ret_attempt)
{
    u_char  *dot;

    dot = ngx_strlchr(name->data, name->data + name->len, '.');

    if (dot == NULL) {
        return NGX_DECLINED;
    }

    ret_id->data = name->data;
    ret_id->len = dot - name->data;

    *ret_attempt = ngx_atoi(dot + 1, name->len - ret_id->len - 1);

    return ngx_sandbox_id_valid(ret_id) && *ret_attempt > 0 ? NGX_OK
                                                            : NGX_DECLINED;
}


static int
ngx_sandbox_session_spool_open(ngx_str_t *folder)
{
    int  session, fd;

    session = open((char *) folder->data,
                   O_PATH|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (session == -1) {
        return -1;
    }

    fd = openat(session, NGX_SANDBOX_SPOOL_NAME,
                O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    (void) close(session);

    return fd;
}


static ngx_int_t
ngx_sandbox_session_spool_add(ngx_pool_t *pool, ngx_array_t *names, char *name)
{
    ngx_int_t   attempt;
    ngx_str_t   id, text, *copy;

    text.data = (u_char *) name;
    text.len = ngx_strlen(name);

    if (ngx_sandbox_session_spool_parse(&text, &id, &attempt) != NGX_OK) {
        return NGX_OK;
    }

    copy = ngx_array_push(names);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    text.len++;     /* NUL */

    copy->data = ngx_pstrdup(pool, &text);
    copy->len = text.len - 1;

    return copy->data ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_sandbox_session_spool_take(ngx_pool_t *pool, int fd, size_t max,
    ngx_str_t *ret_text)
{
    ssize_t      n;
    struct stat  st;

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)
        || st.st_size <= 0 || (size_t) st.st_size > max)
    {
        return NGX_DECLINED;
    }

    ret_text->data = ngx_pnalloc(pool, st.st_size);
    if (ret_text->data == NULL) {
        return NGX_ERROR;
    }

    n = pread(fd, ret_text->data, st.st_size, 0);

    if (n != (ssize_t) st.st_size) {
        return NGX_DECLINED;
    }

    ret_text->len = n;

    return NGX_OK;
}
