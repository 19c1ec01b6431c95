
/*
 * Copyright (C) the ngx_sandbox authors
 */


/* what every test of the executor includes; cmocka wants these in front */


#ifndef _SANDBOX_UNIT_H_INCLUDED_
#define _SANDBOX_UNIT_H_INCLUDED_


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "executor.h"


#endif /* _SANDBOX_UNIT_H_INCLUDED_ */
