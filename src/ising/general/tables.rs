//! Acceptance thresholds of every site for every sign of its terms, at every temperature.

use std::collections::BTreeMap;

use crate::backend::Rule;
use crate::error::{Error, Fault, Result};
use crate::ising::Interactions;

/// Threshold of what happens without a draw.
pub(super) const ALWAYS: u32 = u32::MAX;
/// Most entries of all tables: half a gigabyte.
const MAX_ENTRIES: usize = 1 << 27;

/// Tables and the terms that index them.
#[derive(Debug)]
pub(super) struct Tables {
    /// `members[of_site[i] .. of_site[i + 1]]`: sites of each term of site i.
    members: Vec<Vec<u32>>,
    of_site: Vec<u32>,
    /// Where the table of a site begins; sites with the same couplings share one.
    first: Vec<u32>,
    /// Entries of one temperature.
    entries: usize,
    /// `[temperature, entry]`.
    thresholds: Vec<u32>,
}

impl Tables {
    pub(super) fn new(interactions: &Interactions, rule: Rule, temperatures: &[f64]) -> Result<Self> {
        let mut terms = vec![Vec::new(); interactions.sites];
        for term in &interactions.terms {
            term.sites.iter().for_each(|&i| terms[i as usize].push(term));
        }
        let (mut members, mut of_site, mut first) = (Vec::new(), vec![0u32], Vec::new());
        let mut shared: BTreeMap<Vec<u64>, u32> = BTreeMap::new();
        let mut kinds: Vec<Vec<f64>> = Vec::new();
        let mut entries = 0usize;
        for of_this in &terms {
            members.extend(of_this.iter().map(|term| term.sites.clone()));
            of_site.push(members.len() as u32);
            let values: Vec<f64> = of_this.iter().map(|term| term.value).collect();
            let key = values.iter().map(|v| v.to_bits()).collect();
            let start = *shared.entry(key).or_insert_with(|| {
                let start = entries as u32;
                entries += 1 << values.len();
                kinds.push(values);
                start
            });
            first.push(start);
            if entries.saturating_mul(temperatures.len()) > MAX_ENTRIES {
                return Err(Error::Input(
                    Fault::new(format!("more than {MAX_ENTRIES} entries of acceptance tables"))
                        .at("interactions")
                        .expected(format!("tables of at most {} MiB", (MAX_ENTRIES * 4) >> 20))
                        .advice("use fewer terms a site, fewer temperatures or a smaller lattice"),
                ));
            }
        }
        let mut thresholds = Vec::with_capacity(entries * temperatures.len());
        for &t in temperatures {
            for values in &kinds {
                for pattern in 0..1usize << values.len() {
                    let sign = |k: usize| if pattern >> k & 1 == 1 { -1.0 } else { 1.0 };
                    let cost: f64 = values.iter().enumerate().map(|(k, v)| 2.0 * sign(k) * v).sum();
                    thresholds.push(threshold(rule, cost / t));
                }
            }
        }
        Ok(Self { members, of_site, first, entries, thresholds })
    }

    /// Sites of each term of a site, in the order of the table's digits.
    #[inline]
    pub(super) fn terms_of(&self, site: u32) -> impl Iterator<Item = &[u32]> {
        let range = self.of_site[site as usize] as usize..self.of_site[site as usize + 1] as usize;
        self.members[range].iter().map(Vec::as_slice)
    }

    /// Threshold of a site whose terms have the signs `pattern`.
    #[inline]
    pub(super) fn threshold(&self, temperature: u32, site: u32, pattern: u32) -> u32 {
        self.thresholds[temperature as usize * self.entries + (self.first[site as usize] + pattern) as usize]
    }
}

/// ⌊2³² P + ½⌋, at most [`ALWAYS`], which stands for P = 1.
fn threshold(rule: Rule, x: f64) -> u32 {
    let p = match rule {
        Rule::MetropolisWithCoin if x == 0.0 => 0.5,
        Rule::Metropolis | Rule::MetropolisWithCoin => (-x).exp().min(1.0),
        Rule::HeatBath => 1.0 / (1.0 + x.exp()),
    };
    (p * 4_294_967_296.0).round() as u32
}
