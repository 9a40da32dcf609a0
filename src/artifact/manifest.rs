//! Who ran what, where and when: `manifest.json`.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::InputFile;
use crate::backend::DeviceDescription;
use crate::data::write_bytes;
use crate::error::{Error, Fault, Result};

/// One of the parts of a run that was stopped and gone on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The command line.
    pub command: Vec<String>,
    /// The device that computed.
    #[serde(default)]
    pub device: Option<DeviceDescription>,
    /// RFC 3339, UTC.
    pub started: String,
    /// RFC 3339, UTC: the last time that the part wrote something.
    #[serde(default)]
    pub ended: Option<String>,
}

/// Everything about a run that is not a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the program that wrote the directory.
    pub gibbsite: String,
    /// Commit of the build, where the build knew it (`GIBBSITE_COMMIT`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Name of the scenario.
    pub scenario: String,
    /// Seed of all random numbers.
    pub seed: u64,
    /// The command line.
    pub command: Vec<String>,
    /// The device that computed; `None` until one is chosen.
    #[serde(default)]
    pub device: Option<DeviceDescription>,
    /// Files that were read.
    #[serde(default)]
    pub inputs: Vec<InputFile>,
    /// Labels of the points in order; empty strings stand for the run directory itself.
    #[serde(default)]
    pub points: Vec<String>,
    /// Earlier parts of the run, each of which was stopped; command, device and times of this manifest are the last one's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Part>,
    /// RFC 3339, UTC.
    pub started: String,
    /// RFC 3339, UTC; `None` while the run goes on or after it was stopped.
    #[serde(default)]
    pub finished_at: Option<String>,
    /// Whether the run came to its end.
    pub finished: bool,
}

impl Manifest {
    /// The manifest of a run that starts now.
    #[must_use]
    pub fn start(scenario: impl Into<String>, seed: u64, command: Vec<String>) -> Self {
        Self {
            gibbsite: env!("CARGO_PKG_VERSION").to_string(),
            commit: option_env!("GIBBSITE_COMMIT").map(str::to_string),
            scenario: scenario.into(),
            seed,
            command,
            device: None,
            inputs: Vec::new(),
            points: Vec::new(),
            earlier: Vec::new(),
            started: timestamp(SystemTime::now()),
            finished_at: None,
            finished: false,
        }
    }

    /// Makes this the manifest of a run that goes on with the one of `before`, which last wrote something at `ended`.
    pub fn follow(&mut self, before: Self, ended: Option<SystemTime>) {
        let Self { mut earlier, command, device, started, finished_at, .. } = before;
        let ended = finished_at.or(ended.map(timestamp));
        earlier.push(Part { command, device, started, ended });
        self.earlier = earlier;
    }

    /// Marks the run as finished now.
    pub fn finish(&mut self) {
        self.finished_at = Some(timestamp(SystemTime::now()));
        self.finished = true;
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|e| Error::File(Fault::new(e.to_string())))?;
        json.push(b'\n');
        write_bytes(path, &json)
    }

    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| {
            Error::Checkpoint(
                Fault::new(format!("cannot read the manifest: {e}"))
                    .at(path.display())
                    .expected("the manifest of a run directory"),
            )
        })
    }
}

/// A time as RFC 3339 in UTC with whole seconds, e.g. `2026-02-28T23:59:59Z`; times before 1970 count as 1970.
///
/// Calendar from day numbers: Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
#[must_use]
pub fn timestamp(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March, so that the leap day is the last of its year; eras are 400 years of 146 097 days.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + 400 * era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::timestamp;

    /// Seconds as `date -u -d @N` prints them, around leap days and ends of years.
    #[test]
    fn known_times() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(timestamp(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }
}
