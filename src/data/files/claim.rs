//! One owner at a time for a directory or a file in progress.
//!
//! A claim is a small file that exists as long as its owner works, with the owner's machine and process in it. It appears
//! whole or not at all, by a link to a file of another name, which network file systems keep atomic. Whether the owner
//! of one that is found still lives is told in two ways: by a lock on it, which the system lets go of when a process
//! ends, also in another container; and, where a lock says nothing (another machine, a file system without locks), by
//! the time of its last change, which a living owner renews. Times are those of the file system, not of this machine.

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use super::file::{cannot_write, check_replaceable, directory_of, make_directory, read_text};
use super::process::{host_name, system_word, unique_word};
use super::temporary::{Temporary, forget, label, remember, remove_leftovers_of};
use crate::error::{Error, Fault, Result};

/// Time between renewals.
const BEAT: Duration = Duration::from_secs(15);
/// Without a renewal for so long an owner that cannot be asked counts as dead.
const DEAD: Duration = Duration::from_mins(2);
/// Longest claim that is read.
const MAX_CLAIM: u64 = 1 << 12;
/// Attempts at a claim that others take and leave meanwhile.
const ATTEMPTS: usize = 8;
/// What two that take over from a dead owner at once, without locks, wait for before they look who was the last.
const SETTLE: Duration = Duration::from_millis(200);

/// Name of the claim on a directory, in it.
const OF_DIRECTORY: &str = ".owner";

/// Whether a name in a directory is that of its claim, or of one that another process tries to make.
pub(crate) fn is_claim(name: &str) -> bool {
    name == OF_DIRECTORY || name.strip_prefix('.').is_some_and(|rest| rest.starts_with(".owner."))
}

/// The right to write somewhere, until it is dropped or the process ends.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    word: String,
    /// How many directories, from this one upwards, were made for the claim.
    made: usize,
    _lock: File,
    end: Option<Sender<()>>,
    beat: Option<JoinHandle<()>>,
}

impl Claim {
    /// Claims a directory, made if need be.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] where a living process has it, [`Error::Input`] where there is no directory, [`Error::File`]
    /// when the system refuses.
    pub fn of_directory(path: &Path) -> Result<Self> {
        let made = make_directory(path)?;
        let mut claim = Self::take(path.join(OF_DIRECTORY), path)?;
        claim.made = made;
        Ok(claim)
    }

    /// Claims a file that is to be written, and what lies beside it under its name.
    ///
    /// # Errors
    /// As [`Self::of_directory`].
    pub fn of_file(path: &Path) -> Result<Self> {
        Self::take(path.with_file_name(format!(".{}.owner", label(path))), path)
    }

    fn take(path: PathBuf, what: &Path) -> Result<Self> {
        check_replaceable(&path)?;
        remove_leftovers_of(&path);
        let word = format!("{} {}", system_word().unwrap_or_default(), unique_word());
        let text = format!("process {} on {}\n{word}\n", std::process::id(), host_name());
        let refused = |error: &io::Error| cannot_write(&path, error);
        for _ in 0..ATTEMPTS {
            let mut ours = Temporary::new(&path).map_err(|e| refused(&e))?;
            ours.file.write_all(text.as_bytes()).map_err(|e| refused(&e))?;
            let lock = ours.file.try_clone().map_err(|e| refused(&e))?;
            let now = lock.metadata().and_then(|about| about.modified()).map_err(|e| refused(&e))?;
            match ours.link(&path) {
                Ok(()) => return Ok(Self::held(path, word, &text, lock)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(refused(&error)),
            }
            match owner(&path, now) {
                Owner::None => {}
                Owner::Living(text) => return Err(is_taken(what, &path, &text)),
                // The lock on the dead one's claim is held until ours has its place: others see either.
                Owner::Dead(dead) => {
                    ours.persist(&path).map_err(|e| refused(&e))?;
                    if dead.is_none() {
                        std::thread::sleep(SETTLE);
                    }
                    if read_text(&path, MAX_CLAIM).is_ok_and(|found| found == text) {
                        return Ok(Self::held(path, word, &text, lock));
                    }
                }
            }
        }
        Err(is_taken(what, &path, "others, one after another"))
    }

    fn held(path: PathBuf, word: String, text: &str, lock: File) -> Self {
        remember(&path, &word);
        let (end, ended) = channel();
        let (renewed, text) = (lock.try_clone(), text.to_string());
        let beat = std::thread::spawn(move || {
            // The same bytes again: a change of the file for the clock of its file system alone.
            while let (Ok(mut file), Err(RecvTimeoutError::Timeout)) = (renewed.as_ref(), ended.recv_timeout(BEAT)) {
                let _ = file.rewind().and_then(|()| file.write_all(text.as_bytes()));
            }
        });
        Self { path, word, made: 0, _lock: lock, end: Some(end), beat: Some(beat) }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.end.take();
        if let Some(beat) = self.beat.take() {
            let _ = beat.join();
        }
        // Not if another machine has taken it for dead, as after a long sleep.
        if read_text(&self.path, MAX_CLAIM).is_ok_and(|text| text.contains(&self.word)) {
            let _ = fs::remove_file(&self.path);
        }
        forget(&self.path);
        for directory in directory_of(&self.path).ancestors().take(self.made) {
            // Those with something in them stay.
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Whose a claim is.
enum Owner {
    /// Nobody's: it has gone.
    None,
    /// Of a process that works, with what it says of itself.
    Living(String),
    /// Of one that has ended; its file with the lock on it, where there are locks.
    Dead(Option<File>),
}

/// Who has the claim at `path`; `now` is the time of the file system.
fn owner(path: &Path, now: SystemTime) -> Owner {
    // Some network file systems lock only what may be written.
    let Ok(file) = File::options().read(true).write(true).open(path).or_else(|_| File::open(path)) else {
        return Owner::None;
    };
    let text = read_text(path, MAX_CLAIM).unwrap_or_default();
    let lock = file.try_lock();
    if matches!(lock, Err(TryLockError::WouldBlock)) {
        return Owner::Living(text);
    }
    // Whoever had the lock may have left, and the name may be another's by now.
    if read_text(path, MAX_CLAIM).ok().as_ref() != Some(&text) {
        return Owner::None;
    }
    let here = system_word();
    let is_here = here.is_none_or(|word| text.lines().nth(1).is_some_and(|line| line.starts_with(&word)));
    let renewed = file.metadata().and_then(|about| about.modified());
    let recent = renewed.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age < DEAD) || at > now);
    match lock {
        Ok(()) if is_here || !recent => Owner::Dead(Some(file)),
        _ if recent => Owner::Living(text),
        _ => Owner::Dead(None),
    }
}

fn is_taken(what: &Path, claim: &Path, owner: &str) -> Error {
    let owner = owner.lines().next().unwrap_or("another process");
    Error::Checkpoint(Fault::new(format!("{owner} writes here")).at(what.display()).expected("one at a time").advice(
        format!(
            "wait for it, or end it; one that has died on another machine is noticed after {} minutes, or at once \
                 without {}",
            DEAD.as_secs() / 60,
            claim.display()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim_file(directory: &Path, word: &str, age: Duration) -> PathBuf {
        let path = directory.join(OF_DIRECTORY);
        fs::write(&path, format!("process 7 on elsewhere\n{word} 0123456789abcdef\n")).unwrap();
        let at = SystemTime::now() - age;
        File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
        path
    }

    #[test]
    fn one_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("deep/run");
        let first = Claim::of_directory(&place).unwrap();
        let error = Claim::of_directory(&place).unwrap_err();
        let process = format!("process {}", std::process::id());
        assert!(matches!(&error, Error::Checkpoint(fault) if fault.what.contains(&process)), "{error}");
        drop(first);
        assert!(!directory.path().join("deep").exists(), "made for the claim alone");
        let path = directory.path().join("model.safetensors");
        let file = Claim::of_file(&path).unwrap();
        assert!(Claim::of_file(&path).is_err() && Claim::of_file(&directory.path().join("other")).is_ok());
        drop(file);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_dead_are_followed_and_the_living_of_other_machines_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path();
        // Killed on this system: nobody has its lock.
        let here = system_word().unwrap_or_default();
        claim_file(place, &here, Duration::ZERO);
        drop(Claim::of_directory(place).unwrap());
        if !here.is_empty() {
            // Of another machine: by the time of its last renewal.
            claim_file(place, "ffffffff", Duration::ZERO);
            let error = Claim::of_directory(place).unwrap_err().to_string();
            assert!(error.contains("process 7 on elsewhere"), "{error}");
            claim_file(place, "ffffffff", 2 * DEAD);
            drop(Claim::of_directory(place).unwrap());
        }
        assert_eq!(fs::read_dir(place).unwrap().count(), 0);
    }

    #[test]
    fn of_many_at_once_one_gets_it() {
        let directory = tempfile::tempdir().unwrap();
        let (place, here) = (directory.path(), system_word().unwrap_or_default());
        for dead in [false, true] {
            if dead {
                claim_file(place, &here, Duration::ZERO);
            }
            let all: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| Claim::of_directory(place))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(all.iter().filter(|claim| claim.is_ok()).count(), 1, "{all:?}");
        }
    }
}
