//! How much memory this process may use.
//!
//! The least of what the machine has, what the control groups of this process and those above them allow (versions 1
//! and 2; a batch system puts every job into one), and the limit of its address space. `GIBBSITE_MEMORY` says another.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Fault, Result};
use crate::numerics::bytes_of;
#[cfg(feature = "files")]
use crate::numerics::readable_bytes;

/// Bytes of memory that the system gives this process at most; `None` where the system does not say (anything but
/// Linux).
#[must_use]
pub fn host_memory() -> Option<u64> {
    let machine = line_of("/proc/meminfo", "MemTotal:");
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let groups = group_files(&groups, Path::new("/sys/fs/cgroup"));
    let groups = groups.iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    let space = fs::read_to_string("/proc/self/limits").ok().and_then(|text| address_space(&text));
    groups.chain(machine).chain(space).min()
}

/// Bytes that may be used: `GIBBSITE_MEMORY`, else what the system gives; `None` where nothing is known.
///
/// # Errors
/// [`Error::Input`] for an unreadable `GIBBSITE_MEMORY`.
pub fn memory_limit() -> Result<Option<u64>> {
    let Ok(text) = std::env::var("GIBBSITE_MEMORY") else { return Ok(host_memory()) };
    bytes_of(&text).map(Some).ok_or_else(|| {
        Error::Input(
            Fault::new(format!("\"{text}\""))
                .at("GIBBSITE_MEMORY")
                .expected("a whole number of bytes, or one with KiB, MiB, GiB or TiB, e.g. 24GiB"),
        )
    })
}

/// Bytes that a file may take now: within [`memory_limit`] and, where nobody set one, what is free.
///
/// # Errors
/// As [`memory_limit`].
#[cfg(feature = "files")]
pub(crate) fn room() -> Result<u64> {
    let limit = memory_limit()?.unwrap_or(u64::MAX);
    if std::env::var_os("GIBBSITE_MEMORY").is_some() {
        return Ok(limit);
    }
    Ok(line_of("/proc/meminfo", "MemAvailable:").map_or(limit, |free| free.min(limit)))
}

/// That `bytes` for `what` of the file `source` fit into memory, asked before they are taken.
#[cfg(feature = "files")]
pub(crate) fn check_room(bytes: u64, what: &str, source: &str) -> Result<()> {
    let room = room()?;
    if bytes <= room {
        return Ok(());
    }
    let bytes = if bytes == u64::MAX { "more than that".to_string() } else { readable_bytes(bytes) };
    Err(Error::Input(
        Fault::new(format!("{what}: {bytes}, and there are {} of memory", readable_bytes(room)))
            .at(source)
            .expected("a file that fits into memory")
            .advice(
                "make it smaller, use a machine with more memory, or raise GIBBSITE_MEMORY where that is the limit",
            ),
    ))
}

/// Bytes of a line `NAME N kB`.
fn line_of(file: &str, name: &str) -> Option<u64> {
    kilobytes(&fs::read_to_string(file).ok()?, name)
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Soft limit in bytes of the line `Max address space  SOFT  HARD  bytes`.
fn address_space(limits: &str) -> Option<u64> {
    limits.lines().find_map(|line| line.strip_prefix("Max address space"))?.split_whitespace().next()?.parse().ok()
}

/// Files with the limits of the groups in `groups`, the text of `/proc/self/cgroup`, and of all groups above them. In a
/// container the path may be that outside of it: then only its last parents are there.
fn group_files(groups: &str, root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let (places, file): (&[&str], _) = match controllers {
            "" => (&["", "unified"], "memory.max"),
            names if names.split(',').any(|name| name == "memory") => (&["memory"], "memory.limit_in_bytes"),
            _ => continue,
        };
        let path = Path::new(path.trim_start_matches('/'));
        files.extend(
            places.iter().flat_map(|place| path.ancestors().map(move |above| root.join(place).join(above).join(file))),
        );
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found() {
        let text = "MemTotal:       24683584 kB\nMemFree: 1 kB\n";
        assert_eq!(kilobytes(text, "MemTotal:"), Some(24_683_584 * 1024));
        assert_eq!(kilobytes("nothing", "MemTotal:"), None);
        if cfg!(target_os = "linux") {
            assert!(host_memory().is_some_and(|bytes| bytes > 1 << 26), "{:?}", host_memory());
        }
    }

    #[test]
    fn groups_of_both_versions_and_those_above_them_count() {
        let groups = "12:cpu,memory:/slurm/job_7/step_0\n3:pids:/x\n0::/user.slice/a.scope\n";
        let files: Vec<String> =
            group_files(groups, Path::new("/c")).iter().map(|file| file.display().to_string()).collect();
        assert_eq!(files[0], "/c/memory/slurm/job_7/step_0/memory.limit_in_bytes");
        assert!(files.contains(&"/c/memory/memory.limit_in_bytes".to_string()));
        assert!(files.contains(&"/c/user.slice/a.scope/memory.max".to_string()));
        assert!(files.contains(&"/c/user.slice/memory.max".to_string()));
        assert!(!files.iter().any(|file| file.contains("pids") || file.contains("/x/")), "{files:?}");
    }

    #[test]
    fn the_address_space_is_found() {
        let text = "Limit                     Soft Limit           Hard Limit           Units\n\
                    Max address space         819200000            unlimited            bytes\n";
        assert_eq!(address_space(text), Some(819_200_000));
        assert_eq!(address_space(&text.replace("819200000", "unlimited")), None);
    }
}
