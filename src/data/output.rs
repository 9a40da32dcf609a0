//! Questions about files that are asked before any work is done.

use std::io::Read;
use std::path::Path;

use super::Format;
use super::file::{ByteHash, cannot_read, cannot_write, read_text};
use crate::error::{Error, Fault, Result};

/// Checks that a result can be written to `path` later: its directory is there and it is no directory itself.
///
/// # Errors
/// [`Error::Input`] saying which of the two is wrong.
pub fn check_output(path: &Path) -> Result<()> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.is_dir() {
        return Err(Error::Input(
            Fault::new("the directory of this file does not exist")
                .at(path.display())
                .expected("an existing directory")
                .advice(format!("mkdir -p {}", parent.display())),
        ));
    }
    if path.is_dir() {
        return Err(Error::Input(Fault::new("this is a directory").at(path.display()).expected("the name of a file")));
    }
    Ok(())
}

/// [`check_output`] for a file of samples, whose name must end in a format that can be written.
///
/// # Errors
/// As [`check_output`], and for an unknown format.
pub fn check_samples_output(path: &Path) -> Result<()> {
    Format::of_output(path)?;
    check_output(path)
}

/// Makes a directory and those above it, where they are missing.
///
/// # Errors
/// [`Error::File`] when the system refuses.
pub fn make_directory(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(|e| cannot_write(path, &e))
}

/// SHA-256 of a file in hexadecimal digits.
///
/// # Errors
/// [`Error::Input`] when the file cannot be read.
pub fn hash_file(path: &Path) -> Result<String> {
    let mut hash = ByteHash::default();
    let mut file = std::fs::File::open(path).map_err(|e| cannot_read(path, &e))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer).map_err(|e| cannot_read(path, &e))?;
        if count == 0 {
            return Ok(hash.hex());
        }
        hash.add(&buffer[..count]);
    }
}

/// Longest list of units that is read.
const MAX_LIST: u64 = 1 << 24;

/// Units named in a text file, one name or number a line, ascending; empty lines are passed over.
///
/// # Errors
/// [`Error::Input`] for an unknown unit, with its line.
pub fn read_units(path: &Path, names: &[String]) -> Result<Vec<usize>> {
    let text = read_text(path, MAX_LIST)?;
    let mut units = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let word = line.trim();
        let unit = names.iter().position(|name| name == word);
        let unit = unit.or_else(|| word.parse().ok().filter(|&unit: &usize| unit < names.len()));
        units.push(unit.ok_or_else(|| {
            Error::Input(
                Fault::new(format!("unknown unit \"{word}\""))
                    .at(format!("{}, line {}", path.display(), number + 1))
                    .expected(format!("a name of the model's units or a number from 0 to {}", names.len() - 1)),
            )
        })?);
    }
    units.sort_unstable();
    units.dedup();
    Ok(units)
}
