
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a token that is not the one other programs derive (the expected
 * ones were made with Python's hmac), one that is good for another session,
 * purpose or secret, a changed byte that is accepted.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_token.h"


#define SESSION_TOKEN                                                         \
    "sess_0123456789abcdef."                                                  \
    "c9df2ec5c67a02e7fef3e1aab7e88d3c1b6bf1c781abc9b682c6134b1587115d"

#define LOOPBACK_TOKEN                                                        \
    "loopback."                                                               \
    "ef69c5c977a01f19e4a602727bb330a7380a4f58fe0ced962658a60e8b1c578a"


static ngx_str_t  secret = ngx_string("a secret for the tests");
static ngx_str_t  other = ngx_string("A secret for the tests");
static ngx_str_t  empty = ngx_null_string;


static void
test_known(void **state)
{
    ngx_str_t  token, id;

    assert_int_equal(ngx_sandbox_token_make(unit_pool, &secret,
                                            unit_text("sess_0123456789abcdef"),
                                            &token),
                     NGX_OK);
    assert_text(&token, SESSION_TOKEN);
    assert_int_equal(token.data[token.len], '\0');

    assert_int_equal(ngx_sandbox_token_check(&secret, &token, &id), NGX_OK);
    assert_text(&id, "sess_0123456789abcdef");
    assert_ptr_equal(id.data, token.data);

    assert_int_equal(ngx_sandbox_token_loopback(unit_pool, &secret, &token),
                     NGX_OK);
    assert_text(&token, LOOPBACK_TOKEN);
    assert_int_equal(token.data[token.len], '\0');

    assert_int_equal(ngx_sandbox_token_loopback_check(&secret, &token),
                     NGX_OK);
}


static void
test_refused(void **state)
{
    size_t      i, bit;
    ngx_str_t  *token, id = { 7, NULL };

    token = unit_text(SESSION_TOKEN);

    /* each bit of it counts */

    for (i = 0; i < token->len; i++) {
        for (bit = 1; bit < 256; bit <<= 1) {
            token->data[i] ^= bit;

            if (ngx_sandbox_token_check(&secret, token, &id) != NGX_DECLINED) {
                fail_msg("byte %zu, bit %zu", i, bit);
            }

            token->data[i] ^= bit;
        }
    }

    /* and each byte */

    for (i = 0; i < token->len; i++) {
        assert_int_equal(ngx_sandbox_token_check(&secret,
                                                 unit_bytes(token->data, i),
                                                 &id),
                         NGX_DECLINED);
    }

    assert_int_equal(ngx_sandbox_token_check(&secret,
                                             unit_text(SESSION_TOKEN "0"),
                                             &id),
                     NGX_DECLINED);
    assert_int_equal(ngx_sandbox_token_check(&secret,
                                             unit_text(" " SESSION_TOKEN),
                                             &id),
                     NGX_DECLINED);
    assert_int_equal(ngx_sandbox_token_check(&other, token, &id),
                     NGX_DECLINED);
    assert_int_equal(ngx_sandbox_token_check(&empty, token, &id),
                     NGX_DECLINED);

    assert_int_equal(id.len, 7);
}


static void
test_purposes(void **state)
{
    ngx_str_t  token, id;

    /* a session that is called as the other token is */

    assert_int_equal(ngx_sandbox_token_make(unit_pool, &secret,
                                            unit_text("loopback"), &token),
                     NGX_OK);
    assert_int_equal(ngx_sandbox_token_loopback_check(&secret, &token),
                     NGX_DECLINED);

    assert_int_equal(ngx_sandbox_token_check(&secret,
                                             unit_text(LOOPBACK_TOKEN), &id),
                     NGX_DECLINED);
    assert_int_equal(ngx_sandbox_token_loopback_check(&secret,
                                                   unit_text(SESSION_TOKEN)),
                     NGX_DECLINED);
    assert_int_equal(ngx_sandbox_token_loopback_check(&other,
                                                   unit_text(LOOPBACK_TOKEN)),
                     NGX_DECLINED);
}


static void
test_owner(void **state)
{
    ngx_str_t  one, again, another;

    assert_int_equal(ngx_sandbox_token_owner(unit_pool, &secret, &one),
                     NGX_OK);
    assert_int_equal(ngx_sandbox_token_owner(unit_pool, &secret, &again),
                     NGX_OK);
    assert_int_equal(ngx_sandbox_token_owner(unit_pool, &other, &another),
                     NGX_OK);

    assert_int_equal(one.len, 16);
    assert_memory_equal(one.data, again.data, 16);
    assert_memory_not_equal(one.data, another.data, 16);

    assert_int_equal(ngx_sandbox_token_owner(unit_pool, &empty, &one),
                     NGX_ERROR);
}


static void
test_not_made(void **state)
{
    ngx_str_t  token;

    assert_int_equal(ngx_sandbox_token_make(unit_pool, &empty,
                                            unit_text("sess_1"), &token),
                     NGX_ERROR);
    assert_int_equal(ngx_sandbox_token_make(unit_pool, &secret,
                                            unit_text(""), &token),
                     NGX_ERROR);
    assert_int_equal(ngx_sandbox_token_make(unit_pool, &secret,
                                            unit_text("../x"), &token),
                     NGX_ERROR);
    assert_int_equal(ngx_sandbox_token_make(unit_pool, &secret,
                                            unit_text("a.b"), &token),
                     NGX_ERROR);
    assert_int_equal(ngx_sandbox_token_loopback(unit_pool, &empty, &token),
                     NGX_ERROR);
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_known),
    ngx_sandbox_unit_test(test_refused),
    ngx_sandbox_unit_test(test_purposes),
    ngx_sandbox_unit_test(test_owner),
    ngx_sandbox_unit_test(test_not_made),
};

ngx_sandbox_unit_main(tests)
