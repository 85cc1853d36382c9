// One OS thread per connection, in C++.
//
// Waits     in `read(2)`, one thread asleep for each connection
// Wakes     by the kernel scheduler: a context switch per message
// Costs     a thread per connection: its stack, its kernel entry
// Gives out at the thread limit, or when the scheduler becomes the workload
// Next      java-threads: the same once more, over a virtual machine

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

using namespace std::chrono;
using std::string;

struct Args {
    addrinfo* addr = nullptr;
    string text = "127.0.0.1:8080";
    size_t buffer_bytes = 4096;
    long backlog = 4096, spin_us = 0, drain_ms = 5000;
};

static Args parse(int argc, char** argv);
static int listen_on(const Args& args);
static void announce(int listener, const Args& args);
static void stop_on_signals(int listener, const Args& args);
static void accept_all(int listener, const Args& args);
static void echo(int fd, const Args& args);
static bool comes_back(const char* doing, int error);

int main(int argc, char** argv) {
    static const Args args = parse(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    // A closed stdin, stdout or stderr must not become a socket's number.
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0) open("/dev/null", O_RDWR);
    int listener = listen_on(args);
    // std::thread takes no stack size, so the default it starts from changes.
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    pthread_setattr_default_np(&attributes);
    stop_on_signals(listener, args);
    announce(listener, args);
    accept_all(listener, args);
    for (;;) pause();  // until the last connection ends the process
}

// Takes connections until the listener is closed.
static void accept_all(int listener, const Args& args) {
    for (;;) {
        int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0 && !comes_back("accept", errno)) return;
        if (fd < 0) continue;
        try {
            // This is the model: the kernel schedules connections.
            std::thread(echo, fd, std::cref(args)).detach();
        } catch (const std::exception&) {  // no thread, or no memory for one
            close(fd);
            comes_back("start a thread", EAGAIN);
        }
    }
}

// Serves one connection until either side ends it.
static void echo(int fd, const Args& args) {
    std::unique_ptr<char[]> buffer(new (std::nothrow) char[args.buffer_bytes]);
    while (buffer) {
        ssize_t n = recv(fd, buffer.get(), args.buffer_bytes, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        if (args.spin_us > 0) {
            auto end = steady_clock::now() + microseconds(args.spin_us);
            while (steady_clock::now() < end) continue;
        }
        // Blocks while the peer doesn't read: back-pressure for free.
        for (ssize_t sent = 0; sent < n;) {
            ssize_t k = send(fd, &buffer[sent], n - sent, 0);
            if (k < 0 && errno != EINTR) return void(close(fd));
            if (k > 0) sent += k;
        }
    }
    close(fd);
}

[[noreturn]] static void fail(int code, const string& why) {
    dprintf(STDERR_FILENO, "error: %s\n", why.c_str());
    _exit(code);
}

static long number(const string& flag, const string& text, long low, long high) {
    bool digits = !text.empty() && text.find_first_not_of("0123456789") == string::npos;
    long value = digits && text.size() <= 10 ? std::stol(text) : -1;
    if (value >= low && value <= high) return value;
    fail(2, "invalid value '" + text + "' for '" + flag + "': expected a number from " +
                std::to_string(low) + " to " + std::to_string(high));
}

static const char HELP[] = R"(Echo over TCP with one OS thread per connection, in C++.
Blocking sockets and std::thread; --workers changes nothing, as threads follow connections.

  --addr <HOST:PORT>     Listen on this address; port 0 lets the kernel choose [127.0.0.1:8080]
  --workers <N>          Accepted, as by every server
  --backlog <N>          Let this many connections wait to be accepted [4096]
  --buffer-bytes <N>     Read at most this many bytes at once [4096]
  --spin-us <N>          Burn this much CPU before each echo, as a handler would [0]
  --drain-ms <N>         After SIGTERM, let open connections finish for this long [5000]
)";

static addrinfo* resolve(const string& text) {
    char host[64], port[6], rest, bits[16];  // getaddrinfo alone would take 127.1
    addrinfo hints{AI_NUMERICHOST, text[0] == '[' ? AF_INET6 : AF_INET, 0, 0, 0, 0, 0, 0}, *found;
    const char* shape = hints.ai_family == AF_INET ? "%63[^:]:%5[0-9]%c" : "[%63[^]]]:%5[0-9]%c";
    if (sscanf(text.c_str(), shape, host, port, &rest) == 2 && std::stoi(port) <= 65535 &&
        inet_pton(hints.ai_family, host, bits) == 1 &&
        getaddrinfo(host, port, &hints, &found) == 0) return found;
    fail(2, "invalid value '" + text + "' for '--addr': expected 127.0.0.1:8080 or [::1]:8080");
}

static Args parse(int argc, char** argv) {
    Args args;
    for (int i = 1; i < argc; i++) {
        string flag = argv[i], value;
        if (flag == "--help" || flag == "-h") exit(fputs(HELP, stdout) < 0);
        size_t equals = flag.find('=');
        if (equals != string::npos) value = flag.substr(equals + 1);
        else if (i + 1 < argc) value = argv[++i];
        flag = flag.substr(0, equals);
        if (flag == "--addr") args.text = value;
        else if (flag == "--workers") number(flag, value, 1, 4096);
        else if (flag == "--backlog") args.backlog = number(flag, value, 1, 65535);
        else if (flag == "--buffer-bytes") args.buffer_bytes = number(flag, value, 1, 65536);
        else if (flag == "--spin-us") args.spin_us = number(flag, value, 0, 4294967295);
        else if (flag == "--drain-ms") args.drain_ms = number(flag, value, 0, 4294967295);
        else fail(2, "unexpected argument '" + flag + "'; try --help");
    }
    args.addr = resolve(args.text);
    return args;
}

static int listen_on(const Args& args) {
    int one = 1, fd = socket(args.addr->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    // Accepted sockets inherit TCP_NODELAY and urgent data in line.
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) ||
        setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one) ||
        bind(fd, args.addr->ai_addr, args.addr->ai_addrlen) || listen(fd, args.backlog))
        fail(3, "cannot listen on " + args.text + ": " + strerror(errno) + "; try --addr");
    return fd;
}

static void announce(int listener, const Args& args) {
    sockaddr_storage at;
    socklen_t size = sizeof at;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
    getnameinfo(reinterpret_cast<sockaddr*>(&at), size, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    printf(strchr(host, ':') ? "LISTENING [%s]:%s" : "LISTENING %s:%s", host, port);
    printf(" pid=%d backend=blocking workers=1 buffer=%zu\n", getpid(), args.buffer_bytes);
    fflush(stdout);
}

static bool ready(int fd, short events) {
    pollfd poller{fd, events, 0};
    return poll(&poller, 1, 0) > 0;
}

// False once the listener is closed. Passes over a fault of one connection, waits out exhaustion.
static bool comes_back(const char* doing, int error) {
    static steady_clock::time_point next_line;
    switch (error) {
        case EINVAL: return false;
        case ECONNABORTED: case ECONNRESET: case EINTR: case EPROTO: case EPERM:
        case EOPNOTSUPP: case ENOPROTOOPT: case ENETDOWN: case ENETUNREACH: case ENONET:
        case EHOSTDOWN: case EHOSTUNREACH: case ETIMEDOUT: return true;
    }
    if (steady_clock::now() >= next_line && ready(STDERR_FILENO, POLLOUT)) {
        next_line = steady_clock::now() + milliseconds(1000);
        dprintf(STDERR_FILENO, "cannot %s: %s; still trying\n", doing, strerror(error));
    }
    std::this_thread::sleep_for(milliseconds(25));
    return true;
}

// Ends the reading side of connections that have gone quiet; counts them all.
static int end_quiet_connections() {
    DIR* list = opendir("/proc/self/fd");
    if (!list) return 1;  // one is assumed to be left: the drain time ends it
    int count = 0;
    while (dirent* entry = readdir(list)) {
        sockaddr_storage peer;
        socklen_t size = sizeof peer;
        int fd = atoi(entry->d_name);
        if (fd <= 2 || getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size)) continue;
        if (peer.ss_family == AF_UNIX) continue;
        count++;
        if (ready(fd, POLLIN)) continue;  // asked first: bytes may come in between
        // A sender that was held up goes on when its echo does.
        tcp_info it{};
        getsockopt(fd, SOL_TCP, TCP_INFO, &it, &(size = sizeof it));
        if (std::min(it.tcpi_last_data_recv, it.tcpi_last_data_sent) >= 100) shutdown(fd, SHUT_RD);
    }
    closedir(list);
    return count;
}

// At the first signal closes the listener and ends the reading side of quiet
// connections: to `echo` that is a peer which has finished. Exits at the second.
static void stop_on_signals(int listener, const Args& args) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // in every thread from here on
    int spare = fcntl(listener, F_DUPFD_CLOEXEC, 0);  // leaves a number to list others with
    auto stop = [signals, listener, spare, &args] {
        while (sigwaitinfo(&signals, nullptr) < 0) continue;
        auto start = steady_clock::now();
        auto since = [&] { return steady_clock::now() - start; };
        auto wait = [&](long ms) {
            timespec time{0, ms * 1000000};
            if (sigtimedwait(&signals, nullptr, &time) > 0) _exit(0);
            if (since() >= milliseconds(args.drain_ms)) _exit(0);
        };
        // Those who queued up before the signal are still let in, then `accept` wakes.
        while (ready(listener, POLLIN) && since() < milliseconds(200)) wait(1);
        shutdown(listener, SHUT_RDWR);
        close(spare);
        do wait(20);
        while (end_quiet_connections() > 0);
        _exit(0);
    };
    std::thread(stop).detach();
}
