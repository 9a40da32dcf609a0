//! What the files of a scenario say, as far as the checks need it.

use std::path::{Path, PathBuf};

use super::mistake::Mistakes;
use super::raw::{RawScenario, RawSource};
use crate::data::{DataSet, Model, glance, read_model};
use crate::lattice::Lattice;
use crate::rbm::Rbm;
use crate::settings::{About, HeldOut};

/// What is known about the source; `None` where it could not be found out, which has then been noted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Rows of data.
    pub rows: Option<usize>,
    /// Visible units.
    pub n_visible: Option<usize>,
    /// Hidden units of a model.
    pub n_hidden: Option<usize>,
    /// Names of the visible units.
    pub names: Option<Vec<String>>,
    /// Lattice of the visible units.
    pub lattice: Option<Lattice>,
    /// T in J/k_B.
    pub temperature: Option<f64>,
    /// Files that are read, absolute, the source first.
    pub files: Vec<PathBuf>,
    /// Machines between which samples are tempered.
    pub sample_along: Vec<Rbm>,
    /// Machines between which the reverse estimate of ln Z is tempered.
    pub likelihood_along: Vec<Rbm>,
}

impl Facts {
    /// What data in memory say; `rows` of them where they are elsewhere.
    #[must_use]
    pub fn of_data(data: &DataSet, rows: usize) -> Self {
        Self {
            rows: Some(rows),
            n_visible: Some(data.samples.cols()),
            names: data.names.clone(),
            lattice: data.lattice,
            temperature: data.temperature,
            ..Self::default()
        }
    }

    /// What a model in memory says.
    #[must_use]
    pub fn of_model(model: &Model) -> Self {
        Self {
            n_visible: Some(model.rbm.n_visible),
            n_hidden: Some(model.rbm.n_hidden),
            names: model.meta.names.clone(),
            lattice: model.meta.lattice,
            temperature: model.meta.temperature,
            ..Self::default()
        }
    }

    /// What defaults and limits depend on.
    pub(crate) fn about(&self) -> About {
        About { rows: self.rows, n_visible: self.n_visible, lattice: self.lattice }
    }

    /// Reads the machines along which the stages temper.
    pub(crate) fn read_earlier_machines(&mut self, raw: &RawScenario, mistakes: &mut Mistakes<'_>) {
        let mut machines = |paths: &[PathBuf], block: &str, mistakes: &mut Mistakes<'_>| -> Vec<Rbm> {
            self.files.extend_from_slice(paths);
            let read = |(i, path): (usize, &PathBuf)| match read_model(path) {
                Ok(model) => Some(model.rbm),
                Err(error) => {
                    mistakes.error_at(&format!("{block}.trajectory[{i}]"), error);
                    None
                }
            };
            paths.iter().enumerate().filter_map(read).collect()
        };
        let of_sample = raw.sample.as_ref().map_or(&[][..], |sample| &sample.trajectory);
        self.sample_along = machines(of_sample, "sample", mistakes);
        let of_likelihood = raw.likelihood.as_ref().map_or(&[][..], |likelihood| &likelihood.trajectory);
        self.likelihood_along = machines(of_likelihood, "likelihood", mistakes);
    }

    /// Looks at the files of rows that are kept out.
    fn look_at_held_out(&mut self, raw: &RawScenario, mistakes: &mut Mistakes<'_>) {
        let trains = raw.train.iter().map(|train| ("train".to_string(), train));
        let overrides = raw.overrides.iter().enumerate().map(|(i, o)| (format!("overrides[{i}].train"), &o.train));
        for (block, train) in trains.chain(overrides) {
            let Some(path) = train.held_out.as_ref().and_then(HeldOut::file) else { continue };
            let path_in_file = format!("{block}.held_out");
            self.files.push(path.clone());
            match glance(path, self.temperature) {
                Ok(glance) if self.n_visible.is_some_and(|units| units != glance.units) => mistakes.at(
                    &path_in_file,
                    format!(
                        "{} has {} units, the data have {}",
                        path.display(),
                        glance.units,
                        self.n_visible.unwrap_or(0)
                    ),
                    "rows of the same units",
                    "",
                ),
                Ok(_) => {}
                Err(error) => mistakes.error_at(&path_in_file, error),
            }
        }
    }
}

/// Looks at the source and at files of other rows; their paths are absolute.
pub(crate) fn gather(raw: &RawScenario, mistakes: &mut Mistakes<'_>) -> Facts {
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
            let path = PathBuf::from(path);
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
            facts.files.push(path);
        }
        RawSource::Model { path } => {
            match read_model(Path::new(path)) {
                Ok(model) => facts = Facts::of_model(&model),
                Err(error) => mistakes.error_at("source.path", error),
            }
            facts.files.push(path.into());
        }
    }
    facts.look_at_held_out(raw, mistakes);
    facts
}
