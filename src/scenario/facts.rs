//! What the files of a scenario say, as far as the checks need it.

use std::path::{Path, PathBuf};

use super::mistake::Mistakes;
use super::raw::{RawScenario, RawSource};
use crate::data::{glance, read_model};
use crate::lattice::Lattice;

/// What is known about the source; `None` where it could not be found out, which has then been noted.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Facts {
    pub(crate) rows: Option<usize>,
    pub(crate) n_visible: Option<usize>,
    pub(crate) n_hidden: Option<usize>,
    pub(crate) names: Option<Vec<String>>,
    pub(crate) lattice: Option<Lattice>,
    pub(crate) temperature: Option<f64>,
    /// The file read, absolute.
    pub(crate) file: Option<PathBuf>,
}

/// Looks at the source; paths are relative to `base`.
pub(crate) fn gather(raw: &RawScenario, base: &Path, mistakes: &mut Mistakes<'_>) -> Facts {
    let mut facts = Facts::default();
    let lattice_of = |text: &String, mistakes: &mut Mistakes<'_>| match text.parse::<Lattice>() {
        Ok(lattice) => Some(lattice),
        Err(error) => {
            mistakes.error_at("source.lattice", error);
            None
        }
    };
    match &raw.source {
        RawSource::Ising { lattice, temperature, samples, .. } => {
            facts.lattice = lattice_of(lattice, mistakes);
            facts.n_visible = facts.lattice.map(Lattice::sites);
            facts.temperature = *temperature;
            // Numbers out of range are noted by the checks; nothing follows from them.
            facts.rows = usize::try_from(*samples).ok().filter(|n| (2..=u32::MAX as usize).contains(n));
        }
        RawSource::File { path, lattice, temperature, parts, .. } => {
            let path = absolute(base, path);
            match glance(&path, *temperature) {
                Ok(glance) => {
                    facts.rows = Some(glance.rows / parts.map_or(1, |n| (n as usize).clamp(1, glance.rows.max(1))));
                    facts.n_visible = Some(glance.units);
                    facts.names = glance.names;
                    facts.lattice = glance.lattice;
                    facts.temperature = glance.temperature;
                }
                Err(error) => mistakes.error_at("source.path", error),
            }
            let (own, known) = (facts.lattice, facts.temperature);
            if let (Some(own), Some(other)) = (known, temperature)
                && own != *other
            {
                mistakes.at(
                    "source.temperature",
                    format!("temperature {other}, the file says {own}"),
                    format!("temperature: {own}"),
                    "leave it out: the file knows its temperature",
                );
            }
            if let Some(text) = lattice {
                facts.lattice = lattice_of(text, mistakes);
                if let (Some(own), Some(other)) = (own, facts.lattice)
                    && own != other
                {
                    mistakes.at(
                        "source.lattice",
                        format!("lattice {other}, the file says {own}"),
                        format!("lattice: \"{own}\""),
                        "leave it out: the file knows its lattice",
                    );
                }
                if let (Some(lattice), Some(units)) = (facts.lattice, facts.n_visible)
                    && lattice.sites() != units
                {
                    mistakes.at(
                        "source.lattice",
                        format!("{lattice} has {} sites, the file has {units} units", lattice.sites()),
                        format!("a lattice of {units} sites"),
                        "",
                    );
                }
            }
            facts.file = Some(path);
        }
        RawSource::Model { path } => {
            let path = absolute(base, path);
            match read_model(&path) {
                Ok(model) => {
                    facts.n_visible = Some(model.rbm.n_visible);
                    facts.n_hidden = Some(model.rbm.n_hidden);
                    facts.names = model.meta.names;
                    facts.lattice = model.meta.lattice;
                    facts.temperature = model.meta.temperature;
                }
                Err(error) => mistakes.error_at("source.path", error),
            }
            facts.file = Some(path);
        }
    }
    facts
}

/// A path of a scenario, made absolute without asking the file system about it.
fn absolute(base: &Path, path: &str) -> PathBuf {
    let joined = base.join(path);
    std::path::absolute(&joined).unwrap_or(joined)
}
