//! Ctrl-C, SIGTERM and SIGHUP: the first drains, the second stops at once.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

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
