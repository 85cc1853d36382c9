//! Makes certain system calls of a child fail, or asks about each of them
//! first: by seccomp(2), so without rights and without a tracer.
//!
//! Nothing of it reaches operations that a server hands to an io_uring.
#![expect(unsafe_code, reason = "seccomp and its ioctls have no safe form")]

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use rustix::thread::set_no_new_privs;

/// What happens to system calls of a child.
#[derive(Clone, Debug)]
pub struct Filter {
    program: Arc<[libc::sock_filter]>,
    /// Where the child puts the descriptor of the questions.
    channel: Option<Arc<UnixStream>>,
}

/// One system call that is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    id: u64,
    /// The thread that makes the call.
    pub thread: u32,
    /// Which call.
    pub call: i64,
    /// Its arguments.
    pub arguments: [u64; 6],
}

/// The questions about a child's calls.
#[derive(Debug)]
pub struct Questions {
    listener: OwnedFd,
}

#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xc000_00b7;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ARCH: u32 = 0;

impl Filter {
    /// These calls fail with these errors.
    #[must_use]
    pub fn failing(calls: &[(i64, i32)]) -> Self {
        let deny = |&(call, errno): &(i64, i32)| {
            (call, libc::SECCOMP_RET_ERRNO | errno.unsigned_abs())
        };
        Self { program: program(calls.iter().map(deny)), channel: None }
    }

    /// Each of these calls is asked about. The second value is where
    /// [`Questions::receive`] finds them; the filter has to be dropped for
    /// the other end to be seen.
    ///
    /// # Errors
    /// No pair of sockets can be had.
    pub fn asking(calls: &[i64]) -> io::Result<(Self, UnixStream)> {
        let (own, childs) = UnixStream::pair()?;
        let ask = |&call: &i64| (call, libc::SECCOMP_RET_USER_NOTIF);
        let program = program(calls.iter().map(ask));
        Ok((Self { program, channel: Some(Arc::new(childs)) }, own))
    }

    /// Installs it in the calling process: system calls only.
    pub(super) fn apply(&self) -> io::Result<()> {
        set_no_new_privs(true)?;
        let program = libc::sock_fprog {
            len: u16::try_from(self.program.len()).unwrap_or_default(),
            filter: self.program.as_ptr().cast_mut(),
        };
        let flags = match self.channel {
            Some(_) => libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            None => 0,
        };
        // SAFETY: the program lives as long as the call; the kernel copies it
        // and writes nothing.
        let listener = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                flags,
                &raw const program,
            )
        };
        if listener < 0 {
            return Err(io::Error::last_os_error());
        }
        let Some(channel) = &self.channel else { return Ok(()) };
        let raw = i32::try_from(listener).unwrap_or(-1);
        // SAFETY: the kernel has just opened this descriptor for us; exec
        // closes it.
        let listener = unsafe { BorrowedFd::borrow_raw(raw) };
        let mut space =
            [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut buffer = SendAncillaryBuffer::new(&mut space);
        let fds = [listener];
        buffer.push(SendAncillaryMessage::ScmRights(&fds));
        let byte = [IoSlice::new(b"!")];
        sendmsg(channel, &byte, &mut buffer, SendFlags::empty())?;
        Ok(())
    }
}

/// Looks the call up in a list and says what happens to it.
fn program(
    verdicts: impl Iterator<Item = (i64, u32)>,
) -> Arc<[libc::sock_filter]> {
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    let step = |code: u32, k: u32, jf: u8| libc::sock_filter {
        code: u16::try_from(code).unwrap_or_default(),
        jt: 0,
        jf,
        k,
    };
    let allow = step(RETURN, libc::SECCOMP_RET_ALLOW, 0);
    // Numbers mean something else on another architecture.
    let own = libc::sock_filter { jt: 1, ..step(EQUAL, ARCH, 0) };
    let mut all = vec![step(LOAD, 4, 0), own, allow, step(LOAD, 0, 0)];
    for (call, verdict) in verdicts {
        let number = u32::try_from(call).unwrap_or(u32::MAX);
        all.extend([step(EQUAL, number, 1), step(RETURN, verdict, 0)]);
    }
    all.push(allow);
    all.into()
}

impl Questions {
    /// Waits for a child's questions to become available.
    ///
    /// # Errors
    /// The child never came to install its filter.
    pub fn receive(channel: &UnixStream) -> io::Result<Self> {
        let mut space =
            [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut buffer = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let mut bytes = [IoSliceMut::new(&mut byte)];
        recvmsg(channel, &mut bytes, &mut buffer, RecvFlags::CMSG_CLOEXEC)?;
        let mut messages = buffer.drain();
        let listener = messages.find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        let listener = listener.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(Self { listener })
    }

    /// Readable when there is a question; hung up when nobody is left to ask.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// The next question; waits for it.
    ///
    /// # Errors
    /// Who asked is gone.
    pub fn next(&self) -> io::Result<Question> {
        // _IOWR('!', 0, struct seccomp_notif)
        const RECEIVE: libc::c_ulong = 0xc050_2100;
        // SAFETY: zeros are valid, and what the kernel demands here.
        let mut notice: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        let fd = self.listener.as_raw_fd();
        // SAFETY: the pointer is to a live local variable of the right type.
        let result = unsafe { libc::ioctl(fd, RECEIVE as _, &raw mut notice) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Question {
            id: notice.id,
            thread: notice.pid,
            call: notice.data.nr.into(),
            arguments: notice.data.args,
        })
    }

    /// Lets the call go on, or makes it fail. Whoever asked may be gone by
    /// now, which is nobody's fault.
    pub fn answer(&self, question: Question, errno: Option<i32>) {
        // _IOWR('!', 1, struct seccomp_notif_resp)
        const SEND: libc::c_ulong = 0xc018_2101;
        let go_on = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
        let mut response = libc::seccomp_notif_resp {
            id: question.id,
            val: 0,
            error: errno.map_or(0, |errno| -errno),
            flags: if errno.is_some() { 0 } else { go_on },
        };
        let fd = self.listener.as_raw_fd();
        // SAFETY: the pointer is to a live local variable of the right type.
        unsafe { libc::ioctl(fd, SEND as _, &raw mut response) };
    }
}
