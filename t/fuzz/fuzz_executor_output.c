
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Takes the input as what a process prints, in pieces, against a small limit.
 * A decoder that sees all of it at once must come to the same text, and every
 * byte must be kept, replaced or counted as dropped.  The rest is taken as a
 * status line of the control plane.
 */


#include "sandbox_fuzz.h"
#include "output.h"
#include "report.h"


#define FUZZ_LIMIT  8192


typedef struct {
    char    text[FUZZ_LIMIT];
    size_t  len;
    size_t  raw;            /* what the text was */
    size_t  replaced;
} fuzz_text_t;


/* the length of the character or of what is replaced, in "ret_bad" */

static size_t
fuzz_character(const uint8_t *p, size_t n, int *ret_bad)
{
    size_t    need, i;
    uint8_t   low, high;

    *ret_bad = 0;

    if (p[0] < 0x80) {
        return 1;
    }

    low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;

    need = p[0] >= 0xc2 && p[0] <= 0xdf ? 2
           : p[0] >= 0xe0 && p[0] <= 0xef ? 3
           : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;

    if (need == 0) {
        *ret_bad = 1;
        return 1;
    }

    for (i = 1; i < need; i++) {
        if (i == n || p[i] < low || p[i] > high) {
            *ret_bad = 1;
            return i;
        }

        low = 0x80;
        high = 0xbf;
    }

    return need;
}


static void
fuzz_decode(fuzz_text_t *t, const uint8_t *p, size_t n, size_t limit)
{
    int     bad;
    size_t  len, size;

    memset(t, 0, sizeof(fuzz_text_t));

    for ( /* void */ ; n; p += len, n -= len) {
        len = fuzz_character(p, n, &bad);
        size = bad ? 3 : len;

        if (t->len + size > limit) {
            return;
        }

        memcpy(t->text + t->len, bad ? (uint8_t *) "\xef\xbf\xbd" : p, size);

        t->len += size;
        t->raw += len;
        t->replaced += bad ? len : 0;
    }
}


static void
fuzz_status(const char *line, size_t len)
{
    int     rc;
    size_t  i;

    rc = sandbox_report_parse_status(line, len);

    fuzz_bug(rc < -1 || (rc > 0 && rc < 100) || rc > 999);
    fuzz_bug(len == 0 && rc != 0);

    /* an answer that comes in pieces is the same answer */

    for (i = 0; i < len; i++) {
        fuzz_bug(rc != -1 && sandbox_report_parse_status(line, i) != 0
                 && sandbox_report_parse_status(line, i) != rc);
    }
}


static void
fuzz_one(fuzz_input_t *in)
{
    size_t              limit, piece, len, n;
    unsigned            text;
    const char         *p;
    fuzz_input_t        line;
    sandbox_output_t    o;
    static uint8_t      fed[FUZZ_LIMIT];
    static fuzz_text_t  expected;

    text = fuzz_byte(in) & 1;
    limit = fuzz_byte(in) * (fuzz_byte(in) & 31);
    piece = fuzz_byte(in);

    line = *in;

    sandbox_output_init(&o, limit, text);

    for (n = 0; in->p < in->end; n += len) {
        p = fuzz_bytes(in, piece ? piece : 1 + fuzz_byte(in), &len);

        if (n + len > sizeof(fed)) {
            break;
        }

        memcpy(fed + n, p, len);
        sandbox_output_feed(&o, (const u_char *) p, len);
    }

    sandbox_output_flush(&o);

    fuzz_bug(o.len > limit || o.size < o.len);

    if (text) {
        fuzz_decode(&expected, fed, n, limit);

        fuzz_bug(o.len != expected.len);
        fuzz_bug(o.len && memcmp(o.data, expected.text, o.len) != 0);
        fuzz_bug(o.dropped != n - expected.raw);
        fuzz_bug(o.replaced != expected.replaced);

    } else {
        fuzz_bug(o.len + o.dropped != n || o.replaced != 0);
        fuzz_bug(o.len && memcmp(o.data, fed, o.len) != 0);
    }

    sandbox_output_free(&o);

    p = fuzz_bytes(&line, 64, &len);
    fuzz_status(p, len);
}
