/*
 * nodelay ADDRESS PORT COMMAND ...: listens there, with TCP_NODELAY, and becomes nginx, which inherits the socket.  Several
 * addresses are one argument, with blanks between them.
 *
 * Linux hands the option on to every connection that is accepted.  nginx itself sets it for connections that it keeps alive
 * or proxies, and nchan's WebSockets are neither: whatever is pushed right after something else would wait until the client
 * has acknowledged that, a round trip or a delayed acknowledgement's 40 ms.
 *
 * The environment variable NGINX names the sockets, by number, each with a semicolon; nginx takes them for what its
 * configuration listens on at the same addresses, and keeps them when it reloads.  systemd.socket(5) has NoDelay= for this.
 */
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 }; /* as push.conf says */

static bool set(int fd, int level, int option)
{
    return setsockopt(fd, level, option, &(int){1}, sizeof(int)) == 0;
}

/* One listening socket with the options that nginx would give it, and ours; -1 when it cannot be had. */
static int listen_on(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (set(fd, SOL_SOCKET, SO_REUSEADDR) && set(fd, IPPROTO_TCP, TCP_NODELAY) &&
        (a->ai_family != AF_INET6 || set(fd, IPPROTO_IPV6, IPV6_V6ONLY)) && bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    close(fd);
    return -1;
}

/* The address as nginx writes it: an IPv6 one in brackets, * for every IPv4 one. */
static struct addrinfo *resolve(char *host, const char *port)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *list = NULL;
    size_t n = strlen(host);

    if (host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        host++;
    }
    int why = getaddrinfo(strcmp(host, "*") == 0 ? "0.0.0.0" : host, port, &hints, &list);
    if (why != 0)
        fprintf(stderr, "nodelay: %s: %s\n", host, gai_strerror(why));
    return list;
}

/* Listens on all that the host is, and adds the sockets to the names; false when one cannot be had. */
static bool listen_at(char *host, const char *port, char *names, size_t size)
{
    struct addrinfo *list = resolve(host, port);
    bool done = list != NULL;

    for (struct addrinfo *a = list; a && done; a = a->ai_next) {
        size_t used = strlen(names);
        int fd = listen_on(a);
        done = fd >= 0 && used < size - 12;
        if (done)
            snprintf(names + used, size - used, "%d;", fd);
        else
            perror("nodelay: could not listen");
    }
    if (list)
        freeaddrinfo(list);
    return done;
}

int main(int argc, char **argv)
{
    char names[256] = "";

    if (argc < 4) {
        fprintf(stderr, "usage: nodelay address port command ...\n");
        return 2;
    }
    for (char *host; (host = strsep(&argv[1], " "));)
        if (*host && !listen_at(host, argv[2], names, sizeof names))
            return 1;
    setenv("NGINX", names, 1);
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 1;
}
