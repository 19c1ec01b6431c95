
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The error table.  A row is all that a client is told about a kind of failure
 * apart from its detail, so description and solution are written for somebody
 * who has only that answer and no access to this system.  Texts are constant:
 * what differs from case to case belongs into the detail.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_error.h"


typedef struct {
    ngx_uint_t           status;
    ngx_sandbox_error_e  id;
} ngx_sandbox_error_status_t;


static const ngx_sandbox_error_row_t  ngx_sandbox_errors[] = {

    [NGX_SANDBOX_NO_ERROR] =
    { ngx_string("Sandbox.NoError"), 200,
      ngx_string("There is no error."),
      ngx_string("Nothing needs to be done."), 0 },

    [NGX_SANDBOX_INVALID_PARAMETER] =
    { ngx_string("Sandbox.InvalidParameter"), 400,
      ngx_string("A parameter of the request is not valid."),
      ngx_string("Correct what error_detail names and send the request "
                 "again."), 0 },

    [NGX_SANDBOX_UNAUTHORIZED] =
    { ngx_string("Sandbox.Unauthorized"), 401,
      ngx_string("The request carries no valid credentials."),
      ngx_string("Send an API key of this system as \"Authorization: Bearer "
                 "KEY\"; ask its operator for one, or for a new one if yours "
                 "has expired."), 0 },

    [NGX_SANDBOX_FORBIDDEN] =
    { ngx_string("Sandbox.Forbidden"), 403,
      ngx_string("These credentials do not allow this request."),
      ngx_string("Use an API key that has this right, or ask the operator to "
                 "grant it."), 0 },

    [NGX_SANDBOX_SESSION_NOT_FOUND] =
    { ngx_string("Sandbox.SessionNotFound"), 404,
      ngx_string("There is no such session."),
      ngx_string("Check the session id; a session that was deleted is gone. "
                 "GET /api/v1/sessions lists those that exist."), 0 },

    [NGX_SANDBOX_EXECUTION_NOT_FOUND] =
    { ngx_string("Sandbox.ExecutionNotFound"), 404,
      ngx_string("There is no such execution."),
      ngx_string("Check the execution id; GET "
                 "/api/v1/sessions/{id}/executions lists those of a session, "
                 "and they go when their session does."), 0 },

    [NGX_SANDBOX_TEMPLATE_NOT_FOUND] =
    { ngx_string("Sandbox.TemplateNotFound"), 404,
      ngx_string("There is no such template."),
      ngx_string("Check the template id; GET /api/v1/templates lists those "
                 "that exist."), 0 },

    [NGX_SANDBOX_FILE_NOT_FOUND] =
    { ngx_string("Sandbox.FileNotFound"), 404,
      ngx_string("There is no such file in the session's workspace."),
      ngx_string("Check the path, which is relative to the workspace; GET "
                 "/api/v1/sessions/{id}/files lists the files."), 0 },

    [NGX_SANDBOX_CONTAINER_NOT_FOUND] =
    { ngx_string("Sandbox.ContainerNotFound"), 404,
      ngx_string("There is no such container."),
      ngx_string("Check the container id; GET /api/v1/containers lists those "
                 "that exist, and one that has ended is removed after a "
                 "while."), 0 },

    [NGX_SANDBOX_NODE_NOT_FOUND] =
    { ngx_string("Sandbox.NodeNotFound"), 404,
      ngx_string("There is no such node."),
      ngx_string("Check the node id; GET /api/v1/nodes lists those that are "
                 "registered."), 0 },

    [NGX_SANDBOX_ROUTE_NOT_FOUND] =
    { ngx_string("Sandbox.NotFound"), 404,
      ngx_string("There is nothing at this path."),
      ngx_string("Check the path against /openapi.json; all paths of the API "
                 "begin with /api/v1."), 0 },

    [NGX_SANDBOX_METHOD_NOT_ALLOWED] =
    { ngx_string("Sandbox.MethodNotAllowed"), 405,
      ngx_string("This path does not take this method."),
      ngx_string("Use one of the methods that the Allow field of this answer "
                 "names."), 0 },

    [NGX_SANDBOX_NOT_ACCEPTABLE] =
    { ngx_string("Sandbox.NotAcceptable"), 406,
      ngx_string("The answer has no form that the request accepts."),
      ngx_string("Send \"Accept: application/json\", or no Accept field."),
      0 },

    [NGX_SANDBOX_REQUEST_TIMEOUT] =
    { ngx_string("Sandbox.RequestTimeout"), 408,
      ngx_string("The request did not arrive completely in time."),
      ngx_string("Send the whole request without long pauses, over a faster "
                 "connection or in smaller parts."), 0 },

    [NGX_SANDBOX_LENGTH_REQUIRED] =
    { ngx_string("Sandbox.LengthRequired"), 411,
      ngx_string("The length of the body is not known."),
      ngx_string("Send a Content-Length field with the request."), 0 },

    [NGX_SANDBOX_PAYLOAD_TOO_LARGE] =
    { ngx_string("Sandbox.PayloadTooLarge"), 413,
      ngx_string("The body of the request is too large."),
      ngx_string("Send less in one request; large data belongs into a file "
                 "of the workspace: PUT "
                 "/api/v1/sessions/{id}/files/{path}."), 0 },

    [NGX_SANDBOX_URI_TOO_LONG] =
    { ngx_string("Sandbox.URITooLong"), 414,
      ngx_string("The path and query of the request are too long."),
      ngx_string("Shorten the query, for example by filtering by fewer "
                 "parameters."), 0 },

    [NGX_SANDBOX_UNSUPPORTED_MEDIA_TYPE] =
    { ngx_string("Sandbox.UnsupportedMediaType"), 415,
      ngx_string("The body of the request has a type that is not read here."),
      ngx_string("Send JSON in UTF-8 with \"Content-Type: "
                 "application/json\"; a file upload is multipart/form-data, "
                 "and no body may be compressed."), 0 },

    [NGX_SANDBOX_RANGE_NOT_SATISFIABLE] =
    { ngx_string("Sandbox.RangeNotSatisfiable"), 416,
      ngx_string("The requested range lies outside of the file."),
      ngx_string("Ask for a range within the size that the Content-Range "
                 "field of this answer tells, or for the whole file."), 0 },

    [NGX_SANDBOX_HEADERS_TOO_LARGE] =
    { ngx_string("Sandbox.HeadersTooLarge"), 431,
      ngx_string("The header fields of the request are too large."),
      ngx_string("Send fewer or shorter header fields; cookies are not "
                 "needed here."), 0 },

    [NGX_SANDBOX_CONFLICT] =
    { ngx_string("Sandbox.Conflict"), 409,
      ngx_string("The request contradicts what is there already."),
      ngx_string("Read the current state of what error_detail names, then "
                 "choose another id or name, or wait until the other "
                 "request has ended."), 0 },

    [NGX_SANDBOX_TEMPLATE_IN_USE] =
    { ngx_string("Sandbox.TemplateInUse"), 409,
      ngx_string("Active sessions use this template."),
      ngx_string("End its sessions first: GET "
                 "/api/v1/sessions?template_id={id}&status=running lists "
                 "them. To only stop new ones, set is_active to false."), 0 },

    [NGX_SANDBOX_SESSION_NOT_RUNNING] =
    { ngx_string("Sandbox.SessionNotRunning"), 409,
      ngx_string("The session is not running."),
      ngx_string("Wait for it with GET "
                 "/api/v1/sessions/{id} if it is still being "
                 "created; create a new session if it has ended."), 0 },

    [NGX_SANDBOX_IDEMPOTENCY_MISMATCH] =
    { ngx_string("Sandbox.IdempotencyMismatch"), 422,
      ngx_string("This Idempotency-Key was used for another request."),
      ngx_string("Use a new key for a new request; repeat a request with "
                 "exactly the same body."), 0 },

    [NGX_SANDBOX_TOO_MANY_REQUESTS] =
    { ngx_string("Sandbox.TooManyRequests"), 429,
      ngx_string("Requests come faster than the rate limit allows."),
      ngx_string("Wait as long as Retry-After says, then send fewer requests "
                 "at once; the RateLimit fields tell what is left."), 1 },

    [NGX_SANDBOX_QUOTA_EXCEEDED] =
    { ngx_string("Sandbox.QuotaExceeded"), 429,
      ngx_string("The quota of this account is used up."),
      ngx_string("End sessions or executions that are not needed any more, "
                 "or ask the operator for a higher quota."), 30 },

    [NGX_SANDBOX_CAPACITY_EXHAUSTED] =
    { ngx_string("Sandbox.CapacityExhausted"), 503,
      ngx_string("No node has room for this now."),
      ngx_string("Try again after the time that Retry-After says, or ask for "
                 "less cpu, memory or disk; the operator can add nodes."),
      5 },

    [NGX_SANDBOX_EXEC_TIMEOUT] =
    { ngx_string("Sandbox.ExecTimeout"), 504,
      ngx_string("The execution did not end within the time to wait for it; "
                 "it goes on."),
      ngx_string("Ask for its result with GET "
                 "/api/v1/executions/{id}, or wait longer with "
                 "sync_timeout."), 0 },

    [NGX_SANDBOX_DATABASE_UNAVAILABLE] =
    { ngx_string("Sandbox.DatabaseUnavailable"), 503,
      ngx_string("The database cannot be reached now."),
      ngx_string("Try again after the time that Retry-After says. A POST may "
                 "have taken effect: look with GET before you repeat it. If "
                 "it lasts, tell the operator the request_id."), 2 },

    [NGX_SANDBOX_STORAGE_UNAVAILABLE] =
    { ngx_string("Sandbox.StorageUnavailable"), 503,
      ngx_string("The storage of the workspaces cannot be reached now."),
      ngx_string("Try again after the time that Retry-After says. If it "
                 "lasts, tell the operator the request_id."), 5 },

    [NGX_SANDBOX_RUNTIME_UNAVAILABLE] =
    { ngx_string("Sandbox.RuntimeUnavailable"), 503,
      ngx_string("What runs the sandboxes cannot be reached now."),
      ngx_string("Try again after the time that Retry-After says. If it "
                 "lasts, tell the operator the request_id."), 5 },

    [NGX_SANDBOX_INTERNAL_ERROR] =
    { ngx_string("Sandbox.InternalError"), 500,
      ngx_string("Something failed that should not have."),
      ngx_string("Read the state of what you wanted to change, then try "
                 "again. If it lasts, tell the operator the request_id."),
      0 },

    [NGX_SANDBOX_INTERNAL_UNAUTHORIZED] =
    { ngx_string("Internal.Unauthorized"), 401,
      ngx_string("The token does not allow this internal request."),
      ngx_string("Send the token of this session as \"Authorization: Bearer "
                 "TOKEN\"."), 0 },

    [NGX_SANDBOX_INTERNAL_INVALID_EXECUTION] =
    { ngx_string("Internal.InvalidExecution"), 404,
      ngx_string("The session has no such execution."),
      ngx_string("Do not report this execution again."), 0 },

    [NGX_SANDBOX_INTERNAL_STATE_CONFLICT] =
    { ngx_string("Internal.StateConflict"), 409,
      ngx_string("What is reported does not follow the stored state."),
      ngx_string("Do not report this again; the stored state stands."), 0 }
};


static const ngx_sandbox_error_status_t  ngx_sandbox_error_statuses[] = {
    { 400, NGX_SANDBOX_INVALID_PARAMETER },
    { 401, NGX_SANDBOX_UNAUTHORIZED },
    { 403, NGX_SANDBOX_FORBIDDEN },
    { 404, NGX_SANDBOX_ROUTE_NOT_FOUND },
    { 405, NGX_SANDBOX_METHOD_NOT_ALLOWED },
    { 406, NGX_SANDBOX_NOT_ACCEPTABLE },
    { 408, NGX_SANDBOX_REQUEST_TIMEOUT },
    { 409, NGX_SANDBOX_CONFLICT },
    { 411, NGX_SANDBOX_LENGTH_REQUIRED },
    { 413, NGX_SANDBOX_PAYLOAD_TOO_LARGE },
    { 414, NGX_SANDBOX_URI_TOO_LONG },
    { 415, NGX_SANDBOX_UNSUPPORTED_MEDIA_TYPE },
    { 416, NGX_SANDBOX_RANGE_NOT_SATISFIABLE },
    { 429, NGX_SANDBOX_TOO_MANY_REQUESTS },
    { 431, NGX_SANDBOX_HEADERS_TOO_LARGE },

    /* nginx's own: large header, bad or absent client certificate, no TLS */
    { 494, NGX_SANDBOX_HEADERS_TOO_LARGE },
    { 495, NGX_SANDBOX_UNAUTHORIZED },
    { 496, NGX_SANDBOX_UNAUTHORIZED },
    { 497, NGX_SANDBOX_INVALID_PARAMETER },

    { 500, NGX_SANDBOX_INTERNAL_ERROR },

    /* an unknown transfer coding: the client's mistake */
    { 501, NGX_SANDBOX_INVALID_PARAMETER },

    { 502, NGX_SANDBOX_RUNTIME_UNAVAILABLE },
    { 503, NGX_SANDBOX_RUNTIME_UNAVAILABLE },
    { 504, NGX_SANDBOX_RUNTIME_UNAVAILABLE },

    /* an unknown version of HTTP */
    { 505, NGX_SANDBOX_INVALID_PARAMETER },

    { 0, NGX_SANDBOX_NO_ERROR }
};


const ngx_sandbox_error_row_t *
ngx_sandbox_error_row(ngx_sandbox_error_e id)
{
    if ((ngx_uint_t) id >= NGX_SANDBOX_ERRORS) {
        id = NGX_SANDBOX_INTERNAL_ERROR;
    }

    return &ngx_sandbox_errors[id];
}


ngx_sandbox_error_e
ngx_sandbox_error_from_status(ngx_uint_t http_status)
{
    const ngx_sandbox_error_status_t  *s;

    for (s = ngx_sandbox_error_statuses; s->status; s++) {
        if (s->status == http_status) {
            return s->id;
        }
    }

    if (http_status < 400) {
        return NGX_SANDBOX_NO_ERROR;
    }

    return http_status < 500 ? NGX_SANDBOX_INVALID_PARAMETER
                             : NGX_SANDBOX_INTERNAL_ERROR;
}
