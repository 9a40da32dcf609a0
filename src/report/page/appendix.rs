//! How to repeat the run: its command, its resolved scenario and its manifest.

use super::super::html::{details, escape};
use super::super::model::RunView;

/// The section; empty where the directory says nothing about it.
pub(super) fn section(run: &RunView) -> String {
    let mut out = String::new();
    if run.scenario_text.is_some() {
        out.push_str(
            "<p>The scenario below is resolved: every default is written out. Equal scenario, seed and version give \
             equal Ising samples on every device, and equal results within the stated errors.</p>\n",
        );
        out.push_str("<pre>gibbsite run scenario.ron --out repeated</pre>\n");
    }
    if let Some(command) = &run.command {
        out.push_str(&format!("<p>The run itself was started as</p>\n<pre>{}</pre>\n", escape(command)));
    }
    if let Some(text) = &run.scenario_text {
        let block = format!("<pre>{}</pre>", escape(text));
        out.push_str(&details("Scenario (scenario.ron)", &block, false));
    }
    if let Some(text) = &run.manifest_text {
        let block = format!("<pre>{}</pre>", escape(text));
        out.push_str(&details("Manifest (manifest.json): version, device, hashes of the inputs, times", &block, false));
    }
    out
}
