//! Couplings that are read out of a machine.

use std::convert::Infallible;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{About, Problem, counts, nearest_name, size};
use crate::couplings::{Basis, MAX_COUPLINGS, MAX_WORK, Method, STRONGEST, count_of, default_orders};
use crate::limits::{CountLimit, count};

/// A visible unit by number or by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "the number or the name of a unit")]
pub enum UnitName {
    /// From 0.
    Number(u64),
    /// As in the data file.
    Name(String),
}

impl FromStr for UnitName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::Name(text.into()), Self::Number))
    }
}

/// Which couplings; every field has a default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "program", derive(clap::Args))]
#[serde(default, deny_unknown_fields)]
pub struct CouplingsSettings {
    /// Orders, 1 to 3 [default: all, without 3 where there would be too many]
    #[cfg_attr(feature = "program", arg(long, value_delimiter = ',', value_name = "LIST"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orders: Option<Vec<u64>>,
    /// Bases: spin (s = ±1: true couplings of a generalised Ising model), binary (v = 0, 1: log-odds interactions with all
    /// other units at 0), or both [default: spin]
    #[cfg_attr(
        feature = "program",
        arg(long = "basis", visible_alias = "bases", value_delimiter = ',', value_name = "spin|binary")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bases: Option<Vec<Basis>>,
    /// exact, gaussian or cumulant:K; all but exact are approximations [default: exact]
    #[cfg_attr(feature = "program", arg(long, value_name = "METHOD"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Names or numbers of the units among which couplings of order 3 are read [default: all]
    #[cfg_attr(feature = "program", arg(long = "unit", value_delimiter = ',', value_name = "UNIT,…"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<Vec<UnitName>>,
    /// Strongest positive pairs that are listed [default: 30]
    #[cfg_attr(feature = "program", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strongest: Option<u64>,
}

/// Couplings as their stage reads them.
#[derive(Debug, Clone, PartialEq)]
pub struct CouplingsPlan {
    /// Variables, spin first.
    pub bases: Vec<Basis>,
    /// Exact, or one of the approximations.
    pub method: Method,
    /// Orders 1 to 3, ascending.
    pub orders: Vec<usize>,
    /// Units among which couplings of order 3 are read, ascending; all where None.
    pub units: Option<Vec<usize>>,
    /// Strongest positive pairs listed in the record.
    pub strongest: usize,
}

/// Quadrature nodes assumed for a hidden unit in the spin basis.
const ASSUMED_NODES: f64 = 200.0;

impl CouplingsPlan {
    /// Number of couplings of a machine in one basis.
    #[must_use]
    pub fn count(&self, n_visible: usize) -> u64 {
        let among = self.units.as_ref().map_or(n_visible, Vec::len);
        let of_order = |&order: &usize| count_of(if order < 3 { n_visible } else { among }, order);
        self.orders.iter().map(of_order).fold(0, u64::saturating_add)
    }

    /// Operations of the basis that takes most, about.
    #[must_use]
    pub fn work(&self, n_visible: usize, n_hidden: usize) -> f64 {
        self.count(n_visible) as f64 * n_hidden as f64 * ASSUMED_NODES
    }
}

const LISTED: CountLimit = count("strongest", "pairs", 0, 100_000);

impl CouplingsSettings {
    /// With every default written out.
    #[must_use]
    pub fn filled(mut self, about: &About) -> Self {
        let among = self.units.as_ref().map_or(about.n_visible.unwrap_or(0), Vec::len);
        self.orders.get_or_insert_with(|| default_orders(among).into_iter().map(|order| order as u64).collect());
        self.bases.get_or_insert_with(|| vec![Basis::Spin]);
        self.method.get_or_insert(Method::Exact);
        self.strongest.get_or_insert(STRONGEST as u64);
        self
    }

    /// Everything that is wrong whatever the machine is.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let mut found: Vec<Problem> = counts([(self.strongest, LISTED)]).collect();
        let orders = self.orders.as_deref().unwrap_or(&[1]);
        if orders.is_empty() {
            let advice = "leave `orders` out for all of them";
            found.push(Problem::new("orders", "no orders", "at least one of 1, 2, 3", advice));
        }
        for (i, order) in orders.iter().enumerate() {
            let path = format!("orders[{i}]");
            if !(1..=3).contains(order) {
                found.push(Problem::new(path, format!("order {order}"), "1, 2 or 3", "remove it"));
            } else if orders[..i].contains(order) {
                let what = format!("order {order} is given twice");
                found.push(Problem::new(path, what, "every order once", "remove one"));
            }
        }
        let bases = self.bases.as_deref().unwrap_or(&[Basis::Spin]);
        if bases.is_empty() {
            found.push(Problem::new("bases", "no bases", "`spin`, `binary` or both", "leave `bases` out for spin"));
        }
        for (i, basis) in bases.iter().enumerate().filter(|(i, basis)| bases[..*i].contains(basis)) {
            let what = format!("the basis {basis} is given twice");
            found.push(Problem::new(format!("bases[{i}]"), what, "every basis once", "remove one"));
        }
        if let Some(Err(error)) = self.method.map(Method::check) {
            found.push(("method", error.into_fault()).into());
        }
        found
    }

    /// The plan for a machine whose visible units have these names, and what it does not have.
    ///
    /// # Errors
    /// All problems.
    pub fn resolve(
        &self,
        about: &About,
        n_hidden: Option<usize>,
        names: Option<&[String]>,
    ) -> Result<CouplingsPlan, Vec<Problem>> {
        let mut found = self.check();
        if !found.is_empty() {
            return Err(found);
        }
        let said = self.clone().filled(about);
        let units = said.units.as_ref().map(|units| units_of(units, about.n_visible, names, &mut found));
        let mut orders: Vec<usize> = said.orders.unwrap_or_default().into_iter().map(size).collect();
        orders.sort_unstable();
        let mut bases = said.bases.unwrap_or_default();
        bases.sort_unstable();
        let n_visible = about.n_visible.unwrap_or(0);
        let strongest = size(said.strongest.unwrap_or(STRONGEST as u64));
        let plan = CouplingsPlan { bases, method: said.method.unwrap_or(Method::Exact), orders, units, strongest };
        let among = |order: usize| if order < 3 { n_visible } else { plan.units.as_ref().map_or(n_visible, Vec::len) };
        let low = plan.orders.iter().filter(|&&order| order < 3).map(|&order| count_of(n_visible, order)).sum::<u64>();
        let high = if plan.orders.contains(&3) { count_of(among(3), 3) } else { 0 };
        for (order, many) in [(2, low), (3, high)] {
            if many > MAX_COUPLINGS {
                let advice = match order {
                    3 => "choose some of the units, or leave out order 3",
                    _ => "leave out order 2",
                };
                let what = format!("{many} couplings of order {order} among {} units", among(order));
                found.push(Problem::new("orders", what, format!("at most {MAX_COUPLINGS}"), advice));
            }
        }
        let work = n_hidden.map_or(0.0, |n_hidden| plan.work(n_visible, n_hidden));
        if found.is_empty() && work > MAX_WORK {
            let what = format!("these couplings take about {work:.0e} operations");
            let advice = "choose some of the units, or leave out order 3";
            found.push(Problem::new("orders", what, format!("at most {MAX_WORK:.0e}"), advice));
        }
        if found.is_empty() { Ok(plan) } else { Err(found) }
    }
}

fn units_of(
    units: &[UnitName],
    n_visible: Option<usize>,
    names: Option<&[String]>,
    problems: &mut Vec<Problem>,
) -> Vec<usize> {
    let mut found = Vec::new();
    for (i, unit) in units.iter().enumerate() {
        let path = format!("units[{i}]");
        let number = match unit {
            UnitName::Number(n) => {
                if let Some(units) = n_visible.filter(|&units| *n >= units as u64) {
                    let expected = format!("a number from 0 to {}", units - 1);
                    problems.push(Problem::new(&path, format!("unit {n}"), expected, ""));
                }
                Some(size(*n))
            }
            UnitName::Name(name) => {
                let names = names.unwrap_or_default();
                let number = names.iter().position(|n| n == name);
                if number.is_none() && n_visible.is_some() {
                    let known: Vec<&str> = names.iter().map(String::as_str).collect();
                    let near = nearest_name(name, &known)
                        .map_or("use its number".to_string(), |n| format!("did you mean \"{n}\"?"));
                    let what = format!("no unit is named \"{name}\"");
                    problems.push(Problem::new(&path, what, "a name of the data file", near));
                }
                number
            }
        };
        match number {
            Some(n) if found.contains(&n) => {
                problems.push(Problem::new(&path, "this unit is given twice", "every unit once", "remove one"));
            }
            Some(n) => found.push(n),
            None => {}
        }
    }
    found.sort_unstable();
    found
}
