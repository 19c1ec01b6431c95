
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Who may have a connection.  A request is authorized when it was read as a
 * whole, so without the token, too, somebody could make us keep a body or
 * hundreds of connections.  As process 1 we have a namespace of processes to
 * ourselves: who is in it is code, and the control plane is not.
 *
 * Connections never take the last descriptors: executions need some to start
 * and to end.
 */


#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <event2/bufferevent.h>
#include "guard.h"


/* more than the executions that may run need, and all that come at once */
#define SANDBOX_GUARD_RESERVE   (576 + SANDBOX_GUARD_BACKLOG)
#define SANDBOX_GUARD_PAUSE_MS  100


static struct bufferevent *sandbox_guard_connection(struct event_base *base,
    void *data);
static void sandbox_guard_look(evutil_socket_t fd, short what, void *data);
static int sandbox_guard_is_foreign(int fd);
static void sandbox_guard_failed(struct evconnlistener *listener, void *data);
static void sandbox_guard_resume(evutil_socket_t fd, short what, void *data);


static int  sandbox_guard_init;         /* we are process 1 */
static int  sandbox_guard_fd_max;       /* of a connection */


void
sandbox_guard_start(sandbox_executor_t *ex, struct evhttp *http,
    struct evconnlistener *listener)
{
    int            max, reserve;
    struct rlimit  limit;

    sandbox_guard_init = ex->init;
    sandbox_guard_fd_max = INT_MAX;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < INT_MAX) {
        max = limit.rlim_cur;
        reserve = max / 2 < SANDBOX_GUARD_RESERVE ? max / 2
                                                  : SANDBOX_GUARD_RESERVE;

        sandbox_guard_fd_max = max - reserve;
    }

    evhttp_set_bevcb(http, sandbox_guard_connection, ex);
    evconnlistener_set_error_cb(listener, sandbox_guard_failed);
}


/* its descriptor is not known yet: it is looked at in a moment */

static struct bufferevent *
sandbox_guard_connection(struct event_base *base, void *data)
{
    struct timeval       now = { 0, 0 };
    struct bufferevent  *bev;

    bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

    if (bev == NULL) {
        return NULL;
    }

    bufferevent_incref(bev);

    if (event_base_once(base, -1, EV_TIMEOUT, sandbox_guard_look, bev, &now)
        == -1)
    {
        bufferevent_decref(bev);
    }

    return bev;
}


static void
sandbox_guard_look(evutil_socket_t unused, short what, void *data)
{
    struct bufferevent  *bev = data;

    int                  fd;

    fd = bufferevent_getfd(bev);

    /* the server sees the end, and frees what it has of it */

    if (fd != -1
        && (fd >= sandbox_guard_fd_max || sandbox_guard_is_foreign(fd)))
    {
        (void) shutdown(fd, SHUT_RDWR);
    }

    bufferevent_decref(bev);
}


/* who is outside of our namespace has no number in it */

static int
sandbox_guard_is_foreign(int fd)
{
    socklen_t     len;
    struct ucred  peer;

    len = sizeof(peer);

    return sandbox_guard_init
           && (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1
               || peer.pid != 0);
}


/* the loop would come back to what cannot be accepted at once, for ever */

static void
sandbox_guard_failed(struct evconnlistener *listener, void *data)
{
    struct timeval  tv = { 0, SANDBOX_GUARD_PAUSE_MS * 1000 };

    sandbox_log("accept: %s", strerror(errno));

    if (event_base_once(evconnlistener_get_base(listener), -1, EV_TIMEOUT,
                        sandbox_guard_resume, listener, &tv)
        == 0)
    {
        (void) evconnlistener_disable(listener);
    }
}


static void
sandbox_guard_resume(evutil_socket_t fd, short what, void *data)
{
    struct evconnlistener  *listener = data;

    (void) evconnlistener_enable(listener);
}
