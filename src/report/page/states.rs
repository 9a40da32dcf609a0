//! Learned against true probability of every state, where they can be enumerated.

use super::super::html::{Cell, Table, details, figure};
use super::super::model::RunView;
use super::super::number::{count, fixed, significant, usable};
use super::super::plot::{Axis, Guide, Ink, Kind, Mark, Marker, Panel, Series, Stroke};
use crate::record::StatesRecord;

/// Most states that are listed one by one.
const MOST_LISTED: usize = 64;

/// Most states that are drawn one by one; of more, every few are.
const MOST_DRAWN: usize = 4096;

/// The section; empty where no states were enumerated.
pub(super) fn section(run: &RunView) -> String {
    let mut panels = Vec::new();
    let mut rest = String::new();
    let mut left_out = 0;
    for point in &run.points {
        let Some(states) = point.states() else { continue };
        let heading = point.heading();
        let (panel, skipped) = scatter(&heading, states);
        left_out += skipped;
        panels.push(panel);
        let summary =
            format!("{heading}: KL(q‖p) = {} nats over {} states.", significant(states.kl, 3), count(n(states) as u64));
        rest.push_str(&format!("<p>{}</p>\n", super::super::html::escape(&summary)));
        if n(states) <= MOST_LISTED {
            rest.push_str(&details(&format!("All {} states, {heading}", n(states)), &table(states), false));
        }
    }
    if panels.is_empty() {
        return String::new();
    }
    let mut caption =
        "Probability of every state: learned by the machine against that of the source. On the dashed line \
                       both are equal."
            .to_string();
    if left_out > 0 {
        caption.push_str(" States of probability zero in one of the two have no place on logarithmic axes.");
    }
    figure("", &panels, &caption) + &rest
}

/// Number of states that both lists hold.
fn n(states: &StatesRecord) -> usize {
    states.truth.len().min(states.learned.len())
}

/// The panel, and how many states have no place on it.
fn scatter(heading: &str, states: &StatesRecord) -> (String, usize) {
    let pairs = || states.truth.iter().copied().zip(states.learned.iter().copied());
    let drawable = |(q, p): &(f64, f64)| usable(*q) && usable(*p) && *q > 0.0 && *p > 0.0;
    let every = n(states).div_ceil(MOST_DRAWN).max(1);
    let hint = |i: usize, q: f64, p: f64| {
        format!("{}: source {}, model {}", bits(i, states.units), significant(q, 3), significant(p, 3))
    };
    let marks: Vec<Mark> = pairs()
        .enumerate()
        .step_by(every)
        .filter(|(_, pair)| drawable(pair))
        .map(|(i, (q, p))| Mark { x: q, y: p, dx: 0.0, dy: 0.0, hint: hint(i, q, p) })
        .collect();
    let skipped = pairs().filter(|pair| !drawable(pair)).count();
    let all: Vec<f64> = marks.iter().flat_map(|m| [m.x, m.y]).collect();
    let low = all.iter().copied().reduce(f64::min);
    let high = all.iter().copied().reduce(f64::max);
    let range = low.zip(high).map(|(lo, hi)| (lo / 1.6, hi * 1.6));
    let axis = |label: &str| Axis { label: label.to_string(), kind: Kind::Log, range, ticks: None };
    let panel = Panel {
        title: format!("{heading}: KL = {} nats", significant(states.kl, 3)),
        description: "Learned against true probability of each state on logarithmic axes.".to_string(),
        x: axis("probability in the source, q"),
        y: axis("probability in the model, p"),
        series: vec![Series {
            label: "states".to_string(),
            ink: Ink::Model,
            marker: Marker::Dot,
            stroke: Stroke::None,
            marks,
        }],
        guides: vec![Guide::Diagonal],
        ..Panel::default()
    };
    (panel.draw(), skipped)
}

/// Units of a state, unit 0 first.
fn bits(state: usize, units: usize) -> String {
    (0..units.min(64)).map(|j| if state >> j & 1 == 1 { '1' } else { '0' }).collect()
}

fn table(states: &StatesRecord) -> String {
    let mut order: Vec<usize> = (0..n(states)).collect();
    order.sort_by(|a, b| states.truth[*b].total_cmp(&states.truth[*a]).then(a.cmp(b)));
    let mut table =
        Table::new("States, most probable first; unit 0 stands left", &["State", "#Source q", "#Model p", "#p/q"]);
    for i in order {
        let (q, p) = (states.truth[i], states.learned[i]);
        let ratio =
            (q > 0.0).then(|| if (0.01..1e4).contains(&(p / q)) { fixed(p / q, 3) } else { significant(p / q, 3) });
        table.row([
            Cell::heading(bits(i, states.units)),
            Cell::number(significant(q, 4)),
            Cell::number(significant(p, 4)),
            Cell::maybe(ratio),
        ]);
    }
    table.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_zero_stands_left() {
        assert_eq!(bits(0b00_0110, 6), "011000");
    }
}
