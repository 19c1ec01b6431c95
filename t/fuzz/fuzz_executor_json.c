
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Takes the input as JSON.  The executor's checker and jansson must be of one
 * mind about it, apart from what either of them bounds, and the walk through
 * the members of an object must find each of them whole.
 */


#include "sandbox_fuzz.h"
#include "json.h"


static void
fuzz_members(const char *text, size_t len, json_t *doc)
{
    size_t                  n, name_len, value_len, size;
    json_t                 *name, *value;
    const char             *p, *q, *last;
    sandbox_json_object_t   object;

    if (!sandbox_json_object_open(&object, text, text + len)) {
        fuzz_bug(json_is_object(doc));
        return;
    }

    fuzz_bug(doc && !json_is_object(doc));

    last = text;

    for (n = 0;
         sandbox_json_object_next(&object, &p, &name_len, &q, &value_len);
         n++)
    {
        fuzz_bug(p <= last || p + name_len >= q);
        fuzz_bug(p[0] != '"' || p[name_len - 1] != '"');
        fuzz_bug(sandbox_json_check(p, p + name_len) != NULL);
        fuzz_bug(sandbox_json_check(q, q + value_len) != NULL);

        last = q + value_len - 1;
        fuzz_bug(last >= text + len);

        if (doc == NULL) {
            continue;
        }

        name = json_loadb(p, name_len, JSON_DECODE_ANY, NULL);
        value = json_loadb(q, value_len, JSON_DECODE_ANY|JSON_ALLOW_NUL,
                           NULL);

        fuzz_bug(name == NULL || value == NULL);

        size = strlen(json_string_value(name));
        fuzz_bug(size != json_string_length(name));
        fuzz_bug(json_object_get(doc, json_string_value(name)) == NULL);

        json_decref(name);
        json_decref(value);
    }

    /* names that are there twice are one member for jansson */

    fuzz_bug(doc && n < json_object_size(doc));
    fuzz_bug(doc && json_object_size(doc) == 0 && n != 0);
}


static void
fuzz_one(fuzz_input_t *in)
{
    size_t         len;
    json_t        *doc;
    const char    *text, *why;
    json_error_t   error;

    text = fuzz_bytes(in, SIZE_MAX, &len);

    if (text == NULL) {
        return;
    }

    why = sandbox_json_check(text, text + len);
    doc = json_loadb(text, len, JSON_DECODE_ANY|JSON_ALLOW_NUL, &error);

    if (why == NULL) {
        fuzz_bug(doc == NULL
                 && json_error_code(&error) != json_error_numeric_overflow
                 && json_error_code(&error) != json_error_null_byte_in_key);

        fuzz_members(text, len, doc);

    } else if (doc && memchr(text, '\0', len) == NULL) {

        /* jansson skips bytes that are NUL, and allows more levels */

        fuzz_bug(strstr(why, "nested") == NULL);
    }

    json_decref(doc);
}
