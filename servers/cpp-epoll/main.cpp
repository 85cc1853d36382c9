// One thread, one edge-triggered epoll loop, in C++.
//
// Waits     in `epoll_wait(2)`, once for all connections
// Wakes     once for a batch of events; a function call goes on from there
// Costs     32 bytes per connection, and a state machine written by hand
// Gives out at one CPU, or when one handler takes long: everybody waits
// Next      rust-poll: one loop again, without the list that epoll keeps

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

using namespace std::chrono;
using std::string;

struct Args {
    addrinfo* addr = nullptr;
    string text = "127.0.0.1:8080";
    long backlog = 4096, buffer_bytes = 4096, spin_us = 0, drain_ms = 5000;
};

[[noreturn]] static void fail(int code, const string& why) {
    dprintf(STDERR_FILENO, "error: %s\n", why.c_str());
    _exit(code);
}

static bool watch(int epoll, int how, int fd, uint32_t events) {
    epoll_event event{events, {nullptr}};
    event.data.fd = fd;
    return epoll_ctl(epoll, how, fd, &event) == 0;
}

static void arm(int timer, long ms) {
    itimerspec at{{}, {0, ms * 1000000}};
    timerfd_settime(timer, 0, &at, nullptr);
}

static bool ready(int fd, short events) {
    pollfd poller{fd, events, 0};
    return poll(&poller, 1, 0) > 0;
}

static Args parse(int argc, char** argv);
static int listen_on(const Args& args);
static void announce(const Args& args);
static void serve(int listener, int epoll, const Args& args);
static void drain(int& listener, int end, const Args& args);

// Asked for once: epoll tells of every change, and of nothing else.
static const uint32_t EDGES = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET;
static const int TURN = 16;  // accepts, or reads of one connection, before the others get theirs
static int resume, stop;     // timers: accept again, look again who is still there

int main(int argc, char** argv) {
    static const Args args = parse(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    // A closed stdin, stdout or stderr must not become a socket's number.
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0) open("/dev/null", O_RDWR);
    int listener = listen_on(args), epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int* timer : {&resume, &stop}) *timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    for (int fd : {listener, resume, stop})
        if (!watch(epoll, EPOLL_CTL_ADD, fd, EDGES))
            fail(4, string("cannot use epoll with timers: ") + strerror(errno));
    auto on_signal = [](int) {  // the first wakes the loop, the second ends the process
        static volatile sig_atomic_t signals;
        if (signals++) _exit(0);
        arm(stop, 1);
    };
    for (int number : {SIGTERM, SIGINT}) signal(number, on_signal);
    announce(args);
    serve(listener, epoll, args);
}

// Writes what the peer takes and keeps the rest; false once the peer is gone.
static bool write(int fd, const char* bytes, size_t size, string& unsent) {
    while (size > 0) {
        ssize_t n = send(fd, bytes, size, 0);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) return false;
        bytes += n, size -= n;
    }
    unsent.assign(bytes, size);
    return true;
}

// Goes on until a call would wait, or the turn is over; false at the connection's end.
static bool echo(int epoll, epoll_event event, string& unsent, string& buffer, long us) {
    int fd = event.data.fd;
    if (unsent.empty() && !(event.events & ~EPOLLOUT)) return true;  // writable, as all along
    // Beyond a short read lies at most the end or urgent data: no edge of their own.
    bool until_empty = event.events & ~(EPOLLIN | EPOLLOUT);
    string rest = std::move(unsent);
    if (!write(fd, rest.data(), rest.size(), unsent)) return false;
    for (int i = 0; i < TURN; i++) {
        if (!unsent.empty()) return true;  // the next writable edge goes on
        ssize_t n = recv(fd, &buffer[0], buffer.size(), 0);
        if (n < 0 && errno == EAGAIN) return true;
        if (n <= 0) return false;
        if (us > 0)
            for (auto end = steady_clock::now() + microseconds(us); steady_clock::now() < end;) {}
        if (!write(fd, buffer.data(), n, unsent)) return false;
        if (size_t(n) < buffer.size() && !until_empty) return true;
    }
    return watch(epoll, EPOLL_CTL_MOD, fd, EDGES);  // makes an edge of what is left
}

// True after a fault of one connection; has the listener rest when something ran out.
static bool passes(int error) {
    static steady_clock::time_point next_line;
    switch (error) {
        case ECONNABORTED: case ECONNRESET: case EINTR: case EPROTO: case EPERM:
        case EOPNOTSUPP: case ENOPROTOOPT: case ENETDOWN: case ENETUNREACH: case ENONET:
        case EHOSTDOWN: case EHOSTUNREACH: case ETIMEDOUT: return true;
    }
    if (steady_clock::now() >= next_line && ready(STDERR_FILENO, POLLOUT)) {
        next_line = steady_clock::now() + milliseconds(1000);
        dprintf(STDERR_FILENO, "cannot accept: %s; still trying\n", strerror(error));
    }
    arm(resume, 25);
    return false;
}

// Takes a few connections.
static void accept(int listener, int epoll, std::vector<string>& unsent) {
    for (int i = 0; i < TURN; i++) {
        int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && errno == EAGAIN) return;
        if (fd >= int(unsent.size())) unsent.resize(fd + 1);
        if (fd >= 0 && watch(epoll, EPOLL_CTL_ADD, fd, EDGES)) continue;
        if (fd >= 0) close(fd);  // which leaves errno as it is
        if (!passes(errno)) return void(watch(epoll, EPOLL_CTL_MOD, listener, 0));
    }
    watch(epoll, EPOLL_CTL_MOD, listener, EDGES);
}

static void serve(int listener, int epoll, const Args& args) {
    // Read and not yet written, which holds up reading; by descriptor, a small number of its own.
    std::vector<string> unsent;
    std::vector<epoll_event> events(1024);
    string buffer(args.buffer_bytes, 0);
    for (;;) {
        // This is the model: one wait for everybody, then a turn for each.
        int ready = epoll_wait(epoll, events.data(), events.size(), -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) accept(listener, epoll, unsent);
            else if (fd == resume) watch(epoll, EPOLL_CTL_MOD, listener, EDGES);
            else if (fd == stop) drain(listener, unsent.size(), args);
            else if (!echo(epoll, events[i], unsent[fd], buffer, args.spin_us))
                unsent[fd] = string(), close(fd);
        }
    }
}

static long number(const string& flag, const string& text, long low, long high) {
    bool digits = !text.empty() && text.find_first_not_of("0123456789") == string::npos;
    long value = digits && text.size() <= 10 ? std::stol(text) : -1;
    if (value >= low && value <= high) return value;
    fail(2, flag + " takes " + std::to_string(low) + ".." + std::to_string(high) + ", not " + text);
}

static const char HELP[] = R"(Echo over TCP with one epoll loop, in C++; --workers changes nothing.

  --addr <HOST:PORT>     Listen on this address; port 0 lets the kernel choose [127.0.0.1:8080]
  --workers <N>          Accepted, as by every server
  --backlog <N>          Let this many connections wait to be accepted [4096]
  --buffer-bytes <N>     Read at most this many bytes at once [4096]
  --spin-us <N>          Burn this much CPU before each echo, as a handler would [0]
  --drain-ms <N>         After SIGTERM, let open connections finish for this long [5000]
)";

static Args parse(int argc, char** argv) {
    Args args;
    for (int i = 1; i < argc; i++) {
        string word = argv[i], flag = word.substr(0, word.find('=')), value;
        if (word == "--help" || word == "-h") exit(fputs(HELP, stdout) < 0);
        value = flag != word ? word.substr(flag.size() + 1) : i + 1 < argc ? argv[++i] : "";
        if (flag == "--addr") args.text = value;
        else if (flag == "--workers") number(flag, value, 1, 4096);
        else if (flag == "--backlog") args.backlog = number(flag, value, 1, 65535);
        else if (flag == "--buffer-bytes") args.buffer_bytes = number(flag, value, 1, 65536);
        else if (flag == "--spin-us") args.spin_us = number(flag, value, 0, 4294967295);
        else if (flag == "--drain-ms") args.drain_ms = number(flag, value, 0, 4294967295);
        else fail(2, "unexpected argument '" + flag + "'; try --help");
    }
    char host[64], port[6], rest, bits[16];  // getaddrinfo alone would take 127.1
    addrinfo hints{AI_NUMERICHOST, args.text[0] == '[' ? AF_INET6 : AF_INET, 0, 0, 0, 0, 0, 0};
    const char* shape = hints.ai_family == AF_INET ? "%63[^:]:%5[0-9]%c" : "[%63[^]]]:%5[0-9]%c";
    if (sscanf(args.text.c_str(), shape, host, port, &rest) == 2 && std::stoi(port) <= 65535 &&
        inet_pton(hints.ai_family, host, bits) == 1 &&
        getaddrinfo(host, port, &hints, &args.addr) == 0) return args;
    fail(2, "invalid value '" + args.text + "' for '--addr': expected 127.0.0.1:8080 or [::1]:0");
}

static int listen_on(const Args& args) {
    int one = 1, fd = socket(args.addr->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    // Accepted sockets inherit TCP_NODELAY and urgent data in line.
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) ||
        setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one) ||
        bind(fd, args.addr->ai_addr, args.addr->ai_addrlen) || listen(fd, args.backlog) ||
        getsockname(fd, args.addr->ai_addr, &args.addr->ai_addrlen))  // the port it got
        fail(3, "cannot listen on " + args.text + ": " + strerror(errno) + "; try --addr");
    return fd;
}

static void announce(const Args& args) {
    char host[NI_MAXHOST], port[NI_MAXSERV];
    getnameinfo(args.addr->ai_addr, args.addr->ai_addrlen, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    string shown = strchr(host, ':') ? "[" + string(host) + "]" : host;
    dprintf(STDOUT_FILENO, "LISTENING %s:%s pid=%d backend=epoll workers=1 buffer=%ld\n",
            shown.c_str(), port, getpid(), args.buffer_bytes);
}

// Ends the reading side of quiet connections, as if the peer had finished; counts them all.
static int end_quiet(int end) {
    int count = 0;
    for (int fd = STDERR_FILENO + 1; fd < end; fd++) {
        tcp_info tcp{}; socklen_t size = sizeof tcp;
        if (getsockopt(fd, SOL_TCP, TCP_INFO, &tcp, &size) || tcp.tcpi_state == TCP_CLOSE) continue;
        bool quiet = std::min(tcp.tcpi_last_data_recv, tcp.tcpi_last_data_sent) >= 100;
        if (!ready(fd, POLLIN) && quiet) shutdown(fd, SHUT_RD);
        count++;
    }
    return count;
}

// Closes the listener and ends quiet connections, until none is left.
static void drain(int& listener, int end, const Args& args) {
    static const auto start = steady_clock::now();
    auto since = steady_clock::now() - start;
    // Those who queued up before the signal are still let in, then newcomers are refused.
    bool queue = since < milliseconds(200) && ready(listener, POLLIN);
    if (!queue) close(listener), listener = -1;
    if (since >= milliseconds(args.drain_ms) || (!queue && end_quiet(end) == 0)) _exit(0);
    arm(stop, queue ? 1 : 20);
}
