
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * MariaDB's error numbers: what they mean for an operation, and what of their
 * text may be shown.  Pure; allocates and logs nothing.
 *
 * Server messages may quote parameter values ("Duplicate entry 'x' for key"),
 * so only the texts of the numbers listed here are passed on; of all others
 * the number is.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <errmsg.h>
#include <mysqld_error.h>
#include "ngx_sandbox_db_private.h"


typedef struct {
    ngx_uint_t                 error;
    ngx_sandbox_db_status_e    status;
    ngx_uint_t                 fatal;   /* the connection is of no use now */
    ngx_uint_t                 shown;   /* the text has no values */
} ngx_sandbox_db_error_t;


static const ngx_sandbox_db_error_t *ngx_sandbox_db_error_find(
    ngx_uint_t error);
static u_char *ngx_sandbox_db_error_key(u_char *p, u_char *last,
    const char *message);
static u_char *ngx_sandbox_db_error_copy(u_char *p, u_char *last,
    const char *text);


/* a lost connection is UNAVAILABLE, or LOST if a write may have been sent */

static const ngx_sandbox_db_error_t  ngx_sandbox_db_errors[] = {

    /* refused */

    { ER_CON_COUNT_ERROR,            NGX_SANDBOX_DB_UNAVAILABLE,  1, 1 },
    { ER_TOO_MANY_USER_CONNECTIONS,  NGX_SANDBOX_DB_UNAVAILABLE,  1, 1 },
    { ER_USER_LIMIT_REACHED,         NGX_SANDBOX_DB_UNAVAILABLE,  0, 1 },
    { ER_HOST_IS_BLOCKED,            NGX_SANDBOX_DB_UNAVAILABLE,  1, 1 },
    { ER_HOST_NOT_PRIVILEGED,        NGX_SANDBOX_DB_UNAVAILABLE,  1, 1 },
    { ER_ACCESS_DENIED_ERROR,        NGX_SANDBOX_DB_UNAVAILABLE,  1, 1 },
    { ER_ACCESS_DENIED_NO_PASSWORD_ERROR,
                                     NGX_SANDBOX_DB_UNAVAILABLE,  1, 1 },
    { ER_OUT_OF_RESOURCES,           NGX_SANDBOX_DB_UNAVAILABLE,  0, 1 },
    { ER_CANT_CREATE_THREAD,         NGX_SANDBOX_DB_UNAVAILABLE,  1, 1 },
    { ER_DISK_FULL,                  NGX_SANDBOX_DB_UNAVAILABLE,  0, 1 },
    { ER_RECORD_FILE_FULL,           NGX_SANDBOX_DB_UNAVAILABLE,  0, 1 },
    { ER_OPTION_PREVENTS_STATEMENT,  NGX_SANDBOX_DB_UNAVAILABLE,  0, 1 },
    { ER_LOCK_TABLE_FULL,            NGX_SANDBOX_DB_UNAVAILABLE,  0, 1 },

    /* interrupted: the server has rolled the statement back */

    { ER_STATEMENT_TIMEOUT,          NGX_SANDBOX_DB_UNAVAILABLE,  0, 1 },
    { ER_QUERY_INTERRUPTED,          NGX_SANDBOX_DB_UNAVAILABLE,  0, 1 },
    { ER_LOCK_DEADLOCK,              NGX_SANDBOX_DB_RETRY,        0, 1 },
    { ER_LOCK_WAIT_TIMEOUT,          NGX_SANDBOX_DB_RETRY,        0, 1 },
    { ER_CHECKREAD,                  NGX_SANDBOX_DB_RETRY,        0, 1 },

    /* the connection is gone, or out of step with the server */

    { ER_SERVER_SHUTDOWN,            NGX_SANDBOX_DB_LOST,         1, 1 },
    { ER_NORMAL_SHUTDOWN,            NGX_SANDBOX_DB_LOST,         1, 1 },
    { ER_CONNECTION_KILLED,          NGX_SANDBOX_DB_LOST,         1, 1 },
    { ER_NEW_ABORTING_CONNECTION,    NGX_SANDBOX_DB_LOST,         1, 0 },
    { ER_NET_READ_ERROR,             NGX_SANDBOX_DB_LOST,         1, 1 },
    { ER_NET_READ_INTERRUPTED,       NGX_SANDBOX_DB_LOST,         1, 1 },
    { ER_NET_ERROR_ON_WRITE,         NGX_SANDBOX_DB_LOST,         1, 1 },
    { ER_NET_WRITE_INTERRUPTED,      NGX_SANDBOX_DB_LOST,         1, 1 },
    { ER_NET_PACKETS_OUT_OF_ORDER,   NGX_SANDBOX_DB_LOST,         1, 1 },
    { ER_NET_UNCOMPRESS_ERROR,       NGX_SANDBOX_DB_LOST,         1, 1 },
    { CR_SERVER_GONE_ERROR,          NGX_SANDBOX_DB_UNAVAILABLE,  1, 1 },
    { CR_SERVER_LOST,                NGX_SANDBOX_DB_LOST,         1, 1 },
    { CR_COMMANDS_OUT_OF_SYNC,       NGX_SANDBOX_DB_LOST,         1, 1 },
    { CR_MALFORMED_PACKET,           NGX_SANDBOX_DB_LOST,         1, 1 },
    { CR_NEW_STMT_METADATA,          NGX_SANDBOX_DB_LOST,         1, 1 },
    { CR_ERR_NET_READ,               NGX_SANDBOX_DB_LOST,         1, 1 },
    { CR_ERR_NET_WRITE,              NGX_SANDBOX_DB_LOST,         1, 1 },
    { CR_ERR_NET_UNCOMPRESS,         NGX_SANDBOX_DB_LOST,         1, 1 },

    /* the statement */

    { ER_DUP_ENTRY,                  NGX_SANDBOX_DB_DUPLICATE,    0, 0 },
    { ER_DUP_ENTRY_WITH_KEY_NAME,    NGX_SANDBOX_DB_DUPLICATE,    0, 0 },
    { ER_ROW_IS_REFERENCED_2,        NGX_SANDBOX_DB_REFERENCE,    0, 1 },
    { ER_NO_REFERENCED_ROW_2,        NGX_SANDBOX_DB_REFERENCE,    0, 1 },
    { ER_BAD_NULL_ERROR,             NGX_SANDBOX_DB_ERROR,        0, 1 },
    { ER_BAD_FIELD_ERROR,            NGX_SANDBOX_DB_ERROR,        0, 1 },
    { ER_NO_DEFAULT_FOR_FIELD,       NGX_SANDBOX_DB_ERROR,        0, 1 },
    { ER_DATA_TOO_LONG,              NGX_SANDBOX_DB_ERROR,        0, 1 },
    { ER_WARN_DATA_OUT_OF_RANGE,     NGX_SANDBOX_DB_ERROR,        0, 1 },
    { ER_NO_SUCH_TABLE,              NGX_SANDBOX_DB_ERROR,        0, 1 },
    { ER_BAD_DB_ERROR,               NGX_SANDBOX_DB_ERROR,        0, 1 },
    { ER_DBACCESS_DENIED_ERROR,      NGX_SANDBOX_DB_ERROR,        0, 1 },
    { ER_TABLEACCESS_DENIED_ERROR,   NGX_SANDBOX_DB_ERROR,        0, 1 },
    { ER_COLUMNACCESS_DENIED_ERROR,  NGX_SANDBOX_DB_ERROR,        0, 1 },
    { ER_PARSE_ERROR,                NGX_SANDBOX_DB_ERROR,        0, 1 },
    { ER_NET_PACKET_TOO_LARGE,       NGX_SANDBOX_DB_ERROR,        1, 1 },
    { CR_NET_PACKET_TOO_LARGE,       NGX_SANDBOX_DB_ERROR,        1, 1 },

    { 0,                             NGX_SANDBOX_DB_ERROR,        0, 0 }
};


ngx_uint_t
ngx_sandbox_db_error_is_fatal(ngx_uint_t error)
{
    return ngx_sandbox_db_error_find(error)->fatal;
}


ngx_sandbox_db_status_e
ngx_sandbox_db_error_status(ngx_uint_t error, ngx_uint_t sent)
{
    const ngx_sandbox_db_error_t  *e;

    e = ngx_sandbox_db_error_find(error);

    if (e->status == NGX_SANDBOX_DB_LOST && !sent) {
        return NGX_SANDBOX_DB_UNAVAILABLE;
    }

    return e->status;
}


size_t
ngx_sandbox_db_error_text(u_char *buf, size_t size, ngx_uint_t error,
    const char *sqlstate, const char *message)
{
    u_char                        *p, *last;
    const ngx_sandbox_db_error_t  *e;

    last = buf + size;
    p = ngx_slprintf(buf, last, "error %ui (", error);
    p = ngx_sandbox_db_error_copy(p, last, sqlstate);
    p = ngx_slprintf(p, last, ")");

    e = ngx_sandbox_db_error_find(error);

    if (e->status == NGX_SANDBOX_DB_DUPLICATE) {
        return ngx_sandbox_db_error_key(p, last, message) - buf;
    }

    /* texts of the library itself, 2000 to 2999 and from 5000 on, are ours */

    if (e->shown
        || (error >= CR_MIN_ERROR && error <= CR_MAX_ERROR)
        || (error >= CR_EVENT_CREATE_FAILED && error <= CR_MARIADB_LAST_ERROR))
    {
        p = ngx_slprintf(p, last, ": ");
        p = ngx_sandbox_db_error_copy(p, last, message);
    }

    return p - buf;
}


static const ngx_sandbox_db_error_t *
ngx_sandbox_db_error_find(ngx_uint_t error)
{
    ngx_uint_t  i;

    for (i = 0; ngx_sandbox_db_errors[i].error; i++) {
        if (ngx_sandbox_db_errors[i].error == error) {
            break;
        }
    }

    return &ngx_sandbox_db_errors[i];
}


/* the value comes first and may hold anything, the name of the key is last */

static u_char *
ngx_sandbox_db_error_key(u_char *p, u_char *last, const char *message)
{
    const char  *key, *s;

    key = NULL;

    for (s = strstr(message, "for key "); s; s = strstr(s + 1, "for key ")) {
        key = s;
    }

    p = ngx_slprintf(p, last, ": duplicate");

    if (key) {
        p = ngx_slprintf(p, last, " ");
        p = ngx_sandbox_db_error_copy(p, last, key);
    }

    return p;
}


/* the server's bytes may not forge a line of the log */

static u_char *
ngx_sandbox_db_error_copy(u_char *p, u_char *last, const char *text)
{
    for ( /* void */ ; *text && p < last; text++) {
        *p++ = (*text >= 0x20 && *text < 0x7f) ? (u_char) *text : '?';
    }

    return p;
}
