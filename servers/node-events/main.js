'use strict';
// One event loop, and a callback for whatever happens to a connection.
//
// Waits     in `epoll_wait(2)`, once for all connections, inside of libuv
// Wakes     a callback per event; what comes next is the next callback
// Costs     a socket object with its streams, buffers and closures per connection
// Gives out at one CPU, or when one callback takes long: everybody waits
// Next      rust-uring: ask for results, not for readiness

const fs = require('node:fs');
const net = require('node:net');
const util = require('node:util');

const HELP = `Echo over TCP with callbacks on one event loop, by Node's net.
One thread runs all callbacks, so --workers changes nothing.

  --addr <HOST:PORT>     Listen on this address; port 0 lets the kernel choose [127.0.0.1:8080]
  --workers <N>          Accepted, as by every server
  --backlog <N>          Let this many connections wait to be accepted [4096]
  --buffer-bytes <N>     Read at most this many bytes at once [4096]
  --spin-us <N>          Burn this much CPU before each echo, as a handler would [0]
  --drain-ms <N>         After SIGTERM, let open connections finish for this long [5000]
`;

// Descriptors for those who come when there are no more.
const SPARE = 16;

const connections = new Set();
let accepted = 0;

function main() {
  const args = parse(process.argv.slice(2));
  process.stderr.on('error', () => {}); // whoever read it is gone
  const server = net.createServer();
  server.on('error', (error) => {
    const [, why] = util.getSystemErrorMap().get(error.errno) ?? [, error.message];
    fail(3, `cannot listen on ${args.addr}: ${why}; try --addr`);
  });
  server.listen({ host: args.host, port: args.port, backlog: args.backlog }, () => {
    accept(server, args);
    stopOnSignals(server, args);
    announce(server, args);
  });
}

// Has every connection served from now on.
function accept(server, args) {
  // Out of descriptors, libuv closes whoever comes without a word; so it doesn't come to that.
  const most = descriptorLimit() - fs.readdirSync('/proc/self/fd').length - SPARE - 4;
  let late = 0;
  if (typeof server._handle?.onconnection !== 'function') fail(4, 'cannot use the net of Node');
  // net.Server has no option for the size of a read: left to itself it is 64 KiB, allocated
  // each time. So its handle is asked, though that is no documented interface.
  server._handle.onconnection = (error, handle) => {
    if (error) return complain(`cannot accept: ${util.getSystemErrorName(error)}; still trying`);
    accepted++;
    if (connections.size < most) return echo(handle, args);
    complain('cannot accept: too many open files; still trying');
    // Node can't leave a connection in the queue: it waits here for room, or is closed.
    if (late === SPARE) return handle.close();
    late++;
    setTimeout(() => {
      late--;
      if (connections.size < most) echo(handle, args);
      else handle.close();
    }, 100);
  };
}

// Serves one connection until either side ends it. An urgent byte is lost: it would
// take SO_OOBINLINE to have it in line, and Node sets no such option.
function echo(handle, args) {
  handle.setNoDelay(true);
  const buffer = Buffer.allocUnsafeSlow(args.bufferBytes);
  let stalled = false;
  // This is the model: the loop calls back, and what is to be remembered is in the closure.
  const callback = (n) => {
    spin(args.spinUs);
    socket.write(buffer.subarray(0, n), written);
    // False while the peer doesn't read: reading stops, as the buffer is still in use.
    stalled = socket.writableLength > 0;
    return !stalled;
  };
  const written = () => {
    if (!stalled || socket.writableLength > 0) return;
    stalled = false;
    socket.resume();
  };
  const socket = new net.Socket({ handle, allowHalfOpen: true, onread: { buffer, callback } });
  connections.add(socket);
  socket.on('end', () => socket.end());
  socket.on('error', () => {}); // the peer is gone; 'close' follows
  socket.on('close', () => connections.delete(socket));
}

// Burns CPU by the monotonic clock, as a handler would.
function spin(us) {
  if (us === 0) return;
  for (const end = performance.now() + us / 1000; performance.now() < end; );
}

function parse(words) {
  const options = { help: { type: 'boolean', short: 'h' } };
  for (const name of ['addr', 'workers', 'backlog', 'buffer-bytes', 'spin-us', 'drain-ms']) {
    options[name] = { type: 'string' };
  }
  let values;
  try {
    ({ values } = util.parseArgs({ args: words, options }));
  } catch (error) {
    fail(2, `${error.message.split('\n')[0]}; try --help`);
  }
  if (values.help) {
    write(1, HELP);
    process.exit(0);
  }
  const number = (name, initial, low, high) => {
    const text = values[name] ?? `${initial}`;
    const value = /^\d{1,10}$/.test(text) ? Number(text) : -1;
    if (value >= low && value <= high) return value;
    fail(2, `invalid value '${text}' for '--${name}': expected a number from ${low} to ${high}`);
  };
  const addr = values.addr ?? '127.0.0.1:8080';
  const [, six, four, port] = /^(?:\[(.+)\]|([\d.]+)):(\d{1,5})$/.exec(addr) ?? [];
  if (!(net.isIPv6(six) || net.isIPv4(four)) || port > 65535) {
    fail(2, `invalid value '${addr}' for '--addr': expected 127.0.0.1:8080 or [::1]:8080`);
  }
  number('workers', 1, 1, 4096);
  return {
    addr,
    host: six ?? four,
    port: Number(port),
    backlog: number('backlog', 4096, 1, 65535),
    bufferBytes: number('buffer-bytes', 4096, 1, 65536),
    spinUs: number('spin-us', 0, 0, 2 ** 32 - 1),
    drainMs: number('drain-ms', 5000, 0, 2 ** 32 - 1),
  };
}

function fail(code, why) {
  write(2, `error: ${why}\n`);
  process.exit(code);
}

function write(fd, text) {
  try {
    fs.writeSync(fd, text);
  } catch {
    // the business of whoever closed it
  }
}

function announce(server, args) {
  const { address, family, port } = server.address();
  const at = family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
  const how = `backend=epoll workers=1 buffer=${args.bufferBytes}`;
  write(1, `LISTENING ${at} pid=${process.pid} ${how}\n`);
}

// Node has raised the limit it started with as far as it may.
function descriptorLimit() {
  const limits = fs.readFileSync('/proc/self/limits', 'utf8');
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
}

let nextLine = 0;

// Writes to stderr at most once a second, and never waits for its reader.
function complain(line) {
  if (performance.now() < nextLine || process.stderr.writableLength > 0) return;
  nextLine = performance.now() + 1000;
  // Node writes to pipes and sockets when they have room, but to a stopped terminal blindly.
  if (!process.stderr.isTTY) return process.stderr.write(`${line}\n`);
  try {
    const terminal = fs.openSync('/dev/stderr', fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
    write(terminal, `${line}\n`);
    fs.closeSync(terminal);
  } catch {
    // it has been taken away
  }
}

// At the first signal closes the listener, then the connections, each once it
// has been quiet for a while. Exits at the second.
function stopOnSignals(server, args) {
  const exit = () => process.exit(0);
  // Those who queued up before the signal are still let in: it takes one turn of the loop
  // without a newcomer to know that nobody is left.
  const letIn = (before, end) => {
    if (accepted !== before && performance.now() < end) {
      setImmediate(letIn, accepted, end);
    } else {
      server.close();
      setInterval(closeQuiet, 20, new Map());
    }
  };
  const stop = () => {
    process.removeAllListeners('SIGTERM').removeAllListeners('SIGINT');
    process.on('SIGTERM', exit).on('SIGINT', exit);
    setTimeout(exit, Math.min(args.drainMs, 2 ** 31 - 1)); // the longest there is
    setImmediate(letIn, -1, performance.now() + 200);
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

// Node can't end the reading side alone, or ask the kernel when something last
// arrived; so it is watched whether something does.
function closeQuiet(seen) {
  for (const socket of connections) {
    const { bytes, at } = seen.get(socket) ?? {};
    const now = performance.now();
    if (socket.bytesRead !== bytes || socket.writableLength > 0) {
      seen.set(socket, { bytes: socket.bytesRead, at: now });
    } else if (now - at >= 100) socket.destroySoon();
  }
  if (connections.size === 0) process.exit(0);
}

main();
