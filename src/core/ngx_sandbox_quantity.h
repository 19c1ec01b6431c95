
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Quantities as clients and Kubernetes write them: "500m", "0.5", "512Mi".
 * At most three decimals and fifteen digits; no sign, no exponent, no space.
 */


#ifndef _NGX_SANDBOX_QUANTITY_H_INCLUDED_
#define _NGX_SANDBOX_QUANTITY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* "0.5", "2", "500m" as millicores.  NGX_OK or NGX_DECLINED. */
ngx_int_t ngx_sandbox_quantity_cpu(const ngx_str_t *text,
    ngx_uint_t *ret_milli);

/*
 * "128Mi", "1.5Gi", "512M", "1000000" (bytes) as MiB, rounded up; units Ki, Mi,
 * Gi, Ti, k, M, G, T.  NGX_OK or NGX_DECLINED.
 */
ngx_int_t ngx_sandbox_quantity_mb(const ngx_str_t *text, ngx_uint_t *ret_mb);

/* The way back, as the API shows it: "500m" is "0.5"; "1024" MiB is "1Gi". */
ngx_int_t ngx_sandbox_quantity_cpu_text(ngx_pool_t *pool, ngx_uint_t milli,
    ngx_str_t *ret_text);
ngx_int_t ngx_sandbox_quantity_mb_text(ngx_pool_t *pool, ngx_uint_t mb,
    ngx_str_t *ret_text);


#endif /* _NGX_SANDBOX_QUANTITY_H_INCLUDED_ */
