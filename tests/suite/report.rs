//! The report: values shown, names escaped, damaged directories survived, valid markup, equal files giving equal pages.
//!
//! The sample runs are kept under `target/tmp/report`, so that a person can look at their pages.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use gibbsite::Error;
use gibbsite::lattice::Lattice;
use gibbsite::record::{
    Bounds, CouplingTruth, CouplingsRecord, Estimate, ExactObservables, ExpectRecord, IsingRecord, LikelihoodRecord,
    NamedCoupling, Observables, OrderSummary, PointRecord, Record, StatesRecord, TrainMetric, TrainRecord,
};
use gibbsite::report::{PointView, RunView, read_run, render, write_report};

/// Noise for samples: uniform on (−1, 1), a linear congruential sequence (Knuth's MMIX constants).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// About normal, unit variance: a sum of twelve uniforms.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() / 2.0
    }

    fn around(&mut self, value: f64, error: f64) -> Estimate {
        Estimate::new(value + error * self.normal(), error)
    }
}

/// A directory of its own for one sample, empty.
fn fresh(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report").join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

fn write_records(dir: &Path, records: &[Record]) {
    let mut text = String::new();
    for record in records {
        writeln!(text, "{}", serde_json::to_string(record).unwrap()).unwrap();
    }
    fs::write(dir.join("metrics.jsonl"), text).unwrap();
}

fn write_npy(path: &Path, n: usize, values: &[f64]) {
    let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({n}, {n}), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    fs::write(path, bytes).unwrap();
}

fn write_manifest(dir: &Path, title: &str) {
    let manifest = serde_json::json!({
        "title": title, "name": "sample", "version": "0.1.0", "commit": "0123456789abcdef0123", "seed": 1,
        "command": ["gibbsite", "run", "scenarios/sample.ron"], "device": "AMD EPYC 7B13, 2 threads", "backend": "cpu",
        "started": 1_762_092_300, "finished": 1_762_092_378.4,
    });
    fs::write(dir.join("manifest.json"), manifest.to_string()).unwrap();
    let scenario = "(\n    version: 1,\n    name: \"sample\",\n    // every default is written out\n)\n";
    fs::write(dir.join("scenario.ron"), scenario).unwrap();
}

fn observables(noise: &mut Noise, t: f64, exact: &ExactObservables, error: f64, off: f64) -> Observables {
    let decay = (-1.0 / (0.4 + 8.0 / (1.0 + (t - 2.2).abs() * 8.0))).exp();
    Observables {
        temperature: t,
        lattice: "square:8".into(),
        sites: 64,
        samples: 100_000,
        energy: noise.around(exact.energy * (1.0 - 0.001 * off), error),
        specific_heat: noise.around(exact.specific_heat * (1.0 + 0.02 * off), 4.0 * error),
        magnetization: noise.around(exact.magnetization.unwrap(), 1.4 * error),
        susceptibility: noise.around(exact.susceptibility.unwrap() * (1.0 + 0.01 * off), 5.0 * error),
        binder: noise.around(0.64 - 0.2 * (t - 1.8), error),
        p_up: noise.around(0.5, 0.004),
        correlation: (0..5).map(|r| noise.around(decay.powi(r), if r == 0 { 0.0 } else { error })).collect(),
        correlation_length: None,
        effective_samples: Some(52_000.0),
    }
}

/// The exact table of the 8 × 8 torus.
const TORUS: [(f64, [f64; 4], f64, f64); 6] = [
    (1.8, [-1.859_20, 0.440_26, 0.956_74, 0.116_37], 72.776_53, 6.671_54),
    (2.0, [-1.745_68, 0.714_12, 0.911_45, 0.349_63], 66.344_58, 10.482_72),
    (2.2, [-1.568_04, 1.058_40, 0.821_71, 0.939_30], 61.499_45, 15.883_69),
    (2.4, [-1.337_22, 1.184_15, 0.680_15, 1.614_51], 57.964_56, 22.305_36),
    (2.6, [-1.118_97, 0.961_44, 0.531_93, 1.722_05], 55.447_23, 27.903_33),
    (3.0, [-0.841_32, 0.483_97, 0.346_03, 1.078_87], 52.261_41, 34.313_35),
];

fn exact_of(row: usize) -> (f64, ExactObservables) {
    let (t, [energy, specific_heat, magnetization, susceptibility], log_z, entropy) = TORUS[row];
    let exact = ExactObservables {
        energy,
        specific_heat,
        magnetization: Some(magnetization),
        susceptibility: Some(susceptibility),
        log_z,
        entropy,
    };
    (t, exact)
}

fn curve(noise: &mut Noise, ceiling: f64, last: f64, held_out: bool) -> Vec<Record> {
    (0..=20u32)
        .map(|i| {
            let gap = last + 20.0 * (-f64::from(i) / 1.6).exp();
            let error = 0.02 + 0.01 * gap;
            Record::Metric(TrainMetric {
                update: 1000 * u64::from(i),
                learning_rate: 0.5 * (1.0 - f64::from(i) / 21.0),
                log_likelihood: Some(noise.around(ceiling - gap, error)),
                held_out_log_likelihood: held_out.then(|| noise.around(ceiling - 1.15 * gap, 2.0 * error)),
                pseudo_likelihood: Some(ceiling * 0.8 - gap),
                ceiling: Some(ceiling),
                free_energy_gap: Some(0.02 * f64::from(i) / 20.0 + 0.002 * noise.next()),
                p_up: Some(0.5 + 0.01 * noise.next()),
                weight_rms: 0.4,
            })
        })
        .collect()
}

fn symmetric(n: usize, mut pair: impl FnMut(usize, usize) -> f64) -> Vec<f64> {
    let mut values = vec![0.0; n * n];
    for j in 0..n {
        for k in j + 1..n {
            let value = pair(j, k);
            (values[j * n + k], values[k * n + j]) = (value, value);
        }
    }
    values
}

fn couplings(dir: &Path, basis: &str, n: usize, values: &[f64], names: &[String]) -> CouplingsRecord {
    let matrix = format!("couplings-{basis}.npy");
    write_npy(&dir.join(&matrix), n, values);
    let mut pairs: Vec<(usize, usize)> = (0..n).flat_map(|j| (j + 1..n).map(move |k| (j, k))).collect();
    pairs.sort_by(|a, b| values[b.0 * n + b.1].total_cmp(&values[a.0 * n + a.1]));
    let name = |j: usize| names.get(j).cloned().unwrap_or_else(|| j.to_string());
    let strongest = pairs.iter().take(30).map(|&(j, k)| NamedCoupling {
        units: vec![j, k],
        names: vec![name(j), name(k)],
        value: values[j * n + k],
    });
    let mut list = String::from("order,units,names,value,error\n");
    for (j, name) in names.iter().enumerate() {
        writeln!(list, "1,{j},\"{}\",0.1,0", name.replace('"', "\"\"")).unwrap();
    }
    let file = format!("couplings-{basis}.csv");
    fs::write(dir.join(&file), list).unwrap();
    let order = |count, rms| OrderSummary { count, rms };
    CouplingsRecord {
        basis: basis.into(),
        method: "exact".into(),
        orders: BTreeMap::from([
            ("1".to_string(), order(n, 0.012)),
            ("2".to_string(), order(n * (n - 1) / 2, 0.107)),
            ("3".to_string(), order(n * (n - 1) * (n - 2) / 6, 0.0041)),
        ]),
        file,
        matrix: Some(matrix),
        strongest: strongest.collect(),
        truth: None,
    }
}

/// One temperature of a lattice run.
fn write_lattice_point(dir: &Path, noise: &mut Noise, row: usize) {
    let (t, exact) = exact_of(row);
    let label = format!("temperature={t}");
    let sub = dir.join(&label);
    fs::create_dir_all(&sub).unwrap();
    let mut records = vec![
        Record::Point(PointRecord {
            label,
            values: BTreeMap::from([("temperature".to_string(), t)]),
            lattice: Some("square:8".into()),
            temperature: Some(t),
            rows: Some(100_000),
            n_visible: Some(64),
            n_hidden: Some(64),
        }),
        Record::Ising(IsingRecord {
            observables: observables(noise, t, &exact, 0.0009, 0.0),
            exact: Some(exact.clone()),
            algorithm: "metropolis".into(),
            replicas: 1000,
            thermalisation: 500,
            spacing: 12,
            flips_per_ns: 4.1,
        }),
    ];
    let last = 0.05 + 0.1 * row as f64;
    records.extend(curve(noise, -exact.entropy, last, true));
    let log_likelihood = noise.around(-exact.entropy - last, 0.02);
    records.push(Record::Train(TrainRecord {
        updates: 20_000,
        log_likelihood: Some(log_likelihood),
        pseudo_likelihood: Some(-0.8 * exact.entropy),
        updates_per_second: 812.4,
        seconds: 24.6,
        model: "model.safetensors".into(),
    }));
    records.push(Record::Sample(observables(noise, t, &exact, 0.0021, 1.0)));
    let bounds =
        |e: Estimate| Bounds { forward: Some(e), reverse: Some(Estimate::new(e.value + 0.02, 0.03)), exact: None };
    records.push(Record::Likelihood(LikelihoodRecord {
        log_z: bounds(Estimate::new(exact.log_z + 40.0, 0.02)),
        log_likelihood: BTreeMap::from([
            ("train".to_string(), bounds(log_likelihood)),
            ("held_out".to_string(), bounds(Estimate::new(log_likelihood.value - 0.1, 0.03))),
        ]),
        effective_sample_size: Some(812.0),
        log_weight_variance: Some(0.231),
        ceiling: Some(-exact.entropy),
        ceiling_kind: Some("entropy of the Ising model".into()),
        kl: Some(Estimate::new(last, 0.02)),
        warnings: if row == 0 { vec!["few effective samples: 812 of 1000".into()] } else { Vec::new() },
    }));
    let lattice = Lattice::Square { length: 8 };
    let bonds = lattice.bonds();
    let is_bond = |j: usize, k: usize| bonds.contains(&(j, k)) || bonds.contains(&(k, j));
    let values = symmetric(64, |j, k| {
        let noise = noise.normal();
        if is_bond(j, k) { 0.96 / t + 0.02 * noise } else { 0.015 * noise }
    });
    let mut spin = couplings(&sub, "spin", 64, &values, &[]);
    spin.truth = Some(CouplingTruth {
        expected: 1.0 / t,
        neighbours: Estimate::new(0.96 / t, 0.02),
        neighbour_ratio: 0.96,
        others_rms: 0.015,
    });
    records.push(Record::Couplings(spin));
    let doubled: Vec<f64> = values.iter().map(|v| 4.0 * v).collect();
    records.push(Record::Couplings(couplings(&sub, "binary", 64, &doubled, &[])));
    for (key, promise, found, holds) in [
        ("likelihood.kl", "below 0.5", last, last < 0.5),
        ("couplings.neighbour_ratio", "between 0.8 and 1.2", 0.96, true),
        ("sample.p_up", "between 0.4 and 0.6", 0.5, true),
        ("likelihood.log_likelihood", "at least -35", log_likelihood.value, true),
    ] {
        records.push(Record::Expect(ExpectRecord {
            key: key.into(),
            promise: promise.into(),
            found: Some(found),
            holds,
        }));
    }
    write_records(&sub, &records);
}

fn lattice_run(name: &str, rows: &[usize]) -> PathBuf {
    let dir = fresh(name);
    write_manifest(&dir, "Square lattice through the critical point");
    let mut noise = Noise(7);
    for &row in rows {
        write_lattice_point(&dir, &mut noise, row);
    }
    dir
}

/// The six-spin chain with all 64 probabilities.
fn chain_run(name: &str) -> PathBuf {
    let dir = fresh(name);
    write_manifest(&dir, "Six spins, all probabilities");
    let mut noise = Noise(3);
    let weights: Vec<f64> = (0..64u32)
        .map(|state| {
            let spin = |j: u32| if state >> j & 1 == 1 { 1.0 } else { -1.0 };
            (0..5).map(|j| spin(j) * spin(j + 1)).sum::<f64>().exp()
        })
        .collect();
    let z: f64 = weights.iter().sum();
    let truth: Vec<f64> = weights.iter().map(|w| w / z).collect();
    let tilted: Vec<f64> = truth.iter().map(|q| q * (0.08 * noise.normal()).exp()).collect();
    let norm: f64 = tilted.iter().sum();
    let learned: Vec<f64> = tilted.iter().map(|p| p / norm).collect();
    let kl = truth.iter().zip(&learned).map(|(q, p)| q * (q / p).ln()).sum();
    let mut records = vec![Record::Point(PointRecord {
        label: "chain6".into(),
        lattice: Some("open-chain:6".into()),
        temperature: Some(1.0),
        rows: Some(10_000),
        n_visible: Some(6),
        n_hidden: Some(6),
        ..PointRecord::default()
    })];
    let exact = ExactObservables {
        energy: -3.807_971 / 6.0,
        specific_heat: 0.349_98,
        magnetization: Some(0.65),
        susceptibility: Some(0.3),
        log_z: 6.327_787,
        entropy: 2.519_816,
    };
    records.push(Record::Ising(IsingRecord {
        observables: observables(&mut noise, 1.0, &exact, 0.002, 0.0),
        exact: Some(exact.clone()),
        algorithm: "heat-bath".into(),
        replicas: 1000,
        thermalisation: 100,
        spacing: 5,
        flips_per_ns: 1.0,
    }));
    records.push(Record::Sample(observables(&mut noise, 1.0, &exact, 0.003, 1.0)));
    records.extend(curve(&mut noise, -2.519_816, 0.002, false));
    records.push(Record::States(StatesRecord { units: 6, truth, learned, kl }));
    records.push(Record::Expect(ExpectRecord {
        key: "states.kl".into(),
        promise: "below 0.005".into(),
        found: Some(kl),
        holds: kl < 0.005,
    }));
    write_records(&dir, &records);
    dir
}

/// Named units, trained from several seeds.
fn cells_run(name: &str, names: &[String]) -> PathBuf {
    let dir = fresh(name);
    write_manifest(&dir, "Blood cells: couplings between genes");
    let n = names.len();
    for seed in 1..=3u32 {
        let mut noise = Noise(u64::from(seed));
        let label = format!("seed={seed}");
        let sub = dir.join(&label);
        fs::create_dir_all(&sub).unwrap();
        let mut records = vec![Record::Point(PointRecord {
            label,
            values: BTreeMap::from([("seed".to_string(), f64::from(seed))]),
            rows: Some(700),
            n_visible: Some(n),
            n_hidden: Some(32),
            ..PointRecord::default()
        })];
        records.extend(curve(&mut noise, -6.551_08, 9.0, true));
        let values = symmetric(n, |j, k| {
            let base = if j % 7 == k % 7 { 0.35 } else { -0.05 };
            base * if (j + k) % 5 == 0 { 1.8 } else { 0.6 } + 0.06 * noise.normal()
        });
        records.push(Record::Couplings(couplings(&sub, "spin", n, &values, names)));
        let binary: Vec<f64> = values.iter().map(|v| 4.2 * v).collect();
        records.push(Record::Couplings(couplings(&sub, "binary", n, &binary, names)));
        write_records(&sub, &records);
    }
    dir
}

fn genes() -> Vec<String> {
    let stems = ["CD3D", "CD3E", "FCER1G", "TYROBP", "MS4A1", "CD79A", "HLA-DRB1", "HLA-DRB5", "NKG7", "GNLY", "LST1"];
    (0..64).map(|j| if j < stems.len() { stems[j].to_string() } else { format!("RPL{j}A") }).collect()
}

/// Panics unless every tag that is opened is closed in order, attributes are quoted and no coordinate is undefined.
fn assert_well_formed(page: &str) {
    let body = page.strip_prefix("<!DOCTYPE html>").expect("a document type");
    let style = body.find("<style>").unwrap()..body.find("</style>").unwrap();
    let mut open: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(start) = body[at..].find('<').map(|i| at + i) {
        if style.contains(&start) && !body[start..].starts_with("<style>") {
            panic!("markup inside the style sheet");
        }
        let end = start + body[start..].find('>').expect("a tag that ends");
        let tag = &body[start + 1..end];
        assert!(!tag.contains('<'), "a tag inside a tag: {tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closing order at {start}");
        } else {
            let name = tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap();
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric()) && !name.is_empty(), "tag <{tag}>");
            assert_eq!(tag.matches('"').count() % 2, 0, "quotes of <{tag}>");
            let attributes: String = tag.split('"').step_by(2).collect();
            assert!(!attributes.contains(['\'', '&']), "unquoted value in <{tag}>");
            assert!(!attributes.split_whitespace().any(|a| a.starts_with("on")), "a handler in <{tag}>");
            if !matches!(name, "title" | "desc") && !tag.contains("data:") {
                for value in tag.split('"').skip(1).step_by(2) {
                    assert!(!value.contains("NaN") && !value.contains("inf"), "undefined coordinate in <{tag}>");
                }
            }
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        at = end + 1;
    }
    assert!(open.is_empty(), "left open: {open:?}");
    for (i, _) in body.match_indices('&') {
        let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
        assert!(known.iter().any(|e| body[i + 1..].starts_with(e)), "bare & at {i}");
    }
    for forbidden in ["<script", "<iframe", "<link", "http://", "https://", "@import", "url("] {
        let clean = body.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        assert!(!clean.contains(forbidden), "{forbidden} on the page");
    }
}

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
    // Four observables with their distances, three correlation functions, three likelihoods, nine further curves, truth, and for each basis
    // and temperature a matrix and a histogram.
    assert_eq!(page.matches("<svg class=\"plot\"").count(), 8 + 3 + 3 + 9 + 1 + 2 * 3 * 2);
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
    let bad = Estimate { value: x, error: x, tau: Some(x) };
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
        Record::Metric(m) => {
            m.log_likelihood = Some(if m.update % 2000 == 0 { bad } else { Estimate::new(-7.0, x) });
            (m.pseudo_likelihood, m.ceiling, m.free_energy_gap, m.p_up) = (Some(x), Some(x), Some(x), Some(x));
            (m.weight_rms, m.learning_rate) = (x, x);
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
    }
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
