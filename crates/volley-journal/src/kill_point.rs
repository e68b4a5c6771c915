//! Named places at which a test ends this process: what a crash leaves there is then looked at.
//!
//! [`kill_point!`](crate::kill_point!) marks one. It is nothing at all unless the feature
//! `kill-points` is on, which no build for people turns on. With it, the environment variable
//! `VOLLEY_KILL_POINT` arms one of them, as `NAME:PASSING` or `NAME:PASSING:STRIKE`: when the
//! process passes that place for the `PASSING`-th time, from 1 on and whichever thread it is,
//!
//! | strike | it |
//! |---|---|
//! | `kill` | gets SIGKILL: nothing is flushed, unwound or dropped. The usual one |
//! | `panic` | panics on that thread |
//! | `stall` | stays on that thread for good; the others go on |
//! | `fail` | reports the fault that is named at the place; a panic where none is |
//!
//! The crate that keeps what survives a crash is their home; the engine and the binary, which
//! build on it, mark places of their own. `volley-cli/tests/it/crash/points.rs` lists all of them.

/// Marks a place where a test may end the process; see the module of this name. With a second
/// argument it may also fail: the function returns that as its error.
#[cfg(feature = "kill-points")]
#[macro_export]
macro_rules! kill_point {
    ($name:literal) => {
        $crate::kill_point::pass($name)
    };
    ($name:literal, $fault:expr) => {
        if $crate::kill_point::fails($name) {
            return Err($fault.into());
        }
    };
}

/// Nothing: the feature `kill-points` is off.
#[cfg(not(feature = "kill-points"))]
#[macro_export]
macro_rules! kill_point {
    ($name:literal $(, $fault:expr)?) => {};
}

#[cfg(feature = "kill-points")]
pub use armed::{fails, pass};

#[cfg(feature = "kill-points")]
mod armed {
    use rustix::process::{Signal, getpid, kill_process};
    use std::{
        env,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering},
        },
        thread,
        time::Duration,
    };

    /// What arms one place.
    const VARIABLE: &str = "VOLLEY_KILL_POINT";

    /// What happens there.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Strike {
        Kill,
        Panic,
        Stall,
        Fail,
    }

    struct Armed {
        name: String,
        /// Which passing is struck, from 1.
        passing: u64,
        strike: Strike,
        passed: AtomicU64,
    }

    impl Armed {
        /// `None` where `text` is not as the module says.
        fn read(text: &str) -> Option<Self> {
            let mut parts = text.split(':');
            let name = parts.next().filter(|name| !name.is_empty())?.to_owned();
            let passing = parts.next()?.parse().ok().filter(|passing| *passing > 0)?;
            let strike = match parts.next() {
                None | Some("kill") => Strike::Kill,
                Some("panic") => Strike::Panic,
                Some("stall") => Strike::Stall,
                Some("fail") => Strike::Fail,
                Some(_) => return None,
            };
            parts.next().is_none().then(|| Self { name, passing, strike, passed: AtomicU64::new(0) })
        }

        /// What happens at this passing of `name`.
        fn strikes(&self, name: &str) -> Option<Strike> {
            let is_due = self.name == name && self.passed.fetch_add(1, Ordering::Relaxed) + 1 == self.passing;
            is_due.then_some(self.strike)
        }
    }

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let text = env::var(VARIABLE).ok()?;
        let armed = Armed::read(&text);
        assert!(armed.is_some(), "{VARIABLE} is NAME:PASSING[:kill|panic|stall|fail], not `{text}`");
        armed
    });

    /// This thread is at `name`, where nothing can be reported.
    pub fn pass(name: &str) {
        assert!(!fails(name), "nothing can fail at the kill point {name}");
    }

    /// This thread is at `name`; whether its fault is to be reported.
    pub fn fails(name: &str) -> bool {
        match ARMED.as_ref().and_then(|armed| armed.strikes(name)) {
            None => false,
            Some(Strike::Fail) => true,
            Some(Strike::Panic) => panic!("the kill point {name}"),
            Some(Strike::Stall) => stay(),
            Some(Strike::Kill) => {
                kill_process(getpid(), Signal::KILL).expect("a process may end itself");
                stay()
            }
        }
    }

    /// Until the process ends.
    fn stay() -> ! {
        loop {
            thread::sleep(Duration::from_hours(1));
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_the_armed_place_is_struck_and_only_at_the_passing_that_is_named() {
            let armed = Armed::read("after-intent:2:fail").expect("as it is written");
            let struck = ["after-intent", "before-intent", "after-intent", "after-intent"]
                .map(|name| armed.strikes(name));
            assert_eq!(struck, [None, None, Some(Strike::Fail), None]);
        }

        #[test]
        fn what_arms_nothing_is_refused() {
            assert_eq!(Armed::read("drain:1").map(|armed| armed.strike), Some(Strike::Kill));
            for text in
                ["", "drain", "drain:", "drain:0", "drain:x", ":1", "drain:1:explode", "drain:1:kill:"]
            {
                assert!(Armed::read(text).is_none(), "{text}");
            }
        }
    }
}
