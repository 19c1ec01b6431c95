
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Takes the input as every answer that a Docker Engine can give.  Names that
 * are accepted fit into a path, text is bounded and fit to be shown, and what
 * was declined leaves the output alone.
 */


#include "ngx_sandbox_fuzz.h"
#include "ngx_sandbox_utf8.h"
#include "ngx_sandbox_docker_json.h"


static void
fuzz_shown(ngx_str_t *text, size_t max, ngx_uint_t lines)
{
    size_t  i;

    fuzz_bug(text->len > max);

    if (text->len == 0) {
        return;
    }

    fuzz_bug(!ngx_sandbox_utf8_valid(text));

    for (i = 0; i < text->len; i++) {
        fuzz_bug(text->data[i] == 0x7f);
        fuzz_bug(text->data[i] < 0x20
                 && !(lines && (text->data[i] == '\n'
                                || text->data[i] == '\t')));
    }
}


static void
fuzz_state(ngx_sandbox_container_state_t *st)
{
    fuzz_bug(!ngx_sandbox_docker_is_name(&st->name));
    fuzz_bug(!ngx_sandbox_docker_is_name(&st->runtime_id));
    fuzz_bug(st->running && st->exited);
    fuzz_shown(&st->session_id, 256, 0);
    fuzz_shown(&st->error, NGX_SANDBOX_DOCKER_MESSAGE_MAX, 0);
}


static void
fuzz_answers(ngx_pool_t *pool, ngx_str_t *body)
{
    ngx_int_t                       rc;
    ngx_str_t                       text;
    ngx_uint_t                      i, volumes;
    ngx_array_t                    *list;
    ngx_sandbox_container_state_t   state, *st;

    text.data = NULL;
    list = NULL;
    ngx_memzero(&state, sizeof(state));

    rc = ngx_sandbox_docker_decode_inspect(pool, body, &state);
    fuzz_bug(rc == NGX_ERROR);

    if (rc == NGX_OK) {
        fuzz_state(&state);

    } else {
        fuzz_bug(state.name.data || state.runtime_id.data);
    }

    rc = ngx_sandbox_docker_decode_list(pool, body, &list);
    fuzz_bug(rc == NGX_ERROR);
    fuzz_bug((rc == NGX_OK) != (list != NULL));

    if (list) {
        st = list->elts;

        for (i = 0; i < list->nelts; i++) {
            fuzz_state(&st[i]);
        }
    }

    rc = ngx_sandbox_docker_decode_created(pool, body, &text);
    fuzz_bug(rc == NGX_ERROR);
    fuzz_bug(rc == NGX_OK && !ngx_sandbox_docker_is_name(&text));

    rc = ngx_sandbox_docker_decode_message(pool, body, &text);
    fuzz_bug(rc == NGX_ERROR);

    if (rc == NGX_OK) {
        fuzz_shown(&text, NGX_SANDBOX_DOCKER_MESSAGE_MAX, 0);
    }

    rc = ngx_sandbox_docker_decode_image(pool, body, &volumes);
    fuzz_bug(rc == NGX_ERROR);
}


static void
fuzz_one(ngx_pool_t *pool, const ngx_str_t *text)
{
    size_t                         max;
    ngx_int_t                      rc;
    ngx_str_t                      body, out, hosts;
    ngx_sandbox_container_spec_t   spec;

    body = *text;

    if (body.len == 0) {
        return;
    }

    fuzz_answers(pool, &body);

    max = body.len ? body.data[0] : 0;
    rc = ngx_sandbox_docker_decode_logs(pool, &body, max, &out);
    fuzz_bug(rc == NGX_ERROR);

    if (rc == NGX_OK) {
        fuzz_shown(&out, max, 1);
    }

    fuzz_bug(ngx_sandbox_docker_time(&body) < -86400);

    if (ngx_sandbox_docker_is_image(&body)) {
        fuzz_bug(ngx_strlchr(body.data, body.data + body.len, ' ') != NULL);
    }

    /* whatever the strings are: one document, without an overrun */

    ngx_memzero(&spec, sizeof(spec));
    spec.image = body;
    spec.session_id = body;
    spec.template_id = body;
    spec.instance.name = body;
    spec.socket_path = body;
    spec.cpu_milli = spec.memory_mb = spec.disk_mb = spec.pids = 1;
    hosts = body;

    fuzz_bug(ngx_sandbox_docker_encode_create(pool, &spec, &hosts, &body,
                                              &out)
             != NGX_OK);
    fuzz_bug(!ngx_sandbox_utf8_valid(&out));

    fuzz_bug(ngx_sandbox_docker_encode_filters(pool, &spec.instance, &out)
             != NGX_OK);
}
