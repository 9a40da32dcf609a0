//! `report.html`: one self-contained page made from the files of a run directory alone.
//!
//! The page answers, in this order, what was run and whether its promises hold, how the observables compare with exact
//! values, how the likelihood grew against its ceiling, which couplings the machine holds, how well small systems are
//! learned state by state, and how to repeat the run. It needs no device, no network and no script: tables are HTML,
//! plots are inline SVG, colours follow the reader's light or dark theme. Equal files give an equal page, byte for byte.
//!
//! [`load`] is tolerant (what is missing or damaged becomes a note on the page), [`model`] is what the page knows,
//! `page` says it in sections and `plot` draws.

mod html;
pub mod load;
mod manifest;
pub mod model;
mod npy;
mod number;
mod page;
mod plot;

use std::path::{Path, PathBuf};

use crate::error::{Error, Fault, Result};

pub use load::read_run;
pub use model::{PairMatrix, PointView, RunView};
pub use page::render;

/// File name of the report inside its run directory.
pub const FILE_NAME: &str = "report.html";

/// Reads `run_dir`, writes its `report.html` and returns the path of that file.
///
/// # Errors
/// [`Error::Input`] when the directory holds no metrics at all, [`Error::File`] when the page cannot be written.
pub fn write_report(run_dir: &Path) -> Result<PathBuf> {
    let page = render(&read_run(run_dir)?);
    let path = run_dir.join(FILE_NAME);
    let partial = run_dir.join(format!(".{FILE_NAME}.partial"));
    std::fs::write(&partial, page).and_then(|()| std::fs::rename(&partial, &path)).map_err(|error| {
        let _ = std::fs::remove_file(&partial);
        Error::File(
            Fault::new(format!("the report could not be written: {error}"))
                .at(path.display())
                .advice("check that the directory is writable and the disk is not full"),
        )
    })?;
    Ok(path)
}
