
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A checker of JSON text: a state machine over the bytes, with one bit for each
 * open level that tells an object from an array.  It is what stands between
 * hostile text and everything that parses or stores JSON, so it never recurses,
 * never allocates, and never reads behind the text.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_utf8.h"
#include "ngx_sandbox_json_valid.h"


typedef enum {
    ngx_sandbox_json_want_value = 0,
    ngx_sandbox_json_want_first_value,     /* or ']' */
    ngx_sandbox_json_want_key,
    ngx_sandbox_json_want_first_key,       /* or '}' */
    ngx_sandbox_json_want_colon,
    ngx_sandbox_json_want_next,            /* ',' or the end of the level */
    ngx_sandbox_json_want_end
} ngx_sandbox_json_state_e;


typedef struct {
    const u_char              *p;
    const u_char              *last;
    ngx_sandbox_json_state_e   state;
    uint64_t                   objects;
    ngx_uint_t                 depth;
    ngx_uint_t                 max_depth;
    ngx_uint_t                 refuse_nul;
    char                      *reason;
} ngx_sandbox_json_scan_t;


static ngx_int_t ngx_sandbox_json_scan(const ngx_str_t *text,
    ngx_uint_t max_depth, ngx_uint_t refuse_nul, ngx_sandbox_json_scan_t *s);
static ngx_int_t ngx_sandbox_json_scan_step(ngx_sandbox_json_scan_t *s);
static ngx_int_t ngx_sandbox_json_scan_value(ngx_sandbox_json_scan_t *s);
static ngx_int_t ngx_sandbox_json_scan_open(ngx_sandbox_json_scan_t *s);
static ngx_int_t ngx_sandbox_json_scan_close(ngx_sandbox_json_scan_t *s);
static ngx_int_t ngx_sandbox_json_scan_next(ngx_sandbox_json_scan_t *s);
static void ngx_sandbox_json_scan_done(ngx_sandbox_json_scan_t *s);
static ngx_int_t ngx_sandbox_json_scan_word(ngx_sandbox_json_scan_t *s,
    const char *word, size_t len);
static ngx_int_t ngx_sandbox_json_scan_number(ngx_sandbox_json_scan_t *s);
static ngx_int_t ngx_sandbox_json_scan_digits(ngx_sandbox_json_scan_t *s);
static ngx_int_t ngx_sandbox_json_scan_string(ngx_sandbox_json_scan_t *s);
static ngx_int_t ngx_sandbox_json_scan_escape(ngx_sandbox_json_scan_t *s);
static ngx_int_t ngx_sandbox_json_scan_unicode(ngx_sandbox_json_scan_t *s);
static ngx_int_t ngx_sandbox_json_scan_hex(ngx_sandbox_json_scan_t *s,
    ngx_uint_t *ret_code);
static ngx_int_t ngx_sandbox_json_fault(ngx_sandbox_json_scan_t *s,
    char *reason);


ngx_uint_t
ngx_sandbox_json_valid(const ngx_str_t *text, ngx_uint_t max_depth)
{
    ngx_sandbox_json_scan_t  s;

    return ngx_sandbox_json_scan(text, max_depth, 0, &s) == NGX_OK;
}


ngx_int_t
ngx_sandbox_json_check(const ngx_str_t *text, ngx_uint_t max_depth,
    ngx_sandbox_json_fault_t *ret_fault)
{
    const u_char             *p;
    ngx_sandbox_json_scan_t   s;

    if (ngx_sandbox_json_scan(text, max_depth, 1, &s) == NGX_OK) {
        return NGX_OK;
    }

    ret_fault->offset = s.p - text->data;
    ret_fault->line = 1;
    ret_fault->column = 1;
    ret_fault->reason = s.reason;

    for (p = text->data; p < s.p; p++) {
        if (*p == LF) {
            ret_fault->line++;
            ret_fault->column = 1;

        } else {
            ret_fault->column++;
        }
    }

    return NGX_DECLINED;
}


ngx_uint_t
ngx_sandbox_json_number_valid(const ngx_str_t *text)
{
    ngx_sandbox_json_scan_t  s;

    s.p = text->data;
    s.last = text->data + text->len;

    return ngx_sandbox_json_scan_number(&s) == NGX_OK && s.p == s.last;
}


const u_char *
ngx_sandbox_json_plain(const u_char *p, const u_char *last)
{
    uint64_t  w, quote, slash, special;

    /*
     * Eight bytes at once.  A borrow can only report a byte too much, which
     * the loop below then finds to be plain.
     */

    while (last - p >= 8) {

        ngx_memcpy(&w, p, 8);

        quote = w ^ 0x2222222222222222ULL;
        slash = w ^ 0x5c5c5c5c5c5c5c5cULL;

        special = (w - 0x2020202020202020ULL)
                  | (quote - 0x0101010101010101ULL)
                  | (slash - 0x0101010101010101ULL)
                  | w;

        if (special & 0x8080808080808080ULL) {
            break;
        }

        p += 8;
    }

    while (p < last && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\') {
        p++;
    }

    return p;
}


static ngx_int_t
ngx_sandbox_json_scan(const ngx_str_t *text, ngx_uint_t max_depth,
    ngx_uint_t refuse_nul, ngx_sandbox_json_scan_t *s)
{
    ngx_memzero(s, sizeof(ngx_sandbox_json_scan_t));

    s->p = text->data;
    s->last = text->data + text->len;
    s->max_depth = ngx_min(max_depth, NGX_SANDBOX_JSON_MAX_DEPTH);
    s->refuse_nul = refuse_nul;

    for ( ;; ) {

        while (s->p < s->last
               && (*s->p == ' ' || *s->p == LF || *s->p == CR
                   || *s->p == '\t'))
        {
            s->p++;
        }

        if (s->p == s->last) {
            break;
        }

        if (ngx_sandbox_json_scan_step(s) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    if (s->state != ngx_sandbox_json_want_end) {
        return ngx_sandbox_json_fault(s, "the text ends too early");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_json_scan_step(ngx_sandbox_json_scan_t *s)
{
    switch (s->state) {

    case ngx_sandbox_json_want_first_value:
        if (*s->p == ']') {
            return ngx_sandbox_json_scan_close(s);
        }

        /* fall through */

    case ngx_sandbox_json_want_value:
        return ngx_sandbox_json_scan_value(s);

    case ngx_sandbox_json_want_first_key:
        if (*s->p == '}') {
            return ngx_sandbox_json_scan_close(s);
        }

        /* fall through */

    case ngx_sandbox_json_want_key:
        if (*s->p != '"') {
            return ngx_sandbox_json_fault(s, "a key in double quotes is "
                                          "expected");
        }

        s->state = ngx_sandbox_json_want_colon;

        return ngx_sandbox_json_scan_string(s);

    case ngx_sandbox_json_want_colon:
        if (*s->p != ':') {
            return ngx_sandbox_json_fault(s, "a colon is expected");
        }

        s->p++;
        s->state = ngx_sandbox_json_want_value;

        return NGX_OK;

    case ngx_sandbox_json_want_next:
        return ngx_sandbox_json_scan_next(s);

    default: /* ngx_sandbox_json_want_end */
        return ngx_sandbox_json_fault(s, "text follows the document");
    }
}


static ngx_int_t
ngx_sandbox_json_scan_value(ngx_sandbox_json_scan_t *s)
{
    ngx_int_t  rc;

    switch (*s->p) {

    case '{':
    case '[':
        return ngx_sandbox_json_scan_open(s);

    case '"':
        rc = ngx_sandbox_json_scan_string(s);
        break;

    case 't':
        rc = ngx_sandbox_json_scan_word(s, "true", 4);
        break;

    case 'f':
        rc = ngx_sandbox_json_scan_word(s, "false", 5);
        break;

    case 'n':
        rc = ngx_sandbox_json_scan_word(s, "null", 4);
        break;

    default:
        if (*s->p != '-' && (*s->p < '0' || *s->p > '9')) {
            return ngx_sandbox_json_fault(s, "a value is expected");
        }

        rc = ngx_sandbox_json_scan_number(s);
        break;
    }

    ngx_sandbox_json_scan_done(s);

    return rc;
}


static ngx_int_t
ngx_sandbox_json_scan_open(ngx_sandbox_json_scan_t *s)
{
    if (s->depth == s->max_depth) {
        return ngx_sandbox_json_fault(s, "arrays and objects are nested too "
                                      "deeply");
    }

    if (*s->p == '{') {
        s->objects |= (uint64_t) 1 << s->depth;
        s->state = ngx_sandbox_json_want_first_key;

    } else {
        s->objects &= ~((uint64_t) 1 << s->depth);
        s->state = ngx_sandbox_json_want_first_value;
    }

    s->depth++;
    s->p++;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_json_scan_close(ngx_sandbox_json_scan_t *s)
{
    s->depth--;
    s->p++;

    ngx_sandbox_json_scan_done(s);

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_json_scan_next(ngx_sandbox_json_scan_t *s)
{
    ngx_uint_t  object;

    object = (s->objects >> (s->depth - 1)) & 1;

    if (*s->p == ',') {
        s->p++;
        s->state = object ? ngx_sandbox_json_want_key
                          : ngx_sandbox_json_want_value;
        return NGX_OK;
    }

    if (*s->p == (object ? '}' : ']')) {
        return ngx_sandbox_json_scan_close(s);
    }

    return ngx_sandbox_json_fault(s, object
                                     ? "a comma or a closing brace is expected"
                                     : "a comma or a closing bracket is "
                                       "expected");
}


static void
ngx_sandbox_json_scan_done(ngx_sandbox_json_scan_t *s)
{
    s->state = s->depth ? ngx_sandbox_json_want_next
                        : ngx_sandbox_json_want_end;
}


static ngx_int_t
ngx_sandbox_json_scan_word(ngx_sandbox_json_scan_t *s, const char *word,
    size_t len)
{
    if ((size_t) (s->last - s->p) < len || ngx_memcmp(s->p, word, len) != 0) {
        return ngx_sandbox_json_fault(s, "a value is expected");
    }

    s->p += len;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_json_scan_number(ngx_sandbox_json_scan_t *s)
{
    if (s->p < s->last && *s->p == '-') {
        s->p++;
    }

    if (s->p < s->last && *s->p == '0') {
        s->p++;

        if (s->p < s->last && *s->p >= '0' && *s->p <= '9') {
            return ngx_sandbox_json_fault(s, "a number begins with 0");
        }

    } else if (ngx_sandbox_json_scan_digits(s) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (s->p < s->last && *s->p == '.') {
        s->p++;

        if (ngx_sandbox_json_scan_digits(s) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    if (s->p < s->last && (*s->p | 0x20) == 'e') {
        s->p++;

        if (s->p < s->last && (*s->p == '+' || *s->p == '-')) {
            s->p++;
        }

        return ngx_sandbox_json_scan_digits(s);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_json_scan_digits(ngx_sandbox_json_scan_t *s)
{
    if (s->p == s->last || *s->p < '0' || *s->p > '9') {
        return ngx_sandbox_json_fault(s, "a digit is expected");
    }

    while (s->p < s->last && *s->p >= '0' && *s->p <= '9') {
        s->p++;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_json_scan_string(ngx_sandbox_json_scan_t *s)
{
    size_t  n;

    s->p++;

    for ( ;; ) {
        s->p = ngx_sandbox_json_plain(s->p, s->last);

        if (s->p == s->last) {
            return ngx_sandbox_json_fault(s, "a string does not end");
        }

        if (*s->p == '"') {
            s->p++;
            return NGX_OK;
        }

        if (*s->p == '\\') {
            if (ngx_sandbox_json_scan_escape(s) != NGX_OK) {
                return NGX_DECLINED;
            }

            continue;
        }

        if (*s->p < 0x20) {
            return ngx_sandbox_json_fault(s, "a control character in a string "
                                          "is not escaped");
        }

        n = ngx_sandbox_utf8_length(s->p, s->last);

        if (n == 0) {
            return ngx_sandbox_json_fault(s, "a string is not valid UTF-8");
        }

        s->p += n;
    }
}


static ngx_int_t
ngx_sandbox_json_scan_escape(ngx_sandbox_json_scan_t *s)
{
    if (s->last - s->p < 2) {
        return ngx_sandbox_json_fault(s, "a string does not end");
    }

    switch (s->p[1]) {

    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        s->p += 2;
        return NGX_OK;

    case 'u':
        return ngx_sandbox_json_scan_unicode(s);

    default:
        return ngx_sandbox_json_fault(s, "a string has an unknown escape");
    }
}


static ngx_int_t
ngx_sandbox_json_scan_unicode(ngx_sandbox_json_scan_t *s)
{
    ngx_uint_t  code, low;

    if (ngx_sandbox_json_scan_hex(s, &code) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (code == 0 && s->refuse_nul) {
        return ngx_sandbox_json_fault(s, "a string holds a NUL character");
    }

    s->p += 6;

    if (code < 0xd800 || code > 0xdfff) {
        return NGX_OK;
    }

    if (code < 0xdc00 && s->last - s->p >= 2 && s->p[0] == '\\'
        && s->p[1] == 'u')
    {
        if (ngx_sandbox_json_scan_hex(s, &low) != NGX_OK) {
            return NGX_DECLINED;
        }

        if (low >= 0xdc00 && low <= 0xdfff) {
            s->p += 6;
            return NGX_OK;
        }
    }

    s->p -= 6;

    return ngx_sandbox_json_fault(s, "a string holds half of a surrogate pair");
}


/* p is at the backslash of \uXXXX and stays there */

static ngx_int_t
ngx_sandbox_json_scan_hex(ngx_sandbox_json_scan_t *s, ngx_uint_t *ret_code)
{
    ngx_int_t  code;

    if (s->last - s->p < 6) {
        return ngx_sandbox_json_fault(s, "a string does not end");
    }

    code = ngx_hextoi((u_char *) s->p + 2, 4);

    if (code == NGX_ERROR) {
        return ngx_sandbox_json_fault(s, "a string has an unknown escape");
    }

    *ret_code = (ngx_uint_t) code;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_json_fault(ngx_sandbox_json_scan_t *s, char *reason)
{
    s->reason = reason;

    return NGX_DECLINED;
}
