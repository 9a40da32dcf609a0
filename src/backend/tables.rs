//! Acceptance of spin flips by tables, for energies that are no sum of equal bonds.
//!
//! Maths: E(s) = −Σ_t J_t π_t with π_t = Π_{j∈t} s_j = ±1, a term being a set of one to four sites. Turning spin i over
//! costs ΔE = 2 Σ_{t∋i} J_t π_t. The signs of the n terms of a site make a number of n digits (1 where π_t = −1), and a
//! table, computed once on the host in f64, has the acceptance for each as a 32-digit integer: the spin is turned if a
//! uniform U of 32 digits is below. Sites with the same couplings share a table; every temperature has tables of its own,
//! and which one a replica uses may change while its spins stay where they are.
//! Sources: Metropolis et al. 1953; tables by local configuration: Zorn, Herrmann and Rebbi 1981 (multispin coding).

use std::collections::BTreeMap;

use super::Rule;
use super::acceptance::threshold;
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};

/// Threshold of what happens without a draw.
pub const ALWAYS: u32 = u32::MAX;
/// Most terms of a site: its table has 2^terms entries.
pub const MAX_TERMS_OF_SITE: usize = 12;
/// Most sites of a term.
pub const MAX_ORDER: usize = 4;
/// Most entries of all tables: half a gigabyte.
const MAX_ENTRIES: usize = 1 << 27;
/// Costs below this part of Σ 2|J| are rounding of sums that are 0.
const ROUNDING: f64 = 1e-12;

/// A term of the energy: its sites, all different, and J in E = −J Π s.
pub type TermOf<'a> = (&'a [u32], f64);

/// What an update by tables needs to know of an energy and its temperatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlipTables {
    /// Sites of each colour; no two of one colour are in a common term.
    pub colours: Vec<Vec<u32>>,
    /// Where the description of each site begins in `program`, `[sites]`.
    pub starts: Vec<u32>,
    /// Of each site: where its table begins, its number of terms, and for each term `others + 4 · odd` followed by the
    /// `others` (0 to 3) sites of the term beside this one; `odd` is 1 for terms of an odd number of sites.
    pub program: Vec<u32>,
    /// Entries of the tables of one temperature.
    pub entries: usize,
    /// ⌊2³² P + ½⌋, at most [`ALWAYS`] which stands for P = 1; `[temperatures, entries]`.
    pub thresholds: Vec<u32>,
}

impl FlipTables {
    /// Tables of all sites at all temperatures (J/k_B).
    ///
    /// # Errors
    /// [`Error::Input`] for a site of too many terms, a term of too many sites, or tables of more than half a gigabyte.
    pub fn new<'a>(
        colours: &[Vec<u32>],
        terms: impl IntoIterator<Item = TermOf<'a>>,
        rule: Rule,
        temperatures: &[f64],
    ) -> Result<Self> {
        let sites = colours.iter().map(Vec::len).sum();
        let mut of_sites: Vec<Vec<TermOf<'a>>> = vec![Vec::new(); sites];
        for (members, value) in terms {
            let known = members.len() <= MAX_ORDER && members.iter().all(|&i| (i as usize) < sites);
            if !known || members.iter().any(|&i| of_sites[i as usize].len() == MAX_TERMS_OF_SITE) {
                let expected =
                    format!("1 to {MAX_ORDER} sites below {sites}, at most {MAX_TERMS_OF_SITE} terms a site");
                return fault(format!("a term of the sites {members:?}"), expected, "use fewer terms");
            }
            members.iter().for_each(|&i| of_sites[i as usize].push((members, value)));
        }
        let (mut starts, mut program) = (Vec::with_capacity(sites), Vec::new());
        let mut shared: BTreeMap<Vec<u64>, u32> = BTreeMap::new();
        let mut kinds: Vec<Vec<f64>> = Vec::new();
        let mut entries = 0usize;
        for (site, terms) in of_sites.iter_mut().enumerate() {
            // In one order of couplings, so that more sites share a table.
            terms.sort_by(|a, b| a.1.total_cmp(&b.1));
            let key = terms.iter().map(|(_, value)| value.to_bits()).collect();
            let first = *shared.entry(key).or_insert_with(|| {
                let first = entries as u32;
                entries += 1 << terms.len();
                kinds.push(terms.iter().map(|&(_, value)| value).collect());
                first
            });
            if entries.saturating_mul(temperatures.len()) > MAX_ENTRIES {
                return fault(
                    format!("more than {MAX_ENTRIES} entries of acceptance tables"),
                    format!("tables of at most {} MiB", (MAX_ENTRIES * 4) >> 20),
                    "use fewer terms a site, fewer temperatures or a smaller lattice",
                );
            }
            starts.push(program.len() as u32);
            program.extend([first, terms.len() as u32]);
            for (members, _) in terms {
                program.push(members.len() as u32 - 1 + 4 * (members.len() as u32 % 2));
                program.extend(members.iter().filter(|&&other| other as usize != site));
            }
        }
        let table = |&t: &f64| kinds.iter().flat_map(move |values| table_of(rule, values, t));
        let thresholds = temperatures.iter().flat_map(table).collect();
        Ok(Self { colours: colours.to_vec(), starts, program, entries, thresholds })
    }

    /// Number of sites.
    #[must_use]
    pub fn sites(&self) -> usize {
        self.starts.len()
    }

    /// Checks a start `[replicas, sites]` and the temperatures' numbers of its replicas.
    ///
    /// # Errors
    /// [`Error::Input`] when they do not fit.
    pub fn check(&self, temperature_of: &[u32], initial: &BitMatrix) -> Result<()> {
        if initial.cols() != self.sites() || initial.rows() == 0 {
            return fault(
                format!("initial spins [{}, {}]", initial.rows(), initial.cols()),
                format!("[replicas, {}], and at least one replica", self.sites()),
                "start from spins of this model",
            );
        }
        check_temperatures(self.temperatures(), temperature_of, initial.rows())
    }

    /// Temperatures that have tables.
    #[must_use]
    pub fn temperatures(&self) -> usize {
        self.thresholds.len() / self.entries.max(1)
    }
}

/// Checks that there is a number of a temperature below `known` for each of `replicas`.
///
/// # Errors
/// [`Error::Input`] for too few or too many, or one without tables.
pub(super) fn check_temperatures(known: usize, temperature_of: &[u32], replicas: usize) -> Result<()> {
    if temperature_of.len() != replicas {
        let what = format!("temperatures for {} replicas", temperature_of.len());
        return fault(what, format!("one for each of {replicas}"), "give every replica a temperature");
    }
    match temperature_of.iter().find(|&&t| t as usize >= known) {
        None => Ok(()),
        Some(t) => {
            let expected = format!("one of the {known} that have tables");
            fault(format!("temperature number {t}"), expected, "build tables for it")
        }
    }
}

fn fault<T>(what: String, expected: String, advice: &str) -> Result<T> {
    Err(Error::Input(Fault::new(what).at("interactions").expected(expected).advice(advice)))
}

/// Thresholds for all signs of the terms with couplings `values`.
fn table_of(rule: Rule, values: &[f64], temperature: f64) -> impl Iterator<Item = u32> {
    let least = 2.0 * ROUNDING * values.iter().map(|v| v.abs()).sum::<f64>();
    (0..1usize << values.len()).map(move |pattern| {
        let sign = |k: usize| if pattern >> k & 1 == 1 { -1.0 } else { 1.0 };
        let cost: f64 = values.iter().enumerate().map(|(k, v)| 2.0 * sign(k) * v).sum();
        threshold(rule, if cost.abs() <= least { 0.0 } else { cost / temperature }).unwrap_or(ALWAYS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_that_are_zero_toss_a_coin_whatever_their_rounding() {
        // 0.1 + 0.1 + 0.1 − 0.3 is 5.6e-17 in f64.
        let bonds: [(&[u32], f64); 4] = [(&[0, 1], 0.1), (&[0, 2], 0.1), (&[0, 3], 0.1), (&[0, 4], 0.3)];
        let tables = FlipTables::new(&[vec![0], vec![1, 2, 3, 4]], bonds, Rule::MetropolisWithCoin, &[1.0]).unwrap();
        let first = tables.program[tables.starts[0] as usize] as usize;
        assert_eq!(tables.thresholds[first + 0b1000], 1 << 31);
        assert_eq!(tables.thresholds[first + 0b0111], 1 << 31);
        assert_eq!(tables.thresholds[first + 0b1111], ALWAYS);
    }

    #[test]
    fn what_has_no_table_is_refused() {
        let star: Vec<[u32; 2]> = (1..14).map(|i| [0, i]).collect();
        let colours = [vec![0], (1..14).collect()];
        let terms = star.iter().map(|pair| (&pair[..], 1.0));
        assert!(FlipTables::new(&colours, terms, Rule::HeatBath, &[1.0]).is_err());
        let tables = FlipTables::new(&[vec![0, 1]], [], Rule::HeatBath, &[1.0, 2.0]).unwrap();
        assert!(tables.check(&[0, 1], &BitMatrix::zeros(2, 2)).is_ok());
        assert!(tables.check(&[0, 2], &BitMatrix::zeros(2, 2)).is_err());
        assert!(tables.check(&[0], &BitMatrix::zeros(2, 2)).is_err());
        assert!(tables.check(&[0, 1], &BitMatrix::zeros(2, 3)).is_err());
    }
}
