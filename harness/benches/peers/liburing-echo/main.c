/* An echo server on liburing as an expert would write it: one ring, one thread.
 *
 * What rust-uring is measured against. It takes --addr A.B.C.D:PORT, --backlog
 * and --buffer-bytes, reads past the other flags, and ends at the first signal.
 *
 * A send that may not wait is over when it is submitted, and silent if all of
 * it went (CQE_SKIP_SUCCESS; WAITALL makes a short one a failure). So a batch of
 * echoes costs one system call: it hands in the sends and waits for more to
 * echo. What a peer doesn't take is copied: the buffers belong to everybody.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <error.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/resource.h>
#include <unistd.h>

enum { REQUESTS = 1024, RESULTS = 8192, BUFFERS = 1024, NONE = BUFFERS, PARTS = 16 };
enum { READ_AHEAD = 64 << 10, MOST = 1 << 16 };
/* What a result is of; the connection's slot in the ring stands above it. */
enum { ACCEPT, RECEIVE, SEND, SEND_PILE, OTHER, TAGS = 8 };

struct pile {
    char *bytes;
    size_t from, to, room;
};

struct connection {
    struct pile sending, behind;       /* copies: being sent, and what came meanwhile */
    size_t owed;                       /* read and not yet written */
    int result;                        /* of the launched send: all, unless told otherwise */
    unsigned short head, tail, flying; /* lent buffers in order; so many are being sent */
    bool open, receiving, cancelled, ended, broken, touched;
};

#define NAME(c, what) ((__u64)((c) - connections) * TAGS | (what))

/* A request of a connection, made by io_uring_prep_<how>. */
#define ASK(c, what, flags, how, ...) do { \
    struct io_uring_sqe *sqe; \
    while (!(sqe = io_uring_get_sqe(&ring))) io_uring_submit(&ring); \
    io_uring_prep_##how(sqe, __VA_ARGS__); \
    io_uring_sqe_set_flags(sqe, flags), io_uring_sqe_set_data64(sqe, NAME(c, what)); \
} while (0)

static struct io_uring ring;
static struct io_uring_buf slots[BUFFERS] __attribute__((aligned(4096)));
static struct io_uring_buf_ring *const lendable = (struct io_uring_buf_ring *)slots;
static char *memory;
static size_t size = 4096;
static int listener, backlog = 4096, lent, budget;
static unsigned touched[MOST], launched[MOST], length[BUFFERS], touches, launches;
static unsigned short after[BUFFERS];
static struct connection connections[MOST];
/* What the kernel copies when it takes a request, in the order of the launches. */
static struct iovec parts[2 * REQUESTS][PARTS];
static struct msghdr messages[2 * REQUESTS];
static bool hurry; /* something waits for what will happen silently */

static void touch(struct connection *c) {
    if (!c->touched) touched[touches++] = c - connections;
    c->touched = true;
}

static void give_back(unsigned id) {
    io_uring_buf_ring_add(lendable, memory + id * size, size, id, BUFFERS - 1, 0);
    io_uring_buf_ring_advance(lendable, 1);
    lent--;
}

/* Copies what a buffer holds beyond `skip`, and gives it back. */
static void shelve(struct connection *c, unsigned id, size_t skip) {
    struct pile *pile = &c->behind;
    size_t n = length[id] - skip;
    if (pile->to + n > pile->room) {
        pile->room = 2 * (pile->to + n);
        if (!(pile->bytes = realloc(pile->bytes, pile->room))) error(1, errno, "cannot copy");
    }
    memcpy(pile->bytes + pile->to, memory + id * size + skip, n);
    pile->to += n;
    give_back(id);
}

static void received(struct connection *c, int result, unsigned flags) {
    unsigned id = flags >> IORING_CQE_BUFFER_SHIFT;
    c->receiving = flags & IORING_CQE_F_MORE;
    if (flags & IORING_CQE_F_BUFFER) {
        lent++;
        c->owed += length[id] = result > 0 ? result : 0;
        if (c->broken || result <= 0) give_back(id);
        else if (c->sending.to || c->behind.to) shelve(c, id, 0);
        else after[id] = NONE, *(c->head == NONE ? &c->head : &after[c->tail]) = id, c->tail = id;
    }
    if (result <= 0 && result != -ECANCELED && result != -ENOBUFS) c->ended = true;
    touch(c);
}

/* Sends what is queued from where it was received. */
static void launch(struct connection *c) {
    const int how = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL;
    const unsigned flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
    unsigned id = c->head, at = launches % (2 * REQUESTS);
    struct iovec *part = parts[at];
    for (c->result = 0; id != NONE && c->flying < PARTS; id = after[id]) {
        part[c->flying++] = (struct iovec){memory + id * size, length[id]};
        c->result += length[id];
    }
    messages[at] = (struct msghdr){.msg_iov = part, .msg_iovlen = c->flying};
    if (c->flying > 1) ASK(c, SEND, flags, sendmsg, c - connections, &messages[at], how);
    else ASK(c, SEND, flags, send, c - connections, part->iov_base, c->result, how);
    launched[launches++] = c - connections;
    hurry |= id != NONE || !c->receiving;
}

static void landed(struct connection *c) {
    size_t sent = c->result > 0 ? c->result : 0;
    c->broken |= c->result < 0 && c->result != -EAGAIN;
    c->owed -= sent;
    for (; c->flying; c->flying--, c->head = after[c->head]) {
        size_t id = c->head, done = MIN(sent, length[id]);
        sent -= done;
        if (done < length[id]) shelve(c, id, done);
        else give_back(id);
    }
    for (; c->behind.to && c->head != NONE; c->head = after[c->head]) shelve(c, c->head, 0);
    if (c->behind.to || c->head != NONE || !c->receiving || c->broken) touch(c);
}

/* Sends a copy, in steps: a request that waits too often ends up in a kernel thread. */
static void send_pile(struct connection *c, int sent) {
    struct pile *pile = &c->sending;
    if (sent < 0) c->broken = true;
    else pile->from += sent, c->owed -= sent;
    if (!c->broken && pile->from < pile->to)
        ASK(c, SEND_PILE, IOSQE_FIXED_FILE, send, c - connections, pile->bytes + pile->from,
            pile->to - pile->from, MSG_NOSIGNAL);
    else free(pile->bytes), *pile = (struct pile){0}, touch(c);
}

/* Ends by itself before more is owed than may be; limits came with Linux 6.17. */
static void io_uring_prep_recv_limited(struct io_uring_sqe *sqe, int slot) {
    io_uring_prep_recv_multishot(sqe, slot, NULL, 0, 0);
    sqe->file_index = READ_AHEAD - size + 1; /* optlen, in the same place */
}

/* Asks for what comes next: to send, to read, to stop reading, to close. */
static void proceed(struct connection *c) {
    c->touched = false;
    if (!c->open || c->flying) return;
    for (; c->broken && c->head != NONE; c->head = after[c->head]) give_back(c->head);
    if (c->broken) free(c->behind.bytes), c->behind = (struct pile){0};
    if (c->behind.to && !c->sending.to) {
        c->sending = c->behind, c->behind = (struct pile){0};
        send_pile(c, 0);
    } else if (c->head != NONE) {
        launch(c);
    }
    bool stop = c->broken || c->owed >= READ_AHEAD;
    if (c->receiving ? !stop || c->cancelled : c->sending.to || c->flying) return;
    if (c->receiving) {
        ASK(c, OTHER, IOSQE_CQE_SKIP_SUCCESS, cancel64, NAME(c, RECEIVE), 0);
        c->cancelled = true;
    } else if (c->ended || c->broken) {
        ASK(c, OTHER, IOSQE_CQE_SKIP_SUCCESS, close_direct, c - connections);
        c->open = false;
    } else if (budget-- <= 0) {
        hurry = true, touch(c); /* the buffers are all lent, but to launched sends only */
    } else {
        ASK(c, RECEIVE, IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT, recv_limited, c - connections);
        c->receiving = true, c->cancelled = false;
    }
}

static void set_up(struct sockaddr_in *at) {
    struct io_uring_params params = {.cq_entries = RESULTS};
    struct io_uring_buf_reg lend = {.ring_addr = (__u64)slots, .ring_entries = BUFFERS};
    struct rlimit most;
    socklen_t len = sizeof *at;
    int one = 1;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) ||
        bind(listener, (struct sockaddr *)at, len) || listen(listener, backlog) ||
        getsockname(listener, (struct sockaddr *)at, &len))
        error(3, errno, "cannot listen");
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                   IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL;
    getrlimit(RLIMIT_NOFILE, &most);
    if (!(memory = malloc(BUFFERS * size))) error(1, errno, "cannot start");
    if ((errno = -io_uring_queue_init_params(REQUESTS, &ring, &params)) ||
        (errno = -io_uring_register_files_sparse(&ring, MIN(most.rlim_cur, MOST))) ||
        (errno = -io_uring_register_buf_ring(&ring, &lend, 0)))
        error(4, errno, "cannot use io_uring");
    io_uring_register_ring_fd(&ring);
    for (lent = BUFFERS; lent;) give_back(lent - 1);
}

static void accepted(int slot, bool more) {
    if (slot >= 0) {
        struct connection *c = &connections[slot];
        *c = (struct connection){.open = true, .head = NONE, .touched = c->touched};
        touch(c);
    } else if (slot == -ENFILE || slot == -ENOBUFS || slot == -ENOMEM) usleep(1000);
    if (!more) ASK(connections, ACCEPT, 0, multishot_accept_direct, listener, NULL, NULL, 0);
}

int main(int argc, char **argv) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    unsigned short port = 8080;
    char host[16] = "127.0.0.1";
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--backlog")) backlog = atoi(argv[i + 1]);
        if (!strcmp(argv[i], "--buffer-bytes")) size = atoi(argv[i + 1]);
        if (!strcmp(argv[i], "--addr")) sscanf(argv[i + 1], "%15[^:]:%hu", host, &port);
    }
    at.sin_port = htons(port);
    if (inet_pton(AF_INET, host, &at.sin_addr) != 1 || size - 1 >= 1 << 20)
        error(2, EINVAL, "--addr or --buffer-bytes");
    set_up(&at);
    printf("LISTENING %s:%d pid=%d backend=io_uring workers=1 buffer=%zu\n",
           inet_ntoa(at.sin_addr), ntohs(at.sin_port), getpid(), size);
    fflush(stdout);
    accepted(-EAGAIN, false);
    for (;;) {
        int e = -io_uring_submit_and_wait(&ring, !hurry);
        if (e > 0 && e != EINTR && e != EAGAIN && e != EBUSY) error(1, e, "cannot wait");
        /* Requests that weren't taken, or results that had no room. */
        hurry = io_uring_sq_ready(&ring) || io_uring_cq_has_overflow(&ring);
        struct io_uring_cqe *cqe;
        unsigned head, count = io_uring_cq_ready(&ring), left = count;
        io_uring_for_each_cqe(&ring, head, cqe)
            if (cqe->user_data % TAGS == SEND) connections[cqe->user_data / TAGS].result = cqe->res;
        /* Now the launched sends are over, and those that failed have said so. */
        for (; !hurry && launches; launches--) landed(&connections[launched[launches - 1]]);
        io_uring_for_each_cqe(&ring, head, cqe) {
            struct connection *c = &connections[cqe->user_data / TAGS];
            unsigned of = cqe->user_data % TAGS;
            if (!left--) break; /* it came meanwhile, and wasn't looked at above */
            if (of == ACCEPT) accepted(cqe->res, cqe->flags & IORING_CQE_F_MORE);
            if (of == RECEIVE) received(c, cqe->res, cqe->flags);
            if (of == SEND_PILE) send_pile(c, cqe->res);
            if (of == OTHER) c->cancelled = false, touch(c); /* there was nothing to cancel */
        }
        io_uring_cq_advance(&ring, count);
        budget = BUFFERS - lent, count = touches, touches = 0;
        for (unsigned i = 0; i < count; i++) proceed(&connections[touched[i]]);
    }
}
