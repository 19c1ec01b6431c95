
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The field "Prefer" of RFC 7240:
 *
 *     Prefer: respond-async, wait=10; x="a, b", handling=lenient
 *
 * What is no preference is passed over up to the next comma, since a server
 * ignores what it does not understand.  Of several with one name the first one
 * counts.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_prefer.h"


static u_char *ngx_sandbox_prefer_next(u_char *p, u_char *last);
static u_char *ngx_sandbox_prefer_blanks(u_char *p, u_char *last);


ngx_int_t
ngx_sandbox_prefer_wait(const ngx_str_t *value, ngx_uint_t max,
    ngx_uint_t *ret_seconds)
{
    u_char      *p, *last, *digits;
    ngx_uint_t   n;

    last = value->data + value->len;

    for (p = value->data; p < last; p = ngx_sandbox_prefer_next(p, last)) {

        p = ngx_sandbox_prefer_blanks(p, last);

        if (last - p < 4
            || ngx_strncasecmp(p, (u_char *) "wait", 4) != 0)
        {
            continue;
        }

        p = ngx_sandbox_prefer_blanks(p + 4, last);

        if (p == last || *p == ',' || *p == ';') {
            /* without a value: it says nothing */
            return NGX_ABORT;
        }

        if (*p != '=') {
            /* the beginning of another name */
            continue;
        }

        digits = ngx_sandbox_prefer_blanks(p + 1, last);

        for (n = 0, p = digits; p < last && *p >= '0' && *p <= '9'; p++) {
            n = ngx_min(n * 10 + (*p - '0'), max);
        }

        if (p == digits) {
            return NGX_ABORT;
        }

        p = ngx_sandbox_prefer_blanks(p, last);

        if (p < last && *p != ',' && *p != ';') {
            return NGX_ABORT;
        }

        *ret_seconds = n;

        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* behind the next comma that is not in quotes */

static u_char *
ngx_sandbox_prefer_next(u_char *p, u_char *last)
{
    ngx_uint_t  quoted;

    for (quoted = 0; p < last; p++) {

        if (quoted && *p == '\\' && p + 1 < last) {
            p++;

        } else if (*p == '"') {
            quoted = !quoted;

        } else if (*p == ',' && !quoted) {
            return p + 1;
        }
    }

    return last;
}


static u_char *
ngx_sandbox_prefer_blanks(u_char *p, u_char *last)
{
    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p;
}
