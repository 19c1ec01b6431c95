
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The harness of the targets that fuzz the executor: ordinary programs, since
 * it knows no nginx.  A target defines fuzz_one(), and calls fuzz_bug() where
 * something is not as it must be.  The log is swallowed, but never without a
 * look for the token.
 */


#ifndef _SANDBOX_FUZZ_H_INCLUDED_
#define _SANDBOX_FUZZ_H_INCLUDED_


#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "executor.h"


#define fuzz_bug(condition)                                                   \
    do {                                                                      \
        if (condition) {                                                      \
            (void) fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,         \
                           #condition);                                       \
            abort();                                                          \
        }                                                                     \
    } while (0)


#define FUZZ_TOKEN  "sess_fuzz.0123456789abcdef0123456789abcdef"


typedef struct {
    const uint8_t  *p;
    const uint8_t  *end;
} fuzz_input_t;


static void fuzz_one(fuzz_input_t *in);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* the linker puts it in the place of sandbox_log() */
void __wrap_sandbox_log(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));


void
__wrap_sandbox_log(const char *fmt, ...)
{
    char     line[1024];
    va_list  args;

    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);

    fuzz_bug(strstr(line, FUZZ_TOKEN) != NULL);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input_t  in;

    in.p = data;
    in.end = data + size;

    fuzz_one(&in);

    return 0;
}


/* 0 when there is no more */

static inline unsigned
fuzz_byte(fuzz_input_t *in)
{
    return in->p < in->end ? *in->p++ : 0;
}


/* the next "n" bytes, or as many as there are */

static inline const char *
fuzz_bytes(fuzz_input_t *in, size_t n, size_t *ret_len)
{
    const uint8_t  *p;

    p = in->p;

    if (n > (size_t) (in->end - p)) {
        n = in->end - p;
    }

    in->p += n;
    *ret_len = n;

    return (const char *) p;
}


#endif /* _SANDBOX_FUZZ_H_INCLUDED_ */
