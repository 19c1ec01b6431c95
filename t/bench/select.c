
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The baseline of reads: the same SELECT by a plain, blocking libmariadb
 * client, prepared once a connection, one thread a connection.
 *
 *     select SOCKET USER DATABASE CONNECTIONS SECONDS STATEMENT [PARAMETER...]
 *
 * The password is in MYSQL_PASSWORD.  Prints the rows that one run gives and
 * the statements a second.
 */


#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define PARAMS_MAX   8
#define COLUMNS_MAX  64


typedef struct {
    char          **argv;
    int             params;
    double          until;
    unsigned long   done;
    unsigned long   rows;
} client_t;


static void *client_run(void *data);
static MYSQL_STMT *client_prepare(MYSQL *my, client_t *client);
static unsigned long client_query(MYSQL_STMT *stmt, MYSQL_BIND *columns,
    unsigned int n);
static double now(void);
static void fail(const char *what, const char *why);


int
main(int argc, char **argv)
{
    int             i, n;
    double          started;
    client_t       *clients;
    pthread_t      *threads;
    unsigned long   done;

    if (argc < 7 || argc - 7 > PARAMS_MAX) {
        fail("usage", "select SOCKET USER DATABASE CONNECTIONS SECONDS "
             "STATEMENT [PARAMETER...]");
    }

    n = atoi(argv[4]);
    clients = calloc(n, sizeof(client_t));
    threads = calloc(n, sizeof(pthread_t));

    if (clients == NULL || threads == NULL || mysql_library_init(0, NULL, NULL))
    {
        fail("start", "no memory");
    }

    started = now();

    for (i = 0; i < n; i++) {
        clients[i].argv = argv;
        clients[i].params = argc - 7;
        clients[i].until = started + atof(argv[5]);

        if (pthread_create(&threads[i], NULL, client_run, &clients[i])) {
            fail("pthread_create", "failed");
        }
    }

    for (done = 0, i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        done += clients[i].done;
    }

    printf("%lu %.1f\n", clients[0].rows, done / (now() - started));

    return 0;
}


static void *
client_run(void *data)
{
    client_t *client = data;

    MYSQL        *my;
    MYSQL_STMT   *stmt;
    MYSQL_BIND    columns[COLUMNS_MAX];
    unsigned int  n;

    my = mysql_init(NULL);

    if (mysql_real_connect(my, NULL, client->argv[2],
                           getenv("MYSQL_PASSWORD"), client->argv[3], 0,
                           client->argv[1], 0)
        == NULL)
    {
        fail("connect", mysql_error(my));
    }

    stmt = client_prepare(my, client);
    n = mysql_stmt_field_count(stmt);

    if (n > COLUMNS_MAX) {
        fail("prepare", "too many columns");
    }

    memset(columns, 0, sizeof(columns));

    while (now() < client->until) {
        client->rows = client_query(stmt, columns, n);
        client->done++;
    }

    mysql_stmt_close(stmt);
    mysql_close(my);

    return NULL;
}


static MYSQL_STMT *
client_prepare(MYSQL *my, client_t *client)
{
    int                   i;
    char                 *text;
    MYSQL_STMT           *stmt;
    static __thread MYSQL_BIND     binds[PARAMS_MAX];
    static __thread unsigned long  lengths[PARAMS_MAX];

    stmt = mysql_stmt_init(my);
    text = client->argv[6];

    if (mysql_stmt_prepare(stmt, text, strlen(text))) {
        fail("prepare", mysql_stmt_error(stmt));
    }

    for (i = 0; i < client->params; i++) {
        lengths[i] = strlen(client->argv[7 + i]);
        binds[i].buffer_type = MYSQL_TYPE_STRING;
        binds[i].buffer = client->argv[7 + i];
        binds[i].buffer_length = lengths[i];
        binds[i].length = &lengths[i];
    }

    if (client->params && mysql_stmt_bind_param(stmt, binds)) {
        fail("bind", mysql_stmt_error(stmt));
    }

    return stmt;
}


static unsigned long
client_query(MYSQL_STMT *stmt, MYSQL_BIND *columns, unsigned int n)
{
    unsigned int    i;
    unsigned long   rows;
    static __thread char           text[COLUMNS_MAX][512];
    static __thread unsigned long  lengths[COLUMNS_MAX];

    for (i = 0; i < n; i++) {
        columns[i].buffer_type = MYSQL_TYPE_STRING;
        columns[i].buffer = text[i];
        columns[i].buffer_length = sizeof(text[i]);
        columns[i].length = &lengths[i];
    }

    if (mysql_stmt_execute(stmt) || mysql_stmt_bind_result(stmt, columns)
        || mysql_stmt_store_result(stmt))
    {
        fail("execute", mysql_stmt_error(stmt));
    }

    for (rows = 0; mysql_stmt_fetch(stmt) != MYSQL_NO_DATA; rows++) { }

    mysql_stmt_free_result(stmt);

    return rows;
}


static double
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


static void
fail(const char *what, const char *why)
{
    fprintf(stderr, "select: %s: %s\n", what, why);
    exit(1);
}
