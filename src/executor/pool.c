
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * A start costs as much as many executions, so it is put off until the one
 * that took an interpreter has probably ended, and the next one until then
 * again.
 */


#include <stdlib.h>
#include <sys/wait.h>
#include "pool.h"


/* longer than a small execution, shorter than a start */
#define SANDBOX_POOL_DELAY_MS  5

/* after so many that did not live long enough, a language is left alone */
#define SANDBOX_POOL_FAILURES  3


typedef struct sandbox_pool_item_s  sandbox_pool_item_t;

struct sandbox_pool_item_s {
    TAILQ_ENTRY(sandbox_pool_item_s)  link;
    sandbox_interpreter_t             interpreter;
};


struct sandbox_pool_s {
    TAILQ_HEAD(, sandbox_pool_item_s)  items;       /* oldest first */
    unsigned                           count[SANDBOX_LANGUAGES_MAX];
    unsigned                           failures[SANDBOX_LANGUAGES_MAX];
    struct event                      *timer;
};


static void sandbox_pool_timer_handler(evutil_socket_t fd, short what,
    void *data);
static int sandbox_pool_add(sandbox_executor_t *ex, unsigned n);
static sandbox_pool_item_t *sandbox_pool_find(const sandbox_executor_t *ex,
    pid_t pid);
static void sandbox_pool_remove(sandbox_executor_t *ex,
    sandbox_pool_item_t *item);


int
sandbox_pool_create(sandbox_executor_t *ex)
{
    sandbox_pool_t  *pool;

    pool = calloc(1, sizeof(sandbox_pool_t));
    if (pool == NULL) {
        return SANDBOX_ERROR;
    }

    TAILQ_INIT(&pool->items);

    pool->timer = evtimer_new(ex->base, sandbox_pool_timer_handler, ex);

    if (pool->timer == NULL) {
        free(pool);
        return SANDBOX_ERROR;
    }

    ex->pool = pool;

    return SANDBOX_OK;
}


void
sandbox_pool_fill(sandbox_executor_t *ex)
{
    struct timeval  tv = { 0, SANDBOX_POOL_DELAY_MS * 1000 };

    if (ex->ready && !evtimer_pending(ex->pool->timer, NULL)) {
        (void) event_add(ex->pool->timer, &tv);
    }
}


static void
sandbox_pool_timer_handler(evutil_socket_t fd, short what, void *data)
{
    sandbox_executor_t  *ex = data;

    unsigned             n;
    sandbox_language_t  *language;

    for (n = 0; n < sandbox_language_count(); n++) {
        language = &ex->languages.items[n];

        if (language->interpreter == NULL || language->runner_fd == -1
            || ex->pool->count[n] >= ex->bootstrap.prestart[n]
            || ex->pool->failures[n] >= SANDBOX_POOL_FAILURES)
        {
            continue;
        }

        /* something takes all memory, probably: not while it can */

        if (ex->pool->failures[n] && ex->running) {
            continue;
        }

        if (sandbox_pool_add(ex, n) != SANDBOX_OK) {
            ex->pool->failures[n]++;
        }

        sandbox_pool_fill(ex);
        return;
    }
}


static int
sandbox_pool_add(sandbox_executor_t *ex, unsigned n)
{
    sandbox_pool_item_t  *item;

    item = malloc(sizeof(sandbox_pool_item_t));
    if (item == NULL) {
        return SANDBOX_ERROR;
    }

    if (sandbox_interpreter_start(&item->interpreter, ex,
                                  &ex->languages.items[n], NULL,
                                  ex->workspace_fd)
        != SANDBOX_OK)
    {
        free(item);
        return SANDBOX_ERROR;
    }

    TAILQ_INSERT_TAIL(&ex->pool->items, item, link);
    ex->pool->count[n]++;

    return SANDBOX_OK;
}


int
sandbox_pool_take(sandbox_executor_t *ex, const sandbox_language_t *language,
    sandbox_interpreter_t *i)
{
    unsigned              n;
    sandbox_pool_item_t  *item;

    TAILQ_FOREACH(item, &ex->pool->items, link) {
        if (item->interpreter.language == language) {
            break;
        }
    }

    n = sandbox_language_index(&ex->languages, language);

    ex->pool->failures[n] = 0;
    sandbox_pool_fill(ex);

    if (item == NULL) {
        return SANDBOX_REFUSED;
    }

    *i = item->interpreter;

    sandbox_pool_remove(ex, item);

    return SANDBOX_OK;
}


int
sandbox_pool_has(const sandbox_executor_t *ex, pid_t pid)
{
    return sandbox_pool_find(ex, pid) != NULL;
}


void
sandbox_pool_ended(sandbox_executor_t *ex, pid_t pid)
{
    unsigned              n;
    sandbox_pool_item_t  *item;

    item = sandbox_pool_find(ex, pid);

    n = sandbox_language_index(&ex->languages, item->interpreter.language);

    if (++ex->pool->failures[n] == SANDBOX_POOL_FAILURES) {
        sandbox_log("interpreters for %s end before they are needed: none is "
                    "kept ready until the next execution",
                    item->interpreter.language->row->name);
    }

    (void) waitpid(pid, NULL, WNOHANG);

    /* its number may be another's from here on */
    item->interpreter.pid = -1;

    sandbox_interpreter_drop(&item->interpreter);
    sandbox_pool_remove(ex, item);
    sandbox_pool_fill(ex);
}


unsigned
sandbox_pool_count(const sandbox_executor_t *ex, unsigned n)
{
    return ex->pool->count[n];
}


static sandbox_pool_item_t *
sandbox_pool_find(const sandbox_executor_t *ex, pid_t pid)
{
    sandbox_pool_item_t  *item;

    TAILQ_FOREACH(item, &ex->pool->items, link) {
        if (item->interpreter.pid == pid) {
            return item;
        }
    }

    return NULL;
}


static void
sandbox_pool_remove(sandbox_executor_t *ex, sandbox_pool_item_t *item)
{
    ex->pool->count[sandbox_language_index(&ex->languages,
                                           item->interpreter.language)]--;

    TAILQ_REMOVE(&ex->pool->items, item, link);
    free(item);
}
