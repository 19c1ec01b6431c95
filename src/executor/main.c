
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Process 1 of a sandbox: reads who it is, listens, says that it is ready,
 * and then only reacts.  Started as
 *
 *     executor FOLDER [--workspace PATH] [--runners PATH]
 *
 * Ends on SIGTERM from outside of the sandbox (status 0), when it cannot
 * start (1, 2), or when the control plane does not know it (3).  With the one
 * argument --confine it is what bubblewrap starts: inside.c.
 */


#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "bubblewrap.h"
#include "execution.h"
#include "heartbeat.h"
#include "inside.h"
#include "pool.h"
#include "process.h"
#include "report.h"
#include "server.h"
#include "spool.h"


#define SANDBOX_STATUS_FAILED   1
#define SANDBOX_STATUS_USAGE    2
#define SANDBOX_STATUS_REFUSED  3

#define SANDBOX_WORKSPACE  "/workspace"
#define SANDBOX_PATH \
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


static int sandbox_main_options(sandbox_executor_t *ex, int argc,
    char *const *argv);
static int sandbox_main_protect(sandbox_executor_t *ex);
static int sandbox_main_paths(sandbox_executor_t *ex);
static void sandbox_main_confine(sandbox_executor_t *ex);
static int sandbox_main_signals(sandbox_executor_t *ex);
static void sandbox_main_signal_handler(evutil_socket_t fd, short what,
    void *data);
static int sandbox_main_isolate(sandbox_executor_t *ex);
static int sandbox_main_spool(sandbox_executor_t *ex);
static int sandbox_main_announce(sandbox_executor_t *ex);
static void sandbox_main_announced(void *data, int rc);
static void sandbox_main_stop(sandbox_executor_t *ex);
static int sandbox_main_known(void *data, pid_t pid);


static sandbox_executor_t  sandbox_executor;

static sandbox_bubblewrap_t  sandbox_main_bubblewrap;

/* of container_ready, until that is answered */
static struct evbuffer    *sandbox_main_body;


int
main(int argc, char **argv)
{
    sandbox_executor_t  *ex;

    if (argc == 2 && strcmp(argv[1], SANDBOX_INSIDE_MODE) == 0) {
        return sandbox_inside_main();
    }

    ex = &sandbox_executor;

    if (sandbox_main_protect(ex) != SANDBOX_OK) {
        return SANDBOX_STATUS_FAILED;
    }

    if (sandbox_main_options(ex, argc, argv) != SANDBOX_OK) {
        return SANDBOX_STATUS_USAGE;
    }

    if (sandbox_bootstrap_read(&ex->bootstrap, ex->folder) != SANDBOX_OK
        || sandbox_main_paths(ex) != SANDBOX_OK)
    {
        return SANDBOX_STATUS_FAILED;
    }

    sandbox_languages_init(&ex->languages, ex->path, ex->runners);
    sandbox_main_confine(ex);

    TAILQ_INIT(&ex->executions);
    TAILQ_INIT(&ex->ended.logs);

    ex->oom_fd = sandbox_metrics_open_oom();
    ex->base = event_base_new();

    if (ex->base == NULL
        || sandbox_process_init() != SANDBOX_OK
        || sandbox_pool_create(ex) != SANDBOX_OK
        || sandbox_heartbeat_create(ex) != SANDBOX_OK
        || sandbox_main_signals(ex) != SANDBOX_OK
        || sandbox_main_isolate(ex) != SANDBOX_OK
        || sandbox_main_spool(ex) != SANDBOX_OK
        || sandbox_server_start(ex) != SANDBOX_OK
        || sandbox_main_announce(ex) != SANDBOX_OK)
    {
        sandbox_log("cannot start");
        return SANDBOX_STATUS_FAILED;
    }

    (void) event_base_dispatch(ex->base);

    sandbox_main_stop(ex);

    return ex->status;
}


/* before there is anything to protect */

static int
sandbox_main_protect(sandbox_executor_t *ex)
{
    int            fd;
    struct rlimit  none = { 0, 0 };

    /* 0, 1 and 2 must be taken, or a pipe would become the log */

    do {
        fd = open("/dev/null", O_RDWR|O_CLOEXEC);

        if (fd == -1) {
            return SANDBOX_ERROR;
        }

    } while (fd <= STDERR_FILENO);

    close(fd);

    sandbox_confine_open_oom(&ex->confine);

    /* no other process of this user may look into our memory */

    if (prctl(PR_SET_DUMPABLE, 0) == -1
        || setrlimit(RLIMIT_CORE, &none) == -1)
    {
        sandbox_log("prctl: %s", strerror(errno));
        return SANDBOX_ERROR;
    }

    sandbox_bootstrap_init();

    return SANDBOX_OK;
}


static int
sandbox_main_options(sandbox_executor_t *ex, int argc, char *const *argv)
{
    int  i;

    ex->workspace = SANDBOX_WORKSPACE;
    ex->workspace_fd = -1;

    for (i = 1; i < argc; i++) {

        if (strcmp(argv[i], "--workspace") == 0 && i + 1 < argc) {
            ex->workspace = argv[++i];

        } else if (strcmp(argv[i], "--runners") == 0 && i + 1 < argc) {
            ex->runners = argv[++i];

        } else if (strcmp(argv[i], "--version") == 0) {
            printf("%s\n", SANDBOX_EXECUTOR_VERSION);
            exit(0);

        } else if (argv[i][0] != '-' && ex->folder == NULL) {
            ex->folder = argv[i];

        } else {
            ex->folder = NULL;
            break;
        }
    }

    if (ex->folder == NULL || ex->workspace[0] != '/'
        || strpbrk(ex->workspace, "\r\n") != NULL
        || strlen(ex->workspace) >= PATH_MAX)
    {
        fprintf(stderr, "usage: executor FOLDER [--workspace PATH] "
                "[--runners PATH] [--version]\n");
        return SANDBOX_ERROR;
    }

    return SANDBOX_OK;
}


static int
sandbox_main_paths(sandbox_executor_t *ex)
{
    char         *slash;
    ssize_t       n;
    static char   self[PATH_MAX];

    ex->path = getenv("PATH");

    if (ex->path == NULL || ex->path[0] == '\0') {
        ex->path = SANDBOX_PATH;
    }

    if (ex->runners == NULL) {
        n = readlink("/proc/self/exe", self, sizeof(self) - sizeof("runners"));

        if (n <= 0) {
            sandbox_log("readlink /proc/self/exe: %s", strerror(errno));
            return SANDBOX_ERROR;
        }

        self[n] = '\0';
        slash = strrchr(self, '/');
        strcpy(slash + 1, "runners");

        ex->runners = self;
    }

    ex->workspace_fd = open(ex->workspace, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (ex->workspace_fd == -1) {
        sandbox_log("open \"%s\": %s", ex->workspace, strerror(errno));
        return SANDBOX_ERROR;
    }

    return SANDBOX_OK;
}


/* ours: the binary, the socket's folder, the control plane's socket */

static void
sandbox_main_confine(sandbox_executor_t *ex)
{
    char        *slash;
    const char  *writable[] = { ex->workspace, "/tmp", "/dev/shm",
                                "/dev/mqueue", NULL };
    static char  own[PATH_MAX], callback[SANDBOX_CALLBACK_MAX + 1];

    snprintf(own, sizeof(own), "%s", ex->runners);
    snprintf(callback, sizeof(callback), "%s", ex->bootstrap.callback);

    if ((slash = strrchr(own, '/')) != NULL && slash != own) {
        *slash = '\0';
    }

    if ((slash = strrchr(callback, '/')) != NULL && slash != callback) {
        *slash = '\0';
    }

    ex->hidden[0] = own;
    ex->hidden[1] = callback;
    ex->hidden[2] = ex->folder;
    ex->hidden[3] = NULL;

    sandbox_confine_init(&ex->confine, writable, ex->hidden);
}


static int
sandbox_main_signals(sandbox_executor_t *ex)
{
    int            fd, signo;
    sigset_t       set;
    struct event  *event;

    ex->init = getpid() == 1;

    if (!ex->init && prctl(PR_SET_CHILD_SUBREAPER, 1) == -1) {
        sandbox_log("prctl: %s", strerror(errno));
        return SANDBOX_ERROR;
    }

    /* what is ignored stays so in children: nothing of what we have found */

    for (signo = 1; signo < NSIG; signo++) {
        (void) signal(signo, signo == SIGPIPE ? SIG_IGN : SIG_DFL);
    }

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);

    /* a descriptor, since it tells who has sent a signal */

    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1) {
        return SANDBOX_ERROR;
    }

    fd = signalfd(-1, &set, SFD_NONBLOCK|SFD_CLOEXEC);

    if (fd == -1) {
        sandbox_log("signalfd: %s", strerror(errno));
        return SANDBOX_ERROR;
    }

    event = event_new(ex->base, fd, EV_READ|EV_PERSIST,
                      sandbox_main_signal_handler, ex);

    if (event == NULL || event_add(event, NULL) == -1) {
        return SANDBOX_ERROR;
    }

    return SANDBOX_OK;
}


static void
sandbox_main_signal_handler(evutil_socket_t fd, short what, void *data)
{
    sandbox_executor_t       *ex = data;

    struct signalfd_siginfo   si;

    while (read(fd, &si, sizeof(si)) == sizeof(si)) {

        if (si.ssi_signo == SIGCHLD) {
            sandbox_execution_reap(ex);
            continue;
        }

        /* inside of a container a sender with a number is the code itself */

        if (!ex->init || si.ssi_pid == 0) {
            event_base_loopbreak(ex->base);
        }
    }
}


/* one or the other: bubblewrap could not work behind the filter */

static int
sandbox_main_isolate(sandbox_executor_t *ex)
{
    sandbox_bubblewrap_init(&sandbox_main_bubblewrap, ex);

    if (ex->confine.bubblewrap == NULL) {
        sandbox_confine_share_filter(&ex->confine);
    }

    return SANDBOX_OK;
}


/* while the path is open, and before anybody can ask for what is in it */

static int
sandbox_main_spool(sandbox_executor_t *ex)
{
    sandbox_spool_open(ex);
    sandbox_spool_load(ex);

    return SANDBOX_OK;
}


static int
sandbox_main_announce(sandbox_executor_t *ex)
{
    char                   *text;
    json_t                 *json;
    sandbox_report_conf_t   conf;
    static char             path[SANDBOX_ID_MAX + 64];

    snprintf(path, sizeof(path), "/internal/sessions/%s/container_ready",
             ex->bootstrap.session_id);

    json = json_pack("{s:s, s:o, s:o}", "version", SANDBOX_EXECUTOR_VERSION,
                     "languages", sandbox_languages_names(&ex->languages),
                     "isolation", sandbox_confine_describe(&ex->confine));
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);

    sandbox_main_body = evbuffer_new();

    if (text == NULL || sandbox_main_body == NULL
        || evbuffer_add(sandbox_main_body, text, strlen(text)) == -1)
    {
        return SANDBOX_ERROR;
    }

    free(text);

    memset(&conf, 0, sizeof(conf));

    conf.path = path;
    conf.content_type = "application/json";
    conf.body = sandbox_main_body;
    conf.delays_ms = sandbox_report_ready_delays;
    conf.done = sandbox_main_announced;
    conf.data = ex;

    return sandbox_report_start(ex, &conf) ? SANDBOX_OK : SANDBOX_ERROR;
}


static void
sandbox_main_announced(void *data, int rc)
{
    sandbox_executor_t  *ex = data;

    evbuffer_free(sandbox_main_body);
    sandbox_main_body = NULL;

    if (rc == SANDBOX_OK) {
        ex->ready = 1;
        sandbox_pool_fill(ex);
        return;
    }

    ex->status = SANDBOX_STATUS_REFUSED;

    event_base_loopbreak(ex->base);
}


/* as process 1 our end is everybody's; else it must be made so */

static void
sandbox_main_stop(sandbox_executor_t *ex)
{
    int              i;
    struct timespec  tick = { 0, 10 * 1000 * 1000 };

    if (ex->init) {
        return;
    }

    for (i = 0; i < 100; i++) {
        (void) sandbox_process_end_strays(sandbox_main_known, NULL);

        while (waitpid(-1, NULL, WNOHANG) > 0) {
            /* void */
        }

        if (waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD) {
            return;
        }

        nanosleep(&tick, NULL);
    }
}


static int
sandbox_main_known(void *data, pid_t pid)
{
    return 0;
}
