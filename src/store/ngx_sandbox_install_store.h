
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_INSTALL_STORE_H_INCLUDED_
#define _NGX_SANDBOX_INSTALL_STORE_H_INCLUDED_


#include "ngx_sandbox_store.h"


enum {
    /*
     * requested, grace in seconds, index, id, number of the last install: the
     * next one of a running session that installs nothing now
     */
    NGX_SANDBOX_SQL_INSTALL_REQUEST = 0,

    /*
     * grace in seconds, id: the next install of a session that has just become
     * running, and is installing since it was created or restarted
     */
    NGX_SANDBOX_SQL_INSTALL_BEGIN,

    /* installed, id, number: installing -> completed */
    NGX_SANDBOX_SQL_INSTALL_COMPLETE,

    /*
     * error, id, number: installing -> failed, and the session if it is to fail
     * with it
     */
    NGX_SANDBOX_SQL_INSTALL_FAIL,

    /* error, id: the same, if it is due */
    NGX_SANDBOX_SQL_INSTALL_OVERDUE,

    /* limit -> ids of sessions whose install is due, or may be lost */
    NGX_SANDBOX_SQL_INSTALL_GOING,

    NGX_SANDBOX_INSTALL_STMTS
};


extern ngx_sandbox_db_stmt_t  ngx_sandbox_install_stmts[];


#endif /* _NGX_SANDBOX_INSTALL_STORE_H_INCLUDED_ */
