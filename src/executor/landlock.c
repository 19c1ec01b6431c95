
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Landlock by its system calls, as the kernel's
 * Documentation/userspace-api/landlock.rst describes them: the C library has
 * no functions for it, and the headers of Debian 12 end at version 2 of what
 * newer kernels have.
 */


#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "executor.h"
#include "landlock.h"


#define SANDBOX_LANDLOCK_VERSION     (1u << 0)
#define SANDBOX_LANDLOCK_PATH        1

#define SANDBOX_LANDLOCK_EXECUTE     (1ull << 0)
#define SANDBOX_LANDLOCK_WRITE_FILE  (1ull << 1)
#define SANDBOX_LANDLOCK_READ_FILE   (1ull << 2)
#define SANDBOX_LANDLOCK_READ_DIR    (1ull << 3)

/* bits 4 to 12: remove and make, of each kind */
#define SANDBOX_LANDLOCK_CHANGE      (0x1ffull << 4)

#define SANDBOX_LANDLOCK_REFER       (1ull << 13)   /* since ABI 2 */
#define SANDBOX_LANDLOCK_TRUNCATE    (1ull << 14)   /* 3 */
#define SANDBOX_LANDLOCK_IOCTL       (1ull << 15)   /* 5 */

#define SANDBOX_LANDLOCK_ABSTRACT    (1ull << 0)    /* 6 */
#define SANDBOX_LANDLOCK_SIGNAL      (1ull << 1)    /* 6 */

/* what a file, which is no folder, can be allowed */
#define SANDBOX_LANDLOCK_FILE                                                 \
    (SANDBOX_LANDLOCK_EXECUTE|SANDBOX_LANDLOCK_WRITE_FILE                     \
     |SANDBOX_LANDLOCK_READ_FILE|SANDBOX_LANDLOCK_TRUNCATE                    \
     |SANDBOX_LANDLOCK_IOCTL)


typedef struct {
    uint64_t  fs;
    uint64_t  net;              /* since ABI 4: left to the container */
    uint64_t  scoped;           /* since ABI 6 */
} sandbox_landlock_ruleset_t;


typedef struct {
    uint64_t  allowed;
    int32_t   parent_fd;
} __attribute__((packed)) sandbox_landlock_path_t;


static uint64_t sandbox_landlock_known(int abi);


int
sandbox_landlock_create(int *ret_fd)
{
    int                         abi, fd;
    size_t                      size;
    sandbox_landlock_ruleset_t  ruleset;

    *ret_fd = -1;

    abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
                  SANDBOX_LANDLOCK_VERSION);

    if (abi < 1) {
        return 0;
    }

    memset(&ruleset, 0, sizeof(ruleset));

    ruleset.fs = sandbox_landlock_known(abi);
    size = sizeof(ruleset.fs);

    if (abi >= 6) {
        ruleset.scoped = SANDBOX_LANDLOCK_ABSTRACT|SANDBOX_LANDLOCK_SIGNAL;
        size = sizeof(ruleset);
    }

    fd = syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);

    *ret_fd = fd == -1 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, SANDBOX_FD_BASE);

    if (*ret_fd == -1) {
        sandbox_log("landlock_create_ruleset: %s", strerror(errno));
        abi = 0;
    }

    if (fd != -1) {
        close(fd);
    }

    return abi;
}


static uint64_t
sandbox_landlock_known(int abi)
{
    uint64_t  known;

    known = SANDBOX_LANDLOCK_EXECUTE|SANDBOX_LANDLOCK_WRITE_FILE
            |SANDBOX_LANDLOCK_READ_FILE|SANDBOX_LANDLOCK_READ_DIR
            |SANDBOX_LANDLOCK_CHANGE;

    if (abi >= 2) {
        known |= SANDBOX_LANDLOCK_REFER;
    }

    if (abi >= 3) {
        known |= SANDBOX_LANDLOCK_TRUNCATE;
    }

    if (abi >= 5) {
        known |= SANDBOX_LANDLOCK_IOCTL;
    }

    return known;
}


void
sandbox_landlock_allow(int fd, int abi, const char *path,
    sandbox_landlock_e access)
{
    struct stat              st;
    sandbox_landlock_path_t  rule;

    static const uint64_t  allowed[] = {
        SANDBOX_LANDLOCK_READ_DIR,

        SANDBOX_LANDLOCK_READ_DIR|SANDBOX_LANDLOCK_READ_FILE
        |SANDBOX_LANDLOCK_EXECUTE,

        SANDBOX_LANDLOCK_READ_DIR|SANDBOX_LANDLOCK_READ_FILE
        |SANDBOX_LANDLOCK_WRITE_FILE|SANDBOX_LANDLOCK_TRUNCATE
        |SANDBOX_LANDLOCK_IOCTL,

        ~0ull
    };

    rule.parent_fd = open(path, O_PATH|O_CLOEXEC);

    if (rule.parent_fd == -1) {
        return;
    }

    rule.allowed = allowed[access] & sandbox_landlock_known(abi);

    if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode)) {
        rule.allowed &= SANDBOX_LANDLOCK_FILE;
    }

    if (syscall(SYS_landlock_add_rule, fd, SANDBOX_LANDLOCK_PATH, &rule, 0)
        == -1)
    {
        sandbox_log("landlock_add_rule \"%s\": %s", path, strerror(errno));
    }

    close(rule.parent_fd);
}


int
sandbox_landlock_enter(int fd)
{
    return syscall(SYS_landlock_restrict_self, fd, 0) == 0 ? SANDBOX_OK
                                                           : SANDBOX_ERROR;
}
