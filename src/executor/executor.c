
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What every part of the executor uses: the log, the clock, the form of an
 * id.  No state.
 */


#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "executor.h"


void
sandbox_log(const char *fmt, ...)
{
    int      n;
    char     line[1024];
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(line, sizeof(line) - 1, fmt, args);
    va_end(args);

    if (n < 0) {
        return;
    }

    if ((size_t) n > sizeof(line) - 2) {
        n = sizeof(line) - 2;
    }

    line[n] = '\0';

    dprintf(STDERR_FILENO, "executor: %s\n", line);
}


double
sandbox_now_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}


int
sandbox_id_is_valid(const char *id, size_t len)
{
    size_t  i;

    if (len == 0 || len > SANDBOX_ID_MAX) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        if (!((id[i] >= 'a' && id[i] <= 'z') || (id[i] >= 'A' && id[i] <= 'Z')
              || (id[i] >= '0' && id[i] <= '9') || id[i] == '_'
              || id[i] == '-'))
        {
            return 0;
        }
    }

    return 1;
}
