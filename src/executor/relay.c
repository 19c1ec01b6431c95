
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * One request a connection, both ways: the head of the installer's is read and
 * written anew, the answer is passed on as it comes.  No side can make us keep
 * more than a little: who writes faster than the other one reads is not read.
 */


#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include "relay.h"
#include "report.h"


#define SANDBOX_RELAY_BACKLOG      16
#define SANDBOX_RELAY_CONNECTIONS  16
#define SANDBOX_RELAY_HEAD_MAX     16384        /* bytes */
#define SANDBOX_RELAY_AHEAD_MAX    (256 * 1024) /* bytes */
#define SANDBOX_RELAY_ANSWERS      4            /* of the largest, together */
#define SANDBOX_RELAY_PATH_MAX     1024
#define SANDBOX_RELAY_ACCEPT_MAX   256

#define SANDBOX_RELAY_HEAD_S       10
#define SANDBOX_RELAY_IDLE_S       90   /* more than nginx waits for an index */


typedef struct sandbox_relayed_s  sandbox_relayed_t;

struct sandbox_relayed_s {
    LIST_ENTRY(sandbox_relayed_s)  link;

    sandbox_relay_t       *relay;
    struct bufferevent    *client;
    struct bufferevent    *upstream;    /* NULL: not asked yet */
    uint64_t               bytes;       /* of the answer */
    unsigned               begun:1;     /* its status is known */
    unsigned               ended:1;     /* all of it has come */
};


struct sandbox_relay_s {
    sandbox_executor_t     *executor;
    struct evconnlistener  *listener;
    uint64_t                max;
    uint64_t                bytes;
    unsigned                n;
    size_t                  prefix;     /* of the index: what may be asked */
    char                    base[96];   /* "http://127.0.0.1:N/SECRET" */
    const char             *secret;     /* "/SECRET" */
    char                   *url;        /* base, and the index */
    char                    trouble[256];

    LIST_HEAD(, sandbox_relayed_s)  relayed;
};


static void sandbox_relay_cut(char *text, const char *part);
static int sandbox_relay_hex(char c);
static size_t sandbox_relay_prefix(const char *index);
static int sandbox_relay_listen(sandbox_relay_t *relay);
static int sandbox_relay_name(sandbox_relay_t *relay, const char *index);
static void sandbox_relay_accept(struct evconnlistener *listener,
    evutil_socket_t fd, struct sockaddr *sa, int len, void *data);
static void sandbox_relay_read(struct bufferevent *bev, void *data);
static void sandbox_relay_request(sandbox_relayed_t *c, char *head);
static const char *sandbox_relay_target(const sandbox_relay_t *relay,
    char *head, unsigned *ret_head);
static void sandbox_relay_accepts(const char *head, char *accept,
    size_t size);
static int sandbox_relay_connect(sandbox_relayed_t *c);
static void sandbox_relay_answer(struct bufferevent *bev, void *data);
static int sandbox_relay_count(sandbox_relayed_t *c, struct evbuffer *in);
static void sandbox_relay_written(struct bufferevent *bev, void *data);
static void sandbox_relay_client_event(struct bufferevent *bev, short what,
    void *data);
static void sandbox_relay_upstream_event(struct bufferevent *bev, short what,
    void *data);
static void sandbox_relay_refuse(sandbox_relayed_t *c, const char *status);
static void sandbox_relay_note(sandbox_relay_t *relay, int status);
static void sandbox_relay_close(sandbox_relayed_t *c);


sandbox_relay_t *
sandbox_relay_start(sandbox_executor_t *ex, const char *index, uint64_t max)
{
    sandbox_relay_t  *relay;

    relay = calloc(1, sizeof(sandbox_relay_t));
    if (relay == NULL) {
        return NULL;
    }

    LIST_INIT(&relay->relayed);

    relay->executor = ex;
    relay->max = max;

    if (sandbox_relay_listen(relay) != SANDBOX_OK
        || sandbox_relay_name(relay, index) != SANDBOX_OK)
    {
        sandbox_log("nothing can be passed on to an installer: %s",
                    strerror(errno));
        sandbox_relay_stop(relay);
        return NULL;
    }

    return relay;
}


void
sandbox_relay_stop(sandbox_relay_t *relay)
{
    while (!LIST_EMPTY(&relay->relayed)) {
        sandbox_relay_close(LIST_FIRST(&relay->relayed));
    }

    if (relay->listener != NULL) {
        evconnlistener_free(relay->listener);
    }

    explicit_bzero(relay->base, sizeof(relay->base));
    free(relay->url);
    free(relay);
}


const char *
sandbox_relay_url(const sandbox_relay_t *relay)
{
    return relay->url;
}


void
sandbox_relay_hide(const sandbox_relay_t *relay, char *text)
{
    sandbox_relay_cut(text, relay->base);
    sandbox_relay_cut(text, relay->secret);
}


static void
sandbox_relay_cut(char *text, const char *part)
{
    char    *p;
    size_t   len;

    len = strlen(part);

    for (p = strstr(text, part); p != NULL; p = strstr(p, part)) {
        memmove(p, p + len, strlen(p + len) + 1);
    }
}


const char *
sandbox_relay_trouble(const sandbox_relay_t *relay)
{
    return relay->trouble;
}


/* as who gets it will read it: escapes are no way around */

int
sandbox_relay_path_is_valid(const char *path)
{
    int          high, low;
    char         plain[SANDBOX_RELAY_PATH_MAX + 1];
    size_t       n;
    const char  *p;

    static const char  allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        "/._-~+@!=";

    if (sandbox_relay_prefix(path) == 0) {
        return 0;
    }

    for (p = path, n = 0; *p; p++, n++) {

        if (n == SANDBOX_RELAY_PATH_MAX) {
            return 0;
        }

        plain[n] = *p;

        if (*p == '%') {
            high = sandbox_relay_hex(p[1]);
            low = high != -1 ? sandbox_relay_hex(p[2]) : -1;

            if (low == -1) {
                return 0;
            }

            plain[n] = high * 16 + low;
            p += 2;
        }

        if (plain[n] == '\0' || strchr(allowed, plain[n]) == NULL) {
            return 0;
        }
    }

    plain[n] = '\0';

    for (p = strstr(plain, "/."); p != NULL; p = strstr(p + 1, "/.")) {
        n = strspn(p + 1, ".");

        if (n <= 2 && (p[1 + n] == '/' || p[1 + n] == '\0')) {
            return 0;
        }
    }

    return 1;
}


/* -1: it is no digit */

static int
sandbox_relay_hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}


/* "/packages/KIND/NAME/": its length, 0: it is none */

static size_t
sandbox_relay_prefix(const char *index)
{
    int          i;
    const char  *p;

    if (strncmp(index, "/packages/", sizeof("/packages/") - 1) != 0) {
        return 0;
    }

    p = index + sizeof("/packages/") - 1;

    for (i = 0; i < 2; i++) {
        if (*p == '/' || (p = strchr(p, '/')) == NULL) {
            return 0;
        }

        p++;
    }

    return p - index;
}


static int
sandbox_relay_listen(sandbox_relay_t *relay)
{
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));

    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    relay->listener = evconnlistener_new_bind(relay->executor->base,
                          sandbox_relay_accept, relay,
                          LEV_OPT_CLOSE_ON_FREE|LEV_OPT_CLOSE_ON_EXEC,
                          SANDBOX_RELAY_BACKLOG, (struct sockaddr *) &sin,
                          sizeof(sin));

    return relay->listener != NULL ? SANDBOX_OK : SANDBOX_ERROR;
}


static int
sandbox_relay_name(sandbox_relay_t *relay, const char *index)
{
    int                 n;
    size_t              i;
    socklen_t           len;
    unsigned char       secret[16];
    struct sockaddr_in  sin;

    len = sizeof(sin);

    if (getsockname(evconnlistener_get_fd(relay->listener),
                    (struct sockaddr *) &sin, &len)
        == -1
        || getrandom(secret, sizeof(secret), 0) != sizeof(secret))
    {
        return SANDBOX_ERROR;
    }

    n = snprintf(relay->base, sizeof(relay->base), "http://127.0.0.1:%u",
                 ntohs(sin.sin_port));

    relay->secret = relay->base + n;
    relay->base[n++] = '/';

    for (i = 0; i < sizeof(secret); i++) {
        n += sprintf(relay->base + n, "%02x", secret[i]);
    }

    relay->prefix = sandbox_relay_prefix(index);

    return asprintf(&relay->url, "%s%s", relay->base, index) == -1
           ? SANDBOX_ERROR : SANDBOX_OK;
}


static void
sandbox_relay_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *sa, int len, void *data)
{
    sandbox_relay_t    *relay = data;

    sandbox_relayed_t  *c;
    struct timeval      limit = { SANDBOX_RELAY_HEAD_S, 0 };

    c = relay->n < SANDBOX_RELAY_CONNECTIONS
        ? calloc(1, sizeof(sandbox_relayed_t)) : NULL;

    if (c == NULL) {
        evutil_closesocket(fd);
        return;
    }

    c->relay = relay;
    c->client = bufferevent_socket_new(relay->executor->base, fd,
                                       BEV_OPT_CLOSE_ON_FREE);
    if (c->client == NULL) {
        evutil_closesocket(fd);
        free(c);
        return;
    }

    relay->n++;
    LIST_INSERT_HEAD(&relay->relayed, c, link);

    bufferevent_setcb(c->client, sandbox_relay_read, sandbox_relay_written,
                      sandbox_relay_client_event, c);
    bufferevent_setwatermark(c->client, EV_READ, 0, SANDBOX_RELAY_HEAD_MAX);
    bufferevent_set_timeouts(c->client, &limit, &limit);
    bufferevent_enable(c->client, EV_READ|EV_WRITE);
}


static void
sandbox_relay_read(struct bufferevent *bev, void *data)
{
    sandbox_relayed_t      *c = data;

    char                    head[SANDBOX_RELAY_HEAD_MAX + 1];
    struct evbuffer        *in;
    struct evbuffer_ptr     end;

    in = bufferevent_get_input(bev);

    if (c->upstream != NULL || c->ended) {
        /* one request: nothing more is wanted, or each would be answered */
        evbuffer_drain(in, evbuffer_get_length(in));
        return;
    }

    end = evbuffer_search(in, "\r\n\r\n", 4, NULL);

    if (end.pos == -1) {
        if (evbuffer_get_length(in) >= SANDBOX_RELAY_HEAD_MAX) {
            sandbox_relay_close(c);
        }

        return;
    }

    if (end.pos + 4 > SANDBOX_RELAY_HEAD_MAX) {
        sandbox_relay_close(c);
        return;
    }

    evbuffer_remove(in, head, end.pos + 4);
    head[end.pos + 2] = '\0';

    sandbox_relay_request(c, head);
}


/* only what is known of the request is told to the control plane */

static void
sandbox_relay_request(sandbox_relayed_t *c, char *head)
{
    char               accept[SANDBOX_RELAY_ACCEPT_MAX];
    unsigned           is_head;
    const char        *target;
    sandbox_relay_t   *relay;
    struct timeval     limit = { SANDBOX_RELAY_IDLE_S, 0 };

    relay = c->relay;

    sandbox_relay_accepts(head, accept, sizeof(accept));

    target = sandbox_relay_target(relay, head, &is_head);

    if (target == NULL) {
        sandbox_relay_refuse(c, "404 Not Found");
        return;
    }

    if (sandbox_relay_connect(c) != SANDBOX_OK
        || evbuffer_add_printf(bufferevent_get_output(c->upstream),
                               "%s %s HTTP/1.1\r\n"
                               "Host: localhost\r\n"
                               "Authorization: Bearer %s\r\n"
                               "X-Sandbox-Base: %s\r\n"
                               "Accept: %s\r\n"
                               "Connection: close\r\n\r\n",
                               is_head ? "HEAD" : "GET", target,
                               relay->executor->bootstrap.token, relay->base,
                               accept)
           < 0)
    {
        sandbox_relay_refuse(c, "502 Bad Gateway");
        return;
    }

    bufferevent_set_timeouts(c->upstream, &limit, &limit);
    bufferevent_set_timeouts(c->client, NULL, &limit);
    bufferevent_enable(c->upstream, EV_READ|EV_WRITE);
}


/* what is behind the secret; NULL: it may not be asked for */

static const char *
sandbox_relay_target(const sandbox_relay_t *relay, char *head,
    unsigned *ret_head)
{
    char           *p, *end;
    size_t          i, len;
    unsigned char   differs;
    const char     *index;

    *ret_head = strncmp(head, "HEAD ", 5) == 0;

    if (!*ret_head && strncmp(head, "GET ", 4) != 0) {
        return NULL;
    }

    p = strchr(head, ' ') + 1;
    end = p + strcspn(p, " ?#\r\n");

    if (*end != ' ') {
        return NULL;
    }

    *end = '\0';

    len = strlen(relay->secret);

    if (strlen(p) <= len) {
        return NULL;
    }

    for (i = 0, differs = 0; i < len; i++) {
        differs |= p[i] ^ relay->secret[i];
    }

    p += len;
    index = relay->url + strlen(relay->base);

    return !differs && sandbox_relay_path_is_valid(p)
           && strncmp(p, index, relay->prefix) == 0
           ? p : NULL;
}


/* npm gets a shorter document if it asks for that */

static void
sandbox_relay_accepts(const char *head, char *accept, size_t size)
{
    char         c;
    size_t       n;
    const char  *p;

    snprintf(accept, size, "*/*");

    p = strcasestr(head, "\r\nAccept:");

    if (p == NULL) {
        return;
    }

    p += sizeof("\r\nAccept:") - 1;
    p += strspn(p, " ");

    for (n = 0; n < size - 1; n++) {
        c = p[n];

        if (c == '\r') {
            break;
        }

        if (c < ' ' || c > '~') {
            return;
        }
    }

    if (n > 0 && n < size - 1) {
        memcpy(accept, p, n);
        accept[n] = '\0';
    }
}


static int
sandbox_relay_connect(sandbox_relayed_t *c)
{
    const char          *path;
    struct sockaddr_un   sun;

    path = c->relay->executor->bootstrap.callback;

    memset(&sun, 0, sizeof(sun));

    sun.sun_family = AF_UNIX;
    memcpy(sun.sun_path, path, strlen(path));

    /* deferred: no handler runs below us, so we can free what they use */

    c->upstream = bufferevent_socket_new(c->relay->executor->base, -1,
                                         BEV_OPT_CLOSE_ON_FREE
                                         |BEV_OPT_DEFER_CALLBACKS);
    if (c->upstream == NULL) {
        return SANDBOX_ERROR;
    }

    bufferevent_setcb(c->upstream, sandbox_relay_answer, NULL,
                      sandbox_relay_upstream_event, c);
    bufferevent_setwatermark(c->upstream, EV_READ, 0,
                             SANDBOX_RELAY_AHEAD_MAX);

    return bufferevent_socket_connect(c->upstream, (struct sockaddr *) &sun,
                                      sizeof(sun))
           == -1 ? SANDBOX_ERROR : SANDBOX_OK;
}


static void
sandbox_relay_answer(struct bufferevent *bev, void *data)
{
    sandbox_relayed_t  *c = data;

    struct evbuffer    *in, *out;

    in = bufferevent_get_input(bev);
    out = bufferevent_get_output(c->client);

    if (sandbox_relay_count(c, in) != SANDBOX_OK) {
        sandbox_relay_close(c);
        return;
    }

    evbuffer_add_buffer(out, in);

    if (evbuffer_get_length(out) > SANDBOX_RELAY_AHEAD_MAX) {
        bufferevent_disable(bev, EV_READ);
    }
}


static int
sandbox_relay_count(sandbox_relayed_t *c, struct evbuffer *in)
{
    int               n;
    char              line[16];
    size_t            len;
    sandbox_relay_t  *relay;

    relay = c->relay;
    len = evbuffer_get_length(in);

    if (!c->begun) {
        n = evbuffer_copyout(in, line, sizeof(line));
        n = sandbox_report_parse_status(line, n > 0 ? n : 0);
        c->begun = 1;

        /* half of a line comes from nobody that we know */
        sandbox_relay_note(relay, n > 0 ? n : 502);
    }

    c->bytes += len;
    relay->bytes += len;

    if (c->bytes > relay->max
        || relay->bytes / SANDBOX_RELAY_ANSWERS > relay->max)
    {
        snprintf(relay->trouble, sizeof(relay->trouble),
                 "what the package index has sent is larger than the "
                 "session's disk");
        return SANDBOX_ERROR;
    }

    return SANDBOX_OK;
}


static void
sandbox_relay_written(struct bufferevent *bev, void *data)
{
    sandbox_relayed_t  *c = data;

    if (c->ended) {
        sandbox_relay_close(c);

    } else if (c->upstream != NULL) {
        bufferevent_enable(c->upstream, EV_READ);
    }
}


static void
sandbox_relay_client_event(struct bufferevent *bev, short what, void *data)
{
    sandbox_relay_close(data);
}


static void
sandbox_relay_upstream_event(struct bufferevent *bev, short what, void *data)
{
    sandbox_relayed_t  *c = data;

    if (what & BEV_EVENT_CONNECTED) {
        return;
    }

    if (!c->begun) {
        sandbox_relay_note(c->relay, (what & BEV_EVENT_TIMEOUT) ? 504 : 503);
        sandbox_relay_refuse(c, "502 Bad Gateway");
        return;
    }

    /* what has come was passed on before */

    if ((what & BEV_EVENT_EOF)
        && evbuffer_get_length(bufferevent_get_output(c->client)) > 0)
    {
        c->ended = 1;
        return;
    }

    sandbox_relay_close(c);
}


static void
sandbox_relay_refuse(sandbox_relayed_t *c, const char *status)
{
    if (c->upstream != NULL) {
        bufferevent_free(c->upstream);
        c->upstream = NULL;
    }

    c->ended = 1;

    if (evbuffer_add_printf(bufferevent_get_output(c->client),
                            "HTTP/1.1 %s\r\nContent-Length: 0\r\n"
                            "Connection: close\r\n\r\n", status)
        < 0)
    {
        sandbox_relay_close(c);
    }
}


/* that there is no such package is the installer's to say */

static void
sandbox_relay_note(sandbox_relay_t *relay, int status)
{
    const char  *text;

    switch (status) {

    case 413:
        text = "an answer of the package index is larger than this instance "
               "passes on";
        break;

    case 502:
        text = "the package index cannot be reached, answers nonsense, or "
               "sends to somewhere else";
        break;

    case 503:
        text = "the control plane does not answer";
        break;

    case 504:
        text = "the package index did not answer in time";
        break;

    default:
        if (status != 404 && status >= 400) {
            snprintf(relay->trouble, sizeof(relay->trouble),
                     "the package index answered %d", status);
        }

        return;
    }

    snprintf(relay->trouble, sizeof(relay->trouble), "%s", text);
}


static void
sandbox_relay_close(sandbox_relayed_t *c)
{
    LIST_REMOVE(c, link);
    c->relay->n--;

    if (c->upstream != NULL) {
        bufferevent_free(c->upstream);
    }

    bufferevent_free(c->client);
    free(c);
}
