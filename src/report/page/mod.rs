//! The page, section by section; each section is a function of the view and says nothing when it has nothing to say.

mod appendix;
mod chains;
mod couplings;
mod header;
mod histogram;
mod kernels;
mod likelihood;
mod observables;
mod pairs;
mod states;
mod training;

use std::fmt::Write as _;

use super::html::escape;
use super::model::RunView;

/// Colours and typography for screen (light, dark, narrow) and paper.
const STYLE: &str = include_str!("style.css");

/// A section: its anchor, its heading and its content.
struct Section {
    anchor: &'static str,
    heading: &'static str,
    content: String,
}

/// The whole page as HTML text; equal views give equal text.
#[must_use]
pub fn render(run: &RunView) -> String {
    let sections = [
        Section { anchor: "observables", heading: "Observables", content: observables::section(run) },
        Section { anchor: "samples", heading: "Samples", content: chains::section(run) },
        Section {
            anchor: "likelihood",
            heading: "Likelihood",
            content: training::section(run) + &likelihood::section(run),
        },
        Section { anchor: "couplings", heading: "Couplings", content: couplings::section(run) },
        Section { anchor: "states", heading: "State probabilities", content: states::section(run) },
        Section { anchor: "device", heading: "Device time", content: kernels::section(run) },
        Section { anchor: "reproduce", heading: "How to repeat this run", content: appendix::section(run) },
    ];
    let shown = || sections.iter().filter(|s| !s.content.is_empty());
    let mut page = String::new();
    page.push_str("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>");
    // Nothing on the page may be fetched or run, whatever a file of the run contains.
    page.push_str(
        "<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"/>",
    );
    let _ = write!(page, "<title>{}</title><style>\n{STYLE}</style></head><body>\n<header>", escape(&run.title));
    page.push_str(&header::title(run));
    page.push_str("<nav aria-label=\"Sections\">");
    for section in shown() {
        let _ = write!(page, "<a href=\"#{}\">{}</a> ", section.anchor, section.heading);
    }
    page.push_str("</nav></header>\n<main>");
    page.push_str(&header::summary(run));
    for section in shown() {
        let _ = write!(
            page,
            "<section id=\"{}\"><h2>{}</h2>\n{}</section>\n",
            section.anchor, section.heading, section.content
        );
    }
    page.push_str("</main>\n<footer>Made by Gibbsite from the files of the run directory. ");
    page.push_str("Errors are one standard deviation and include autocorrelation; logarithms are natural.");
    page.push_str("</footer>\n</body></html>\n");
    page
}
