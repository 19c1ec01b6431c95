
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Reads what the Docker Engine answers.
 *
 * A document is parsed, looked at and freed within one call: nothing of the
 * JSON library outlives it, and what is returned was copied to the pool.  A
 * member that is absent or null has its default, one of another type than the
 * engine's makes the whole answer unreadable.  Names and ids are only taken if
 * they are fit to be put back into a path of the API.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_docker_json.h"


#define NGX_SANDBOX_DOCKER_LABEL_MAX  256     /* bytes */
#define NGX_SANDBOX_DOCKER_LIST_MAX   16384   /* containers */


static json_t *ngx_sandbox_docker_parse(ngx_str_t *body, json_type type);
static ngx_int_t ngx_sandbox_docker_inspected(ngx_pool_t *pool, json_t *root,
    ngx_sandbox_container_state_t *state);
static ngx_int_t ngx_sandbox_docker_fill_list(ngx_pool_t *pool, json_t *root,
    ngx_array_t **ret_list);
static ngx_int_t ngx_sandbox_docker_listed(ngx_pool_t *pool, json_t *item,
    ngx_sandbox_container_state_t *state);
static ngx_int_t ngx_sandbox_docker_list_name(ngx_pool_t *pool, json_t *item,
    ngx_sandbox_container_state_t *state);
static ngx_int_t ngx_sandbox_docker_id(ngx_pool_t *pool, json_t *object,
    ngx_str_t *ret_id);
static ngx_int_t ngx_sandbox_docker_name(ngx_pool_t *pool, ngx_str_t *name,
    ngx_str_t *ret_name);
static ngx_int_t ngx_sandbox_docker_from_labels(ngx_pool_t *pool,
    json_t *object, ngx_sandbox_container_state_t *state);
static ngx_int_t ngx_sandbox_docker_exit_code(ngx_str_t *status);
static ngx_uint_t ngx_sandbox_docker_is(ngx_str_t *text, char *word);
static ngx_int_t ngx_sandbox_docker_object(json_t *object, const char *name,
    json_t **ret_value);
static ngx_int_t ngx_sandbox_docker_string(json_t *object, const char *name,
    ngx_str_t *ret_value);
static ngx_int_t ngx_sandbox_docker_integer(json_t *object, const char *name,
    json_int_t *ret_value);
static ngx_int_t ngx_sandbox_docker_boolean(json_t *object, const char *name,
    ngx_uint_t *ret_value);


ngx_int_t
ngx_sandbox_docker_decode_created(ngx_pool_t *pool, ngx_str_t *body,
    ngx_str_t *ret_id)
{
    json_t     *root;
    ngx_int_t   rc;

    root = ngx_sandbox_docker_parse(body, JSON_OBJECT);
    if (root == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_sandbox_docker_id(pool, root, ret_id);

    json_decref(root);

    return rc;
}


ngx_int_t
ngx_sandbox_docker_decode_inspect(ngx_pool_t *pool, ngx_str_t *body,
    ngx_sandbox_container_state_t *ret_state)
{
    json_t                         *root;
    ngx_int_t                       rc;
    ngx_sandbox_container_state_t   state;

    root = ngx_sandbox_docker_parse(body, JSON_OBJECT);
    if (root == NULL) {
        return NGX_DECLINED;
    }

    ngx_memzero(&state, sizeof(ngx_sandbox_container_state_t));

    rc = ngx_sandbox_docker_inspected(pool, root, &state);

    json_decref(root);

    if (rc == NGX_OK) {
        *ret_state = state;
    }

    return rc;
}


ngx_int_t
ngx_sandbox_docker_decode_list(ngx_pool_t *pool, ngx_str_t *body,
    ngx_array_t **ret_list)
{
    json_t     *root;
    ngx_int_t   rc;

    root = ngx_sandbox_docker_parse(body, JSON_ARRAY);
    if (root == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_sandbox_docker_fill_list(pool, root, ret_list);

    json_decref(root);

    return rc;
}


ngx_int_t
ngx_sandbox_docker_decode_message(ngx_pool_t *pool, ngx_str_t *body,
    ngx_str_t *ret_message)
{
    json_t     *root;
    ngx_int_t   rc;
    ngx_str_t   text;

    root = ngx_sandbox_docker_parse(body, JSON_OBJECT);
    if (root == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_sandbox_docker_string(root, "message", &text);

    if (rc == NGX_OK && text.len == 0) {
        rc = NGX_DECLINED;
    }

    if (rc == NGX_OK) {
        rc = ngx_sandbox_docker_text(pool, &text,
                                     NGX_SANDBOX_DOCKER_MESSAGE_MAX, 0,
                                     ret_message);
    }

    json_decref(root);

    return rc;
}


ngx_int_t
ngx_sandbox_docker_decode_image(ngx_pool_t *pool, ngx_str_t *body,
    ngx_uint_t *ret_volumes)
{
    json_t     *root, *config, *volumes;
    ngx_int_t   rc;
    ngx_str_t   id;

    root = ngx_sandbox_docker_parse(body, JSON_OBJECT);
    if (root == NULL) {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    if (ngx_sandbox_docker_string(root, "Id", &id) == NGX_OK && id.len
        && ngx_sandbox_docker_object(root, "Config", &config) == NGX_OK
        && ngx_sandbox_docker_object(config, "Volumes", &volumes) == NGX_OK)
    {
        *ret_volumes = json_object_size(volumes);
        rc = NGX_OK;
    }

    json_decref(root);

    return rc;
}


static json_t *
ngx_sandbox_docker_parse(ngx_str_t *body, json_type type)
{
    json_t  *root;

    if (body->len == 0) {
        return NULL;
    }

    root = json_loadb((char *) body->data, body->len, JSON_ALLOW_NUL, NULL);

    if (root && json_typeof(root) != type) {
        json_decref(root);
        return NULL;
    }

    return root;
}


static ngx_int_t
ngx_sandbox_docker_inspected(ngx_pool_t *pool, json_t *root,
    ngx_sandbox_container_state_t *state)
{
    json_t      *st, *config;
    ngx_int_t    rc;
    ngx_str_t    name, created, started, error;
    json_int_t   code;
    ngx_uint_t   running, killed;

    if (ngx_sandbox_docker_string(root, "Name", &name) != NGX_OK
        || ngx_sandbox_docker_string(root, "Created", &created) != NGX_OK
        || ngx_sandbox_docker_object(root, "Config", &config) != NGX_OK
        || ngx_sandbox_docker_object(root, "State", &st) != NGX_OK
        || !json_is_boolean(json_object_get(st, "Running"))
        || ngx_sandbox_docker_boolean(st, "Running", &running) != NGX_OK
        || ngx_sandbox_docker_boolean(st, "OOMKilled", &killed) != NGX_OK
        || ngx_sandbox_docker_integer(st, "ExitCode", &code) != NGX_OK
        || ngx_sandbox_docker_string(st, "Error", &error) != NGX_OK
        || ngx_sandbox_docker_string(st, "StartedAt", &started) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    rc = ngx_sandbox_docker_id(pool, root, &state->runtime_id);

    if (rc == NGX_OK) {
        rc = ngx_sandbox_docker_name(pool, &name, &state->name);
    }

    if (rc == NGX_OK) {
        rc = ngx_sandbox_docker_from_labels(pool, config, state);
    }

    if (rc == NGX_OK) {
        rc = ngx_sandbox_docker_text(pool, &error,
                                     NGX_SANDBOX_DOCKER_MESSAGE_MAX, 0,
                                     &state->error);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    state->created = ngx_sandbox_docker_time(&created);
    state->exit_code = (ngx_int_t) code;
    state->oom_killed = killed;
    state->running = running;

    /* one that could not be started has the exit code of that, and no start */

    state->exited = !running && ngx_sandbox_docker_time(&started) != 0;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_docker_fill_list(ngx_pool_t *pool, json_t *root,
    ngx_array_t **ret_list)
{
    size_t                          i, n;
    ngx_int_t                       rc;
    ngx_array_t                    *list;
    ngx_sandbox_container_state_t  *state;

    n = json_array_size(root);

    if (n > NGX_SANDBOX_DOCKER_LIST_MAX) {
        return NGX_DECLINED;
    }

    list = ngx_array_create(pool, ngx_max(n, 1),
                            sizeof(ngx_sandbox_container_state_t));
    if (list == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        state = ngx_array_push(list);
        if (state == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(state, sizeof(ngx_sandbox_container_state_t));

        rc = ngx_sandbox_docker_listed(pool, json_array_get(root, i), state);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    *ret_list = list;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_docker_listed(ngx_pool_t *pool, json_t *item,
    ngx_sandbox_container_state_t *state)
{
    ngx_int_t    rc;
    ngx_str_t    word, status;
    json_int_t   created;

    if (ngx_sandbox_docker_string(item, "State", &word) != NGX_OK
        || word.len == 0
        || ngx_sandbox_docker_string(item, "Status", &status) != NGX_OK
        || ngx_sandbox_docker_integer(item, "Created", &created) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    rc = ngx_sandbox_docker_id(pool, item, &state->runtime_id);

    if (rc == NGX_OK) {
        rc = ngx_sandbox_docker_list_name(pool, item, state);
    }

    if (rc == NGX_OK) {
        rc = ngx_sandbox_docker_from_labels(pool, item, state);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_str_null(&state->error);

    state->created = (time_t) created;
    state->exit_code = ngx_sandbox_docker_exit_code(&status);

    /* the other ones are created and removing */

    state->running = ngx_sandbox_docker_is(&word, "running")
                     || ngx_sandbox_docker_is(&word, "paused")
                     || ngx_sandbox_docker_is(&word, "restarting");

    state->exited = ngx_sandbox_docker_is(&word, "exited")
                    || ngx_sandbox_docker_is(&word, "dead");

    return NGX_OK;
}


/*
 * The others of its names are links.  A container that is being removed may
 * have lost all of them: its id serves as well.
 */

static ngx_int_t
ngx_sandbox_docker_list_name(ngx_pool_t *pool, json_t *item,
    ngx_sandbox_container_state_t *state)
{
    size_t      i;
    json_t     *names, *value;
    ngx_int_t   rc;
    ngx_str_t   name;

    names = json_object_get(item, "Names");

    if (names && !json_is_array(names) && !json_is_null(names)) {
        return NGX_DECLINED;
    }

    for (i = 0; i < json_array_size(names); i++) {
        value = json_array_get(names, i);

        if (!json_is_string(value)) {
            return NGX_DECLINED;
        }

        name.data = (u_char *) json_string_value(value);
        name.len = json_string_length(value);

        rc = ngx_sandbox_docker_name(pool, &name, &state->name);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    state->name = state->runtime_id;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_docker_id(ngx_pool_t *pool, json_t *object, ngx_str_t *ret_id)
{
    ngx_str_t  id;

    if (ngx_sandbox_docker_string(object, "Id", &id) != NGX_OK) {
        return NGX_DECLINED;
    }

    return ngx_sandbox_docker_name(pool, &id, ret_id);
}


/* the engine's names begin with a slash */

static ngx_int_t
ngx_sandbox_docker_name(ngx_pool_t *pool, ngx_str_t *name, ngx_str_t *ret_name)
{
    u_char     *p;
    ngx_str_t   bare;

    bare = *name;

    if (bare.len && bare.data[0] == '/') {
        bare.data++;
        bare.len--;
    }

    if (!ngx_sandbox_docker_is_name(&bare)) {
        return NGX_DECLINED;
    }

    p = ngx_pstrdup(pool, &bare);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ret_name->data = p;
    ret_name->len = bare.len;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_docker_from_labels(ngx_pool_t *pool, json_t *object,
    ngx_sandbox_container_state_t *state)
{
    off_t       value;
    json_t     *labels;
    ngx_int_t   rc;
    ngx_str_t   session, epoch, owner;

    if (ngx_sandbox_docker_object(object, "Labels", &labels) != NGX_OK
        || ngx_sandbox_docker_string(labels, "ngx_sandbox.session", &session)
           != NGX_OK
        || ngx_sandbox_docker_string(labels, "ngx_sandbox.epoch", &epoch)
           != NGX_OK
        || ngx_sandbox_docker_string(labels, "ngx_sandbox.owner", &owner)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    /* a label that is not ours to the letter belongs to no session of ours */

    value = ngx_atoof(epoch.data, epoch.len);
    state->epoch = (value == NGX_ERROR) ? 0 : (uint64_t) value;

    rc = ngx_sandbox_docker_text(pool, &session, NGX_SANDBOX_DOCKER_LABEL_MAX,
                                 0, &state->session_id);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_sandbox_docker_text(pool, &owner, NGX_SANDBOX_DOCKER_LABEL_MAX,
                                   0, &state->owner);
}


/* of "Exited (137) 2 minutes ago" */

static ngx_int_t
ngx_sandbox_docker_exit_code(ngx_str_t *status)
{
    u_char     *p, *last;
    ngx_int_t   code;

    if (status->len < sizeof("Exited (0)") - 1
        || ngx_strncmp(status->data, "Exited (", sizeof("Exited (") - 1) != 0)
    {
        return 0;
    }

    p = status->data + sizeof("Exited (") - 1;
    last = ngx_strlchr(p, status->data + status->len, ')');

    if (last == NULL) {
        return 0;
    }

    code = ngx_atoi(p, last - p);

    return (code == NGX_ERROR) ? 0 : code;
}


static ngx_uint_t
ngx_sandbox_docker_is(ngx_str_t *text, char *word)
{
    return text->len == ngx_strlen(word)
           && ngx_strncmp(text->data, word, text->len) == 0;
}


/* *ret_value is NULL if there is none, which the functions below allow */

static ngx_int_t
ngx_sandbox_docker_object(json_t *object, const char *name, json_t **ret_value)
{
    json_t  *value;

    value = json_object_get(object, name);

    if (value && json_is_null(value)) {
        value = NULL;
    }

    if (value && !json_is_object(value)) {
        return NGX_DECLINED;
    }

    *ret_value = value;

    return NGX_OK;
}


/* the text belongs to the document */

static ngx_int_t
ngx_sandbox_docker_string(json_t *object, const char *name,
    ngx_str_t *ret_value)
{
    json_t  *value;

    value = json_object_get(object, name);

    if (value == NULL || json_is_null(value)) {
        ngx_str_null(ret_value);
        return NGX_OK;
    }

    if (!json_is_string(value)) {
        return NGX_DECLINED;
    }

    ret_value->data = (u_char *) json_string_value(value);
    ret_value->len = json_string_length(value);

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_docker_integer(json_t *object, const char *name,
    json_int_t *ret_value)
{
    json_t  *value;

    value = json_object_get(object, name);

    if (value && !json_is_integer(value) && !json_is_null(value)) {
        return NGX_DECLINED;
    }

    /* 0 for whatever is no integer */
    *ret_value = json_integer_value(value);

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_docker_boolean(json_t *object, const char *name,
    ngx_uint_t *ret_value)
{
    json_t  *value;

    value = json_object_get(object, name);

    if (value && !json_is_boolean(value) && !json_is_null(value)) {
        return NGX_DECLINED;
    }

    *ret_value = json_is_true(value);

    return NGX_OK;
}
