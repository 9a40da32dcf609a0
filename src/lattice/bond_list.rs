//! Graphs from text: one bond a line, `site site` or `site site coupling`.
//!
//! Sites are whole numbers from 0; columns stand apart by blanks, tabs, commas or semicolons; `#` starts a comment. A
//! coupling that is not written is 1. A pair may occur once: files that list every bond from both ends would double all
//! couplings without a word. A number below the largest that occurs in no bond is refused too: the numbers then begin at 1
//! or one of them is mistyped, and a spin without bonds would spoil every mean.

use std::collections::BTreeMap;

use crate::error::{Error, Fault, Result};

/// Bonds with couplings, as a file gives them.
#[derive(Debug, Clone, PartialEq)]
pub struct BondList {
    /// Number of sites: the largest number in the file plus one.
    pub sites: usize,
    /// Pairs of neighbours.
    pub bonds: Vec<(usize, usize)>,
    /// J of each bond, in E = −Σ J s s.
    pub couplings: Vec<f64>,
}

impl BondList {
    /// Reads the text of a bond file; `source` names it in messages.
    ///
    /// # Errors
    /// [`Error::Input`] with the line, for anything that is not two sites and an optional finite coupling, and for a pair
    /// that has occurred before; [`Error::Input`] for a text without bonds or with a site left out.
    pub fn parse(text: &str, source: &str) -> Result<Self> {
        let mut list = Self { sites: 0, bonds: Vec::new(), couplings: Vec::new() };
        let mut lines = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let separator = |c: char| c.is_whitespace() || c == ',' || c == ';';
            let columns: Vec<&str> = line.split(separator).filter(|word| !word.is_empty()).collect();
            if columns.is_empty() {
                continue;
            }
            let wrong = |what: String| {
                Error::Input(
                    Fault::new(what)
                        .at(format!("{source}, line {}", number + 1))
                        .expected("`site site` or `site site coupling`, sites as whole numbers from 0")
                        .advice("write for example: 0 1 -1.0"),
                )
            };
            if !(2..=3).contains(&columns.len()) {
                return Err(wrong(format!("{} columns", columns.len())));
            }
            let site = |text: &str| match text.parse::<usize>() {
                Ok(site) if site < super::MAX_SITES => Ok(site),
                _ => Err(wrong(format!("\"{text}\" is no site"))),
            };
            let (a, b) = (site(columns[0])?, site(columns[1])?);
            if a == b {
                return Err(wrong(format!("a bond of site {a} with itself")));
            }
            let coupling = match columns.get(2).map(|text| (text, text.parse::<f64>())) {
                None => 1.0,
                Some((_, Ok(coupling))) if coupling.is_finite() => coupling,
                Some((text, _)) => return Err(wrong(format!("\"{text}\" is no coupling"))),
            };
            if let Some(before) = lines.insert((a.min(b), a.max(b)), number + 1) {
                return Err(Error::Input(
                    Fault::new(format!("the bond of sites {a} and {b} occurs twice"))
                        .at(format!("{source}, lines {before} and {}", number + 1))
                        .expected("every pair of sites once, from either end")
                        .advice("leave one out, or write one with the sum of both couplings"),
                ));
            }
            list.sites = list.sites.max(a.max(b) + 1);
            list.bonds.push((a, b));
            list.couplings.push(coupling);
        }
        if list.bonds.is_empty() {
            return Err(Error::Input(
                Fault::new("no bonds").at(source).expected("one bond a line: `site site` or `site site coupling`"),
            ));
        }
        check_numbering(list.sites, list.bonds.iter().flat_map(|&(a, b)| [a, b]), 2 * list.bonds.len(), source)?;
        Ok(list)
    }

    /// The coupling that all bonds have in common, if they do.
    #[must_use]
    pub fn uniform_coupling(&self) -> Option<f64> {
        let first = *self.couplings.first()?;
        self.couplings.iter().all(|&j| j == first).then_some(first)
    }
}

/// Checks that each of `sites` occurs among `members`, which are `count`.
///
/// # Errors
/// [`Error::Input`] naming the first that does not.
pub(crate) fn check_numbering(
    sites: usize,
    members: impl Iterator<Item = usize>,
    count: usize,
    source: &str,
) -> Result<()> {
    // Fewer members than sites leave one out: known before anything of that size is allocated.
    let seen = members.take(count).fold(vec![false; sites.min(count + 1)], |mut seen, i| {
        seen.get_mut(i).into_iter().for_each(|seen| *seen = true);
        seen
    });
    match seen.iter().position(|seen| !seen) {
        None => Ok(()),
        Some(site) => Err(Error::Input(
            Fault::new(format!("site {site} is left out, and site {} is not", sites - 1))
                .at(source)
                .expected("sites numbered from 0 without gaps")
                .advice("number the sites anew"),
        )),
    }
}
