
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_FILTER_H_INCLUDED_
#define _SANDBOX_FILTER_H_INCLUDED_


/* 1 if the kernel takes filters and we have one for this machine */
int sandbox_filter_works(void);

/* this thread, and all that it will start; needs no_new_privs */
int sandbox_filter_enter(void);


#endif /* _SANDBOX_FILTER_H_INCLUDED_ */
