/* The smallest correct single-threaded epoll echo server.
 *
 * Edge-triggered would save little here; level-triggered keeps it short: one
 * read and one write an echo, the rest of a short write waits for room.
 * Prints its port on one line and serves until it is killed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 1024, BUFFER = 4096, BACKLOG = 4096 };

struct rest { char *bytes; size_t length; };

static struct rest *rests;
static int epoll;

static void watch(int fd, int operation, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(epoll, operation, fd, &event);
}

static void end(int fd) {
    free(rests[fd].bytes);
    rests[fd] = (struct rest){0};
    close(fd);
}

static void keep(int fd, const char *bytes, size_t length) {
    rests[fd].bytes = malloc(length);
    memcpy(rests[fd].bytes, bytes, length);
    rests[fd].length = length;
    watch(fd, EPOLL_CTL_MOD, EPOLLOUT);
}

static void resume(int fd) {
    struct rest *rest = &rests[fd];
    ssize_t n = send(fd, rest->bytes, rest->length, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) { end(fd); return; }
    if (n < 0) return;
    rest->length -= n;
    memmove(rest->bytes, rest->bytes + n, rest->length);
    if (rest->length == 0) {
        free(rest->bytes);
        rest->bytes = NULL;
        watch(fd, EPOLL_CTL_MOD, EPOLLIN);
    }
}

static void echo(int fd) {
    char buffer[BUFFER];
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) { end(fd); return; }
    ssize_t sent = send(fd, buffer, n, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) { end(fd); return; }
    if (sent < 0) sent = 0;
    if (sent < n) keep(fd, buffer + sent, n - sent);
}

static void accept_all(int listener, int most) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        if (fd >= most) { close(fd); continue; }
        watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
}

int main(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    rests = calloc(limit.rlim_max, sizeof *rests);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, length) < 0
        || listen(listener, BACKLOG) < 0) {
        perror("listen");
        return 3;
    }
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(listener, EPOLL_CTL_ADD, EPOLLIN);
    struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) accept_all(listener, (int)limit.rlim_max);
            else if (rests[fd].length > 0) resume(fd);
            else echo(fd);
        }
    }
}
