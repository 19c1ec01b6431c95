
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: another hash than SHA-256 (the expected ones are FIPS 180-2's
 * examples), so that keys of before an upgrade match nothing any more.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_hash.h"


static void
known(char *text, char *expected)
{
    ngx_str_t  hex;

    assert_int_equal(ngx_sandbox_sha256_hex(unit_pool,
                                            unit_bytes(text, strlen(text)),
                                            &hex),
                     NGX_OK);
    assert_int_equal(hex.len, NGX_SANDBOX_SHA256_HEX_LEN);
    assert_memory_equal(hex.data, expected, hex.len);
}


static void
test_known(void **state)
{
    known("",
          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    known("abc",
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_known),
};

ngx_sandbox_unit_main(tests)
