
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_CONFINE_H_INCLUDED_
#define _SANDBOX_CONFINE_H_INCLUDED_


#include <sys/resource.h>
#include <jansson.h>


typedef struct sandbox_bubblewrap_s  sandbox_bubblewrap_t;


/*
 * What keeps an execution in, beside the container around it; made once.
 * docs/executions.md tells what each layer promises.
 */
typedef struct {
    int        landlock;        /* the kernel's ABI version, 0: none */
    int        ruleset_fd;      /* -1: none */
    int        oom_fd;          /* of our oom_score_adj, -1: not to be set */
    unsigned   seccomp:1;
    unsigned   shared:1;        /* the filter is ours, children inherit it */
    rlim_t     file_max;        /* bytes; of the largest file */

    const sandbox_bubblewrap_t  *bubblewrap;    /* NULL: not used */
} sandbox_confine_t;


/*
 * To be called while the process is dumpable: afterwards /proc/self is closed
 * to it as to everybody else.
 */
void sandbox_confine_open_oom(sandbox_confine_t *c);

/*
 * Both are lists of folders, NULL at the end: "writable" are those that it may
 * write, the first one is where its large files go; "hidden" those that it must
 * not read: ours.  Never fails: what the kernel does not have is left out, and
 * told by _describe().
 */
void sandbox_confine_init(sandbox_confine_t *c, const char *const *writable,
    const char *const *hidden);

/*
 * Enters the filter here, once, for all children; a tenth of a millisecond less
 * for each.  Not where bubblewrap is started, which it would refuse its work.
 */
void sandbox_confine_share_filter(sandbox_confine_t *c);

/* a new object: what is in force */
json_t *sandbox_confine_describe(const sandbox_confine_t *c);

/*
 * Around the start of a child: the kernel ends code before the executor when
 * memory runs out.
 */
void sandbox_confine_expendable(const sandbox_confine_t *c, int on);

/*
 * In the child, before execve(); after it there is no way back.  Allocates
 * nothing.  SANDBOX_ERROR: the child must not go on.
 */
int sandbox_confine_enter(const sandbox_confine_t *c);


#endif /* _SANDBOX_CONFINE_H_INCLUDED_ */
