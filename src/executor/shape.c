
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The shape of an output, docs/executor.md.  What repeats is one token, so
 * usual outputs need little; what needs too much ends in a count.
 */


#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shape.h"


#define SANDBOX_SHAPE_FIRST  256

/* the longest token of all, the blank before it, and the last token */
#define SANDBOX_SHAPE_TOKEN  64
#define SANDBOX_SHAPE_END    (sizeof(" -x18446744073709551615") - 1)


static void sandbox_shape_flush(sandbox_shape_t *s);
static void sandbox_shape_put(sandbox_shape_t *s, const char *text,
    size_t len);


void
sandbox_shape_add(sandbox_shape_t *s, unsigned stream, size_t bytes, int kept)
{
    char  type;

    type = kept ? "oe"[stream] : "OE"[stream];

    if (s->type == type && (!kept || s->bytes == bytes)) {
        s->bytes += kept ? 0 : bytes;
        s->count++;
        return;
    }

    sandbox_shape_flush(s);

    s->type = type;
    s->bytes = bytes;
    s->count = 1;
}


static void
sandbox_shape_flush(sandbox_shape_t *s)
{
    int         n;
    char        token[SANDBOX_SHAPE_TOKEN];
    const char *blank;

    if (s->type == 0) {
        return;
    }

    blank = s->len ? " " : "";

    if (s->type == 'O' || s->type == 'E') {
        n = snprintf(token, sizeof(token), "%s%c%" PRIu64 "x%" PRIu64, blank,
                     s->type, s->bytes, s->count);

    } else if (s->count > 1) {
        n = snprintf(token, sizeof(token), "%s%c%" PRIu64 "*%" PRIu64, blank,
                     s->type, s->bytes, s->count);

    } else {
        n = snprintf(token, sizeof(token), "%s%c%" PRIu64, blank, s->type,
                     s->bytes);
    }

    s->type = 0;

    if (s->full || s->len + n + SANDBOX_SHAPE_END > SANDBOX_SHAPE_MAX) {
        /* nothing shorter may slip in behind what had no room */
        s->full = 1;
        s->rest += s->count;
        return;
    }

    sandbox_shape_put(s, token, n);
}


static void
sandbox_shape_put(sandbox_shape_t *s, const char *text, size_t len)
{
    char    *data;
    size_t   size;

    if (s->failed) {
        return;
    }

    if (s->size - s->len < len) {
        size = s->size ? s->size * 2 : SANDBOX_SHAPE_FIRST;

        data = realloc(s->data, size);

        if (data == NULL) {
            s->failed = 1;
            s->len = 0;
            return;
        }

        s->data = data;
        s->size = size;
    }

    memcpy(s->data + s->len, text, len);
    s->len += len;
}


void
sandbox_shape_finish(sandbox_shape_t *s)
{
    int   n;
    char  token[SANDBOX_SHAPE_TOKEN];

    sandbox_shape_flush(s);

    if (s->full) {
        n = snprintf(token, sizeof(token), "%s-x%" PRIu64, s->len ? " " : "",
                     s->rest);

        sandbox_shape_put(s, token, n);

        s->full = 0;
        s->rest = 0;
    }
}


void
sandbox_shape_free(sandbox_shape_t *s)
{
    free(s->data);
    memset(s, 0, sizeof(sandbox_shape_t));
}
