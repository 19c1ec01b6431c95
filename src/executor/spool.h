
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_SPOOL_H_INCLUDED_
#define _SANDBOX_SPOOL_H_INCLUDED_


#include "execution.h"


#define SANDBOX_SPOOL_FOLDER  "spool"

/* longer names are junk */
#define SANDBOX_SPOOL_NAME_MAX  (SANDBOX_ID_MAX + sizeof(".1000"))


/*
 * Makes the folder if there is none, and keeps it open.  Without one, after a
 * line in the log, results are in memory only.
 */
void sandbox_spool_open(sandbox_executor_t *ex);

/*
 * What an earlier executor of this session has left: each becomes an ended
 * execution that is reported.  As many as may be held; the others have their
 * turn when some of these are forgotten.  Junk is removed.
 */
void sandbox_spool_load(sandbox_executor_t *ex);

/* it is about to be reported; a failure is logged, and changes nothing */
void sandbox_spool_write(sandbox_execution_t *e);

/* nobody needs it any more */
void sandbox_spool_remove(sandbox_execution_t *e);

/* "exec_1.2": 1, and the length of its id; 0: no name of ours */
int sandbox_spool_parse_name(const char *name, size_t *ret_len,
    unsigned *ret_attempt);

/* whether a file is the result of this attempt, as far as its head tells */
int sandbox_spool_is_result(const char *text, size_t size, const char *id,
    size_t len, unsigned attempt);


#endif /* _SANDBOX_SPOOL_H_INCLUDED_ */
