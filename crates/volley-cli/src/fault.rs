//! What went wrong, in one line, with the contract's exit code.

use std::{fmt, io};

/// A reason to stop, for people.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The contract's exit code.
    pub(crate) exit_code: u8,
    /// What is wrong, where, and what to do; one line.
    message: String,
}

impl Fault {
    pub(crate) fn new(exit_code: u8, message: impl fmt::Display) -> Self {
        // One line, whatever a file's own text brought along.
        let message = message.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Self { exit_code, message }
    }

    /// Wrong usage or configuration.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(2, message)
    }

    /// What is wrong, where, and what to do; one line.
    pub(crate) fn line(&self) -> String {
        self.message.clone()
    }

    /// Tells it on stderr.
    pub(crate) fn report(&self) {
        use io::Write;
        if !self.message.is_empty() {
            tracing::error!(target: "run", exit_code = self.exit_code, "{}", self.message);
            // Nobody is left to tell when stderr is closed.
            drop(writeln!(io::stderr(), "volley: {}", self.message));
        }
    }
}

/// A reader that went away (`volley … | head`) ends the run quietly.
impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self { exit_code: 0, message: String::new() }
        } else {
            Self::new(1, error)
        }
    }
}

impl From<volley_plan::CampaignError> for Fault {
    fn from(error: volley_plan::CampaignError) -> Self {
        Self::new(error.exit_code(), error)
    }
}

impl From<volley_plan::PlanError> for Fault {
    fn from(error: volley_plan::PlanError) -> Self {
        Self::new(error.exit_code(), error)
    }
}

impl From<volley_journal::OpenError> for Fault {
    fn from(error: volley_journal::OpenError) -> Self {
        Self::new(error.exit_code(), error)
    }
}

impl From<volley_journal::HistoryError> for Fault {
    fn from(error: volley_journal::HistoryError) -> Self {
        Self::new(error.exit_code(), error)
    }
}

impl From<volley_plan::RatesError> for Fault {
    fn from(error: volley_plan::RatesError) -> Self {
        Self::usage(error)
    }
}

impl From<volley_journal::PlanError> for Fault {
    fn from(error: volley_journal::PlanError) -> Self {
        Self::new(error.exit_code(), error)
    }
}

impl From<volley_journal::ReadError> for Fault {
    fn from(error: volley_journal::ReadError) -> Self {
        Self::new(12, error)
    }
}

impl From<volley_journal::VerifyError> for Fault {
    fn from(error: volley_journal::VerifyError) -> Self {
        Self::new(error.exit_code(), error)
    }
}

impl From<volley_provider::registry::SettingsError> for Fault {
    fn from(error: volley_provider::registry::SettingsError) -> Self {
        Self::usage(format!("[provider] {error}"))
    }
}

impl From<volley_engine::ClientError> for Fault {
    fn from(error: volley_engine::ClientError) -> Self {
        Self::new(1, error)
    }
}
