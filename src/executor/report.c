
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The client of the control plane's internal API: one POST over a unix
 * socket, repeated until it was understood.  A connection serves one attempt
 * and is closed by us.  Only the status line of the answer is read; it ends
 * an attempt, everything else is tried again.
 *
 * A report is owned by who started it until done() or cancel.
 */


#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <event2/bufferevent.h>
#include "report.h"


#define SANDBOX_REPORT_ATTEMPT_S  30
#define SANDBOX_REPORT_LINE_MAX   4096


struct sandbox_report_s {
    sandbox_executor_t     *executor;
    sandbox_report_conf_t   conf;
    struct bufferevent     *connection;     /* NULL: between two attempts */
    struct event           *timer;
    const unsigned         *delay;
};


static void sandbox_report_timer_handler(evutil_socket_t fd, short what,
    void *data);
static int sandbox_report_connect(sandbox_report_t *r);
static int sandbox_report_send(sandbox_report_t *r);
static void sandbox_report_read_handler(struct bufferevent *bev, void *data);
static void sandbox_report_event_handler(struct bufferevent *bev, short what,
    void *data);
static void sandbox_report_answered(sandbox_report_t *r, int status);
static void sandbox_report_finish(sandbox_report_t *r, int rc);
static void sandbox_report_retry(sandbox_report_t *r);
static unsigned sandbox_report_delay(const sandbox_report_t *r);
static void sandbox_report_close(sandbox_report_t *r);


const unsigned  sandbox_report_result_delays[] = {
    1000, 2000, 4000, 8000, 16000, 30000, 0
};

const unsigned  sandbox_report_ready_delays[] = {
    50, 100, 200, 400, 800, 1600, 2000, 0
};


sandbox_report_t *
sandbox_report_start(sandbox_executor_t *ex, const sandbox_report_conf_t *conf)
{
    sandbox_report_t  *r;

    r = calloc(1, sizeof(sandbox_report_t));
    if (r == NULL) {
        return NULL;
    }

    r->executor = ex;
    r->conf = *conf;
    r->delay = conf->delays_ms;

    if (r->conf.limit_s == 0) {
        r->conf.limit_s = SANDBOX_REPORT_ATTEMPT_S;
    }

    r->timer = evtimer_new(ex->base, sandbox_report_timer_handler, r);

    if (r->timer == NULL) {
        free(r);
        return NULL;
    }

    /* from the loop: done() is never called inside of start */

    event_active(r->timer, EV_TIMEOUT, 0);

    return r;
}


void
sandbox_report_cancel(sandbox_report_t *r)
{
    sandbox_report_close(r);
    event_free(r->timer);
    free(r);
}


/* an attempt is due, or the one that runs has taken too long */

static void
sandbox_report_timer_handler(evutil_socket_t fd, short what, void *data)
{
    sandbox_report_t  *r = data;

    struct timeval     limit = { r->conf.limit_s, 0 };

    if (r->connection != NULL || sandbox_report_connect(r) != SANDBOX_OK) {
        sandbox_report_retry(r);
        return;
    }

    event_add(r->timer, &limit);
}


static int
sandbox_report_connect(sandbox_report_t *r)
{
    struct sockaddr_un   sun;

    memset(&sun, 0, sizeof(sun));

    sun.sun_family = AF_UNIX;

    memcpy(sun.sun_path, r->executor->bootstrap.callback,
           strlen(r->executor->bootstrap.callback));

    /* deferred: no handler runs below us, so we can free what they use */

    r->connection = bufferevent_socket_new(r->executor->base, -1,
                                           BEV_OPT_CLOSE_ON_FREE
                                           |BEV_OPT_DEFER_CALLBACKS);
    if (r->connection == NULL) {
        return SANDBOX_ERROR;
    }

    bufferevent_setcb(r->connection, sandbox_report_read_handler, NULL,
                      sandbox_report_event_handler, r);

    bufferevent_setwatermark(r->connection, EV_READ, 0,
                             SANDBOX_REPORT_LINE_MAX);

    if (sandbox_report_send(r) != SANDBOX_OK
        || bufferevent_enable(r->connection, EV_READ|EV_WRITE) == -1
        || bufferevent_socket_connect(r->connection,
                                      (struct sockaddr *) &sun, sizeof(sun))
           == -1)
    {
        sandbox_report_close(r);
        return SANDBOX_ERROR;
    }

    return SANDBOX_OK;
}


static int
sandbox_report_send(sandbox_report_t *r)
{
    int               rc;
    struct evbuffer  *out;

    out = bufferevent_get_output(r->connection);

    rc = evbuffer_add_printf(out, "POST %s HTTP/1.1\r\n"
                             "Host: localhost\r\n"
                             "Authorization: Bearer %s\r\n"
                             "Content-Type: %s\r\n"
                             "Content-Length: %zu\r\n"
                             "Connection: close\r\n",
                             r->conf.path, r->executor->bootstrap.token,
                             r->conf.content_type,
                             evbuffer_get_length(r->conf.body));

    if (rc >= 0 && r->conf.key != NULL) {
        rc = evbuffer_add_printf(out, "Idempotency-Key: %s\r\n", r->conf.key);
    }

    if (rc < 0 || evbuffer_add(out, "\r\n", 2) == -1) {
        return SANDBOX_ERROR;
    }

    /* shares the bytes, so that attempts cost no memory */

    if (evbuffer_add_buffer_reference(out, r->conf.body) == -1) {
        return SANDBOX_ERROR;
    }

    return SANDBOX_OK;
}


static void
sandbox_report_read_handler(struct bufferevent *bev, void *data)
{
    sandbox_report_t  *r = data;

    int                n, status;
    char               line[128];
    struct evbuffer   *in;

    in = bufferevent_get_input(bev);
    n = evbuffer_copyout(in, line, sizeof(line));
    status = sandbox_report_parse_status(line, n > 0 ? n : 0);

    if (status != 0) {
        sandbox_report_answered(r, status);
    }
}


static void
sandbox_report_event_handler(struct bufferevent *bev, short what, void *data)
{
    sandbox_report_t  *r = data;

    if (what & BEV_EVENT_CONNECTED) {
        return;
    }

    if ((what & BEV_EVENT_ERROR) && (what & BEV_EVENT_WRITING)
        && !(what & BEV_EVENT_READING))
    {
        /* it may have answered before it closed: read on to the end */
        bufferevent_disable(bev, EV_WRITE);
        bufferevent_enable(bev, EV_READ);
        return;
    }

    sandbox_report_retry(r);
}


int
sandbox_report_parse_status(const char *p, size_t len)
{
    size_t             i;
    static const char  form[] = "HTTP/1.d ddd";

    for (i = 0; i < sizeof(form) - 1; i++) {
        if (i == len) {
            return 0;
        }

        if (form[i] == 'd' ? p[i] < '0' || p[i] > '9' : p[i] != form[i]) {
            return -1;
        }
    }

    if (p[9] == '0') {
        return -1;
    }

    return (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
}


static void
sandbox_report_answered(sandbox_report_t *r, int status)
{
    int  rc;

    if (status == 200 || status == 201) {
        rc = SANDBOX_OK;

    } else if (status >= 400 && status < 500
               && status != 408 && status != 425 && status != 429)
    {
        if (!r->conf.once) {
            sandbox_log("\"%s\" was refused with %d", r->conf.path, status);
        }

        rc = SANDBOX_REFUSED;

    } else {
        sandbox_report_retry(r);
        return;
    }

    sandbox_report_finish(r, rc);
}


static void
sandbox_report_finish(sandbox_report_t *r, int rc)
{
    void                    *data;
    sandbox_report_done_pt   done;

    done = r->conf.done;
    data = r->conf.data;

    sandbox_report_cancel(r);

    done(data, rc);
}


static void
sandbox_report_retry(sandbox_report_t *r)
{
    unsigned        ms;
    struct timeval  tv;

    if (r->conf.once) {
        sandbox_report_finish(r, SANDBOX_ERROR);
        return;
    }

    sandbox_report_close(r);

    ms = sandbox_report_delay(r);

    tv.tv_sec = ms / 1000;
    tv.tv_usec = ms % 1000 * 1000;

    if (r->delay[1] != 0) {
        r->delay++;
    }

    event_add(r->timer, &tv);
}


/* so that all who have met the same outage do not come back at once */

static unsigned
sandbox_report_delay(const sandbox_report_t *r)
{
    uint16_t  n;

    if (!r->conf.jitter
        || getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
    {
        return *r->delay;
    }

    return *r->delay / 5 * 4 + *r->delay / 5 * 2 * n / UINT16_MAX;
}


static void
sandbox_report_close(sandbox_report_t *r)
{
    event_del(r->timer);

    if (r->connection != NULL) {
        bufferevent_free(r->connection);
        r->connection = NULL;
    }
}
