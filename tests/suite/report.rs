//! The report: values shown, names escaped, damaged directories survived, valid markup, equal files giving equal pages.
//!
//! The sample runs are kept under `target/tmp/report`, so that a person can look at their pages.
#![expect(clippy::unwrap_used, reason = "a page that cannot be written fails its test")]

mod markup;
mod sample;

use std::fs;
use std::path::Path;

use gibbsite::Error;
use gibbsite::internals::record::{Estimate, LikelihoodRecord, Observables, Record};
use gibbsite::internals::report::{PointView, RunView, read_run, render, write_report};
use markup::assert_well_formed;
use sample::{cells_run, chain_run, fresh, genes, lattice_run, write_npy};

fn page_of(dir: &Path) -> String {
    let path = write_report(dir).unwrap();
    assert_eq!(path, dir.join("report.html"));
    let page = fs::read_to_string(path).unwrap();
    assert_well_formed(&page);
    page
}

#[test]
fn a_lattice_run_shows_its_values() {
    let page = page_of(&lattice_run("lattice", &[0, 2, 5]));
    for text in [
        "Square lattice through the critical point",
        "AMD EPYC 7B13, 2 threads (cpu backend)",
        "Gibbsite 0.1.0 (0123456789ab)",
        "2025-11-02 14:05 UTC",
        "1 min 18 s",
        "gibbsite run scenarios/sample.ron",
        "Ising model on square:8, T = 1.8 to 3 (3 points)",
        // Exact energies and the ceiling of every temperature.
        "−1.85920",
        "−1.56804",
        "−0.84132",
        "ceiling −S = −6.672",
        "ceiling −S = −34.313",
        "few effective samples: 812 of 1000",
        // The neighbour couplings of T = 3 and the truth.
        "0.3200 ± 0.0200",
        "1/T = 0.333",
        "1 of 12 expectations of the scenario fails",
        "at least −35",
        "every default is written out",
    ] {
        assert!(page.contains(text), "the page does not say {text:?}");
    }
    // Four observables with their distances, three correlation functions, three likelihoods, eight further curves for each
    // temperature, truth, and for each basis
    // and temperature a matrix and a histogram.
    assert_eq!(page.matches("<svg class=\"plot\"").count(), 8 + 3 + 3 + 8 * 3 + 1 + 2 * 3 * 2);
    assert_eq!(page.matches("<svg class=\"plot\"").count(), page.matches("<desc>").count());
}

#[test]
fn more_temperatures_and_the_order_of_their_values() {
    let page = page_of(&lattice_run("sweep", &[5, 3, 1, 0, 2, 4]));
    let at = |t: &str| page.find(&format!("<th scope=\"row\">T = {t}</th>")).unwrap();
    assert!(at("1.8") < at("2") && at("2") < at("2.2") && at("2.6") < at("3"));
}

#[test]
fn a_chain_shows_all_states_and_deviations() {
    let page = page_of(&chain_run("chain"));
    for text in ["Distance from the reference", "All 64 states", "101010", "KL(q‖p)", "The one expectation"] {
        assert!(page.contains(text), "the page does not say {text:?}");
    }
    // Both ends of the open chain aligned: e⁵/Z.
    let most = 5f64.exp() / (2.0 * (2.0 * 1f64.cosh()).powi(5));
    assert!(page.contains(&format!("<th scope=\"row\">000000</th><td class=\"n\">{most:.4}</td>")));
}

#[test]
fn named_units_reach_lists_and_matrices() {
    let page = page_of(&cells_run("cells", &genes()));
    for text in [
        "HLA-DRB1",
        "Strongest positive pairs, spin basis (exact)",
        "Listed in, of 3",
        "seed = 2",
        "700 rows of data each",
    ] {
        assert!(page.contains(text), "the page does not say {text:?}");
    }
}

#[test]
fn names_cannot_become_markup() {
    let mut names = genes();
    names[0] = "<script>alert(1)</script>".to_string();
    names[1] = "a\"b' onload='x".to_string();
    names[2] = "]]>&amp;\u{202e}\u{7}".to_string();
    let dir = cells_run("hostile", &names);
    let scenario = "( name: \"</pre></details><script>\" )";
    fs::write(dir.join("scenario.ron"), scenario).unwrap();
    fs::write(dir.join("manifest.json"), r#"{"title": "<img src=x onerror=y>", "device": "</style><b>"}"#).unwrap();
    let page = page_of(&dir);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("<title>&lt;img src=x"));
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains('\u{202e}'));
}

#[test]
fn equal_files_give_equal_pages() {
    let dir = lattice_run("equal", &[0, 5]);
    let first = page_of(&dir);
    assert_eq!(first, page_of(&dir));
    assert_eq!(render(&read_run(&dir).unwrap()), first);
}

#[test]
fn what_is_missing_or_damaged_is_named() {
    let dir = lattice_run("damaged", &[0, 2, 5]);
    fs::remove_file(dir.join("manifest.json")).unwrap();
    fs::remove_file(dir.join("scenario.ron")).unwrap();
    fs::remove_file(dir.join("temperature=1.8/couplings-spin.npy")).unwrap();
    let matrix = dir.join("temperature=2.2/couplings-spin.npy");
    let bytes = fs::read(&matrix).unwrap();
    fs::write(&matrix, &bytes[..bytes.len() - 5]).unwrap();
    let metrics = dir.join("temperature=3/metrics.jsonl");
    let text = fs::read_to_string(&metrics).unwrap();
    fs::write(&metrics, format!("{}\n{{\"record\": \"unheard-of\"}}\n{{\"record\": \"metr", text.trim_end())).unwrap();
    let page = page_of(&dir);
    for text in [
        "manifest.json is missing",
        "scenario.ron is missing",
        "T = 1.8: the matrix of pair couplings couplings-spin.npy cannot be shown, it is missing",
        "T = 2.2: the matrix of pair couplings couplings-spin.npy cannot be shown, its header promises 64 × 64 numbers",
        "temperature=3: 2 lines were left out of metrics.jsonl",
        "it ends early, as after an interruption",
        "damaged",
    ] {
        assert!(page.contains(text), "the page does not say {text:?}");
    }
    fs::write(dir.join("manifest.json"), "{ \"title\": ").unwrap();
    assert!(page_of(&dir).contains("manifest.json is damaged"));
}

#[test]
fn every_prefix_of_the_metrics_gives_a_page_or_a_clear_error() {
    let whole = fs::read(chain_run("prefix").join("metrics.jsonl")).unwrap();
    let dir = fresh("prefix");
    for cut in (0..whole.len()).step_by(997) {
        fs::write(dir.join("metrics.jsonl"), &whole[..cut]).unwrap();
        match read_run(&dir) {
            Ok(run) => assert_well_formed(&render(&run)),
            Err(error) => assert_eq!(error.exit_code(), 2),
        }
    }
}

#[test]
fn a_directory_without_metrics_is_refused_with_advice() {
    let dir = fresh("empty");
    for place in [dir.clone(), dir.join("nowhere")] {
        let Err(Error::Input(fault)) = write_report(&place) else { panic!("accepted {}", place.display()) };
        assert!(fault.place.is_some() && fault.expected.is_some() && fault.advice.is_some());
    }
    fs::write(dir.join("metrics.jsonl"), "not json\n").unwrap();
    assert!(matches!(write_report(&dir), Err(Error::Input(_))));
    assert!(!dir.join("report.html").exists());
}

#[test]
fn files_outside_the_run_directory_are_not_read() {
    let dir = cells_run("outside", &genes()[..8]);
    let secret = dir.join("secret.npy");
    write_npy(&secret, 8, &[0.5; 64]);
    let metrics = dir.join("seed=1/metrics.jsonl");
    let text = fs::read_to_string(&metrics).unwrap().replace("\"couplings-spin.npy\"", "\"../secret.npy\"");
    fs::write(&metrics, text).unwrap();
    assert!(page_of(&dir).contains("../secret.npy cannot be shown, it does not lie in the run directory"));
}

/// Replaces every number of a view's records in turn by values that no page expects.
#[test]
fn undefined_and_huge_numbers_leave_the_page_valid() {
    let dirs = [lattice_run("poison", &[0, 5]), chain_run("poison-chain"), cells_run("poison-cells", &genes()[..6])];
    for dir in dirs {
        let clean = read_run(&dir).unwrap();
        for poison in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1e308, 1e308, 5e-324, -3.0] {
            let mut run = clean.clone();
            for point in &mut run.points {
                for record in &mut point.records {
                    spoil(record, poison);
                }
                for matrix in &mut point.matrices {
                    for value in matrix.values.iter_mut().step_by(3) {
                        *value = poison;
                    }
                }
            }
            assert_well_formed(&render(&run));
        }
    }
}

fn spoil(record: &mut Record, x: f64) {
    let bad = Estimate { tau: Some(x), ..Estimate::of_rows(x, x, x) };
    let observables = |o: &mut Observables| {
        (o.temperature, o.energy, o.specific_heat, o.p_up) = (x, bad, Estimate::new(1.0, x), Estimate::new(x, 0.1));
        o.correlation.iter_mut().for_each(|e| *e = bad);
    };
    match record {
        Record::Point(p) => {
            p.temperature = p.temperature.map(|_| x);
            p.values.values_mut().for_each(|v| *v = x);
        }
        Record::Ising(i) => {
            observables(&mut i.observables);
            if let Some(exact) = &mut i.exact {
                (exact.energy, exact.entropy, exact.magnetization) = (x, x, Some(x));
            }
        }
        Record::Sample(o) => observables(o),
        Record::Chains(c) => {
            (c.r_hat, c.effective_samples) = (Some(x), x);
            c.stuck.iter_mut().for_each(|s| (s.stayed, s.by_chance, s.upper) = (x, x, [x; 2]));
        }
        Record::Metric(m) => {
            m.log_likelihood = Some(if m.update % 2000 == 0 { bad } else { Estimate::new(-7.0, x) });
            (m.pseudo_likelihood, m.ceiling, m.free_energy_gap, m.p_up) = (Some(x), Some(x), Some(x), Some(x));
            (m.weight_rms, m.learning_rate, m.reconstruction_error) = (x, x, Some(x));
            (m.singular_values, m.moment_differences) = (vec![x, x], Some([x; 3]));
        }
        Record::Train(t) => (t.seconds, t.updates_per_second, t.pseudo_likelihood) = (x, x, Some(x)),
        Record::Likelihood(l) => {
            (l.log_z.forward, l.ceiling, l.kl) = (Some(bad), Some(x), Some(bad));
            (l.effective_sample_size, l.log_weight_variance) = (Some(x), Some(x));
        }
        Record::Couplings(c) => {
            c.strongest.iter_mut().for_each(|s| s.value = x);
            c.orders.values_mut().for_each(|o| o.rms = x);
            if let Some(truth) = &mut c.truth {
                (truth.expected, truth.neighbours, truth.others_rms) = (x, bad, x);
            }
        }
        Record::States(s) => {
            s.kl = x;
            s.learned[3] = x;
            s.truth[5] = x;
            s.truth.pop();
        }
        Record::Expect(e) => e.found = Some(x),
        Record::Kernels(k) => k.kernels.iter_mut().for_each(|time| time.seconds = x),
        Record::Done(d) => d.seconds = x,
    }
}

/// The run has judged its numbers: the page tells what it found, and has no second opinion that knows less.
#[test]
fn the_page_warns_as_the_run_did() {
    let mut run = read_run(&lattice_run("ceiling", &[2])).unwrap();
    let warning = "lies above its ceiling";
    let judge = |run: &mut RunView, warnings: Vec<String>| {
        for record in &mut run.points[0].records {
            if let Record::Likelihood(l) = record {
                let bounds = l.log_likelihood.get_mut("train").unwrap();
                // Four errors of ln Z above, and half a one of the rows.
                bounds.forward = Some(Estimate::of_rows(l.ceiling.unwrap() + 0.08, 0.02, 0.16));
                l.warnings.clone_from(&warnings);
            }
        }
    };
    judge(&mut run, Vec::new());
    let page = render(&run);
    assert!(!page.contains(warning) && !page.contains("Warnings of the run"));
    assert!(page.contains("of ln Z, as in the next table, and of the mean over the rows together"));
    judge(&mut run, vec![format!("log-likelihood -34 {warning} -35")]);
    // Once at the top of the page and once beside the tables.
    assert_eq!(render(&run).matches(warning).count(), 2);
}

/// A ceiling far above the curves is told in words; one in reach is drawn.
#[test]
fn a_distant_ceiling_does_not_squeeze_the_curves() {
    let mut run = read_run(&lattice_run("distant-ceiling", &[2])).unwrap();
    let near = render(&run);
    assert!(near.contains(">ceiling −S = ") && near.contains("Dashed line: the ceiling."));
    let curves: Vec<f64> = run.points[0].metrics().iter().map(|m| m.log_likelihood.unwrap().value).collect();
    let (low, high) = curves.iter().fold((0.0f64, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
    let ceiling = high + 1.5 * (high - low);
    for record in &mut run.points[0].records {
        match record {
            Record::Likelihood(l) => {
                l.ceiling = Some(ceiling);
                l.ceiling_kind = Some(LikelihoodRecord::ENTROPY_OF_ROWS.into());
            }
            Record::Metric(m) => m.ceiling = Some(ceiling),
            _ => {}
        }
    }
    let far = render(&run);
    assert!(!far.contains(">ceiling = ") && !far.contains("Dashed line"), "the ceiling is drawn");
    let words = format!("The ceiling lies above the figure: {ceiling:.3} (");
    assert!(far.contains(&words.replace('-', "−")), "{words}");
    assert!(!far.contains("no model can exceed"));
}

/// Chains that do not mix are told at the top and beside their numbers.
#[test]
fn the_page_tells_of_chains_that_do_not_mix() {
    let sound = page_of(&lattice_run("chains-sound", &[2]));
    assert!(sound.contains("<td>left by all</td>") && sound.contains("8123") && !sound.contains("where they began:"));
    let stuck = page_of(&lattice_run("chains-stuck", &[1]));
    assert!(stuck.contains("chains stay in the modes where they began: 99.7 %"));
    assert!(stuck.contains("not left by 99.7 % of the chains, by chance 62.0 %"));
}

/// A resumed run writes some records again: the page shows each once, as last written.
#[test]
fn records_written_twice_are_shown_once() {
    let dir = chain_run("resumed");
    let metrics = dir.join("metrics.jsonl");
    let text = fs::read_to_string(&metrics).unwrap();
    let again: String =
        text.lines().skip(1).map(|l| format!("{}\n", l.replace("\"holds\":true", "\"holds\":false"))).collect();
    fs::write(&metrics, text + &again).unwrap();
    let page = page_of(&dir);
    assert!(page.contains("1 of 1 expectations of the scenario fails"));
    assert!(page.contains("training rows: 21 values."));
}

/// Only the points of the manifest belong to the run.
#[test]
fn points_that_the_manifest_does_not_name_are_left_out() {
    let dir = lattice_run("named-points", &[0, 2, 5]);
    let manifest = r#"{"scenario": "sample", "finished": false, "points": ["temperature=1.8", "temperature=9"]}"#;
    fs::write(dir.join("manifest.json"), manifest).unwrap();
    let page = page_of(&dir);
    assert!(page.contains("<th scope=\"row\">T = 1.8</th>") && !page.contains("<th scope=\"row\">T = 2.2</th>"));
    assert!(page.contains("temperature=9: this point has no metrics.jsonl"));
    assert!(page.contains("The run had not come to its end"));
}

#[test]
fn an_empty_view_is_a_whole_page() {
    assert_well_formed(&render(&RunView::default()));
    let run = RunView { points: vec![PointView::default(), PointView::default()], ..RunView::default() };
    assert_well_formed(&render(&run));
}

/// The comparator of this file must see what it is for.
#[test]
fn faults_planted_in_a_page_are_found() {
    let page = page_of(&chain_run("planted"));
    let faults = [
        ("</figure>", ""),
        ("cx=\"", "cx=\"NaN"),
        ("<main>", "<main><script></script>"),
        ("&gt; 0", "& 0"),
        ("</table>", "</div>"),
        ("<nav ", "<nav onclick=\"x\" "),
        ("<h1>", "<h1 title=\"a>"),
    ];
    for (good, bad) in faults {
        assert!(page.contains(good), "{good:?} is not on the page");
        let broken = page.replacen(good, bad, 1);
        assert!(std::panic::catch_unwind(|| assert_well_formed(&broken)).is_err(), "{good:?} → {bad:?}");
    }
}
