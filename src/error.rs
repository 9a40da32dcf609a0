//! One error type for the whole engine, grouped by who must act on it.
//!
//! Every message says what happened, where, what was expected and what to do, in that order, so that a reader of a
//! cluster's log file needs nothing else. Panics are for our own bugs only.

use std::fmt;

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, told to the person who can mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What happened, one sentence without a full stop.
    pub what: String,
    /// File, line, flag or device in which it happened.
    pub place: Option<String>,
    /// What would have been right.
    pub expected: Option<String>,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Fault {
    /// A fault with only its description; add to it with the methods below.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), place: None, expected: None, advice: None }
    }

    /// Names the place: a file, a line, a flag, a device.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.place = Some(place.to_string());
        self
    }

    /// Says what was expected instead.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if let Some(place) = &self.place {
            write!(f, "\n  where:    {place}")?;
        }
        if let Some(expected) = &self.expected {
            write!(f, "\n  expected: {expected}")?;
        }
        if let Some(advice) = &self.advice {
            write!(f, "\n  do:       {advice}")?;
        }
        Ok(())
    }
}

/// Everything that can go wrong, by who must act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The scenario file is at fault; the text lists every mistake with line, column and caret.
    #[error("{0}")]
    Scenario(String),
    /// A file, flag or value given by the user is at fault.
    #[error("{0}")]
    Input(Fault),
    /// The operating system refused a file operation that should have worked.
    #[error("{0}")]
    File(Fault),
    /// No usable device, or the device failed during the run.
    #[error("{0}")]
    Device(Fault),
    /// A checkpoint or run directory cannot be used.
    #[error("{0}")]
    Checkpoint(Fault),
    /// Numbers left the range in which results mean anything (NaN, divergence).
    #[error("{0}")]
    Numerics(Fault),
    /// The run finished, but a value it promised was not reached.
    #[error("{0}")]
    Check(String),
    /// Stopped by a signal after everything worth keeping was written.
    #[error("stopped by signal {0}")]
    Stopped(i32),
}

impl Error {
    /// Exit code of the program for this error: 1 run failed, 2 input at fault, 3 check failed, 128 + signal stopped.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Scenario(_) | Self::Input(_) => 2,
            Self::File(_) | Self::Device(_) | Self::Checkpoint(_) | Self::Numerics(_) => 1,
            Self::Check(_) => 3,
            Self::Stopped(signal) => u8::try_from(128 + signal).unwrap_or(1),
        }
    }

    /// What went wrong in the parts of a message.
    #[must_use]
    pub fn into_fault(self) -> Fault {
        match self {
            Self::Input(fault) | Self::File(fault) | Self::Device(fault) | Self::Checkpoint(fault) => fault,
            Self::Numerics(fault) => fault,
            other => Fault::new(other.to_string()),
        }
    }

    /// The input named is unusable.
    pub fn input(what: impl Into<String>) -> Self {
        Self::Input(Fault::new(what))
    }

    /// The device cannot do what was asked.
    pub fn device(what: impl Into<String>) -> Self {
        Self::Device(Fault::new(what))
    }
}
