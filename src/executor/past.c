
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A ring of the latest ids, looked through from end to end: it is short, and
 * asked once for each execution.
 */


#include <string.h>
#include "past.h"


void
sandbox_past_add(sandbox_past_t *past, const char *id, size_t len,
    unsigned attempt)
{
    sandbox_past_item_t  *item;

    item = &past->items[past->next];
    past->next = (past->next + 1) % SANDBOX_PAST_MAX;

    memset(item, 0, sizeof(sandbox_past_item_t));
    memcpy(item->id, id, len < SANDBOX_ID_MAX ? len : SANDBOX_ID_MAX);
    item->attempt = attempt;
}


unsigned
sandbox_past_attempt(const sandbox_past_t *past, const char *id, size_t len)
{
    unsigned  i, attempt;

    attempt = 0;

    for (i = 0; i < SANDBOX_PAST_MAX; i++) {

        if (past->items[i].attempt > attempt
            && memcmp(past->items[i].id, id, len) == 0
            && past->items[i].id[len] == '\0')
        {
            attempt = past->items[i].attempt;
        }
    }

    return attempt;
}
