
/*
 * Copyright (C) the ngx_sandbox authors
 */


/*
 * For the static binary only.  libevent's HTTP code refers to the resolver,
 * which a static glibc could not provide without the shared libraries of the
 * image.  The executor speaks over unix sockets and resolves nothing: these
 * take the resolver's place and keep a quarter of a megabyte out.
 */


#include <netdb.h>
#include <stddef.h>
#include <stdio.h>


int
getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **res)
{
    return EAI_FAIL;
}


void
freeaddrinfo(struct addrinfo *res)
{
    /* void */
}


const char *
gai_strerror(int error)
{
    return "names are not resolved here";
}


/* libevent names the peer of every connection it accepts: ours has no name */

int
getnameinfo(const struct sockaddr *sa, socklen_t salen, char *host,
    socklen_t hostlen, char *serv, socklen_t servlen, int flags)
{
    if (host != NULL && hostlen > 0) {
        snprintf(host, hostlen, "unix");
    }

    if (serv != NULL && servlen > 0) {
        snprintf(serv, servlen, "0");
    }

    return 0;
}


struct servent *
getservbyname(const char *name, const char *proto)
{
    return NULL;
}


struct protoent *
getprotobynumber(int proto)
{
    return NULL;
}
