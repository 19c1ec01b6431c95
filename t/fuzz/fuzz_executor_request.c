
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Takes the input as the body of POST /v1/executions.  What is accepted is
 * within its bounds and can be handed to the kernel and to a runner; what is
 * refused is told in one line that names a field.  What the code gets as its
 * environment is what was asked for.
 */


#include "sandbox_fuzz.h"
#include "environment.h"
#include "json.h"
#include "request.h"


static void
fuzz_refused(const char *error, size_t size)
{
    size_t       i;
    const char  *names[] = { "body", "execution_id", "language", "code",
                             "timeout", "event", "env_vars", "stdin",
                             "working_directory", "attempt", "mode", NULL };

    fuzz_bug(strlen(error) >= size - 1);
    fuzz_bug(strpbrk(error, "\r\n") != NULL);

    for (i = 0; names[i]; i++) {
        if (strncmp(error, names[i], strlen(names[i])) == 0) {
            return;
        }
    }

    fuzz_bug("no field is named");
}


static void
fuzz_folder(const char *path)
{
    char  copy[2048], *part, *rest;

    fuzz_bug(path[0] == '\0' || path[0] == '/' || strlen(path) > 1024);
    fuzz_bug(strpbrk(path, "\r\n") != NULL);

    strcpy(copy, path);

    for (part = strtok_r(copy, "/", &rest); part;
         part = strtok_r(NULL, "/", &rest))
    {
        fuzz_bug(strcmp(part, "..") == 0 || strlen(part) > 255);
    }
}


static void
fuzz_environment(const sandbox_executor_t *ex, sandbox_language_t *language,
    const sandbox_request_t *r)
{
    char    *block, **envp, **p;
    size_t   len, i, n;

    block = sandbox_environment_block(r, &len);
    fuzz_bug(block == NULL);

    for (i = 0, n = 0; i < len; n++) {
        fuzz_bug(block[i] == '=' || strchr(&block[i], '=') == NULL);
        i += strlen(&block[i]) + 1;
        fuzz_bug(i > len);
    }

    fuzz_bug(n != json_object_size(r->env_vars));
    free(block);

    envp = sandbox_environment_create(ex, language, r);
    fuzz_bug(envp == NULL);

    for (p = envp; *p; p++) {
        fuzz_bug(strlen(*p) > SANDBOX_ARGUMENT_MAX);
        fuzz_bug(strchr(*p, '=') == NULL || **p == '=');
    }

    fuzz_bug((size_t) (p - envp) < 4);

    sandbox_environment_free(envp);
    (void) sandbox_environment_is_early(language, r);
}


static void
fuzz_accepted(const sandbox_request_t *r, const char *body, size_t len)
{
    fuzz_bug(!sandbox_id_is_valid(r->id, strlen(r->id)));
    fuzz_bug(r->language == NULL);

    fuzz_bug(r->code_len == 0 || r->code_len > SANDBOX_ARGUMENT_MAX);
    fuzz_bug(strlen(r->code) != r->code_len);

    fuzz_bug(!(r->timeout > 0 && r->timeout <= SANDBOX_TIMEOUT_MAX));

    fuzz_bug(r->attempt < 1 || r->attempt > SANDBOX_ATTEMPT_MAX);
    fuzz_bug((r->event == NULL) != (r->event_len == 0));

    if (r->event != NULL) {
        fuzz_bug(r->event < body || r->event + r->event_len > body + len);
        fuzz_bug(sandbox_json_check(r->event, r->event + r->event_len)
                 != NULL);
    }

    if (r->working_directory != NULL) {
        fuzz_folder(r->working_directory);
    }
}


static void
fuzz_one(fuzz_input_t *in)
{
    char                         error[512];
    size_t                       len;
    const char                  *body;
    sandbox_request_t            r;
    static sandbox_executor_t    ex;
    static sandbox_languages_t   languages;

    if (ex.path == NULL) {
        ex.path = "/bin";
        ex.workspace = "/workspace";
        ex.bootstrap.env_vars = json_object();

        sandbox_languages_init(&languages, ex.path, "/nonexistent");
    }

    body = fuzz_bytes(in, SIZE_MAX, &len);

    if (body == NULL) {
        return;
    }

    memset(error, 'x', sizeof(error));

    if (sandbox_request_parse(&r, body, len, error, sizeof(error))
        == SANDBOX_OK)
    {
        fuzz_accepted(&r, body, len);
        fuzz_environment(&ex, &languages.items[0], &r);
        fuzz_environment(&ex, &languages.items[2], &r);

    } else {
        fuzz_refused(error, sizeof(error));
    }

    sandbox_request_free(&r);
}
