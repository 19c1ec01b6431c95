
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_BOOTSTRAP_H_INCLUDED_
#define _SANDBOX_BOOTSTRAP_H_INCLUDED_


#include <stddef.h>
#include <jansson.h>
#include "language.h"


#define SANDBOX_TOKEN_MAX     256
#define SANDBOX_ID_MAX        64
#define SANDBOX_CALLBACK_MAX  107       /* sun_path without its NUL */


typedef struct {
    char      session_id[SANDBOX_ID_MAX + 1];
    char      token[SANDBOX_TOKEN_MAX + 1];
    size_t    token_len;
    char      callback[SANDBOX_CALLBACK_MAX + 1];
    json_t   *env_vars;         /* owned; object of strings, never NULL */
    unsigned  max_executions;   /* at a time */
    unsigned  max_queued;       /* and so many wait */
    unsigned  prestart[SANDBOX_LANGUAGES_MAX];
} sandbox_bootstrap_t;


/*
 * Makes jansson wipe what it frees; to be called before anything is parsed.
 */
void sandbox_bootstrap_init(void);

/*
 * Reads bootstrap.json of the folder, unlinks it and wipes every copy of it
 * but the fields of "b".  SANDBOX_ERROR after a line in the log.
 */
int sandbox_bootstrap_read(sandbox_bootstrap_t *b, const char *folder);

/* 1 if "value" is "Bearer TOKEN"; takes as long for a wrong token */
int sandbox_bootstrap_is_authorized(const sandbox_bootstrap_t *b,
    const char *value);

/*
 * 1 if "env" is an object that execve() can carry; else 0.  Names are not
 * empty and hold no "=", nothing holds a NUL, sizes are bounded.
 */
int sandbox_bootstrap_env_is_valid(json_t *env);


#endif /* _SANDBOX_BOOTSTRAP_H_INCLUDED_ */
