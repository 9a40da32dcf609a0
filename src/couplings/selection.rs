//! Which couplings were asked for, checked before any of them is computed.

use super::Coupling;
use crate::error::{Error, Fault, Result};
use crate::rbm::Rbm;

/// Highest order.
pub const MAX_ORDER: usize = 3;
/// Most couplings in one list, those of order 3 among 416 units; about 100 bytes each while they are written.
pub const MAX_COUPLINGS: u64 = 12_000_000;
/// Most elementary operations in one call: about an hour of a 2-core machine.
pub const MAX_WORK: f64 = 1e13;
/// Strongest pairs that are listed, where nothing is said.
pub const STRONGEST: usize = 30;

/// Number of couplings of one order among `units` units; saturates.
#[must_use]
pub fn count_of(units: usize, order: usize) -> u64 {
    (0..order as u64).fold(1u64, |product, i| product.saturating_mul((units as u64).saturating_sub(i)) / (i + 1))
}

/// Orders that are read where nothing is said: all, without the third where `units`, those among which it would be read,
/// have too many.
#[must_use]
pub fn default_orders(units: usize) -> Vec<usize> {
    (1..=MAX_ORDER).filter(|&order| order < 3 || count_of(units, order) <= MAX_COUPLINGS).collect()
}

/// Orders and units, ascending and without repetition.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    pub(super) orders: Vec<usize>,
    pub(super) units: Vec<usize>,
}

impl Selection {
    pub(super) fn new(rbm: &Rbm, orders: &[usize], units: Option<&[usize]>) -> Result<Self> {
        let mut orders = orders.to_vec();
        orders.sort_unstable();
        orders.dedup();
        if let Some(order) = orders.iter().find(|order| !(1..=MAX_ORDER).contains(order)) {
            let fault = Fault::new(format!("couplings of order {order}"));
            return Err(Error::Input(fault.expected(format!("orders from 1 to {MAX_ORDER}"))));
        }
        let mut units = units.map_or_else(|| (0..rbm.n_visible).collect(), <[usize]>::to_vec);
        units.sort_unstable();
        units.dedup();
        if let Some(&unit) = units.iter().find(|&&unit| unit >= rbm.n_visible) {
            let fault = Fault::new(format!("there is no visible unit {unit}"));
            return Err(Error::Input(fault.expected(format!("units from 0 to {}", rbm.n_visible.saturating_sub(1)))));
        }
        if units.is_empty() || orders.is_empty() {
            return Err(Error::Input(
                Fault::new("no couplings are asked for").expected("at least one unit and one order"),
            ));
        }
        let selection = Self { orders, units };
        if selection.count() > MAX_COUPLINGS {
            return Err(Error::Input(
                Fault::new(format!("{} couplings among {} units", selection.count(), selection.units.len()))
                    .expected(format!("at most {MAX_COUPLINGS}"))
                    .advice("choose some of the units, or leave out the highest order"),
            ));
        }
        Ok(selection)
    }

    pub(super) fn has(&self, order: usize) -> bool {
        self.orders.contains(&order)
    }

    /// Number of couplings of one order among the units.
    pub(super) fn count_of(&self, order: usize) -> u64 {
        count_of(self.units.len(), order)
    }

    /// Number of couplings in all.
    pub(super) fn count(&self) -> u64 {
        self.orders.iter().fold(0u64, |sum, &order| sum.saturating_add(self.count_of(order)))
    }

    /// Refuses work that would not end.
    pub(super) fn check_work(operations: f64) -> Result<()> {
        if operations <= MAX_WORK {
            return Ok(());
        }
        Err(Error::Input(
            Fault::new(format!("these couplings take about {operations:.0e} operations"))
                .expected(format!("at most {MAX_WORK:.0e}"))
                .advice("choose some of the units, or leave out the highest order; weights may also have run away"),
        ))
    }

    /// The list of one order in lexicographic order of the units; `value` takes positions in `units`.
    pub(super) fn list(&self, order: usize, mut value: impl FnMut(&[usize]) -> f64) -> Vec<Coupling> {
        let n = self.units.len();
        let mut out = Vec::with_capacity(self.count_of(order) as usize);
        let mut push = |at: &[usize]| {
            out.push(Coupling { units: at.iter().map(|&a| self.units[a]).collect(), value: value(at) });
        };
        match order {
            1 => (0..n).for_each(|a| push(&[a])),
            2 => (0..n).for_each(|a| (a + 1..n).for_each(|b| push(&[a, b]))),
            _ => (0..n).for_each(|a| (a + 1..n).for_each(|b| (b + 1..n).for_each(|c| push(&[a, b, c])))),
        }
        out
    }
}
