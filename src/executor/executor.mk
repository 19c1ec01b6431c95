# The executor: one static binary and its runners.  Included by the top
# Makefile; also works alone: make -f src/executor/executor.mk executor

BUILD     ?= $(CURDIR)/build
SANITIZE  ?=

EXECUTOR_DIR   := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
EXECUTOR_SRCS  := $(filter-out %/resolve.c,$(wildcard $(EXECUTOR_DIR)/*.c))
EXECUTOR_HDRS  := $(wildcard $(EXECUTOR_DIR)/*.h)
EXECUTOR_RUNNERS := $(wildcard $(EXECUTOR_DIR)/runners/*.*)
EXECUTOR_LIBS  := -levent_extra -levent_core -ljansson

EXECUTOR_CFLAGS := -std=c11 -D_GNU_SOURCE -g -W -Wall -Wextra -Wpointer-arith \
                   -Wshadow -Wvla -Wno-unused-parameter -Werror

ifeq ($(SANITIZE),)

EXECUTOR_OUT     := $(BUILD)/executor
EXECUTOR_SRCS    += $(EXECUTOR_DIR)/resolve.c
EXECUTOR_CFLAGS  += -O2 -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
                    -ffunction-sections -fdata-sections
EXECUTOR_LDFLAGS := -static-pie -s -Wl,--gc-sections,-z,relro,-z,now

else

EXECUTOR_OUT     := $(BUILD)/executor-asan
EXECUTOR_CFLAGS  += -O1 -fsanitize=address,undefined -fno-omit-frame-pointer \
                    -fno-sanitize-recover=undefined
EXECUTOR_LDFLAGS :=

endif

EXECUTOR_OBJS := $(patsubst $(EXECUTOR_DIR)/%.c,$(EXECUTOR_OUT).o/%.o,\
                   $(EXECUTOR_SRCS))

.PHONY: executor

executor: $(EXECUTOR_OUT)/executor  ## build/executor: the daemon, its runners

# into a folder that any user of the sandbox may read
$(EXECUTOR_OUT)/executor: $(EXECUTOR_OBJS) $(EXECUTOR_RUNNERS) \
                          $(EXECUTOR_DIR)/hosts
	install -d -m 755 $(EXECUTOR_OUT)/runners
	install -m 644 $(EXECUTOR_RUNNERS) $(EXECUTOR_OUT)/runners/
	install -m 644 $(EXECUTOR_DIR)/hosts $(EXECUTOR_OUT)/hosts
	$(CC) $(EXECUTOR_CFLAGS) $(EXECUTOR_LDFLAGS) -o $@ $(EXECUTOR_OBJS) \
	    $(EXECUTOR_LIBS)

$(EXECUTOR_OUT).o/%.o: $(EXECUTOR_DIR)/%.c $(EXECUTOR_HDRS)
	@mkdir -p $(@D)
	$(CC) $(EXECUTOR_CFLAGS) -c -o $@ $<
