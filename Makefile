# Everything here also works by hand: the targets only call it.

BUILD      ?= $(CURDIR)/build
NGINX_SRC  ?= /usr/share/nginx/src
PREFIX     ?= /usr/local
JOBS       ?= $(shell nproc)
SANITIZE   ?=

.DEFAULT_GOAL := all
.PHONY: all help module executor unit lint test asan bench fuzz clean install

all: module executor  ## build the module and the executor

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 12

module:  ## build/module/ngx_http_sandbox_module.so (SANITIZE=1: build/asan)
	./docker/build-module --source $(NGINX_SRC) --build $(BUILD) \
	    $(if $(SANITIZE),--sanitize)

-include src/executor/executor.mk

unit:  ## the unit tests
	$(MAKE) -C t/unit run SANITIZE=$(SANITIZE)

lint:  ## style, layers, limits
	./t/lint

test:  ## every test
	./t/run

asan:  ## every test with the sanitizers on
	./t/run --asan

bench:  ## ratios against baselines, in one run
	./t/bench/run

fuzz:  ## the fuzz targets, a minute each
	$(MAKE) -C t/fuzz run

install: all  ## into PREFIX and nginx's module folder
	install -d $(DESTDIR)/usr/lib/nginx/modules \
	    $(DESTDIR)$(PREFIX)/share/ngx_sandbox/executor
	install -m 644 $(BUILD)/module/ngx_http_sandbox_module.so \
	    $(DESTDIR)/usr/lib/nginx/modules/
	cp -r $(BUILD)/executor/. \
	    $(DESTDIR)$(PREFIX)/share/ngx_sandbox/executor/
	cp -r conf $(DESTDIR)$(PREFIX)/share/ngx_sandbox/

clean:  ## remove what was built
	rm -rf $(BUILD)
	$(MAKE) -C t/unit clean
