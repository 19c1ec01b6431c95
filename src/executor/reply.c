
/*
 * Copyright (C) the ngx_sandbox authors
 */


/* What the executor answers: a status alone, JSON, or an error as JSON. */


#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <event2/buffer.h>
#include "reply.h"


static const char *sandbox_reply_reason(int code);


void
sandbox_reply(struct evhttp_request *req, int code)
{
    evhttp_send_reply(req, code, sandbox_reply_reason(code), NULL);
}


void
sandbox_reply_json(struct evhttp_request *req, int code, json_t *json)
{
    char             *text;
    struct evbuffer  *out;

    text = json_dumps(json, JSON_COMPACT|JSON_PRESERVE_ORDER);
    json_decref(json);

    if (text == NULL) {
        sandbox_reply(req, 500);
        return;
    }

    evhttp_add_header(evhttp_request_get_output_headers(req),
                      "Content-Type", "application/json");

    out = evhttp_request_get_output_buffer(req);

    evbuffer_add_printf(out, "%s\n", text);
    free(text);

    sandbox_reply(req, code);
}


void
sandbox_reply_error(struct evhttp_request *req, int code,
    const char *fmt, ...)
{
    char     text[SANDBOX_REPLY_ERROR_MAX];
    va_list  args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    sandbox_reply_json(req, code, json_pack("{s:s}", "error", text));
}


static const char *
sandbox_reply_reason(int code)
{
    switch (code) {

    case 200:
        return "OK";

    case 202:
        return "Accepted";

    case 204:
        return "No Content";

    case 400:
        return "Bad Request";

    case 401:
        return "Unauthorized";

    case 404:
        return "Not Found";

    case 405:
        return "Method Not Allowed";

    case 409:
        return "Conflict";

    case 429:
        return "Too Many Requests";

    case 503:
        return "Service Unavailable";

    default:
        return "Internal Server Error";
    }
}
