
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * An operator's profile of system calls, in the form that the Docker Engine
 * takes, before it becomes a part of each container's specification.  What the
 * engine makes of its rules is the engine's to say; here it has to be a profile
 * at all, and one that refuses what it does not name: one that allows would be
 * a way to switch the protection off.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <jansson.h>
#include "ngx_sandbox_docker_json.h"
#include "ngx_sandbox_json_reader.h"


static ngx_uint_t ngx_sandbox_docker_refuses(const char *action);


ngx_int_t
ngx_sandbox_docker_read_profile(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *ret_profile, ngx_str_t *ret_reason)
{
    json_t      *root, *action;
    ngx_int_t    rc;

    rc = ngx_sandbox_json_parse(pool, text, &root, ret_reason);

    if (rc != NGX_OK) {
        return rc;
    }

    action = json_object_get(root, "defaultAction");

    if (!json_is_string(action)) {
        ngx_str_set(ret_reason, "it has no \"defaultAction\"");
        return NGX_DECLINED;
    }

    if (!ngx_sandbox_docker_refuses(json_string_value(action))) {
        ngx_str_set(ret_reason, "its \"defaultAction\" does not refuse");
        return NGX_DECLINED;
    }

    /* in one line: it goes with each container that is made */

    return ngx_sandbox_json_dump(pool, root, ret_profile);
}


static ngx_uint_t
ngx_sandbox_docker_refuses(const char *action)
{
    ngx_uint_t  i;

    static const char  *refusing[] = {
        "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
        "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP"
    };

    for (i = 0; i < sizeof(refusing) / sizeof(refusing[0]); i++) {
        if (ngx_strcmp(action, refusing[i]) == 0) {
            return 1;
        }
    }

    return 0;
}
