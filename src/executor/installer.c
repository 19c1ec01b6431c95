
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The installers: one row each.  They are programs of the image, told by
 * arguments and variables to ask nobody, to run nothing of a package (built
 * packages only, no scripts), and to know one index: a URL of ours.  That has
 * a secret in it, so it is a variable, which others cannot read as they can an
 * argument.
 */


#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "environment.h"
#include "installer.h"
#include "packages.h"


#define SANDBOX_INSTALLER_VARIABLES  16

#define SANDBOX_METADATA_MAX  4096                  /* bytes, of its head */
#define SANDBOX_LOCK_MAX      (8 * 1024 * 1024)     /* bytes */


static char *sandbox_pip_variable(const sandbox_installer_run_t *run,
    unsigned n);
static json_t *sandbox_pip_list(int folder);
static json_t *sandbox_pip_metadata(int folder, const char *name);
static json_t *sandbox_pip_field(char *text, const char *name);
static char *sandbox_npm_variable(const sandbox_installer_run_t *run,
    unsigned n);
static json_t *sandbox_npm_list(int folder);
static void sandbox_npm_add(json_t *list, json_t *packages, int nested);
static char *sandbox_installer_common(const sandbox_installer_run_t *run,
    unsigned n);
static char *sandbox_installer_package(const sandbox_installer_t *installer,
    json_t *package);
static char *sandbox_installer_read(int folder, const char *name, size_t max);
static int sandbox_installer_chars(const char *text, const char *inner);
static int sandbox_installer_alnum(char c);


static const char  *sandbox_pip_arguments[] = {
    "install", "--quiet", "--no-input", "--disable-pip-version-check",
    "--no-cache-dir", "--no-color", "--progress-bar", "off",
    "--no-warn-script-location", "--only-binary", ":all:",
    "--timeout", "60", "--retries", "2", "--target", NULL
};

/* takes what it meets first */
static const char  *sandbox_pip_conflicts[] = {
    "--use-deprecated", "legacy-resolver", NULL
};

static const char  *sandbox_npm_arguments[] = {
    "install", "--ignore-scripts", "--no-audit", "--no-fund",
    "--no-update-notifier", "--no-progress", "--loglevel", "error",
    "--omit", "dev", "--fetch-retries", "1", "--fetch-retry-mintimeout", "1000",
    "--fetch-timeout", "60000", "--prefix", NULL
};

static const char  *sandbox_npm_conflicts[] = {
    "--legacy-peer-deps", NULL
};


static const sandbox_installer_t  sandbox_installers[] = {

    { "pip", { "pip3", "pip", NULL }, SANDBOX_PACKAGES_PYTHON, "==", 0,
      sandbox_pip_arguments, sandbox_pip_conflicts,
      "No matching distribution", " (only wheels are installed, since others "
      "would have to be built)", NULL,
      sandbox_pip_variable, sandbox_pip_list },

    { "npm", { "npm", NULL }, SANDBOX_PACKAGES_NODE, "@", 1,
      sandbox_npm_arguments, sandbox_npm_conflicts, NULL, NULL,
      "A complete log of this run",
      sandbox_npm_variable, sandbox_npm_list },
};


#define SANDBOX_INSTALLERS                                                    \
    (sizeof(sandbox_installers) / sizeof(sandbox_installers[0]))


const sandbox_installer_t *
sandbox_installer_find(const char *name)
{
    size_t  i;

    for (i = 0; i < SANDBOX_INSTALLERS; i++) {
        if (strcmp(sandbox_installers[i].name, name) == 0) {
            return &sandbox_installers[i];
        }
    }

    return NULL;
}


char *
sandbox_installer_program(const sandbox_installer_t *installer,
    const char *path)
{
    char               *found;
    const char *const  *candidate;

    for (candidate = installer->candidates; *candidate; candidate++) {

        found = sandbox_language_lookup(*candidate, path);
        if (found != NULL) {
            return found;
        }
    }

    return NULL;
}


char **
sandbox_installer_argv(const sandbox_installer_t *installer,
    const sandbox_installer_run_t *run)
{
    char        **argv;
    size_t        n, i, max;
    const char  **arg;

    max = 64 + json_array_size(run->packages);

    argv = calloc(max, sizeof(char *));
    if (argv == NULL) {
        return NULL;
    }

    n = 0;
    argv[n++] = strdup(run->program);

    for (arg = installer->arguments; *arg; arg++) {
        argv[n++] = strdup(*arg);
    }

    argv[n++] = strdup(run->target);

    for (arg = installer->conflicts; run->conflicts && *arg; arg++) {
        argv[n++] = strdup(*arg);
    }

    for (i = 0; i < json_array_size(run->packages); i++) {
        argv[n++] = sandbox_installer_package(installer,
                                    json_array_get(run->packages, i));
    }

    for (i = 0; i < n; i++) {
        if (argv[i] == NULL) {

            for (i = 0; i < n; i++) {
                free(argv[i]);
            }

            free(argv);

            return NULL;
        }
    }

    return argv;
}


static char *
sandbox_installer_package(const sandbox_installer_t *installer,
    json_t *package)
{
    char        *text;
    const char  *version;

    version = json_string_value(json_object_get(package, "version"));

    if (asprintf(&text, "%s%s%s",
                 json_string_value(json_object_get(package, "name")),
                 version ? installer->between : "", version ? version : "")
        == -1)
    {
        return NULL;
    }

    return text;
}


char **
sandbox_installer_envp(const sandbox_installer_t *installer,
    const sandbox_installer_run_t *run)
{
    char      **envp;
    unsigned    n, k;

    envp = calloc(SANDBOX_INSTALLER_VARIABLES, sizeof(char *));
    if (envp == NULL) {
        return NULL;
    }

    for (n = 0; (envp[n] = sandbox_installer_common(run, n)) != NULL; n++) {
        /* void */
    }

    for (k = 0; (envp[n] = installer->variable(run, k)) != NULL; k++, n++) {
        /* void */
    }

    return envp;
}


/* the next variable, until there is none; the session's own are not for it */

static char *
sandbox_installer_common(const sandbox_installer_run_t *run, unsigned n)
{
    int    rc;
    char  *text;

    text = NULL;

    switch (n) {

    case 0:
        rc = asprintf(&text, "PATH=%s", run->path);
        break;

    case 1:
        rc = asprintf(&text, "HOME=%s", run->tmp);
        break;

    case 2:
        rc = asprintf(&text, "TMPDIR=%s", run->tmp);
        break;

    case 3:
        return strdup("LANG=C.UTF-8");

    case 4:
        return strdup("NO_PROXY=*");

    default:
        return NULL;
    }

    return rc == -1 ? NULL : text;
}


static char *
sandbox_pip_variable(const sandbox_installer_run_t *run, unsigned n)
{
    char  *text;

    switch (n) {

    case 0:
        return asprintf(&text, "PIP_INDEX_URL=%s", run->index) == -1 ? NULL
                                                                     : text;

    case 1:
        return strdup("PIP_CONFIG_FILE=/dev/null");

    case 2:
        return strdup("PYTHONNOUSERSITE=1");

    default:
        return NULL;
    }
}


/* each package has a folder that says what it is */

static json_t *
sandbox_pip_list(int folder)
{
    int             fd;
    DIR            *dir;
    char           *dot;
    json_t         *list, *item;
    struct dirent  *entry;

    list = json_array();

    fd = openat(folder, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    dir = fd == -1 ? NULL : fdopendir(fd);

    if (dir == NULL) {
        return list;
    }

    while ((entry = readdir(dir)) != NULL
           && json_array_size(list) < SANDBOX_INSTALLED_MAX)
    {
        dot = strrchr(entry->d_name, '.');

        if (dot == NULL || strcmp(dot, ".dist-info") != 0) {
            continue;
        }

        item = sandbox_pip_metadata(dirfd(dir), entry->d_name);

        if (item != NULL) {
            json_array_append_new(list, item);
        }
    }

    closedir(dir);

    return list;
}


static json_t *
sandbox_pip_metadata(int folder, const char *name)
{
    int      fd;
    char    *text, *copy;
    json_t  *item, *value;

    fd = openat(folder, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    text = fd == -1 ? NULL : sandbox_installer_read(fd, "METADATA",
                                                    SANDBOX_METADATA_MAX);
    copy = text ? strdup(text) : NULL;
    item = json_object();

    if (fd != -1) {
        close(fd);
    }

    if (copy != NULL) {
        value = sandbox_pip_field(text, "Name: ");
        json_object_set_new(item, "name", value);

        value = sandbox_pip_field(copy, "Version: ");
        json_object_set_new(item, "version", value);
    }

    free(text);
    free(copy);

    if (json_object_size(item) != 2
        || !sandbox_installer_is_name(json_string_value(
                                          json_object_get(item, "name")))
        || !sandbox_installer_is_version(json_string_value(
                                          json_object_get(item, "version"))))
    {
        json_decref(item);
        return NULL;
    }

    return item;
}


/* a header of the text, which is taken apart; NULL: there is none */

static json_t *
sandbox_pip_field(char *text, const char *name)
{
    char  *line, *rest;

    for (line = strtok_r(text, "\r\n", &rest);
         line != NULL;
         line = strtok_r(NULL, "\r\n", &rest))
    {
        if (strncmp(line, name, strlen(name)) == 0) {
            return json_string(line + strlen(name));
        }
    }

    return NULL;
}


static char *
sandbox_npm_variable(const sandbox_installer_run_t *run, unsigned n)
{
    int    rc;
    char  *text;

    switch (n) {

    case 0:
        rc = asprintf(&text, "npm_config_registry=%s", run->index);
        break;

    case 1:
        rc = asprintf(&text, "npm_config_cache=%s/npm", run->tmp);
        break;

    case 2:
        rc = asprintf(&text, "npm_config_userconfig=%s/none", run->tmp);
        break;

    case 3:
        /* which must not be the same file */
        rc = asprintf(&text, "npm_config_globalconfig=%s/nothing", run->tmp);
        break;

    default:
        return NULL;
    }

    return rc == -1 ? NULL : text;
}


/*
 * npm's own account of what it has laid out: what code finds first, then what
 * packages have for themselves, perhaps in other versions
 */

static json_t *
sandbox_npm_list(int folder)
{
    char    *text;
    json_t  *lock, *list;

    list = json_array();
    text = sandbox_installer_read(folder, "node_modules/.package-lock.json",
                                  SANDBOX_LOCK_MAX);
    lock = text ? json_loads(text, 0, NULL) : NULL;

    free(text);

    sandbox_npm_add(list, json_object_get(lock, "packages"), 0);
    sandbox_npm_add(list, json_object_get(lock, "packages"), 1);

    json_decref(lock);

    return list;
}


/* "node_modules/a", and nested in it "node_modules/a/node_modules/b" */

static void
sandbox_npm_add(json_t *list, json_t *packages, int nested)
{
    json_t      *package, *version;
    unsigned     depth;
    const char  *path, *name, *next;

    json_object_foreach(packages, path, package) {
        name = path;

        for (depth = 0; (next = strstr(name, "node_modules/")) != NULL; depth++)
        {
            name = next + sizeof("node_modules/") - 1;
        }

        version = json_object_get(package, "version");

        if ((depth > 1) == nested
            && sandbox_installer_is_name(name)
            && sandbox_installer_is_version(json_string_value(version))
            && json_array_size(list) < SANDBOX_INSTALLED_MAX)
        {
            json_array_append_new(list, json_pack("{s:s, s:O}", "name", name,
                                                  "version", version));
        }
    }
}


/* the beginning of a file, "max" bytes of it; no link is followed at its end */

static char *
sandbox_installer_read(int folder, const char *name, size_t max)
{
    int          fd;
    char        *text;
    size_t       len;
    ssize_t      n;
    struct stat  st;

    fd = openat(folder, name, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        return NULL;
    }

    text = NULL;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        text = malloc(max + 1);
    }

    for (len = 0, n = 1; text != NULL && n > 0 && len < max; len += n) {
        n = read(fd, text + len, max - len);

        if (n == -1) {
            free(text);
            text = NULL;
        }
    }

    if (text != NULL) {
        text[len] = '\0';
    }

    close(fd);

    return text;
}


/* "name", or npm's "@scope/name" */

int
sandbox_installer_is_name(const char *name)
{
    char         scope[SANDBOX_PACKAGE_NAME_MAX + 1];
    const char  *slash;

    if (name == NULL || strlen(name) > SANDBOX_PACKAGE_NAME_MAX) {
        return 0;
    }

    if (name[0] == '@') {
        slash = strchr(name, '/');

        if (slash == NULL) {
            return 0;
        }

        memcpy(scope, name + 1, slash - name - 1);
        scope[slash - name - 1] = '\0';

        if (!sandbox_installer_chars(scope, "._-")) {
            return 0;
        }

        name = slash + 1;
    }

    return sandbox_installer_chars(name, "._-");
}


int
sandbox_installer_is_version(const char *version)
{
    return version != NULL
           && strlen(version) <= SANDBOX_PACKAGE_VERSION_MAX
           && sandbox_installer_chars(version, "._-+!");
}


/* letters and digits at both ends, "inner" between them */

static int
sandbox_installer_chars(const char *text, const char *inner)
{
    const char  *p;

    for (p = text; *p; p++) {
        if (!sandbox_installer_alnum(*p)
            && (p == text || p[1] == '\0' || strchr(inner, *p) == NULL))
        {
            return 0;
        }
    }

    return p != text;
}


static int
sandbox_installer_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9');
}
