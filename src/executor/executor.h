
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What every part of the executor shares: its limits, the one object that
 * holds everything, and the log.  docs/executor.md is the contract with the
 * control plane.  One thread, one event loop; nothing here blocks, but for the
 * moment that a start inside of bubblewrap takes, and for the spool's disk.
 */


#ifndef _SANDBOX_EXECUTOR_H_INCLUDED_
#define _SANDBOX_EXECUTOR_H_INCLUDED_


#include <sys/types.h>
#include <sys/queue.h>
#include <event2/event.h>
#include "bootstrap.h"
#include "confine.h"
#include "events.h"
#include "language.h"
#include "past.h"


#define SANDBOX_EXECUTOR_VERSION  "0.1.0"

#define SANDBOX_OK        0
#define SANDBOX_ERROR    -1
#define SANDBOX_AGAIN    -2
#define SANDBOX_REFUSED  -5     /* a final answer, and it is no */

#define SANDBOX_BODY_MAX     (16 * 1024 * 1024)     /* bytes */
#define SANDBOX_HEADERS_MAX  (32 * 1024)            /* bytes */

#define SANDBOX_OUTPUT_MAX   (1024 * 1024)          /* a stream, bytes */
#define SANDBOX_RETURN_MAX   (1024 * 1024)          /* bytes, as JSON */
#define SANDBOX_MESSAGE_MAX  2048                   /* error_message, bytes */
#define SANDBOX_HEAD_MAX     (16 * 1024)            /* of a result, bytes */

#define SANDBOX_ATTEMPT_MAX  1000

/* the shell's code is one argument, and the kernel bounds that */
#define SANDBOX_ARGUMENT_MAX  (128 * 1024 - 1)      /* bytes */

#define SANDBOX_TIMEOUT_MAX  3600                   /* seconds */

/* folders that code must not read */
#define SANDBOX_HIDDEN_MAX  3

/* what a child must still have when its own descriptors are in place */
#define SANDBOX_FD_BASE  16

#define SANDBOX_KILL_DELAY_MS  2000     /* from SIGTERM to SIGKILL */
#define SANDBOX_ACK_DELAY_MS   2000     /* from the answer to the report */

/* results that wait for their ack; beyond, new work is refused */
#define SANDBOX_HELD_MAX        64
#define SANDBOX_HELD_MAX_BYTES  (16 * 1024 * 1024)

/* requests that wait for a place; their number is the template's */
#define SANDBOX_QUEUED_MAX_BYTES  (16 * 1024 * 1024)


typedef struct sandbox_executor_s   sandbox_executor_t;
typedef struct sandbox_execution_s  sandbox_execution_t;
typedef struct sandbox_pool_s       sandbox_pool_t;
typedef struct sandbox_heartbeat_s  sandbox_heartbeat_t;
typedef struct sandbox_install_s    sandbox_install_t;


struct sandbox_executor_s {
    struct event_base        *base;
    sandbox_bootstrap_t       bootstrap;
    sandbox_languages_t       languages;

    const char               *folder;       /* of the socket */
    const char               *workspace;
    const char               *runners;
    const char               *path;         /* the image's PATH */
    const char               *hidden[SANDBOX_HIDDEN_MAX + 1];   /* folders of
                                               ours, NULL at the end */
    int                       workspace_fd;
    sandbox_confine_t         confine;
    sandbox_pool_t           *pool;         /* interpreters that wait */
    sandbox_heartbeat_t      *heartbeat;
    sandbox_install_t        *install;      /* of packages; NULL: none */
    int                       oom_fd;       /* the cgroup's counter, or -1 */

    TAILQ_HEAD(, sandbox_execution_s)  executions;   /* oldest first */
    unsigned                  queued;       /* wait for a place */
    size_t                    queued_bytes;
    unsigned                  running;      /* started, not ended */
    sandbox_past_t            past;         /* over, or given up */
    unsigned                  held;         /* ended, not acknowledged */
    size_t                    held_bytes;
    int                       spool_fd;     /* their folder; -1: none */
    sandbox_events_ended_t    ended;        /* logs of what has ended */
    unsigned                  streams;      /* that read a log */

    unsigned                  init:1;       /* process 1 of a container */
    unsigned                  ready:1;      /* container_ready acknowledged */
    unsigned                  spool_more:1;     /* some are still on disk */
    unsigned                  spool_failed:1;   /* the log knows */
    int                       status;       /* what main() will return */
};


/* one line on standard error; never a secret, never what the code printed */
void sandbox_log(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* milliseconds of the monotonic clock */
double sandbox_now_ms(void);

/* [A-Za-z0-9_-]{1,64}: safe in a path and in a header */
int sandbox_id_is_valid(const char *id, size_t len);


#endif /* _SANDBOX_EXECUTOR_H_INCLUDED_ */
