
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


u_char *
ngx_sandbox_time_now(u_char *buf, time_t plus)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return ngx_sandbox_time_format(buf, tp->sec + plus, tp->msec);
}
