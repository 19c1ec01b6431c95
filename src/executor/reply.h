
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_REPLY_H_INCLUDED_
#define _SANDBOX_REPLY_H_INCLUDED_


#include <event2/http.h>
#include <jansson.h>


#define SANDBOX_REPLY_ERROR_MAX  512


/* with what is in its output buffer */
void sandbox_reply(struct evhttp_request *req, int code);

/* takes json; NULL: 500 */
void sandbox_reply_json(struct evhttp_request *req, int code, json_t *json);

/* {"error": "..."}, cut to SANDBOX_REPLY_ERROR_MAX */
void sandbox_reply_error(struct evhttp_request *req, int code,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));


#endif /* _SANDBOX_REPLY_H_INCLUDED_ */
