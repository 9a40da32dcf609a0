//! Whole files in and out: bounded reads, hashes, atomic writes.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest, Sha256};

use crate::error::{Error, Fault, Result};

/// Most bytes that decompression may make of one file or archive member: a guard against files that unpack to more
/// than any machine holds.
pub(crate) const MAX_UNPACKED: u64 = 1 << 34;

/// A fault of the file system while reading what the user named.
pub(crate) fn cannot_read(path: &Path, error: &io::Error) -> Error {
    let fault = if error.kind() == io::ErrorKind::NotFound {
        Fault::new("no such file").advice(
            "check the spelling; relative paths start at the current directory, in a scenario at its own directory",
        )
    } else {
        Fault::new(format!("cannot read the file: {error}"))
    };
    Error::Input(fault.at(path.display()).expected("a readable file"))
}

/// A fault of the file system while writing.
pub(crate) fn cannot_write(path: &Path, error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return Error::Input(
            Fault::new("the directory of this file does not exist")
                .at(path.display())
                .expected("an existing directory")
                .advice("make the directory first"),
        );
    }
    Error::File(
        Fault::new(format!("cannot write the file: {error}"))
            .at(path.display())
            .advice("check the free space and the permissions of the directory"),
    )
}

/// That there is a regular file, before its name is judged.
pub(crate) fn check_is_file(path: &Path) -> Result<()> {
    if fs::metadata(path).map_err(|e| cannot_read(path, &e))?.is_file() {
        return Ok(());
    }
    Err(Error::Input(Fault::new("this is not a file").at(path.display()).expected("a regular file")))
}

/// The whole file; its length on disk bounds the memory taken.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    check_is_file(path)?;
    let bytes = fs::read(path).map_err(|e| cannot_read(path, &e))?;
    if bytes.is_empty() {
        return Err(Error::Input(Fault::new("the file is empty").at(path.display()).expected("at least one sample")));
    }
    Ok(bytes)
}

/// A text file of at most `limit` bytes.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String> {
    let meta = fs::metadata(path).map_err(|e| cannot_read(path, &e))?;
    if !meta.is_file() || meta.len() > limit {
        let found = if meta.is_file() { format!("{} bytes", meta.len()) } else { "a directory or device".to_string() };
        return Err(Error::Input(
            Fault::new(format!("this is {found}"))
                .at(path.display())
                .expected(format!("a text of at most {limit} bytes")),
        ));
    }
    let bytes = fs::read(path).map_err(|e| cannot_read(path, &e))?;
    String::from_utf8(bytes).map_err(|e| {
        Error::Input(
            Fault::new(format!("byte {} is not UTF-8 text", e.utf8_error().valid_up_to()))
                .at(path.display())
                .expected("UTF-8 text"),
        )
    })
}

/// Unpacks gzip, at most [`MAX_UNPACKED`] bytes.
pub(crate) fn gunzip(bytes: &[u8], source: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let reader = flate2::read::MultiGzDecoder::new(bytes);
    reader.take(MAX_UNPACKED + 1).read_to_end(&mut out).map_err(|e| {
        Error::Input(
            Fault::new(format!("cannot unpack: {e}"))
                .at(source)
                .expected("a whole gzip file")
                .advice("the file is truncated or damaged: fetch it again"),
        )
    })?;
    if out.len() as u64 > MAX_UNPACKED {
        return Err(Error::Input(
            Fault::new("the file unpacks to too much")
                .at(source)
                .expected(format!("at most {MAX_UNPACKED} bytes unpacked")),
        ));
    }
    Ok(out)
}

/// SHA-256 in 64 hexadecimal digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// SHA-256 of bytes that come in pieces.
#[derive(Debug, Default)]
pub struct ByteHash(Sha256);

impl ByteHash {
    /// Adds a piece.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all pieces in 64 hexadecimal digits.
    #[must_use]
    pub fn hex(self) -> String {
        hex(&self.0.finalize())
    }
}

/// Writes under a temporary name in the same directory, syncs, renames.
pub(crate) fn write_atomic(path: &Path, body: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> Result<()> {
    let temporary = temporary_name(path);
    let written = (|| {
        let file = File::options().write(true).create_new(true).open(&temporary)?;
        let mut writer = BufWriter::with_capacity(1 << 20, &file);
        body(&mut writer)?;
        writer.flush()?;
        drop(writer);
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if let Err(error) = written {
        // The first error is the one to report; a temporary file that cannot be removed either is left behind.
        let _ = fs::remove_file(&temporary);
        return Err(cannot_write(path, &error));
    }
    sync_directory(path);
    Ok(())
}

/// Writes bytes atomically (temporary name, sync, rename).
///
/// # Errors
/// [`Error::Input`] when the directory is not there, [`Error::File`] when writing fails.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomic(path, |w| w.write_all(bytes))
}

/// Name that no other writer of this process or machine uses now.
fn temporary_name(path: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    path.with_file_name(name)
}

/// Whether a name is that of a file being written ([`temporary_name`]) whose final name `is_ours` accepts.
fn is_temporary(name: &str, is_ours: impl Fn(&str) -> bool) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let inner = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp"));
    inner.and_then(|inner| inner.rsplit_once('.')).is_some_and(|(file, writer)| {
        is_ours(file) && writer.split_once('-').is_some_and(|(process, count)| number(process) && number(count))
    })
}

/// Removes what killed writers left in `directory` of files whose names `is_ours` accepts. To be called before anything
/// is written: a new process may have the number of a killed one, and with it its temporary names.
pub(crate) fn remove_leftovers(directory: &Path, is_ours: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if is_temporary(&entry.file_name().to_string_lossy(), &is_ours) {
            // One that cannot be removed is in nobody's way but for its room.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// As [`remove_leftovers`], of the file at `path`.
pub(crate) fn remove_leftovers_of(path: &Path) {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    remove_leftovers(directory, |name| path.file_name().is_some_and(|file| file.to_string_lossy() == name));
}

/// Makes the rename itself durable, where the system can open directories; a failure costs no data already visible.
fn sync_directory(path: &Path) {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(directory) = File::open(parent) {
        let _ = directory.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_killed_writer_left_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        let left = temporary_name(&path);
        let others =
            [".model.safetensors.tmp", ".model.safetensors.7-.tmp", ".other.7-1.tmp", "model.safetensors.7-1.tmp"];
        fs::write(&left, b"half").unwrap();
        others.iter().for_each(|name| fs::write(directory.path().join(name), b"theirs").unwrap());
        remove_leftovers_of(&path);
        assert!(!left.exists());
        assert!(others.iter().all(|name| directory.path().join(name).exists()));
    }
}
