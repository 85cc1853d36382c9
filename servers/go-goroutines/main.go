// One goroutine per connection.
//
// Waits     in `read(2)`, as it looks; in `epoll_wait(2)`, as it is
// Wakes     a goroutine, which any of the runtime's threads goes on with
// Costs     a goroutine per connection: its stack of 2 KiB or more, and its buffer
// Gives out at all CPUs; before that, at what the garbage collector has to walk
// Next      java-virtual-threads: the same for code that was written to block

// Plain TCP: listening for MPTCP as well, the default, would be paid for in each call.
//
//go:debug multipathtcp=0
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

type Args struct {
	addr                                           netip.AddrPort
	workers, backlog, bufferBytes, spinUs, drainMs int64
}

func main() {
	args := parse()
	openStandardStreams()
	signal.Ignore(syscall.SIGPIPE)
	runtime.GOMAXPROCS(int(args.workers))
	listener, number := listen(args)
	go complain()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go stop(signals, listener, number, args)
	announce(listener, args)
	accept(listener, args)
	select {} // until the last connection ends the process
}

// Takes connections until the listener is closed.
func accept(listener *net.TCPListener, args Args) {
	for {
		connection, err := listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			retry(err)
			continue
		}
		// This is the model: the runtime parks whoever would wait.
		go echo(connection, args)
	}
}

// Serves one connection until either side ends it.
func echo(connection *net.TCPConn, args Args) {
	defer connection.Close()
	buffer := make([]byte, args.bufferBytes)
	for {
		n, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if args.spinUs > 0 { // as a handler would
			for start := time.Now(); time.Since(start).Microseconds() < args.spinUs; {
			}
		}
		// Parks while the peer doesn't read, so this goroutine stops reading.
		if _, err := connection.Write(buffer[:n]); err != nil {
			return
		}
	}
}

const help = `Echo over TCP with one goroutine per connection.
The runtime's network poller waits; --workers is GOMAXPROCS, the threads that run goroutines.

  --addr <HOST:PORT>     Listen on this address; port 0 lets the kernel choose [127.0.0.1:8080]
  --workers <N>          Run goroutines on this many threads at once [the CPUs it may use]
  --backlog <N>          Let this many connections wait to be accepted [4096]
  --buffer-bytes <N>     Read at most this many bytes at once [4096]
  --spin-us <N>          Burn this much CPU before each echo, as a handler would [0]
  --drain-ms <N>         After SIGTERM, let open connections finish for this long [5000]
`

func parse() (args Args) {
	flags := flag.NewFlagSet("go-goroutines", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.TextVar(&args.addr, "addr", netip.MustParseAddrPort("127.0.0.1:8080"), "")
	number := func(name string, value *int64, initial int64, low, high uint64) {
		*value = initial
		flags.Func(name, "", func(text string) error {
			n, err := strconv.ParseUint(text, 10, 64)
			if *value = int64(n); err != nil || n < low || n > high {
				return fmt.Errorf("expected a number from %d to %d", low, high)
			}
			return nil
		})
	}
	number("workers", &args.workers, int64(runtime.NumCPU()), 1, 4096)
	number("backlog", &args.backlog, 4096, 1, 65535)
	number("buffer-bytes", &args.bufferBytes, 4096, 1, 65536)
	number("spin-us", &args.spinUs, 0, 0, 1<<32-1)
	number("drain-ms", &args.drainMs, 5000, 0, 1<<32-1)
	if err := flags.Parse(os.Args[1:]); errors.Is(err, flag.ErrHelp) {
		fmt.Print(help)
		os.Exit(0)
	} else if err != nil {
		fail(2, err)
	} else if !args.addr.IsValid() {
		fail(2, errors.New("invalid value for --addr: expected 127.0.0.1:8080 or [::1]:8080"))
	} else if flags.NArg() > 0 {
		fail(2, fmt.Errorf("unexpected argument %q; try --help", flags.Arg(0)))
	}
	return args
}

func fail(code int, why error) {
	fmt.Fprintf(os.Stderr, "error: %v\n", why)
	os.Exit(code)
}

// Keeps a closed stdin, stdout or stderr from becoming a socket's number.
func openStandardStreams() {
	for fd := 0; fd <= 2; fd++ {
		if err := syscall.Fstat(fd, new(syscall.Stat_t)); err != nil {
			syscall.Open(os.DevNull, syscall.O_RDWR, 0)
		}
	}
}

func listen(args Args) (*net.TCPListener, int) {
	network, number := "tcp", -1
	if args.addr.Addr().Is4() {
		network = "tcp4" // or 0.0.0.0 would mean every IPv6 address as well
	}
	control := func(_, _ string, socket syscall.RawConn) error {
		return socket.Control(func(fd uintptr) { number = int(fd) })
	}
	config := net.ListenConfig{KeepAlive: -1, Control: control}
	listener, err := config.Listen(context.Background(), network, args.addr.String())
	if err != nil {
		fail(3, fmt.Errorf("cannot %w; try --addr", err))
	}
	// Accepted sockets inherit urgent data in line; Go sets TCP_NODELAY on each.
	syscall.SetsockoptInt(number, syscall.SOL_SOCKET, syscall.SO_OOBINLINE, 1)
	// Go listens with the longest backlog there is; a second call replaces it.
	syscall.Listen(number, int(args.backlog))
	return listener.(*net.TCPListener), number
}

func announce(listener net.Listener, args Args) {
	fmt.Printf("LISTENING %v pid=%d backend=epoll workers=%d buffer=%d\n",
		listener.Addr(), os.Getpid(), runtime.GOMAXPROCS(0), args.bufferBytes)
}

// `accept` reports these for one connection; the next is none the worse.
var faults = []error{syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EINTR, syscall.EPROTO,
	syscall.EPERM, syscall.EOPNOTSUPP, syscall.ENOPROTOOPT, syscall.ENETDOWN, syscall.ENETUNREACH,
	syscall.ENONET, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ETIMEDOUT}

// Passes over a fault of one connection, waits for the end of exhaustion.
func retry(err error) {
	for _, fault := range faults {
		if errors.Is(err, fault) {
			return
		}
	}
	select {
	case complaints <- fmt.Sprintf("cannot accept: %v; still trying\n", err):
	default: // the last one is less than a second old, or nobody reads
	}
	time.Sleep(25 * time.Millisecond)
}

var complaints = make(chan string)

// Writes to stderr at most once a second; only this goroutine waits for its reader.
func complain() {
	for line := range complaints {
		os.Stderr.WriteString(line)
		time.Sleep(time.Second)
	}
}

// At the first signal closes the listener and ends the reading side of quiet
// connections: to `echo` that is a peer which has finished. Exits at the second.
func stop(signals chan os.Signal, listener net.Listener, number int, args Args) {
	<-signals
	exit := func() { os.Exit(0) }
	time.AfterFunc(time.Duration(args.drainMs)*time.Millisecond, exit)
	go func() {
		<-signals
		exit()
	}()
	// Those who queued up before the signal are still let in, newcomers are refused.
	for i := 0; i < 200 && tcpInfo(number).Unacked > 0; i++ { // a listener's queue
		time.Sleep(time.Millisecond)
	}
	listener.Close()
	time.Sleep(5 * time.Millisecond)
	for endQuietConnections() > 0 {
		time.Sleep(20 * time.Millisecond)
	}
	exit()
}

// Ends the reading side of connections that have gone quiet; counts them all.
func endQuietConnections() (count int) {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 1 // one is assumed to be left: the drain time ends it
	}
	for _, entry := range list {
		fd, _ := strconv.Atoi(entry.Name())
		if fd <= 2 || tcpInfo(fd).State == 0 {
			continue
		}
		count++
		// First whether it is empty, then since when: meanwhile `echo` may read what was there.
		_, _, err := syscall.Recvfrom(fd, make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		info := tcpInfo(fd) // a sender that was held up goes on when its echo does
		if err == syscall.EAGAIN && info.Last_data_recv >= 100 && info.Last_data_sent >= 100 {
			syscall.Shutdown(fd, syscall.SHUT_RD)
		}
	}
	return count
}

// All zeros for what isn't a TCP socket.
func tcpInfo(fd int) (info syscall.TCPInfo) {
	size := uint32(syscall.SizeofTCPInfo)
	syscall.Syscall6(syscall.SYS_GETSOCKOPT, uintptr(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	return info
}
