//! Where the device's time went, where its clock could be read.

use super::super::html::{Cell, Table, details};
use super::super::model::{PointView, RunView};
use super::super::number::{count, duration, significant};
use crate::record::{KernelTime, Record};

/// The section; empty where nothing was timed.
pub(super) fn section(run: &RunView) -> String {
    run.points.iter().map(of_point).collect()
}

fn of_point(point: &PointView) -> String {
    let timed = |record: &Record| if let Record::Kernels(k) = record { Some(k.kernels.clone()) } else { None };
    let mut times: Vec<KernelTime> = point.records.iter().filter_map(timed).flatten().collect();
    if times.is_empty() {
        return String::new();
    }
    times.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let all: f64 = times.iter().map(|time| time.seconds).sum();
    let columns = ["Kernel", "#Started", "#Timed", "#Microseconds each", "#Time", "#Share"];
    let mut table = Table::new(&format!("Device time by kernel, {} in all", duration(all)), &columns);
    for time in &times {
        table.row([
            Cell::heading(&time.kernel),
            Cell::number(count(time.dispatches)),
            Cell::number(count(time.timed)),
            Cell::number(significant(1e6 * time.seconds / time.dispatches.max(1) as f64, 3)),
            Cell::number(duration(time.seconds)),
            Cell::number(format!("{:.1} %", 100.0 * time.seconds / all.max(f64::MIN_POSITIVE))),
        ]);
    }
    details(&format!("{}: kernels", point.heading()), &table.finish(), true)
}
