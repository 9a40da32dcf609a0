//! Scans over temperatures: what they promise about time, threads, precision and bad input.

use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::events::Silent;
use gibbsite::internals::ising::{
    self, Algorithm, Interactions, Model, Precision, Quantity, Settings, parse_temperatures,
};
use gibbsite::internals::lattice::{BondList, Graph, Lattice};
use gibbsite::internals::run::ising::scan;

use crate::ising_exact::settings;

fn square(length: usize) -> Model {
    Model::ferromagnet(Lattice::Square { length }).unwrap()
}

#[test]
fn lists_and_ranges_of_temperatures_are_read() {
    assert_eq!(parse_temperatures("2.2").unwrap(), [2.2]);
    assert_eq!(parse_temperatures("1.8, 2.0,2.2").unwrap(), [1.8, 2.0, 2.2]);
    assert_eq!(parse_temperatures("1.5:3.5:0.5,4").unwrap(), [1.5, 2.0, 2.5, 3.0, 3.5, 4.0]);
    assert_eq!(parse_temperatures("1.8:3.0:0.1").unwrap().len(), 13);
    assert_eq!(parse_temperatures("1.8:3.0:0.1").unwrap()[5], 2.3);
    for wrong in [
        "",
        "x",
        "1,",
        "nan",
        "NaN,2",
        "inf",
        "-1",
        "0",
        "2,2",
        "1:2",
        "2:1:0.1",
        "1:2:0",
        "1:2:-1",
        "1:2:1e-9",
        "1:2:nan",
        "1.8:3.0:13",
    ] {
        let error = parse_temperatures(wrong).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{wrong}: {error}");
    }
    for (wrong, says) in [
        ("2,nan", "temperature NaN"),
        ("-1", "temperature -1"),
        ("0", "temperature 0"),
        ("2,3,2", "temperature 2 occurs twice"),
        ("1.5:2:0.25,1.75", "temperature 1.75 occurs twice"),
        ("3:1:0.1", "range \"3:1:0.1\" that ends below its first temperature"),
        ("1:2:0", "range \"1:2:0\" whose step is not positive"),
        ("1:2:nan", "range \"1:2:nan\" that does not go"),
        ("0:2:0.5", "range \"0:2:0.5\" that does not go from a positive temperature"),
        ("1:2:1e-9", "range \"1:2:1e-9\" of 1.000e9 temperatures, more than 4096"),
        ("1e-300,1e-300", "temperature 1e-300 occurs twice"),
        ("2;3", "\"2;3\" is no number"),
    ] {
        let error = parse_temperatures(wrong).unwrap_err().to_string();
        assert!(error.starts_with(says) && error.contains("expected"), "{wrong}: {error}");
    }
}

#[test]
fn one_launch_holds_what_its_settings_say() {
    let scanned =
        scan(&Cpu::new(), &settings(square(4), Algorithm::Metropolis, &[3.0, 1.5], 301), &mut Silent).unwrap();
    assert_eq!(scanned.records.len(), 2);
    assert_eq!(scanned.data.samples.rows(), 602);
    let temperatures = scanned.data.temperatures.as_ref().unwrap();
    assert!(temperatures[..301].iter().all(|&t| t == 3.0) && temperatures[301..].iter().all(|&t| t == 1.5));
    // The samples are those that the series were measured on.
    for (k, series) in scanned.series.iter().enumerate() {
        for row in 0..301 {
            let up = scanned.data.samples.row_count(301 * k + row);
            let m = series.magnetization[row % 200 * series.times + row / 200];
            assert_eq!(m, (2.0 * f64::from(up) - 16.0) / 16.0);
        }
        assert_eq!(scanned.data.replicas.as_ref().unwrap()[301 * k + 200], 0);
    }
    let sweeps = scanned.data.sweeps.as_ref().unwrap();
    assert_eq!(sweeps[200] - sweeps[0], scanned.records[0].spacing);
    assert!(f64::from(scanned.records[0].spacing) >= 2.0 * scanned.records[1].observables.energy.tau.unwrap());
}

#[test]
fn a_scan_of_one_is_a_run_and_needs_no_particular_threads() {
    for algorithm in Algorithm::ALL {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let scan = settings(square(8), algorithm, &[2.1, 2.6], 400);
            pool.install(|| ising::scan(&Cpu::new(), &scan, &mut Silent)).unwrap().points
        };
        let (one, three) = (run(1), run(3));
        for (a, b) in one.iter().zip(&three) {
            assert_eq!(a.samples, b.samples, "{algorithm:?}");
            assert_eq!((&a.series, &a.sweeps, a.spacing), (&b.series, &b.sweeps, b.spacing));
        }
        let alone = Settings {
            lattice: Lattice::Square { length: 8 },
            temperature: 2.1,
            samples: 400,
            algorithm,
            replicas: 200,
            thermalise: None,
            spacing: None,
            seed: 1,
        };
        let alone = ising::generate(&Cpu::new(), &alone, &mut Silent).unwrap();
        let same = ising::scan(&Cpu::new(), &settings(square(8), algorithm, &[2.1], 400), &mut Silent).unwrap();
        assert_eq!(alone.samples, same.points[0].samples);
    }
}

/// Few replicas of a large lattice: clusters are labelled in strips, of which no bit tells.
#[test]
fn clusters_of_a_large_lattice_need_no_particular_threads() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut asked = settings(square(256), Algorithm::SwendsenWang, &[2.269_185], 4);
        (asked.replicas, asked.thermalise, asked.spacing) = (2, Some(10), Some(3));
        pool.install(|| ising::scan(&Cpu::new(), &asked, &mut Silent)).unwrap().points.swap_remove(0)
    };
    let one = run(1);
    for threads in [2, 3, 7] {
        let other = run(threads);
        assert_eq!((&one.samples, &one.series), (&other.samples, &other.series), "{threads} threads");
    }
}

#[test]
fn a_run_goes_on_until_its_precision_is_reached() {
    let mut asked = settings(square(8), Algorithm::Metropolis, &[1.8, 2.4], 400);
    asked.precision = vec!["energy:2e-3".parse().unwrap(), "susceptibility:0.02".parse().unwrap()];
    let found = scan(&Cpu::new(), &asked, &mut Silent).unwrap();
    for record in &found.records {
        assert!(record.observables.energy.error <= 2e-3);
        assert!(record.observables.susceptibility.error <= 0.02);
    }
    assert!(found.records[0].observables.samples > 400);
    assert_eq!(found.data.samples.rows(), 800, "more is measured, but no more is kept");
    // It does not overshoot without need: the larger of both errors is near what was asked for.
    let worst = found
        .records
        .iter()
        .map(|r| (r.observables.energy.error / 2e-3).max(r.observables.susceptibility.error / 0.02));
    assert!(worst.fold(0.0, f64::max) > 0.5);
    crate::ising_exact::compare(&found.records);
}

#[test]
fn absurd_wishes_are_refused_before_work_begins() {
    for (quantity, error) in [(Quantity::Energy, 1e-9), (Quantity::Binder, 1e-12), (Quantity::Susceptibility, 1e-300)] {
        let mut asked = settings(square(8), Algorithm::Metropolis, &[2.2], 100);
        asked.precision = vec![Precision { quantity, error }];
        let error = scan(&Cpu::new(), &asked, &mut Silent).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("spin updates"), "{error}");
    }
    for (text, says) in [
        ("energy:0", "precision 0 of the energy"),
        ("binder:-1e-3", "precision -0.001 of the binder"),
        ("energy:NaN", "precision NaN of the energy"),
        ("entropy:1e-3", "\"entropy:1e-3\""),
    ] {
        let error = text.parse::<Precision>().unwrap_err().to_string();
        assert!(error.starts_with(says) && error.contains("susceptibility"), "{text}: {error}");
    }
    for text in ["energy", "energy:", "energy:0", "energy:-1", "energy:nan", "energy:inf", "heat:1e-3", ":1"] {
        assert_eq!(text.parse::<Precision>().unwrap_err().exit_code(), 2, "{text}");
    }
    let refused = |change: &dyn Fn(&mut ising::Scan)| {
        let mut asked = settings(square(8), Algorithm::Metropolis, &[2.2], 100);
        change(&mut asked);
        let error = scan(&Cpu::new(), &asked, &mut Silent).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        error.to_string()
    };
    refused(&|s| s.temperatures.clear());
    refused(&|s| s.temperatures = vec![2.0, f64::NAN]);
    refused(&|s| s.temperatures = vec![2.0, 1.0, 2.0]);
    refused(&|s| s.samples = 0);
    refused(&|s| s.spacing = Some(0));
    let memory = refused(&|s| {
        s.model = square(4096);
        s.samples = 1 << 30;
    });
    assert!(memory.contains("GiB"), "{memory}");
    assert!(Model::on_lattice(Lattice::Square { length: 8 }, 0.0).is_err());
    assert!(Model::on_lattice(Lattice::Square { length: 8 }, f64::NAN).is_err());
    assert!(Model::on_lattice(Lattice::Cubic { length: 1 << 21 }, 1.0).is_err());
}

#[test]
fn graphs_are_coloured_or_refused() {
    // The Petersen graph needs three colours.
    let bonds: Vec<(usize, usize)> =
        (0..5).flat_map(|i| [(i, (i + 1) % 5), (i, i + 5), (5 + i, 5 + (i + 2) % 5)]).collect();
    let graph = Graph::from_bonds(10, &bonds).unwrap();
    assert!((3..=4).contains(&graph.colours.len()));
    assert_eq!(graph.colours.iter().map(Vec::len).sum::<usize>(), 10);
    for (a, b) in graph.bond_pairs() {
        assert!(!graph.colours.iter().any(|c| c.contains(&(a as u32)) && c.contains(&(b as u32))));
    }
    assert_eq!(graph.bond_pairs().len(), 15);
    let star: Vec<(usize, usize)> = (1..=16).map(|i| (0, i)).collect();
    for (sites, bonds, says) in [
        (3, vec![(0, 3)], "a bond between sites 0 and 3"),
        (3, vec![(1, 1)], "a bond of site 1 with itself, which cannot be coloured"),
        (0, vec![], "a graph of 0 sites"),
        (usize::MAX, vec![], "a graph of"),
        (17, star, "site 0 has 16 neighbours"),
    ] {
        let error = Graph::from_bonds(sites, &bonds).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().starts_with(says), "{error}");
    }
    // Nothing of the size of a mistyped number is allocated, and nothing is doubled in silence.
    for (text, says) in [
        ("0 1\n1 2\n2 1", "the bond of sites 2 and 1 occurs twice"),
        ("0 1\n1 2\n2 200000000", "site 3 is left out"),
        ("1 2\n2 3\n3 1", "site 0 is left out"),
        ("0 1\n1 268435456", "\"268435456\" is no site"),
    ] {
        let error = BondList::parse(text, "here").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().starts_with(says) && error.to_string().contains("here"), "{error}");
    }
    let twice = Interactions::parse("1 0\n1 0 1\n2 1 0", "here").unwrap_err().to_string();
    assert!(twice.starts_with("the term of the sites [0, 1] occurs twice"), "{twice}");
    let left_out = Interactions::parse("1 0 1 3", "here").unwrap_err().to_string();
    assert!(left_out.starts_with("site 2 is left out"), "{left_out}");
    let list = BondList::parse("# a triangle\n0 1\n1,2\n\n2;0 # closed\n", "here").unwrap();
    assert_eq!((list.sites, list.bonds.len(), list.uniform_coupling()), (3, 3, Some(1.0)));
    assert_eq!(BondList::parse("0 1 -2.5\n1 2 1", "here").unwrap().couplings, [-2.5, 1.0]);
    for wrong in ["", "0", "0 0", "0 x", "0 1 2 3", "0 1 nan", "0 1 inf", "-1 2", "0 99999999999"] {
        let error = BondList::parse(wrong, "here").unwrap_err().to_string();
        assert!(error.contains("here"), "{wrong}: {error}");
    }
}

/// Names and sides, and the bonds they should have: those of a sum over coordinates.
#[test]
fn lattices_of_any_extents_are_read_and_joined() {
    for (name, sites, bonds, degree, bipartite) in [
        ("square:2", 4, 8, 4, true),
        ("square:3", 9, 18, 4, false),
        ("square:4x6", 24, 48, 4, true),
        ("square:4x5", 20, 40, 4, false),
        ("open-square:3x4", 12, 17, 4, true),
        ("open-cubic:2x3x4", 24, 46, 5, true),
        ("cubic:3", 27, 81, 6, false),
        ("chain:3", 3, 3, 2, false),
        ("open-chain:3", 3, 2, 2, true),
        ("triangular:3x6", 18, 54, 6, false),
        ("open-honeycomb:3", 9, 9, 3, true),
        ("honeycomb:2x4", 8, 12, 3, true),
    ] {
        let lattice: Lattice = name.parse().unwrap();
        assert_eq!(lattice.to_string(), name);
        assert_eq!(
            (lattice.sites(), lattice.bonds().len(), lattice.is_bipartite()),
            (sites, bonds, bipartite),
            "{name}"
        );
        let graph = lattice.graph();
        assert_eq!((graph.bonds(), graph.max_degree), (bonds, degree), "{name}");
        assert_eq!(bipartite, graph.colours.len() == 2, "{name}");
    }
    // One lattice has one name.
    for (long, short) in [("square:8x8", "square:8"), ("cubic:4x4x4", "cubic:4"), ("open-square:5x5", "open-square:5")]
    {
        let (a, b): (Lattice, Lattice) = (long.parse().unwrap(), short.parse().unwrap());
        assert_eq!((a, a.to_string().as_str()), (b, short));
    }
    assert_eq!("square:8".parse::<Lattice>().unwrap(), Lattice::Square { length: 8 });
}

#[test]
fn lattices_have_the_bonds_they_should() {
    for (lattice, degree, colours) in [
        (Lattice::Triangular { length: 6 }, 6, 3),
        (Lattice::Triangular { length: 3 }, 6, 3),
        (Lattice::Honeycomb { length: 6 }, 3, 2),
        (Lattice::Cubic { length: 4 }, 6, 2),
        (Lattice::Square { length: 6 }, 4, 2),
    ] {
        let graph = lattice.validate().unwrap().graph();
        assert_eq!((graph.max_degree, graph.colours.len()), (degree, colours), "{lattice}");
        for i in 0..graph.sites {
            let mut neighbours = graph.neighbours_of(i).to_vec();
            neighbours.sort_unstable();
            neighbours.dedup();
            assert_eq!(neighbours.len(), degree, "{lattice}, site {i}");
        }
        assert_eq!(lattice.to_string().parse::<Lattice>().unwrap(), lattice);
    }
    // Neighbours by coordinates: a cubic site differs in one coordinate by one, modulo 4.
    let cubic = Lattice::Cubic { length: 4 };
    for (a, b) in cubic.bonds() {
        let coordinates = |i: usize| [i % 4, i / 4 % 4, i / 16];
        let steps: Vec<usize> =
            coordinates(a).iter().zip(coordinates(b)).map(|(x, y)| (4 + y - x) % 4).filter(|&d| d != 0).collect();
        assert_eq!(steps, [1]);
    }
    // Triangles: every bond of the triangular lattice is in two, none of the others is in any.
    let common = |lattice: Lattice, (a, b): (usize, usize)| {
        let graph = lattice.graph();
        graph.neighbours_of(a).iter().filter(|n| graph.neighbours_of(b).contains(n)).count()
    };
    let triangular = Lattice::Triangular { length: 6 };
    assert!(triangular.bonds().into_iter().all(|bond| common(triangular, bond) == 2));
    let honeycomb = Lattice::Honeycomb { length: 6 };
    assert!(honeycomb.bonds().into_iter().all(|bond| common(honeycomb, bond) == 0));
    for wrong in ["triangular:1", "honeycomb:5", "cubic:0", "cubic:700", "kagome:3"] {
        assert!(wrong.parse::<Lattice>().is_err(), "{wrong}");
    }
}
