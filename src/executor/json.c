
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A JSON checker without a tree.  It stands where a value only passes
 * through (the event, the return value): a library would change numbers,
 * refuse long ones, and need many times the size of the text.
 *
 * Iterative: open containers are bits of a word, so that no input can
 * exhaust the stack.
 */


#include <stdint.h>
#include <string.h>
#include "json.h"
#include "utf8.h"


#define sandbox_json_is_digit(c)  ((c) >= '0' && (c) <= '9')


typedef struct {
    const char  *p;
    const char  *end;
    const char  *error;
    uint64_t     objects;       /* bit n: container n is an object */
    unsigned     depth;
} sandbox_json_scan_t;


static int sandbox_json_value(sandbox_json_scan_t *s);
static int sandbox_json_open(sandbox_json_scan_t *s, int object);
static int sandbox_json_after(sandbox_json_scan_t *s);
static int sandbox_json_key(sandbox_json_scan_t *s);
static int sandbox_json_scalar(sandbox_json_scan_t *s);
static int sandbox_json_literal(sandbox_json_scan_t *s, const char *text);
static int sandbox_json_number(sandbox_json_scan_t *s);
static int sandbox_json_digits(sandbox_json_scan_t *s);
static int sandbox_json_string(sandbox_json_scan_t *s);
static int sandbox_json_escape(sandbox_json_scan_t *s);
static int sandbox_json_hex4(sandbox_json_scan_t *s, unsigned *ret_code);
static void sandbox_json_space(sandbox_json_scan_t *s);
static int sandbox_json_fail(sandbox_json_scan_t *s, const char *error);


const char *
sandbox_json_check(const char *p, const char *end)
{
    sandbox_json_scan_t  s;

    memset(&s, 0, sizeof(s));

    s.p = p;
    s.end = end;

    sandbox_json_space(&s);

    if (!sandbox_json_value(&s)) {
        return s.error;
    }

    sandbox_json_space(&s);

    return s.p == s.end ? NULL : "there is more behind the value";
}


/* one whole value, with everything that is in it */

static int
sandbox_json_value(sandbox_json_scan_t *s)
{
    int  rc;

    do {
        if (s->p == s->end) {
            return sandbox_json_fail(s, "the text ends too early");
        }

        switch (*s->p) {

        case '{':
            rc = sandbox_json_open(s, 1);
            break;

        case '[':
            rc = sandbox_json_open(s, 0);
            break;

        default:
            rc = sandbox_json_scalar(s) && sandbox_json_after(s);
        }

        if (!rc) {
            return 0;
        }

    } while (s->depth);

    return 1;
}


_Static_assert(SANDBOX_JSON_DEPTH_MAX == 64, "the text below says so");


static int
sandbox_json_open(sandbox_json_scan_t *s, int object)
{
    uint64_t  bit;

    if (s->depth == SANDBOX_JSON_DEPTH_MAX) {
        return sandbox_json_fail(s, "it is nested too deeply, 64 levels are "
                                    "allowed");
    }

    bit = (uint64_t) 1 << s->depth++;
    s->objects = object ? s->objects | bit : s->objects & ~bit;
    s->p++;

    sandbox_json_space(s);

    if (s->p < s->end && *s->p == (object ? '}' : ']')) {
        s->p++;
        s->depth--;

        return sandbox_json_after(s);
    }

    return object ? sandbox_json_key(s) : 1;
}


/* behind a value: closes containers until a next value is due */

static int
sandbox_json_after(sandbox_json_scan_t *s)
{
    int  object;

    while (s->depth) {
        object = (s->objects >> (s->depth - 1)) & 1;

        sandbox_json_space(s);

        if (s->p == s->end) {
            return sandbox_json_fail(s, "the text ends too early");
        }

        if (*s->p == ',') {
            s->p++;
            sandbox_json_space(s);

            return object ? sandbox_json_key(s) : 1;
        }

        if (*s->p != (object ? '}' : ']')) {
            return sandbox_json_fail(s, "a comma or a bracket is missing");
        }

        s->p++;
        s->depth--;
    }

    return 1;
}


static int
sandbox_json_key(sandbox_json_scan_t *s)
{
    if (s->p == s->end || *s->p != '"') {
        return sandbox_json_fail(s, "a member has no name");
    }

    if (!sandbox_json_string(s)) {
        return 0;
    }

    sandbox_json_space(s);

    if (s->p == s->end || *s->p != ':') {
        return sandbox_json_fail(s, "a colon is missing");
    }

    s->p++;

    sandbox_json_space(s);

    return 1;
}


static int
sandbox_json_scalar(sandbox_json_scan_t *s)
{
    switch (*s->p) {

    case '"':
        return sandbox_json_string(s);

    case 't':
        return sandbox_json_literal(s, "true");

    case 'f':
        return sandbox_json_literal(s, "false");

    case 'n':
        return sandbox_json_literal(s, "null");

    default:
        return sandbox_json_number(s);
    }
}


static int
sandbox_json_literal(sandbox_json_scan_t *s, const char *text)
{
    size_t  len;

    len = strlen(text);

    if ((size_t) (s->end - s->p) < len || memcmp(s->p, text, len) != 0) {
        return sandbox_json_fail(s, "an unknown word is in it");
    }

    s->p += len;

    return 1;
}


static int
sandbox_json_number(sandbox_json_scan_t *s)
{
    if (*s->p == '-') {
        s->p++;
    }

    if (s->p < s->end && *s->p == '0') {
        s->p++;

    } else if (!sandbox_json_digits(s)) {
        return sandbox_json_fail(s, "an unknown word is in it");
    }

    if (s->p < s->end && *s->p == '.') {
        s->p++;

        if (!sandbox_json_digits(s)) {
            return sandbox_json_fail(s, "a number is not complete");
        }
    }

    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        s->p++;

        if (s->p < s->end && (*s->p == '+' || *s->p == '-')) {
            s->p++;
        }

        if (!sandbox_json_digits(s)) {
            return sandbox_json_fail(s, "a number is not complete");
        }
    }

    return 1;
}


static int
sandbox_json_digits(sandbox_json_scan_t *s)
{
    const char  *start;

    for (start = s->p; s->p < s->end && sandbox_json_is_digit(*s->p); s->p++) {
        /* void */
    }

    return s->p != start;
}


static int
sandbox_json_string(sandbox_json_scan_t *s)
{
    int             rc;
    u_char          ch;
    sandbox_utf8_t  u;

    memset(&u, 0, sizeof(u));

    for (s->p++; s->p < s->end; /* void */ ) {
        ch = *s->p;

        if (u.need == 0 && ch == '"') {
            s->p++;
            return 1;
        }

        if (u.need == 0 && ch == '\\') {
            if (!sandbox_json_escape(s)) {
                return 0;
            }

            continue;
        }

        if (ch < 0x20) {
            return sandbox_json_fail(s, "a string has a control character");
        }

        rc = sandbox_utf8_feed(&u, ch);

        if (rc == SANDBOX_UTF8_BAD || rc == SANDBOX_UTF8_BROKEN) {
            return sandbox_json_fail(s, "a string is not valid UTF-8");
        }

        s->p++;
    }

    return sandbox_json_fail(s, "the text ends too early");
}


/* on the backslash */

static int
sandbox_json_escape(sandbox_json_scan_t *s)
{
    unsigned  code;

    if (s->end - s->p < 2) {
        return sandbox_json_fail(s, "the text ends too early");
    }

    if (s->p[1] != 'u') {
        if (s->p[1] == '\0' || strchr("\"\\/bfnrt", s->p[1]) == NULL) {
            return sandbox_json_fail(s, "a string has an unknown escape");
        }

        s->p += 2;
        return 1;
    }

    if (!sandbox_json_hex4(s, &code)) {
        return 0;
    }

    if (code < 0xd800 || code > 0xdfff) {
        return 1;
    }

    if (code > 0xdbff || s->end - s->p < 2
        || s->p[0] != '\\' || s->p[1] != 'u')
    {
        return sandbox_json_fail(s, "a string has a lone surrogate");
    }

    if (!sandbox_json_hex4(s, &code)) {
        return 0;
    }

    if (code < 0xdc00 || code > 0xdfff) {
        return sandbox_json_fail(s, "a string has a lone surrogate");
    }

    return 1;
}


/* on the backslash of \uXXXX */

static int
sandbox_json_hex4(sandbox_json_scan_t *s, unsigned *ret_code)
{
    char      ch;
    unsigned  i, code;

    if (s->end - s->p < 6) {
        return sandbox_json_fail(s, "the text ends too early");
    }

    code = 0;

    for (i = 2; i < 6; i++) {
        ch = s->p[i];

        if (sandbox_json_is_digit(ch)) {
            code = code * 16 + (ch - '0');
            continue;
        }

        ch |= 0x20;

        if (ch < 'a' || ch > 'f') {
            return sandbox_json_fail(s, "a string has an unknown escape");
        }

        code = code * 16 + (ch - 'a' + 10);
    }

    s->p += 6;
    *ret_code = code;

    return 1;
}


static void
sandbox_json_space(sandbox_json_scan_t *s)
{
    while (s->p < s->end
           && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n'
               || *s->p == '\r'))
    {
        s->p++;
    }
}


static int
sandbox_json_fail(sandbox_json_scan_t *s, const char *error)
{
    s->error = error;
    return 0;
}


int
sandbox_json_object_open(sandbox_json_object_t *o, const char *p,
    const char *end)
{
    sandbox_json_scan_t  s;

    memset(&s, 0, sizeof(s));

    s.p = p;
    s.end = end;

    sandbox_json_space(&s);

    if (s.p == s.end || *s.p != '{') {
        return 0;
    }

    o->p = s.p + 1;
    o->end = end;

    return 1;
}


/* the text was checked as a whole: only the structure matters here */

int
sandbox_json_object_next(sandbox_json_object_t *o, const char **ret_name,
    size_t *ret_name_len, const char **ret_value, size_t *ret_value_len)
{
    const char           *name, *value;
    size_t                name_len;
    sandbox_json_scan_t   s;

    memset(&s, 0, sizeof(s));

    s.p = o->p;
    s.end = o->end;

    sandbox_json_space(&s);

    if (s.p < s.end && *s.p == ',') {
        s.p++;
        sandbox_json_space(&s);
    }

    name = s.p;

    if (s.p == s.end || *s.p != '"' || !sandbox_json_string(&s)) {
        return 0;
    }

    name_len = s.p - name;

    sandbox_json_space(&s);
    s.p++;                          /* ":" */
    sandbox_json_space(&s);

    value = s.p;

    if (!sandbox_json_value(&s)) {
        return 0;
    }

    *ret_name = name;
    *ret_name_len = name_len;
    *ret_value = value;
    *ret_value_len = s.p - value;

    o->p = s.p;

    return 1;
}
