//! Flat tables for spreadsheets and plotting programs.

use std::path::Path;

use crate::couplings::MAX_ORDER;
use crate::data::delimiter_of;
use crate::data::file::write_atomic;
use crate::error::{Error, Fault, Result};
use crate::record::{Estimate, Observables, Record};

/// Writes rows under a header, atomically.
pub(super) fn write_table(path: &Path, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<()> {
    write_atomic(path, |w| {
        let mut table = csv::WriterBuilder::new().delimiter(delimiter_of(path)).from_writer(w);
        table.write_record(header)?;
        for row in rows {
            table.write_record(row)?;
        }
        table.flush()
    })
}

pub(super) fn cell(x: Option<f64>) -> String {
    x.map_or(String::new(), |x| x.to_string())
}

/// `metrics.csv`: one row for each [`crate::record::TrainMetric`]; what was not measured is an empty cell.
///
/// # Errors
/// [`Error::File`] when writing fails.
pub fn write_metrics_csv(path: &Path, records: &[Record]) -> Result<()> {
    const HEADER: [&str; 22] = [
        "update",
        "learning_rate",
        "log_likelihood",
        "log_likelihood_error",
        "held_out_log_likelihood",
        "held_out_log_likelihood_error",
        "online_log_likelihood",
        "online_log_likelihood_error",
        "online_effective_samples",
        "pseudo_likelihood",
        "ceiling",
        "free_energy_gap",
        "p_up",
        "weight_rms",
        "gradient_rms",
        "reconstruction_error",
        "singular_value_1",
        "singular_value_2",
        "singular_value_3",
        "moment_difference_1",
        "moment_difference_2",
        "moment_difference_3",
    ];
    let metrics = records.iter().filter_map(|r| if let Record::Metric(m) = r { Some(m) } else { None });
    let rows = metrics.map(|m| {
        let value = |e: Option<Estimate>| cell(e.map(|e| e.value));
        let error = |e: Option<Estimate>| cell(e.map(|e| e.error).filter(|error| !error.is_nan()));
        vec![
            m.update.to_string(),
            m.learning_rate.to_string(),
            value(m.log_likelihood),
            error(m.log_likelihood),
            value(m.held_out_log_likelihood),
            error(m.held_out_log_likelihood),
            value(m.online_log_likelihood),
            error(m.online_log_likelihood),
            cell(m.online_effective_samples),
            cell(m.pseudo_likelihood),
            cell(m.ceiling),
            cell(m.free_energy_gap),
            cell(m.p_up),
            m.weight_rms.to_string(),
            cell(m.gradient_rms),
            cell(m.reconstruction_error),
            cell(m.singular_values.first().copied()),
            cell(m.singular_values.get(1).copied()),
            cell(m.singular_values.get(2).copied()),
            cell(m.moment_differences.map(|d| d[0])),
            cell(m.moment_differences.map(|d| d[1])),
            cell(m.moment_differences.map(|d| d[2])),
        ]
    });
    write_table(path, &HEADER, rows)
}

/// `observables.csv`: one row for each observable of the source (`ising`) and of the model's samples (`sample`), with
/// exact values where they are known.
///
/// # Errors
/// [`Error::File`] when writing fails.
pub fn write_observables_csv(path: &Path, records: &[Record]) -> Result<()> {
    const HEADER: [&str; 8] = ["from", "lattice", "temperature", "observable", "value", "error", "tau", "exact"];
    let exact = records.iter().find_map(|r| if let Record::Ising(i) = r { i.exact.as_ref() } else { None });
    let rows_of = |from: &'static str, o: &Observables| {
        let named = [
            ("energy", o.energy, exact.map(|e| e.energy)),
            ("specific_heat", o.specific_heat, exact.map(|e| e.specific_heat)),
            ("magnetization", o.magnetization, exact.and_then(|e| e.magnetization)),
            ("susceptibility", o.susceptibility, exact.and_then(|e| e.susceptibility)),
            ("binder", o.binder, exact.and_then(|e| e.binder)),
            ("p_up", o.p_up, exact.and_then(|e| e.p_up)),
        ];
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut push = |name: String, e: Estimate, exact: Option<f64>| {
            rows.push(vec![
                from.to_string(),
                o.lattice.clone(),
                o.temperature.to_string(),
                name,
                e.value.to_string(),
                cell(Some(e.error).filter(|error| !error.is_nan())),
                cell(e.tau),
                cell(exact),
            ]);
        };
        for (name, estimate, exact) in named {
            push(name.to_string(), estimate, exact);
        }
        if let Some(length) = o.correlation_length {
            push("correlation_length".to_string(), length, None);
        }
        for (r, g) in o.correlation.iter().enumerate() {
            push(format!("correlation_{r}"), *g, None);
        }
        rows
    };
    let rows = records.iter().flat_map(|r| match r {
        Record::Ising(i) => rows_of("ising", &i.observables),
        Record::Sample(o) => rows_of("sample", o),
        _ => Vec::new(),
    });
    write_table(path, &HEADER, rows)
}

/// A text that no spreadsheet takes for a formula.
fn text_cell(text: String) -> String {
    // A number is none, with a sign either.
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    if is_formula { format!("'{text}") } else { text }
}

/// One line of a list of couplings.
#[derive(Debug, Clone, PartialEq)]
pub struct CouplingRow {
    /// Indices of the units, ascending.
    pub units: Vec<usize>,
    /// Value in the basis of the list.
    pub value: f64,
    /// One standard deviation; `None` where it is not known.
    pub error: Option<f64>,
}

/// `couplings.csv`: columns `order,units,names,value,error`, units and names joined by `;`, and the same in columns of their
/// own, `i,j,k,name_i,name_j,name_k`; with tabs between the columns where the name ends in .tsv.
///
/// Spreadsheets take a cell that begins with `=`, `+`, `-`, `@` or a tab for a formula, in quotes too: such names begin
/// with an apostrophe here, which they show as text. `units` says which unit is meant in any case.
///
/// # Errors
/// [`Error::Input`] for a unit without a name or a name with `;` in it, [`Error::File`] when writing fails.
pub fn write_couplings_csv(path: &Path, rows: &[CouplingRow], names: &[String]) -> Result<()> {
    if let Some(name) = names.iter().find(|n| n.contains(';')) {
        return Err(Error::Input(
            Fault::new(format!("the name \"{name}\" holds a semicolon"))
                .expected("names without `;`, which joins the names of a coupling")
                .advice("rename the unit in the data file"),
        ));
    }
    if let Some(unit) = rows.iter().flat_map(|r| &r.units).find(|&&u| u >= names.len()) {
        return Err(Error::Input(Fault::new(format!("unit {unit} has no name, there are {}", names.len()))));
    }
    let rows = rows.iter().map(|row| {
        let units: Vec<String> = row.units.iter().map(ToString::to_string).collect();
        let named: Vec<&str> = row.units.iter().map(|&u| names[u].as_str()).collect();
        let mut line = vec![
            row.units.len().to_string(),
            units.join(";"),
            text_cell(named.join(";")),
            row.value.to_string(),
            cell(row.error),
        ];
        let place = |i: usize| units.get(i).cloned().unwrap_or_default();
        let name = |i: usize| named.get(i).map_or(String::new(), |name| text_cell((*name).to_string()));
        line.extend((0..MAX_ORDER).map(place));
        line.extend((0..MAX_ORDER).map(name));
        line
    });
    let header = ["order", "units", "names", "value", "error", "i", "j", "k", "name_i", "name_j", "name_k"];
    write_table(path, &header, rows)
}
