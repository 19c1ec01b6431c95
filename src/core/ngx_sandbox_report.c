
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The report of a request's mistakes.  Its text is one bounded buffer of the
 * request's pool, made with the first mistake; what does not fit is counted and
 * not told.  Names come from clients and are escaped here, so a report may be
 * sent and logged as it is.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_report.h"


/* an escaped name: each byte as \xNN, and "..." */
#define NGX_SANDBOX_REPORT_ESCAPED  (4 * NGX_SANDBOX_REPORT_NAME_MAX + 3)

#define NGX_SANDBOX_REPORT_MORE     "; and more"


static u_char *ngx_sandbox_report_name(u_char *p, u_char *last,
    const ngx_str_t *name);


void
ngx_sandbox_report_init(ngx_sandbox_report_t *report, ngx_pool_t *pool)
{
    ngx_memzero(report, sizeof(ngx_sandbox_report_t));

    report->pool = pool;
}


void ngx_cdecl
ngx_sandbox_report_mistake(ngx_sandbox_report_t *report,
    ngx_sandbox_mistake_e kind, const ngx_str_t *prefix, const ngx_str_t *name,
    const char *fmt, ...)
{
    u_char   *p, *last;
    va_list   args;

    report->mistakes++;
    report->structural += (kind == NGX_SANDBOX_MISTAKE_STRUCTURE);

    if (report->mistakes > NGX_SANDBOX_REPORT_MAX + 1) {
        return;
    }

    if (report->detail.data == NULL) {
        report->detail.data = ngx_pnalloc(report->pool,
                                          NGX_SANDBOX_REPORT_TEXT_MAX);
        if (report->detail.data == NULL) {
            return;
        }
    }

    p = report->detail.data + report->detail.len;
    last = report->detail.data + NGX_SANDBOX_REPORT_TEXT_MAX;

    if (report->mistakes > NGX_SANDBOX_REPORT_MAX) {
        p = ngx_slprintf(p, last, "%s", NGX_SANDBOX_REPORT_MORE);
        report->detail.len = p - report->detail.data;
        return;
    }

    /* the place of "and more" is kept free */

    last -= sizeof(NGX_SANDBOX_REPORT_MORE) - 1;

    if (report->detail.len) {
        p = ngx_slprintf(p, last, "; ");
    }

    p = ngx_sandbox_report_name(p, last, prefix);
    p = ngx_sandbox_report_name(p, last, name);
    p = ngx_slprintf(p, last, ": ");

    va_start(args, fmt);
    p = ngx_vslprintf(p, last, fmt, args);
    va_end(args);

    report->detail.len = p - report->detail.data;
}


ngx_uint_t
ngx_sandbox_report_status(const ngx_sandbox_report_t *report)
{
    if (report->mistakes == 0) {
        return 0;
    }

    return report->structural ? 400 : 422;
}


void
ngx_sandbox_report_error(const ngx_sandbox_report_t *report,
    ngx_sandbox_error_t *ret_error)
{
    ngx_memzero(ret_error, sizeof(ngx_sandbox_error_t));

    ret_error->id = NGX_SANDBOX_INVALID_PARAMETER;
    ret_error->status = ngx_sandbox_report_status(report);
    ret_error->detail = report->detail;
}


u_char *
ngx_sandbox_report_escape(u_char *buf, const ngx_str_t *text, size_t max)
{
    size_t         i;
    u_char         ch;
    static u_char  hex[] = "0123456789abcdef";

    for (i = 0; i < text->len && i < max; i++) {
        ch = text->data[i];

        if (ch >= 0x20 && ch < 0x7f) {
            *buf++ = ch;
            continue;
        }

        *buf++ = '\\';
        *buf++ = 'x';
        *buf++ = hex[ch >> 4];
        *buf++ = hex[ch & 0xf];
    }

    if (i < text->len) {
        buf = ngx_cpymem(buf, "...", 3);
    }

    return buf;
}


static u_char *
ngx_sandbox_report_name(u_char *p, u_char *last, const ngx_str_t *name)
{
    u_char  *end, buf[NGX_SANDBOX_REPORT_ESCAPED];

    end = ngx_sandbox_report_escape(buf, name, NGX_SANDBOX_REPORT_NAME_MAX);

    return ngx_slprintf(p, last, "%*s", (size_t) (end - buf), buf);
}
