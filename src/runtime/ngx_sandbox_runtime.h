
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What runs the containers of a node, behind one table of verbs: Docker here,
 * Kubernetes later.  Every verb is asynchronous and idempotent where the engine
 * allows it; what it means is written in ngx_sandbox_runtime_t.
 */


#ifndef _NGX_SANDBOX_RUNTIME_H_INCLUDED_
#define _NGX_SANDBOX_RUNTIME_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct ngx_sandbox_runtime_s       ngx_sandbox_runtime_t;
typedef struct ngx_sandbox_runtime_call_s  ngx_sandbox_runtime_call_t;

typedef void (*ngx_sandbox_runtime_handler_pt)(
    ngx_sandbox_runtime_call_t *call);


typedef enum {
    NGX_SANDBOX_RUNTIME_OK = 0,
    NGX_SANDBOX_RUNTIME_DOWN,   /* engine down or slow, or no place */
    NGX_SANDBOX_RUNTIME_NOT_FOUND,     /* no such container */
    NGX_SANDBOX_RUNTIME_NO_IMAGE,      /* the template's image is absent */
    NGX_SANDBOX_RUNTIME_CONFLICT,      /* the name is taken, or being removed */
    NGX_SANDBOX_RUNTIME_REFUSED,       /* the engine refused: see message */
    NGX_SANDBOX_RUNTIME_GARBAGE        /* not HTTP, not JSON, or too large */
} ngx_sandbox_runtime_status_e;


/* Whose a container is: labels that tell it from all others of its engine. */
typedef struct {
    ngx_str_t     name;                /* the node's */
    ngx_str_t     owner;               /* two systems may share an engine */
} ngx_sandbox_instance_t;


/* What a container is made of.  All strings are checked by the caller. */
typedef struct {
    ngx_str_t     name;                /* the container's, unique on the node */
    ngx_str_t     image;
    ngx_str_t     session_id;
    ngx_str_t     template_id;
    ngx_sandbox_instance_t  instance;  /* labels */
    uint64_t      epoch;               /* a label */
    ngx_uint_t    cpu_milli;           /* 1000 is one core */
    ngx_uint_t    memory_mb;
    ngx_uint_t    disk_mb;             /* of the workspace, a tmpfs */
    ngx_uint_t    pids;
    ngx_str_t     socket_path;         /* host folder -> /run/sandbox, rw */
    ngx_str_t     executor_path;       /* host folder -> /opt/sandbox, ro */
    ngx_str_t     callback_path;       /* host folder -> /run/sandbox-callback,
                                          ro */
} ngx_sandbox_container_spec_t;


typedef struct {
    ngx_str_t     name;
    ngx_str_t     runtime_id;          /* the engine's own id */
    ngx_str_t     session_id;          /* from the labels, may be empty */
    ngx_str_t     owner;               /* likewise */
    uint64_t      epoch;
    time_t        created;             /* 0 if unknown */
    ngx_int_t     exit_code;
    ngx_str_t     error;               /* the engine's words, bounded */
    unsigned      running:1;
    unsigned      exited:1;            /* has run and ended */
    unsigned      oom_killed:1;
} ngx_sandbox_container_state_t;


struct ngx_sandbox_runtime_call_s {
    /* set by the caller, must live until done or cancelled */
    ngx_pool_t                        *pool;
    ngx_log_t                         *log;
    ngx_sandbox_runtime_handler_pt     handler;   /* never from inside a verb */
    void                              *data;

    /* the result */
    ngx_sandbox_runtime_status_e       status;
    ngx_str_t                          message;  /* cause, printable, bounded */
    ngx_sandbox_container_state_t      state;    /* inspect; id after create */
    ngx_array_t                       *list;     /* list: container_state_t */
    ngx_str_t                          logs;     /* logs: plain text */

    /* the runtime's own */
    ngx_sandbox_runtime_t             *runtime;
    void                              *private;
};


/* A verb returns NGX_AGAIN (the handler follows) or NGX_ERROR (no memory). */
typedef struct {
    char        *name;                 /* "docker" */

    /* makes it, does not start it; CONFLICT if the name is taken */
    ngx_int_t  (*create)(ngx_sandbox_runtime_call_t *call,
                    ngx_sandbox_container_spec_t *spec);

    /* starting a running one is OK */
    ngx_int_t  (*start)(ngx_sandbox_runtime_call_t *call, ngx_str_t *name);

    ngx_int_t  (*inspect)(ngx_sandbox_runtime_call_t *call, ngx_str_t *name);

    /* kills and removes; one that does not exist is OK */
    ngx_int_t  (*remove)(ngx_sandbox_runtime_call_t *call, ngx_str_t *name);

    /* the last "tail" lines; since: unix time or 0 */
    ngx_int_t  (*logs)(ngx_sandbox_runtime_call_t *call, ngx_str_t *name,
                    ngx_uint_t tail, time_t since);

    /* all containers, running or not, that carry the instance's labels */
    ngx_int_t  (*list)(ngx_sandbox_runtime_call_t *call,
                    ngx_sandbox_instance_t *instance);

    /* NO_IMAGE if it is absent */
    ngx_int_t  (*image)(ngx_sandbox_runtime_call_t *call, ngx_str_t *image);

    /* is the engine there */
    ngx_int_t  (*ping)(ngx_sandbox_runtime_call_t *call);

    /* forgets a call: no handler, nothing touched any more */
    void       (*cancel)(ngx_sandbox_runtime_call_t *call);
} ngx_sandbox_runtime_verbs_t;


struct ngx_sandbox_runtime_s {
    ngx_sandbox_runtime_verbs_t  *verbs;
    void                         *data;
};


#endif /* _NGX_SANDBOX_RUNTIME_H_INCLUDED_ */
