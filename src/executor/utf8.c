
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A UTF-8 decoder that is fed byte by byte, so that a character may be cut
 * anywhere between two reads.  Pure: no memory, no calls.
 */


#include "utf8.h"


static int sandbox_utf8_lead(sandbox_utf8_t *u, u_char ch);


int
sandbox_utf8_feed(sandbox_utf8_t *u, u_char ch)
{
    if (u->need == 0) {
        return sandbox_utf8_lead(u, ch);
    }

    if (ch < u->low || ch > u->high) {
        u->need = 0;
        return SANDBOX_UTF8_BROKEN;
    }

    u->buf[u->have++] = ch;
    u->low = 0x80;
    u->high = 0xbf;

    return --u->need ? SANDBOX_UTF8_MORE : SANDBOX_UTF8_DONE;
}


static int
sandbox_utf8_lead(sandbox_utf8_t *u, u_char ch)
{
    u->buf[0] = ch;
    u->have = 1;
    u->low = 0x80;
    u->high = 0xbf;

    if (ch < 0x80) {
        return SANDBOX_UTF8_DONE;
    }

    if (ch < 0xc2 || ch > 0xf4) {
        return SANDBOX_UTF8_BAD;
    }

    if (ch < 0xe0) {
        u->need = 1;
        return SANDBOX_UTF8_MORE;
    }

    /* no overlong forms, no surrogates, nothing beyond U+10FFFF */

    if (ch < 0xf0) {
        u->need = 2;

        if (ch == 0xe0) {
            u->low = 0xa0;
        }

        if (ch == 0xed) {
            u->high = 0x9f;
        }

        return SANDBOX_UTF8_MORE;
    }

    u->need = 3;

    if (ch == 0xf0) {
        u->low = 0x90;
    }

    if (ch == 0xf4) {
        u->high = 0x8f;
    }

    return SANDBOX_UTF8_MORE;
}
