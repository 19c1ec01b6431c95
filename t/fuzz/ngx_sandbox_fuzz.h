
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The harness of the fuzz targets.  As with the unit tests a target is a shared
 * object that is preloaded into nginx and never lets main() begin: its
 * constructor hands nginx's own arguments to libFuzzer.  A target defines
 * fuzz_one(), which gets a pool of its own and calls fuzz_bug() where
 * something is not as it must be.
 */


#ifndef _NGX_SANDBOX_FUZZ_H_INCLUDED_
#define _NGX_SANDBOX_FUZZ_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define fuzz_bug(condition)                                                   \
    do {                                                                      \
        if (condition) {                                                      \
            (void) fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,         \
                           #condition);                                       \
            abort();                                                          \
        }                                                                     \
    } while (0)


static void fuzz_one(ngx_pool_t *pool, const ngx_str_t *text);

int LLVMFuzzerRunDriver(int *argc, char ***argv,
    int (*one)(const uint8_t *data, size_t size));


static ngx_log_t        fuzz_log;
static ngx_open_file_t  fuzz_log_file;


static int
fuzz_input(const uint8_t *data, size_t size)
{
    ngx_str_t    text;
    ngx_pool_t  *pool;

    text.data = (u_char *) data;
    text.len = size;

    pool = ngx_create_pool(1024, &fuzz_log);
    fuzz_bug(pool == NULL);

    fuzz_one(pool, &text);

    ngx_destroy_pool(pool);

    return 0;
}


/*
 * glibc gives a constructor what it gives main().  A merge starts itself again,
 * through a shell: that must not have us preloaded, and its child must.
 */

static void __attribute__((constructor))
fuzz_start(int argc, char **argv)
{
    static char  name[4096];

    (void) snprintf(name, sizeof(name), "LD_PRELOAD='%s' %s",
                    getenv("LD_PRELOAD"), argv[0]);
    argv[0] = name;

    (void) unsetenv("LD_PRELOAD");

    (void) ngx_strerror_init();

    ngx_pagesize = getpagesize();
    ngx_cacheline_size = NGX_CPU_CACHE_LINE;
    ngx_pid = ngx_getpid();

    ngx_time_init();

    fuzz_log_file.fd = ngx_stderr;
    fuzz_log.file = &fuzz_log_file;
    fuzz_log.log_level = NGX_LOG_NOTICE;

    _exit(LLVMFuzzerRunDriver(&argc, &argv, fuzz_input));
}


#endif /* _NGX_SANDBOX_FUZZ_H_INCLUDED_ */
