
/*
 * Copyright (C) the ngx_sandbox authors
 */


/* The numbers of a query string.  It owns nothing, and never writes to it. */


#include <string.h>
#include "query.h"


static unsigned sandbox_query_find(const sandbox_query_t *fields,
    const char *p, size_t len);
static const char *sandbox_query_parse_number(const char *p, uint64_t *ret);


int
sandbox_query_parse(const char *query, sandbox_query_t *fields)
{
    size_t       len;
    unsigned     n, given[SANDBOX_QUERY_MAX] = { 0 };
    const char  *p;

    for (p = query ? query : ""; *p != '\0'; p += (*p == '&')) {

        len = strcspn(p, "=&");
        n = sandbox_query_find(fields, p, len);

        if (p[len] != '=' || fields[n].name == NULL || given[n]++) {
            return 0;
        }

        p = sandbox_query_parse_number(p + len + 1, &fields[n].value);

        if (p == NULL || (*p != '\0' && (*p != '&' || p[1] == '\0'))) {
            return 0;
        }
    }

    return 1;
}


static unsigned
sandbox_query_find(const sandbox_query_t *fields, const char *p, size_t len)
{
    unsigned  n;

    for (n = 0; fields[n].name != NULL; n++) {

        if (strlen(fields[n].name) == len
            && memcmp(fields[n].name, p, len) == 0)
        {
            break;
        }
    }

    return n;
}


/* what follows it; NULL: it is none */

static const char *
sandbox_query_parse_number(const char *p, uint64_t *ret)
{
    uint64_t  n;

    if (*p < '0' || *p > '9') {
        return NULL;
    }

    for (n = 0; *p >= '0' && *p <= '9'; p++) {
        n = n > UINT64_MAX / 16 ? n : n * 10 + (*p - '0');
    }

    *ret = n;

    return p;
}
