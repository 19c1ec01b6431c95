
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_UTF8_H_INCLUDED_
#define _SANDBOX_UTF8_H_INCLUDED_


#include <sys/types.h>


#define SANDBOX_UTF8_MORE     0     /* the sequence goes on */
#define SANDBOX_UTF8_DONE     1     /* buf[0 .. have) is a character */
#define SANDBOX_UTF8_BAD      2     /* the byte is no part of any character */
#define SANDBOX_UTF8_BROKEN   3     /* buf is cut off; offer the byte again */

#define SANDBOX_UTF8_REPLACEMENT  "\xef\xbf\xbd"


/* the decoder of one stream; all zero at its start */
typedef struct {
    u_char    buf[4];
    unsigned  have;         /* bytes in buf */
    unsigned  need;         /* bytes that miss */
    u_char    low;          /* bounds of the next byte */
    u_char    high;
} sandbox_utf8_t;


/*
 * Takes one byte.  After DONE, BAD and BROKEN the caller sets have to 0; each
 * BAD and BROKEN stands for one replacement character, as in the WHATWG
 * encoding standard (maximal subparts).
 */
int sandbox_utf8_feed(sandbox_utf8_t *u, u_char ch);


#endif /* _SANDBOX_UTF8_H_INCLUDED_ */
