#!/usr/bin/env python3
"""The original project's Python client: one coroutine per connection, one thread.

Mirrors  10,000 at once connect, send 100 bytes, read 100 bytes back and close
Prints   the original's line, whose average is the total divided by the clients
Differs  verifies every echo and gives up at a deadline, where the original believed
         the server and waited for ever; takes any address, counts what failed
Beware   whoever connects faster than the server accepts overflows its queue of 4096;
         a SYN dropped then is sent again after 1 s, and that is in the total, as ever
"""

import argparse
import asyncio
import collections
import errno
import os
import signal
import socket
import time

SIZE = 100
MANY = "; raise the limit: `ulimit -n 20000`"

# What came of one client that failed; `detail` is an error or a sentence.
Failure = collections.namedtuple("Failure", "kind number detail")


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    args = parse()
    total_ms, failures = asyncio.run(drive(*args.addr, args.clients, args.deadline_s))
    if failures:
        fail(1, told(failures, args.clients))
    line = (
        f"Python: {args.clients} clients, total time = {total_ms:.2f} ms, "
        f"avg latency = {total_ms / args.clients:.4f} ms/client\n"
    )
    try:
        # Not print: its encoding depends on the locale.
        os.write(1, line.encode())
    except OSError as error:
        fail(1, f"cannot write to stdout: {error}")


async def drive(host, port, clients, deadline_s):
    """Runs all clients at once; returns the time in ms and what failed."""
    began = time.perf_counter()
    tasks = {
        asyncio.ensure_future(client(host, port, number)): number
        for number in range(clients)
    }
    done, late = await asyncio.wait(tasks, timeout=deadline_s)
    total_ms = (time.perf_counter() - began) * 1000
    failures = [task.result() for task in done if task.result()]
    failures += [Failure("timed out", tasks[task], "") for task in late]
    return total_ms, failures


async def client(host, port, number):
    """Connects, sends, reads, closes; returns a failure or nothing."""
    sent = payload(number)
    try:
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(sent)
            await writer.drain()
            got = await reader.readexactly(SIZE)
        finally:
            writer.close()
    except ConnectionRefusedError as error:
        return Failure("refused", number, error)
    except (ConnectionError, asyncio.IncompleteReadError) as error:
        return Failure("reset", number, error)
    except OSError as error:
        kind = "timed out" if isinstance(error, TimeoutError) else "own"
        many = error.errno == errno.EMFILE
        return Failure(kind, number, f"{error}{MANY if many else ''}")
    try:
        await writer.wait_closed()
    except OSError:
        pass  # it has its echo
    if got != sent:
        at = next(i for i in range(SIZE) if got[i] != sent[i])
        detail = f"client {number}, byte {at}: {sent[at]:02x} sent, {got[at]:02x} came"
        return Failure("wrong bytes", number, detail)
    return None


def payload(number):
    """100 bytes that no other client sends."""
    return (f"client {number} " * SIZE).encode()[:SIZE]


def told(failures, clients):
    """The failures in one line."""
    failures.sort(key=lambda failure: -failure.number)
    first = {failure.kind: failure for failure in failures}  # the last one stays
    count = collections.Counter(failure.kind for failure in failures)
    if "own" in first:
        return f"{count['own']} clients could not try: {first['own'].detail}"
    kinds = ["refused", "reset", "wrong bytes", "timed out"]
    counts = ", ".join(f"{count[kind]} {kind}" for kind in kinds)
    wrong = f"; {first['wrong bytes'].detail}" if "wrong bytes" in first else ""
    return f"{len(failures)} of {clients} clients failed: {counts}{wrong}"


def fail(code, why):
    os.write(2, f"error: {why}\n".encode())
    os._exit(code)


def parse():
    def address(text):
        host, _, port = text.rpartition(":")
        family = socket.AF_INET6 if host[:1] == "[" and host[-1:] == "]" else socket.AF_INET
        host = host[1:-1] if family == socket.AF_INET6 else host
        try:
            socket.inet_pton(family, host)
            return host, number(port)
        except (OSError, ValueError, argparse.ArgumentTypeError):
            example = "127.0.0.1:6999 or [::1]:6999"
            raise argparse.ArgumentTypeError(f"expected {example}, not {text!a}") from None

    def number(text):
        value = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
        if not 1 <= value <= 65535:
            raise argparse.ArgumentTypeError(f"{text!a} is not in 1..65535")
        return value

    parser = argparse.ArgumentParser(
        description="The original test: N at once connect, send 100 bytes, read them back, close.",
        allow_abbrev=False,
    )
    parser.add_argument("addr", metavar="HOST:PORT", nargs="?", type=address,
                        default="127.0.0.1:6999", help="the server (default: %(default)s)")
    parser.add_argument("--clients", metavar="N", type=number, default="10000",
                        help="connections at once (default: %(default)s)")
    parser.add_argument("--deadline-s", metavar="N", type=number, default="60",
                        help="seconds until it gives up (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
