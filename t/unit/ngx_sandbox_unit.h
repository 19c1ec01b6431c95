
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The harness of the unit tests.  A test is a shared object that is preloaded
 * into Debian's nginx: its constructor runs before nginx's main(), with all of
 * nginx's functions at hand, and never returns.  So the real ngx_pool_t,
 * ngx_sprintf() and so on are used, and there is nothing to imitate.
 *
 *     static void test_x(void **state) { ... }
 *
 *     static const struct CMUnitTest  tests[] = {
 *         ngx_sandbox_unit_test(test_x),
 *     };
 *
 *     ngx_sandbox_unit_main(tests)
 *
 * Each test has a pool of its own, "unit_pool"; with SANITIZE=1 what is
 * leaked by the whole file fails it.
 */


#ifndef _NGX_SANDBOX_UNIT_H_INCLUDED_
#define _NGX_SANDBOX_UNIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <setjmp.h>
#include <cmocka.h>


#define ngx_sandbox_unit_test(f)                                              \
    cmocka_unit_test_setup_teardown(f, ngx_sandbox_unit_setup,                \
                                    ngx_sandbox_unit_teardown)

#define ngx_sandbox_unit_main(tests)                                          \
                                                                              \
    static void __attribute__((constructor))                                  \
    ngx_sandbox_unit_start(void)                                              \
    {                                                                         \
        ngx_sandbox_unit_init();                                              \
        ngx_sandbox_unit_exit(cmocka_run_group_tests(tests, NULL, NULL));     \
    }

/* an ngx_str_t of a literal, which may hold NULs, in memory of that size */
#define unit_text(literal)  unit_bytes(literal, sizeof(literal) - 1)

#define assert_text(s, literal)                                               \
    do {                                                                      \
        assert_int_equal((s)->len, sizeof(literal) - 1);                      \
        assert_memory_equal((s)->data, literal, sizeof(literal) - 1);         \
    } while (0)


static ngx_log_t        unit_log;
static ngx_open_file_t  unit_log_file;
static ngx_cycle_t      unit_cycle;
static ngx_pool_t      *unit_pool;


/* the sanitizers' own, absent without them */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));


static void ngx_sandbox_unit_init(void) __attribute__((unused));
static void ngx_sandbox_unit_exit(int failed) __attribute__((unused));
static int ngx_sandbox_unit_setup(void **state) __attribute__((unused));
static int ngx_sandbox_unit_teardown(void **state) __attribute__((unused));
static void unit_free(void *data) __attribute__((unused));
static ngx_str_t *unit_bytes(const void *data, size_t len)
    __attribute__((unused));


static void
ngx_sandbox_unit_init(void)
{
    ngx_uint_t  n;

    /* the programs that a test starts are no tests */

    (void) unsetenv("LD_PRELOAD");

    (void) ngx_strerror_init();

    ngx_pagesize = getpagesize();
    ngx_cacheline_size = NGX_CPU_CACHE_LINE;

    for (n = ngx_pagesize; n >>= 1; ngx_pagesize_shift++) { /* void */ }

    ngx_pid = ngx_getpid();

    ngx_time_init();

    unit_log_file.fd = ngx_stderr;
    unit_log.file = &unit_log_file;
    unit_log.log_level = NGX_LOG_NOTICE;

    ngx_cycle = &unit_cycle;
    unit_cycle.log = &unit_log;

    unit_cycle.pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, &unit_log);
    if (unit_cycle.pool == NULL || ngx_crc32_table_init() != NGX_OK) {
        _exit(2);
    }

    srandom(((unsigned) ngx_pid << 16) ^ (unsigned) ngx_time());
}


static void
ngx_sandbox_unit_exit(int failed)
{
    if (failed == 0 && __lsan_do_recoverable_leak_check
        && __lsan_do_recoverable_leak_check())
    {
        failed = 1;
    }

    (void) fflush(NULL);

    /* nginx's own life must not begin */

    _exit(failed ? 1 : 0);
}


static int
ngx_sandbox_unit_setup(void **state)
{
    unit_pool = ngx_create_pool(1024, &unit_log);

    return unit_pool ? 0 : -1;
}


static int
ngx_sandbox_unit_teardown(void **state)
{
    ngx_destroy_pool(unit_pool);
    unit_pool = NULL;

    return 0;
}


static void
unit_free(void *data)
{
    free(data);
}


/* a copy that ends where its memory ends: reading behind it is seen by ASan */

static ngx_str_t *
unit_bytes(const void *data, size_t len)
{
    ngx_str_t           *s;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(unit_pool, sizeof(ngx_str_t));
    assert_non_null(cln);

    s = cln->data;
    s->len = len;
    s->data = malloc(len ? len : 1);
    assert_non_null(s->data);

    ngx_memcpy(s->data, data, len);

    cln->handler = unit_free;
    cln->data = s->data;

    return s;
}


#endif /* _NGX_SANDBOX_UNIT_H_INCLUDED_ */
