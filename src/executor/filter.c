
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * System calls that code in a sandbox does not get, beside those that the
 * engine's profile refuses.  What leads out of a container without a network
 * comes first: a machine's hypervisor listens on AF_VSOCK, whatever network
 * namespace one is in.  The rest widens the kernel's surface, and interpreters
 * do not use it; some engines' profiles refuse it as well.
 *
 * Seccomp's programs are those of classic BPF: the kernel's
 * Documentation/userspace-api/seccomp_filter.rst.
 */


#include <errno.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include "executor.h"
#include "filter.h"


#if defined(__x86_64__)
#define SANDBOX_FILTER_ARCH  AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SANDBOX_FILTER_ARCH  AUDIT_ARCH_AARCH64
#endif


#ifdef SANDBOX_FILTER_ARCH

/* x86's calls with short pointers are numbered from here */
#define SANDBOX_FILTER_X32  0x40000000

#define SANDBOX_FILTER_LOAD(field)                                            \
    BPF_STMT(BPF_LD|BPF_W|BPF_ABS, offsetof(struct seccomp_data, field))

#define SANDBOX_FILTER_REFUSE(error)                                          \
    BPF_STMT(BPF_RET|BPF_K, SECCOMP_RET_ERRNO|(error))

/* refuses what is loaded if it is "value" */
#define SANDBOX_FILTER_UNLESS(value, error)                                   \
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, value, 0, 1),                             \
    SANDBOX_FILTER_REFUSE(error)

/* allows what is loaded if it is "value" */
#define SANDBOX_FILTER_ALLOW(value)                                           \
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, value, 0, 1),                             \
    BPF_STMT(BPF_RET|BPF_K, SECCOMP_RET_ALLOW)


static struct sock_filter  sandbox_filter_program[] = {

    /* the numbers below are this machine's: no others */

    SANDBOX_FILTER_LOAD(arch),
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, SANDBOX_FILTER_ARCH, 1, 0),
    SANDBOX_FILTER_REFUSE(ENOSYS),

    SANDBOX_FILTER_LOAD(nr),
    BPF_JUMP(BPF_JMP|BPF_JGE|BPF_K, SANDBOX_FILTER_X32, 0, 1),
    SANDBOX_FILTER_REFUSE(ENOSYS),

    SANDBOX_FILTER_UNLESS(SYS_io_uring_setup, ENOSYS),
    SANDBOX_FILTER_UNLESS(SYS_userfaultfd, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_perf_event_open, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_bpf, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_keyctl, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_add_key, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_request_key, EPERM),

    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, SYS_socket, 1, 0),
    BPF_STMT(BPF_RET|BPF_K, SECCOMP_RET_ALLOW),

    SANDBOX_FILTER_LOAD(args[0]),
    SANDBOX_FILTER_ALLOW(AF_UNIX),
    SANDBOX_FILTER_ALLOW(AF_INET),
    SANDBOX_FILTER_ALLOW(AF_INET6),
    SANDBOX_FILTER_ALLOW(AF_NETLINK),
    SANDBOX_FILTER_REFUSE(EAFNOSUPPORT)
};


int
sandbox_filter_works(void)
{
    /* EFAULT: it has looked for a program, so it would take one */

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) == -1
           && errno == EFAULT;
}


int
sandbox_filter_enter(void)
{
    struct sock_fprog  program;

    program.filter = sandbox_filter_program;
    program.len = sizeof(sandbox_filter_program) / sizeof(struct sock_filter);

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0
           ? SANDBOX_OK : SANDBOX_ERROR;
}

#else

int
sandbox_filter_works(void)
{
    return 0;
}


int
sandbox_filter_enter(void)
{
    return SANDBOX_OK;
}

#endif
