
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_LANGUAGE_H_INCLUDED_
#define _SANDBOX_LANGUAGE_H_INCLUDED_


#include <jansson.h>


#define SANDBOX_LANGUAGES  3


/*
 * One row of the table in language.c.  "arguments" stand between the
 * interpreter and the runner's file; without a runner the code itself is the
 * last argument.
 */
typedef struct {
    const char   *name;
    const char   *candidates[4];    /* the first that PATH has; NULL ends */
    const char   *arguments[6];     /* NULL ends */
    const char   *runner;           /* file name, NULL: none */
    unsigned      event_env:1;      /* the event in SANDBOX_EVENT and stdin */
} sandbox_language_row_t;


typedef struct {
    const sandbox_language_row_t  *row;
    char                          *interpreter;   /* NULL: not in the image */
    char                          *runner;        /* path, NULL: none */
} sandbox_language_t;


typedef struct {
    sandbox_language_t  items[SANDBOX_LANGUAGES];
} sandbox_languages_t;


/* looks every interpreter up, once; SANDBOX_ERROR: no memory */
int sandbox_languages_init(sandbox_languages_t *languages, const char *path,
    const char *runners);

/* NULL: a language that no executor knows */
sandbox_language_t *sandbox_languages_find(sandbox_languages_t *languages,
    const char *name);

/* a new array of the names of what can run here */
json_t *sandbox_languages_names(sandbox_languages_t *languages);

/*
 * Fills "argv", which has room for 10, and returns it.  "code" is used by the
 * languages without a runner only.
 */
char **sandbox_language_argv(const sandbox_language_t *language,
    const char *code, char **argv);


#endif /* _SANDBOX_LANGUAGE_H_INCLUDED_ */
