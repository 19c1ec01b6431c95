
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Takes the input as the body of POST /v1/installs, and as what packages say
 * about themselves, which is reported.  What is accepted can be nothing but a
 * package to an installer; what is refused is told in one line.
 */


#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sandbox_fuzz.h"
#include "environment.h"
#include "install.h"
#include "relay.h"


static char  fuzz_folder[] = "/dev/shm/sandbox-fuzz-XXXXXX";
static int   fuzz_fd = -1;


static void
fuzz_package(const char *text, unsigned scopes)
{
    size_t       i;
    const char  *slash;

    fuzz_bug(text[0] == '\0' || text[0] == '-' || text[0] == '.'
             || text[0] == '/');

    slash = strchr(text, '/');
    fuzz_bug(slash != NULL && (!scopes || text[0] != '@'
                               || strchr(slash + 1, '/') != NULL));
    fuzz_bug(strstr(text, "/.") != NULL || strstr(text, "/-") != NULL);

    for (i = 0; text[i]; i++) {
        fuzz_bug(text[i] <= ' ' || text[i] > '~'
                 || strchr("\"'\\`$&|;<>()[]{}*?#:,", text[i]) != NULL);
    }
}


static void
fuzz_accepted(const sandbox_install_request_t *r)
{
    char                    **argv, **envp, **p;
    size_t                    n;
    sandbox_installer_run_t   run;

    fuzz_bug(!sandbox_id_is_valid(r->id, strlen(r->id)));
    fuzz_bug(!(r->timeout > 0 && r->timeout <= 1800));
    fuzz_bug(strncmp(r->index, "/packages/", 10) != 0);
    fuzz_bug(strpbrk(r->index, " \r\n?#") != NULL);

    run.program = "/bin/x";
    run.path = "/bin";
    run.target = "/workspace/new";
    run.tmp = "/workspace/tmp";
    run.index = "http://127.0.0.1/";
    run.packages = r->packages;
    run.conflicts = r->conflicts;

    argv = sandbox_installer_argv(r->installer, &run);
    envp = sandbox_installer_envp(r->installer, &run);
    fuzz_bug(argv == NULL || envp == NULL);

    for (n = 0; argv[n]; n++) {
        /* void */
    }

    fuzz_bug(n < json_array_size(r->packages) + 4);

    for (p = argv + n - json_array_size(r->packages); *p; p++) {
        fuzz_package(*p, r->installer->scopes);
    }

    sandbox_environment_free(argv);
    sandbox_environment_free(envp);
}


static void
fuzz_write(const char *path, const char *text, size_t len)
{
    int  fd;

    fd = openat(fuzz_fd, path, O_WRONLY|O_CREAT|O_TRUNC, 0600);
    fuzz_bug(fd == -1 || (len && write(fd, text, len) != (ssize_t) len));
    close(fd);
}


static void
fuzz_list(const char *name)
{
    size_t   i;
    json_t  *list, *item;

    list = sandbox_installer_find(name)->list(fuzz_fd);
    fuzz_bug(!json_is_array(list)
             || json_array_size(list) > SANDBOX_INSTALLED_MAX);

    json_array_foreach(list, i, item) {
        fuzz_bug(json_object_size(item) != 2);
        fuzz_package(json_string_value(json_object_get(item, "name")), 1);
        fuzz_package(json_string_value(json_object_get(item, "version")), 0);
    }

    json_decref(list);
}


static void
fuzz_remove(void)
{
    (void) unlinkat(fuzz_fd, "x.dist-info/METADATA", 0);
    (void) unlinkat(fuzz_fd, "x.dist-info", AT_REMOVEDIR);
    (void) unlinkat(fuzz_fd, "node_modules/.package-lock.json", 0);
    (void) unlinkat(fuzz_fd, "node_modules", AT_REMOVEDIR);
    (void) rmdir(fuzz_folder);
}


static void
fuzz_init(void)
{
    fuzz_bug(mkdtemp(fuzz_folder) == NULL);
    atexit(fuzz_remove);

    fuzz_fd = open(fuzz_folder, O_RDONLY|O_DIRECTORY);
    fuzz_bug(mkdirat(fuzz_fd, "x.dist-info", 0700) == -1);
    fuzz_bug(mkdirat(fuzz_fd, "node_modules", 0700) == -1);
}


static void
fuzz_one(fuzz_input_t *in)
{
    char                        error[512];
    size_t                      len;
    const char                 *body;
    sandbox_install_request_t   r;

    if (fuzz_fd == -1) {
        fuzz_init();
    }

    body = fuzz_bytes(in, SIZE_MAX, &len);

    if (body == NULL) {
        return;
    }

    memset(error, 'x', sizeof(error));

    if (sandbox_install_request_parse(&r, body, len, error, sizeof(error))
        == SANDBOX_OK)
    {
        fuzz_accepted(&r);

    } else {
        fuzz_bug(memchr(error, '\0', sizeof(error) - 1) == NULL);
        fuzz_bug(error[0] == '\0' || strpbrk(error, "\r\n") != NULL);
    }

    sandbox_install_request_free(&r);

    /* files are slow: only what could be one */

    if (memmem(body, len, "Name: ", 6) != NULL) {
        fuzz_write("x.dist-info/METADATA", body, len);
        fuzz_list("pip");
    }

    if (memmem(body, len, "node_modules/", 13) != NULL) {
        fuzz_write("node_modules/.package-lock.json", body, len);
        fuzz_list("npm");
    }
}
