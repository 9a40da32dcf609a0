//! Run directories and the checkpoints in them.

use std::fs;
use std::path::Path;

use gibbsite::internals::artifact::{self, Checkpoint, CouplingRow, Manifest, RunDirectory, names};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::data;
use gibbsite::internals::error::Error;
use gibbsite::internals::events::{Event, Listener, Silent};
use gibbsite::internals::record::{Estimate, IsingRecord, Observables, PointRecord, Record, TrainMetric};

use super::{checkpoint, folder, model, put, refused};

/// Keeps the warnings.
#[derive(Default)]
struct Warnings(Vec<String>);

impl Listener for Warnings {
    fn event(&mut self, event: Event) {
        if let Event::Warning(text) = event {
            self.0.push(text);
        }
    }
}

#[test]
fn the_newest_good_checkpoint_is_found() {
    let dir = folder();
    let (run, _) = new_run(&dir.path().join("run"));
    let store = run.point("").unwrap().checkpoints(2);
    assert_eq!(store.latest("settings", &mut Silent).unwrap(), None);
    for update in [100, 200, 300] {
        store.save(&checkpoint(update)).unwrap();
    }
    assert_eq!(store.latest("settings", &mut Silent).unwrap(), Some(checkpoint(300)));
    assert!(
        matches!(store.latest("other", &mut Silent), Err(Error::Checkpoint(f)) if f.what.contains("other settings"))
    );
    let files = store.list().unwrap();
    let newest = &files.last().unwrap().1;
    let whole = fs::read(newest).unwrap();
    fs::write(newest, &whole[..whole.len() / 2]).unwrap();
    let mut warnings = Warnings::default();
    assert_eq!(store.latest("settings", &mut warnings).unwrap(), Some(checkpoint(200)));
    assert!(warnings.0.len() == 1 && warnings.0[0].contains("checkpoint-000000000300"), "{:?}", warnings.0);
    for (_, path) in &files {
        fs::write(path, b"").unwrap();
    }
    assert!(matches!(store.latest("settings", &mut Silent), Err(Error::Checkpoint(_))));
    let mut diverged = checkpoint(400);
    diverged.rbm.hidden_bias[0] = f32::NAN;
    assert!(matches!(store.save(&diverged), Err(Error::Numerics(_))));
    assert_eq!(store.list().unwrap().len(), files.len(), "nothing is written of a diverged training");
}

#[test]
fn checkpoints_without_chains_read_back() {
    let dir = folder();
    let path = dir.path().join("c.safetensors");
    let without = Checkpoint { chains: BitMatrix::zeros(0, 4), ..checkpoint(1) };
    artifact::write_checkpoint(&path, &without).unwrap();
    assert_eq!(artifact::read_checkpoint(&path).unwrap(), without);
    let mut adaptive = checkpoint(1);
    adaptive.optimiser.square = Some(adaptive.rbm.clone());
    artifact::write_checkpoint(&path, &adaptive).unwrap();
    assert_eq!(artifact::read_checkpoint(&path).unwrap(), adaptive);
}

fn new_run(path: &Path) -> (RunDirectory, Manifest) {
    let mut manifest = Manifest::start("test", 1, vec!["gibbsite".into(), "run".into()]);
    manifest.points = vec![String::new()];
    let run = RunDirectory::create(path, false, &manifest, "(version: 1)").expect("a new run");
    (run, manifest)
}

fn metric(update: u64) -> Record {
    Record::Metric(TrainMetric {
        tempering: None,
        update,
        learning_rate: 0.5,
        log_likelihood: Some(Estimate::new(-25.25, 0.125)),
        held_out_log_likelihood: None,
        online_log_likelihood: None,
        online_effective_samples: None,
        pseudo_likelihood: Some(-3.5),
        ceiling: None,
        free_energy_gap: None,
        p_up: Some(0.5),
        weight_rms: 0.25,
        gradient_rms: Some(0.03),
        reconstruction_error: Some(0.125),
        singular_values: vec![2.0, 1.0],
        moment_differences: Some([0.0, 0.5, 0.25]),
    })
}

fn ising() -> Record {
    let estimate = Estimate::new(-1.5, 0.01);
    Record::Ising(IsingRecord {
        observables: Observables {
            temperature: 2.0,
            lattice: "square:4".into(),
            sites: 16,
            samples: 100,
            energy: Estimate { tau: Some(3.5), ..estimate },
            specific_heat: estimate,
            magnetization: estimate,
            susceptibility: estimate,
            binder: estimate,
            p_up: estimate,
            correlation: vec![estimate, estimate],
            correlation_length: None,
            effective_samples: None,
        },
        exact: None,
        algorithm: "metropolis".into(),
        replicas: 10,
        thermalisation: 100,
        spacing: 5,
        tau_spins: None,
        warnings: Vec::new(),
        flips_per_ns: 1.0,
    })
}

#[test]
fn a_run_directory_reads_back() {
    let dir = folder();
    let path = dir.path().join("deep/er/run");
    let (run, mut manifest) = new_run(&path);
    manifest.points = vec!["temperature=1.8".into(), "temperature=3".into(), "temperature=9".into()];
    let about = |t: f64| {
        Record::Point(PointRecord { label: format!("temperature={t}"), temperature: Some(t), ..PointRecord::default() })
    };
    for (label, t) in [("temperature=1.8", 1.8), ("temperature=3", 3.0)] {
        let mut point = run.point(label).unwrap();
        for record in [about(t), ising(), metric(10), metric(20)] {
            point.append(&record).unwrap();
        }
        point.finish().unwrap();
        data::write_npy_f64(&point.file(names::MATRIX), &[2, 2], &[0.0, t, t, 0.0]).unwrap();
    }
    manifest.finish();
    run.write_manifest(&manifest).unwrap();
    let back = artifact::read_run(&path).unwrap();
    assert_eq!((&back.manifest, back.scenario.as_str(), back.points.len()), (&manifest, "(version: 1)", 2));
    assert!(back.manifest.finished);
    assert_eq!(back.points[1].records, [about(3.0), ising(), metric(10), metric(20)]);
    assert_eq!(back.points[1].about().unwrap().temperature, Some(3.0));
    assert_eq!(back.points[0].spin_matrix().unwrap().unwrap().values, [0.0, 1.8, 1.8, 0.0]);
    assert_eq!(back.points[0].binary_matrix().unwrap(), None);
    let table = fs::read_to_string(path.join("temperature=3/metrics.csv")).unwrap();
    assert_eq!(table.lines().nth(2).unwrap(), "20,0.5,-25.25,0.125,,,,,,-3.5,,,0.5,0.25,0.03,0.125,2,1,,0,0.5,0.25");
    let table = fs::read_to_string(path.join("temperature=3/observables.csv")).unwrap();
    assert_eq!(table.lines().nth(1).unwrap(), "ising,square:4,2,energy,-1.5,0.01,3.5,");
    assert_eq!(table.lines().count(), 1 + 6 + 2);
}

#[test]
fn a_record_cut_off_by_a_crash_is_left_out() {
    let dir = folder();
    let (run, _) = new_run(&dir.path().join("run"));
    let mut point = run.point("").unwrap();
    point.append(&metric(1)).unwrap();
    point.append(&metric(2)).unwrap();
    let file = point.file(names::METRICS);
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 5]).unwrap();
    let mut point = run.point("").unwrap();
    assert_eq!(point.records().unwrap(), [metric(1)]);
    point.append(&metric(3)).unwrap();
    assert_eq!(point.records().unwrap(), [metric(1), metric(3)]);
    point.retain(|r| !matches!(r, Record::Metric(m) if m.update > 1)).unwrap();
    point.append(&metric(4)).unwrap();
    assert_eq!(point.records().unwrap(), [metric(1), metric(4)]);
    fs::write(&file, format!("garbage\n{whole}")).unwrap();
    let error = point.records().expect_err("garbage");
    assert!(matches!(error, Error::Checkpoint(_)) && error.to_string().contains("line 1"), "{error}");
}

/// Names of everything below a directory, sorted.
fn tree(path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![path.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("a directory").map(|e| e.expect("an entry").path()) {
            found.push(entry.strip_prefix(path).expect("below it").display().to_string());
            if entry.is_dir() {
                open.push(entry);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn runs_are_never_overwritten_unasked() {
    let dir = folder();
    let path = dir.path().join("run");
    let (run, manifest) = new_run(&path);
    let mut point = run.point("temperature=2").unwrap();
    point.append(&metric(1)).unwrap();
    point.finish().unwrap();
    point.checkpoints(3).save(&checkpoint(1)).unwrap();
    data::write_model(&point.file(names::MODEL), &model()).unwrap();
    fs::write(path.join("my notes.txt"), "mine").unwrap();
    fs::write(path.join("temperature=2/plot.png"), "mine").unwrap();
    fs::create_dir(path.join("a=b")).unwrap();
    fs::write(path.join("a=b/model.safetensors"), "mine").unwrap();
    let before = tree(&path);
    let message = refused(RunDirectory::create(&path, false, &manifest, "(new)"));
    assert!(message.contains("not empty") && message.contains("--force") && message.contains("--resume"), "{message}");
    assert_eq!(tree(&path), before, "a refused run changes nothing");
    assert_eq!(fs::read_to_string(path.join(names::SCENARIO)).unwrap(), "(version: 1)");

    RunDirectory::create(&path, true, &manifest, "(new)").unwrap();
    let left = [
        "a=b",
        "a=b/model.safetensors",
        "manifest.json",
        "my notes.txt",
        "scenario.ron",
        "temperature=2",
        "temperature=2/plot.png",
    ];
    assert_eq!(tree(&path), left, "only what a run wrote is removed");
    assert_eq!(fs::read_to_string(path.join(names::SCENARIO)).unwrap(), "(new)");
}

#[test]
fn force_leaves_other_directories_alone() {
    let dir = folder();
    let manifest = Manifest::start("test", 1, Vec::new());
    for (name, body) in [("model.safetensors", "mine"), ("manifest.json", "{\"name\": \"an extension\"}")] {
        let path = dir.path().join(name).with_extension("d");
        fs::create_dir(&path).unwrap();
        fs::write(path.join(name), body).unwrap();
        let message = refused(RunDirectory::create(&path, true, &manifest, "(new)"));
        assert!(message.contains("holds no run"), "{message}");
        assert_eq!(
            (tree(&path), fs::read_to_string(path.join(name)).unwrap().as_str()),
            (vec![name.to_string()], body)
        );
    }
    let file = put(&dir, "file", "mine");
    assert!(refused(RunDirectory::create(&file, true, &manifest, "(new)")).contains("not a directory"));
    assert!(refused(artifact::read_run(dir.path())).contains("no run in this directory"));
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    RunDirectory::create(&empty, false, &manifest, "(new)").unwrap();
}

#[test]
fn coupling_lists_have_their_columns() {
    let dir = folder();
    let path = dir.path().join("couplings.csv");
    let names = ["CD3D", "HLA-DRB1", "a,b"].map(String::from);
    let row = |units: &[usize], value, error| CouplingRow { units: units.to_vec(), value, error };
    let rows = [row(&[1], -0.5, None), row(&[0, 2], 0.25, Some(0.125))];
    artifact::write_couplings_csv(&path, &rows, &names).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(
        text,
        "order,units,names,value,error,i,j,k,name_i,name_j,name_k\n1,1,HLA-DRB1,-0.5,,1,,,HLA-DRB1,,\n2,0;2,\"CD3D;a,b\",0.25,0.125,0,2,,CD3D,\"a,b\",\n"
    );
    assert!(refused(artifact::write_couplings_csv(&path, &rows, &names[..1])).contains("has no name"));
    let bad = ["x;y", "b", "c"].map(String::from);
    assert!(refused(artifact::write_couplings_csv(&path, &rows, &bad)).contains("semicolon"));
}

/// Lengths of the records of a file for TensorBoard, one after another to its end.
fn event_lengths(path: &Path) -> Vec<usize> {
    let bytes = fs::read(path).unwrap();
    let (mut at, mut lengths) = (0, Vec::new());
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
        lengths.push(length);
        at += 8 + 4 + length + 4;
    }
    assert_eq!(at, bytes.len(), "ends with a record");
    lengths
}

#[test]
fn events_are_those_of_the_metrics_also_after_a_crash() {
    let dir = folder();
    let (run, _) = new_run(&dir.path().join("run"));
    let events = run.path().join(names::EVENTS);
    let mut point = run.point("").unwrap();
    point.append(&Record::Point(PointRecord::default())).unwrap();
    assert!(!events.exists(), "nothing was measured");
    for update in [100, 200, 300] {
        point.append(&metric(update)).unwrap();
    }
    let whole = event_lengths(&events);
    assert!(whole.len() == 4 && whole[0] == 24, "{whole:?}");
    // Torn within the last record; the training goes on before the last metric.
    let bytes = fs::read(&events).unwrap();
    fs::write(&events, &bytes[..bytes.len() - 5]).unwrap();
    let mut point = run.point("").unwrap();
    point.retain(|record| !matches!(record, Record::Metric(m) if m.update > 200)).unwrap();
    point.append(&metric(300)).unwrap();
    assert_eq!(event_lengths(&events), whole);
}
