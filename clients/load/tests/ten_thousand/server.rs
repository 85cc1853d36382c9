//! An echo server on one epoll loop, correct for messages that fit a socket.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    RecvFlags, SendFlags, SocketFlags, accept_with, listen, recv, send,
};

const LISTENER: u64 = 0;
const WAIT: rustix::time::Timespec =
    rustix::time::Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Serves until it is dropped.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        // A second listen replaces the library's backlog of 128.
        listen(&listener, 4096).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&over);
        let thread = Some(spawn(move || serve(&listener, &flag)));
        Self { addr, over, thread }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn serve(listener: &TcpListener, over: &AtomicBool) {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let token = EventData::new_u64(LISTENER);
    epoll::add(&poll, listener, token, EventFlags::IN).unwrap();
    let mut sockets: HashMap<u64, OwnedFd> = HashMap::new();
    let mut next = LISTENER + 1;
    let mut events: Vec<Event> = Vec::with_capacity(1024);
    while !over.load(Ordering::Relaxed) {
        events.clear();
        let room = spare_capacity(&mut events);
        match epoll::wait(&poll, room, Some(&WAIT)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => panic!("{errno}"),
        }
        for event in &events {
            let token = event.data.u64();
            if token != LISTENER {
                if sockets.get(&token).is_some_and(|fd| !echo(fd)) {
                    sockets.remove(&token);
                }
                continue;
            }
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            while let Ok(fd) = accept_with(listener, flags) {
                let token = EventData::new_u64(next);
                epoll::add(&poll, &fd, token, EventFlags::IN).unwrap();
                sockets.insert(next, fd);
                next += 1;
            }
        }
    }
}

/// Whether the connection goes on.
fn echo(fd: &OwnedFd) -> bool {
    let mut buffer = [0; 4096];
    match recv(fd, &mut buffer[..], RecvFlags::empty()) {
        Ok((_, 0)) => false,
        Ok((_, length)) => {
            send(fd, &buffer[..length], SendFlags::NOSIGNAL) == Ok(length)
        }
        Err(Errno::AGAIN | Errno::INTR) => true,
        Err(_) => false,
    }
}
