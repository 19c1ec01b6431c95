
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Paths of ours to URLs of package indexes, and back.  What is allowed is said
 * by prefixes of whole URLs, and a path holds nothing that an index could read
 * in another way: no escapes, no dots as a segment.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_package.h"


static ngx_uint_t ngx_sandbox_package_chars(const ngx_str_t *text);
static ngx_int_t ngx_sandbox_package_origin(const ngx_str_t *url,
    ngx_str_t *ret_origin);
static ngx_uint_t ngx_sandbox_package_same(const ngx_str_t *one,
    const ngx_str_t *other);
static ngx_int_t ngx_sandbox_package_segment(ngx_str_t *rest,
    ngx_str_t *ret_segment);
static ngx_uint_t ngx_sandbox_package_allowed(
    const ngx_sandbox_package_index_t *index, const ngx_str_t *url);
static ngx_uint_t ngx_sandbox_package_is_page(ngx_uint_t kind,
    const ngx_str_t *url);
static ngx_uint_t ngx_sandbox_package_ends(const ngx_str_t *text, char *end);


ngx_str_t  ngx_sandbox_package_kinds[] = {
    ngx_string("pypi"),
    ngx_string("npm"),
    ngx_null_string
};

/* what their runtimes begin with */
static ngx_str_t  ngx_sandbox_package_languages[] = {
    ngx_string("python"),
    ngx_string("nodejs"),
    ngx_null_string
};

ngx_str_t  ngx_sandbox_package_installers[] = {
    ngx_string("pip"),
    ngx_string("npm"),
    ngx_null_string
};


ngx_int_t
ngx_sandbox_package_allow(ngx_sandbox_package_index_t *index, ngx_str_t *url)
{
    ngx_str_t   origin;
    ngx_uint_t  i;

    if (index->nurls == NGX_SANDBOX_PACKAGE_URLS
        || url->len > NGX_SANDBOX_PACKAGE_URL_MAX
        || url->len == 0 || url->data[url->len - 1] != '/'
        || ngx_sandbox_package_origin(url, &origin) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    index->urls[index->nurls++] = *url;

    for (i = 0; i < index->norigins; i++) {
        if (ngx_sandbox_package_same(&index->origins[i], &origin)) {
            return NGX_OK;
        }
    }

    index->origins[index->norigins++] = origin;

    return NGX_OK;
}


/* "https://host:port/" of a URL, whose path is plain */

static ngx_int_t
ngx_sandbox_package_origin(const ngx_str_t *url, ngx_str_t *ret_origin)
{
    u_char     *p, *last;
    size_t      scheme;
    ngx_str_t   path;

    last = url->data + url->len;

    scheme = url->len > 8 && ngx_strncmp(url->data, "https://", 8) == 0 ? 8
             : url->len > 7 && ngx_strncmp(url->data, "http://", 7) == 0 ? 7
             : 0;

    if (scheme == 0) {
        return NGX_DECLINED;
    }

    for (p = url->data + scheme; p < last && *p != '/'; p++) {

        /* no user, no address in brackets, and in small letters */

        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')
              || *p == '.' || *p == '-' || *p == ':'))
        {
            return NGX_DECLINED;
        }
    }

    if (p == last || p == url->data + scheme) {
        return NGX_DECLINED;
    }

    path.data = p;
    path.len = last - p;

    if (!ngx_sandbox_package_chars(&path)) {
        return NGX_DECLINED;
    }

    ret_origin->data = url->data;
    ret_origin->len = p + 1 - url->data;

    return NGX_OK;
}


const ngx_sandbox_package_index_t *
ngx_sandbox_package_find(const ngx_array_t *indexes, ngx_uint_t kind,
    const ngx_str_t *which)
{
    ngx_str_t                     url;
    ngx_uint_t                    i;
    ngx_sandbox_package_index_t  *index;

    if (indexes == NULL) {
        return NULL;
    }

    index = indexes->elts;

    for (i = 0; i < indexes->nelts; i++) {

        if (index[i].kind != kind) {
            continue;
        }

        url = index[i].urls[0];

        if (which->len + 1 == url.len) {
            url.len--;
        }

        if (which->len == 0
            || ngx_sandbox_package_same(&index[i].name, which)
            || ngx_sandbox_package_same(&url, which))
        {
            return &index[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_sandbox_package_kind(const ngx_str_t *runtime, ngx_uint_t *ret_kind)
{
    ngx_str_t  *name;
    ngx_uint_t  kind;

    for (kind = 0; kind < NGX_SANDBOX_PACKAGE_KINDS; kind++) {
        name = &ngx_sandbox_package_languages[kind];

        if (runtime->len >= name->len
            && ngx_strncmp(runtime->data, name->data, name->len) == 0)
        {
            *ret_kind = kind;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_sandbox_package_runtimes(ngx_pool_t *pool, ngx_uint_t kinds,
    ngx_str_t *ret_regex)
{
    u_char      *p;
    ngx_uint_t   kind;

    p = ngx_pnalloc(pool, sizeof("^()") + NGX_SANDBOX_PACKAGE_KINDS
                                          * sizeof("python|"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ret_regex->data = p;

    *p++ = '^';
    *p++ = '(';

    for (kind = 0; kind < NGX_SANDBOX_PACKAGE_KINDS; kind++) {

        if (kinds & (1 << kind)) {
            p = ngx_sprintf(p, "%V|", &ngx_sandbox_package_languages[kind]);
        }
    }

    /* in place of the last "|"; of none, what no runtime begins with */

    p[-1] = ')';
    ret_regex->len = p - ret_regex->data;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_package_index_path(ngx_pool_t *pool,
    const ngx_sandbox_package_index_t *index, ngx_str_t *ret_path)
{
    u_char     *p;
    ngx_str_t   path;

    path.data = index->urls[0].data + index->origins[0].len;
    path.len = index->urls[0].len - index->origins[0].len;

    p = ngx_pnalloc(pool, sizeof("/packages/pypi//0/") + index->name.len
                          + path.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ret_path->data = p;
    ret_path->len = ngx_sprintf(p, "/packages/%V/%V/0/%V",
                                &ngx_sandbox_package_kinds[index->kind],
                                &index->name, &path)
                    - p;

    return NGX_OK;
}


ngx_int_t
ngx_sandbox_package_target(ngx_pool_t *pool, const ngx_array_t *indexes,
    const ngx_str_t *path, ngx_sandbox_package_target_t *ret_target)
{
    u_char                             *p;
    ngx_int_t                           n;
    ngx_str_t                           rest, first, kind, name, origin, url;
    ngx_uint_t                          i;
    const ngx_sandbox_package_index_t  *index;

    rest = *path;

    if (rest.len > NGX_SANDBOX_PACKAGE_PATH_MAX
        || !ngx_sandbox_package_chars(&rest)
        || ngx_sandbox_package_segment(&rest, &first) != NGX_OK
        || first.len != 0
        || ngx_sandbox_package_segment(&rest, &first) != NGX_OK
        || first.len != 8 || ngx_strncmp(first.data, "packages", 8) != 0
        || ngx_sandbox_package_segment(&rest, &kind) != NGX_OK
        || ngx_sandbox_package_segment(&rest, &name) != NGX_OK
        || ngx_sandbox_package_segment(&rest, &origin) != NGX_OK
        || name.len == 0)
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_SANDBOX_PACKAGE_KINDS; i++) {
        if (ngx_sandbox_package_same(&ngx_sandbox_package_kinds[i], &kind)) {
            break;
        }
    }

    index = ngx_sandbox_package_find(indexes, i, &name);
    n = ngx_atoi(origin.data, origin.len);

    if (index == NULL || n < 0 || (ngx_uint_t) n >= index->norigins
        || !ngx_sandbox_package_same(&index->name, &name))
    {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(pool, index->origins[n].len + rest.len + 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url.data = p;

    p = ngx_cpymem(p, index->origins[n].data, index->origins[n].len);
    p = ngx_cpymem(p, rest.data, rest.len);

    url.len = p - url.data;

    if (!ngx_sandbox_package_allowed(index, &url)) {
        return NGX_DECLINED;
    }

    ret_target->index = index;
    ret_target->url = url;
    ret_target->origin = n;
    ret_target->page = ngx_sandbox_package_is_page(i, &url);

    return NGX_OK;
}


/* up to the next slash, which is taken as well; there must be one */

static ngx_int_t
ngx_sandbox_package_segment(ngx_str_t *rest, ngx_str_t *ret_segment)
{
    u_char  *slash;

    slash = ngx_strlchr(rest->data, rest->data + rest->len, '/');

    if (slash == NULL) {
        return NGX_DECLINED;
    }

    ret_segment->data = rest->data;
    ret_segment->len = slash - rest->data;

    rest->len -= ret_segment->len + 1;
    rest->data = slash + 1;

    return NGX_OK;
}


static ngx_uint_t
ngx_sandbox_package_allowed(const ngx_sandbox_package_index_t *index,
    const ngx_str_t *url)
{
    ngx_uint_t  i;

    for (i = 0; i < index->nurls; i++) {
        if (url->len >= index->urls[i].len
            && ngx_memcmp(url->data, index->urls[i].data, index->urls[i].len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_sandbox_package_is_page(ngx_uint_t kind, const ngx_str_t *url)
{
    if (kind == NGX_SANDBOX_PACKAGE_NPM) {
        return !ngx_sandbox_package_ends(url, ".tgz");
    }

    return ngx_sandbox_package_ends(url, "/")
           || ngx_sandbox_package_ends(url, ".html");
}


static ngx_uint_t
ngx_sandbox_package_ends(const ngx_str_t *text, char *end)
{
    size_t  len;

    len = ngx_strlen(end);

    return text->len >= len
           && ngx_memcmp(text->data + text->len - len, end, len) == 0;
}


/* nothing that needs escapes, and no segment of dots */

static ngx_uint_t
ngx_sandbox_package_chars(const ngx_str_t *text)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9')
              || ch == '/' || ch == '.' || ch == '_' || ch == '-'
              || ch == '~' || ch == '+' || ch == '@' || ch == '!'
              || ch == '='))
        {
            return 0;
        }

        if (ch == '.' && (i == 0 || text->data[i - 1] == '/')
            && (i + 1 == text->len || text->data[i + 1] == '/'
                || text->data[i + 1] == '.'))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_sandbox_package_same(const ngx_str_t *one, const ngx_str_t *other)
{
    return one->len == other->len
           && ngx_memcmp(one->data, other->data, one->len) == 0;
}
