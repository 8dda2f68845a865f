//! Signals: all that can be caught are caught, none is lost, and a child gets the mask and the
//! dispositions that the entrypoint itself was given (contract 1.3 step 6, 2.8).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc::{self, c_int};
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::unistd::pipe2;

/// The highest signal number of Linux.
const LAST_SIGNAL: c_int = 64;

/// Signals that no process can catch, and the two that the C library keeps for its threads.
const UNCATCHABLE: [c_int; 4] = [libc::SIGKILL, libc::SIGSTOP, 32, 33];

/// Signals by which the kernel tells of a fault of our own; from elsewhere they are like others.
const FAULTS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

/// Which signals were ignored when the program began, one bit each.
static IGNORED: AtomicU64 = AtomicU64::new(0);

/// Where handlers write the numbers of the signals that come, in their order: a stop and the
/// continuation after it must not change places.
static INBOX: AtomicI32 = AtomicI32::new(-1);

/// Runs before the runtime of Rust, which ignores SIGPIPE, so that a child gets it as it was.
#[used]
#[unsafe(link_section = ".init_array")]
static RECORD_IGNORED: extern "C" fn() = {
    extern "C" fn record() {
        let ignored = (1..=LAST_SIGNAL).filter(|signal| is_ignored(*signal));
        IGNORED.store(ignored.fold(0, |bits, signal| bits | bit(signal)), Ordering::Relaxed);
    }
    record
};

/// Signals that came while the inbox was full, one bit each: only their place in the order is lost.
static OVERFLOW: AtomicU64 = AtomicU64::new(0);

fn bit(signal: c_int) -> u64 {
    1 << (signal - 1)
}

/// The kernel's own `sigaction`: the handler comes first, and no architecture needs more words. It is
/// asked directly, since the C library hides the two signals that it keeps.
type KernelAction = [usize; 6];

const KERNEL_MASK_BYTES: usize = 8;

fn is_ignored(signal: c_int) -> bool {
    let new = std::ptr::null::<KernelAction>();
    let mut old = KernelAction::default();
    // SAFETY: a null new action changes nothing; the old one is as large as any the kernel writes.
    let asked = unsafe {
        libc::syscall(libc::SYS_rt_sigaction, signal, new, &raw mut old, KERNEL_MASK_BYTES)
    };
    asked == 0 && old[0] == libc::SIG_IGN
}

fn set_disposition(signal: c_int, disposition: libc::sighandler_t) {
    let new: KernelAction = [disposition, 0, 0, 0, 0, 0];
    let old = std::ptr::null_mut::<KernelAction>();
    // SAFETY: SIG_DFL and SIG_IGN are valid for every signal; the kernel refuses SIGKILL and SIGSTOP.
    unsafe {
        libc::syscall(libc::SYS_rt_sigaction, signal, &raw const new, old, KERNEL_MASK_BYTES);
    }
}

/// The signals that a process was given: which are blocked, which are ignored.
#[derive(Clone, Copy, Debug)]
pub struct Inherited {
    mask: SigSet,
    ignored: u64,
}

impl Inherited {
    /// Gives a child, between fork and exec, what the entrypoint was given. Async-signal-safe.
    pub(super) fn restore(&self) {
        for signal in 1..=LAST_SIGNAL {
            let ignored = self.ignored & bit(signal) != 0;
            set_disposition(signal, if ignored { libc::SIG_IGN } else { libc::SIG_DFL });
        }
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.mask), None);
    }
}

/// Caught signals, to be waited for on a descriptor.
#[derive(Debug)]
pub struct Signals {
    came: OwnedFd,
    _inbox: OwnedFd,
    inherited: Inherited,
}

impl Signals {
    /// Catches every signal that can be caught. To be called before anything else, and once.
    ///
    /// # Errors
    /// Where the process has no descriptors left.
    pub fn catch_all() -> io::Result<Self> {
        let (came, inbox) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        INBOX.store(inbox.as_raw_fd(), Ordering::SeqCst);
        let mut mask = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), Some(&mut mask))?;
        for signal in (1..=LAST_SIGNAL).filter(|signal| !UNCATCHABLE.contains(signal)) {
            catch(signal)?;
        }
        let inherited = Inherited { mask, ignored: IGNORED.load(Ordering::Relaxed) };
        Ok(Self { came, _inbox: inbox, inherited })
    }

    /// Gives up: every signal does again what it did before. For calls that are no step.
    pub fn release(self) {
        self.inherited.restore();
    }

    /// What a child is to be given.
    pub fn inherited(&self) -> Inherited {
        self.inherited
    }

    /// The signals that came since the last call, in their order.
    pub fn take(&self) -> Vec<i32> {
        let mut taken = Vec::new();
        let mut numbers = [0; 64];
        while let Ok(read @ 1..) = nix::unistd::read(&self.came, &mut numbers) {
            taken.extend(numbers[..read].iter().copied().map(i32::from));
        }
        let overflow = OVERFLOW.swap(0, Ordering::SeqCst);
        taken.extend((1..=LAST_SIGNAL).filter(|signal| overflow & bit(*signal) != 0));
        taken
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.came.as_fd()
    }
}

fn catch(signal: c_int) -> io::Result<()> {
    if FAULTS.contains(&signal) {
        // The runtime's own handler would put the default back at the first signal from elsewhere.
        set_disposition(signal, libc::SIG_DFL);
        // SAFETY: the handler stores, writes to a pipe, or ends the process.
        unsafe {
            signal_hook_registry::register_unchecked(signal, move |info| {
                if info.si_code > 0 {
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                } else {
                    note(signal);
                }
            })?;
        }
        return Ok(());
    }
    // SAFETY: the handler stores and writes to a pipe: both are async-signal-safe.
    unsafe {
        signal_hook::low_level::register(signal, move || note(signal))?;
    }
    Ok(())
}

/// What the handlers do.
fn note(signal: c_int) {
    let errno = Errno::last_raw();
    let number = signal as u8;
    // SAFETY: one byte of the stack; a descriptor that is not open only gives an error.
    let written =
        unsafe { libc::write(INBOX.load(Ordering::SeqCst), (&raw const number).cast(), 1) };
    if written != 1 {
        OVERFLOW.fetch_or(bit(signal), Ordering::SeqCst);
    }
    Errno::set_raw(errno);
}

/// Blocks every signal until it is dropped, so that no handler runs in a child before its exec.
pub(super) struct Blocked(SigSet);

impl Blocked {
    pub(super) fn all() -> Self {
        let mut before = SigSet::empty();
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut before));
        Self(before)
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.0), None);
    }
}
