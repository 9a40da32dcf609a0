//! Class exact: whole trajectories equal a reference from the definition to the last bit, and CPU equals GPU in whole runs.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::backend::{Backend, FlipTables, Rule};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::events::Silent;
use gibbsite::internals::ising::{self, Algorithm, Disorder, Interactions, Model, Scan};
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::rng::{Stream, key_of, philox};

use super::reference::order_of_colours;
use super::{gpu_or_ignored, on_both, states};

const TEMPERATURES: [f64; 3] = [0.9, 1.7, 3.1];

/// 12 sites in a row with terms of all orders, of both signs, some of them equal; site 11 is in no term.
fn many_body() -> Interactions {
    let value = |k: usize| [1.0, -0.5, 0.25, -1.0, 0.7][k % 5];
    let of_order = |n: usize| (0..=11 - n).step_by(n).map(move |i| ((i..i + n).collect(), value(i + n)));
    Interactions::new(12, (1..=4).flat_map(of_order)).unwrap()
}

fn models() -> Vec<Model> {
    let (square, triangular) = (Lattice::Square { length: 6 }, Lattice::Triangular { length: 4 });
    vec![
        Model::in_field(square, 1.0, 0.3).unwrap(),
        Model::in_field(triangular, -1.0, -0.7).unwrap(),
        Model::spin_glass(square, Disorder::PlusMinus, 1.0, 0.0, 1).unwrap(),
        Model::spin_glass(Lattice::Cubic { length: 4 }, Disorder::Gaussian, 1.0, 0.1, 2).unwrap(),
        Model::general("many-body", many_body()),
    ]
}

fn tables(model: &Model, rule: Rule) -> FlipTables {
    let interactions = model.interactions().unwrap();
    let terms = interactions.terms.iter().map(|t| (&t.sites[..], t.value));
    FlipTables::new(&model.graph.colours, terms, rule, &TEMPERATURES).unwrap()
}

fn temperature_of(replicas: usize, shift: u32) -> Vec<u32> {
    (0..replicas as u32).map(|r| (r * r + shift) % 3).collect()
}

/// One sweep, spin by spin: ΔE from the definition, P in f64, U as the module says. `[replicas, sites]`.
fn reference(model: &Model, rule: Rule, temperature_of: &[u32], spins: &mut BitMatrix, seed: u64, sweep: u32) {
    let interactions = model.interactions().unwrap();
    for r in 0..spins.rows() {
        let temperature = TEMPERATURES[temperature_of[r] as usize];
        let colours = order_of_colours(seed, sweep, model.graph.colours.len());
        for &site in colours.iter().flat_map(|&colour| &model.graph.colours[colour]) {
            let s = |i: u32| if spins.get(r, i as usize) { 1.0 } else { -1.0 };
            let terms = interactions.terms.iter().filter(|t| t.sites.contains(&site));
            let cost: f64 = terms.map(|t| 2.0 * t.value * t.sites.iter().map(|&i| s(i)).product::<f64>()).sum();
            // Sums of these couplings that are not 0 are at least 1e-3.
            let x = if cost.abs() < 1e-9 { 0.0 } else { cost / temperature };
            let p = match rule {
                Rule::MetropolisWithCoin if x == 0.0 => 0.5,
                Rule::HeatBath => 1.0 / (1.0 + x.exp()),
                _ => (-x).exp().min(1.0),
            };
            let block = philox([site, sweep, Stream::IsingTable as u32, r as u32 / 4], key_of(seed));
            // ⌊2³² p + ½⌋ may differ by the rounding of e^{−x} in its last digits: no draw of this test lies so close.
            let u = f64::from(block[r % 4]) / 4_294_967_296.0;
            assert!((u - p).abs() > 1e-9 || p == 1.0 || p == 0.0, "another seed: the draw is too close");
            if u < p {
                let turned = !spins.get(r, site as usize);
                spins.set(r, site as usize, turned);
            }
        }
    }
}

on_both! {
    fn trajectories_equal_the_definition(backend) {
        for (model, replicas) in models().iter().zip([33, 31, 1, 33, 70]) {
            for rule in [Rule::MetropolisWithCoin, Rule::Metropolis, Rule::HeatBath] {
                let tables = tables(model, rule);
                let mut expected = states(replicas, model.graph.sites, 3);
                let mut numbers = temperature_of(replicas, 0);
                let mut spins = backend.upload_table_spins(&tables, &numbers, &expected).unwrap();
                for sweep in 0..6 {
                    if sweep % 2 == 1 {
                        // Temperatures change hands while work may still be queued.
                        numbers = temperature_of(replicas, sweep);
                        backend.set_temperatures(&mut spins, &numbers).unwrap();
                    }
                    backend.sweep_by_tables(&mut spins, 5, sweep..sweep + 1);
                    reference(model, rule, &numbers, &mut expected, 5, sweep);
                    if sweep != 1 {
                        let found = backend.read_table_spins(&spins).unwrap();
                        assert_eq!(found.transposed(), expected, "{}, {rule:?}, after sweep {sweep}", model.name);
                    }
                }
            }
        }
    }
}

on_both! {
    fn a_range_of_sweeps_may_be_split_anywhere(backend) {
        let model = &models()[2];
        let tables = tables(model, Rule::HeatBath);
        let run = |bounds: &[u32]| {
            let start = states(40, model.graph.sites, 9);
            let mut spins = backend.upload_table_spins(&tables, &temperature_of(40, 0), &start).unwrap();
            bounds.windows(2).for_each(|pair| backend.sweep_by_tables(&mut spins, 5, pair[0]..pair[1]));
            backend.read_table_spins(&spins).unwrap()
        };
        assert_eq!(run(&[0, 300]), run(&[0, 1, 170, 300]));
        assert_ne!(run(&[0, 300]), run(&[1, 301]), "another address must give other spins");
    }
}

on_both! {
    fn misfits_are_refused_before_anything_runs(backend) {
        let model = &models()[0];
        let tables = tables(model, Rule::HeatBath);
        let refused = |numbers: &[u32], rows: usize, cols: usize| {
            let error = backend.upload_table_spins(&tables, numbers, &states(rows, cols, 1)).map(|_| ()).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
        };
        refused(&[0; 2], 3, 36);
        refused(&[0; 3], 3, 35);
        refused(&[0, 1, 3], 3, 36);
        refused(&[], 0, 36);
        let mut spins = backend.upload_table_spins(&tables, &[0; 3], &states(3, 36, 1)).unwrap();
        assert!(backend.set_temperatures(&mut spins, &[0, 1, 3]).is_err());
        assert!(backend.set_temperatures(&mut spins, &[0, 1]).is_err(), "too few temperatures");
    }
}

/// Pilot, exchanges, adapted ladder and samples: everything a run gives is equal but its speed.
#[test]
fn whole_runs_are_equal_on_cpu_and_gpu() {
    let gpu = gpu_or_ignored!();
    let asked = |model: &Model, replicas, exchange, ladder: Option<usize>| Scan {
        model: model.clone(),
        temperatures: if ladder.is_some() { vec![2.0, 4.5] } else { vec![4.5, 2.0, 3.0] },
        algorithm: Algorithm::HeatBath,
        samples: 3 * replicas,
        replicas,
        thermalise: Some(20),
        spacing: Some(3),
        precision: Vec::new(),
        exchange,
        ladder,
        seed: 4,
    };
    let models = models();
    for scan in [
        asked(&models[0], 34, None, None),
        asked(&models[2], 12, Some(2), None),
        asked(&models[4], 22, Some(3), None),
        asked(&Model::ferromagnet(Lattice::Square { length: 4 }).unwrap(), 10, Some(1), Some(4)),
    ] {
        let on_cpu = ising::scan(&Cpu, &scan, &mut Silent).unwrap();
        let on_gpu = ising::scan(gpu, &scan, &mut Silent).unwrap();
        assert_eq!(on_cpu.exchange, on_gpu.exchange);
        for (a, b) in on_cpu.points.iter().zip(&on_gpu.points) {
            assert_eq!((a.temperature, &a.samples), (b.temperature, &b.samples), "{}", scan.model.name);
            assert_eq!(a.series, b.series);
        }
    }
}
