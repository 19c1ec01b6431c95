
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * Moments as text for MariaDB.  Always UTC: no time zone of the process or of
 * the database session takes part.  Reads nginx's cached clock only.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_sandbox_time.h"


u_char *
ngx_sandbox_time_format(u_char *buf, time_t sec, ngx_uint_t msec)
{
    ngx_tm_t  tm;

    ngx_gmtime(sec, &tm);

    return ngx_sprintf(buf, "%04d-%02d-%02d %02d:%02d:%02d.%03ui",
                       tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                       tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec, msec);
}


ngx_int_t
ngx_sandbox_time_after(u_char *buf, const ngx_str_t *from, ngx_msec_t msec)
{
    char        text[NGX_SANDBOX_TIME_LEN + 1], *end;
    time_t      sec;
    ngx_int_t   fraction;
    struct tm   tm;

    if (from->len != NGX_SANDBOX_TIME_LEN) {
        return NGX_DECLINED;
    }

    ngx_cpystrn((u_char *) text, from->data, sizeof(text));
    ngx_memzero(&tm, sizeof(struct tm));

    end = strptime(text, "%Y-%m-%d %H:%M:%S.", &tm);

    if (end == NULL || end - text != NGX_SANDBOX_TIME_LEN - 3) {
        return NGX_DECLINED;
    }

    fraction = ngx_atoi((u_char *) end, 3);

    if (fraction == NGX_ERROR) {
        return NGX_DECLINED;
    }

    sec = timegm(&tm);
    msec += fraction;

    (void) ngx_sandbox_time_format(buf, sec + msec / 1000, msec % 1000);

    return NGX_OK;
}


u_char *
ngx_sandbox_time_now(u_char *buf, time_t plus)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return ngx_sandbox_time_format(buf, tp->sec + plus, tp->msec);
}
