'use strict';
// The echo server of the textbook: createServer, pipe.
//
// What node-events is measured against. It differs from the book in what every
// server here has: backlog 4096, TCP_NODELAY and the announce line; and in
// ending with a connection that fails rather than with the process. It reads
// past the flags of the contract other than --addr, and ends at the first signal.

const net = require('node:net');

const BACKLOG = 4096;
const READ = 65536; // libuv's, whatever the streams are told

const words = process.argv;
const addr = words.includes('--addr') ? words[words.indexOf('--addr') + 1] : '127.0.0.1:8080';
const [host, port] = addr.split(':');

const server = net.createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.pipe(socket);
});
server.listen({ host, port: Number(port), backlog: BACKLOG }, () => {
  const at = server.address();
  const how = `backend=epoll workers=1 buffer=${READ}`;
  console.log(`LISTENING ${at.address}:${at.port} pid=${process.pid} ${how}`);
});
