
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Plays the input as a day of the executor: connections that come and go, raw
 * bytes or requests on them, executions that end, acks, cancellations, reports
 * that are answered, timers that fire.  The server, the admission and the life
 * of an execution are the real ones, over the real socket; only processes and
 * the way to the control plane are not there.  At the end of the day nothing
 * may be left: no execution, no byte that counts, no descriptor, no memory.
 */


#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "sandbox_fuzz.h"
#include "execution.h"
#include "heartbeat.h"
#include "pool.h"
#include "process.h"
#include "server.h"
#include "spool.h"


#define FUZZ_CONNECTIONS  4
#define FUZZ_RUNNING      2
#define FUZZ_QUEUED       3
#define FUZZ_CALLS_MAX    64
#define FUZZ_TURNS        8
#define FUZZ_FDS          64
#define FUZZ_PID          0x7ffffff0

#define FUZZ_HEADERS                                                          \
    " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " FUZZ_TOKEN "\r\n"


typedef enum {
    FUZZ_RAW = 0,           /* bytes as they are */
    FUZZ_POST,              /* a request with a body of the input */
    FUZZ_EXECUTE,           /* a good one */
    FUZZ_ACK,
    FUZZ_CANCEL,
    FUZZ_SHOW,
    FUZZ_END,               /* the process of an execution ends */
    FUZZ_TIMER,             /* of an execution: it is due */
    FUZZ_REPORTED,          /* the control plane answers */
    FUZZ_CLOSE,
    FUZZ_SHUT,              /* one direction only */
    FUZZ_REFUSE,            /* the next process cannot be started */
    FUZZ_TURN,              /* the loop has its turn */
    FUZZ_CALLS
} fuzz_call_e;


/* what code would write to */
typedef struct {
    int  out;
    int  err;
    int  value;
} fuzz_process_t;


struct sandbox_report_s {
    sandbox_report_conf_t  conf;
};


int __wrap_sandbox_interpreter_start(sandbox_interpreter_t *i,
    const sandbox_executor_t *ex, const sandbox_language_t *language,
    const sandbox_request_t *r, int folder);
int __wrap_sandbox_interpreter_folder(int workspace_fd, const char *path);
void __wrap_sandbox_process_signal(pid_t leader, int signo);
sandbox_report_t *__wrap_sandbox_report_start(sandbox_executor_t *ex,
    const sandbox_report_conf_t *conf);
void __wrap_sandbox_report_cancel(sandbox_report_t *r);


static char                fuzz_folder[] = "/dev/shm/sandbox-fuzz-XXXXXX";
static int                 fuzz_fds[FUZZ_CONNECTIONS];
static unsigned            fuzz_refuse;
static fuzz_process_t      fuzz_processes[FUZZ_RUNNING];
static sandbox_executor_t  fuzz_ex;


/* what is not there */

int
__wrap_sandbox_interpreter_start(sandbox_interpreter_t *i,
    const sandbox_executor_t *ex, const sandbox_language_t *language,
    const sandbox_request_t *r, int folder)
{
    int       out[2], err[2], value[2];
    unsigned  n;

    if (fuzz_refuse) {
        fuzz_refuse = 0;
        return SANDBOX_ERROR;
    }

    for (n = 0; n < FUZZ_RUNNING && fuzz_processes[n].out != -1; n++) {
        /* void */
    }

    fuzz_bug(n == FUZZ_RUNNING);
    fuzz_bug(pipe2(out, O_NONBLOCK) || pipe2(err, O_NONBLOCK)
             || pipe2(value, O_NONBLOCK));

    memset(i, 0, sizeof(sandbox_interpreter_t));

    i->pid = FUZZ_PID + n;
    i->stdout_fd = out[0];
    i->stderr_fd = err[0];
    i->value_fd = value[0];
    i->request_fd = i->stdin_fd = i->gate_fd = -1;

    fuzz_processes[n].out = out[1];
    fuzz_processes[n].err = err[1];
    fuzz_processes[n].value = value[1];

    return SANDBOX_OK;
}


int
__wrap_sandbox_interpreter_folder(int workspace_fd, const char *path)
{
    return open("/", O_PATH|O_CLOEXEC);
}


void
__wrap_sandbox_process_signal(pid_t leader, int signo)
{
    fuzz_bug(leader < FUZZ_PID || leader >= FUZZ_PID + FUZZ_RUNNING);
}


sandbox_report_t *
__wrap_sandbox_report_start(sandbox_executor_t *ex,
    const sandbox_report_conf_t *conf)
{
    sandbox_report_t  *r;

    r = malloc(sizeof(sandbox_report_t));
    fuzz_bug(r == NULL);

    r->conf = *conf;

    fuzz_bug(evbuffer_get_length(conf->body) == 0);

    return r;
}


void
__wrap_sandbox_report_cancel(sandbox_report_t *r)
{
    free(r);
}


/* what happens */

static sandbox_execution_t *
fuzz_execution(unsigned n)
{
    sandbox_execution_t  *e;

    TAILQ_FOREACH(e, &fuzz_ex.executions, link) {
        if (n-- == 0) {
            break;
        }
    }

    return e;
}


static void
fuzz_turn(unsigned turns)
{
    while (turns--) {
        (void) event_base_loop(fuzz_ex.base, EVLOOP_NONBLOCK);
    }
}


/* as reap.c does when it has waited for one */

static void
fuzz_end(fuzz_input_t *in, sandbox_execution_t *e)
{
    size_t           len;
    const char      *text;
    fuzz_process_t  *p;

    if (e == NULL || e->state != SANDBOX_EXECUTION_ALIVE) {
        return;
    }

    p = &fuzz_processes[e->pid - FUZZ_PID];

    text = fuzz_bytes(in, fuzz_byte(in), &len);
    fuzz_bug(len && write(p->out, text, len) != (ssize_t) len);

    text = fuzz_bytes(in, fuzz_byte(in), &len);
    fuzz_bug(len && write(p->value, text, len) != (ssize_t) len);

    close(p->out);
    close(p->err);
    close(p->value);
    p->out = -1;

    e->result.wait_status = (fuzz_byte(in) & 3) << 8;
    e->state = SANDBOX_EXECUTION_SWEEPING;
    e->sweep_end_ms = sandbox_now_ms() + 1000;
    event_del(e->timer);

    sandbox_execution_reap(&fuzz_ex);

    fuzz_bug(fuzz_ex.running > FUZZ_RUNNING);
}


static void
fuzz_timer(sandbox_execution_t *e)
{
    if (e != NULL && e->timer != NULL && evtimer_pending(e->timer, NULL)) {
        event_active(e->timer, EV_TIMEOUT, 0);
        fuzz_turn(1);
    }
}


static void
fuzz_reported(sandbox_execution_t *e, int rc)
{
    sandbox_report_conf_t  conf;

    if (e != NULL && e->report != NULL) {
        conf = e->report->conf;
        free(e->report);
        conf.done(conf.data, rc);
    }
}


static void
fuzz_send(unsigned n, const char *text, size_t len)
{
    int                 *fd;
    struct sockaddr_un   sun;

    fd = &fuzz_fds[n % FUZZ_CONNECTIONS];

    if (*fd == -1) {
        memset(&sun, 0, sizeof(sun));
        sun.sun_family = AF_UNIX;
        snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/executor.sock",
                 fuzz_folder);

        *fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0);
        fuzz_bug(*fd == -1);
        fuzz_bug(connect(*fd, (struct sockaddr *) &sun, sizeof(sun)) == -1);
    }

    (void) send(*fd, text, len, MSG_DONTWAIT|MSG_NOSIGNAL);
}


static void
fuzz_post(unsigned n, const char *path, const char *body, size_t len,
    unsigned lie)
{
    int   size;
    char  head[512];

    size = snprintf(head, sizeof(head), "POST %s" FUZZ_HEADERS
                    "Content-Length: %zu\r\n\r\n", path, len + lie);

    fuzz_send(n, head, size);
    fuzz_send(n, body, len);
}


static void
fuzz_execute(fuzz_input_t *in, unsigned n)
{
    int       len;
    char      body[256];
    unsigned  what;

    what = fuzz_byte(in);

    len = snprintf(body, sizeof(body), "{\"execution_id\":\"e%u\","
                   "\"language\":\"shell\",\"code\":\":\",\"timeout\":%u,"
                   "\"attempt\":%u,\"mode\":\"%ssync\"}", what & 7,
                   1 + (what >> 3), 1 + (n >> 6), what & 0x80 ? "a" : "");

    fuzz_post(n, "/v1/executions", body, len, 0);
}


/* a stream of events, after a record or with a query that may be none */

static void
fuzz_read(fuzz_input_t *in, unsigned n)
{
    int          len;
    char         head[512];
    size_t       size;
    unsigned     what;
    const char  *query;

    what = fuzz_byte(in);
    size = 0;
    query = what & 0x80 ? fuzz_bytes(in, what & 0x3f, &size) : "";

    len = snprintf(head, sizeof(head), "GET /v1/executions/e%u/events?%s%.*s"
                   FUZZ_HEADERS "\r\n", (n >> 2) & 7,
                   what & 0x80 ? "" : what & 1 ? "after=0" : "after=1",
                   (int) size, query);

    fuzz_send(n, head, len);
}


static void
fuzz_answers(unsigned n, int last)
{
    int      fd;
    char     text[4096];
    ssize_t  len;

    fd = fuzz_fds[n];

    if (fd == -1) {
        return;
    }

    len = recv(fd, text, sizeof(text), MSG_DONTWAIT);

    if (last) {
        fuzz_bug(len < 12 || memcmp(text, "HTTP/1.1 200", 12) != 0);
        fuzz_bug(memmem(text, len, "\"running\":0,\"queued\":0", 22) == NULL);
    }
}


static void
fuzz_call(fuzz_input_t *in)
{
    char         path[256];
    size_t       len;
    unsigned     call, n;
    const char  *text, *names[] = { "ack", "cancel" };

    call = fuzz_byte(in) % FUZZ_CALLS;
    n = fuzz_byte(in);

    switch (call) {

    case FUZZ_RAW:
        text = fuzz_bytes(in, fuzz_byte(in), &len);
        fuzz_send(n, text, len);
        return;

    case FUZZ_POST:
        text = fuzz_bytes(in, fuzz_byte(in), &len);
        fuzz_post(n, "/v1/executions", text, len, n & 0x80 ? n & 7 : 0);
        return;

    case FUZZ_EXECUTE:
        fuzz_execute(in, n);
        return;

    case FUZZ_ACK:
    case FUZZ_CANCEL:
        snprintf(path, sizeof(path), "/v1/executions/e%u/%s", (n >> 2) & 7,
                 names[call - FUZZ_ACK]);
        fuzz_post(n, path, "", 0, 0);
        return;

    case FUZZ_SHOW:
        if (n & 0x20) {
            fuzz_read(in, n);
            return;
        }

        snprintf(path, sizeof(path), "GET /v1/executions/e%u" FUZZ_HEADERS
                 "\r\n", (n >> 2) & 7);
        fuzz_send(n, path, strlen(path));
        return;

    case FUZZ_END:
        fuzz_end(in, fuzz_execution(n & 7));
        return;

    case FUZZ_TIMER:
        fuzz_timer(fuzz_execution(n & 7));
        return;

    case FUZZ_REPORTED:
        fuzz_reported(fuzz_execution(n & 7),
                      n & 8 ? SANDBOX_OK : SANDBOX_REFUSED);
        return;

    case FUZZ_CLOSE:
        n %= FUZZ_CONNECTIONS;

        if (fuzz_fds[n] != -1) {
            close(fuzz_fds[n]);
            fuzz_fds[n] = -1;
        }

        return;

    case FUZZ_SHUT:
        (void) shutdown(fuzz_fds[n % FUZZ_CONNECTIONS],
                        n & 8 ? SHUT_RD : SHUT_WR);
        return;

    case FUZZ_REFUSE:
        fuzz_refuse = 1;
        return;

    default: /* FUZZ_TURN */
        fuzz_turn(1 + (n & 3));
        fuzz_answers((n >> 4) % FUZZ_CONNECTIONS, 0);
    }
}


/* the evening */

static unsigned
fuzz_count_spooled(void)
{
    int       fd;
    DIR      *dir;
    unsigned  n;

    fd = openat(fuzz_ex.spool_fd, ".", O_RDONLY|O_DIRECTORY);
    dir = fdopendir(fd);
    fuzz_bug(dir == NULL);

    for (n = 0; readdir(dir) != NULL; n++) {
        /* void */
    }

    closedir(dir);

    /* but "." and ".." */

    return n - 2;
}


static void
fuzz_settle(fuzz_input_t *in)
{
    unsigned              n;
    sandbox_execution_t  *e;

    fuzz_refuse = 0;

    for (n = 0; n < FUZZ_CONNECTIONS; n++) {
        if (fuzz_fds[n] != -1) {
            close(fuzz_fds[n]);
            fuzz_fds[n] = -1;
        }
    }

    fuzz_turn(FUZZ_TURNS);

    for (n = 0; n < 1000; n++) {
        e = fuzz_execution(0);

        if (e == NULL) {
            break;
        }

        if (e->report != NULL) {
            fuzz_reported(e, SANDBOX_OK);

        } else if (e->state == SANDBOX_EXECUTION_ALIVE) {
            fuzz_end(in, e);

        } else {
            fuzz_timer(e);
        }

        fuzz_turn(1);
    }

    fuzz_bug(!TAILQ_EMPTY(&fuzz_ex.executions));
    fuzz_bug(fuzz_ex.running || fuzz_ex.queued || fuzz_ex.held);
    fuzz_bug(fuzz_ex.queued_bytes || fuzz_ex.held_bytes);
    fuzz_bug(fuzz_ex.streams || fuzz_ex.ended.bytes
             || !TAILQ_EMPTY(&fuzz_ex.ended.logs));
    fuzz_bug(fuzz_ex.spool_failed || fuzz_count_spooled() != 0);
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
    char  path[sizeof(fuzz_folder) + 32];

    snprintf(path, sizeof(path), "%s/executor.sock", fuzz_folder);
    (void) unlink(path);

    snprintf(path, sizeof(path), "%s/" SANDBOX_SPOOL_FOLDER, fuzz_folder);
    (void) rmdir(path);
    (void) rmdir(fuzz_folder);
}


static void
fuzz_init(void)
{
    unsigned             n;
    sandbox_executor_t  *ex;

    ex = &fuzz_ex;

    fuzz_bug(mkdtemp(fuzz_folder) == NULL);
    atexit(fuzz_remove);

    (void) signal(SIGPIPE, SIG_IGN);

    TAILQ_INIT(&ex->executions);
    TAILQ_INIT(&ex->ended.logs);

    strcpy(ex->bootstrap.session_id, "sess_fuzz");
    strcpy(ex->bootstrap.token, FUZZ_TOKEN);
    ex->bootstrap.token_len = strlen(FUZZ_TOKEN);
    ex->bootstrap.env_vars = json_object();
    ex->bootstrap.max_executions = FUZZ_RUNNING;
    ex->bootstrap.max_queued = FUZZ_QUEUED;

    ex->folder = fuzz_folder;
    ex->workspace = "/workspace";
    ex->oom_fd = -1;
    ex->base = event_base_new();

    /* of the other languages there is no runner: they cannot run here */
    sandbox_languages_init(&ex->languages, "/bin", "/nonexistent");

    sandbox_spool_open(ex);

    fuzz_bug(ex->spool_fd == -1);
    fuzz_bug(ex->base == NULL || sandbox_pool_create(ex) != SANDBOX_OK
             || sandbox_heartbeat_create(ex) != SANDBOX_OK
             || sandbox_server_start(ex) != SANDBOX_OK);

    for (n = 0; n < FUZZ_CONNECTIONS; n++) {
        fuzz_fds[n] = -1;
    }

    for (n = 0; n < FUZZ_RUNNING; n++) {
        fuzz_processes[n].out = -1;
    }
}


static void
fuzz_one(fuzz_input_t *in)
{
    unsigned     n, fds;
    const char  *status = "GET /v1/status" FUZZ_HEADERS "\r\n";

    if (fuzz_ex.base == NULL) {
        fuzz_init();
        fuzz_turn(1);
    }

    fds = fuzz_count_fds();

    for (n = 0; n < FUZZ_CALLS_MAX && in->p < in->end; n++) {
        fuzz_call(in);
    }

    fuzz_turn(2);
    fuzz_settle(in);

    fuzz_send(0, status, strlen(status));
    fuzz_turn(3);
    fuzz_answers(0, 1);

    fuzz_settle(in);
    fuzz_bug(fuzz_count_fds() != fds);
}
