// One virtual thread per connection, in Java.
//
// Waits     on the heap: `read(2)` finds nothing, and the stack of the thread is put aside
// Wakes     by a poller, through epoll(7), into the queue of the carrier threads
// Costs     a few objects per connection, an `epoll_ctl(2)` and two switches for every wait
// Gives out at the CPUs; before that where code pins its carrier (`synchronized` until JDK 24)
// Next      python-asyncio: coroutines on one thread, marked in the code

import java.io.*;
import java.net.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import sun.misc.*;

public final class Main {
    private static final int TURN = 16; // full buffers, after which the others get theirs

    public static void main(String[] words) throws IOException, InterruptedException {
        Args args = new Args(words);
        openStandardStreams();
        ServerSocket listener = listen(args);
        startComplaining();
        // Heeded because no virtual thread has been started yet.
        System.setProperty("jdk.virtualThreadScheduler.parallelism", "" + args.workers);
        Thread acceptor = Thread.startVirtualThread(() -> accept(listener, args));
        stopOnSignals(listener, acceptor, args);
        // It waits in epoll by then, so epoll is what is announced.
        for (; acceptor.getState() != Thread.State.WAITING; Thread.sleep(1))
            if (!acceptor.isAlive()) throw fail(4, "cannot use epoll");
        announce(listener, args);
        Thread.currentThread().join(); // for good, as no virtual thread keeps a JVM alive
    }

    /** Takes connections until the listener is closed. */
    private static void accept(ServerSocket listener, Args args) {
        while (true) {
            try {
                Socket socket = listener.accept();
                if (socket.getRemoteSocketAddress().equals(lastInQueue)) listener.close();
                AtomicLong lastEcho = new AtomicLong(System.nanoTime());
                CONNECTIONS.put(socket, lastEcho);
                try {
                    // This is the model: the JVM schedules connections, on a few carriers.
                    Thread.startVirtualThread(() -> echo(socket, lastEcho, args));
                } catch (OutOfMemoryError refused) {
                    CONNECTIONS.remove(socket);
                    socket.close();
                    retry("start a thread", refused);
                }
            } catch (IOException error) {
                if (listener.isClosed()) return;
                retry("accept", error);
            }
        }
    }

    /** Serves one connection until either side ends it. */
    private static void echo(Socket socket, AtomicLong lastEcho, Args args) {
        try (socket) {
            // A listener in Java has neither option to pass on.
            socket.setTcpNoDelay(true);
            socket.setOOBInline(true);
            InputStream in = socket.getInputStream();
            OutputStream out = socket.getOutputStream();
            byte[] buffer = new byte[args.bufferBytes];
            for (int n, turn = 0; (n = in.read(buffer)) >= 0; ) {
                spin(args.spinUs);
                // Waits while the peer doesn't read: back-pressure for free.
                out.write(buffer, 0, n);
                lastEcho.setRelease(System.nanoTime());
                // Only waiting gives up a carrier; to yield may mean to be the next again.
                if (n == buffer.length && ++turn % TURN == 0) LockSupport.parkNanos(1);
            }
        } catch (IOException | OutOfMemoryError error) { // ends this connection only
        } finally {
            CONNECTIONS.remove(socket);
        }
    }

    private static void spin(long us) {
        long start = us > 0 ? System.nanoTime() : 0;
        while (us > 0 && System.nanoTime() - start < us * 1000) continue;
    }

    private static final String HELP = """
        Echo over TCP with one virtual thread per connection, in Java.
        Blocking sockets, on virtual threads that --workers carrier threads take turns with.

          --addr <HOST:PORT>     Listen on this address; port 0: any [127.0.0.1:8080]
          --workers <N>          Carrier threads [the CPUs it may use]
          --backlog <N>          Let this many connections wait to be accepted [4096]
          --buffer-bytes <N>     Read at most this many bytes at once [4096]
          --spin-us <N>          Burn this much CPU before each echo, as a handler would [0]
          --drain-ms <N>         After SIGTERM, let connections finish for this long [5000]""";

    private static final class Args {
        String text = "127.0.0.1:8080";
        final InetSocketAddress addr;
        int workers = Runtime.getRuntime().availableProcessors();
        int bufferBytes = 4096, backlog = 4096;
        long spinUs = 0, drainMs = 5000;

        Args(String[] words) {
            for (int i = 0; i < words.length; i++) {
                if (words[i].equals("--help") || words[i].equals("-h")) {
                    System.out.println(HELP);
                    System.exit(System.out.checkError() ? 1 : 0);
                }
                String[] halves = words[i].split("=", 2);
                String flag = halves[0], value = halves[halves.length - 1];
                if (halves.length == 1) value = ++i < words.length ? words[i] : "";
                switch (flag) {
                    case "--addr" -> text = value;
                    case "--workers" -> workers = (int) number(flag, value, 1, 4096);
                    case "--backlog" -> backlog = (int) number(flag, value, 1, 65535);
                    case "--buffer-bytes" -> bufferBytes = (int) number(flag, value, 1, 65536);
                    case "--spin-us" -> spinUs = number(flag, value, 0, 4294967295L);
                    case "--drain-ms" -> drainMs = number(flag, value, 0, 4294967295L);
                    default -> throw fail(2, "unexpected argument '" + flag + "'; try --help");
                }
            }
            addr = resolve(text);
        }
    }

    private static long number(String flag, String text, long low, long high) {
        long value = text.matches("[0-9]{1,10}") ? Long.parseLong(text) : -1;
        if (value >= low && value <= high) return value;
        String why = "': expected a number from " + low + " to " + high;
        throw fail(2, "invalid value '" + text + "' for '" + flag + why);
    }

    private static InetSocketAddress resolve(String text) {
        int colon = text.lastIndexOf(':');
        String host = text.substring(0, Math.max(colon, 0));
        int port = (int) number("--addr", text.substring(colon + 1), 0, 65535);
        // Heeded until a socket is made: else it would be an IPv6 socket even for an IPv4 address.
        System.setProperty("java.net.preferIPv4Stack", "" + !host.startsWith("["));
        try {
            // Java would look up the name that anything else might be.
            if (host.matches("\\[.*]|((25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)(\\.(?!$)|$)){4}"))
                return new InetSocketAddress(InetAddress.getByName(host), port);
        } catch (UnknownHostException error) { } // brackets without an IPv6 literal
        throw fail(2, "invalid --addr '" + text + "': expected 127.0.0.1:8080 or [::1]:8080");
    }

    private static Error fail(int code, String why) {
        System.err.println("error: " + why);
        Runtime.getRuntime().halt(code);
        return new Error(why);
    }

    private static final FileInputStream[] STANDARD = new FileInputStream[3]; // never closed

    /** Keeps a closed stdin, stdout or stderr from becoming a socket's number. */
    private static void openStandardStreams() throws IOException {
        for (int fd = 0; fd <= 2; fd++)
            if (!new File("/proc/self/fd/" + fd).exists())
                STANDARD[fd] = new FileInputStream("/dev/null");
    }

    private static ServerSocket listen(Args args) {
        try {
            ServerSocket listener = new ServerSocket();
            listener.setReuseAddress(true);
            listener.bind(args.addr, args.backlog);
            return listener;
        } catch (IOException e) {
            throw fail(3, "cannot listen on " + args.text + ": " + e.getMessage() + "; try --addr");
        }
    }

    private static void announce(ServerSocket listener, Args args) {
        InetSocketAddress at = (InetSocketAddress) listener.getLocalSocketAddress();
        // Java writes out the zeros of ::1.
        String host = at.getAddress().getHostAddress().replaceFirst("(^|:)0(:0)+(:|$)", "::");
        String where = (host.contains(":") ? "[" + host + "]" : host) + ":" + at.getPort();
        System.out.println("LISTENING " + where + " pid=" + ProcessHandle.current().pid()
            + " backend=epoll workers=" + args.workers + " buffer=" + args.bufferBytes);
    }

    /** What `accept` says of a fault of one connection: Java keeps the text, not the number. */
    private static final Pattern FAULT = Pattern.compile("abort|reset by|Interrupted|Protocol "
        + "|not (permitted|supported)|Network is|on the network|Host is down|No route|timed out");

    /** Passes over a fault of one connection, waits for the end of exhaustion. */
    private static void retry(String doing, Throwable error) {
        if (FAULT.matcher(error.toString()).find()) return;
        COMPLAINTS.offer("cannot " + doing + ": " + error.getMessage() + "; still trying");
        LockSupport.parkNanos(25_000_000);
    }

    /** Takes a line only while somebody waits for one. */
    private static final SynchronousQueue<String> COMPLAINTS = new SynchronousQueue<>();

    /** Whoever reads stderr may be asleep: one thread waits for that, nobody for the thread. */
    private static void startComplaining() {
        Thread thread = new Thread(new FutureTask<Void>(() -> {
            for (;; Thread.sleep(1000)) System.err.println(COMPLAINTS.take());
        }));
        thread.setDaemon(true);
        thread.start();
    }

    /** Connections, each with the time of its last echo. */
    private static final Map<Socket, AtomicLong> CONNECTIONS = new ConcurrentHashMap<>();

    /** Ends the reading side; bytes may be on their way, or their sender blocked. */
    private static void endIfQuiet(Socket socket, AtomicLong lastEcho) {
        try {
            boolean quiet = System.nanoTime() - lastEcho.get() >= 100_000_000;
            if (quiet && socket.getInputStream().available() == 0) socket.shutdownInput();
        } catch (IOException error) { } // closed or ended meanwhile
    }

    /** At the first signal closes the listener and ends the reading side of quiet
     * connections: to `echo` that is a peer which has finished. Exits at the second. */
    private static void stopOnSignals(ServerSocket listener, Thread acceptor, Args args) {
        AtomicBoolean signalled = new AtomicBoolean();
        SignalHandler stop = signal -> { // in a thread of its own each time
            if (!signalled.getAndSet(true)) stop(listener, acceptor, args.drainMs);
            Runtime.getRuntime().halt(0);
        };
        for (String name : List.of("TERM", "INT")) Signal.handle(new Signal(name), stop);
    }

    private static volatile SocketAddress lastInQueue; // from where the stop connects

    private static void stop(ServerSocket listener, Thread acceptor, long drainMs) {
        long end = System.nanoTime() + drainMs * 1_000_000;
        int ms = (int) Math.max(1, Math.min(200, drainMs));
        // Queues up itself: once it is let in, so is everybody who came before.
        try (listener; Socket last = new Socket()) {
            InetSocketAddress at = (InetSocketAddress) listener.getLocalSocketAddress();
            InetAddress own = at.getAddress();
            if (own.isAnyLocalAddress()) own = InetAddress.getLoopbackAddress();
            last.bind(new InetSocketAddress(own, 0));
            lastInQueue = last.getLocalSocketAddress();
            last.connect(new InetSocketAddress(own, at.getPort()), ms);
            acceptor.join(ms);
        } catch (IOException | InterruptedException error) { } // no room: nobody else is let in
        while (!CONNECTIONS.isEmpty() && System.nanoTime() - end < 0) {
            CONNECTIONS.forEach(Main::endIfQuiet);
            LockSupport.parkNanos(20_000_000);
        }
    }
}
