
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Reads a JSON value as the type that a row of a field table names.  The
 * document was checked as ngx_sandbox_json_parse() does it: strings are valid
 * UTF-8 without NUL and are not copied, levels are bounded.  Writes only the
 * row's member, and that only when it returns NGX_OK; tells nobody anything.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <math.h>
#include <jansson.h>
#include "ngx_sandbox.h"
#include "ngx_sandbox_json_reader.h"
#include "ngx_sandbox_quantity.h"
#include "ngx_sandbox_field.h"


#define NGX_SANDBOX_EXACT_MAX           9007199254740992.0   /* 2^53 */

#define NGX_SANDBOX_CPU_MAX             1000000              /* cores */
#define NGX_SANDBOX_MIB                 (1024 * 1024)

#define NGX_SANDBOX_PACKAGE_NAME_MAX    128                  /* bytes */
#define NGX_SANDBOX_PACKAGE_VERSION_MAX 64


typedef ngx_int_t (*ngx_sandbox_field_reader_pt)(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, json_t *json, void *value);


static ngx_int_t ngx_sandbox_field_json_string(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, json_t *json, void *value);
static ngx_int_t ngx_sandbox_field_json_int(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, json_t *json, void *value);
static ngx_int_t ngx_sandbox_field_json_number(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, json_t *json, void *value);
static ngx_int_t ngx_sandbox_field_json_bool(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, json_t *json, void *value);
static ngx_int_t ngx_sandbox_field_json_object(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, json_t *json, void *value);
static ngx_int_t ngx_sandbox_field_json_map(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, json_t *json, void *value);
static ngx_int_t ngx_sandbox_field_pair(const ngx_sandbox_field_t *field,
    ngx_keyval_t *kv);
static ngx_uint_t ngx_sandbox_field_env_name(const ngx_str_t *name);
static ngx_int_t ngx_sandbox_field_json_list(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, json_t *json, void *value);
static ngx_int_t ngx_sandbox_field_json_dependencies(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, json_t *json, void *value);
static ngx_int_t ngx_sandbox_field_dependency(json_t *json,
    ngx_sandbox_dependency_t *dep);
static ngx_uint_t ngx_sandbox_field_package_name(const ngx_str_t *text);
static ngx_uint_t ngx_sandbox_field_package_chars(const ngx_str_t *text,
    size_t max, const char *inner);
static ngx_int_t ngx_sandbox_field_json_cpu(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, json_t *json, void *value);
static ngx_int_t ngx_sandbox_field_json_size(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, json_t *json, void *value);
static void ngx_sandbox_field_text(json_t *json, ngx_str_t *ret_text);
static ngx_int_t ngx_sandbox_field_whole(json_t *json, int64_t *ret_number);
static ngx_uint_t ngx_sandbox_field_alnum(u_char ch);


static const ngx_sandbox_field_reader_pt  ngx_sandbox_field_readers[] = {
    [NGX_SANDBOX_FIELD_STRING] = ngx_sandbox_field_json_string,
    [NGX_SANDBOX_FIELD_TEXT] = ngx_sandbox_field_json_string,
    [NGX_SANDBOX_FIELD_ID] = ngx_sandbox_field_json_string,
    [NGX_SANDBOX_FIELD_INT] = ngx_sandbox_field_json_int,
    [NGX_SANDBOX_FIELD_NUMBER] = ngx_sandbox_field_json_number,
    [NGX_SANDBOX_FIELD_BOOL] = ngx_sandbox_field_json_bool,
    [NGX_SANDBOX_FIELD_ENUM] = ngx_sandbox_field_json_string,
    [NGX_SANDBOX_FIELD_OBJECT] = ngx_sandbox_field_json_object,
    [NGX_SANDBOX_FIELD_MAP] = ngx_sandbox_field_json_map,
    [NGX_SANDBOX_FIELD_LIST] = ngx_sandbox_field_json_list,
    [NGX_SANDBOX_FIELD_DEPENDENCIES] = ngx_sandbox_field_json_dependencies,
    [NGX_SANDBOX_FIELD_CPU] = ngx_sandbox_field_json_cpu,
    [NGX_SANDBOX_FIELD_SIZE] = ngx_sandbox_field_json_size
};


ngx_int_t
ngx_sandbox_field_json(ngx_pool_t *pool, const ngx_sandbox_field_t *field,
    struct json_t *json, void *value)
{
    return ngx_sandbox_field_readers[field->type](pool, field, json, value);
}


static ngx_int_t
ngx_sandbox_field_json_string(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, json_t *json, void *value)
{
    ngx_str_t  text;

    if (!json_is_string(json)) {
        return NGX_SANDBOX_FIELD_TYPE;
    }

    ngx_sandbox_field_text(json, &text);

    return ngx_sandbox_field_string(field, &text, value);
}


static ngx_int_t
ngx_sandbox_field_json_int(ngx_pool_t *pool, const ngx_sandbox_field_t *field,
    json_t *json, void *value)
{
    int64_t  number;

    if (ngx_sandbox_field_whole(json, &number) != NGX_OK) {
        return NGX_SANDBOX_FIELD_TYPE;
    }

    return ngx_sandbox_field_int(field, number, value);
}


static ngx_int_t
ngx_sandbox_field_json_number(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, json_t *json, void *value)
{
    if (!json_is_number(json)) {
        return NGX_SANDBOX_FIELD_TYPE;
    }

    return ngx_sandbox_field_number(field, json_number_value(json), value);
}


static ngx_int_t
ngx_sandbox_field_json_bool(ngx_pool_t *pool, const ngx_sandbox_field_t *field,
    json_t *json, void *value)
{
    ngx_uint_t  *np;

    if (!json_is_boolean(json)) {
        return NGX_SANDBOX_FIELD_TYPE;
    }

    np = value;
    *np = json_is_true(json);

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_field_json_object(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, json_t *json, void *value)
{
    ngx_str_t  text, *sp;

    if (!json_is_object(json)) {
        return NGX_SANDBOX_FIELD_TYPE;
    }

    if (ngx_sandbox_json_dump(pool, json, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text.len > (uint64_t) field->max
        || (field->min && !ngx_sandbox_json_valid(&text, field->min)))
    {
        return NGX_DECLINED;
    }

    sp = value;
    *sp = text;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_field_json_map(ngx_pool_t *pool, const ngx_sandbox_field_t *field,
    json_t *json, void *value)
{
    void                 *iter;
    uint64_t              total;
    ngx_int_t             rc;
    ngx_keyval_t         *kv;
    ngx_sandbox_items_t   items, *ip;

    if (!json_is_object(json)) {
        return NGX_SANDBOX_FIELD_TYPE;
    }

    items.nelts = json_object_size(json);

    if (items.nelts > (uint64_t) field->min) {
        return NGX_DECLINED;
    }

    kv = ngx_palloc(pool, (items.nelts + 1) * sizeof(ngx_keyval_t));
    if (kv == NULL) {
        return NGX_ERROR;
    }

    items.elts = kv;
    total = 0;

    for (iter = json_object_iter(json);
         iter;
         iter = json_object_iter_next(json, iter))
    {
        if (!json_is_string(json_object_iter_value(iter))) {
            return NGX_SANDBOX_FIELD_TYPE;
        }

        kv->key.data = (u_char *) json_object_iter_key(iter);
        kv->key.len = json_object_iter_key_len(iter);
        ngx_sandbox_field_text(json_object_iter_value(iter), &kv->value);

        rc = ngx_sandbox_field_pair(field, kv);
        if (rc != NGX_OK) {
            return rc;
        }

        total += kv->key.len + kv->value.len;
        kv++;
    }

    if (total > (uint64_t) field->max) {
        return NGX_DECLINED;
    }

    if (ngx_sandbox_json_dump(pool, json, &items.json) != NGX_OK) {
        return NGX_ERROR;
    }

    ip = value;
    *ip = items;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_field_pair(const ngx_sandbox_field_t *field, ngx_keyval_t *kv)
{
    if ((field->flags & NGX_SANDBOX_FIELD_LINE)
        && !ngx_sandbox_field_line(&kv->value))
    {
        return NGX_DECLINED;
    }

    if (field->flags & NGX_SANDBOX_FIELD_ENV) {
        return ngx_sandbox_field_env_name(&kv->key) ? NGX_OK : NGX_DECLINED;
    }

    if (kv->key.len == 0 || kv->key.len > NGX_SANDBOX_MAP_KEY_MAX
        || kv->value.len > NGX_SANDBOX_MAP_VALUE_MAX
        || !ngx_sandbox_field_line(&kv->key))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_sandbox_field_env_name(const ngx_str_t *name)
{
    size_t  i;

    if (name->len == 0 || (name->data[0] >= '0' && name->data[0] <= '9')) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        if (name->data[i] != '_' && !ngx_sandbox_field_alnum(name->data[i])) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_sandbox_field_json_list(ngx_pool_t *pool, const ngx_sandbox_field_t *field,
    json_t *json, void *value)
{
    ngx_str_t            *text;
    ngx_uint_t            i;
    ngx_sandbox_items_t   items, *ip;

    if (!json_is_array(json)) {
        return NGX_SANDBOX_FIELD_TYPE;
    }

    items.nelts = json_array_size(json);

    if (items.nelts > (uint64_t) field->max) {
        return NGX_DECLINED;
    }

    text = ngx_palloc(pool, (items.nelts + 1) * sizeof(ngx_str_t));
    if (text == NULL) {
        return NGX_ERROR;
    }

    items.elts = text;

    for (i = 0; i < items.nelts; i++, text++) {

        if (!json_is_string(json_array_get(json, i))) {
            return NGX_SANDBOX_FIELD_TYPE;
        }

        ngx_sandbox_field_text(json_array_get(json, i), text);

        if (text->len == 0 || text->len > (uint64_t) field->min
            || ((field->flags & NGX_SANDBOX_FIELD_LINE)
                && !ngx_sandbox_field_line(text)))
        {
            return NGX_DECLINED;
        }
    }

    if (ngx_sandbox_json_dump(pool, json, &items.json) != NGX_OK) {
        return NGX_ERROR;
    }

    ip = value;
    *ip = items;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_field_json_dependencies(ngx_pool_t *pool,
    const ngx_sandbox_field_t *field, json_t *json, void *value)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i, j;
    ngx_sandbox_items_t        items, *ip;
    ngx_sandbox_dependency_t  *dep;

    if (!json_is_array(json)) {
        return NGX_SANDBOX_FIELD_TYPE;
    }

    items.nelts = json_array_size(json);

    if (items.nelts > (uint64_t) field->max) {
        return NGX_DECLINED;
    }

    dep = ngx_palloc(pool,
                     (items.nelts + 1) * sizeof(ngx_sandbox_dependency_t));
    if (dep == NULL) {
        return NGX_ERROR;
    }

    items.elts = dep;

    for (i = 0; i < items.nelts; i++) {

        rc = ngx_sandbox_field_dependency(json_array_get(json, i), &dep[i]);
        if (rc != NGX_OK) {
            return rc;
        }

        if (field->flags & NGX_SANDBOX_FIELD_REPEAT) {
            continue;
        }

        for (j = 0; j < i; j++) {
            if (dep[j].name.len == dep[i].name.len
                && ngx_strncasecmp(dep[j].name.data, dep[i].name.data,
                                   dep[i].name.len)
                   == 0)
            {
                return NGX_DECLINED;
            }
        }
    }

    if (ngx_sandbox_json_dump(pool, json, &items.json) != NGX_OK) {
        return NGX_ERROR;
    }

    ip = value;
    *ip = items;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_field_dependency(json_t *json, ngx_sandbox_dependency_t *dep)
{
    json_t  *name, *version;

    if (!json_is_object(json)) {
        return NGX_SANDBOX_FIELD_TYPE;
    }

    name = json_object_get(json, "name");
    version = json_object_get(json, "version");

    if (!json_is_string(name)
        || (version && !json_is_string(version) && !json_is_null(version))
        || json_object_size(json) != (version ? 2 : 1))
    {
        return NGX_SANDBOX_FIELD_TYPE;
    }

    ngx_sandbox_field_text(name, &dep->name);
    ngx_str_null(&dep->version);

    if (!ngx_sandbox_field_package_name(&dep->name)) {
        return NGX_DECLINED;
    }

    if (!json_is_string(version) || json_string_length(version) == 0) {
        return NGX_OK;
    }

    ngx_sandbox_field_text(version, &dep->version);

    if (ngx_strncmp(dep->version.data, "==", 2) == 0) {
        dep->version.data += 2;
        dep->version.len -= 2;
    }

    if (!ngx_sandbox_field_package_chars(&dep->version,
                                         NGX_SANDBOX_PACKAGE_VERSION_MAX,
                                         "._-+!"))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* "name", or npm's "@scope/name" */

static ngx_uint_t
ngx_sandbox_field_package_name(const ngx_str_t *text)
{
    u_char     *slash;
    ngx_str_t   scope, name;

    name = *text;

    if (name.len && name.data[0] == '@') {
        slash = ngx_strlchr(name.data, name.data + name.len, '/');

        if (slash == NULL) {
            return 0;
        }

        scope.data = name.data + 1;
        scope.len = slash - scope.data;

        name.len -= slash + 1 - name.data;
        name.data = slash + 1;

        if (!ngx_sandbox_field_package_chars(&scope,
                                             NGX_SANDBOX_PACKAGE_NAME_MAX,
                                             "._-"))
        {
            return 0;
        }
    }

    return text->len <= NGX_SANDBOX_PACKAGE_NAME_MAX
           && ngx_sandbox_field_package_chars(&name,
                                              NGX_SANDBOX_PACKAGE_NAME_MAX,
                                              "._-");
}


/*
 * Letters and digits, and "inner" between them.  It never begins with a dash:
 * these words become arguments of an installer.
 */

static ngx_uint_t
ngx_sandbox_field_package_chars(const ngx_str_t *text, size_t max,
    const char *inner)
{
    size_t  i;

    if (text->len == 0 || text->len > max
        || !ngx_sandbox_field_alnum(text->data[0])
        || !ngx_sandbox_field_alnum(text->data[text->len - 1]))
    {
        return 0;
    }

    for (i = 0; i < text->len; i++) {
        if (!ngx_sandbox_field_alnum(text->data[i])
            && ngx_strchr(inner, text->data[i]) == NULL)
        {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_sandbox_field_json_cpu(ngx_pool_t *pool, const ngx_sandbox_field_t *field,
    json_t *json, void *value)
{
    double       cores, milli;
    ngx_str_t    text;
    ngx_uint_t   number, *np;

    if (json_is_number(json)) {
        cores = json_number_value(json);

        if (!(cores >= 0 && cores <= NGX_SANDBOX_CPU_MAX)) {
            return NGX_DECLINED;
        }

        milli = floor(cores * 1000 + 0.5);

        if (fabs(cores * 1000 - milli) > 1e-6) {
            return NGX_DECLINED;
        }

        number = (ngx_uint_t) milli;

    } else if (json_is_string(json)) {
        ngx_sandbox_field_text(json, &text);

        if (ngx_sandbox_quantity_cpu(&text, &number) != NGX_OK) {
            return NGX_DECLINED;
        }

    } else {
        return NGX_SANDBOX_FIELD_TYPE;
    }

    if (number < (uint64_t) field->min || number > (uint64_t) field->max) {
        return NGX_DECLINED;
    }

    np = value;
    *np = number;

    return NGX_OK;
}


static ngx_int_t
ngx_sandbox_field_json_size(ngx_pool_t *pool, const ngx_sandbox_field_t *field,
    json_t *json, void *value)
{
    int64_t      bytes;
    ngx_str_t    text;
    ngx_uint_t   number, *np;

    if (json_is_string(json)) {
        ngx_sandbox_field_text(json, &text);

        if (ngx_sandbox_quantity_mb(&text, &number) != NGX_OK) {
            return NGX_DECLINED;
        }

    } else if (ngx_sandbox_field_whole(json, &bytes) == NGX_OK) {

        if (bytes < 0) {
            return NGX_DECLINED;
        }

        number = bytes / NGX_SANDBOX_MIB + (bytes % NGX_SANDBOX_MIB != 0);

    } else {
        return NGX_SANDBOX_FIELD_TYPE;
    }

    if (number < (uint64_t) field->min || number > (uint64_t) field->max) {
        return NGX_DECLINED;
    }

    np = value;
    *np = number;

    return NGX_OK;
}


static void
ngx_sandbox_field_text(json_t *json, ngx_str_t *ret_text)
{
    ret_text->data = (u_char *) json_string_value(json);
    ret_text->len = json_string_length(json);
}


/* 30.0 is an integer in JSON as well */

static ngx_int_t
ngx_sandbox_field_whole(json_t *json, int64_t *ret_number)
{
    double  real;

    if (json_is_integer(json)) {
        *ret_number = json_integer_value(json);
        return NGX_OK;
    }

    if (!json_is_real(json)) {
        return NGX_DECLINED;
    }

    real = json_real_value(json);

    if (fabs(real) > NGX_SANDBOX_EXACT_MAX || floor(real) != real) {
        return NGX_DECLINED;
    }

    *ret_number = (int64_t) real;

    return NGX_OK;
}


static ngx_uint_t
ngx_sandbox_field_alnum(u_char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
           || (ch >= '0' && ch <= '9');
}
