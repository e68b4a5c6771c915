//! Ctrl-C, SIGTERM and SIGHUP: the first drains, the second stops at once.

use std::{
    io,
    process::exit,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// The contract's exit code of a run that a signal stopped.
pub(crate) const INTERRUPTED: u8 = 130;

/// Whether a command that reads lists and sends nothing is to stop.
static STOP_READING: AtomicBool = AtomicBool::new(false);

/// For a command that sends nothing: from here on the first signal lets it stop by itself, at the
/// next [`is_to_stop_reading`], and take away what is half done; the second ends the process.
pub(crate) fn stop_between_blocks() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            let listening = listen(|level| match level {
                1 => STOP_READING.store(true, Ordering::Relaxed),
                _ => exit(i32::from(INTERRUPTED)),
            });
            // Without it a signal ends the process at once, as it does everywhere else.
            if listening.is_ok() {
                std::future::pending::<()>().await;
            }
        });
    })?;
    Ok(())
}

/// Whether a signal came since [`stop_between_blocks`].
pub(crate) fn is_to_stop_reading() -> bool {
    STOP_READING.load(Ordering::Relaxed)
}

/// Starts listening and gives the stop level: 0 until the first signal, then 1, then 2.
/// `told` is called with each new level.
pub(crate) fn listen(told: impl Fn(u8) + Send + 'static) -> std::io::Result<watch::Receiver<u8>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (level, stop) = watch::channel(0_u8);
    tokio::spawn(async move {
        for next in 1..=2 {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
            level.send_replace(next);
            told(next);
        }
        // Stay, so that a third signal is still caught instead of killing the process half-way.
        std::future::pending::<()>().await;
    });
    Ok(stop)
}
