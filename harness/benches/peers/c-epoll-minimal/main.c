/* The smallest correct epoll echo server: one thread, level-triggered.
 *
 * What any loop in any language is measured against, so nothing is here for
 * comfort: it knows `--addr A.B.C.D:PORT`, reads past every other flag of the
 * contract, and ends at the first signal. Correct means: a peer that doesn't
 * read is not read from, a peer that has finished gets all of its echo, and a
 * failed connection takes nobody with it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 4096, BACKLOG = 4096, EVENTS = 1024 };

/* Read and not yet written, by descriptor. */
struct unsent {
    char *bytes;
    size_t from, to;
};

static void fail(int code, const char *what) {
    fprintf(stderr, "error: %s: %s\n", what, strerror(errno));
    exit(code);
}

static int listen_on(struct sockaddr_in *at) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = sizeof *at;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) ||
        bind(fd, (struct sockaddr *)at, size) || listen(fd, BACKLOG) ||
        getsockname(fd, (struct sockaddr *)at, &size))
        fail(3, "cannot listen");
    return fd;
}

/* 1: waits to read, 0: waits to write, -1: over. */
static int echo(int fd, struct unsent *unsent, char *buffer) {
    char *bytes = buffer;
    size_t from = 0, to = 0;
    if (unsent->bytes) {
        bytes = unsent->bytes, from = unsent->from, to = unsent->to;
    } else {
        ssize_t n = recv(fd, buffer, BUFFER, 0);
        if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR) ? 1 : -1;
        to = n;
    }
    while (from < to) {
        ssize_t n = send(fd, bytes + from, to - from, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) return -1;
        if (n < 0) break;
        from += n;
    }
    if (from == to) {
        free(unsent->bytes);
        unsent->bytes = NULL;
        return 1;
    }
    if (!unsent->bytes) {
        if (!(unsent->bytes = malloc(to - from))) return -1;
        memcpy(unsent->bytes, buffer + from, to - from);
        to -= from, from = 0;
    }
    unsent->from = from, unsent->to = to;
    return 0;
}

int main(int argc, char **argv) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(8080)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 1; i + 1 < argc; i += 2) {
        char *colon = strrchr(argv[i + 1], ':');
        if (strcmp(argv[i], "--addr") || !colon) continue;
        *colon = 0;
        at.sin_port = htons(atoi(colon + 1));
        if (inet_pton(AF_INET, argv[i + 1], &at.sin_addr) != 1) errno = EINVAL, fail(2, "--addr");
    }
    int listener = listen_on(&at), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    size_t most = limit.rlim_cur < 1 << 20 ? limit.rlim_cur : 1 << 20;
    struct unsent *unsent = calloc(most, sizeof *unsent);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
    static char buffer[BUFFER];
    if (epoll < 0 || !unsent || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event))
        fail(4, "cannot use epoll");
    printf("LISTENING %s:%d pid=%d backend=epoll workers=1 buffer=%d\n", inet_ntoa(at.sin_addr),
           ntohs(at.sin_port), getpid(), BUFFER);
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                int taken = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                event = (struct epoll_event){.events = EPOLLIN, .data.fd = taken};
                if (taken < 0 && (errno == EMFILE || errno == ENFILE)) usleep(1000);
                if (taken >= (int)most) close(taken);
                else if (taken >= 0) epoll_ctl(epoll, EPOLL_CTL_ADD, taken, &event);
                continue;
            }
            int stalled = unsent[fd].bytes != NULL;
            int next = echo(fd, &unsent[fd], buffer);
            if (next < 0) {
                free(unsent[fd].bytes);
                unsent[fd].bytes = NULL;
                close(fd);
            } else if (next == stalled) {
                event = (struct epoll_event){.events = next ? EPOLLIN : EPOLLOUT, .data.fd = fd};
                epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
            }
        }
    }
}
