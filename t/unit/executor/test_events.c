
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The log against a list that keeps everything: whatever a reader does, what it
 * gets and what it is told to miss is what was written.  And the shape, with
 * its bound.
 */


#include "unit.h"
#include "events.h"
#include "output.h"


#define RECORDS  4000


typedef struct {
    unsigned  stream;
    size_t    len;
} record_t;


static record_t  records[RECORDS + 1];      /* by their numbers */
static uint64_t  written;
static u_char    text[SANDBOX_EVENTS_RECORD_MAX];


static void
add(sandbox_events_t *ev, unsigned stream, size_t len)
{
    written++;

    assert_true(written <= RECORDS);

    records[written].stream = stream;
    records[written].len = len;

    memset(text, 'a' + written % 26, len);

    sandbox_events_add(ev, stream, text, len, 0);
}


/* what a reader has got, or was told to miss, since "from" */

static void
check(const char *p, size_t n, uint64_t from, uint64_t to)
{
    char       type;
    size_t     len, i;
    uint64_t   number, missed[2], sum[2], last, k;
    unsigned   s;
    const char *body, *end;

    last = from;
    memset(missed, 0, sizeof(missed));

    for (end = p + n; p < end; p = body + len + 1) {
        assert_int_equal(sscanf(p, "%c %lu %zu", &type, &number, &len), 3);
        body = strchr(p, '\n') + 1;
        assert_int_equal(body[len], '\n');

        assert_true(number > last);

        if (type == 'O' || type == 'E') {
            missed[type == 'E'] += strtoull(body, NULL, 10);
            last = number;
            continue;
        }

        /* what is in between was missed, all of it */

        memset(sum, 0, sizeof(sum));

        for (k = from + 1; k < number; k++) {
            sum[records[k].stream] += records[k].len;
        }

        for (s = 0; s < 2; s++) {
            assert_int_equal(missed[s], sum[s]);
            missed[s] = 0;
        }

        assert_int_equal(type, "oe"[records[number].stream]);
        assert_int_equal(len, records[number].len);

        for (i = 0; i < len; i++) {
            assert_int_equal(body[i], 'a' + (char) (number % 26));
        }

        from = last = number;
    }

    memset(sum, 0, sizeof(sum));

    for (k = from + 1; k <= to; k++) {
        sum[records[k].stream] += records[k].len;
    }

    for (s = 0; s < 2; s++) {
        assert_int_equal(missed[s], sum[s]);
    }
}


static void
read_all(sandbox_events_t *ev, sandbox_events_cursor_t *c, size_t max)
{
    int               rc;
    uint64_t          from;
    struct evbuffer  *out;

    out = evbuffer_new();
    from = c->number;

    do {
        rc = sandbox_events_read(ev, c, out, evbuffer_get_length(out) + max);
        assert_true(rc == SANDBOX_OK || rc == SANDBOX_AGAIN);

    } while (rc == SANDBOX_AGAIN);

    assert_int_equal(c->number, written);

    /* a byte more, so that strchr() ends */

    evbuffer_add(out, "", 1);
    check((char *) evbuffer_pullup(out, -1), evbuffer_get_length(out) - 1,
          from, written);
    evbuffer_free(out);
}


static void
test_random(void **state)
{
    int                       i, n, round;
    uint64_t                  after;
    sandbox_events_t         *ev;
    sandbox_events_cursor_t   readers[4], late;

    srand(7);

    for (round = 0; round < 30; round++) {
        ev = sandbox_events_create();
        assert_non_null(ev);

        written = 0;

        for (i = 0; i < 4; i++) {
            sandbox_events_seek(ev, &readers[i], 0);
        }

        for (n = 0; n < 60; n++) {

            for (i = rand() % 60; i > 0; i--) {
                add(ev, rand() % 3 == 0,
                    rand() % 8 ? 1 + rand() % (round * 40 + 1)
                               : 1 + rand() % SANDBOX_EVENTS_RECORD_MAX);
            }

            i = rand() % 4;
            read_all(ev, &readers[i], rand() % 100000);

            after = written ? rand() % (written + 1) : 0;
            sandbox_events_seek(ev, &late, after);
            assert_int_equal(late.number, after);
            read_all(ev, &late, 1);

            assert_true(ev->size <= SANDBOX_EVENTS_RING_MAX);
            assert_true(ev->head - ev->tail <= ev->size);
        }

        for (i = 0; i < 4; i++) {
            read_all(ev, &readers[i], 300000);
        }

        sandbox_events_seek(ev, &late, written + 1);
        assert_int_equal(late.number, written);
        sandbox_events_seek(ev, &late, UINT64_MAX);
        assert_int_equal(late.number, written);

        sandbox_events_release(ev);
    }
}


/* at most "max" but for one frame, and never half of one */

static void
test_max(void **state)
{
    int                       i;
    size_t                    n;
    struct evbuffer          *out;
    sandbox_events_t         *ev;
    sandbox_events_cursor_t   c;

    ev = sandbox_events_create();
    written = 0;

    for (i = 0; i < 100; i++) {
        add(ev, 0, SANDBOX_EVENTS_RECORD_MAX);
    }

    assert_int_equal(ev->size, SANDBOX_EVENTS_RING_MAX);

    out = evbuffer_new();
    sandbox_events_seek(ev, &c, 0);
    assert_int_equal(sandbox_events_read(ev, &c, out, 256 * 1024),
                     SANDBOX_AGAIN);
    n = evbuffer_get_length(out);
    assert_true(n <= 256 * 1024 && n > 256 * 1024 - 2 * 16448);
    assert_int_equal(evbuffer_pullup(out, 1)[0], 'O');
    evbuffer_free(out);

    sandbox_events_release(ev);
}


/* a record that was lost too long ago to know its length */

static void
test_long_ago(void **state)
{
    long                      i;
    char                     *p;
    struct evbuffer          *out;
    sandbox_events_t         *ev;
    sandbox_events_cursor_t   c;

    ev = sandbox_events_create();

    for (i = 0; i < 400000; i++) {
        sandbox_events_add(ev, i == 5, (u_char *) "x", 1, 0);
    }

    assert_true(ev->dropped > 100000);
    assert_int_equal(ev->lost[1], 1);

    /* exactly, as far as lengths go back */

    out = evbuffer_new();
    sandbox_events_seek(ev, &c, ev->dropped - 65536);
    assert_int_not_equal(sandbox_events_read(ev, &c, out, 1), SANDBOX_ERROR);
    p = (char *) evbuffer_pullup(out, -1);
    assert_memory_equal(strchr(p, '\n'), "\n65536\n", 7);
    assert_int_equal(p[0], 'O');
    evbuffer_free(out);

    /* then all that was lost, of streams that lost something behind it */

    out = evbuffer_new();
    sandbox_events_seek(ev, &c, ev->dropped - 65537);
    assert_int_not_equal(sandbox_events_read(ev, &c, out, 1), SANDBOX_ERROR);
    p = (char *) evbuffer_pullup(out, -1);
    assert_int_equal(p[0], 'O');
    assert_int_equal(strtoull(strchr(p, '\n'), NULL, 10), ev->lost[0]);
    evbuffer_free(out);

    sandbox_events_release(ev);
}


static void
woken(void *data)
{
    ++*(int *) data;
}


static void
test_ended(void **state)
{
    int                        i, n, wakes;
    struct evbuffer           *out;
    sandbox_events_t          *ev[8];
    sandbox_events_ended_t     ended;
    sandbox_events_cursor_t    c;
    sandbox_events_watcher_t   w = { .wake = woken, .data = &wakes };

    memset(&ended, 0, sizeof(ended));
    TAILQ_INIT(&ended.logs);

    wakes = 0;

    for (i = 0; i < 8; i++) {
        ev[i] = sandbox_events_create();

        if (i == 0) {
            sandbox_events_watch(ev[0], &w);
        }

        for (n = 0; n < 63; n++) {
            sandbox_events_add(ev[i], 0, text, SANDBOX_EVENTS_RECORD_MAX, 0);
        }

        assert_int_equal(wakes, i ? 64 : 63);
        sandbox_events_end(ev[i], &ended);
        assert_int_equal(wakes, 64);
        assert_true(ended.bytes <= SANDBOX_EVENTS_ENDED_MAX);
    }

    /* the oldest have lost it, and tell so */

    out = evbuffer_new();
    sandbox_events_seek(ev[0], &c, 0);
    assert_int_equal(sandbox_events_read(ev[0], &c, out, 100), SANDBOX_OK);
    assert_int_equal(evbuffer_get_length(out), strlen("O 63 7\n1032192\n"));
    assert_memory_equal(evbuffer_pullup(out, -1), "O 63 7\n1032192\n", 15);
    evbuffer_free(out);
    assert_null(ev[0]->ring);
    assert_non_null(ev[7]->ring);

    sandbox_events_unwatch(ev[0], &w);
    sandbox_events_hold(ev[7]);

    for (i = 0; i < 8; i++) {
        sandbox_events_release(ev[i]);
    }

    assert_true(ended.bytes != 0);
    sandbox_events_release(ev[7]);
    assert_int_equal(ended.bytes, 0);
    assert_true(TAILQ_EMPTY(&ended.logs));
}


static void
shape(const char *want, const char *what)
{
    sandbox_shape_t  s;

    memset(&s, 0, sizeof(s));

    /* a letter and a digit each */

    for ( /* void */ ; *what; what += 2) {
        sandbox_shape_add(&s, what[0] == 'e' || what[0] == 'E', what[1] - '0',
                          what[0] >= 'a');
    }

    sandbox_shape_finish(&s);

    assert_int_equal(s.len, strlen(want));
    assert_true(s.len == 0 || memcmp(s.data, want, s.len) == 0);

    sandbox_shape_free(&s);
}


static void
test_shape(void **state)
{
    shape("", "");
    shape("o5", "o5");
    shape("o5*3", "o5o5o5");
    shape("o5 o6 o5", "o5o6o5");
    shape("o5 e5 o5", "o5e5o5");
    shape("O5x1", "O5");
    shape("o1 O9x2 e3 E3x1 O2x1", "o1O5O4e3E3O2");
    shape("e1*2 o2", "e1e1o2");
}


static void
test_shape_bound(void **state)
{
    int              i, n, kept;
    char            *p, *end;
    unsigned long    sum;
    sandbox_shape_t  s;

    for (kept = 0; kept < 2; kept++) {
        memset(&s, 0, sizeof(s));

        n = 200000;

        for (i = 0; i < n; i++) {
            sandbox_shape_add(&s, i & 1, 1 + i % 7, kept);
            assert_true(s.len <= SANDBOX_SHAPE_MAX);
        }

        sandbox_shape_finish(&s);

        assert_true(s.len <= SANDBOX_SHAPE_MAX);
        assert_true(s.len > SANDBOX_SHAPE_MAX - 64);

        /* what is told and what is not is all */

        sandbox_shape_finish(&s);
        s.data = realloc(s.data, s.len + 1);
        s.data[s.len] = '\0';

        end = strstr(s.data, " -x");
        assert_non_null(end);

        for (sum = 0, p = s.data; p < end; p++) {
            sum += *p == ' ';
        }

        assert_int_equal(sum + 1 + strtoul(end + 3, &p, 10), n);
        assert_int_equal(*p, '\0');

        sandbox_shape_free(&s);
    }
}


/* the next frame: the record of that number, whole characters, as in "want" */

static size_t
frame(struct evbuffer *out, uint64_t number, const u_char *want)
{
    char            *line, *rest;
    u_char          *p;
    size_t           len, i;
    sandbox_utf8_t   utf8;

    line = evbuffer_readln(out, NULL, EVBUFFER_EOL_LF);
    assert_non_null(line);
    assert_int_equal(line[0], 'e');
    assert_int_equal(strtoull(line + 2, &rest, 10), number);
    len = strtoull(rest, NULL, 10);
    free(line);

    assert_true(len > 0 && len <= SANDBOX_EVENTS_RECORD_MAX);

    p = evbuffer_pullup(out, len);
    assert_memory_equal(p, want, len);

    memset(&utf8, 0, sizeof(utf8));

    for (i = 0; i < len; i++) {
        if (sandbox_utf8_feed(&utf8, p[i]) == SANDBOX_UTF8_DONE) {
            utf8.have = 0;
        }
    }

    assert_int_equal(utf8.need, 0);

    evbuffer_drain(out, len + 1);

    return len;
}


/* the texts of all frames are the output, had all of it been kept */

static void
frames(sandbox_events_t *ev, const sandbox_output_t *plain)
{
    size_t                    len;
    uint64_t                  number;
    struct evbuffer          *out;
    sandbox_events_cursor_t   c;

    out = evbuffer_new();
    sandbox_events_seek(ev, &c, 0);
    assert_int_equal(sandbox_events_read(ev, &c, out, 10000000), SANDBOX_OK);

    for (number = 1, len = 0; evbuffer_get_length(out); number++) {
        len += frame(out, number, plain->data + len);
        assert_true(len <= plain->len);
    }

    assert_int_equal(len, plain->len);
    assert_int_equal(number - 1, ev->last);

    evbuffer_free(out);
}


/* what is not kept goes to the log as well, in whole characters */

static void
test_output(void **state)
{
    u_char             in[70000];
    size_t             i, n, fed;
    uint64_t           number;
    sandbox_events_t  *ev;
    sandbox_output_t   o, plain;

    srand(5);

    for (n = 0; n < 60; n++) {
        ev = sandbox_events_create();

        sandbox_output_init(&o, 1 + rand() % 60000, 1);
        sandbox_output_log(&o, ev, SANDBOX_EVENTS_ERR);
        sandbox_output_init(&plain, 1000000, 1);

        for (i = 0; i < sizeof(in); i++) {
            in[i] = rand() % (1 + n) ? 'a' + rand() % 26 : rand();
        }

        for (fed = 0; fed < sizeof(in); fed += i) {
            i = 1 + rand() % (rand() % 4 ? 40000 : 5);
            i = i < sizeof(in) - fed ? i : sizeof(in) - fed;

            number = ev->last;
            sandbox_output_feed(&o, in + fed, i);
            sandbox_output_feed(&plain, in + fed, i);
            assert_true(ev->last <= number + 3 + i * 3 / 16384);
        }

        sandbox_output_flush(&o);
        sandbox_output_flush(&plain);

        frames(ev, &plain);

        assert_true(o.len <= o.limit);
        assert_memory_equal(o.data, plain.data, o.len);

        sandbox_output_free(&o);
        sandbox_output_free(&plain);
        sandbox_events_release(ev);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_max),
        cmocka_unit_test(test_long_ago),
        cmocka_unit_test(test_ended),
        cmocka_unit_test(test_shape),
        cmocka_unit_test(test_shape_bound),
        cmocka_unit_test(test_output)
    };

    return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
