
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Would catch: a row that is missing or out of order, a code or status that is
 * not the contract's (the expected ones are written out here, not derived), an
 * nginx status that ends as the wrong error.
 */


#include "ngx_sandbox_unit.h"
#include "ngx_sandbox_error.h"


static void
test_contract(void **state)
{
    size_t                          i;
    const ngx_sandbox_error_row_t  *row;

    static const struct {
        ngx_sandbox_error_e   id;
        char                 *code;
        ngx_uint_t            status;
        ngx_uint_t            retry;
    } cases[] = {
        { NGX_SANDBOX_INVALID_PARAMETER, "Sandbox.InvalidParameter", 400, 0 },
        { NGX_SANDBOX_UNAUTHORIZED, "Sandbox.Unauthorized", 401, 0 },
        { NGX_SANDBOX_FORBIDDEN, "Sandbox.Forbidden", 403, 0 },
        { NGX_SANDBOX_SESSION_NOT_FOUND, "Sandbox.SessionNotFound", 404, 0 },
        { NGX_SANDBOX_EXECUTION_NOT_FOUND, "Sandbox.ExecutionNotFound", 404,
          0 },
        { NGX_SANDBOX_TEMPLATE_NOT_FOUND, "Sandbox.TemplateNotFound", 404, 0 },
        { NGX_SANDBOX_FILE_NOT_FOUND, "Sandbox.FileNotFound", 404, 0 },
        { NGX_SANDBOX_CONTAINER_NOT_FOUND, "Sandbox.ContainerNotFound", 404,
          0 },
        { NGX_SANDBOX_NODE_NOT_FOUND, "Sandbox.NodeNotFound", 404, 0 },
        { NGX_SANDBOX_ROUTE_NOT_FOUND, "Sandbox.NotFound", 404, 0 },
        { NGX_SANDBOX_METHOD_NOT_ALLOWED, "Sandbox.MethodNotAllowed", 405, 0 },
        { NGX_SANDBOX_NOT_ACCEPTABLE, "Sandbox.NotAcceptable", 406, 0 },
        { NGX_SANDBOX_REQUEST_TIMEOUT, "Sandbox.RequestTimeout", 408, 0 },
        { NGX_SANDBOX_LENGTH_REQUIRED, "Sandbox.LengthRequired", 411, 0 },
        { NGX_SANDBOX_PAYLOAD_TOO_LARGE, "Sandbox.PayloadTooLarge", 413, 0 },
        { NGX_SANDBOX_URI_TOO_LONG, "Sandbox.URITooLong", 414, 0 },
        { NGX_SANDBOX_UNSUPPORTED_MEDIA_TYPE, "Sandbox.UnsupportedMediaType",
          415, 0 },
        { NGX_SANDBOX_RANGE_NOT_SATISFIABLE, "Sandbox.RangeNotSatisfiable",
          416, 0 },
        { NGX_SANDBOX_HEADERS_TOO_LARGE, "Sandbox.HeadersTooLarge", 431, 0 },
        { NGX_SANDBOX_CONFLICT, "Sandbox.Conflict", 409, 0 },
        { NGX_SANDBOX_TEMPLATE_IN_USE, "Sandbox.TemplateInUse", 409, 0 },
        { NGX_SANDBOX_SESSION_NOT_RUNNING, "Sandbox.SessionNotRunning", 409,
          0 },
        { NGX_SANDBOX_IDEMPOTENCY_MISMATCH, "Sandbox.IdempotencyMismatch",
          422, 0 },
        { NGX_SANDBOX_TOO_MANY_REQUESTS, "Sandbox.TooManyRequests", 429, 1 },
        { NGX_SANDBOX_QUOTA_EXCEEDED, "Sandbox.QuotaExceeded", 429, 1 },
        { NGX_SANDBOX_CAPACITY_EXHAUSTED, "Sandbox.CapacityExhausted", 503,
          1 },
        { NGX_SANDBOX_EXEC_TIMEOUT, "Sandbox.ExecTimeout", 504, 0 },
        { NGX_SANDBOX_DATABASE_UNAVAILABLE, "Sandbox.DatabaseUnavailable",
          503, 1 },
        { NGX_SANDBOX_STORAGE_UNAVAILABLE, "Sandbox.StorageUnavailable", 503,
          1 },
        { NGX_SANDBOX_RUNTIME_UNAVAILABLE, "Sandbox.RuntimeUnavailable", 503,
          1 },
        { NGX_SANDBOX_INTERNAL_ERROR, "Sandbox.InternalError", 500, 0 },
        { NGX_SANDBOX_INTERNAL_UNAUTHORIZED, "Internal.Unauthorized", 401, 0 },
        { NGX_SANDBOX_INTERNAL_INVALID_EXECUTION, "Internal.InvalidExecution",
          404, 0 },
        { NGX_SANDBOX_INTERNAL_STATE_CONFLICT, "Internal.StateConflict", 409,
          0 }
    };

    /* every error but NO_ERROR is in this list, once */

    assert_int_equal(sizeof(cases) / sizeof(cases[0]), NGX_SANDBOX_ERRORS - 1);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        row = ngx_sandbox_error_row(cases[i].id);

        assert_string_equal(row->code.data, cases[i].code);
        assert_int_equal(row->status, cases[i].status);
        assert_int_equal(row->retry_after != 0, cases[i].retry);
    }
}


static void
test_texts(void **state)
{
    ngx_uint_t                      i, j;
    const ngx_sandbox_error_row_t  *row, *other;

    for (i = 1; i < NGX_SANDBOX_ERRORS; i++) {
        row = ngx_sandbox_error_row(i);

        /* sentences, and more than a word or two */

        assert_true(row->description.len > 15);
        assert_true(row->solution.len > 25);
        assert_int_equal(row->description.data[row->description.len - 1], '.');
        assert_int_equal(row->solution.data[row->solution.len - 1], '.');

        /* 429 and 503 always say when to come back */

        if (row->status == 429 || row->status == 503) {
            assert_true(row->retry_after > 0);
        }

        for (j = 1; j < i; j++) {
            other = ngx_sandbox_error_row(j);
            assert_string_not_equal(row->code.data, other->code.data);
        }
    }
}


static void
test_out_of_range(void **state)
{
    const ngx_sandbox_error_row_t  *internal;

    internal = ngx_sandbox_error_row(NGX_SANDBOX_INTERNAL_ERROR);

    assert_ptr_equal(ngx_sandbox_error_row(NGX_SANDBOX_ERRORS), internal);
    assert_ptr_equal(ngx_sandbox_error_row((ngx_sandbox_error_e) -1),
                     internal);
}


static void
test_from_status(void **state)
{
    size_t               i;
    ngx_sandbox_error_e  id;

    static const struct {
        ngx_uint_t            status;
        ngx_sandbox_error_e   id;
        ngx_uint_t            answered;
    } cases[] = {
        { 200, NGX_SANDBOX_NO_ERROR, 200 },
        { 304, NGX_SANDBOX_NO_ERROR, 200 },
        { 400, NGX_SANDBOX_INVALID_PARAMETER, 400 },
        { 401, NGX_SANDBOX_UNAUTHORIZED, 401 },
        { 403, NGX_SANDBOX_FORBIDDEN, 403 },
        { 404, NGX_SANDBOX_ROUTE_NOT_FOUND, 404 },
        { 405, NGX_SANDBOX_METHOD_NOT_ALLOWED, 405 },
        { 406, NGX_SANDBOX_NOT_ACCEPTABLE, 406 },
        { 408, NGX_SANDBOX_REQUEST_TIMEOUT, 408 },
        { 409, NGX_SANDBOX_CONFLICT, 409 },
        { 411, NGX_SANDBOX_LENGTH_REQUIRED, 411 },
        { 413, NGX_SANDBOX_PAYLOAD_TOO_LARGE, 413 },
        { 414, NGX_SANDBOX_URI_TOO_LONG, 414 },
        { 415, NGX_SANDBOX_UNSUPPORTED_MEDIA_TYPE, 415 },
        { 416, NGX_SANDBOX_RANGE_NOT_SATISFIABLE, 416 },
        { 418, NGX_SANDBOX_INVALID_PARAMETER, 400 },
        { 429, NGX_SANDBOX_TOO_MANY_REQUESTS, 429 },
        { 431, NGX_SANDBOX_HEADERS_TOO_LARGE, 431 },
        { 494, NGX_SANDBOX_HEADERS_TOO_LARGE, 431 },
        { 495, NGX_SANDBOX_UNAUTHORIZED, 401 },
        { 496, NGX_SANDBOX_UNAUTHORIZED, 401 },
        { 497, NGX_SANDBOX_INVALID_PARAMETER, 400 },
        { 499, NGX_SANDBOX_INVALID_PARAMETER, 400 },
        { 500, NGX_SANDBOX_INTERNAL_ERROR, 500 },
        { 501, NGX_SANDBOX_INVALID_PARAMETER, 400 },
        { 502, NGX_SANDBOX_RUNTIME_UNAVAILABLE, 503 },
        { 503, NGX_SANDBOX_RUNTIME_UNAVAILABLE, 503 },
        { 504, NGX_SANDBOX_RUNTIME_UNAVAILABLE, 503 },
        { 505, NGX_SANDBOX_INVALID_PARAMETER, 400 },
        { 507, NGX_SANDBOX_INTERNAL_ERROR, 500 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        id = ngx_sandbox_error_from_status(cases[i].status);

        assert_int_equal(id, cases[i].id);
        assert_int_equal(ngx_sandbox_error_row(id)->status, cases[i].answered);
    }
}


static const struct CMUnitTest  tests[] = {
    ngx_sandbox_unit_test(test_contract),
    ngx_sandbox_unit_test(test_texts),
    ngx_sandbox_unit_test(test_out_of_range),
    ngx_sandbox_unit_test(test_from_status),
};

ngx_sandbox_unit_main(tests)
