
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _NGX_SANDBOX_TIME_H_INCLUDED_
#define _NGX_SANDBOX_TIME_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_SANDBOX_TIME_LEN  (sizeof("1970-01-01 00:00:00.000") - 1)


/*
 * A moment as MariaDB's DATETIME(3) in UTC.  Writes NGX_SANDBOX_TIME_LEN bytes
 * and no NUL, and returns the end.  msec is below 1000.
 */
u_char *ngx_sandbox_time_format(u_char *buf, time_t sec, ngx_uint_t msec);

/*
 * The moment some milliseconds after another one, which is as MariaDB shows a
 * DATETIME(3).  NGX_DECLINED: it is none.
 */
ngx_int_t ngx_sandbox_time_after(u_char *buf, const ngx_str_t *from,
    ngx_msec_t msec);

/* Now, as far as nginx's cached clock knows it, plus some seconds. */
u_char *ngx_sandbox_time_now(u_char *buf, time_t plus);


#endif /* _NGX_SANDBOX_TIME_H_INCLUDED_ */
