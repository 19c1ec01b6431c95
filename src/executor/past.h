
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The ids of executions that are over and forgotten, or that nobody wants any
 * more, so that an attempt is never taken twice, nor one that was given up: a
 * request that was repeated may arrive when the code has already run, and its
 * result been stored; one that was held up, when its client has been told that
 * it did not begin.
 */


#ifndef _SANDBOX_PAST_H_INCLUDED_
#define _SANDBOX_PAST_H_INCLUDED_


#include "bootstrap.h"


/*
 * The latest ones: all that a session can have waiting (1024) may be fenced at
 * the same time, and what is over must not be forgotten for it.
 */
#define SANDBOX_PAST_MAX  2048


typedef struct {
    char      id[SANDBOX_ID_MAX + 1];
    unsigned  attempt;
} sandbox_past_item_t;


/* zeroed by whoever owns it */
typedef struct {
    unsigned             next;
    sandbox_past_item_t  items[SANDBOX_PAST_MAX];
} sandbox_past_t;


void sandbox_past_add(sandbox_past_t *past, const char *id, size_t len,
    unsigned attempt);

/* the newest attempt of it that is not taken any more; 0: none is known */
unsigned sandbox_past_attempt(const sandbox_past_t *past, const char *id,
    size_t len);


#endif /* _SANDBOX_PAST_H_INCLUDED_ */
