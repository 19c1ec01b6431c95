
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_RELAY_H_INCLUDED_
#define _SANDBOX_RELAY_H_INCLUDED_


#include <stdint.h>
#include "executor.h"


/*
 * Lets an installer, which has no network, ask the control plane for packages:
 * HTTP on the container's own loopback, GET below one path only, for whoever
 * knows the secret that is the beginning of its URL.  It adds the token, which
 * the installer never has.
 */

typedef struct sandbox_relay_s  sandbox_relay_t;

/*
 * "index" is a path, "/packages/KIND/NAME/..."; what begins with these three
 * can be asked for.  "max" bounds the bytes of one answer, and of all of them
 * by a few times that.  NULL after a line in the log.
 */
sandbox_relay_t *sandbox_relay_start(sandbox_executor_t *ex,
    const char *index, uint64_t max);
void sandbox_relay_stop(sandbox_relay_t *relay);

/* the index for an installer */
const char *sandbox_relay_url(const sandbox_relay_t *relay);

/* takes out of a text what nobody may see: the URL's beginning, its secret */
void sandbox_relay_hide(const sandbox_relay_t *relay, char *text);

/* the last that went wrong on its side, in words; empty: nothing did */
const char *sandbox_relay_trouble(const sandbox_relay_t *relay);

/* 1 if it is such a path: nothing in it has to be escaped */
int sandbox_relay_path_is_valid(const char *path);


#endif /* _SANDBOX_RELAY_H_INCLUDED_ */
