//! How the command ends: its exit codes, and which of them wins.

use std::io;

use crate::stop::Signal;

/// The worst that has happened to what the command was given: the later in this list, the worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worst {
    #[default]
    Nothing,
    Failed,
    /// It may have been done.
    Unknown,
    /// No token works.
    LoggedOut,
}

impl Worst {
    /// Something else has happened.
    pub fn and(&mut self, other: Self) {
        *self = other.max(*self);
    }

    pub fn code(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Failed => 1,
            Self::Unknown => 4,
            Self::LoggedOut => 3,
        }
    }
}

/// Why the command stopped early, with its exit code.
pub struct End {
    pub code: u8,
    pub message: String,
}

impl End {
    /// The arguments or the environment are wrong.
    pub fn usage(message: String) -> Self {
        Self { code: 2, message }
    }

    /// There is no token that works.
    pub fn logged_out(message: String) -> Self {
        Self { code: Worst::LoggedOut.code(), message }
    }

    /// A signal stopped it, and all that can be said of what was begun is printed.
    pub fn stopped(signal: Signal, message: impl Into<String>) -> Self {
        Self { code: signal.code(), message: message.into() }
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self { code: Worst::Failed.code(), message: error.to_string() }
    }
}
