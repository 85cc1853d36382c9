// The echo server of the textbook: Accept, go, Read, Write.
//
// What go-goroutines is measured against. It differs from the book in what
// every server here has: a backlog (4096), TCP_NODELAY (Go's default), a
// 4096-byte buffer and the announce line. It reads past the flags of the
// contract other than --addr, and ends at the first signal.
package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
)

const (
	backlog = 4096
	buffer  = 4096
)

func main() {
	addr := "127.0.0.1:8080"
	for i, word := range os.Args[:len(os.Args)-1] {
		if word == "--addr" {
			addr = os.Args[i+1]
		}
	}
	listener, err := net.Listen("tcp4", addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(3)
	}
	if err := setBacklog(listener.(*net.TCPListener)); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(3)
	}
	fmt.Printf("LISTENING %v pid=%d backend=epoll workers=%d buffer=%d\n",
		listener.Addr(), os.Getpid(), runtime.GOMAXPROCS(0), buffer)
	for {
		connection, err := listener.Accept()
		if err != nil {
			continue
		}
		go echo(connection)
	}
}

func echo(connection net.Conn) {
	defer connection.Close()
	bytes := make([]byte, buffer)
	for {
		n, err := connection.Read(bytes)
		if err != nil {
			return
		}
		if _, err := connection.Write(bytes[:n]); err != nil {
			return
		}
	}
}

// Go listens with the longest backlog there is; a second call replaces it.
func setBacklog(listener *net.TCPListener) (err error) {
	socket, err := listener.SyscallConn()
	if err != nil {
		return err
	}
	socket.Control(func(fd uintptr) { err = syscall.Listen(int(fd), backlog) })
	return err
}
