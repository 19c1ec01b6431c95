
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * The body of POST /v1/installs as a struct.  Fields that are not known are
 * ignored, so that an executor that is older than its control plane works.
 */


#include <stdio.h>
#include <string.h>
#include "install.h"
#include "relay.h"


#define SANDBOX_INSTALL_PACKAGES_MAX  1000
#define SANDBOX_INSTALL_TIMEOUT_MAX   1800     /* seconds */


static int sandbox_install_packages(json_t *packages,
    const sandbox_installer_t *installer);


int
sandbox_install_request_parse(sandbox_install_request_t *r, const char *body,
    size_t len, char *error, size_t size)
{
    int          conflicts;
    json_t      *timeout;
    const char  *kind, *why;

    memset(r, 0, sizeof(sandbox_install_request_t));

    conflicts = 0;
    timeout = NULL;

    /* strings without NUL: jansson refuses those by default */

    r->fields = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);

    if (json_unpack(r->fields, "{s:s, s:s, s:o, s:s, s:o, s?b}",
                    "install_id", &r->id, "kind", &kind,
                    "packages", &r->packages, "index", &r->index,
                    "timeout", &timeout,
                    "allow_version_conflicts", &conflicts)
        == -1)
    {
        snprintf(error, size, "body must be a JSON object with install_id, "
                 "kind, packages, index and timeout");
        return SANDBOX_ERROR;
    }

    r->installer = sandbox_installer_find(kind);
    r->timeout = json_number_value(timeout);
    r->conflicts = conflicts;

    why = !sandbox_id_is_valid(r->id, strlen(r->id))
          ? "install_id must be 1 to 64 of [A-Za-z0-9_-]"
          : r->installer == NULL ? "kind must be pip or npm"
          : !sandbox_install_packages(r->packages, r->installer)
          ? "packages must be 1 to 1000 objects with a name, and a version "
            "or none"
          : !sandbox_relay_path_is_valid(r->index)
          ? "index must be a path below /packages/KIND/NAME/"
          : !(r->timeout > 0 && r->timeout <= SANDBOX_INSTALL_TIMEOUT_MAX)
          ? "timeout must be a number above 0, at most 1800"
          : NULL;

    if (why != NULL) {
        snprintf(error, size, "%s", why);
        return SANDBOX_ERROR;
    }

    return SANDBOX_OK;
}


void
sandbox_install_request_free(sandbox_install_request_t *r)
{
    json_decref(r->fields);
    memset(r, 0, sizeof(sandbox_install_request_t));
}


static int
sandbox_install_packages(json_t *packages,
    const sandbox_installer_t *installer)
{
    size_t       i;
    json_t      *package, *version;
    const char  *name;

    if (!json_is_array(packages) || json_array_size(packages) == 0
        || json_array_size(packages) > SANDBOX_INSTALL_PACKAGES_MAX)
    {
        return 0;
    }

    json_array_foreach(packages, i, package) {
        version = json_object_get(package, "version");
        name = json_string_value(json_object_get(package, "name"));

        /* to pip, what has a slash in it is a path */

        if (!sandbox_installer_is_name(name)
            || (name[0] == '@' && !installer->scopes)
            || (version != NULL && !json_is_null(version)
                && !sandbox_installer_is_version(json_string_value(version))))
        {
            return 0;
        }
    }

    return 1;
}
