
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_LANGUAGE_H_INCLUDED_
#define _SANDBOX_LANGUAGE_H_INCLUDED_


#include <jansson.h>


/* room for so many; how many there are is the table's to say */
#define SANDBOX_LANGUAGES_MAX  16

/* of argv, the NULL included */
#define SANDBOX_LANGUAGE_ARGUMENTS  10


/*
 * One row of the table in language.c.  "arguments" stand between the
 * interpreter and the runner; without one the code itself is the last
 * argument.
 */
typedef struct {
    const char   *name;
    const char   *candidates[4];    /* the first that PATH has; NULL ends */
    const char   *arguments[6];     /* NULL ends */
    const char   *runners[4];       /* files that make one, in this order;
                                       NULL ends */
    const char   *early[6];         /* beginnings of the variables that the
                                       interpreter reads while it starts */
    unsigned      event_env:1;      /* the event in SANDBOX_EVENT and stdin */
} sandbox_language_row_t;


typedef struct {
    const sandbox_language_row_t  *row;
    char                          *interpreter;   /* NULL: not in the image */
    int                           runner_fd;     /* a memory file, -1: none */
} sandbox_language_t;


typedef struct {
    sandbox_language_t  items[SANDBOX_LANGUAGES_MAX];
} sandbox_languages_t;


/* looks every interpreter up, and loads the runners, once */
void sandbox_languages_init(sandbox_languages_t *languages, const char *path,
    const char *runners);

/*
 * A program of the image, by its name in the folders of "path", or by its own
 * path.  A new string; NULL: there is none.
 */
char *sandbox_language_lookup(const char *name, const char *path);

/* NULL: a language that no executor knows */
sandbox_language_t *sandbox_languages_find(sandbox_languages_t *languages,
    const char *name);

/* a new array of the names of what can run here */
json_t *sandbox_languages_names(sandbox_languages_t *languages);

/* the rows of the table */
unsigned sandbox_language_count(void);

/* by the number of a row, below sandbox_language_count() */
const char *sandbox_language_name(unsigned n);

/* the number of its row */
unsigned sandbox_language_index(const sandbox_languages_t *languages,
    const sandbox_language_t *language);

/*
 * The runner's source, opened anew so that its reader begins at the beginning;
 * -1 after a line in the log.  It is no file of a path: code that may not see
 * our folder can be run by it.
 */
int sandbox_language_open_runner(const sandbox_language_t *language);

/*
 * Fills "argv", which has room for SANDBOX_LANGUAGE_ARGUMENTS, and returns it.
 * "code" is used by the languages without a runner only.
 */
char **sandbox_language_argv(const sandbox_language_t *language,
    const char *code, char **argv);


#endif /* _SANDBOX_LANGUAGE_H_INCLUDED_ */
