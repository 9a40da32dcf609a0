//! Graphs from text: one bond a line, `site site` or `site site coupling`.
//!
//! Sites are whole numbers from 0; columns stand apart by blanks, tabs, commas or semicolons; `#` starts a comment. A
//! coupling that is not written is 1.

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
    /// [`Error::Input`] with the line, for anything that is not two sites and an optional finite coupling, and for a
    /// text without bonds.
    pub fn parse(text: &str, source: &str) -> Result<Self> {
        let mut list = Self { sites: 0, bonds: Vec::new(), couplings: Vec::new() };
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
            list.sites = list.sites.max(a.max(b) + 1);
            list.bonds.push((a, b));
            list.couplings.push(coupling);
        }
        if list.bonds.is_empty() {
            return Err(Error::Input(
                Fault::new("no bonds").at(source).expected("one bond a line: `site site` or `site site coupling`"),
            ));
        }
        Ok(list)
    }

    /// The coupling that all bonds have in common, if they do.
    #[must_use]
    pub fn uniform_coupling(&self) -> Option<f64> {
        let first = *self.couplings.first()?;
        self.couplings.iter().all(|&j| j == first).then_some(first)
    }
}
