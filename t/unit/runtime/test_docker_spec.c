
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * What the Docker Engine is told.  Would catch: a protection that is missing
 * from a new container, or one that was added and is not tested here; a limit
 * of 0, which means none to the engine; a name that leaves its place in a path.
 */


#include "ngx_sandbox_unit.h"
#include <jansson.h>
#include <malloc.h>
#include "ngx_sandbox_docker_json.h"


#define ID  "70b36f5a420a747acb83aab9e9b9318186a0b783be4e29ec92d3ce74b2431de9"

static ngx_sandbox_container_spec_t
unit_spec(void)
{
    ngx_sandbox_container_spec_t  spec;

    ngx_memzero(&spec, sizeof(spec));

    ngx_str_set(&spec.name, "sbx-1");
    ngx_str_set(&spec.image, "python:3.11");
    ngx_str_set(&spec.session_id, "sess_1");
    ngx_str_set(&spec.template_id, "tpl \"x\"\n");
    ngx_str_set(&spec.instance.name, "node-a");
    ngx_str_set(&spec.instance.owner, "0123456789abcdef");
    ngx_str_set(&spec.socket_path, "/var/lib/x/sess_1");
    ngx_str_set(&spec.executor_path, "/opt/x");
    ngx_str_set(&spec.callback_path, "/var/lib/x/callback");

    spec.epoch = 18446744073709551615ull;
    spec.cpu_milli = 1500;
    spec.memory_mb = 3000;
    spec.disk_mb = 700;
    spec.pids = 64;

    return spec;
}


static json_t *
unit_encoded(ngx_str_t *hosts, ngx_str_t *seccomp)
{
    json_t                        *root;
    ngx_str_t                      body;
    ngx_sandbox_container_spec_t   spec;

    spec = unit_spec();

    assert_int_equal(ngx_sandbox_docker_encode_create(unit_pool, &spec, hosts,
                                                      seccomp, &body),
                     NGX_OK);

    root = json_loadb((char *) body.data, body.len, JSON_REJECT_DUPLICATES,
                      NULL);
    assert_non_null(root);

    return root;
}


/* the value at a path, as JSON text */

static void
assert_json(json_t *root, char *path, char *expected)
{
    char    *p, *text, *copy, *last;
    json_t  *value;

    copy = strdup(path);
    value = root;

    for (p = strtok_r(copy, ">", &last); p; p = strtok_r(NULL, ">", &last)) {
        value = json_is_array(value) ? json_array_get(value, atoi(p))
                                     : json_object_get(value, p);
    }

    free(copy);

    text = json_dumps(value, JSON_ENCODE_ANY|JSON_COMPACT|JSON_SORT_KEYS);

    if (text == NULL || strcmp(text, expected) != 0) {
        print_error("%s is %s, expected %s\n", path, text ? text : "absent",
                    expected);
        free(text);
        fail();
    }

    free(text);
}


static void
test_create_confines(void **state)
{
    json_t     *root;
    ngx_str_t   seccomp = ngx_null_string;
    ngx_str_t   hosts = ngx_string("/etc/x/hosts");

    static char  *expected[][2] = {
        { "Image", "\"python:3.11\"" },
        { "User", "\"1000:1000\"" },
        { "Entrypoint", "[\"/opt/sandbox/executor\"]" },
        { "Cmd", "[\"/run/sandbox\"]" },
        { "WorkingDir", "\"/workspace\"" },
        { "Env", "[\"HOME=/workspace\"]" },
        { "Healthcheck", "{\"Test\":[\"NONE\"]}" },
        { "Tty", "false" },
        { "OpenStdin", "false" },
        { "NetworkDisabled", "true" },
        { "Labels", "{\"ngx_sandbox.epoch\":\"18446744073709551615\","
                    "\"ngx_sandbox.instance\":\"node-a\","
                    "\"ngx_sandbox.owner\":\"0123456789abcdef\","
                    "\"ngx_sandbox.session\":\"sess_1\","
                    "\"ngx_sandbox.template\":\"tpl \\\"x\\\"\\n\"}" },
        { "HostConfig>NetworkMode", "\"none\"" },
        { "HostConfig>CapDrop", "[\"ALL\"]" },
        { "HostConfig>SecurityOpt", "[\"no-new-privileges:true\"]" },
        { "HostConfig>Privileged", "false" },
        { "HostConfig>ReadonlyRootfs", "true" },
        { "HostConfig>IpcMode", "\"private\"" },
        { "HostConfig>CgroupnsMode", "\"private\"" },
        { "HostConfig>Init", "false" },
        { "HostConfig>AutoRemove", "false" },
        { "HostConfig>RestartPolicy", "{\"Name\":\"no\"}" },
        { "HostConfig>Memory", "4046454784" },
        { "HostConfig>MemorySwap", "4046454784" },
        { "HostConfig>OomKillDisable", "false" },
        { "HostConfig>NanoCpus", "1500000000" },
        { "HostConfig>PidsLimit", "64" },
        { "HostConfig>Ulimits",
          "[{\"Hard\":4096,\"Name\":\"nofile\",\"Soft\":4096},"
          "{\"Hard\":0,\"Name\":\"core\",\"Soft\":0}]" },
        { "HostConfig>LogConfig",
          "{\"Config\":{\"max-file\":\"1\",\"max-size\":\"1m\"},"
          "\"Type\":\"json-file\"}" },
        { "HostConfig>Tmpfs",
          "{\"/tmp\":\"rw,noexec,nosuid,nodev,size=64m,nr_inodes=8192,"
          "mode=1777,uid=1000,gid=1000\",\"/workspace\":\"rw,exec,"
          "nosuid,nodev,size=700m,nr_inodes=89600,mode=0755,uid=1000,"
          "gid=1000\"}" },
        { "HostConfig>Mounts>0",
          "{\"ReadOnly\":false,\"Source\":\"/var/lib/x/sess_1\","
          "\"Target\":\"/run/sandbox\",\"Type\":\"bind\"}" },
        { "HostConfig>Mounts>1",
          "{\"ReadOnly\":true,\"Source\":\"/opt/x\","
          "\"Target\":\"/opt/sandbox\",\"Type\":\"bind\"}" },
        { "HostConfig>Mounts>2",
          "{\"ReadOnly\":true,\"Source\":\"/var/lib/x/callback\","
          "\"Target\":\"/run/sandbox-callback\",\"Type\":\"bind\"}" },
        { "HostConfig>Mounts>3",
          "{\"ReadOnly\":true,\"Source\":\"/etc/x/hosts\","
          "\"Target\":\"/etc/hosts\",\"Type\":\"bind\"}" }
    };

    ngx_uint_t  i;

    root = unit_encoded(&hosts, &seccomp);

    for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_json(root, expected[i][0], expected[i][1]);
    }

    /* nothing else: what is added has to be added here as well */

    assert_int_equal(json_object_size(root), 12);
    assert_int_equal(json_object_size(json_object_get(root, "HostConfig")),
                     19);
    assert_int_equal(json_array_size(json_object_get(
                              json_object_get(root, "HostConfig"), "Mounts")),
                     4);

    json_decref(root);
}


static void
test_create_without_hosts_file(void **state)
{
    json_t     *root;
    ngx_str_t   hosts = ngx_null_string;
    ngx_str_t   seccomp = ngx_null_string;

    root = unit_encoded(&hosts, &seccomp);

    assert_int_equal(json_array_size(json_object_get(
                              json_object_get(root, "HostConfig"), "Mounts")),
                     3);

    json_decref(root);
}


static void
test_create_with_profile(void **state)
{
    json_t     *root;
    ngx_str_t   hosts = ngx_null_string;
    ngx_str_t   seccomp = ngx_string("{\"defaultAction\":\"A\\u00e9\"}");

    root = unit_encoded(&hosts, &seccomp);

    assert_json(root, "HostConfig>SecurityOpt",
                "[\"no-new-privileges:true\","
                "\"seccomp={\\\"defaultAction\\\":"
                "\\\"A\\\\u00e9\\\"}\"]");

    json_decref(root);
}


static void
test_create_needs_limits(void **state)
{
    ngx_str_t                      body, hosts;
    ngx_uint_t                     i;
    ngx_sandbox_container_spec_t   spec;

    ngx_str_null(&hosts);

    for (i = 0; i < 4; i++) {
        spec = unit_spec();

        spec.memory_mb = (i == 0) ? 0 : spec.memory_mb;
        spec.disk_mb = (i == 1) ? 0 : spec.disk_mb;
        spec.cpu_milli = (i == 2) ? 0 : spec.cpu_milli;
        spec.pids = (i == 3) ? 0 : spec.pids;

        assert_int_equal(ngx_sandbox_docker_encode_create(unit_pool, &spec,
                                                          &hosts, &hosts,
                                                          &body),
                         NGX_DECLINED);
    }
}


static void
test_filters(void **state)
{
    ngx_str_t               filters;
    ngx_sandbox_instance_t  instance = { ngx_string("a\"&b"),
                                         ngx_string("0f") };

    assert_int_equal(ngx_sandbox_docker_encode_filters(unit_pool, &instance,
                                                       &filters),
                     NGX_OK);
    assert_text(&filters, "%7B%22label%22%3A%5B%22ngx_sandbox.instance%3D"
                          "a%5C%22%26b%22%2C%22ngx_sandbox.owner%3D0f%22"
                          "%5D%7D");

    /* a long one is in memory of its own, whose size can be asked for */

    instance.name.len = 5000;
    instance.name.data = ngx_palloc(unit_pool, instance.name.len);
    ngx_memset(instance.name.data, '"', instance.name.len);

    assert_int_equal(ngx_sandbox_docker_encode_filters(unit_pool, &instance,
                                                       &filters),
                     NGX_OK);
    assert_int_equal(filters.len, sizeof("%7B%22label%22%3A%5B%22ngx_sandbox."
                                         "instance%3D%22%2C%22ngx_sandbox."
                                         "owner%3D0f%22%5D%7D") - 1
                                  + 5000 * (sizeof("%5C%22") - 1));
    assert_true(malloc_usable_size(filters.data) >= filters.len);
}


static void
test_names(void **state)
{
    ngx_uint_t  i;

    static ngx_str_t  good[] = {
        ngx_string("a"), ngx_string("A.b_c-9"), ngx_string(ID)
    };

    static ngx_str_t  bad[] = {
        ngx_string(""), ngx_string("."), ngx_string(".."), ngx_string("-a"),
        ngx_string("a/b"), ngx_string("a?b"), ngx_string("a%2fb"),
        ngx_string("a b"), ngx_string("a\0b"), ngx_string("\xc3\xa9")
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(ngx_sandbox_docker_is_name(&good[i]));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(ngx_sandbox_docker_is_name(&bad[i]));
    }
}


static void
test_images(void **state)
{
    ngx_uint_t  i;

    static ngx_str_t  good[] = {
        ngx_string("python"), ngx_string("python:3.11-slim"),
        ngx_string("localhost:5000/a/b:c"), ngx_string("a/b@sha256:00ff"),
        ngx_string("sha256:00ff")
    };

    static ngx_str_t  bad[] = {
        ngx_string(""), ngx_string("/a"), ngx_string("a/"), ngx_string("a//b"),
        ngx_string("a/../b"), ngx_string(".."), ngx_string("a:"),
        ngx_string("a b"), ngx_string("a?x=1"), ngx_string("a#b"),
        ngx_string("a\nb")
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(ngx_sandbox_docker_is_image(&good[i]));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(ngx_sandbox_docker_is_image(&bad[i]));
    }
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_create_confines),
    ngx_sandbox_unit_test(test_create_without_hosts_file),
    ngx_sandbox_unit_test(test_create_with_profile),
    ngx_sandbox_unit_test(test_create_needs_limits),
    ngx_sandbox_unit_test(test_filters),
    ngx_sandbox_unit_test(test_names),
    ngx_sandbox_unit_test(test_images),
};


ngx_sandbox_unit_main(tests)
