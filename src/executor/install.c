
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * One run of an installer, from its start until the control plane has taken
 * what became of it.  It is confined like an execution, to less: of the
 * workspace it can write the folder of packages only.
 */


#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "environment.h"
#include "install.h"
#include "interpreter.h"
#include "output.h"
#include "packages.h"
#include "process.h"
#include "relay.h"
#include "report.h"
#include "spawn.h"


#define SANDBOX_INSTALL_OUTPUT_MAX  (64 * 1024)     /* bytes */
#define SANDBOX_INSTALL_NAMES_MAX   512             /* of a message, bytes */
#define SANDBOX_INSTALL_BYTES_MAX   (4ull * 1024 * 1024 * 1024)


struct sandbox_install_s {
    sandbox_executor_t         *executor;
    sandbox_install_request_t   request;
    char                       *program;
    int                         folder;     /* of packages; -1 */
    sandbox_confine_t           confine;    /* of the installer */
    sandbox_relay_t            *relay;      /* NULL: none runs */
    sandbox_output_t            out;
    sandbox_output_t            err;
    pid_t                       pid;        /* 0: it has ended */
    struct event               *timer;
    unsigned                    timed_out:1;

    struct evbuffer            *body;       /* of the report, once ended */
    sandbox_report_t           *report;
    char                        report_path[SANDBOX_ID_MAX + 64];
};


static int sandbox_install_check(sandbox_executor_t *ex,
    sandbox_install_t *in, char *error, size_t size);
static int sandbox_install_start(sandbox_install_t *in);
static int sandbox_install_spawn(sandbox_install_t *in);
static int sandbox_install_pipes(sandbox_install_t *in, sandbox_spawn_t *s);
static void sandbox_install_confine(sandbox_install_t *in);
static void sandbox_install_timer_handler(evutil_socket_t fd, short what,
    void *data);
static void sandbox_install_set_timer(sandbox_install_t *in, double s);
static int sandbox_install_commit(sandbox_install_t *in, json_t **ret_list);
static void sandbox_install_finish(sandbox_install_t *in, json_t *installed,
    const char *error);
static char *sandbox_install_explain(sandbox_install_t *in, int status);
static void sandbox_install_cut(char *text, size_t len);
static void sandbox_install_names(const sandbox_install_t *in, char *text,
    size_t size);
static char *sandbox_install_complaints(sandbox_install_t *in);
static void sandbox_install_reported(void *data, int rc);
static void sandbox_install_release(sandbox_install_t *in);
static void sandbox_install_free(sandbox_install_t *in);


int
sandbox_install_admit(sandbox_executor_t *ex, struct evbuffer *input,
    char *error, size_t size)
{
    int                 rc;
    sandbox_install_t  *in;

    in = calloc(1, sizeof(sandbox_install_t));

    if (in == NULL) {
        snprintf(error, size, "no memory for an install");
        return 503;
    }

    in->executor = ex;
    in->folder = -1;
    in->confine.ruleset_fd = -1;

    sandbox_output_init(&in->out, SANDBOX_INSTALL_OUTPUT_MAX, 1);
    sandbox_output_init(&in->err, SANDBOX_INSTALL_OUTPUT_MAX, 1);

    rc = sandbox_install_request_parse(&in->request,
                     (const char *) evbuffer_pullup(input, -1),
                     evbuffer_get_length(input), error, size)
         == SANDBOX_OK ? sandbox_install_check(ex, in, error, size) : 400;

    if (rc != 200) {
        sandbox_install_free(in);
        return rc;
    }

    if (ex->install != NULL) {
        /* who asks for another one does not wait for its report any more */
        sandbox_install_free(ex->install);
        ex->install = NULL;
    }

    if (sandbox_install_start(in) != SANDBOX_OK) {
        snprintf(error, size, "the installer cannot be started");
        sandbox_install_free(in);
        return 503;
    }

    ex->install = in;

    return 202;
}


/* 200: to be started */

static int
sandbox_install_check(sandbox_executor_t *ex, sandbox_install_t *in,
    char *error, size_t size)
{
    sandbox_install_t  *other;

    other = ex->install;

    if (other != NULL && strcmp(other->request.id, in->request.id) == 0) {
        return 202;
    }

    if (other != NULL && other->pid != 0) {
        snprintf(error, size, "install_id %s runs", other->request.id);
        return 409;
    }

    in->program = sandbox_installer_program(in->request.installer, ex->path);

    if (in->program == NULL) {
        snprintf(error, size, "no %s in this image",
                 in->request.installer->name);
        return 404;
    }

    in->folder = sandbox_packages_open(ex->workspace_fd);

    if (in->folder == -1) {
        snprintf(error, size, "the folder for packages cannot be made: %s",
                 strerror(errno));
        return 503;
    }

    return 200;
}


static int
sandbox_install_start(sandbox_install_t *in)
{
    uint64_t             max;
    sandbox_executor_t  *ex;

    ex = in->executor;
    max = ex->confine.file_max < SANDBOX_INSTALL_BYTES_MAX
          ? ex->confine.file_max : SANDBOX_INSTALL_BYTES_MAX;

    in->timer = evtimer_new(ex->base, sandbox_install_timer_handler, in);
    in->body = evbuffer_new();
    in->relay = sandbox_relay_start(ex, in->request.index, max);

    if (in->timer == NULL || in->body == NULL || in->relay == NULL) {
        return SANDBOX_ERROR;
    }

    snprintf(in->report_path, sizeof(in->report_path),
             "/internal/sessions/%s/dependencies", ex->bootstrap.session_id);

    sandbox_install_confine(in);

    if (sandbox_install_spawn(in) != SANDBOX_OK) {
        sandbox_packages_clean(in->folder);
        return SANDBOX_ERROR;
    }

    sandbox_install_set_timer(in, in->request.timeout);

    return SANDBOX_OK;
}


static int
sandbox_install_spawn(sandbox_install_t *in)
{
    int                       i;
    char                      target[PATH_MAX + 32], tmp[PATH_MAX + 32];
    sandbox_spawn_t           s;
    sandbox_executor_t       *ex;
    sandbox_installer_run_t   run;

    ex = in->executor;

    snprintf(target, sizeof(target), "%s/" SANDBOX_PACKAGES_FOLDER "/"
             SANDBOX_PACKAGES_NEW, ex->workspace);
    snprintf(tmp, sizeof(tmp), "%s/" SANDBOX_PACKAGES_FOLDER "/"
             SANDBOX_PACKAGES_TMP, ex->workspace);

    run.program = in->program;
    run.path = ex->path;
    run.target = target;
    run.tmp = tmp;
    run.index = sandbox_relay_url(in->relay);
    run.packages = in->request.packages;
    run.conflicts = in->request.conflicts;

    s.confine = &in->confine;
    s.interpreter = in->program;
    s.argv = sandbox_installer_argv(in->request.installer, &run);
    s.envp = sandbox_installer_envp(in->request.installer, &run);
    s.workspace = ex->workspace;
    s.directory = NULL;
    s.folder = ex->workspace_fd;

    for (i = 0; i < SANDBOX_SPAWN_FDS; i++) {
        s.fds[i] = -1;
    }

    if (s.argv != NULL && s.envp != NULL
        && sandbox_install_pipes(in, &s) == SANDBOX_OK)
    {
        in->pid = sandbox_spawn(&s);
    }

    for (i = 0; i < SANDBOX_SPAWN_FDS; i++) {
        if (s.fds[i] != -1) {
            close(s.fds[i]);
        }
    }

    sandbox_environment_free((char **) s.argv);
    sandbox_environment_free((char **) s.envp);

    if (in->pid <= 0) {
        in->pid = 0;
        return SANDBOX_ERROR;
    }

    return SANDBOX_OK;
}


static int
sandbox_install_pipes(sandbox_install_t *in, sandbox_spawn_t *s)
{
    int  out[2], err[2];

    if (pipe2(out, O_CLOEXEC) == -1) {
        return SANDBOX_ERROR;
    }

    if (pipe2(err, O_CLOEXEC) == -1) {
        close(out[0]);
        close(out[1]);
        return SANDBOX_ERROR;
    }

    s->fds[STDOUT_FILENO] = out[1];
    s->fds[STDERR_FILENO] = err[1];

    if (sandbox_output_open(&in->out, in->executor->base, out[0])
        != SANDBOX_OK)
    {
        close(err[0]);
        return SANDBOX_ERROR;
    }

    return sandbox_output_open(&in->err, in->executor->base, err[0]);
}


/* by its descriptor: nobody can have put a link in its place */

static void
sandbox_install_confine(sandbox_install_t *in)
{
    char                 path[sizeof("/proc/self/fd/") + 12];
    const char          *writable[] = { path, NULL };
    sandbox_executor_t  *ex;

    ex = in->executor;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", in->folder);

    sandbox_confine_init(&in->confine, writable, ex->hidden);

    in->confine.oom_fd = ex->confine.oom_fd;
    in->confine.shared = ex->confine.shared;
    in->confine.bubblewrap = ex->confine.bubblewrap;
}


int
sandbox_install_has(const sandbox_executor_t *ex, pid_t pid)
{
    return pid != 0 && ex->install != NULL && ex->install->pid == pid;
}


int
sandbox_install_runs(const sandbox_executor_t *ex)
{
    return ex->install != NULL && ex->install->pid != 0;
}


static void
sandbox_install_timer_handler(evutil_socket_t fd, short what, void *data)
{
    sandbox_install_t  *in = data;

    if (in->timed_out) {
        sandbox_process_signal(in->pid, SIGKILL);
        return;
    }

    in->timed_out = 1;

    sandbox_process_signal(in->pid, SIGTERM);
    sandbox_install_set_timer(in, SANDBOX_KILL_DELAY_MS / 1e3);
}


static void
sandbox_install_set_timer(sandbox_install_t *in, double s)
{
    struct timeval  tv;

    tv.tv_sec = s;
    tv.tv_usec = (s - tv.tv_sec) * 1e6;

    event_add(in->timer, &tv);
}


void
sandbox_install_ended(sandbox_executor_t *ex, pid_t pid)
{
    int                 status;
    char               *error;
    json_t             *installed;
    sandbox_install_t  *in;

    in = ex->install;
    status = 0;

    if (waitpid(pid, &status, WNOHANG) != pid) {
        return;
    }

    in->pid = 0;
    event_del(in->timer);

    sandbox_output_finish(&in->out);
    sandbox_output_finish(&in->err);

    error = NULL;
    installed = NULL;

    if (in->timed_out || !WIFEXITED(status) || WEXITSTATUS(status) != 0
        || sandbox_install_commit(in, &installed) != SANDBOX_OK)
    {
        error = sandbox_install_explain(in, status);
        error = error ? error : strdup("the install failed");
    }

    sandbox_packages_clean(in->folder);

    sandbox_install_finish(in, installed, error);

    free(error);
}


static int
sandbox_install_commit(sandbox_install_t *in, json_t **ret_list)
{
    int      folder;
    json_t  *list;

    folder = openat(in->folder, SANDBOX_PACKAGES_NEW,
                    O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (folder == -1) {
        return SANDBOX_ERROR;
    }

    list = in->request.installer->list(folder);

    close(folder);

    if (sandbox_packages_commit(in->folder, in->request.installer->folder)
        == -1)
    {
        sandbox_log("what was installed cannot be put in its place: %s",
                    strerror(errno));
        json_decref(list);
        return SANDBOX_ERROR;
    }

    *ret_list = list;

    return SANDBOX_OK;
}


/* takes the list; "error" is NULL if it went well */

static void
sandbox_install_finish(sandbox_install_t *in, json_t *installed,
    const char *error)
{
    char                   *text;
    json_t                 *json;
    sandbox_report_conf_t   conf;

    json = json_pack("{s:s, s:s, s:o, s:s?}", "install_id", in->request.id,
                     "status", error ? "failed" : "completed",
                     "installed", installed ? installed : json_array(),
                     "error", error);
    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);

    if (text == NULL || evbuffer_add(in->body, text, strlen(text)) == -1) {
        /* the control plane has a deadline of its own */
        sandbox_log("no memory to report an install");
    }

    free(text);

    sandbox_install_release(in);

    memset(&conf, 0, sizeof(conf));

    conf.path = in->report_path;
    conf.content_type = "application/json";
    conf.body = in->body;
    conf.delays_ms = sandbox_report_result_delays;
    conf.jitter = 1;
    conf.done = sandbox_install_reported;
    conf.data = in;

    in->report = sandbox_report_start(in->executor, &conf);
}


/* a new text for people: of what, why, and the installer's own words */

static char *
sandbox_install_explain(sandbox_install_t *in, int status)
{
    char         names[SANDBOX_INSTALL_NAMES_MAX], why[512], *text, *words;
    const char  *trouble, *lack;

    trouble = sandbox_relay_trouble(in->relay);

    sandbox_install_names(in, names, sizeof(names));

    if (in->timed_out) {
        snprintf(why, sizeof(why), "timed out after %g s",
                 in->request.timeout);

    } else if (WIFSIGNALED(status)) {
        snprintf(why, sizeof(why), "killed by signal %d", WTERMSIG(status));

    } else if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        snprintf(why, sizeof(why), "the packages cannot be put in their "
                 "place");

    } else {
        snprintf(why, sizeof(why), "%s ended with status %d",
                 in->request.installer->name, WEXITSTATUS(status));
    }

    words = sandbox_install_complaints(in);
    lack = in->request.installer->lack;

    if (asprintf(&text, "%s: %s%s%s%s%s%s", names, why,
                 trouble[0] ? "; " : "", trouble,
                 words && words[0] ? ": " : "", words ? words : "",
                 words && lack && !trouble[0] && strstr(words, lack)
                 ? in->request.installer->hint : "")
        == -1)
    {
        text = NULL;
    }

    free(words);

    if (text != NULL && strlen(text) > SANDBOX_MESSAGE_MAX) {
        sandbox_install_cut(text, SANDBOX_MESSAGE_MAX);
    }

    return text;
}


/* not inside of a character */

static void
sandbox_install_cut(char *text, size_t len)
{
    while (len > 0 && (text[len] & 0xc0) == 0x80) {
        len--;
    }

    text[len] = '\0';
}


/* "name==version, name": as many as there is room for */

static void
sandbox_install_names(const sandbox_install_t *in, char *text, size_t size)
{
    size_t       i, len, need;
    json_t      *package;
    const char  *name, *version;

    len = 0;
    text[0] = '\0';

    json_array_foreach(in->request.packages, i, package) {
        name = json_string_value(json_object_get(package, "name"));
        version = json_string_value(json_object_get(package, "version"));

        need = strlen(name) + (version ? strlen(version) : 0)
               + sizeof(", ==, ...");

        if (len + need >= size) {
            len += sprintf(text + len, ", ...");
            break;
        }

        len += sprintf(text + len, "%s%s%s%s", i ? ", " : "", name,
                       version ? "==" : "", version ? version : "");
    }
}


/*
 * What it calls errors, or its last line, but for what nobody may know; NULL.
 * pip calls what it did not expect an exception, and says at last which.
 */

static char *
sandbox_install_complaints(sandbox_install_t *in)
{
    char        *copy, *text, *line, *rest, *last;
    size_t       len;
    const char  *word, *end;

    end = in->request.installer->end;
    copy = strndup(in->err.data ? (char *) in->err.data : "", in->err.len);
    text = copy ? calloc(1, strlen(copy) + 2) : NULL;

    if (text == NULL) {
        free(copy);
        return NULL;
    }

    len = 0;
    last = NULL;

    for (line = strtok_r(copy, "\r\n", &rest);
         line != NULL;
         line = strtok_r(NULL, "\r\n", &rest))
    {
        last = line;

        word = strncmp(line, "ERROR: ", 7) == 0 ? line + 7
               : strncmp(line, "npm error ", 10) == 0 ? line + 10
               : strncmp(line, "npm ERR! ", 9) == 0 ? line + 9 : NULL;

        if (word != NULL && end != NULL && strstr(word, end) != NULL) {
            break;
        }

        if (word != NULL) {
            len += sprintf(text + len, "%s%s", len ? " " : "", word);
        }
    }

    if (last != NULL && (len == 0 || strcmp(text, "Exception:") == 0)) {
        strcpy(text, last);
    }

    free(copy);

    sandbox_relay_hide(in->relay, text);

    return text;
}


static void
sandbox_install_reported(void *data, int rc)
{
    sandbox_install_t   *in = data;

    in->report = NULL;
    in->executor->install = NULL;

    sandbox_install_free(in);
}


/* what only a run needs */

static void
sandbox_install_release(sandbox_install_t *in)
{
    if (in->relay != NULL) {
        sandbox_relay_stop(in->relay);
        in->relay = NULL;
    }

    if (in->confine.ruleset_fd != -1) {
        close(in->confine.ruleset_fd);
        in->confine.ruleset_fd = -1;
    }

    if (in->folder != -1) {
        close(in->folder);
        in->folder = -1;
    }

    sandbox_output_finish(&in->out);
    sandbox_output_finish(&in->err);
    sandbox_output_free(&in->out);
    sandbox_output_free(&in->err);
}


static void
sandbox_install_free(sandbox_install_t *in)
{
    sandbox_install_release(in);

    if (in->report != NULL) {
        sandbox_report_cancel(in->report);
    }

    if (in->timer != NULL) {
        event_free(in->timer);
    }

    if (in->body != NULL) {
        evbuffer_free(in->body);
    }

    free(in->program);
    sandbox_install_request_free(&in->request);
    free(in);
}
