
/*
 * Copyright (C) the ngx_sandbox authors
 */


#ifndef _SANDBOX_PACKAGES_H_INCLUDED_
#define _SANDBOX_PACKAGES_H_INCLUDED_


/*
 * The folder of installed packages.  It lies in the workspace's file system, so
 * that it counts to the session's disk, and is no part of the workspace's
 * content: whoever lists or keeps that leaves this name out.
 */
#define SANDBOX_PACKAGES_FOLDER  ".packages"

/* below it, and on the path of each interpreter */
#define SANDBOX_PACKAGES_PYTHON  "python"
#define SANDBOX_PACKAGES_NODE    "node"

/* below it, while an install runs */
#define SANDBOX_PACKAGES_NEW     "new"
#define SANDBOX_PACKAGES_TMP     "tmp"


/*
 * Opened, and made if it is absent; what an install has left is removed, and
 * both folders for the next one are made.  No link is followed.  -1: errno.
 */
int sandbox_packages_open(int workspace_fd);

/* what an install has made becomes "name", whatever that was; -1: errno */
int sandbox_packages_commit(int folder, const char *name);

/* what is left of an install, in either case */
void sandbox_packages_clean(int folder);


#endif /* _SANDBOX_PACKAGES_H_INCLUDED_ */
