
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What the control plane leaves for the executor: who it is, the token, where
 * to report.  Read once and unlinked before anything else runs; afterwards
 * the token is in this object's memory only, which no other process of the
 * sandbox can read (the executor is not dumpable).  Never logs a value.
 */


#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <string.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "executor.h"


#define SANDBOX_BOOTSTRAP_NAME      "bootstrap.json"
#define SANDBOX_BOOTSTRAP_MAX       (256 * 1024)
#define SANDBOX_EXECUTIONS_DEFAULT  4
#define SANDBOX_EXECUTIONS_MAX      64
#define SANDBOX_QUEUED_DEFAULT      16
#define SANDBOX_QUEUED_MAX          1024
#define SANDBOX_PRESTART_MAX        16

#define SANDBOX_ENV_MAX_KEYS        256
#define SANDBOX_ENV_MAX_BYTES       (512 * 1024)


static void sandbox_bootstrap_wipe_free(void *p);
static char *sandbox_bootstrap_load(int dir, size_t *ret_len);
static char *sandbox_bootstrap_load_fd(int fd, size_t *ret_len);
static int sandbox_bootstrap_parse(sandbox_bootstrap_t *b, json_t *root);
static int sandbox_bootstrap_number(json_t *root, const char *name,
    unsigned value, json_int_t min, json_int_t max, unsigned *ret);
static int sandbox_bootstrap_prestart(sandbox_bootstrap_t *b,
    json_t *prestart);
static int sandbox_bootstrap_copy(json_t *root, const char *name, char *dst,
    size_t max);
static int sandbox_bootstrap_token_is_valid(const char *token);


void
sandbox_bootstrap_init(void)
{
    json_set_alloc_funcs(malloc, sandbox_bootstrap_wipe_free);
}


static void
sandbox_bootstrap_wipe_free(void *p)
{
    if (p == NULL) {
        return;
    }

    explicit_bzero(p, malloc_usable_size(p));
    free(p);
}


int
sandbox_bootstrap_read(sandbox_bootstrap_t *b, const char *folder)
{
    int           dir, rc;
    char         *text;
    size_t        len;
    json_t       *root;
    json_error_t  error;

    dir = open(folder, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (dir == -1) {
        sandbox_log("open \"%s\": %s", folder, strerror(errno));
        return SANDBOX_ERROR;
    }

    text = sandbox_bootstrap_load(dir, &len);
    close(dir);

    if (text == NULL) {
        return SANDBOX_ERROR;
    }

    root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);

    explicit_bzero(text, len);
    free(text);

    if (root == NULL) {

        /* error.text quotes the input: the token may be in it */
        explicit_bzero(&error, sizeof(error));

        sandbox_log(SANDBOX_BOOTSTRAP_NAME " is not JSON");
        return SANDBOX_ERROR;
    }

    rc = sandbox_bootstrap_parse(b, root);

    json_decref(root);

    return rc;
}


/* unlinked even if it cannot be read: the token must not stay behind */

static char *
sandbox_bootstrap_load(int dir, size_t *ret_len)
{
    int    fd;
    char  *text;

    fd = openat(dir, SANDBOX_BOOTSTRAP_NAME,
                O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        sandbox_log("open " SANDBOX_BOOTSTRAP_NAME ": %s", strerror(errno));
        return NULL;
    }

    text = sandbox_bootstrap_load_fd(fd, ret_len);
    close(fd);

    if (unlinkat(dir, SANDBOX_BOOTSTRAP_NAME, 0) == -1) {
        sandbox_log("unlink " SANDBOX_BOOTSTRAP_NAME ": %s", strerror(errno));

        if (text != NULL) {
            explicit_bzero(text, *ret_len);
            free(text);
        }

        return NULL;
    }

    return text;
}


static char *
sandbox_bootstrap_load_fd(int fd, size_t *ret_len)
{
    char         *text;
    size_t        len;
    ssize_t       n;
    struct stat   st;

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)
        || st.st_size <= 0 || st.st_size > SANDBOX_BOOTSTRAP_MAX)
    {
        sandbox_log(SANDBOX_BOOTSTRAP_NAME " is no file of 1 to %d bytes",
                    SANDBOX_BOOTSTRAP_MAX);
        return NULL;
    }

    text = malloc(st.st_size);
    if (text == NULL) {
        sandbox_log("no memory for " SANDBOX_BOOTSTRAP_NAME);
        return NULL;
    }

    for (len = 0; len < (size_t) st.st_size; len += n) {
        n = read(fd, text + len, st.st_size - len);
        if (n <= 0) {
            break;
        }
    }

    *ret_len = len;

    return text;
}


static int
sandbox_bootstrap_parse(sandbox_bootstrap_t *b, json_t *root)
{
    json_t  *value;

    memset(b, 0, sizeof(sandbox_bootstrap_t));

    if (sandbox_bootstrap_copy(root, "session_id", b->session_id,
                               SANDBOX_ID_MAX)
        != SANDBOX_OK
        || !sandbox_id_is_valid(b->session_id, strlen(b->session_id)))
    {
        sandbox_log("bootstrap: session_id is not valid");
        return SANDBOX_ERROR;
    }

    if (sandbox_bootstrap_copy(root, "token", b->token, SANDBOX_TOKEN_MAX)
        != SANDBOX_OK
        || !sandbox_bootstrap_token_is_valid(b->token))
    {
        sandbox_log("bootstrap: token is not valid");
        return SANDBOX_ERROR;
    }

    b->token_len = strlen(b->token);

    if (sandbox_bootstrap_copy(root, "callback", b->callback,
                               SANDBOX_CALLBACK_MAX)
        != SANDBOX_OK
        || b->callback[0] != '/')
    {
        sandbox_log("bootstrap: callback is not the path of a socket");
        return SANDBOX_ERROR;
    }

    value = json_object_get(root, "env_vars");

    if (value == NULL || json_is_null(value)) {
        b->env_vars = json_object();

    } else if (sandbox_bootstrap_env_is_valid(value)) {
        b->env_vars = json_incref(value);
    }

    if (b->env_vars == NULL) {
        sandbox_log("bootstrap: env_vars is not valid");
        return SANDBOX_ERROR;
    }

    if (sandbox_bootstrap_number(root, "max_concurrent_executions",
                                 SANDBOX_EXECUTIONS_DEFAULT, 1,
                                 SANDBOX_EXECUTIONS_MAX, &b->max_executions)
        != SANDBOX_OK
        || sandbox_bootstrap_number(root, "max_queued_executions",
                                    SANDBOX_QUEUED_DEFAULT, 0,
                                    SANDBOX_QUEUED_MAX, &b->max_queued)
           != SANDBOX_OK)
    {
        return SANDBOX_ERROR;
    }

    return sandbox_bootstrap_prestart(b, json_object_get(root, "prestart"));
}


/* absent or null: "value" */

static int
sandbox_bootstrap_number(json_t *root, const char *name, unsigned value,
    json_int_t min, json_int_t max, unsigned *ret)
{
    json_t  *number;

    number = json_object_get(root, name);

    if (number == NULL || json_is_null(number)) {
        *ret = value;
        return SANDBOX_OK;
    }

    if (!json_is_integer(number) || json_integer_value(number) < min
        || json_integer_value(number) > max)
    {
        sandbox_log("bootstrap: %s is not %lld to %lld", name,
                    (long long) min, (long long) max);
        return SANDBOX_ERROR;
    }

    *ret = json_integer_value(number);

    return SANDBOX_OK;
}


/* {"python": 2}: interpreters to be kept ready, by language */

static int
sandbox_bootstrap_prestart(sandbox_bootstrap_t *b, json_t *prestart)
{
    unsigned  i;

    for (i = 0; i < sandbox_language_count(); i++) {
        if (sandbox_bootstrap_number(prestart, sandbox_language_name(i), 0, 0,
                                     SANDBOX_PRESTART_MAX, &b->prestart[i])
            != SANDBOX_OK)
        {
            return SANDBOX_ERROR;
        }
    }

    return SANDBOX_OK;
}


static int
sandbox_bootstrap_copy(json_t *root, const char *name, char *dst, size_t max)
{
    size_t   len;
    json_t  *value;

    value = json_object_get(root, name);

    if (!json_is_string(value)) {
        return SANDBOX_ERROR;
    }

    len = json_string_length(value);

    if (len == 0 || len > max) {
        return SANDBOX_ERROR;
    }

    memcpy(dst, json_string_value(value), len);
    dst[len] = '\0';

    return SANDBOX_OK;
}


/* it is sent in a header: nothing that could end one */

static int
sandbox_bootstrap_token_is_valid(const char *token)
{
    for ( /* void */ ; *token; token++) {
        if (*token <= ' ' || *token >= 0x7f) {
            return 0;
        }
    }

    return 1;
}


int
sandbox_bootstrap_is_authorized(const sandbox_bootstrap_t *b,
    const char *value)
{
    size_t    i, len;
    unsigned  diff;

    if (value == NULL || strncasecmp(value, "Bearer ", 7) != 0) {
        return 0;
    }

    value += 7;

    /* the length is no secret, the bytes are */

    len = strlen(value);

    if (len != b->token_len) {
        return 0;
    }

    diff = 0;

    for (i = 0; i < len; i++) {
        diff |= (u_char) value[i] ^ (u_char) b->token[i];
    }

    return diff == 0;
}


int
sandbox_bootstrap_env_is_valid(json_t *env)
{
    size_t       total, size;
    json_t      *value;
    const char  *name;

    if (!json_is_object(env) || json_object_size(env) > SANDBOX_ENV_MAX_KEYS) {
        return 0;
    }

    total = 0;

    json_object_foreach(env, name, value) {

        if (name[0] == '\0' || strchr(name, '=') != NULL
            || !json_is_string(value)
            || strlen(json_string_value(value)) != json_string_length(value))
        {
            return 0;
        }

        size = strlen(name) + 1 + json_string_length(value);
        total += size + 1;

        if (size > SANDBOX_ARGUMENT_MAX || total > SANDBOX_ENV_MAX_BYTES) {
            return 0;
        }
    }

    return 1;
}
