
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Well-formed UTF-8.  nginx's own ngx_utf8_decode() accepts surrogates, which
 * MariaDB and most JSON parsers refuse, so it is not used here.  Pure functions
 * that never read behind "last".
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_utf8.h"


size_t
ngx_sandbox_utf8_length(const u_char *p, const u_char *last)
{
    size_t  n, i;
    u_char  low, high;

    if (p[0] < 0x80) {
        return 1;
    }

    /* only the second byte has a range that depends on the first */

    low = 0x80;
    high = 0xbf;

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;

    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;

        if (p[0] == 0xe0) {
            low = 0xa0;

        } else if (p[0] == 0xed) {
            high = 0x9f;
        }

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;

        if (p[0] == 0xf0) {
            low = 0x90;

        } else if (p[0] == 0xf4) {
            high = 0x8f;
        }

    } else {
        return 0;
    }

    if ((size_t) (last - p) < n || p[1] < low || p[1] > high) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    return n;
}


ngx_uint_t
ngx_sandbox_utf8_valid(const ngx_str_t *text)
{
    size_t         n;
    uint64_t       word;
    const u_char  *p, *last;

    p = text->data;
    last = p + text->len;

    while (p < last) {

        /* most texts are mostly ASCII: eight bytes at once */

        if (last - p >= 8) {
            ngx_memcpy(&word, p, 8);

            if ((word & 0x8080808080808080ULL) == 0) {
                p += 8;
                continue;
            }
        }

        n = ngx_sandbox_utf8_length(p, last);

        if (n == 0) {
            return 0;
        }

        p += n;
    }

    return 1;
}
