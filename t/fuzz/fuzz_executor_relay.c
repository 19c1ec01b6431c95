
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Plays the input as both ends of the relay: what installers and other code
 * send to its port, and what the control plane answers.  Whatever that is, the
 * control plane sees plain requests below the index, each of the same few
 * headers, and nobody in the sandbox sees the token.  At the end no descriptor
 * and no memory is left.
 */


#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "sandbox_fuzz.h"
#include "relay.h"


#define FUZZ_CLIENTS    3
#define FUZZ_CALLS_MAX  64
#define FUZZ_FDS        64
#define FUZZ_MAX        65536       /* bytes of an answer */
#define FUZZ_PREFIX     "/packages/pypi/default/"
#define FUZZ_INDEX      FUZZ_PREFIX "0/simple/"


typedef enum {
    FUZZ_RAW = 0,           /* bytes as they are */
    FUZZ_PATH,              /* a request for a path of the input */
    FUZZ_HEADER,            /* one with a header of the input */
    FUZZ_ANSWER,            /* the control plane writes */
    FUZZ_STATUS,            /* it answers with a status and a body */
    FUZZ_MUCH,              /* it writes more than anybody reads */
    FUZZ_END,               /* it closes */
    FUZZ_CLOSE,             /* a client goes */
    FUZZ_SHUT,              /* it will write no more */
    FUZZ_READ,
    FUZZ_TURN,
    FUZZ_CALLS
} fuzz_call_e;


static char                fuzz_folder[] = "/dev/shm/sandbox-fuzz-XXXXXX";
static int                 fuzz_listener;
static int                 fuzz_clients[FUZZ_CLIENTS];
static int                 fuzz_upstream[FUZZ_CLIENTS];
static unsigned            fuzz_asked[FUZZ_CLIENTS];
static sandbox_executor_t  fuzz_ex;
static sandbox_relay_t    *fuzz_relay;


static void
fuzz_turn(unsigned turns)
{
    while (turns--) {
        (void) event_base_loop(fuzz_ex.base, EVLOOP_NONBLOCK);
    }
}


static void
fuzz_client_close(unsigned n)
{
    struct linger  linger = { 1, 0 };

    if (fuzz_clients[n] != -1) {
        /* or the machine runs out of ports */
        (void) setsockopt(fuzz_clients[n], SOL_SOCKET, SO_LINGER, &linger,
                          sizeof(linger));
        close(fuzz_clients[n]);
        fuzz_clients[n] = -1;
    }
}


static void
fuzz_send(unsigned n, const char *text, size_t len)
{
    int                 port;
    struct sockaddr_in  sin;

    if (fuzz_clients[n] == -1) {
        fuzz_bug(sscanf(sandbox_relay_url(fuzz_relay),
                        "http://127.0.0.1:%d/", &port) != 1);

        memset(&sin, 0, sizeof(sin));
        sin.sin_family = AF_INET;
        sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        sin.sin_port = htons(port);

        fuzz_clients[n] = socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0);
        fuzz_bug(fuzz_clients[n] == -1);

        if (connect(fuzz_clients[n], (struct sockaddr *) &sin, sizeof(sin))
            == -1)
        {
            fuzz_client_close(n);
            return;
        }
    }

    (void) send(fuzz_clients[n], text, len, MSG_DONTWAIT|MSG_NOSIGNAL);
}


/* what stands behind the port: the secret and the index */

static const char *
fuzz_target(void)
{
    return strchr(sandbox_relay_url(fuzz_relay) + sizeof("http://") - 1, '/');
}


static void
fuzz_ask(unsigned n, const char *path, size_t path_len, const char *header,
    size_t header_len)
{
    int          len;
    char         head[4096];
    const char  *target;

    target = fuzz_target();

    /* behind the prefix of the index, that is where the input stands */

    len = snprintf(head, sizeof(head), "%s %.*s%.*s HTTP/1.1\r\n%.*s\r\n\r\n",
                   n & 1 ? "HEAD" : "GET",
                   (int) (strlen(target) - sizeof("0/simple/") + 1), target,
                   (int) path_len, path, (int) header_len, header);

    fuzz_send(n, head, len < (int) sizeof(head) ? len : (int) sizeof(head) - 1);
}


/* the same as nginx makes of it: escapes are resolved, then dots */

static void
fuzz_path(const char *path, size_t len)
{
    char      plain[2048], *p, hex[3] = "";
    size_t    i, n;
    unsigned  depth;

    fuzz_bug(len > 1024 * 3 || len < sizeof(FUZZ_PREFIX) - 1);
    fuzz_bug(memcmp(path, FUZZ_PREFIX, sizeof(FUZZ_PREFIX) - 1) != 0);

    for (i = 0, n = 0; i < len; i++, n++) {
        plain[n] = path[i];

        if (path[i] == '%') {
            fuzz_bug(len - i < 3);
            memcpy(hex, path + i + 1, 2);
            plain[n] = strtol(hex, &p, 16);
            fuzz_bug(*p != '\0');
            i += 2;
        }

        fuzz_bug(plain[n] <= ' ' || plain[n] > '~'
                 || strchr("?#%\\;\"<>", plain[n]) != NULL);
    }

    plain[n] = '\0';

    for (p = plain, depth = 0; (p = strchr(p, '/')) != NULL; p++, depth++) {
        fuzz_bug(strncmp(p, "/../", 4) == 0 || strncmp(p, "/./", 3) == 0);
        fuzz_bug(strcmp(p, "/..") == 0 || strcmp(p, "/.") == 0);
    }

    fuzz_bug(depth < 4);
}


static void
fuzz_request(char *head)
{
    char        *line, *rest, *end;
    unsigned     n;
    const char  *names[] = { "Host: localhost",
                             ("Authorization: Bearer " FUZZ_TOKEN),
                             "X-Sandbox-Base: http://127.0.0.1:",
                             "Accept: ", "Connection: close" };

    end = strstr(head, "\r\n\r\n");
    fuzz_bug(end == NULL || end[4] != '\0');

    line = strtok_r(head, "\r\n", &rest);
    fuzz_bug(line == NULL);

    n = strncmp(line, "HEAD ", 5) == 0 ? 5 : 4;
    fuzz_bug(n == 4 && strncmp(line, "GET ", 4) != 0);

    end = strchr(line + n, ' ');
    fuzz_bug(end == NULL || strcmp(end, " HTTP/1.1") != 0);

    fuzz_path(line + n, end - line - n);

    for (n = 0; (line = strtok_r(NULL, "\r\n", &rest)) != NULL; n++) {
        fuzz_bug(n == 5 || strncmp(line, names[n], strlen(names[n])) != 0);
    }

    fuzz_bug(n != 5);
}


/* what has come to the control plane; a new connection takes a free place */

static void
fuzz_look(void)
{
    int       fd;
    char      head[8192];
    ssize_t   len;
    unsigned  n;

    for (n = 0; n < FUZZ_CLIENTS; n++) {

        if (fuzz_upstream[n] == -1) {
            fd = accept4(fuzz_listener, NULL, NULL,
                         SOCK_NONBLOCK|SOCK_CLOEXEC);
            fuzz_upstream[n] = fd;
            fuzz_asked[n] = 0;
        }

        if (fuzz_upstream[n] == -1) {
            continue;
        }

        len = recv(fuzz_upstream[n], head, sizeof(head) - 1, 0);

        if (len > 0) {
            fuzz_bug(fuzz_asked[n]++);
            fuzz_bug(memchr(head, '\0', len) != NULL);
            head[len] = '\0';
            fuzz_request(head);
        }
    }
}


static void
fuzz_reply(unsigned n, const char *text, size_t len)
{
    if (fuzz_upstream[n] != -1) {
        (void) send(fuzz_upstream[n], text, len, MSG_DONTWAIT|MSG_NOSIGNAL);
    }
}


static void
fuzz_much(unsigned n)
{
    static char  much[FUZZ_MAX / 2];

    fuzz_reply(n, "HTTP/1.1 200 OK\r\n\r\n", 19);
    fuzz_reply(n, much, sizeof(much));
}


static void
fuzz_read(unsigned n)
{
    char     text[4096];
    ssize_t  len;

    if (fuzz_clients[n] != -1) {
        len = recv(fuzz_clients[n], text, sizeof(text), MSG_DONTWAIT);
        fuzz_bug(len > 0 && memmem(text, len, FUZZ_TOKEN,
                                   sizeof(FUZZ_TOKEN) - 1) != NULL);
    }
}


static void
fuzz_call(fuzz_input_t *in)
{
    char         status[64];
    size_t       len;
    unsigned     call, n;
    const char  *text;

    call = fuzz_byte(in) % FUZZ_CALLS;
    n = fuzz_byte(in);
    len = 0;
    text = call <= FUZZ_ANSWER ? fuzz_bytes(in, fuzz_byte(in), &len) : "";
    n %= FUZZ_CLIENTS;

    switch (call) {

    case FUZZ_RAW:
        fuzz_send(n, text, len);
        return;

    case FUZZ_PATH:
        fuzz_ask(n, text, len, "X: y", 4);
        return;

    case FUZZ_HEADER:
        fuzz_ask(n, "0/simple/x/", 11, text, len);
        return;

    case FUZZ_ANSWER:
        fuzz_reply(n, text, len);
        return;

    case FUZZ_STATUS:
        fuzz_reply(n, status, snprintf(status, sizeof(status),
                                       "HTTP/1.1 %u x\r\n\r\nbody",
                                       300 + fuzz_byte(in)));
        return;

    case FUZZ_MUCH:
        fuzz_much(n);
        return;

    case FUZZ_END:
        if (fuzz_upstream[n] != -1) {
            close(fuzz_upstream[n]);
            fuzz_upstream[n] = -1;
        }

        return;

    case FUZZ_CLOSE:
        fuzz_client_close(n);
        return;

    case FUZZ_SHUT:
        (void) shutdown(fuzz_clients[n], SHUT_WR);
        return;

    case FUZZ_READ:
        fuzz_read(n);
        return;

    default: /* FUZZ_TURN */
        fuzz_turn(2);
        fuzz_look();
    }
}


static unsigned
fuzz_count_fds(void)
{
    int       fd;
    unsigned  n;

    for (n = 0, fd = 0; fd < FUZZ_FDS; fd++) {
        n += fcntl(fd, F_GETFD) != -1;
    }

    return n;
}


static void
fuzz_remove(void)
{
    (void) unlink(fuzz_ex.bootstrap.callback);
    (void) rmdir(fuzz_folder);
}


static void
fuzz_init(void)
{
    unsigned            n;
    struct sockaddr_un  sun;

    fuzz_bug(mkdtemp(fuzz_folder) == NULL);
    atexit(fuzz_remove);

    (void) signal(SIGPIPE, SIG_IGN);

    strcpy(fuzz_ex.bootstrap.token, FUZZ_TOKEN);
    fuzz_ex.bootstrap.token_len = strlen(FUZZ_TOKEN);
    snprintf(fuzz_ex.bootstrap.callback, sizeof(fuzz_ex.bootstrap.callback),
             "%s/internal.sock", fuzz_folder);

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    strcpy(sun.sun_path, fuzz_ex.bootstrap.callback);

    fuzz_listener = socket(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);
    fuzz_bug(bind(fuzz_listener, (struct sockaddr *) &sun, sizeof(sun)) == -1);
    fuzz_bug(listen(fuzz_listener, 64) == -1);

    fuzz_ex.base = event_base_new();
    fuzz_bug(fuzz_ex.base == NULL);

    for (n = 0; n < FUZZ_CLIENTS; n++) {
        fuzz_clients[n] = fuzz_upstream[n] = -1;
    }
}


static void
fuzz_one(fuzz_input_t *in)
{
    int       fd;
    char      text[512];
    unsigned  n, fds;

    if (fuzz_ex.base == NULL) {
        fuzz_init();
        fuzz_turn(1);
    }

    fds = fuzz_count_fds();
    fuzz_relay = sandbox_relay_start(&fuzz_ex, FUZZ_INDEX, FUZZ_MAX);

    if (fuzz_relay == NULL) {
        return;
    }

    for (n = 0; n < FUZZ_CALLS_MAX && in->p < in->end; n++) {
        fuzz_call(in);
    }

    fuzz_turn(3);
    fuzz_look();

    fuzz_bug(strlen(sandbox_relay_trouble(fuzz_relay)) > 200);

    snprintf(text, sizeof(text), "a %s b %s", sandbox_relay_url(fuzz_relay),
             fuzz_target());
    sandbox_relay_hide(fuzz_relay, text);
    fuzz_bug(strcmp(text, "a " FUZZ_INDEX " b " FUZZ_INDEX) != 0);

    sandbox_relay_stop(fuzz_relay);

    for (n = 0; n < FUZZ_CLIENTS; n++) {
        fuzz_client_close(n);

        if (fuzz_upstream[n] != -1) {
            close(fuzz_upstream[n]);
            fuzz_upstream[n] = -1;
        }
    }

    while ((fd = accept(fuzz_listener, NULL, NULL)) != -1) {
        close(fd);
    }

    fuzz_turn(3);
    fuzz_bug(fuzz_count_fds() != fds);
}
