
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The body of POST /v1/executions as a struct.  Fields are decoded one by
 * one, the event not at all: it goes to the code as the client wrote it.
 * Fields that are not known are ignored, so that an executor that is older
 * than its control plane keeps working.
 */


#include <stdio.h>
#include <string.h>
#include "executor.h"
#include "json.h"
#include "request.h"


#define SANDBOX_PATH_MAX       1024
#define SANDBOX_PATH_MAX_PART  255

#define SANDBOX_FIELDS  10


typedef int (*sandbox_request_field_pt)(sandbox_request_t *r, json_t *value);


typedef struct {
    const char                *name;
    sandbox_request_field_pt   set;     /* NULL: taken as text */
    const char                *rule;
    unsigned                   required:1;
    unsigned                   nullable:1;
} sandbox_request_field_t;


static int sandbox_request_field(sandbox_request_t *r, size_t i,
    const char *value, size_t len, char *error, size_t size);
static int sandbox_request_id(sandbox_request_t *r, json_t *value);
static int sandbox_request_language(sandbox_request_t *r, json_t *value);
static int sandbox_request_code(sandbox_request_t *r, json_t *value);
static int sandbox_request_timeout(sandbox_request_t *r, json_t *value);
static int sandbox_request_env_vars(sandbox_request_t *r, json_t *value);
static int sandbox_request_stdin(sandbox_request_t *r, json_t *value);
static int sandbox_request_working_directory(sandbox_request_t *r,
    json_t *value);
static int sandbox_request_attempt(sandbox_request_t *r, json_t *value);
static int sandbox_request_mode(sandbox_request_t *r, json_t *value);
static const char *sandbox_request_string(json_t *value);


static const sandbox_request_field_t
    sandbox_request_fields[SANDBOX_FIELDS] =
{
    { "execution_id", sandbox_request_id,
      "1 to 64 of [A-Za-z0-9_-]", 1, 0 },

    { "language", sandbox_request_language,
      "python, javascript or shell", 1, 0 },

    { "code", sandbox_request_code,
      "a string of 1 to 131071 bytes without NUL", 1, 0 },

    { "timeout", sandbox_request_timeout,
      "a number above 0, at most 3600", 1, 0 },

    { "event", NULL,
      "JSON", 0, 1 },

    { "env_vars", sandbox_request_env_vars,
      "an object of strings, 256 names and 512 KiB at most", 0, 1 },

    { "stdin", sandbox_request_stdin,
      "a string", 0, 1 },

    { "working_directory", sandbox_request_working_directory,
      "a relative path below the workspace, without \"..\"", 0, 1 },

    { "attempt", sandbox_request_attempt,
      "an integer from 1 to 1000", 0, 0 },

    { "mode", sandbox_request_mode,
      "sync or async", 1, 0 },
};


int
sandbox_request_parse(sandbox_request_t *r, const char *body, size_t len,
    char *error, size_t size)
{
    size_t                  i, name_len, value_len;
    unsigned                seen;
    const char             *why, *name, *value;
    sandbox_json_object_t   object;

    memset(r, 0, sizeof(sandbox_request_t));

    r->attempt = 1;
    r->fields = json_array();

    why = sandbox_json_check(body, body + len);

    if (why != NULL) {
        snprintf(error, size, "body is not JSON: %s", why);
        return SANDBOX_ERROR;
    }

    if (!sandbox_json_object_open(&object, body, body + len)) {
        snprintf(error, size, "body is not a JSON object");
        return SANDBOX_ERROR;
    }

    seen = 0;

    while (sandbox_json_object_next(&object, &name, &name_len,
                                    &value, &value_len))
    {
        for (i = 0; i < SANDBOX_FIELDS; i++) {
            if (strlen(sandbox_request_fields[i].name) == name_len - 2
                && memcmp(sandbox_request_fields[i].name, name + 1,
                          name_len - 2) == 0)
            {
                break;
            }
        }

        if (i == SANDBOX_FIELDS) {
            continue;
        }

        if (seen & (1u << i)) {
            snprintf(error, size, "%s is given twice",
                     sandbox_request_fields[i].name);
            return SANDBOX_ERROR;
        }

        seen |= 1u << i;

        if (sandbox_request_field(r, i, value, value_len, error, size)
            != SANDBOX_OK)
        {
            return SANDBOX_ERROR;
        }
    }

    for (i = 0; i < SANDBOX_FIELDS; i++) {
        if (sandbox_request_fields[i].required && !(seen & (1u << i))) {
            snprintf(error, size, "%s is missing",
                     sandbox_request_fields[i].name);
            return SANDBOX_ERROR;
        }
    }

    return SANDBOX_OK;
}


void
sandbox_request_free(sandbox_request_t *r)
{
    json_decref(r->fields);
    memset(r, 0, sizeof(sandbox_request_t));
}


static int
sandbox_request_field(sandbox_request_t *r, size_t i, const char *value,
    size_t len, char *error, size_t size)
{
    json_t                         *json;
    const sandbox_request_field_t  *field;

    field = &sandbox_request_fields[i];

    if (field->nullable && len == 4 && memcmp(value, "null", 4) == 0) {
        return SANDBOX_OK;
    }

    if (field->set == NULL) {
        r->event = value;
        r->event_len = len;
        return SANDBOX_OK;
    }

    json = json_loadb(value, len, JSON_DECODE_ANY|JSON_ALLOW_NUL, NULL);

    /* the array keeps it for as long as the request lives */

    if (json == NULL || json_array_append_new(r->fields, json) == -1
        || field->set(r, json) != SANDBOX_OK)
    {
        snprintf(error, size, "%s must be %s", field->name, field->rule);
        return SANDBOX_ERROR;
    }

    return SANDBOX_OK;
}


static int
sandbox_request_id(sandbox_request_t *r, json_t *value)
{
    r->id = sandbox_request_string(value);

    if (r->id == NULL || !sandbox_id_is_valid(r->id, strlen(r->id))) {
        return SANDBOX_ERROR;
    }

    return SANDBOX_OK;
}


/* which ones exist is known to the table of languages only */

static int
sandbox_request_language(sandbox_request_t *r, json_t *value)
{
    r->language = sandbox_request_string(value);

    return r->language ? SANDBOX_OK : SANDBOX_ERROR;
}


static int
sandbox_request_code(sandbox_request_t *r, json_t *value)
{
    r->code = sandbox_request_string(value);
    r->code_len = json_string_length(value);

    if (r->code == NULL || r->code_len == 0
        || r->code_len > SANDBOX_ARGUMENT_MAX)
    {
        return SANDBOX_ERROR;
    }

    return SANDBOX_OK;
}


static int
sandbox_request_timeout(sandbox_request_t *r, json_t *value)
{
    if (!json_is_number(value)) {
        return SANDBOX_ERROR;
    }

    r->timeout = json_number_value(value);

    if (!(r->timeout > 0 && r->timeout <= SANDBOX_TIMEOUT_MAX)) {
        return SANDBOX_ERROR;
    }

    return SANDBOX_OK;
}


static int
sandbox_request_env_vars(sandbox_request_t *r, json_t *value)
{
    r->env_vars = value;

    return sandbox_bootstrap_env_is_valid(value) ? SANDBOX_OK : SANDBOX_ERROR;
}


static int
sandbox_request_stdin(sandbox_request_t *r, json_t *value)
{
    r->stdin_data = json_string_value(value);
    r->stdin_len = json_string_length(value);

    return r->stdin_data ? SANDBOX_OK : SANDBOX_ERROR;
}


static int
sandbox_request_working_directory(sandbox_request_t *r, json_t *value)
{
    r->working_directory = sandbox_request_string(value);

    if (r->working_directory == NULL
        || !sandbox_request_path_is_valid(r->working_directory))
    {
        return SANDBOX_ERROR;
    }

    return SANDBOX_OK;
}


static int
sandbox_request_attempt(sandbox_request_t *r, json_t *value)
{
    json_int_t  n;

    n = json_integer_value(value);

    if (n < 1 || n > SANDBOX_ATTEMPT_MAX) {
        return SANDBOX_ERROR;
    }

    r->attempt = n;

    return SANDBOX_OK;
}


static int
sandbox_request_mode(sandbox_request_t *r, json_t *value)
{
    const char  *mode;

    mode = sandbox_request_string(value);

    if (mode == NULL) {
        return SANDBOX_ERROR;
    }

    if (strcmp(mode, "sync") == 0) {
        r->sync = 1;
        return SANDBOX_OK;
    }

    return strcmp(mode, "async") == 0 ? SANDBOX_OK : SANDBOX_ERROR;
}


/* NULL: no string, or one that C cannot carry */

static const char *
sandbox_request_string(json_t *value)
{
    const char  *s;

    s = json_string_value(value);

    if (s == NULL || strlen(s) != json_string_length(value)) {
        return NULL;
    }

    return s;
}


int
sandbox_request_path_is_valid(const char *path)
{
    size_t       len;
    const char  *p;

    /* it becomes a line of what a runner reads */

    if (path[0] == '\0' || path[0] == '/' || strpbrk(path, "\r\n") != NULL
        || strlen(path) > SANDBOX_PATH_MAX)
    {
        return 0;
    }

    for (p = path; *p; p += len + (p[len] == '/')) {
        len = strcspn(p, "/");

        if (len > SANDBOX_PATH_MAX_PART
            || (len == 2 && p[0] == '.' && p[1] == '.'))
        {
            return 0;
        }
    }

    return 1;
}
