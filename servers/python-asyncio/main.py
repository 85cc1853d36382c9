#!/usr/bin/env python3
"""One coroutine per connection, one thread for all of them.

Waits     in `epoll_wait(2)`, once for all connections
Wakes     a coroutine, through a future and the loop's queue of callbacks
Costs     a coroutine per connection, and bytecode for every step of an echo
Gives out at one CPU, long before a compiled server does
Next      python-uvloop: the same coroutines, on a loop that is compiled
"""

import argparse
import asyncio
import errno
import os
import select
import selectors
import signal
import socket
import sys
import time

ABOUT = """Echo over TCP with one asyncio coroutine per connection.
One thread serves everybody from the standard library's loop, so --workers changes nothing."""
TURN = 16  # echoes after which the others get their turn


def main():
    args = parse()
    open_standard_streams()
    try:
        # Named, because the default falls back to poll without a word.
        loop = asyncio.SelectorEventLoop(selectors.EpollSelector())
    except (AttributeError, OSError) as error:
        fail(4, f"cannot use epoll: {error}")
    listener = listen(args)
    connections = {}
    stop_on_signals(loop, listener, connections, args.drain_ms / 1000)
    announce(listener, args)
    loop.run_until_complete(accept(loop, listener, connections, args))
    loop.run_forever()  # until the last connection ends the process


async def accept(loop, listener, connections, args):
    """Takes connections until the listener is closed."""
    while True:
        try:
            connection, _ = await loop.sock_accept(listener)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return
            await retry(error)
            continue
        # This is the model: the loop resumes whichever coroutine can go on.
        task = loop.create_task(echo(loop, connection, args))
        connections[task] = connection
        task.add_done_callback(connections.pop)
        # An accept that doesn't wait doesn't yield either; the others want their turn.
        await asyncio.sleep(0)


async def echo(loop, connection, args):
    """Serves one connection until either side ends it."""
    with connection:
        try:
            turn = 0
            while data := await loop.sock_recv(connection, args.buffer_bytes):
                spin(args.spin_us)
                # Suspends while the peer doesn't read, so this coroutine stops reading.
                await loop.sock_sendall(connection, data)
                turn += 1
                if turn % TURN == 0:  # neither waits beside a peer that is always ready
                    await asyncio.sleep(0)
        except OSError:
            pass  # the peer is gone


def spin(us):
    """Burns CPU by the monotonic clock, as a handler would."""
    if us:
        end = time.monotonic_ns() + us * 1000
        while time.monotonic_ns() < end:
            pass


def parse():
    def number(low, high):
        def parse_number(text):
            value = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else -1
            if not low <= value <= high:
                raise argparse.ArgumentTypeError(f"{text!a} is not in {low}..{high}")
            return value

        return parse_number

    def address(text):
        host, _, port = text.rpartition(":")
        family = socket.AF_INET6 if host[:1] == "[" and host[-1:] == "]" else socket.AF_INET
        host = host[1:-1] if family == socket.AF_INET6 else host
        try:
            socket.inet_pton(family, host)
            return family, (host, number(0, 65535)(port))
        except (OSError, ValueError, argparse.ArgumentTypeError):
            example = "127.0.0.1:6999 or [::1]:6999"
            raise argparse.ArgumentTypeError(f"expected {example}, not {text!a}") from None

    parser = argparse.ArgumentParser(description=ABOUT, allow_abbrev=False)
    for flag, kind, default, text in [
        ("--addr", address, "127.0.0.1:6999", "listen on this address; port 0: any"),
        ("--workers", number(1, 4096), "1", "accepted, as by every server"),
        ("--backlog", number(1, 65535), "4096", "let so many wait to be accepted"),
        ("--buffer-bytes", number(1, 65536), "4096", "read at most so much at once"),
        ("--spin-us", number(0, 2**32 - 1), "0", "burn this much CPU before each echo"),
        ("--drain-ms", number(0, 2**32 - 1), "5000", "after SIGTERM, let connections finish"),
    ]:
        help_text = text + " (default: %(default)s)"
        parser.add_argument(flag, type=kind, default=default, help=help_text)
    return parser.parse_args()


def fail(code, why):
    complain(f"error: {why}")
    os._exit(code)


def complain(line):
    """Writes to stderr, unless its reader would hold the server up."""
    poller = select.poll()
    poller.register(2, select.POLLOUT)
    try:
        if poller.poll(0):
            os.write(2, f"{line}\n".encode())
    except OSError:
        pass


def open_standard_streams():
    """Keeps a closed stdin, stdout or stderr from becoming a socket's number."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def listen(args):
    family, address = args.addr
    try:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit these two.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        listener.bind(address)
        # asyncio's servers would make it 100, and accept as often per wake-up.
        listener.listen(args.backlog)
        return listener
    except OSError as error:
        fail(3, f"cannot listen on {show(family, address)}: {error}; try --addr")


def show(family, address):
    host, port = address[:2]
    return f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"


def announce(listener, args):
    at = show(listener.family, listener.getsockname())
    line = f"LISTENING {at} pid={os.getpid()} backend=epoll workers=1 buffer={args.buffer_bytes}\n"
    try:
        os.write(1, line.encode())
    except OSError:
        pass  # the business of whoever closed it


# `accept` reports these for one connection; the next is none the worse.
FAULTS = {getattr(errno, name) for name in """
    ECONNABORTED ECONNRESET EINTR EPROTO EPERM EOPNOTSUPP ENOPROTOOPT ENETDOWN ENETUNREACH
    ENONET EHOSTDOWN EHOSTUNREACH ETIMEDOUT""".split()}


async def retry(error, last=[-1.0]):
    """Passes over a fault of one connection, waits for the end of exhaustion."""
    if error.errno in FAULTS:
        return
    if time.monotonic() - last[0] >= 1:
        last[0] = time.monotonic()
        complain(f"cannot accept: {error}; still trying")
    await asyncio.sleep(0.025)


def readable(descriptor):
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(0))


def stop_on_signals(loop, listener, connections, drain):
    """At the first signal closes the listener and ends the reading side of quiet
    connections: to `echo` that is a peer which has finished. Exits at the second."""

    def end_if_quiet(connection):
        # The peer's bytes may be on their way, or their sender blocked.
        try:
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
            # A sender that was held up goes on when its echo does.
            ms_since_last_byte = min(
                int.from_bytes(info[at : at + 4], sys.byteorder) for at in (44, 52)
            )
            if ms_since_last_byte >= 100 and not readable(connection):
                connection.shutdown(socket.SHUT_RD)
        except OSError:
            pass  # closed meanwhile

    async def stop():
        # Those who queued up before the signal are still let in, newcomers are refused.
        end = loop.time() + 0.2
        while readable(listener) and loop.time() < end:
            await asyncio.sleep(0.001)
        listener.shutdown(socket.SHUT_RDWR)
        await asyncio.sleep(0.005)
        while connections:
            for connection in connections.values():
                end_if_quiet(connection)
            await asyncio.sleep(0.02)
        os._exit(0)

    tasks = []

    def signalled():
        if tasks:
            os._exit(0)
        loop.call_later(drain, os._exit, 0)
        tasks.append(loop.create_task(stop()))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled)


if __name__ == "__main__":
    main()
