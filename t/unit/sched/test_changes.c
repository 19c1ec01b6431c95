
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a change that is read twice or not at all, a ring that was
 * overrun and does not say so, an id that is half of one change and half of
 * another, a writer that was killed and takes the ring with it, a zone that a
 * reload empties or takes from another version.
 */


#include "ngx_sandbox_unit.h"
#include <sys/mman.h>
#include <sys/wait.h>
#include "ngx_sandbox_zone.h"


#define ZONE_SIZE   (64 * 1024)
#define WRITERS     4
#define WRITES      20000


static ngx_shm_zone_t      shm_zone;
static ngx_sandbox_zone_t  zone;


/* as nginx makes one */

static void
zone_create(void)
{
    ngx_slab_pool_t  *shpool;

    ngx_slab_sizes_init();

    ngx_memzero(&zone, sizeof(ngx_sandbox_zone_t));
    ngx_memzero(&shm_zone, sizeof(ngx_shm_zone_t));

    shm_zone.shm.size = ZONE_SIZE;
    shm_zone.shm.log = &unit_log;
    shm_zone.shm.addr = mmap(NULL, ZONE_SIZE, PROT_READ|PROT_WRITE,
                             MAP_ANON|MAP_SHARED, -1, 0);
    assert_ptr_not_equal(shm_zone.shm.addr, MAP_FAILED);

    shpool = (ngx_slab_pool_t *) shm_zone.shm.addr;
    shpool->end = shm_zone.shm.addr + ZONE_SIZE;
    shpool->min_shift = 3;
    shpool->addr = shm_zone.shm.addr;

    assert_int_equal(ngx_shmtx_create(&shpool->mutex, &shpool->lock, NULL),
                     NGX_OK);
    ngx_slab_init(shpool);

    shm_zone.data = &zone;
    assert_int_equal(ngx_sandbox_zone_init(&shm_zone, NULL), NGX_OK);
}


static void
zone_free(void)
{
    ngx_shmtx_destroy(&zone.shpool->mutex);
    (void) munmap(shm_zone.shm.addr, ZONE_SIZE);
}


/* 64 bytes that only belong together: "NN" again and again */

static void
publish(ngx_uint_t n)
{
    u_char      buf[NGX_SANDBOX_ID_MAX + 8], *p;
    ngx_str_t   id;

    for (p = buf; p < buf + NGX_SANDBOX_ID_MAX; /* void */ ) {
        p = ngx_sprintf(p, "%08xi", n);
    }

    id.data = buf;
    id.len = NGX_SANDBOX_ID_MAX;

    ngx_sandbox_changes_publish(&zone, &id);
}


static void
whole(ngx_str_t *id)
{
    size_t  i;

    assert_int_equal(id->len, NGX_SANDBOX_ID_MAX);

    for (i = 8; i < id->len; i++) {
        assert_int_equal(id->data[i], id->data[i - 8]);
    }
}


static void
test_order(void **state)
{
    u_char             buf[NGX_SANDBOX_ID_MAX];
    ngx_str_t          id, one = ngx_string("sess_one"),
                       two = ngx_string("exec_two"), none = ngx_string("");
    ngx_str_t          many;
    ngx_atomic_uint_t  seen;

    zone_create();
    seen = ngx_sandbox_changes_newest(zone.changes);

    assert_int_equal(ngx_sandbox_changes_read(zone.changes, &seen, buf, &id),
                     NGX_DONE);

    many.len = NGX_SANDBOX_ID_MAX + 1;
    many.data = (u_char *) "12345678901234567890123456789012345678901234567890"
                           "123456789012345";

    ngx_sandbox_changes_publish(&zone, &one);
    ngx_sandbox_changes_publish(&zone, &many);
    ngx_sandbox_changes_publish(&zone, &two);
    ngx_sandbox_changes_publish(&zone, &none);

    assert_int_equal(ngx_sandbox_changes_read(zone.changes, &seen, buf, &id),
                     NGX_OK);
    assert_text(&id, "sess_one");
    assert_int_equal(seen, 1);

    /* the one that is no id was left out */

    assert_int_equal(ngx_sandbox_changes_read(zone.changes, &seen, buf, &id),
                     NGX_OK);
    assert_text(&id, "exec_two");

    assert_int_equal(ngx_sandbox_changes_read(zone.changes, &seen, buf, &id),
                     NGX_OK);
    assert_int_equal(id.len, 0);

    assert_int_equal(ngx_sandbox_changes_read(zone.changes, &seen, buf, &id),
                     NGX_DONE);
    assert_int_equal(seen, 3);

    zone_free();
}


/* many times round, read in time; then one too many */

static void
test_overrun(void **state)
{
    u_char             buf[NGX_SANDBOX_ID_MAX], expected[9];
    ngx_str_t          id;
    ngx_uint_t         i, n;
    ngx_atomic_uint_t  seen;

    zone_create();
    n = zone.changes->n;
    assert_in_range(n, 150, 204);
    seen = 0;

    for (i = 1; i <= 5 * n; i++) {
        publish(i);
        assert_int_equal(ngx_sandbox_changes_read(zone.changes, &seen, buf,
                                                  &id), NGX_OK);
        whole(&id);
        ngx_sprintf(expected, "%08xi%Z", i);
        assert_memory_equal(id.data, expected, 8);
    }

    /* the whole ring is still there */

    for (i = 0; i < n; i++) {
        publish(i);
    }

    for (i = 0; i < n; i++) {
        assert_int_equal(ngx_sandbox_changes_read(zone.changes, &seen, buf,
                                                  &id), NGX_OK);
        ngx_sprintf(expected, "%08xi%Z", i);
        assert_memory_equal(id.data, expected, 8);
    }

    for (i = 0; i < n + 1; i++) {
        publish(i);
    }

    assert_int_equal(ngx_sandbox_changes_read(zone.changes, &seen, buf, &id),
                     NGX_DECLINED);
    assert_int_equal(ngx_sandbox_changes_read(zone.changes, &seen, buf, &id),
                     NGX_DONE);
    assert_int_equal(seen, 7 * n + 1);

    zone_free();
}


/* killed after each of the stores that make a change, but the last */

static void
test_half_written(void **state)
{
    u_char                 buf[NGX_SANDBOX_ID_MAX];
    ngx_str_t              id, next = ngx_string("next");
    ngx_uint_t             n, stage;
    ngx_atomic_uint_t      seen, newest;
    ngx_sandbox_change_t  *slot;

    zone_create();
    n = zone.changes->n;

    for (stage = 0; stage < 3; stage++) {

        while (zone.changes->generation % n != 0) {
            publish(7);
        }

        newest = zone.changes->generation;
        slot = &zone.changes->slots[(newest + 1) % n];

        slot->generation = 0;

        if (stage > 0) {
            ngx_memset(slot->id, 'x', 30);
            slot->len = 99999;
        }

        if (stage > 1) {
            slot->generation = newest + 1;
        }

        /* nothing has happened for one who is up to date */

        seen = newest;
        assert_int_equal(ngx_sandbox_changes_read(zone.changes, &seen, buf,
                                                  &id), NGX_DONE);

        /* the slot's old change is lost for one who is behind */

        if (newest > n) {
            seen = newest - n;
            assert_int_equal(ngx_sandbox_changes_read(zone.changes, &seen,
                                                      buf, &id),
                             NGX_DECLINED);
        }

        /* and the next writer takes it over */

        seen = newest;
        ngx_sandbox_changes_publish(&zone, &next);
        assert_int_equal(ngx_sandbox_changes_read(zone.changes, &seen, buf,
                                                  &id), NGX_OK);
        assert_text(&id, "next");
    }

    zone_free();
}


static ngx_pid_t
writer(ngx_uint_t n)
{
    ngx_pid_t   pid;
    ngx_uint_t  i;

    pid = fork();
    assert_int_not_equal(pid, -1);

    if (pid == 0) {
        ngx_pid = getpid();

        for (i = 0; i < n; i++) {
            publish(i);
        }

        _exit(0);
    }

    return pid;
}


/* writers that never get ahead of the reader by a whole ring: none is lost */

static void
test_writers(void **state)
{
    int                 status;
    u_char              buf[NGX_SANDBOX_ID_MAX];
    ngx_int_t           rc;
    ngx_str_t           id;
    ngx_uint_t          i, j;
    ngx_atomic_uint_t  *seen;

    zone_create();
    seen = mmap(NULL, sizeof(ngx_atomic_uint_t), PROT_READ|PROT_WRITE,
                MAP_ANON|MAP_SHARED, -1, 0);
    assert_ptr_not_equal(seen, MAP_FAILED);

    for (i = 0; i < WRITERS; i++) {

        if (fork() == 0) {
            ngx_pid = getpid();

            for (j = 0; j < WRITES; j++) {
                while (zone.changes->generation
                       - *(volatile ngx_atomic_uint_t *) seen > 100)
                {
                    sched_yield();
                }

                publish(j);
            }

            _exit(0);
        }
    }

    while (*seen < WRITERS * WRITES) {
        i = *seen;
        rc = ngx_sandbox_changes_read(zone.changes, seen, buf, &id);
        assert_int_not_equal(rc, NGX_DECLINED);

        if (rc == NGX_OK) {
            assert_int_equal(*seen, i + 1);
            whole(&id);

        } else {
            sched_yield();
        }
    }

    for (i = 0; i < WRITERS; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }

    (void) munmap(seen, sizeof(ngx_atomic_uint_t));
    zone_free();
}


/* a ring of one: the writer comes round while it is being copied */

static void
test_torn(void **state)
{
    int                     status;
    u_char                  buf[NGX_SANDBOX_ID_MAX], text[NGX_SANDBOX_ID_MAX];
    ngx_int_t               rc;
    ngx_str_t               id;
    ngx_pid_t               pid;
    ngx_uint_t              i, ok, declined;
    ngx_atomic_uint_t       seen;
    ngx_sandbox_changes_t  *changes;

    changes = mmap(NULL, ngx_sandbox_changes_size(1), PROT_READ|PROT_WRITE,
                   MAP_ANON|MAP_SHARED, -1, 0);
    assert_ptr_not_equal(changes, MAP_FAILED);
    ngx_sandbox_changes_init(changes, 1);

    pid = fork();

    if (pid == 0) {
        id.data = text;
        id.len = NGX_SANDBOX_ID_MAX;

        for (i = 0; /* void */ ; i++) {
            ngx_memset(text, 'a' + i % 26, NGX_SANDBOX_ID_MAX);
            ngx_sandbox_changes_add_locked(changes, &id);
        }
    }

    seen = 0;
    ok = 0;
    declined = 0;

    while (changes->generation == 0) {
        sched_yield();
    }

    for (i = 0; i < 100000000 && ok < 1000000; i++) {
        seen = changes->generation - 1;
        rc = ngx_sandbox_changes_read(changes, &seen, buf, &id);

        if (rc == NGX_OK) {
            whole(&id);
            ok++;

        } else {
            declined += (rc == NGX_DECLINED);
        }
    }

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    assert_true(ok > 0 && declined > 0);

    /* a length that no writer writes */

    changes->slots[0].generation = 1000;
    changes->slots[0].len = NGX_SANDBOX_ID_MAX + 1;
    changes->generation = 1000;
    seen = 999;
    assert_int_equal(ngx_sandbox_changes_read(changes, &seen, buf, &id),
                     NGX_OK);
    assert_int_equal(id.len, NGX_SANDBOX_ID_MAX);

    (void) munmap(changes, ngx_sandbox_changes_size(1));
}


/* as nginx does when a worker has died: its lock is taken away, no more */

static void
test_killed(void **state)
{
    int                status;
    u_char             buf[NGX_SANDBOX_ID_MAX];
    ngx_int_t          rc;
    ngx_str_t          id;
    ngx_pid_t          pid, other;
    ngx_uint_t         i;
    ngx_atomic_uint_t  seen, newest;

    zone_create();
    other = writer(NGX_MAX_INT_T_VALUE);
    seen = 0;

    for (i = 0; i < 200; i++) {
        pid = writer(NGX_MAX_INT_T_VALUE);
        (void) usleep(random() % 2000);

        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        (void) ngx_shmtx_force_unlock(&zone.shpool->mutex, pid);

        newest = zone.changes->generation;

        do {
            rc = ngx_sandbox_changes_read(zone.changes, &seen, buf, &id);

            if (rc == NGX_OK) {
                whole(&id);
            }

        } while (rc == NGX_OK && seen < newest);
    }

    assert_int_equal(kill(other, SIGKILL), 0);
    assert_int_equal(waitpid(other, &status, 0), other);
    (void) ngx_shmtx_force_unlock(&zone.shpool->mutex, other);

    newest = zone.changes->generation;
    publish(1);
    assert_int_equal(zone.changes->generation, newest + 1);

    zone_free();
}


static void
test_reload(void **state)
{
    ngx_str_t                 one = ngx_string("one");
    ngx_shm_zone_t            again;
    ngx_sandbox_zone_t        view;
    ngx_sandbox_zone_head_t  *head;

    zone_create();
    ngx_sandbox_changes_publish(&zone, &one);

    ngx_memzero(&view, sizeof(ngx_sandbox_zone_t));
    again = shm_zone;
    again.data = &view;

    assert_int_equal(ngx_sandbox_zone_init(&again, &zone), NGX_OK);
    assert_ptr_equal(view.changes, zone.changes);
    assert_int_equal(view.changes->generation, 1);

    unit_log.log_level = NGX_LOG_STDERR;
    head = zone.shpool->data;

    head->layout++;
    assert_int_equal(ngx_sandbox_zone_init(&again, &zone), NGX_ERROR);
    head->layout--;

    head->magic++;
    assert_int_equal(ngx_sandbox_zone_init(&again, &zone), NGX_ERROR);
    head->magic--;

    head->size++;
    assert_int_equal(ngx_sandbox_zone_init(&again, &zone), NGX_ERROR);
    head->size--;

    unit_log.log_level = NGX_LOG_NOTICE;
    assert_int_equal(ngx_sandbox_zone_init(&again, &zone), NGX_OK);

    zone_free();
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_order),
    ngx_sandbox_unit_test(test_overrun),
    ngx_sandbox_unit_test(test_half_written),
    ngx_sandbox_unit_test(test_writers),
    ngx_sandbox_unit_test(test_torn),
    ngx_sandbox_unit_test(test_killed),
    ngx_sandbox_unit_test(test_reload),
};

ngx_sandbox_unit_main(tests)
