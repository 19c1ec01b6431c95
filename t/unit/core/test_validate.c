
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a field that is taken with a wrong type or beyond its bounds, an
 * unknown one that is ignored, a mistake that hides another, a status that does
 * not tell "malformed" from "not allowed", words that differ from the rule.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox.h"
#include "ngx_sandbox_json_reader.h"
#include "ngx_sandbox_validate.h"


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_uint_t             min;
    ngx_int_t              max;
} nested_t;


typedef struct {
    ngx_sandbox_fields_t   fields;
    ngx_str_t              code;
    ngx_str_t              line;
    ngx_str_t              id;
    ngx_int_t              timeout;
    ngx_int_t              limit;
    double                 number;
    ngx_uint_t             flag;
    ngx_uint_t             language;
    ngx_str_t              event;
    ngx_str_t              flat;
    ngx_sandbox_items_t    env_vars;
    ngx_sandbox_items_t    metadata;
    ngx_sandbox_items_t    list;
    ngx_sandbox_items_t    dependencies;
    ngx_uint_t             cpu;
    ngx_uint_t             memory;
    nested_t               pool;
    ngx_str_t              url;
    ngx_str_t              note;
} body_t;


static ngx_int_t check_url(ngx_pool_t *pool, const ngx_sandbox_field_t *field,
    void *value);


static const ngx_str_t  languages[] = {
    ngx_string("python"),
    ngx_string("javascript"),
    ngx_string("shell"),
    ngx_null_string
};


#define row(name, type, flags, min, max, data, check, rule)                   \
    { ngx_string(#name), NGX_SANDBOX_FIELD_##type, flags, min, max,           \
      offsetof(body_t, name), data, check, rule }


static const ngx_sandbox_field_t  nested_fields[] = {

    { ngx_string("min"), NGX_SANDBOX_FIELD_BOOL, NGX_SANDBOX_FIELD_REQUIRED,
      0, 0, offsetof(nested_t, min), NULL, NULL, NULL },

    { ngx_string("max"), NGX_SANDBOX_FIELD_INT, 0, 0, 10,
      offsetof(nested_t, max), NULL, NULL, NULL },

      ngx_sandbox_null_field
};


static const ngx_sandbox_field_t  fields[] = {
    row(code, TEXT, NGX_SANDBOX_FIELD_REQUIRED, 1, 10, NULL, NULL, NULL),
    row(line, STRING, NGX_SANDBOX_FIELD_LINE|NGX_SANDBOX_FIELD_NULLABLE, 0, 8,
        NULL, NULL, NULL),
    row(id, ID, 0, 0, 0, NULL, NULL, NULL),
    row(timeout, INT, NGX_SANDBOX_FIELD_NULLABLE, 1, 3600, NULL, NULL, NULL),
    row(limit, INT, NGX_SANDBOX_FIELD_CLAMP, 1, 200, NULL, NULL, NULL),
    row(number, NUMBER, 0, 100, 10000, NULL, NULL, NULL),
    row(flag, BOOL, 0, 0, 0, NULL, NULL, NULL),
    row(language, ENUM, 0, 0, 0, languages, NULL, NULL),
    row(event, OBJECT, 0, 0, 20, NULL, NULL, NULL),
    row(flat, OBJECT, 0, 1, 100, NULL, NULL, NULL),
    row(env_vars, MAP, NGX_SANDBOX_FIELD_ENV, 2, 10, NULL, NULL, NULL),
    row(metadata, MAP, 0, 3, 1000, NULL, NULL, NULL),
    row(list, LIST, NGX_SANDBOX_FIELD_LINE, 4, 2, NULL, NULL, NULL),
    row(dependencies, DEPENDENCIES, 0, 0, 3, NULL, NULL, NULL),
    row(cpu, CPU, 0, 100, 4000, NULL, NULL, NULL),
    row(memory, SIZE, 0, 128, 8192, NULL, NULL, NULL),
    row(pool, NESTED, 0, 0, 0, nested_fields, NULL, NULL),
    row(url, STRING, 0, 0, 20, NULL, check_url, "must begin with https:"),
    row(note, TEXT, 0, 0, 9, NULL, NULL, NULL),

    /* another name of one of them */
    { ngx_string("timeout_sec"), NGX_SANDBOX_FIELD_INT, 0, 1, 3600,
      offsetof(body_t, timeout), NULL, NULL, NULL },

      ngx_sandbox_null_field
};


static body_t                body;
static ngx_sandbox_report_t  report;


static ngx_int_t
check_url(ngx_pool_t *pool, const ngx_sandbox_field_t *field, void *value)
{
    ngx_str_t  *url;

    url = value;

    if (url->len < 6 || ngx_strncmp(url->data, "https:", 6) != 0) {
        return NGX_DECLINED;
    }

    /* a check may change what it saw */

    url->data += 6;
    url->len -= 6;

    return NGX_OK;
}


static ngx_int_t
validate(const char *text)
{
    ngx_str_t       reason;
    struct json_t  *object;

    assert_int_equal(ngx_sandbox_json_parse(unit_pool,
                                            unit_bytes(text, strlen(text)),
                                            &object, &reason),
                     NGX_OK);

    ngx_memzero(&body, sizeof(body));
    ngx_sandbox_report_init(&report, unit_pool);

    return ngx_sandbox_validate(unit_pool, object, fields, &body, &report);
}


/* one field beside the required one */

static ngx_int_t
field(const char *text)
{
    u_char  buf[4096], *p;

    p = ngx_sprintf(buf, "{\"code\":\"x\",%s}", text);
    *p = '\0';

    return validate((char *) buf);
}


static void
test_everything(void **state)
{
    ngx_keyval_t              *kv;
    ngx_sandbox_dependency_t  *dep;

    assert_int_equal(validate(
        "{\"code\":\"print(1)\\n\",\"line\":\"\",\"id\":\"a-B_9\","
        "\"timeout\":3600,\"limit\":7,\"number\":0.1,\"flag\":true,"
        "\"language\":\"shell\",\"event\":{\"a\" : [1]},\"flat\":{\"a\":1},"
        "\"env_vars\":{\"A_1\":\"x\",\"_b\":\"\"},\"metadata\":{\"a.b\":\"c\"},"
        "\"list\":[\"ab\",\"cdef\"],\"dependencies\":[{\"name\":\"requests\","
        "\"version\":\"==2.31.0\"},{\"name\":\"a.b-C\",\"version\":\"1!2+x\"},"
        "{\"name\":\"n\",\"version\":null}],\"cpu\":\"500m\","
        "\"memory\":\"1Gi\",\"pool\":{\"min\":false,\"max\":10},"
        "\"url\":\"https:x\"}"), NGX_OK);

    assert_int_equal(report.mistakes, 0);

    assert_text(&body.code, "print(1)\n");
    assert_int_equal(body.line.len, 0);
    assert_text(&body.id, "a-B_9");
    assert_int_equal(body.timeout, 3600);
    assert_int_equal(body.limit, 7);
    assert_true(body.number == 0.1);
    assert_int_equal(body.flag, 1);
    assert_int_equal(body.language, 2);
    assert_text(&body.event, "{\"a\":[1]}");
    assert_text(&body.flat, "{\"a\":1}");

    assert_text(&body.env_vars.json, "{\"A_1\":\"x\",\"_b\":\"\"}");
    assert_int_equal(body.env_vars.nelts, 2);
    kv = body.env_vars.elts;
    assert_text(&kv[0].key, "A_1");
    assert_text(&kv[0].value, "x");
    assert_text(&kv[1].key, "_b");
    assert_text(&kv[1].value, "");

    assert_int_equal(body.list.nelts, 2);
    assert_text(&((ngx_str_t *) body.list.elts)[1], "cdef");
    assert_text(&body.list.json, "[\"ab\",\"cdef\"]");

    assert_int_equal(body.dependencies.nelts, 3);
    dep = body.dependencies.elts;
    assert_text(&dep[0].name, "requests");
    assert_text(&dep[0].version, "2.31.0");
    assert_text(&dep[1].name, "a.b-C");
    assert_text(&dep[1].version, "1!2+x");
    assert_text(&dep[2].version, "");

    assert_int_equal(body.cpu, 500);
    assert_int_equal(body.memory, 1024);
    assert_int_equal(body.pool.min, 0);
    assert_int_equal(body.pool.max, 10);
    assert_text(&body.url, "x");
}


static void
test_given(void **state)
{
    assert_int_equal(validate("{\"code\":\"x\",\"line\":null,\"flag\":false,"
                              "\"pool\":{\"min\":true}}"),
                     NGX_OK);

    assert_true(ngx_sandbox_is_set(fields, &body, code));
    assert_true(ngx_sandbox_is_set(fields, &body, flag));
    assert_true(ngx_sandbox_is_set(fields, &body, pool));
    assert_false(ngx_sandbox_is_set(fields, &body, line));
    assert_true(ngx_sandbox_is_null(fields, &body, line));
    assert_false(ngx_sandbox_is_null(fields, &body, code));
    assert_false(ngx_sandbox_is_set(fields, &body, url));
    assert_true(ngx_sandbox_is_set(nested_fields, &body.pool, min));
    assert_false(ngx_sandbox_is_set(nested_fields, &body.pool, max));

    /* under either name */

    assert_int_equal(field("\"timeout_sec\":5"), NGX_OK);
    assert_true(ngx_sandbox_is_set(fields, &body, timeout));
    assert_int_equal(body.timeout, 5);

    assert_int_equal(field("\"timeout\":5,\"timeout_sec\":6"), NGX_DECLINED);
    assert_text(&report.detail, "timeout_sec: is another name of \"timeout\", "
                "give one of them");
    assert_int_equal(ngx_sandbox_report_status(&report), 400);
}


static const struct {
    char        *text;
    ngx_uint_t   status;
    char        *detail;
}  mistakes[] = {
    { "\"timeout\":0", 422, "timeout: must be an integer from 1 to 3600" },
    { "\"timeout\":3601", 422, NULL },
    { "\"timeout\":-1", 422, NULL },
    { "\"timeout\":9223372036854775807", 422, NULL },
    { "\"timeout\":-9223372036854775808", 422, NULL },
    { "\"timeout\":\"5\"", 400,
      "timeout: must be an integer from 1 to 3600" },
    { "\"timeout\":5.5", 400, NULL },
    { "\"timeout\":1e300", 400, NULL },
    { "\"timeout\":true", 400, NULL },
    { "\"timeout\":[5]", 400, NULL },
    { "\"limit\":0", 422, "limit: must be an integer from 1 to 200" },
    { "\"limit\":null", 400, NULL },
    { "\"number\":0.09999", 422, "number: must be a number from 0.1 to "
                                 "10" },
    { "\"number\":10.001", 422, NULL },
    { "\"number\":1e308", 422, NULL },
    { "\"number\":\"1\"", 400, NULL },
    { "\"line\":\"123456789\"", 422,
      "line: must be a string of 0 to 8 bytes without control "
      "characters" },
    { "\"line\":\"a\\nb\"", 422, NULL },
    { "\"line\":\"\\u007f\"", 422, NULL },
    { "\"line\":1", 400, NULL },
    { "\"id\":\"\"", 422, "id: must be 1 to 64 of letters, digits, \"_\" "
                          "and \"-\"" },
    { "\"id\":\"../etc\"", 422, NULL },
    { "\"id\":\"a/../b\"", 422, NULL },
    { "\"id\":\"a b\"", 422, NULL },
    { "\"id\":7", 400, NULL },
    { "\"flag\":1", 400, "flag: must be true or false" },
    { "\"flag\":\"true\"", 400, NULL },
    { "\"language\":\"ruby\"", 422, "language: must be one of python, "
                                    "javascript, shell" },
    { "\"language\":\"\"", 422, NULL },
    { "\"language\":\"pythonx\"", 422, NULL },
    { "\"language\":0", 400, NULL },
    { "\"event\":[]", 400, "event: must be an object of at most 20 "
                           "bytes" },
    { "\"event\":{\"a\":\"1234567890123\"}", 422, NULL },
    { "\"flat\":{\"a\":[]}", 422, "flat: must be an object of at most 100 "
                                  "bytes and 1 levels" },
    { "\"env_vars\":[]", 400,
      "env_vars: must be an object of at most 2 strings, 10 bytes in all, "
      "with names of letters, digits and \"_\" that begin with no digit" },
    { "\"env_vars\":{\"A\":1}", 400, NULL },
    { "\"env_vars\":{\"A\":null}", 400, NULL },
    { "\"env_vars\":{\"1A\":\"\"}", 422, NULL },
    { "\"env_vars\":{\"\":\"\"}", 422, NULL },
    { "\"env_vars\":{\"A-B\":\"\"}", 422, NULL },
    { "\"env_vars\":{\"A=B\":\"\"}", 422, NULL },
    { "\"env_vars\":{\"\xc3\xa4\":\"\"}", 422, NULL },
    { "\"env_vars\":{\"A\":\"1234567890\"}", 422, NULL },
    { "\"env_vars\":{\"A\":\"\",\"B\":\"\",\"C\":\"\"}", 422, NULL },
    { "\"metadata\":{\"\":\"x\"}", 422,
      "metadata: must be an object of at most 3 strings, 1000 bytes in "
      "all, with names of 1 to 64 and values of 0 to 256 bytes" },
    { "\"metadata\":{\"a\\nb\":\"x\"}", 422, NULL },
    { "\"list\":{}", 400, "list: must be an array of at most 2 strings of "
                          "1 to 4 bytes" },
    { "\"list\":[1]", 400, NULL },
    { "\"list\":[\"\"]", 422, NULL },
    { "\"list\":[\"12345\"]", 422, NULL },
    { "\"list\":[\"a\\n\"]", 422, NULL },
    { "\"list\":[\"a\",\"b\",\"c\"]", 422, NULL },
    { "\"dependencies\":{}", 400,
      "dependencies: must be an array of at most 3 objects with a "
      "\"name\" and an optional \"version\" like \"==1.2.3\" or "
      "\"1.2.3\", each name once" },
    { "\"dependencies\":[\"requests\"]", 400, NULL },
    { "\"dependencies\":[{}]", 400, NULL },
    { "\"dependencies\":[{\"version\":\"1\"}]", 400, NULL },
    { "\"dependencies\":[{\"name\":1}]", 400, NULL },
    { "\"dependencies\":[{\"name\":\"a\",\"version\":1}]", 400, NULL },
    { "\"dependencies\":[{\"name\":\"a\",\"x\":\"1\"}]", 400, NULL },
    { "\"dependencies\":[{\"name\":\"\"}]", 422, NULL },
    { "\"dependencies\":[{\"name\":\"-e\"}]", 422, NULL },
    { "\"dependencies\":[{\"name\":\"--index-url=x\"}]", 422, NULL },
    { "\"dependencies\":[{\"name\":\"a b\"}]", 422, NULL },
    { "\"dependencies\":[{\"name\":\"a;b\"}]", 422, NULL },
    { "\"dependencies\":[{\"name\":\"a/../b\"}]", 422, NULL },
    { "\"dependencies\":[{\"name\":\"a@git+x\"}]", 422, NULL },
    { "\"dependencies\":[{\"name\":\"a.\"}]", 422, NULL },
    { "\"dependencies\":[{\"name\":\"a\",\"version\":\">=1\"}]", 422,
      NULL },
    { "\"dependencies\":[{\"name\":\"a\",\"version\":\"==\"}]", 422,
      NULL },
    { "\"dependencies\":[{\"name\":\"a\",\"version\":\"=1\"}]", 422,
      NULL },
    { "\"dependencies\":[{\"name\":\"a\",\"version\":\"1 -e x\"}]", 422,
      NULL },
    { "\"dependencies\":[{\"name\":\"a\"},{\"name\":\"A\"}]", 422, NULL },
    { "\"dependencies\":[{\"name\":\"a\"},{\"name\":\"b\"},"
      "{\"name\":\"c\"},{\"name\":\"d\"}]", 422, NULL },
    { "\"cpu\":\"0.09\"", 422, "cpu: must be a number of cores from 0.1 "
                               "to 4, like \"0.5\" or \"500m\"" },
    { "\"cpu\":\"4.001\"", 422, NULL },
    { "\"cpu\":4.001", 422, NULL },
    { "\"cpu\":0.1234", 422, NULL },
    { "\"cpu\":-1", 422, NULL },
    { "\"cpu\":1e300", 422, NULL },
    { "\"cpu\":\"many\"", 422, NULL },
    { "\"cpu\":true", 400, NULL },
    { "\"memory\":\"127Mi\"", 422, "memory: must be a size from 128Mi to "
                                   "8192Mi, like \"512Mi\" or \"1Gi\"" },
    { "\"memory\":\"8193Mi\"", 422, NULL },
    { "\"memory\":\"8.001Gi\"", 422, NULL },
    { "\"memory\":-1", 422, NULL },
    { "\"memory\":1", 422, NULL },
    { "\"memory\":9223372036854775807", 422, NULL },
    { "\"memory\":1.5", 400, NULL },
    { "\"memory\":null", 400, NULL },
    { "\"pool\":1", 400, "pool: must be an object" },
    { "\"pool\":{\"min\":1}", 400, "pool.min: must be true or false" },
    { "\"pool\":{}", 400, "pool.min: is required" },
    { "\"pool\":{\"min\":true,\"max\":11}", 422,
      "pool.max: must be an integer from 0 to 10" },
    { "\"pool\":{\"min\":true,\"mix\":1}", 400,
      "pool.mix: unknown field, did you mean \"min\"?" },
    { "\"url\":\"http:x\"", 422, "url: must begin with https:" },
    { "\"url\":1", 400, "url: must begin with https:" },
    { "\"note\":\"\"", 422, "note: must be a string of 1 to 9 bytes" },
    { "\"foo\":1", 400, "foo: unknown field" },
    { "\"languge\":1", 400, "languge: unknown field, did you mean "
                            "\"language\"?" },
    { "\"Timeout\":1", 400, "Timeout: unknown field, did you mean "
                            "\"timeout\"?" },
    { "\"\":1", 400, ": unknown field" },
    { "\"a\\n\\\"\":1", 400, "a\\x0a\": unknown field" }
};


static void
test_one_mistake(void **state)
{
    size_t  i;

    for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {

        if (field(mistakes[i].text) != NGX_DECLINED) {
            fail_msg("accepted: %s", mistakes[i].text);
        }

        if (report.mistakes != 1
            || ngx_sandbox_report_status(&report) != mistakes[i].status)
        {
            fail_msg("%s: %d, %.*s", mistakes[i].text,
                     (int) ngx_sandbox_report_status(&report),
                     (int) report.detail.len, report.detail.data);
        }

        if (mistakes[i].detail
            && (report.detail.len != strlen(mistakes[i].detail)
                || memcmp(report.detail.data, mistakes[i].detail,
                          report.detail.len)))
        {
            fail_msg("%s: %.*s", mistakes[i].text, (int) report.detail.len,
                     report.detail.data);
        }
    }
}


static void
test_bounds(void **state)
{
    size_t  i;

    static const char  *good[] = {
        "\"timeout\":1", "\"timeout\":3600", "\"timeout\":30.0",
        "\"timeout\":null", "\"limit\":1", "\"number\":10", "\"number\":0.1",
        "\"line\":\"12345678\"", "\"line\":\"gr\xc3\xbc\xc3\x9f\"",
        "\"event\":{\"a\":\"123456789012\"}", "\"event\":{}",
        "\"env_vars\":{}", "\"env_vars\":{\"A\":\"123456789\"}",
        "\"metadata\":{\"any key!\":\"any\\nvalue\"}", "\"list\":[]",
        "\"list\":[\"a\",\"1234\"]", "\"dependencies\":[]",
        "\"dependencies\":[{\"name\":\"a\",\"version\":\"\"}]",
        "\"cpu\":0.1", "\"cpu\":4", "\"cpu\":\"100m\"", "\"cpu\":2.25",
        "\"memory\":\"128Mi\"", "\"memory\":\"8Gi\"", "\"memory\":134217728",
        "\"memory\":134217728.0", "\"pool\":{\"min\":false}",
        "\"url\":\"https:\""
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (field(good[i]) != NGX_OK) {
            fail_msg("%s: %.*s", good[i], (int) report.detail.len,
                     report.detail.data);
        }
    }

    assert_int_equal(field("\"limit\":201"), NGX_OK);
    assert_int_equal(body.limit, 200);
    assert_int_equal(field("\"limit\":9223372036854775807"), NGX_OK);
    assert_int_equal(body.limit, 200);

    assert_int_equal(validate("{\"code\":\"1234567890\"}"), NGX_OK);
    assert_int_equal(validate("{\"code\":\"12345678901\"}"), NGX_DECLINED);
    assert_int_equal(ngx_sandbox_report_status(&report), 422);
    assert_int_equal(validate("{\"code\":\"\"}"), NGX_DECLINED);
    assert_int_equal(ngx_sandbox_report_status(&report), 422);
    assert_int_equal(validate("{\"code\":null}"), NGX_DECLINED);
    assert_int_equal(ngx_sandbox_report_status(&report), 400);
    assert_int_equal(validate("{}"), NGX_DECLINED);
    assert_text(&report.detail, "code: is required");
    assert_int_equal(ngx_sandbox_report_status(&report), 400);
}


static void
map_of(char *name, size_t key, size_t value, ngx_int_t rc)
{
    char    buf[1024];
    u_char  *p;

    p = ngx_sprintf((u_char *) buf, "\"%s\":{\"", name);
    memset(p, 'k', key);
    p = ngx_cpymem(p + key, "\":\"", 3);
    memset(p, 'v', value);
    p = ngx_cpymem(p + value, "\"}", 2);
    *p = '\0';

    assert_int_equal(field(buf), rc);
}


static void
test_map_bounds(void **state)
{
    map_of("metadata", 64, 256, NGX_OK);
    map_of("metadata", 65, 0, NGX_DECLINED);
    map_of("metadata", 1, 257, NGX_DECLINED);
    map_of("env_vars", 4, 6, NGX_OK);
    map_of("env_vars", 5, 6, NGX_DECLINED);
}


static void
test_all_mistakes(void **state)
{
    size_t   i;
    u_char  *p, *text;

    assert_int_equal(validate("{\"timeout\":0,\"foo\":1,\"pool\":{\"max\":-1},"
                              "\"flag\":2}"),
                     NGX_DECLINED);

    assert_text(&report.detail,
                "timeout: must be an integer from 1 to 3600; "
                "foo: unknown field; "
                "pool.max: must be an integer from 0 to 10; "
                "pool.min: is required; "
                "flag: must be true or false; "
                "code: is required");
    assert_int_equal(report.mistakes, 6);
    assert_int_equal(report.structural, 4);
    assert_int_equal(ngx_sandbox_report_status(&report), 400);

    /* values only */

    assert_int_equal(field("\"timeout\":0,\"cpu\":9"), NGX_DECLINED);
    assert_int_equal(report.mistakes, 2);
    assert_int_equal(ngx_sandbox_report_status(&report), 422);

    /* a hundred thousand unknown fields end early */

    text = ngx_palloc(unit_pool, 100000 * 12 + 3);
    assert_non_null(text);
    p = text;
    *p++ = '{';

    for (i = 0; i < 100000; i++) {
        p = ngx_sprintf(p, "\"x%uz\":0,", i);
    }

    p[-1] = '}';
    *p = '\0';

    assert_int_equal(validate((char *) text), NGX_DECLINED);
    assert_in_range(report.mistakes, 17, 18);
    assert_memory_equal(report.detail.data + report.detail.len - 10,
                        "; and more", 10);
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_everything),
    ngx_sandbox_unit_test(test_given),
    ngx_sandbox_unit_test(test_one_mistake),
    ngx_sandbox_unit_test(test_bounds),
    ngx_sandbox_unit_test(test_map_bounds),
    ngx_sandbox_unit_test(test_all_mistakes),
};

ngx_sandbox_unit_main(tests)
