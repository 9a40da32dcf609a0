//! Names of units: what they may be, wherever they come in, and the same units in another order.

use super::{DataSet, Model};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};

/// Checks that names are names: not empty, all different, without control characters and without `;`, which joins
/// the names of a coupling.
#[cfg(feature = "files")]
pub(crate) fn check_names(names: &[String], place: impl std::fmt::Display) -> std::result::Result<(), Fault> {
    let fault =
        |what: String, expected: &str, advice: &str| Err(Fault::new(what).at(&place).expected(expected).advice(advice));
    for (j, name) in names.iter().enumerate() {
        if name.trim().is_empty() {
            return fault(
                format!("unit {j} has an empty name"),
                "a name for every unit",
                "name it, or leave all names out",
            );
        }
        if name.contains(';') {
            return fault(
                format!("the name \"{name}\" holds a semicolon"),
                "names without `;`, which joins the names of a coupling",
                "rename the unit",
            );
        }
        if let Some(character) = name.chars().find(|c| c.is_control()) {
            return fault(
                format!("the name of unit {j} holds the control character {character:?}"),
                "names of one line of printable characters",
                "rename the unit",
            );
        }
    }
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|&j| &names[j]);
    match order.windows(2).find(|pair| names[pair[0]] == names[pair[1]]) {
        Some(pair) => fault(
            format!("units {} and {} have the same name \"{}\"", pair[0], pair[1], names[pair[0]]),
            "different names",
            "rename one of them (pandas: names made different by a number behind them)",
        ),
        None => Ok(()),
    }
}

/// How two lists of units go together.
#[derive(Debug, PartialEq, Eq)]
enum Match {
    /// One after another, or one of them has no names to compare.
    InOrder,
    /// `wanted[j]` is `found[order[j]]`.
    Order(Vec<usize>),
    /// This name of the first list is not in the second, or the other way round.
    Missing { wanted: bool, unit: usize },
}

/// Compares names of as many units. Numbers, as this program (`v0`) and pandas (`0`) write them above units without
/// names, stand for the units of the other list in their order.
fn compare(wanted: Option<&[String]>, found: Option<&[String]>) -> Match {
    let straight = |names: &[String]| (0..names.len()).map(|j| j.to_string()).collect::<Vec<_>>();
    let (wanted, found): (&[String], &[String]) = match (wanted, found) {
        (Some(wanted), Some(found)) => (wanted, found),
        (None, None) => return Match::InOrder,
        (Some(names), None) => return numbers_in(names).map_or(Match::InOrder, |n| by_name(&n, &straight(names))),
        (None, Some(names)) => return numbers_in(names).map_or(Match::InOrder, |n| by_name(&straight(names), &n)),
    };
    match (by_name(wanted, found), numbers_in(wanted), numbers_in(found)) {
        (Match::Missing { .. }, Some(wanted), Some(found)) => by_name(&wanted, &found),
        (Match::Missing { .. }, Some(numbers), None) => by_name(&numbers, &straight(wanted)),
        (Match::Missing { .. }, None, Some(numbers)) => by_name(&straight(found), &numbers),
        (matched, ..) => matched,
    }
}

/// The numbers of units in names that are all those from 0 on, in any order, with or without a `v`.
fn numbers_in(names: &[String]) -> Option<Vec<String>> {
    let prefix = if names.first()?.starts_with('v') { "v" } else { "" };
    let mut seen = vec![false; names.len()];
    let number = |name: &String| {
        let number: usize = name.strip_prefix(prefix)?.parse().ok()?;
        let seen = seen.get_mut(number)?;
        (!std::mem::replace(seen, true)).then(|| number.to_string())
    };
    names.iter().map(number).collect()
}

fn by_name(wanted: &[String], found: &[String]) -> Match {
    if wanted == found {
        return Match::InOrder;
    }
    let sorted = |names: &[String]| {
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by(|&a, &b| names[a].cmp(&names[b]));
        order
    };
    let (of_wanted, of_found) = (sorted(wanted), sorted(found));
    let lacks =
        |names: &[String], order: &[usize], name: &String| order.binary_search_by(|&j| names[j].cmp(name)).is_err();
    if let Some(unit) = (0..wanted.len()).find(|&j| lacks(found, &of_found, &wanted[j])) {
        return Match::Missing { wanted: true, unit };
    }
    if let Some(unit) = (0..found.len()).find(|&j| lacks(wanted, &of_wanted, &found[j])) {
        return Match::Missing { wanted: false, unit };
    }
    let mut order = vec![0; wanted.len()];
    of_wanted.iter().zip(&of_found).for_each(|(&to, &from)| order[to] = from);
    Match::Order(order)
}

impl Model {
    /// `data` with its units in the order of this model's: the same names in another order are put in order, which
    /// `listener` is told, as it is of a lattice or temperature other than the model's.
    ///
    /// # Errors
    /// [`Error::Input`] when the data have other units, with the first that differs.
    pub fn arrange(&self, mut data: DataSet, listener: &mut dyn Listener) -> Result<DataSet> {
        let (units, found) = (self.rbm.n_visible, data.samples.cols());
        if found != units {
            return Err(Error::Input(
                Fault::new(format!("{found} units in the data, {units} in the model"))
                    .at(&data.source)
                    .expected("data with the columns the model was trained on"),
            ));
        }
        match compare(self.meta.names.as_deref(), data.names.as_deref()) {
            Match::InOrder => {}
            Match::Missing { wanted, unit } => {
                let what = if wanted {
                    format!("the model has a unit \"{}\" (number {unit}), the data have none", self.unit_names()[unit])
                } else {
                    format!("the data have a unit \"{}\" (number {unit}), the model has none", data.unit_names()[unit])
                };
                return Err(Error::Input(
                    Fault::new(what).at(&data.source).expected("the units of the model, in any order").advice(
                        "give the data that belong to this model, or name their columns as those it was trained on",
                    ),
                ));
            }
            Match::Order(order) => {
                data.samples = in_order(&data.samples, &order);
                data.names = Some(self.unit_names());
                // A lattice numbers its sites by position, which is now that in the model.
                data.lattice = self.meta.lattice;
                listener.event(Event::Info(format!(
                    "the units of {} stand in another order than the model's: put in order by name",
                    data.source
                )));
            }
        }
        if let (Some(own), Some(other)) = (self.meta.lattice, data.lattice)
            && own != other
        {
            listener.event(Event::Warning(format!(
                "the data are of the lattice {other}, the model is of {own}: ceiling and divergence are those of {other}"
            )));
        }
        if let (Some(own), Some(other)) = (self.meta.temperature, data.temperature)
            && own != other
        {
            listener.event(Event::Warning(format!(
                "the data are of temperature {other}, the model is of {own}: ceiling and divergence are those of {other}"
            )));
        }
        Ok(data)
    }
}

/// Columns `order[0], order[1], …` of the samples.
fn in_order(samples: &BitMatrix, order: &[usize]) -> BitMatrix {
    samples.transposed().select_rows(order).transposed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(String::from).collect()
    }

    fn compared(wanted: &str, found: &str) -> Match {
        let list = |text: &str| (!text.is_empty()).then(|| names(text));
        compare(list(wanted).as_deref(), list(found).as_deref())
    }

    #[test]
    fn names_are_compared_as_sets() {
        assert_eq!(compared("a b c", "a b c"), Match::InOrder);
        assert_eq!(compared("a b c", "c a b"), Match::Order(vec![1, 2, 0]));
        assert_eq!(compared("a b c", "c a x"), Match::Missing { wanted: true, unit: 1 });
        assert_eq!(compared("a b c", ""), Match::InOrder);
        assert_eq!(compared("", "x y z"), Match::InOrder);
    }

    /// Who has no names has numbers, and these may be written above columns in any order.
    #[test]
    fn numbers_stand_for_units_without_names() {
        assert_eq!(compared("", "v2 v0 v1"), Match::Order(vec![1, 2, 0]));
        assert_eq!(compared("", "2 0 1"), Match::Order(vec![1, 2, 0]));
        assert_eq!(compared("v1 v0", ""), Match::Order(vec![1, 0]));
        assert_eq!(compared("", "v3 v0 v1"), Match::InOrder);
        assert_eq!(compared("", "0 1 2"), Match::InOrder);
        assert_eq!(compared("a b c", "v0 v1 v2"), Match::InOrder);
        assert_eq!(compared("a b c", "v2 v0 v1"), Match::Order(vec![1, 2, 0]));
        assert_eq!(compared("0 1 2", "v2 v0 v1"), Match::Order(vec![1, 2, 0]));
        assert_eq!(compared("v1 v2 v0", "a b c"), Match::Order(vec![1, 2, 0]));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for (text, says) in [
            ("a  b", "unit 1 has an empty name"),
            ("a b;c d", "\"b;c\" holds a semicolon"),
            ("a b c b", "units 1 and 3 have the same name \"b\""),
            ("a b\u{1b}[2J", "control character"),
        ] {
            let message = check_names(&names(text), "here").expect_err(text).to_string();
            assert!(message.contains(says), "{message}");
        }
        assert!(check_names(&names("HLA-DRB1 γ 7"), "here").is_ok());
    }

    #[test]
    fn columns_are_put_in_order() {
        let samples = BitMatrix::from_fn(5, 40, |r, j| (r * 7 + j * j) % 3 == 1);
        let order: Vec<usize> = (0..40).map(|j| (j * 7 + 3) % 40).collect();
        assert_eq!(in_order(&samples, &order), BitMatrix::from_fn(5, 40, |r, j| samples.get(r, order[j])));
    }
}
