
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_WATCH_H_INCLUDED_
#define _SANDBOX_WATCH_H_INCLUDED_


/* once, when signals are blocked; without it only a line is in the log */
void sandbox_watch_start(void);

/* around a vfork() */
void sandbox_watch_begin(void);
void sandbox_watch_end(void);


#endif /* _SANDBOX_WATCH_H_INCLUDED_ */
