//! What the page knows about a run: plain values, already read, in the order in which they are shown.

use crate::record::{
    ChainsRecord, CouplingsRecord, ExpectRecord, IsingRecord, LikelihoodRecord, Observables, PointRecord, Record,
    StatesRecord, TrainMetric, TrainRecord,
};

use super::number;

/// A whole run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunView {
    /// Title of the scenario, else the name of the directory.
    pub title: String,
    /// One paragraph in the author's words, where the scenario has one.
    pub description: Option<String>,
    /// Name of the scenario.
    pub name: Option<String>,
    /// Version of the program that ran it, with the commit where known.
    pub version: Option<String>,
    /// Seed of all random numbers.
    pub seed: Option<String>,
    /// Command line that repeats the run.
    pub command: Option<String>,
    /// Device on which it ran.
    pub device: Option<String>,
    /// Backend, `cpu` or `gpu`.
    pub backend: Option<String>,
    /// When it began, in words.
    pub started: Option<String>,
    /// Wall-clock seconds.
    pub seconds: Option<f64>,
    /// Resolved scenario as written in the run directory.
    pub scenario_text: Option<String>,
    /// The manifest, indented, for the appendix.
    pub manifest_text: Option<String>,
    /// Points of the sweep, in the order of their swept values.
    pub points: Vec<PointView>,
    /// Promises that are about the run as a whole.
    pub expectations: Vec<ExpectRecord>,
    /// What is missing or could not be read, one sentence each.
    pub notes: Vec<String>,
}

/// One point of a sweep, or the only one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PointView {
    /// Directory name, or the label of its first record.
    pub label: String,
    /// Everything the point wrote down, in order.
    pub records: Vec<Record>,
    /// Pair couplings that were written as a matrix, one for each basis.
    pub matrices: Vec<PairMatrix>,
    /// Names of the visible units, in order; empty where they have none.
    pub names: Vec<String>,
}

/// Pair couplings of all units.
#[derive(Debug, Clone, PartialEq)]
pub struct PairMatrix {
    /// `spin` or `binary`.
    pub basis: String,
    /// Number of units n.
    pub n: usize,
    /// Values `[n, n]`, row by row.
    pub values: Vec<f64>,
}

impl PairMatrix {
    /// Checks that `values` holds n² numbers.
    #[must_use]
    pub fn new(basis: impl Into<String>, n: usize, values: Vec<f64>) -> Option<Self> {
        (n.checked_mul(n) == Some(values.len())).then(|| Self { basis: basis.into(), n, values })
    }

    /// Value of the pair (j, k).
    #[must_use]
    pub fn at(&self, j: usize, k: usize) -> f64 {
        self.values[j * self.n + k]
    }
}

impl PointView {
    /// Last record that `pick` accepts.
    fn last<'a, T>(&'a self, pick: impl Fn(&'a Record) -> Option<T>) -> Option<T> {
        self.records.iter().rev().find_map(pick)
    }

    /// What the point is about.
    #[must_use]
    pub fn about(&self) -> Option<&PointRecord> {
        self.records.iter().find_map(|r| if let Record::Point(p) = r { Some(p) } else { None })
    }

    /// Monte Carlo result.
    #[must_use]
    pub fn ising(&self) -> Option<&IsingRecord> {
        self.last(|r| if let Record::Ising(i) = r { Some(i) } else { None })
    }

    /// Observables of the model's samples.
    #[must_use]
    pub fn samples(&self) -> Option<&Observables> {
        self.last(|r| if let Record::Sample(o) = r { Some(o) } else { None })
    }

    /// Training result.
    #[must_use]
    pub fn training(&self) -> Option<&TrainRecord> {
        self.last(|r| if let Record::Train(t) = r { Some(t) } else { None })
    }

    /// Likelihood evaluation.
    #[must_use]
    pub fn likelihood(&self) -> Option<&LikelihoodRecord> {
        self.last(|r| if let Record::Likelihood(l) = r { Some(l) } else { None })
    }

    /// Chains of the model's samples.
    #[must_use]
    pub fn chains(&self) -> Option<&ChainsRecord> {
        self.last(|r| if let Record::Chains(c) = r { Some(c) } else { None })
    }

    /// All state probabilities.
    #[must_use]
    pub fn states(&self) -> Option<&StatesRecord> {
        self.last(|r| if let Record::States(s) = r { Some(s) } else { None })
    }

    /// Couplings, one record for each basis and method, in the order written; after a resumed run as last written.
    #[must_use]
    pub fn couplings(&self) -> Vec<&CouplingsRecord> {
        let all = self.records.iter().filter_map(|r| if let Record::Couplings(c) = r { Some(c) } else { None });
        last_of_each(all, |a, b| a.basis == b.basis && a.method == b.method)
    }

    /// Couplings in one basis.
    #[must_use]
    pub fn couplings_in(&self, basis: &str) -> Option<&CouplingsRecord> {
        self.last(|r| match r {
            Record::Couplings(c) if c.basis == basis => Some(c),
            _ => None,
        })
    }

    /// Pair matrix in one basis.
    #[must_use]
    pub fn matrix_in(&self, basis: &str) -> Option<&PairMatrix> {
        self.matrices.iter().find(|m| m.basis == basis)
    }

    /// Numbers during training; after a resumed run each update occurs once, as last written.
    #[must_use]
    pub fn metrics(&self) -> Vec<&TrainMetric> {
        let mut by_update = std::collections::BTreeMap::new();
        for record in &self.records {
            if let Record::Metric(m) = record {
                by_update.insert(m.update, m);
            }
        }
        by_update.into_values().collect()
    }

    /// Promises about this point; after a resumed run each as last judged.
    #[must_use]
    pub fn expectations(&self) -> Vec<&ExpectRecord> {
        let all = self.records.iter().filter_map(|r| if let Record::Expect(e) = r { Some(e) } else { None });
        last_of_each(all, |a, b| a.key == b.key && a.promise == b.promise)
    }

    /// T in J/k_B, for Ising sources.
    #[must_use]
    pub fn temperature(&self) -> Option<f64> {
        self.about()
            .and_then(|p| p.temperature)
            .or_else(|| self.ising().map(|i| i.observables.temperature))
            .or_else(|| self.samples().map(|s| s.temperature))
            .filter(|t| number::usable(*t))
    }

    /// Lattice in text form, for Ising sources.
    #[must_use]
    pub fn lattice(&self) -> Option<&str> {
        self.about()
            .and_then(|p| p.lattice.as_deref())
            .or_else(|| self.ising().map(|i| i.observables.lattice.as_str()))
            .or_else(|| self.samples().map(|s| s.lattice.as_str()))
    }

    /// Swept values other than the temperature, e.g. `hidden = 16`; empty where only the temperature is swept.
    #[must_use]
    pub fn variant(&self) -> String {
        let Some(about) = self.about() else { return String::new() };
        let parts: Vec<String> = about
            .values
            .iter()
            .filter(|(key, _)| !is_temperature(key))
            .map(|(key, value)| format!("{key} = {}", number::plain(*value, 7)))
            .collect();
        parts.join(", ")
    }

    /// Heading of the point: `T = 1.8`, `T = 1.8, hidden = 16`, else its label.
    #[must_use]
    pub fn heading(&self) -> String {
        let swept_temperature = self.about().is_some_and(|p| p.values.keys().any(|k| is_temperature(k)));
        let variant = self.variant();
        match self.temperature() {
            Some(t) if swept_temperature || variant.is_empty() => {
                let t = format!("T = {}", number::plain(t, 7));
                if variant.is_empty() { t } else { format!("{t}, {variant}") }
            }
            _ if !variant.is_empty() => variant,
            _ => self.label.clone(),
        }
    }

    /// Name of unit `j`, else its number.
    #[must_use]
    pub fn unit_name(&self, j: usize) -> String {
        self.names.get(j).filter(|n| !n.is_empty()).cloned().unwrap_or_else(|| j.to_string())
    }
}

/// Items in the order in which each kind first occurs, each replaced by the last of its kind.
fn last_of_each<'a, T>(items: impl Iterator<Item = &'a T>, same: impl Fn(&T, &T) -> bool) -> Vec<&'a T> {
    let mut kept: Vec<&T> = Vec::new();
    for item in items {
        match kept.iter_mut().find(|k| same(k, item)) {
            Some(earlier) => *earlier = item,
            None => kept.push(item),
        }
    }
    kept
}

/// Whether a swept key is the temperature.
fn is_temperature(key: &str) -> bool {
    matches!(key.rsplit('.').next(), Some("temperature" | "temperatures"))
}
