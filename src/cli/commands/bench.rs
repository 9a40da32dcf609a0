//! `gibbsite bench`.

use std::fmt::Write;

use serde_json::json;

use crate::cli::args::{BenchArgs, BenchWhat, Global};
use crate::cli::console::Console;
use crate::error::Result;
use crate::run::bench::ising::{Case, DEFAULT_CASES, ising};

pub(in crate::cli) fn bench(args: &BenchArgs, global: &Global, console: &mut Console) -> Result<()> {
    let rows = match &args.what {
        BenchWhat::Ising(args) => {
            let named = args.case.iter().map(|name| name.parse()).collect::<Result<Vec<Case>>>()?;
            let cases = if named.is_empty() {
                DEFAULT_CASES.iter().map(|name| name.parse()).collect::<Result<Vec<Case>>>()?
            } else {
                named
            };
            ising(&cases, args.seconds, global.seed(), &global.device_request())?
        }
    };
    let mut out = format!(
        "{:<16} {:<8} {:>7} {:>10} {:>10} {:>10} {:<9} {:>10} {:>10}  device\n",
        "case", "backend", "threads", "seconds", "cpu s", "rate", "unit", "check", "exact"
    );
    for row in &rows {
        let number = |x: Option<f64>, digits: usize| x.map_or("-".to_string(), |x| format!("{x:.digits$}"));
        let threads = if row.threads == 0 { "-".to_string() } else { row.threads.to_string() };
        let _ = writeln!(
            out,
            "{:<16} {:<8} {threads:>7} {:>10.4} {:>10} {:>10.4} {:<9} {:>10.5} {:>10}  {}",
            row.case,
            row.backend,
            row.seconds,
            number(row.cpu_seconds, 4),
            row.rate,
            row.unit,
            row.check,
            number(row.exact, 5),
            row.device
        );
    }
    console.result(&json!({ "rows": rows }), &out)
}
