
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_REQUEST_H_INCLUDED_
#define _SANDBOX_REQUEST_H_INCLUDED_


#include <stddef.h>
#include <jansson.h>


/*
 * What POST /v1/executions asks for.  "event" points into the body that was
 * parsed, which must live as long; everything else is owned.
 */
typedef struct {
    json_t      *fields;            /* owned: what the pointers below need */

    const char  *id;
    const char  *language;
    const char  *code;
    size_t       code_len;
    double       timeout;           /* seconds */
    unsigned     attempt;           /* 1 and up */
    const char  *event;             /* JSON text; NULL: null */
    size_t       event_len;
    json_t      *env_vars;          /* NULL: none */
    const char  *stdin_data;        /* NULL: none */
    size_t       stdin_len;
    const char  *working_directory; /* NULL: the workspace */
    unsigned     sync:1;
} sandbox_request_t;


/*
 * Checks everything that needs no look at the system.  SANDBOX_ERROR: one
 * line that names the field is in "error".  To be freed in both cases.
 */
int sandbox_request_parse(sandbox_request_t *r, const char *body, size_t len,
    char *error, size_t size);
void sandbox_request_free(sandbox_request_t *r);

/* 1 if "path" is relative, without "..", and stays below where it starts */
int sandbox_request_path_is_valid(const char *path);


#endif /* _SANDBOX_REQUEST_H_INCLUDED_ */
