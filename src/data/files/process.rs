//! What the system says about machines and processes, where it says anything (Linux); elsewhere nothing is known.

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::data::sha256_hex;

/// Sixteen hexadecimal digits that nobody else has: for names of files, never for numbers of a result.
pub(super) fn unique_word() -> String {
    // Every `RandomState` has other keys, from the system's own source of chance.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    format!("{:016x}", hasher.finish())
}

/// A word for the running system: another after a restart and on another machine, the same in all containers of one.
pub(super) fn system_word() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(sha256_hex(id.trim().as_bytes())[..8].to_string())
}

/// Name of the machine, for messages.
pub(super) fn host_name() -> String {
    let of_kernel = || fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let of_shell = || ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|key| std::env::var(key).ok());
    of_kernel().or_else(of_shell).map_or_else(|| "this machine".to_string(), |name| name.trim().to_string())
}

/// Whether whoever started this process let it ignore a signal, as `nohup` does with hang-ups.
#[must_use]
pub fn ignores_signal(signal: i32) -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| is_ignored(&status, signal))
}

/// Bit `signal` − 1 of the line `SigIgn: …`, in hexadecimal digits.
fn is_ignored(status: &str, signal: i32) -> bool {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = line.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0);
    (1..=64).contains(&signal) && mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `man 5 proc`: a mask of the signals; 1 is HUP, 13 PIPE.
    #[test]
    fn ignored_signals_are_read_from_their_mask() {
        let status = "Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n";
        assert!(is_ignored(status, 1) && is_ignored(status, 13));
        assert!(!is_ignored(status, 2) && !is_ignored(status, 15) && !is_ignored("", 1));
    }

    #[test]
    fn words_differ() {
        assert_ne!(unique_word(), unique_word());
        assert_eq!(system_word(), system_word());
    }
}
