/* The smallest single-threaded epoll client that does what `load` is measured
 * by, and verifies nothing: the yardstick.
 *
 *   peer_client PORT closed K MS    K connections, one message outstanding on
 *                                   each; prints echoes per second
 *   peer_client PORT classic N MOST N connections, each connects, sends,
 *                                   reads back, closes, at most MOST at once
 *                                   without an echo; prints milliseconds
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 1024, PAYLOAD = 100, BURST = 16 };

static struct sockaddr_in server;
static int epoll;
static char payload[PAYLOAD];
static struct epoll_event events[EVENTS];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

/* A connected or connecting socket with its first message sent or awaited. */
static int open_one(int number) {
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0) die("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(0x7f000002 + number % 8)};
    if (bind(fd, (struct sockaddr *)&source, sizeof source) < 0) die("bind");
    if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0
        && errno != EINPROGRESS) die("connect");
    ssize_t n = send(fd, payload, PAYLOAD, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) die("send");
    unsigned flags = EPOLLIN | EPOLLET | (n < 0 ? EPOLLOUT : 0);
    struct epoll_event event = {.events = flags, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
    return fd;
}

/* Whether a whole echo came; a send that found the socket connecting is made
 * up for. */
static int handle(struct epoll_event event, int *have) {
    char buffer[4096];
    if (!(event.events & EPOLLIN)) {
        if (send(event.data.fd, payload, PAYLOAD, MSG_NOSIGNAL) < 0)
            die("send");
        return 0;
    }
    ssize_t n = recv(event.data.fd, buffer, sizeof buffer, 0);
    if (n <= 0) die("recv");
    have[event.data.fd] += n;
    if (have[event.data.fd] < PAYLOAD) return 0;
    have[event.data.fd] = 0;
    return 1;
}

static void closed_loop(int in_flight, double seconds, int *have) {
    for (int i = 0; i < in_flight; i++) open_one(i);
    double begin = now(), end = begin + seconds, at = begin;
    long echoes = 0;
    while (at < end) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++)
            if (handle(events[i], have)) {
                echoes++;
                if (send(events[i].data.fd, payload, PAYLOAD, MSG_NOSIGNAL)
                    != PAYLOAD) die("send");
            }
        at = now();
    }
    printf("%.0f\n", echoes / (at - begin));
}

static void classic(int connections, int most, int *have) {
    int opened = 0, done = 0;
    double begin = now();
    while (done < connections) {
        int burst = 0;
        while (opened < connections && opened - done < most && burst < BURST) {
            open_one(opened++);
            burst++;
        }
        int more = opened < connections && opened - done < most;
        int count = epoll_wait(epoll, events, EVENTS, more ? 0 : -1);
        for (int i = 0; i < count; i++)
            if (handle(events[i], have)) {
                close(events[i].data.fd);
                done++;
            }
    }
    printf("%.3f\n", (now() - begin) * 1e3);
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int *have = calloc(limit.rlim_max, sizeof *have);
    server = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memset(payload, 'x', PAYLOAD);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (strcmp(argv[2], "closed") == 0)
        closed_loop(atoi(argv[3]), atoi(argv[4]) * 1e-3, have);
    else
        classic(atoi(argv[3]), atoi(argv[4]), have);
    return 0;
}
