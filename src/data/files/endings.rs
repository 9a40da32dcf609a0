//! Names of outputs: a file that is named as one of another kind would be taken for it.

use std::path::Path;

use crate::error::{Error, Fault, Result};

/// What is written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A table, as text.
    Table,
    /// One array of numbers.
    Array,
    /// A machine.
    Model,
}

impl Output {
    /// How the names of such files end.
    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Table => &["csv", "tsv", "txt", "dat"],
            Self::Array => &["npy"],
            Self::Model => &["safetensors"],
        }
    }

    /// Checks that `path` is not named as a file of another kind. Endings that mean nothing here are taken.
    ///
    /// # Errors
    /// [`Error::Input`] with names that fit.
    pub fn check_ending(self, path: &Path) -> Result<()> {
        const KNOWN: [&str; 15] = [
            "csv",
            "tsv",
            "txt",
            "npy",
            "npz",
            "safetensors",
            "gz",
            "zip",
            "json",
            "html",
            "xlsx",
            "h5",
            "h5ad",
            "parquet",
            "ron",
        ];
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
        let own = self.endings();
        if own.contains(&ending.as_str()) || !KNOWN.contains(&ending.as_str()) {
            return Ok(());
        }
        let what = match self {
            Self::Table => "a table of text",
            Self::Array => "an array",
            Self::Model => "a model",
        };
        let endings: Vec<String> = own.iter().map(|ending| format!(".{ending}")).collect();
        Err(Error::Input(
            Fault::new(format!("{what} is no .{ending} file"))
                .at(path.display())
                .expected(format!("a name that ends in {}", endings.join(" or ")))
                .advice(format!("write for example {}", path.with_extension(own[0]).display())),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_kinds_are_refused() {
        let refused = |output: Output, name: &str| output.check_ending(Path::new(name)).map_err(|e| e.to_string());
        for (output, good) in [
            (Output::Table, ["z.csv", "z.TSV", "z", "J_T2.269"]),
            (Output::Array, ["J.npy", "J", "J.NPY", "J.1"]),
            (Output::Model, ["m.safetensors", "m.st", "J_T2.269", "m"]),
        ] {
            good.iter().for_each(|name| assert_eq!(refused(output, name), Ok(()), "{output:?}"));
        }
        assert!(refused(Output::Array, "a/J.txt").is_err_and(|e| e.contains("write for example a/J.npy")));
        assert!(refused(Output::Model, "d.npz").is_err_and(|e| e.contains("d.safetensors")));
        assert!(refused(Output::Table, "m.safetensors").is_err_and(|e| e.contains("m.csv")));
        assert!(refused(Output::Table, "t.csv.gz").is_err());
    }
}
