// The original project's C++ client: one OS thread per connection.
//
// Mirrors  10,000 at once connect, send 100 bytes, read 100 bytes back and close
// Prints   the original's line, whose average is the total divided by the clients
// Differs  verifies every echo and gives up at a deadline, where the original believed the
//          server and waited for ever; takes any address, counts what failed
// Beware   whoever connects faster than the server accepts overflows its queue of 4096;
//          a SYN dropped then is sent again after 1 s, and that is in the total, as ever

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

using namespace std::chrono;
using std::string, std::to_string;

constexpr size_t SIZE = 100;
constexpr char USAGE[] = "client [HOST:PORT] [--clients N] [--deadline-s N]";

enum Kind { RIGHT, REFUSED, RESET, WRONG, TIMED_OUT, OWN, KINDS };

struct Outcome { Kind kind = TIMED_OUT; string detail; };  // TIMED_OUT as long as it runs

static std::mutex mutex;  // guards what clients tell: their outcomes and how many are left
static std::condition_variable all_ended;
static int left;

[[noreturn]] static void fail(int code, const string& why) {
    dprintf(STDERR_FILENO, "error: %s\n", why.c_str());
    _exit(code);
}

static Outcome failed(int error) {
    switch (error) {
        case ECONNREFUSED: return {REFUSED, ""};
        case ECONNRESET: case ECONNABORTED: case EPIPE: return {RESET, ""};
        case ETIMEDOUT: return {TIMED_OUT, ""};
        case EMFILE: return {OWN, "too many open files; raise the limit: `ulimit -n 20000`"};
        default: return {OWN, strerror(error)};
    }
}

static Outcome exchange(int fd, const addrinfo* addr, int number) {
    string sent, came(SIZE, '\0');
    while (sent.size() < SIZE) sent += "client " + to_string(number) + " ";  // no other sends that
    // A hundred bytes always fit an empty send buffer.
    if (connect(fd, addr->ai_addr, addr->ai_addrlen) ||
        send(fd, sent.data(), SIZE, MSG_NOSIGNAL) < 0) return failed(errno);
    for (size_t got = 0; got < SIZE;) {
        ssize_t n = recv(fd, &came[got], SIZE - got, 0);
        if (n <= 0) return n == 0 ? Outcome{RESET, ""} : failed(errno);
        got += n;
    }
    size_t at = 0;
    while (at < SIZE && came[at] == sent[at]) at++;
    if (at == SIZE) return {RIGHT, ""};
    char text[100];
    snprintf(text, sizeof text, "; client %d, byte %zu: %02x sent, %02x came", number, at,
             (unsigned char)sent[at], (unsigned char)came[at]);
    return {WRONG, text};
}

static void client(const addrinfo* addr, int number, Outcome& outcome) {
    int fd = socket(addr->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    Outcome found = fd < 0 ? failed(errno) : exchange(fd, addr, number);
    if (fd >= 0) close(fd);
    std::lock_guard<std::mutex> held(mutex);
    outcome = found;
    if (--left == 0) all_ended.notify_one();
}

// Ends the program with one line if any client failed.
static void judge(const std::vector<Outcome>& outcomes) {
    int count[KINDS] = {}, all = outcomes.size();
    string first[KINDS];
    for (const Outcome& outcome : outcomes)
        if (count[outcome.kind]++ == 0) first[outcome.kind] = outcome.detail;
    if (count[RIGHT] == all) return;
    if (count[OWN]) fail(1, to_string(count[OWN]) + " clients could not try: " + first[OWN]);
    string told = to_string(all - count[RIGHT]) + " of " + to_string(all) + " clients failed:";
    const char* names[] = {"", " refused,", " reset,", " wrong bytes,", " timed out"};
    for (int kind = REFUSED; kind < OWN; kind++) told += " " + to_string(count[kind]) + names[kind];
    fail(1, told + first[WRONG]);
}

static int number(const string& text) {
    char rest;
    int value = 0, parts = sscanf(text.c_str(), "%5d%c", &value, &rest);
    if (parts == 1 && value >= 1 && value <= 65535) return value;
    fail(2, "'" + text + "' is not a number from 1 to 65535");
}

static addrinfo* resolve(const string& text) {
    char host[64], port[6], rest, bits[16];  // getaddrinfo alone would take 127.1
    addrinfo hints{AI_NUMERICHOST, text[0] == '[' ? AF_INET6 : AF_INET, 0, 0, 0, 0, 0, 0}, *found;
    const char* shape = hints.ai_family == AF_INET ? "%63[^:]:%5[0-9]%c" : "[%63[^]]]:%5[0-9]%c";
    if (sscanf(text.c_str(), shape, host, port, &rest) == 2 && number(port) &&
        inet_pton(hints.ai_family, host, bits) == 1 &&
        getaddrinfo(host, port, &hints, &found) == 0) return found;
    fail(2, "expected 127.0.0.1:8080 or [::1]:8080, not '" + text + "'");
}

int main(int argc, char** argv) {
    string addr = "127.0.0.1:8080", clients = "10000", deadline_s = "60";
    for (int i = 1; i < argc; i++) {
        string word = argv[i];
        string next = i + 1 < argc ? argv[i + 1] : "";
        if (word == "--clients") clients = next, i++;
        else if (word == "--deadline-s") deadline_s = next, i++;
        else if (word == "--help") return puts(USAGE) < 0;
        else if (word[0] != '-') addr = word;
        else fail(2, "unexpected argument '" + word + "'; usage: " + USAGE);
    }
    int count = left = number(clients);
    seconds patience(number(deadline_s));
    addrinfo* server = resolve(addr);
    // std::thread takes no stack size, so the default it starts from changes.
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    pthread_setattr_default_np(&attributes);
    std::vector<Outcome> outcomes(count);
    std::vector<std::thread> threads;
    auto began = steady_clock::now();
    try {
        for (int i = 0; i < count; i++)
            threads.emplace_back(client, server, i, std::ref(outcomes[i]));
    } catch (const std::system_error& error) {
        fail(1, "cannot start thread " + to_string(threads.size()) + ": " + error.what());
    }
    std::unique_lock<std::mutex> held(mutex);
    if (!all_ended.wait_until(held, began + patience, [] { return left == 0; })) judge(outcomes);
    for (auto& thread : threads) thread.join();
    double ms = duration<double, std::milli>(steady_clock::now() - began).count();
    judge(outcomes);
    printf("C++: %d clients, total time = %.3f ms, avg = %.3f μs\n", count, ms, ms * 1000 / count);
    if (fflush(stdout)) fail(1, string("cannot write to stdout: ") + strerror(errno));
}
