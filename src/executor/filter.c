
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * System calls that code in a sandbox does not get, beside those that the
 * engine's profile refuses.  What leads out of a container without a network
 * comes first: a machine's hypervisor listens on AF_VSOCK, whatever network
 * namespace one is in.  Then what reaches another process without a signal:
 * limits and priorities are anybody's to set whose user is the same, of process
 * 1 as well, and a limit of processor time ends it.  Here they can be set for
 * the caller (number 0) only.  Nor does code make name spaces or change mounts,
 * which a profile that lets bubblewrap work would let it do as well.  The rest
 * widens the kernel's surface, and interpreters do not use it; some engines'
 * profiles refuse it as well.
 *
 * Seccomp's programs are those of classic BPF: the kernel's
 * Documentation/userspace-api/seccomp_filter.rst.
 */


#include <errno.h>
#include <stddef.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ioprio.h>
#include <linux/seccomp.h>
#include "executor.h"
#include "filter.h"


#if defined(__x86_64__)
#define SANDBOX_FILTER_ARCH  AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SANDBOX_FILTER_ARCH  AUDIT_ARCH_AARCH64
#endif


#ifdef SANDBOX_FILTER_ARCH

/* the C library's headers end at what was new when they were made */
#define SANDBOX_FILTER_NEWTIME     0x80
#define SANDBOX_FILTER_NAMESPACES                                             \
    (CLONE_NEWNS|CLONE_NEWCGROUP|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWUSER      \
     |CLONE_NEWPID|CLONE_NEWNET)

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

/* skips the next "n" if what is loaded is not "value" */
#define SANDBOX_FILTER_SKIP(value, n)                                         \
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, value, 0, n)

/* refuses "nr", if that is loaded, with one of the bits in its argument 0 */
#define SANDBOX_FILTER_WITHOUT(nr, bits)                                      \
    SANDBOX_FILTER_SKIP(nr, 4),                                               \
    SANDBOX_FILTER_LOAD(args[0]),                                             \
    BPF_JUMP(BPF_JMP|BPF_JSET|BPF_K, bits, 1, 0),                             \
    BPF_STMT(BPF_RET|BPF_K, SECCOMP_RET_ALLOW),                               \
    SANDBOX_FILTER_REFUSE(EPERM)

/* refuses "nr", if that is loaded, unless the argument is 0: the caller */
#define SANDBOX_FILTER_OWN(nr, arg)                                           \
    SANDBOX_FILTER_SKIP(nr, 4),                                               \
    SANDBOX_FILTER_LOAD(args[arg]),                                           \
    SANDBOX_FILTER_ALLOW(0),                                                  \
    SANDBOX_FILTER_REFUSE(EPERM)

/* the same, whose first argument says what the second one is */
#define SANDBOX_FILTER_OWN_KIND(nr, user)                                     \
    SANDBOX_FILTER_SKIP(nr, 7),                                               \
    SANDBOX_FILTER_LOAD(args[0]),                                             \
    SANDBOX_FILTER_UNLESS(user, EPERM),                                       \
    SANDBOX_FILTER_LOAD(args[1]),                                             \
    SANDBOX_FILTER_ALLOW(0),                                                  \
    SANDBOX_FILTER_REFUSE(EPERM)

/* the same, unless it asks for what everybody has */
#define SANDBOX_FILTER_OWN_POLICY(nr)                                         \
    SANDBOX_FILTER_SKIP(nr, 7),                                               \
    SANDBOX_FILTER_LOAD(args[1]),                                             \
    SANDBOX_FILTER_ALLOW(SCHED_OTHER),                                        \
    SANDBOX_FILTER_LOAD(args[0]),                                             \
    SANDBOX_FILTER_ALLOW(0),                                                  \
    SANDBOX_FILTER_REFUSE(EPERM)


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

    SANDBOX_FILTER_UNLESS(SYS_syslog, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_pidfd_getfd, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_setns, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_mount, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_umount2, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_pivot_root, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_chroot, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_open_tree, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_move_mount, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_fsopen, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_fsconfig, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_fsmount, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_fspick, EPERM),
    SANDBOX_FILTER_UNLESS(SYS_mount_setattr, EPERM),

    /* what clone3() shall do is in memory; C libraries then try clone() */

    SANDBOX_FILTER_UNLESS(SYS_clone3, ENOSYS),
    SANDBOX_FILTER_WITHOUT(SYS_clone, SANDBOX_FILTER_NAMESPACES),
    SANDBOX_FILTER_WITHOUT(SYS_unshare, SANDBOX_FILTER_NAMESPACES
                                        |SANDBOX_FILTER_NEWTIME),

    SANDBOX_FILTER_OWN(SYS_prlimit64, 0),
    SANDBOX_FILTER_OWN(SYS_sched_setaffinity, 0),
    SANDBOX_FILTER_OWN(SYS_sched_setattr, 0),
    SANDBOX_FILTER_OWN_POLICY(SYS_sched_setscheduler),
    SANDBOX_FILTER_OWN_KIND(SYS_setpriority, PRIO_USER),
    SANDBOX_FILTER_OWN_KIND(SYS_ioprio_set, IOPRIO_WHO_USER),

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
