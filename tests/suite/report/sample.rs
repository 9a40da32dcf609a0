//! Sample runs as a run directory holds them: a lattice through its temperatures, a chain with all states, named units.
#![expect(clippy::unwrap_used, reason = "a test that cannot write its sample must stop")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::record::{
    Bounds, ChainsRecord, CouplingTruth, CouplingsRecord, Estimate, ExactObservables, ExpectRecord, IsingRecord,
    KernelTime, KernelsRecord, LikelihoodRecord, NamedCoupling, Observables, OrderSummary, PointRecord, Record,
    StatesRecord, StuckRecord, TrainMetric, TrainRecord,
};

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
pub(super) fn fresh(name: &str) -> PathBuf {
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

pub(super) fn write_npy(path: &Path, n: usize, values: &[f64]) {
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
        binder: None,
        p_up: Some(0.5),
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
                tempering: None,
                update: 1000 * u64::from(i),
                learning_rate: 0.5 * (1.0 - f64::from(i) / 21.0),
                log_likelihood: Some(noise.around(ceiling - gap, error)),
                held_out_log_likelihood: held_out.then(|| noise.around(ceiling - 1.15 * gap, 2.0 * error)),
                online_log_likelihood: Some(noise.around(ceiling - gap, 3.0 * error)),
                online_effective_samples: Some(200.0),
                pseudo_likelihood: Some(ceiling * 0.8 - gap),
                ceiling: Some(ceiling),
                free_energy_gap: Some(0.02 * f64::from(i) / 20.0 + 0.002 * noise.next()),
                p_up: Some(0.5 + 0.01 * noise.next()),
                weight_rms: 0.4,
                gradient_rms: Some(0.03),
                reconstruction_error: Some(0.1 + 0.05 * f64::from(21 - i) / 20.0),
                singular_values: vec![0.2 * f64::from(i), 0.1],
                moment_differences: Some([0.01, 0.02, 0.03]),
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
            tau_spins: None,
            warnings: Vec::new(),
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
        held_out_log_likelihood: None,
        ceiling: None,
        free_energy_gap: None,
        seed: None,
        settings: None,
        updates_per_second: 812.4,
        seconds: 24.6,
        early_stop: None,
        fit: None,
        model: "model.safetensors".into(),
    }));
    let times = [("moments.multiply", 40_000, 5_000, 1.25), ("gather.main", 20_000, 2_500, 0.05)];
    let times = times.map(|(kernel, dispatches, timed, seconds)| KernelTime {
        kernel: kernel.into(),
        dispatches,
        timed,
        seconds,
    });
    records.push(Record::Kernels(KernelsRecord { kernels: times.to_vec() }));
    records.push(Record::Sample(observables(noise, t, &exact, 0.0021, 1.0)));
    records.push(Record::Chains(ChainsRecord {
        chains: 1000,
        samples: 10_000,
        r_hat: Some(1.0021),
        effective_samples: if row == 1 { 3.0 } else { 8123.0 },
        stuck: (row == 1).then(|| StuckRecord {
            observable: "the free energy".into(),
            upper: [0.25, 0.26],
            stayed: 0.997,
            by_chance: 0.62,
            apart: 800,
        }),
        warnings: if row == 1 { vec!["chains stay in the modes where they began: 99.7 %".into()] } else { Vec::new() },
    }));
    let bounds = |e: Estimate| Bounds {
        forward: Some(e),
        reverse: Some(Estimate::new(e.value + 0.02, 0.03)),
        ..Bounds::default()
    };
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
        ..LikelihoodRecord::default()
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
            part: false,
            points: None,
        }));
    }
    write_records(&sub, &records);
}

pub(super) fn lattice_run(name: &str, rows: &[usize]) -> PathBuf {
    let dir = fresh(name);
    write_manifest(&dir, "Square lattice through the critical point");
    let mut noise = Noise(7);
    for &row in rows {
        write_lattice_point(&dir, &mut noise, row);
    }
    dir
}

/// The six-spin chain with all 64 probabilities.
pub(super) fn chain_run(name: &str) -> PathBuf {
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
        binder: None,
        p_up: Some(0.5),
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
        tau_spins: None,
        warnings: Vec::new(),
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
        part: false,
        points: None,
    }));
    write_records(&dir, &records);
    dir
}

/// Named units, trained from several seeds.
pub(super) fn cells_run(name: &str, names: &[String]) -> PathBuf {
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

pub(super) fn genes() -> Vec<String> {
    let stems = ["CD3D", "CD3E", "FCER1G", "TYROBP", "MS4A1", "CD79A", "HLA-DRB1", "HLA-DRB5", "NKG7", "GNLY", "LST1"];
    (0..64).map(|j| if j < stems.len() { stems[j].to_string() } else { format!("RPL{j}A") }).collect()
}
