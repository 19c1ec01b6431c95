
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a text that passes here and that no parser takes afterwards, a
 * read behind the end, a stack that grows with the input.
 */


#include "unit.h"
#include "json.h"


static const char *
check(const char *text, size_t len)
{
    char        *copy;
    const char  *why;

    /* of its exact size, so that the sanitizer sees a read behind it */

    copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);

    why = sandbox_json_check(copy, copy + len);
    free(copy);

    return why;
}


static void
test_accepted(void **state)
{
    size_t       i;
    const char  *texts[] = {
        "0", "-0", "10", "-1.5", "1e9", "1E+9", "0.5e-3", "1e999",
        "123456789012345678901234567890", "true", "false", "null", "\"\"",
        "\"a\"", "\"\\u0000\"", "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "[]", "{}", " [ ] ", "\t\r\n{ }\n",
        "[1,2]", "[[],{}]", "{\"a\":[{\"b\":null}],\"c\":1}", "[ 1 , 2 ]",
        "{ \"a\" : 1 , \"a\" : 2 }", "[[1],[2,[3]]]", "{\"a\":{}}"
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (check(texts[i], strlen(texts[i])) != NULL) {
            fail_msg("%s", texts[i]);
        }
    }
}


static void
test_refused(void **state)
{
    size_t       i;
    const char  *texts[] = {
        "", " ", "-", "01", "+1", ".5", "1.", "1e", "1e+", "--1", "0x1",
        "NaN", "Infinity", "-Infinity", "nul", "nulll", "tru", "True",
        "\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"",
        "\"\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\u0041\"", "\"\\udc00\"",
        "\"\\ud800\\", "\"\n\"", "\"\x01\"", "\"\xff\"", "\"\xe2\x82\"",
        "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
        "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", "{", "}",
        "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}",
        "{a:1}", "{1:2}", "{\"a\" 1}", "{\"a\":1]", "1 2", "{} {}", "'a'",
        "/**/1", "[1]]", "\xef\xbb\xbf" "1"
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (check(texts[i], strlen(texts[i])) == NULL) {
            fail_msg("%s", texts[i]);
        }
    }

    assert_non_null(check("1\0", 2));
    assert_non_null(check("\"\\\0\"", 4));
}


static void
test_depth(void **state)
{
    char    text[200000];
    size_t  n;

    n = SANDBOX_JSON_DEPTH_MAX;

    memset(text, '[', n);
    memset(text + n, ']', n);
    assert_null(check(text, 2 * n));

    n++;

    memset(text, '[', n);
    memset(text + n, ']', n);
    assert_string_equal(check(text, 2 * n),
                        "it is nested too deeply, 64 levels are allowed");

    memset(text, '[', sizeof(text));
    assert_non_null(check(text, sizeof(text)));
}


/* what is accepted here is accepted by the library of the control plane */

static void
test_agrees_with_jansson(void **state)
{
    int                 ours, theirs;
    char                text[64];
    json_t             *json;
    size_t              i, k, len, accepted;
    static const char   alphabet[] = "{}[]\",:\\u0123de8-+.tfnrulase \n\xe2"
                                     "\x82\xac\xff";

    srand(7);
    accepted = 0;

    for (i = 0; i < 400000; i++) {

        strcpy(text, "{\"a\":[1,\"\\ud83d\\ude00\",null],\"b\":-1.5e3}");
        len = strlen(text);

        for (k = rand() % 4; k; k--) {
            if (rand() % 2) {
                text[rand() % len] = alphabet[rand() % (sizeof(alphabet) - 1)];

            } else {
                len = 1 + rand() % len;
            }
        }

        ours = check(text, len) == NULL;

        json = json_loadb(text, len, JSON_DECODE_ANY|JSON_ALLOW_NUL
                                     |JSON_DECODE_INT_AS_REAL, NULL);
        theirs = json != NULL;
        json_decref(json);

        /* jansson alone refuses what does not fit a double */

        if (ours != theirs && !(ours && memchr(text, 'e', len) != NULL)) {
            fail_msg("%.*s: %d, jansson %d", (int) len, text, ours, theirs);
        }

        accepted += ours;
    }

    assert_true(accepted > 1000);
}


static void
test_object(void **state)
{
    size_t                  name_len, value_len;
    const char             *name, *value;
    const char              text[] = " { \"a\" : 1.50 , \"b\\n\":{\"x\":[1]},"
                                     "\"c\":\" \\\" \"} ";
    sandbox_json_object_t   o;

    assert_null(sandbox_json_check(text, text + strlen(text)));
    assert_true(sandbox_json_object_open(&o, text, text + strlen(text)));

    assert_true(sandbox_json_object_next(&o, &name, &name_len, &value,
                                         &value_len));
    assert_int_equal(name_len, 3);
    assert_memory_equal(name, "\"a\"", 3);
    assert_int_equal(value_len, 4);
    assert_memory_equal(value, "1.50", 4);

    assert_true(sandbox_json_object_next(&o, &name, &name_len, &value,
                                         &value_len));
    assert_int_equal(name_len, 5);
    assert_int_equal(value_len, 9);
    assert_memory_equal(value, "{\"x\":[1]}", 9);

    assert_true(sandbox_json_object_next(&o, &name, &name_len, &value,
                                         &value_len));
    assert_int_equal(value_len, 6);

    assert_false(sandbox_json_object_next(&o, &name, &name_len, &value,
                                          &value_len));

    assert_false(sandbox_json_object_open(&o, "[]", text));
    assert_true(sandbox_json_object_open(&o, "{}", &"{}"[2]));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_agrees_with_jansson),
        cmocka_unit_test(test_object)
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
