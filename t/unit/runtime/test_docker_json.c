
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What the Docker Engine answers.  Would catch: an answer of the wrong shape,
 * or one that was cut, that is taken for a good one; a list that looks shorter
 * than it is; a container that never ran and counts as ended; what leaks where
 * the JSON library finds no memory.
 */


#include "ngx_sandbox_unit.h"
#include <jansson.h>
#include "ngx_sandbox_docker_json.h"


#define ID  "70b36f5a420a747acb83aab9e9b9318186a0b783be4e29ec92d3ce74b2431de9"

#define INSPECT                                                               \
    "{\"Id\":\"" ID "\",\"Created\":\"2026-11-24T00:29:46.123456789Z\","      \
    "\"State\":{\"Status\":\"exited\",\"Running\":false,\"Paused\":false,"    \
    "\"OOMKilled\":true,\"Dead\":false,\"Pid\":0,\"ExitCode\":137,"           \
    "\"Error\":\"bad\\nline\",\"StartedAt\":\"2026-11-24T00:29:47Z\","        \
    "\"FinishedAt\":\"2026-11-24T00:29:48Z\"},\"Name\":\"/sbx-1\","           \
    "\"Config\":{\"Labels\":{\"ngx_sandbox.epoch\":\"18\","                   \
    "\"ngx_sandbox.session\":\"sess_1\",\"ngx_sandbox.owner\":\"0f\"}}}"

#define ITEM(state, status)                                                   \
    "{\"Id\":\"" ID "\",\"Names\":[\"/sbx-1\"],\"Labels\":"                   \
    "{\"ngx_sandbox.epoch\":\"3\",\"ngx_sandbox.session\":\"sess_1\"},"       \
    "\"Created\":1795480186,\"State\":\"" state "\",\"Status\":\"" status "\"}"


static void  *(*unit_malloc)(size_t) = malloc;
static size_t  unit_allocations;


static void
test_created(void **state)
{
    ngx_str_t   id;
    ngx_uint_t  i;

    static char  *bad[] = {
        "", " ", "{", "{}", "[]", "null", "{\"Id\":null}", "{\"Id\":5}",
        "{\"Id\":\"\"}", "{\"Id\":\"../x\"}", "{\"Id\":\"a\\u0000\"}",
        "{\"Id\":\"a\"}{}", "{\"Id\":\"\xff\"}", "\xff\xfe"
    };

    assert_int_equal(ngx_sandbox_docker_decode_created(unit_pool,
                  unit_text("{\"Id\":\"" ID "\",\"Warnings\":[]}\n"), &id),
                  NGX_OK);
    assert_text(&id, ID);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(ngx_sandbox_docker_decode_created(unit_pool,
                             unit_bytes(bad[i], strlen(bad[i])), &id),
                         NGX_DECLINED);
    }
}


static void
test_inspect(void **state)
{
    ngx_sandbox_container_state_t  st;

    ngx_memset(&st, 0xa5, sizeof(st));

    assert_int_equal(ngx_sandbox_docker_decode_inspect(unit_pool,
                                                       unit_text(INSPECT),
                                                       &st),
                     NGX_OK);

    assert_text(&st.name, "sbx-1");
    assert_text(&st.runtime_id, ID);
    assert_text(&st.session_id, "sess_1");
    assert_text(&st.error, "bad line");
    assert_int_equal(st.epoch, 18);
    assert_int_equal(st.created, 1795480186);
    assert_int_equal(st.exit_code, 137);
    assert_int_equal(st.running, 0);
    assert_int_equal(st.exited, 1);
    assert_int_equal(st.oom_killed, 1);
}


/* the start failed: it has an exit code, but never ran */

static void
test_inspect_never_started(void **state)
{
    ngx_sandbox_container_state_t  st;

    assert_int_equal(ngx_sandbox_docker_decode_inspect(unit_pool,
        unit_text("{\"Id\":\"a\",\"Name\":\"/b\",\"Config\":{\"Labels\":null},"
                  "\"State\":{\"Running\":false,\"ExitCode\":127,"
                  "\"StartedAt\":\"0001-01-01T00:00:00Z\"}}"), &st), NGX_OK);

    assert_int_equal(st.exit_code, 127);
    assert_int_equal(st.exited, 0);
    assert_int_equal(st.running, 0);
    assert_int_equal(st.created, 0);
    assert_int_equal(st.epoch, 0);
    assert_int_equal(st.session_id.len, 0);
}


static void
test_inspect_wrong_types(void **state)
{
    json_t                         *root, *object, *wrong;
    char                           *text;
    ngx_uint_t                      i, k;
    ngx_sandbox_container_state_t   st;

    static char  *members[][3] = {
        { NULL, "Id", "n" }, { NULL, "Name", "n" }, { NULL, "Created", "n" },
        { NULL, "State", "n" }, { NULL, "Config", "n" },
        { "State", "Running", "n" }, { "State", "Running", "0" },
        { "State", "OOMKilled", "n" }, { "State", "ExitCode", "s" },
        { "State", "ExitCode", "f" }, { "State", "Error", "n" },
        { "State", "StartedAt", "n" }, { "Config", "Labels", "s" },
        { NULL, "Id", "a" }, { NULL, "Name", "0" }, { NULL, "State", "0" },
        { NULL, "Id", "0" }
    };

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        root = json_loads(INSPECT, 0, NULL);
        object = members[i][0] ? json_object_get(root, members[i][0]) : root;

        switch (members[i][2][0]) {
        case 'n':
            wrong = json_integer(5);
            break;
        case 's':
            wrong = json_string("x");
            break;
        case 'f':
            wrong = json_real(1.5);
            break;
        case 'a':
            wrong = json_array();
            break;
        default:
            wrong = json_null();
        }

        assert_int_equal(json_object_set_new(object, members[i][1], wrong), 0);

        text = json_dumps(root, 0);
        k = ngx_sandbox_docker_decode_inspect(unit_pool,
                                            unit_bytes(text, strlen(text)),
                                            &st);
        free(text);
        json_decref(root);

        if (k != (ngx_uint_t) NGX_DECLINED) {
            print_error("%s was taken\n", members[i][1]);
            fail();
        }
    }
}


static void
test_inspect_cut(void **state)
{
    size_t                          n;
    ngx_sandbox_container_state_t   st;

    for (n = 0; n < sizeof(INSPECT) - 1; n++) {
        assert_int_equal(ngx_sandbox_docker_decode_inspect(unit_pool,
                                               unit_bytes(INSPECT, n), &st),
                         NGX_DECLINED);
    }
}


static void
test_deep_nesting(void **state)
{
    u_char                         *p;
    size_t                          n;
    ngx_str_t                       text;
    ngx_array_t                    *list;
    ngx_sandbox_container_state_t   st;

    n = 300000;
    p = ngx_palloc(unit_pool, n);
    text.data = p;
    text.len = n;

    ngx_memset(p, '[', n);
    assert_int_equal(ngx_sandbox_docker_decode_list(unit_pool, &text, &list),
                     NGX_DECLINED);

    for (n = 0; n + 5 < text.len; n += 5) {
        ngx_memcpy(p + n, "{\"a\":", 5);
    }

    assert_int_equal(ngx_sandbox_docker_decode_inspect(unit_pool, &text, &st),
                     NGX_DECLINED);
}


static void *
unit_failing_malloc(size_t size)
{
    if (unit_allocations == 0) {
        return NULL;
    }

    unit_allocations--;

    return unit_malloc(size);
}


/* whichever allocation of the JSON library fails: declined, nothing leaks */

static void
test_inspect_no_memory(void **state)
{
    ngx_int_t                       rc;
    ngx_uint_t                      n;
    ngx_sandbox_container_state_t   st;

    json_set_alloc_funcs(unit_failing_malloc, free);

    for (n = 0; n < 1000; n++) {
        unit_allocations = n;
        rc = ngx_sandbox_docker_decode_inspect(unit_pool, unit_text(INSPECT),
                                               &st);
        if (rc == NGX_OK) {
            break;
        }

        assert_int_equal(rc, NGX_DECLINED);
    }

    json_set_alloc_funcs(malloc, free);

    assert_in_range(n, 20, 999);
}


static void
test_list(void **state)
{
    ngx_uint_t                      i;
    ngx_array_t                    *list;
    ngx_sandbox_container_state_t  *st;

    static struct {
        ngx_uint_t  running;
        ngx_uint_t  exited;
        ngx_int_t   code;
    }  expected[] = {
        { 1, 0, 0 }, { 0, 1, 137 }, { 0, 0, 0 }, { 1, 0, 0 }, { 0, 0, 0 },
        { 0, 1, 0 }, { 1, 0, 0 }, { 0, 1, 0 }
    };

    assert_int_equal(ngx_sandbox_docker_decode_list(unit_pool,
                         unit_text("[" ITEM("running", "Up 2 hours") ","
                                   ITEM("exited", "Exited (137) 1 hour ago") ","
                                   ITEM("created", "Created") ","
                                   ITEM("paused", "Up 2 hours (Paused)") ","
                                   ITEM("removing", "Removal In Progress") ","
                                   ITEM("dead", "Dead") ","
                                   ITEM("restarting", "Restarting (1)") ","
                                   ITEM("exited", "Exited (x)") "]"), &list),
                     NGX_OK);

    assert_int_equal(list->nelts, 8);
    st = list->elts;

    for (i = 0; i < list->nelts; i++) {
        assert_text(&st[i].name, "sbx-1");
        assert_text(&st[i].runtime_id, ID);
        assert_text(&st[i].session_id, "sess_1");
        assert_int_equal(st[i].epoch, 3);
        assert_int_equal(st[i].created, 1795480186);
        assert_int_equal(st[i].running, expected[i].running);
        assert_int_equal(st[i].exited, expected[i].exited);
        assert_int_equal(st[i].exit_code, expected[i].code);
    }

    assert_int_equal(ngx_sandbox_docker_decode_list(unit_pool, unit_text("[]"),
                                                    &list),
                     NGX_OK);
    assert_int_equal(list->nelts, 0);
}


static void
test_list_names(void **state)
{
    ngx_uint_t                      i;
    ngx_array_t                    *list;
    ngx_sandbox_container_state_t  *st;

    static char  *names[][2] = {
        { "[]", "ab" }, { "null", "ab" }, { "[\"/x/link\",\"/own\"]", "own" },
        { "[\"/..\"]", "ab" }
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        u_char  text[256], *last;

        last = ngx_sprintf(text, "[{\"Id\":\"ab\",\"Names\":%s,"
                                 "\"State\":\"exited\"}]", names[i][0]);

        assert_int_equal(ngx_sandbox_docker_decode_list(unit_pool,
                                        unit_bytes(text, last - text), &list),
                         NGX_OK);

        st = list->elts;
        assert_int_equal(st->name.len, strlen(names[i][1]));
        assert_memory_equal(st->name.data, names[i][1], st->name.len);
    }
}


/* one bad container must not make the others look as if they were all */

static void
test_list_is_all_or_nothing(void **state)
{
    ngx_uint_t    i;
    ngx_array_t  *list;
    u_char        text[1024], *last;

    static char  *bad[] = {
        "5", "null", "{}", "[]", "{\"Id\":\"a\"}",
        "{\"Id\":\"a\",\"State\":5}", "{\"Id\":5,\"State\":\"exited\"}",
        "{\"Id\":\"a\",\"State\":\"exited\",\"Names\":{}}",
        "{\"Id\":\"a\",\"State\":\"exited\",\"Names\":[5]}",
        "{\"Id\":\"a\",\"State\":\"exited\",\"Labels\":[]}",
        "{\"Id\":\"a\",\"State\":\"exited\",\"Labels\":"
            "{\"ngx_sandbox.session\":1}}",
        "{\"Id\":\"a\",\"State\":\"exited\",\"Created\":\"x\"}",
        "{\"Id\":\"a/b\",\"State\":\"exited\"}"
    };

    list = (ngx_array_t *) 1;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        last = ngx_sprintf(text, "[" ITEM("running", "Up") ",%s]", bad[i]);

        assert_int_equal(ngx_sandbox_docker_decode_list(unit_pool,
                                        unit_bytes(text, last - text), &list),
                         NGX_DECLINED);
    }

    assert_ptr_equal(list, (ngx_array_t *) 1);

    assert_int_equal(ngx_sandbox_docker_decode_list(unit_pool, unit_text("{}"),
                                                    &list),
                     NGX_DECLINED);
}


static void
test_list_is_bounded(void **state)
{
    u_char       *p;
    ngx_str_t     text;
    ngx_uint_t    i;
    ngx_array_t  *list;

    static ngx_str_t  item = ngx_string("{\"Id\":\"a\",\"State\":\"dead\"},");

    text.data = ngx_palloc(unit_pool, 1 + 16385 * item.len);
    p = text.data;
    *p++ = '[';

    for (i = 0; i < 16385; i++) {
        p = ngx_cpymem(p, item.data, item.len);
    }

    p[-1] = ']';
    text.len = p - text.data;

    assert_int_equal(ngx_sandbox_docker_decode_list(unit_pool, &text, &list),
                     NGX_DECLINED);

    text.len -= item.len;
    text.data[text.len - 1] = ']';

    assert_int_equal(ngx_sandbox_docker_decode_list(unit_pool, &text, &list),
                     NGX_OK);
    assert_int_equal(list->nelts, 16384);
}


static void
test_image_volumes(void **state)
{
    ngx_uint_t  i, n;

    static struct {
        char        *text;
        ngx_int_t    rc;
        ngx_uint_t   volumes;
    }  cases[] = {
        { "{\"Id\":\"sha256:a\",\"Config\":{\"Volumes\":null}}", NGX_OK, 0 },
        { "{\"Id\":\"sha256:a\",\"Config\":{}}", NGX_OK, 0 },
        { "{\"Id\":\"sha256:a\",\"Config\":null}", NGX_OK, 0 },
        { "{\"Id\":\"sha256:a\",\"Config\":{\"Volumes\":{\"/d\":{}}}}",
          NGX_OK, 1 },
        { "{\"Id\":\"sha256:a\",\"Config\":{\"Volumes\":[]}}",
          NGX_DECLINED, 0 },
        { "{\"Id\":\"sha256:a\",\"Config\":5}", NGX_DECLINED, 0 },
        { "{\"Config\":{}}", NGX_DECLINED, 0 },
        { "OK", NGX_DECLINED, 0 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = 0;

        assert_int_equal(ngx_sandbox_docker_decode_image(unit_pool,
                         unit_bytes(cases[i].text, strlen(cases[i].text)), &n),
                         cases[i].rc);
        assert_int_equal(n, cases[i].volumes);
    }
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_created),
    ngx_sandbox_unit_test(test_inspect),
    ngx_sandbox_unit_test(test_inspect_never_started),
    ngx_sandbox_unit_test(test_inspect_wrong_types),
    ngx_sandbox_unit_test(test_inspect_cut),
    ngx_sandbox_unit_test(test_deep_nesting),
    ngx_sandbox_unit_test(test_inspect_no_memory),
    ngx_sandbox_unit_test(test_list),
    ngx_sandbox_unit_test(test_list_names),
    ngx_sandbox_unit_test(test_list_is_all_or_nothing),
    ngx_sandbox_unit_test(test_list_is_bounded),
    ngx_sandbox_unit_test(test_image_volumes),
};


ngx_sandbox_unit_main(tests)
