
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Takes the input as a file of the spool: its name, a NUL, and what is in it.
 * A name that is taken is the one that the executor would write; a file that
 * is taken begins with a head that is JSON, is bounded, and names the same.
 */


#include "sandbox_fuzz.h"
#include "json.h"
#include "spool.h"


static void
fuzz_file(const char *name, size_t len, unsigned attempt, const char *text,
    size_t size)
{
    json_t      *head;
    const char  *nl;

    if (!sandbox_spool_is_result(text, size, name, len, attempt)) {
        return;
    }

    nl = memchr(text, '\n', size);

    fuzz_bug(nl == NULL || nl - text > SANDBOX_HEAD_MAX);

    head = json_loadb(text, nl - text, 0, NULL);

    fuzz_bug(head == NULL);
    fuzz_bug(strlen(json_string_value(json_object_get(head, "execution_id")))
             != len);

    json_decref(head);

    /* it is no result of another one */

    fuzz_bug(sandbox_spool_is_result(text, size, name, len, attempt + 1));
    fuzz_bug(sandbox_spool_is_result(text, size, name, len - 1, attempt));
}


static void
fuzz_one(fuzz_input_t *in)
{
    char         name[512], again[SANDBOX_SPOOL_NAME_MAX + 1];
    size_t       n, len, size;
    unsigned     attempt;
    const char  *text;

    for (n = 0; n < sizeof(name) - 1; n++) {
        name[n] = fuzz_byte(in);

        if (name[n] == '\0') {
            break;
        }
    }

    name[n] = '\0';

    if (!sandbox_spool_parse_name(name, &len, &attempt)) {
        return;
    }

    fuzz_bug(!sandbox_id_is_valid(name, len));
    fuzz_bug(attempt < 1 || attempt > SANDBOX_ATTEMPT_MAX);
    fuzz_bug(strlen(name) > SANDBOX_SPOOL_NAME_MAX);

    snprintf(again, sizeof(again), "%.*s.%u", (int) len, name, attempt);
    fuzz_bug(strcmp(again, name) != 0);

    text = fuzz_bytes(in, SIZE_MAX, &size);

    fuzz_file(name, len, attempt, text, size);
}
