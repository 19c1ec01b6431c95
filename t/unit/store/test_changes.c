
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a statement that changes the state of a session or an execution
 * and tells nobody, so that who waits for it sleeps on; one that tells another
 * of its parameters than the id.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_store.h"


/* does it set the status of a session or of an execution? */

static ngx_uint_t
sets_status(char *sql)
{
    char        *set, *where, *p;
    ngx_uint_t   found;

    if (strncmp(sql, "UPDATE sessions", 15) != 0
        && strncmp(sql, "UPDATE executions", 17) != 0)
    {
        return 0;
    }

    set = strstr(sql, " SET ");
    where = strstr(sql, " WHERE ");
    assert_true(set && where && set < where);

    found = 0;

    for (p = strstr(set, "status = "); p && p < where;
         p = strstr(p + 1, "status = "))
    {
        /* an assignment, and not a container's */

        found |= ((p[-1] == ' ' && (p[-2] == ',' || p[-2] == 'T'))
                  || (p[-1] == '.' && p[-2] != 'c'));
    }

    return found;
}


/* what stands before the parameter */

static char *
before(char *sql, ngx_uint_t param)
{
    static char  text[32];

    char  *p;

    for (p = sql; *p; p++) {

        if (*p == '?' && --param == 0) {
            break;
        }
    }

    assert_int_equal(*p, '?');
    assert_true(p - sql > 31);
    assert_true(strstr(sql, " WHERE ") < p);

    ngx_memcpy(text, p - 31, 31);

    return text;
}


static void
test_changes(void **state)
{
    char                       *sql, *text;
    ngx_uint_t                  i, n;
    ngx_sandbox_db_stmt_t      *stmt;
    ngx_sandbox_store_table_t  *table;

    n = 0;

    for (table = ngx_sandbox_store_tables; table->stmts; table++) {

        for (i = 0; i < table->n; i++) {
            stmt = &table->stmts[i];
            sql = (char *) stmt->sql.data;

            if (sets_status(sql) != (stmt->changes != 0)) {
                fail_msg("\"%s\": changes = %lu", stmt->name, stmt->changes);
            }

            if (stmt->changes == 0) {
                continue;
            }

            n++;
            text = before(sql, stmt->changes);

            if (strcmp(text + 26, "id = ") != 0
                || (text[25] != ' ' && strcmp(text + 24, "s.id = ") != 0
                    && strcmp(text + 24, "e.id = ") != 0
                    && strcmp(text + 18, "session_id = ") != 0))
            {
                fail_msg("\"%s\": \"%s?\" is no id", stmt->name, text);
            }

            /* a session's, where an execution is meant */

            if (text[25] == '_'
                && (strstr(sql, " id = ?") || strstr(sql, "e.id = ?")))
            {
                fail_msg("\"%s\": it is not the session's", stmt->name);
            }
        }
    }

    assert_true(n >= 9);
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_changes),
};

ngx_sandbox_unit_main(tests)
