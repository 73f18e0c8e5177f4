/*
 * nodelay ADDRESS PORT COMMAND ...: listens there, with TCP_NODELAY, and becomes nginx, which inherits the socket.
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

int main(int argc, char **argv)
{
    char names[256] = "";
    size_t used = 0;

    if (argc < 4) {
        fprintf(stderr, "usage: nodelay address port command ...\n");
        return 2;
    }
    struct addrinfo *list = resolve(argv[1], argv[2]);
    if (!list)
        return 1;
    for (struct addrinfo *a = list; a && used < sizeof names - 12; a = a->ai_next) {
        int fd = listen_on(a);
        if (fd < 0) {
            perror("nodelay: could not listen");
            return 1;
        }
        used += (size_t)snprintf(names + used, sizeof names - used, "%d;", fd);
    }
    freeaddrinfo(list);
    setenv("NGINX", names, 1);
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 1;
}
