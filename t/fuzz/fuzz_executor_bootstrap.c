
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Takes the input as bootstrap.json.  It is gone afterwards, whatever it was;
 * what is accepted is within its bounds, and only the very token is let in.
 */


#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "sandbox_fuzz.h"


static char  fuzz_folder[] = "/dev/shm/sandbox-fuzz-XXXXXX";


static void
fuzz_remove(void)
{
    (void) rmdir(fuzz_folder);
}


static void
fuzz_write(fuzz_input_t *in, const char *path)
{
    int          fd;
    size_t       len;
    const char  *text;

    text = fuzz_bytes(in, SIZE_MAX, &len);

    fd = open(path, O_WRONLY|O_CREAT|O_EXCL, 0600);
    fuzz_bug(fd == -1);
    fuzz_bug(len && write(fd, text, len) != (ssize_t) len);
    close(fd);
}


static void
fuzz_token(const sandbox_bootstrap_t *b)
{
    char  value[SANDBOX_TOKEN_MAX + 16];

    snprintf(value, sizeof(value), "Bearer %s", b->token);
    fuzz_bug(!sandbox_bootstrap_is_authorized(b, value));

    value[7 + b->token_len - 1] ^= 1;
    fuzz_bug(sandbox_bootstrap_is_authorized(b, value));

    value[7 + b->token_len - 1] = '\0';
    fuzz_bug(sandbox_bootstrap_is_authorized(b, value));

    fuzz_bug(sandbox_bootstrap_is_authorized(b, b->token));
    fuzz_bug(sandbox_bootstrap_is_authorized(b, "Bearer "));
    fuzz_bug(sandbox_bootstrap_is_authorized(b, NULL));
}


static void
fuzz_accepted(const sandbox_bootstrap_t *b)
{
    size_t  i;

    fuzz_bug(!sandbox_id_is_valid(b->session_id, strlen(b->session_id)));
    fuzz_bug(b->token_len == 0 || strlen(b->token) != b->token_len);

    for (i = 0; i < b->token_len; i++) {
        fuzz_bug(b->token[i] <= ' ' || b->token[i] > '~');
    }

    fuzz_bug(b->callback[0] != '/');
    fuzz_bug(strlen(b->callback) > SANDBOX_CALLBACK_MAX);

    fuzz_bug(!sandbox_bootstrap_env_is_valid(b->env_vars));
    fuzz_bug(b->max_executions < 1 || b->max_executions > 64);
    fuzz_bug(b->max_queued > 1024);

    for (i = 0; i < sandbox_language_count(); i++) {
        fuzz_bug(b->prestart[i] > 16);
    }

    fuzz_token(b);
}


static void
fuzz_one(fuzz_input_t *in)
{
    static int           made;
    char                 path[sizeof(fuzz_folder) + 32];
    sandbox_bootstrap_t  b;

    if (!made) {
        made = 1;
        fuzz_bug(mkdtemp(fuzz_folder) == NULL);
        atexit(fuzz_remove);
        sandbox_bootstrap_init();
    }

    snprintf(path, sizeof(path), "%s/bootstrap.json", fuzz_folder);

    fuzz_write(in, path);
    memset(&b, 0, sizeof(b));

    if (sandbox_bootstrap_read(&b, fuzz_folder) == SANDBOX_OK) {
        fuzz_accepted(&b);
    }

    json_decref(b.env_vars);

    fuzz_bug(access(path, F_OK) == 0 || errno != ENOENT);
}
