
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What the files of src/api share: the context of one call, and the ways to
 * answer it.  There is one file a resource, and each handler in it parses, runs
 * a flow, and renders.
 */


#ifndef _NGX_SANDBOX_API_H_INCLUDED_
#define _NGX_SANDBOX_API_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_sandbox_error.h"
#include "ngx_sandbox_flow.h"
#include "ngx_sandbox_idempotency.h"
#include "ngx_sandbox_json_writer.h"
#include "ngx_sandbox_node.h"
#include "ngx_sandbox_validate.h"
#include "ngx_sandbox_wait.h"


#define NGX_SANDBOX_API_PARAMS  2


typedef struct ngx_sandbox_api_s    ngx_sandbox_api_t;
typedef struct ngx_sandbox_route_s  ngx_sandbox_route_t;

/* Goes on after the answer, which the client has; must finalize the request. */
typedef void (*ngx_sandbox_api_next_pt)(ngx_sandbox_api_t *a,
    ngx_int_t answered);

/* Called when the body has been read; must finalize the request in the end. */
typedef void (*ngx_sandbox_api_handler_pt)(ngx_sandbox_api_t *a);


/* where a route is served: a bit each */
#define NGX_SANDBOX_FACE_PUBLIC    0x01
#define NGX_SANDBOX_FACE_CALLBACK  0x02    /* the sandboxes' listener */
#define NGX_SANDBOX_FACE_LOOPBACK  0x04    /* the instance's own */

/* what a route takes */
#define NGX_SANDBOX_ROUTE_JSON     0x01    /* a body of JSON */
#define NGX_SANDBOX_ROUTE_RESULT   0x02    /* a body in the executor's frame */
#define NGX_SANDBOX_ROUTE_QUERY    0x04    /* query parameters */
#define NGX_SANDBOX_ROUTE_BASE     0x08    /* the path follows /api/v1 */
#define NGX_SANDBOX_ROUTE_STREAM   0x10    /* answers are event streams */
#define NGX_SANDBOX_ROUTE_PASS     0x20    /* the answer is somebody else's */


struct ngx_sandbox_route_s {
    ngx_uint_t                   method;     /* NGX_HTTP_GET ... */
    char                        *path;       /* "/sessions/{id}"; a "*" at its
                                                end is whatever follows */
    ngx_uint_t                   faces;
    ngx_uint_t                   flags;
    ngx_sandbox_api_handler_pt   handler;
};


struct ngx_sandbox_api_s {
    ngx_http_request_t          *request;
    ngx_sandbox_node_t          *node;
    const ngx_sandbox_route_t   *route;
    ngx_uint_t                   face;
    ngx_str_t                    params[NGX_SANDBOX_API_PARAMS];
    ngx_str_t                    body;
    ngx_str_t                    session_id;  /* of the token, on callback */
    void                        *data;        /* the handler's own */
    ngx_sandbox_waiter_t        *waiter;      /* NULL, or it has its turn until
                                                 the answer */
    ngx_sandbox_api_next_pt      next;        /* NULL: the answer is all */
};


/* ends the table with path == NULL */
extern const ngx_sandbox_route_t  ngx_sandbox_routes[];

/*
 * Finds the route of a.request.  NGX_OK: route and params are set;
 * NGX_DECLINED: no such path; NGX_ABORT: not with this method, allow is the
 * mask of those that are.
 */
ngx_int_t ngx_sandbox_route_find(ngx_sandbox_api_t *a, ngx_uint_t *ret_allow);

/* The whole of a call: finds the route, checks the headers, reads the body. */
ngx_int_t ngx_sandbox_api_handler(ngx_http_request_t *r,
    ngx_sandbox_node_t *node, ngx_uint_t face);

/* Answers with what nginx itself has refused: an error page. */
ngx_int_t ngx_sandbox_api_error_page(ngx_http_request_t *r);


/* Reads and checks the JSON body; NGX_DECLINED: answered already. */
ngx_int_t ngx_sandbox_api_body(ngx_sandbox_api_t *a,
    const ngx_sandbox_field_t *fields, void *body);

/* Reads and checks the query; NGX_DECLINED: answered already. */
ngx_int_t ngx_sandbox_api_query(ngx_sandbox_api_t *a,
    const ngx_sandbox_field_t *fields, void *query);


/*
 * Answers, and finalizes unless a->next goes on with what is not the client's
 * concern.  json may be NULL: no body.
 */
void ngx_sandbox_api_send(ngx_sandbox_api_t *a, ngx_uint_t status,
    ngx_str_t *json);

/* The same with a document that was being written. */
void ngx_sandbox_api_send_json(ngx_sandbox_api_t *a, ngx_uint_t status,
    ngx_sandbox_json_t *json);

void ngx_sandbox_api_fail(ngx_sandbox_api_t *a, ngx_sandbox_error_t *error);
void ngx_sandbox_api_fail_with(ngx_sandbox_api_t *a, ngx_sandbox_error_e id,
    char *detail);

/* The body alone, for what is told in the middle of an answer; logged. */
ngx_int_t ngx_sandbox_api_error(ngx_http_request_t *r,
    ngx_sandbox_error_t *error, ngx_str_t *ret_body);

/* A header of the answer; name and value must live as long as the request. */
ngx_int_t ngx_sandbox_api_header(ngx_http_request_t *r, char *name,
    ngx_str_t *value);

/*
 * A header of the request, the first of this name or the next one after it;
 * NULL: there is none.
 */
ngx_table_elt_t *ngx_sandbox_api_next_header(ngx_http_request_t *r,
    char *name, ngx_table_elt_t *after);
ngx_table_elt_t *ngx_sandbox_api_find_header(ngx_http_request_t *r,
    char *name);

/* The client's X-Request-ID, or ours. */
ngx_int_t ngx_sandbox_api_request_id(ngx_http_request_t *r, ngx_str_t *ret_id);


/*
 * For what creates: reads Idempotency-Key; *ret_key is NULL if there is none.
 * NGX_DECLINED, NGX_ERROR: answered already.
 */
ngx_int_t ngx_sandbox_api_idempotency(ngx_sandbox_api_t *a,
    ngx_sandbox_idempotency_t **ret_key);

/* Answers as ngx_sandbox_api_send_json(), and keeps the answer for the key. */
void ngx_sandbox_api_send_once(ngx_sandbox_api_t *a, ngx_uint_t status,
    ngx_sandbox_json_t *json, ngx_sandbox_idempotency_t *key);

/* Answers with what was kept. */
void ngx_sandbox_api_replay(ngx_sandbox_api_t *a,
    ngx_sandbox_idempotency_t *key);

/* Sets Idempotency-Replayed where the request is a repeated one. */
ngx_int_t ngx_sandbox_api_replayed(ngx_sandbox_api_t *a,
    const ngx_sandbox_idempotency_t *key);


/*
 * A GET that may be told to wait: checks the query, waits if that says so, and
 * goes on with next.
 */
void ngx_sandbox_wait_get(ngx_sandbox_api_t *a, ngx_sandbox_wait_e kind,
    ngx_sandbox_api_handler_pt next);

/* Is there a "Prefer: wait=N"? */
ngx_uint_t ngx_sandbox_wait_is_preferred(ngx_sandbox_api_t *a);

/*
 * "Prefer: wait=N" of a POST that has done what it should.  NGX_DECLINED: it
 * is not there, answer now.  NGX_AGAIN: done is called in the end, with a flow
 * whose data is an ngx_sandbox_wait_t, which has "data"; with NGX_ERROR if it
 * could not be waited.
 */
ngx_int_t ngx_sandbox_wait_prefer(ngx_sandbox_api_t *a,
    ngx_sandbox_wait_e kind, ngx_str_t *id, void *data,
    ngx_sandbox_flow_done_pt done);


/*
 * Rows to JSON: a table names the field, the column and its kind.
 */

typedef enum {
    NGX_SANDBOX_RENDER_STRING = 0,
    NGX_SANDBOX_RENDER_NUMBER,
    NGX_SANDBOX_RENDER_BOOL,
    NGX_SANDBOX_RENDER_TIME,
    NGX_SANDBOX_RENDER_JSON
} ngx_sandbox_render_e;

typedef struct {
    ngx_str_t               name;
    ngx_uint_t              column;
    ngx_sandbox_render_e    kind;
} ngx_sandbox_render_t;

#define ngx_sandbox_null_render  { ngx_null_string, 0, 0 }

void ngx_sandbox_render(ngx_sandbox_json_t *json,
    const ngx_sandbox_render_t *fields, ngx_str_t *row);


typedef void (*ngx_sandbox_render_pt)(ngx_sandbox_json_t *json,
    ngx_str_t *row);

/* Answers {"status":"ok"}, or with why a flow has failed. */
void ngx_sandbox_api_done(ngx_sandbox_flow_t *f, ngx_int_t rc);

/* Answers 200 with the row that a flow has read, or with why it has failed. */
void ngx_sandbox_api_show(ngx_sandbox_flow_t *f, ngx_int_t rc,
    ngx_sandbox_render_pt render);


/* resources */

extern ngx_module_t  ngx_http_sandbox_module;   /* the slot of the context */

/*
 * The body of POST execute, checked; NULL: answered already.  What failed with
 * it is told by the other one, with the execution's id if there is one.
 */
struct ngx_sandbox_execute_s *ngx_sandbox_execute_parse(ngx_sandbox_api_t *a);
void ngx_sandbox_execute_failed(ngx_sandbox_flow_t *f);

void ngx_sandbox_render_session(ngx_sandbox_json_t *json, ngx_str_t *row);
void ngx_sandbox_render_execution(ngx_sandbox_json_t *json, ngx_str_t *row,
    ngx_uint_t whole);

/* the same into an object that has been begun */
void ngx_sandbox_render_execution_fields(ngx_sandbox_json_t *json,
    ngx_str_t *row, ngx_uint_t whole);

void ngx_sandbox_session_create_api(ngx_sandbox_api_t *a);
void ngx_sandbox_session_list_api(ngx_sandbox_api_t *a);
void ngx_sandbox_session_get_api(ngx_sandbox_api_t *a);
void ngx_sandbox_session_delete_api(ngx_sandbox_api_t *a);
void ngx_sandbox_session_terminate_api(ngx_sandbox_api_t *a);

void ngx_sandbox_execute_api(ngx_sandbox_api_t *a);
void ngx_sandbox_execute_sync_api(ngx_sandbox_api_t *a);
void ngx_sandbox_execution_list_api(ngx_sandbox_api_t *a);
void ngx_sandbox_execution_get_api(ngx_sandbox_api_t *a);
void ngx_sandbox_execution_status_api(ngx_sandbox_api_t *a);
void ngx_sandbox_execution_cancel_api(ngx_sandbox_api_t *a);
void ngx_sandbox_execute_stream_api(ngx_sandbox_api_t *a);
void ngx_sandbox_execution_events_api(ngx_sandbox_api_t *a);

void ngx_sandbox_template_create_api(ngx_sandbox_api_t *a);
void ngx_sandbox_template_list_api(ngx_sandbox_api_t *a);
void ngx_sandbox_template_get_api(ngx_sandbox_api_t *a);
void ngx_sandbox_template_update_api(ngx_sandbox_api_t *a);
void ngx_sandbox_template_delete_api(ngx_sandbox_api_t *a);

void ngx_sandbox_container_list_api(ngx_sandbox_api_t *a);
void ngx_sandbox_container_get_api(ngx_sandbox_api_t *a);
void ngx_sandbox_container_logs_api(ngx_sandbox_api_t *a);

void ngx_sandbox_health_api(ngx_sandbox_api_t *a);
void ngx_sandbox_health_detailed_api(ngx_sandbox_api_t *a);
void ngx_sandbox_livez_api(ngx_sandbox_api_t *a);
void ngx_sandbox_readyz_api(ngx_sandbox_api_t *a);

void ngx_sandbox_install_api(ngx_sandbox_api_t *a);
void ngx_sandbox_install_run_api(ngx_sandbox_api_t *a);
void ngx_sandbox_install_begin_api(ngx_sandbox_api_t *a);
void ngx_sandbox_install_settle_api(ngx_sandbox_api_t *a);
void ngx_sandbox_installed_api(ngx_sandbox_api_t *a);
void ngx_sandbox_package_api(ngx_sandbox_api_t *a);

/* a request for packages that cannot be had: 422 */
void ngx_sandbox_install_refuse(ngx_sandbox_api_t *a, char *detail);

void ngx_sandbox_start_api(ngx_sandbox_api_t *a);
void ngx_sandbox_settle_api(ngx_sandbox_api_t *a);
void ngx_sandbox_execution_settle_api(ngx_sandbox_api_t *a);
void ngx_sandbox_reconcile_api(ngx_sandbox_api_t *a);
void ngx_sandbox_reap_api(ngx_sandbox_api_t *a);
void ngx_sandbox_heartbeat_api(ngx_sandbox_api_t *a);
void ngx_sandbox_execution_heartbeat_api(ngx_sandbox_api_t *a);
void ngx_sandbox_ready_api(ngx_sandbox_api_t *a);
void ngx_sandbox_exited_api(ngx_sandbox_api_t *a);
void ngx_sandbox_result_api(ngx_sandbox_api_t *a);
void ngx_sandbox_status_api(ngx_sandbox_api_t *a);


#endif /* _NGX_SANDBOX_API_H_INCLUDED_ */
