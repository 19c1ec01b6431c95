
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_LANDLOCK_H_INCLUDED_
#define _SANDBOX_LANDLOCK_H_INCLUDED_


typedef enum {
    SANDBOX_LANDLOCK_LIST = 0,      /* names of what is in folders */
    SANDBOX_LANDLOCK_READ,          /* and read, execute */
    SANDBOX_LANDLOCK_DEVICE,        /* read, write, nothing new */
    SANDBOX_LANDLOCK_WRITE          /* everything */
} sandbox_landlock_e;


/* the ABI version, and a ruleset that allows nothing; 0 and -1: no Landlock */
int sandbox_landlock_create(int *ret_fd);

/* what lies below "path"; one that is not there is passed over */
void sandbox_landlock_allow(int fd, int abi, const char *path,
    sandbox_landlock_e access);

/* this thread, and all that it will start; allocates nothing */
int sandbox_landlock_enter(int fd);


#endif /* _SANDBOX_LANDLOCK_H_INCLUDED_ */
