
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Results that nobody has yet, on the disk of the host, for an executor that
 * ends before it could tell them.  One file each, {id}.{attempt}, in a folder
 * of the session's own that is known by its descriptor only: code runs when
 * the path to it is closed.  Still nothing in it is trusted: no link is
 * followed, and a file is looked at before it is taken for a result.
 *
 * These are the only calls of the executor that may wait, for the disk; a
 * result whose caller takes it never comes here.
 */


#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "json.h"
#include "spool.h"


#define SANDBOX_SPOOL_NEW       ".new"

/* the parent keeps everybody out, and who removes it is another user */
#define SANDBOX_SPOOL_MODE      0777

/* ours are far fewer: who has put more there must not keep us from starting */
#define SANDBOX_SPOOL_NAMES     1024


static void sandbox_spool_entry(sandbox_executor_t *ex, const char *name);
static int sandbox_spool_is_wanted(sandbox_executor_t *ex, const char *name,
    size_t len, unsigned attempt);
static void sandbox_spool_junk(sandbox_executor_t *ex, const char *name);
static int sandbox_spool_read(sandbox_executor_t *ex, const char *name,
    struct evbuffer *body);
static int sandbox_spool_read_body(int fd, size_t size,
    struct evbuffer *body);
static int sandbox_spool_create(sandbox_executor_t *ex);
static int sandbox_spool_write_body(int fd, struct evbuffer *body);
static void sandbox_spool_name(const sandbox_execution_t *e, char *name);


void
sandbox_spool_open(sandbox_executor_t *ex)
{
    int  folder;

    ex->spool_fd = -1;

    folder = open(ex->folder, O_PATH|O_DIRECTORY|O_CLOEXEC);

    if (folder != -1) {
        (void) mkdirat(folder, SANDBOX_SPOOL_FOLDER, 0700);

        ex->spool_fd = openat(folder, SANDBOX_SPOOL_FOLDER,
                              O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    }

    if (ex->spool_fd == -1) {
        sandbox_log("open \"%s/" SANDBOX_SPOOL_FOLDER "\": %s", ex->folder,
                    strerror(errno));

    } else {
        (void) fchmod(ex->spool_fd, SANDBOX_SPOOL_MODE);
    }

    if (folder != -1) {
        close(folder);
    }
}


void
sandbox_spool_load(sandbox_executor_t *ex)
{
    int             fd;
    DIR            *dir;
    unsigned        n;
    struct dirent  *entry;

    ex->spool_more = 0;

    if (ex->spool_fd == -1) {
        return;
    }

    fd = openat(ex->spool_fd, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    dir = fd == -1 ? NULL : fdopendir(fd);

    if (dir == NULL) {
        sandbox_log("the spool cannot be read: %s", strerror(errno));

        if (fd != -1) {
            close(fd);
        }

        return;
    }

    for (n = 0; n < SANDBOX_SPOOL_NAMES; n++) {
        entry = readdir(dir);

        if (entry == NULL) {
            break;
        }

        if (strcmp(entry->d_name, ".") != 0
            && strcmp(entry->d_name, "..") != 0)
        {
            sandbox_spool_entry(ex, entry->d_name);
        }
    }

    if (n == SANDBOX_SPOOL_NAMES) {
        ex->spool_more = 1;
    }

    closedir(dir);
}


static void
sandbox_spool_entry(sandbox_executor_t *ex, const char *name)
{
    int                   rc;
    size_t                len;
    unsigned              attempt;
    struct evbuffer      *body;
    sandbox_execution_t  *older;

    if (!sandbox_spool_parse_name(name, &len, &attempt)) {
        sandbox_spool_junk(ex, name);
        return;
    }

    if (!sandbox_spool_is_wanted(ex, name, len, attempt)) {
        return;
    }

    body = evbuffer_new();
    rc = body ? sandbox_spool_read(ex, name, body) : SANDBOX_ERROR;

    if (rc == SANDBOX_OK
        && !sandbox_spool_is_result((const char *) evbuffer_pullup(body, -1),
                                    evbuffer_get_length(body), name, len,
                                    attempt))
    {
        rc = SANDBOX_REFUSED;
    }

    if (rc == SANDBOX_OK) {
        older = sandbox_execution_find(ex, name, len);

        if (older != NULL) {
            sandbox_execution_forget(older);
        }

        rc = sandbox_execution_restore(ex, name, len, attempt, body);
    }

    if (rc == SANDBOX_OK) {
        return;
    }

    if (rc == SANDBOX_REFUSED) {
        sandbox_spool_junk(ex, name);

    } else {
        sandbox_log("%s of the spool cannot be read now", name);
    }

    if (body != NULL) {
        evbuffer_free(body);
    }
}


/* 0: it is known, is of an attempt that counts no more, or has to wait */

static int
sandbox_spool_is_wanted(sandbox_executor_t *ex, const char *name, size_t len,
    unsigned attempt)
{
    sandbox_execution_t  *e;

    e = sandbox_execution_find(ex, name, len);

    if (e != NULL && e->attempt > attempt) {
        sandbox_spool_junk(ex, name);
        return 0;
    }

    if (e != NULL && (e->attempt == attempt
                      || e->state != SANDBOX_EXECUTION_ENDED))
    {
        return 0;
    }

    if (ex->held >= SANDBOX_HELD_MAX
        || ex->held_bytes >= SANDBOX_HELD_MAX_BYTES)
    {
        ex->spool_more = 1;
        return 0;
    }

    return 1;
}


static void
sandbox_spool_junk(sandbox_executor_t *ex, const char *name)
{
    int  i;
    char text[SANDBOX_SPOOL_NAME_MAX + 1];

    /* whoever made it chose its name: the log stays one of lines */

    for (i = 0; name[i] && i < (int) SANDBOX_SPOOL_NAME_MAX; i++) {
        text[i] = name[i] > ' ' && name[i] < 0x7f ? name[i] : '?';
    }

    text[i] = '\0';

    if (unlinkat(ex->spool_fd, name, 0) == -1
        && unlinkat(ex->spool_fd, name, AT_REMOVEDIR) == -1)
    {
        sandbox_log("\"%s\" stays in the spool: %s", text, strerror(errno));
        return;
    }

    sandbox_log("\"%s\" was no result, and is gone from the spool", text);
}


int
sandbox_spool_parse_name(const char *name, size_t *ret_len,
    unsigned *ret_attempt)
{
    size_t       len;
    unsigned     n;
    const char  *p;

    p = strchr(name, '.');
    if (p == NULL) {
        return 0;
    }

    len = p - name;

    /* written one way only, so that a file has one name */

    if (!sandbox_id_is_valid(name, len) || p[1] == '0') {
        return 0;
    }

    for (n = 0, p++; *p >= '0' && *p <= '9' && n <= SANDBOX_ATTEMPT_MAX; p++) {
        n = n * 10 + (*p - '0');
    }

    if (*p != '\0' || n == 0 || n > SANDBOX_ATTEMPT_MAX) {
        return 0;
    }

    *ret_len = len;
    *ret_attempt = n;

    return 1;
}


/* SANDBOX_REFUSED: it is nothing of ours, SANDBOX_ERROR: not now */

static int
sandbox_spool_read(sandbox_executor_t *ex, const char *name,
    struct evbuffer *body)
{
    int          fd, rc;
    struct stat  st;

    /* what is no file may make open() wait */

    fd = openat(ex->spool_fd, name,
                O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd == -1) {
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM
               || errno == EIO ? SANDBOX_ERROR : SANDBOX_REFUSED;
    }

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)
        || st.st_size == 0 || st.st_size > SANDBOX_BODY_MAX)
    {
        rc = SANDBOX_REFUSED;

    } else {
        rc = sandbox_spool_read_body(fd, st.st_size, body);
    }

    close(fd);

    return rc;
}


static int
sandbox_spool_read_body(int fd, size_t size, struct evbuffer *body)
{
    size_t                 have;
    ssize_t                n;
    struct evbuffer_iovec  vec;

    if (evbuffer_reserve_space(body, size, &vec, 1) != 1) {
        return SANDBOX_ERROR;
    }

    for (have = 0; have < size; have += n) {
        n = read(fd, (char *) vec.iov_base + have, size - have);

        if (n == 0) {
            return SANDBOX_REFUSED;
        }

        if (n == -1) {
            return SANDBOX_ERROR;
        }
    }

    vec.iov_len = size;

    return evbuffer_commit_space(body, &vec, 1) == 0 ? SANDBOX_OK
                                                     : SANDBOX_ERROR;
}


int
sandbox_spool_is_result(const char *text, size_t size, const char *id,
    size_t len, unsigned attempt)
{
    int          rc;
    json_t      *head, *value;
    const char  *nl;

    nl = memchr(text, '\n',
                size < SANDBOX_HEAD_MAX + 1 ? size : SANDBOX_HEAD_MAX + 1);

    if (nl == NULL || sandbox_json_check(text, nl) != NULL) {
        return 0;
    }

    head = json_loadb(text, nl - text, 0, NULL);
    value = json_object_get(head, "execution_id");

    rc = json_string_length(value) == len
         && memcmp(json_string_value(value), id, len) == 0
         && json_integer_value(json_object_get(head, "attempt")) == attempt;

    json_decref(head);

    return rc;
}


void
sandbox_spool_write(sandbox_execution_t *e)
{
    int                  fd, rc, error;
    char                 name[SANDBOX_SPOOL_NAME_MAX + 1];
    sandbox_executor_t  *ex;

    ex = e->executor;

    if (e->spooled || ex->spool_fd == -1) {
        return;
    }

    /* also when it fails: what may be there is removed later */
    e->spooled = 1;

    sandbox_spool_name(e, name);

    fd = sandbox_spool_create(ex);
    rc = fd == -1 ? SANDBOX_ERROR : sandbox_spool_write_body(fd, e->body);

    if (rc == SANDBOX_OK
        && (fdatasync(fd) == -1
            || renameat(ex->spool_fd, SANDBOX_SPOOL_NEW, ex->spool_fd, name)
               == -1
            || fsync(ex->spool_fd) == -1))
    {
        rc = SANDBOX_ERROR;
    }

    error = errno;

    if (fd != -1) {
        close(fd);
    }

    if (rc == SANDBOX_OK) {
        ex->spool_failed = 0;
        return;
    }

    (void) unlinkat(ex->spool_fd, SANDBOX_SPOOL_NEW, 0);

    if (!ex->spool_failed) {
        /* once, until one is written again */
        sandbox_log("%s cannot be written to the spool: %s", name,
                    strerror(error));
        ex->spool_failed = 1;
    }
}


static int
sandbox_spool_create(sandbox_executor_t *ex)
{
    (void) unlinkat(ex->spool_fd, SANDBOX_SPOOL_NEW, 0);

    /* for the worker, which reads it when this sandbox is dead */

    return openat(ex->spool_fd, SANDBOX_SPOOL_NEW,
                  O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0644);
}


static int
sandbox_spool_write_body(int fd, struct evbuffer *body)
{
    size_t                 left;
    ssize_t                n;
    struct evbuffer_ptr    at;
    struct evbuffer_iovec  vec;

    if (evbuffer_ptr_set(body, &at, 0, EVBUFFER_PTR_SET) == -1) {
        return SANDBOX_ERROR;
    }

    for (left = evbuffer_get_length(body); left; left -= n) {

        if (evbuffer_peek(body, left, &at, &vec, 1) < 1) {
            return SANDBOX_ERROR;
        }

        n = write(fd, vec.iov_base, vec.iov_len);

        if (n <= 0) {
            return SANDBOX_ERROR;
        }

        (void) evbuffer_ptr_set(body, &at, n, EVBUFFER_PTR_ADD);
    }

    return SANDBOX_OK;
}


void
sandbox_spool_remove(sandbox_execution_t *e)
{
    char  name[SANDBOX_SPOOL_NAME_MAX + 1];

    if (e->spooled) {
        sandbox_spool_name(e, name);

        (void) unlinkat(e->executor->spool_fd, name, 0);
    }
}


static void
sandbox_spool_name(const sandbox_execution_t *e, char *name)
{
    snprintf(name, SANDBOX_SPOOL_NAME_MAX + 1, "%s.%u", e->id, e->attempt);
}
