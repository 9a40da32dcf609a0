//! Every command's work and its JSON keys.

use super::{Place, assert_estimate, assert_keys};

const OBSERVABLES: [&str; 9] =
    ["temperature", "sites", "samples", "energy", "specific_heat", "magnetization", "susceptibility", "binder", "p_up"];

#[test]
fn from_spins_to_couplings_by_hand() {
    let place = Place::new();
    let all = place.json("ising --lattice square:4 --temperature 2.5 --samples 2000 --replicas 200 -o data.npz");
    assert_eq!(all["points"].as_array().map(Vec::len), Some(1), "one shape for one temperature and for several");
    let ising = &all["points"][0];
    assert_keys(ising, &OBSERVABLES);
    assert_keys(ising, &["flips_per_ns", "tau_spins"]);
    for key in &OBSERVABLES[3..] {
        assert_estimate(&ising[key]);
    }
    assert!(ising["energy"]["tau"].is_number(), "{}", ising["energy"]);
    assert_eq!((ising["sites"].as_u64(), ising["samples"].as_u64()), (Some(16), Some(2000)));
    assert_eq!(ising["temperature"].as_f64(), Some(2.5));

    let observe = place.json("observe data.npz");
    assert_keys(&observe, &OBSERVABLES);
    // The same configurations, measured from their file.
    assert_eq!(observe["energy"]["value"], ising["energy"]["value"]);

    let train = place.json("train data.npz --hidden 8 --updates 300 --chains 100 -o model.safetensors");
    assert_keys(&train, &["updates", "log_likelihood", "pseudo_likelihood", "updates_per_second", "seconds", "model"]);
    assert_keys(&train, &["held_out_log_likelihood", "ceiling", "free_energy_gap", "seed", "settings"]);
    assert_estimate(&train["log_likelihood"]);
    assert_estimate(&train["held_out_log_likelihood"]);
    assert_eq!((train["seed"].as_u64(), train["settings"]["translations"].as_str()), (Some(1), Some("square:4")));
    assert_eq!(train["updates"].as_u64(), Some(300));
    assert_eq!(train["model"].as_str(), Some("model.safetensors"));
    // The last checkpoint stays, for more updates.
    let checkpoints = place.files().into_iter().filter(|f| f.contains("checkpoint-"));
    let last = "model.safetensors.checkpoints/checkpoint-000000000300.safetensors";
    assert_eq!(checkpoints.collect::<Vec<_>>(), [last]);

    let sample = place.json("sample model.safetensors --samples 300 --chains 100 --thermalise 20 -o samples.npz");
    assert_eq!(sample["samples"].as_u64(), Some(300));
    let observed = place.json("observe samples.npz");
    assert_eq!(observed["samples"].as_u64(), Some(300));

    let likelihood = place.json("likelihood model.safetensors data.npz --chains 100 --betas 50");
    let expected =
        ["log_z", "log_likelihood", "effective_sample_size", "log_weight_variance", "ceiling", "kl", "warnings"];
    assert_keys(&likelihood, &expected);
    for bounds in [&likelihood["log_z"], &likelihood["log_likelihood"]["data"]] {
        assert_keys(bounds, &["forward", "reverse", "exact"]);
        assert_estimate(&bounds["forward"]);
        assert_estimate(&bounds["exact"]);
        assert_estimate(&bounds["reverse"]);
        assert_estimate(&bounds["bridged"]);
    }
    let (interval, checks) = (&likelihood["interval"], &likelihood["checks"]);
    assert_keys(interval, &["low", "high", "agreement", "verdict", "reverse_effective_sample_size"]);
    assert_eq!((interval["trusted"].as_bool(), &interval["reverse_start"]), (Some(true), &"exact samples".into()));
    for key in ["above_ceiling", "probability_above_one", "forward_above_reverse"] {
        assert_eq!(checks[key].as_bool(), Some(false), "{key}");
    }
    assert!(checks["log_distinct_probability"]["value"].as_f64().unwrap() <= 0.0, "{checks}");
    let alone =
        place.json("likelihood model.safetensors --exact --chains 100 --betas 50 --reverse off --ladder linear");
    assert_eq!(alone["log_z"]["exact"], likelihood["log_z"]["exact"]);
    assert!(alone["log_z"]["reverse"].is_null(), "{alone}");
    let tempered =
        place.json("likelihood model.safetensors --chains 50 --reverse tempering --ladder 0,0.1,0.2,0.4,0.7,1");
    assert_eq!(tempered["interval"]["reverse_start"], "tempering chains");
    assert_keys(&tempered["interval"]["tempering"], &["rungs", "acceptance", "arrivals_per_chain", "equilibrated"]);

    for basis in ["spin", "binary"] {
        let file = format!("{basis}.csv");
        let couplings = place.json(&format!(
            "couplings model.safetensors --basis {basis} --orders 1,2,3 -o {file} --matrix {basis}.npy"
        ));
        assert_keys(&couplings, &["orders", "basis", "method", "file"]);
        for (order, count) in [("1", 16), ("2", 120), ("3", 560)] {
            assert_eq!(couplings["orders"][order]["count"].as_u64(), Some(count), "{couplings}");
            assert!(couplings["orders"][order]["rms"].is_number());
        }
        assert_eq!((couplings["basis"].as_str(), couplings["file"].as_str()), (Some(basis), Some(file.as_str())));
        let list = std::fs::read_to_string(place.path(&file)).unwrap();
        assert_eq!(list.lines().next(), Some("order,units,names,value,error,i,j,k,name_i,name_j,name_k"));
        assert_eq!(list.lines().count(), 1 + 16 + 120 + 560);
    }
}

#[test]
fn names_of_units_go_through_to_the_couplings() {
    let place = Place::new();
    let rows: String = (0..60).map(|r| format!("{},{},{}\n", r % 2, r % 2, u8::from(r % 3 == 0))).collect();
    place.put("cells.csv", format!("CD3D,CD3E,\"odd, name\"\n{rows}"));
    place.good("train cells.csv --hidden 3 --updates 200 --batch 20 --chains 20 --learning-rate 0.5 -o m.safetensors");
    let found = place.json("couplings m.safetensors --orders 2");
    assert_eq!(found["strongest"][0]["names"], serde_json::json!(["CD3D", "CD3E"]), "{found}");
    let list = std::fs::read_to_string(place.path("couplings.csv")).unwrap();
    assert!(list.contains("CD3D;CD3E"), "{list}");
    place.put("chosen.txt", "CD3E\nCD3D\n\nodd, name\n");
    let chosen = place.json("couplings m.safetensors --orders 3 --units chosen.txt --force");
    assert_eq!(chosen["orders"]["3"]["count"].as_u64(), Some(1));
}

/// Two chains are fewer effective samples than anyone should trust: a warning in the log and in JSON, and under `--strict`
/// exit code 3. Beside the exact value nothing speaks against it.
#[test]
fn a_doubtful_likelihood_warns_and_strict_makes_it_fail() {
    let place = Place::new();
    place.good("ising --lattice square:8 --temperature 2.5 --samples 300 --replicas 100 -o data.npz");
    place.good("train data.npz --hidden 30 --updates 20 --chains 20 --metrics 1 -o large.safetensors");
    place.good("train data.npz --hidden 6 --updates 20 --chains 20 --metrics 1 -o small.safetensors");
    let doubtful = place.run("likelihood large.safetensors --chains 2 --betas 2 --reverse off --json");
    assert_eq!(doubtful.code, Some(0), "{}", doubtful.stderr);
    assert!(doubtful.stderr.contains("not to be trusted"), "{}", doubtful.stderr);
    let value: serde_json::Value = serde_json::from_str(&doubtful.stdout).unwrap();
    assert_eq!(value["interval"]["trusted"].as_bool(), Some(false));
    assert_eq!(value["warnings"].as_array().unwrap().len(), 1, "{value}");
    let strict = "--chains 2 --betas 2 --reverse off --strict";
    assert_eq!(place.run(&format!("likelihood large.safetensors {strict}")).code, Some(3));
    assert_eq!(place.run(&format!("likelihood small.safetensors {strict}")).code, Some(0));
    let wrong = place.run("likelihood small.safetensors --ladder 0,0.7,0.5,1");
    assert!(wrong.code == Some(2) && wrong.stderr.contains("--ladder"), "{}", wrong.stderr);
    let large = place.run("likelihood large.safetensors --reverse exact --chains 10 --betas 10");
    assert!(large.code == Some(2) && large.stderr.contains("--reverse tempering"), "{}", large.stderr);
}

/// Trainings with ladders, and samples with replicas at temperatures or at the checkpoints of a training.
#[test]
fn tempered_training_and_sampling() {
    let place = Place::new();
    place.good("ising --lattice square:4 --temperature 2 --samples 500 --replicas 100 -o data.npz");
    for algorithm in ["pt", "trajectory"] {
        let train = format!(
            "train data.npz --hidden 6 --updates 40 --chains 30 --batch 50 --rungs 3 --metrics 1 --algorithm {algorithm}"
        );
        let found = place.json(&format!("{train} -o {algorithm}.safetensors"));
        assert_keys(&found["tempering"], &["rungs", "acceptance", "arrivals_per_chain"]);
        assert!(found["tempering"]["rungs"].as_u64() >= Some(2), "{found}");
        let plain = place.good(&format!("{train} --translations off --force -o other.safetensors"));
        assert!(plain.contains("exchanges accepted"), "{plain}");
    }
    let sample = "sample pt.safetensors --samples 200 --chains 50 --thermalise 40 --force -o samples.npz";
    for (options, rungs) in
        [("--tempering auto", None), ("--tempering 4", Some(4)), ("--trajectory trajectory.safetensors", Some(2))]
    {
        let found = place.json(&format!("{sample} {options}"));
        assert_keys(&found["tempering"], &["rungs", "acceptance", "round_trips", "rounds", "betas"]);
        assert_keys(&found["free_energy"], &["value", "error", "tau", "effective_samples"]);
        assert!(rungs.is_none() || found["tempering"]["rungs"].as_u64() == rungs, "{options}: {found}");
    }
    assert!(place.json(sample)["tempering"].is_null());
    for options in [
        "--tempering many",
        "--tempering 1",
        "--tempering auto --trajectory pt.safetensors",
        "--trajectory no.safetensors",
    ] {
        assert_eq!(place.run(&format!("{sample} {options}")).code, Some(2), "{options}");
    }
    let along = place.json("likelihood pt.safetensors --chains 50 --betas 50 --trajectory trajectory.safetensors");
    assert_eq!(along["interval"]["reverse_start"], "tempering chains along the trajectory");
    assert_eq!(along["interval"]["tempering"]["rungs"].as_u64(), Some(3));
}

/// Mean fields have no chains, so that nothing is said of any, and no draws: the seed decides where weights begin only.
#[test]
fn training_by_mean_field() {
    let place = Place::new();
    place.good("ising --lattice square:4 --temperature 2 --samples 500 --replicas 100 -o data.npz");
    let train = "train data.npz --hidden 6 --updates 40 --batch 50 --metrics 1 --algorithm mean-field";
    let found = place.json(&format!("{train} -o model.safetensors"));
    assert!(found["tempering"].is_null() && found["updates"].as_u64() == Some(40), "{found}");
    place.json(&format!("{train} --gibbs-steps 1 -o other.safetensors"));
    place.json(&format!("{train} -o again.safetensors"));
    let [model, other, again] = ["model", "other", "again"]
        .map(|name| gibbsite::internals::data::read_model(&place.path(&format!("{name}.safetensors"))).unwrap().rbm);
    assert!(model != other && model == again);
    let wrong = place.run("train data.npz --hidden 6 --algorithm means -o no.safetensors");
    assert!(wrong.code == Some(2) && wrong.stderr.contains("mean-field"), "{}", wrong.stderr);
}

/// The same command with the same seed gives the same bytes; with another seed it does not.
#[test]
fn seeds_decide_everything() {
    let place = Place::new();
    let make = |seed: u64, threads: u64, name: &str| {
        place.good(&format!(
            "ising --lattice chain:8 --temperature 1.5 --samples 200 --seed {seed} --threads {threads} -o {name}.npy"
        ));
        place.good(&format!("train {name}.npy --hidden 4 --updates 50 --batch 20 --chains 20 --seed {seed} --threads {threads} -o {name}.safetensors"));
        let tensors = gibbsite::internals::data::read_model(&place.path(&format!("{name}.safetensors"))).unwrap().rbm;
        (std::fs::read(place.path(&format!("{name}.npy"))).unwrap(), tensors)
    };
    let first = make(1, 1, "a");
    assert!(first == make(1, 2, "b"), "the same seed, another number of threads");
    let other = make(2, 1, "c");
    assert!(first.0 != other.0 && first.1 != other.1, "another seed");
}

/// AVX2 and portable code give the same bits as what the processor has: training, annealing, sampling and free energies.
#[test]
fn lesser_instructions_give_the_same_bits() {
    let place = Place::new();
    place.good("ising --lattice square:8 --temperature 2.2 --samples 600 --replicas 100 -o data.npz");
    let make = |without: Option<&str>, name: &str| {
        let go = |arguments: &str| {
            let mut command = place.command(arguments);
            command.env_remove("GIBBSITE_PORTABLE").env_remove("GIBBSITE_AVX2");
            if let Some(variable) = without {
                command.env(variable, "1");
            }
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        go(&format!(
            "train data.npz --hidden 37 --updates 60 --batch 101 --chains 99 --momentum 0.5 --weight-scale 0.3 --force -o {name}.safetensors"
        ));
        go(
            "train data.npz --hidden 37 --updates 20 --batch 101 --weight-scale 0.3 --algorithm mean-field --force -o mf.safetensors",
        );
        go(&format!("sample {name}.safetensors --samples 500 --chains 50 --thermalise 20 --force -o {name}.npy"));
        let likelihood = go(&format!("likelihood {name}.safetensors data.npz --chains 100 --betas 100 --json"));
        let ising =
            go("ising --lattice square:6 --temperature 2.2 --samples 200 --algorithm heat-bath --force -o spins.npy");
        let ising = ising.lines().take(7).collect::<Vec<_>>().join("\n");
        let device = go("devices --json");
        let model = gibbsite::internals::data::read_model(&place.path(&format!("{name}.safetensors"))).unwrap().rbm;
        let samples = std::fs::read(place.path(&format!("{name}.npy"))).unwrap();
        let spins = std::fs::read(place.path("spins.npy")).unwrap();
        let field = gibbsite::internals::data::read_model(&place.path("mf.safetensors")).unwrap().rbm;
        (device, (model, samples, likelihood, ising, spins, field))
    };
    let (_, with) = make(None, "a");
    for (variable, allowed) in
        [("GIBBSITE_PORTABLE", &["portable code"][..]), ("GIBBSITE_AVX2", &["portable code", "AVX2"])]
    {
        let (device, without) = make(Some(variable), "b");
        assert!(
            allowed.iter().any(|set| device.contains(set)),
            "{variable} is seen in the device's description: {device}"
        );
        assert!(with.0 == without.0, "trained machines, {variable}");
        assert!(with.5 == without.5, "machines trained by mean field, {variable}");
        assert!(with.1 == without.1, "samples, {variable}");
        assert_eq!(with.2, without.2, "likelihoods, {variable}");
        assert!(with.3 == without.3 && with.4 == without.4, "spins, {variable}");
    }
}

#[test]
fn the_program_describes_itself() {
    let place = Place::new();
    let devices = place.json("devices");
    let list = devices["devices"].as_array().unwrap();
    assert!(!list.is_empty());
    for device in list {
        assert_keys(device, &["name", "backend", "kind", "driver", "limits", "chosen"]);
    }
    assert_eq!(list.iter().filter(|d| d["chosen"] == true).count(), 1, "auto takes exactly one: {devices}");
    let software = list.iter().any(|d| d["chosen"] == true && d["kind"] == "software");
    assert!(!software, "a software rasteriser is never taken by itself");
    let help = place.good("--help");
    for command in
        ["run", "check", "ising", "train", "sample", "likelihood", "couplings", "observe", "report", "verify"]
    {
        assert!(help.contains(&format!("  {command} ")), "{command} is missing:\n{help}");
        let own = place.good(&format!("{command} --help"));
        assert!(own.contains("Usage: gibbsite") && own.contains("--backend"), "{own}");
    }
    assert!(place.good("--version").starts_with("gibbsite "));
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.good(&format!("completions {shell}")).contains("gibbsite"));
    }
}

#[test]
fn verify_checks_this_machine() {
    let place = Place::new();
    let found = place.json("verify");
    let checks = found["checks"].as_array().unwrap();
    assert!(checks.len() >= 10);
    assert!(checks.iter().all(|c| c["holds"] == true), "{found}");
}

#[test]
fn benches_have_a_check_value_in_every_row_and_name_the_devices() {
    let place = Place::new();
    let found = place.json("bench ising --case square8x64,square64 --seconds 0.1 --threads 2");
    assert_keys(&found, &["rows", "devices"]);
    let rows = found["rows"].as_array().unwrap();
    let names: Vec<(&str, &str, Option<u64>)> = rows
        .iter()
        .map(|row| (row["case"].as_str().unwrap(), row["backend"].as_str().unwrap(), row["threads"].as_u64()))
        .collect();
    let of_case = |case| [(case, "plain", Some(1)), (case, "cpu", Some(1)), (case, "cpu", Some(2))];
    assert_eq!(names, [of_case("square8x64"), of_case("square64")].concat());
    let devices = found["devices"].as_array().unwrap();
    for device in devices {
        assert_keys(device, &["name", "backend", "kind", "driver", "limits", "chosen"]);
    }
    assert_eq!(devices.iter().filter(|device| device["chosen"] == true).count(), 1, "{devices:?}");
    for row in rows {
        assert_keys(row, &["seconds", "cpu_seconds", "rate", "unit", "check", "device"]);
        assert_eq!(row["unit"].as_str(), Some("flips/ns"));
        assert!(row["rate"].as_f64().unwrap() > 0.0 && row["seconds"].as_f64().unwrap() > 0.0, "{row}");
        // 64 lattices of 64 spins or one of 4096: √(T² C / N) = 0.033 for one value, no more for a row's mean of five.
        let off = row["check"].as_f64().unwrap() - row["exact"].as_f64().unwrap();
        assert!(off.abs() < 4.0 * 0.033, "{row}");
        let known = devices.iter().any(|device| device["name"] == row["device"]);
        assert!(known || row["backend"] == "plain", "{row}");
    }

    let text = place.good("bench ising --case square64 --seconds 0.05 --threads 1");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 6, "a heading and two rows, then the engine's operations and bytes: {text}");
    assert!(lines[0].contains("flips/ns") && lines[0].contains("speed-up") && lines[1].contains("1.0 ×"), "{text}");
    for wrong in [
        "bench ising --case square101",
        "bench ising --seconds 0",
        "bench ising --case cube8",
        "bench ising --case square64 --rows gpu --backend cpu",
    ] {
        assert_eq!(place.run(wrong).code, Some(2), "{wrong}");
    }
}

/// The others are there, and the exit code, the temperature and the cures are told.
#[test]
fn a_temperature_that_does_not_thermalise_leaves_the_others() {
    let place = Place::new();
    let scan = "--lattice square:4 --temperature 0.1,2.5 --samples 800 --replicas 40 -o kept.npz";
    let ended = place.run(&format!("ising {scan} --json"));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for words in ["T = 0.1", "frozen", "swendsen-wang", "--algorithm", "--exchange"] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    let found: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((found["points"].as_array().map(Vec::len), found["failed"][0].as_f64()), (Some(1), Some(0.1)));
    assert_eq!(place.json("observe kept.npz --lattice square:4 --temperature 2.5")["samples"].as_u64(), Some(800));
}

/// No event in all samples: no error, no distance in units of it, and no minus before a zero.
#[test]
fn errors_that_cannot_be_known_are_not_told() {
    let place = Place::new();
    let cold = "ising --lattice square:4 --temperature 0.15 --algorithm wolff --samples 800 --replicas 40";
    let text = place.good(cold);
    assert!(text.contains("± unknown") && text.contains("exact"), "{text}");
    let deviations = text.lines().filter(|line| line.contains('σ')).collect::<Vec<_>>();
    assert!(deviations.iter().all(|line| line.contains("P(m > 0)")), "{text}");
    assert!(!text.contains("-0.000000") && !text.contains("inf") && !text.contains("NaN"), "{text}");
    let found = place.json(cold);
    assert!(found["points"][0]["energy"]["error"].is_null(), "{found}");
    let huge = place.run("ising --lattice square:4 --temperature 2 --field 1e308");
    assert_eq!(huge.code, Some(2), "{}", huge.stderr);
    assert!(huge.stderr.contains("1e308") && huge.stderr.len() < 1000, "{}", huge.stderr);
}

#[test]
fn a_large_square_lattice_takes_one_bit_a_spin() {
    let place = Place::new();
    let found = place.json("ising --lattice square:2048 --temperature 3 --samples 2 --replicas 2 --every 1");
    let observables = &found["points"][0];
    assert_eq!(observables["sites"].as_u64(), Some(2048 * 2048));
    // σ of e is 0.0009 for a lattice, 0.0006 for the mean of two.
    let energy = observables["energy"]["value"].as_f64().unwrap();
    assert!((energy + 0.817_31).abs() < 0.0045, "{energy}");
    let refused = place.run("ising --lattice chain:268435456 --temperature 3 --samples 200 --replicas 200");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("GiB"), "an estimate: {}", refused.stderr);
}

/// A physicist's way: spins −1 and +1 from the data to the model, its samples and its ln Z, with no conversion.
#[test]
fn spins_stay_spins() {
    let place = Place::new();
    let row = |r: usize| (0..6).map(|j| if (r >> (j / 2)) & 1 == 1 { "1" } else { "-1" }).collect::<Vec<_>>().join(",");
    let table: String = (0..80).map(|r| row(r * 5 % 7) + "\n").collect();
    place.put("spins.csv", format!("a,b,c,d,e,f\n{table}"));
    let train = "train spins.csv --hidden 3 --updates 200 --batch 20 --chains 50 --metrics 1";
    place.good(&format!("{train} -o binary.safetensors"));
    place.good(&format!("{train} --units spin -o spin.safetensors"));
    // What the file holds: W and B of −E = Σ W s σ + Σ B s + Σ C σ.
    let bytes = std::fs::read(place.path("spin.safetensors")).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let json: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let tensor = |name: &str| -> Vec<f64> {
        let range = json[name]["data_offsets"].as_array().unwrap();
        let [from, to] = [0, 1].map(|k| 8 + header + range[k].as_u64().unwrap() as usize);
        bytes[from..to].chunks(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect()
    };
    let (w, b, c) = (tensor("weights"), tensor("visible_bias"), tensor("hidden_bias"));
    let mut z = 0.0;
    for state in 0..1u32 << 9 {
        let spin = |k: usize| if state >> k & 1 == 1 { 1.0 } else { -1.0 };
        let mut sum = (0..3).map(|i| c[i] * spin(6 + i)).sum::<f64>();
        for j in 0..6 {
            sum += b[j] * spin(j) + (0..3).map(|i| w[3 * j + i] * spin(j) * spin(6 + i)).sum::<f64>();
        }
        z += f64::exp(sum);
    }
    let likelihood =
        |model: &str| place.json(&format!("likelihood {model}.safetensors spins.csv --chains 50 --betas 50"));
    let (spin, binary) = (likelihood("spin"), likelihood("binary"));
    let number = |x: &serde_json::Value| x["value"].as_f64().unwrap();
    // Nine biases rounded to f32.
    assert!((number(&spin["log_z"]["exact"]) - z.ln()).abs() < 1e-5, "{spin} {}", z.ln());
    assert!((number(&binary["log_z"]["exact"]) - z.ln()).abs() > 0.1, "{binary}");
    assert_eq!(spin["units"], serde_json::json!({ "visible": "spin", "hidden": "spin" }));
    assert!(binary["units"].is_null());
    let [a, b] = [&spin, &binary].map(|l| number(&l["log_likelihood"]["data"]["exact"]));
    assert!((a - b).abs() < 1e-5, "{a} {b}");
    // The same samples, each in the values of its model.
    for (format, wanted) in [("csv", "1,-1"), ("npy", "|i1"), ("npz", "PK")] {
        let sample = |model: &str| {
            place.good(&format!("sample {model}.safetensors --samples 200 --chains 20 -o {model}.{format}"));
            let path = place.path(&format!("{model}.{format}"));
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            (gibbsite::internals::data::read(&path).unwrap().samples, text)
        };
        let (spins, bits) = (sample("spin"), sample("binary"));
        assert!(spins.0 == bits.0 && spins.1.contains(wanted), "{format}");
        assert!(format == "npz" || !bits.1.contains(wanted), "{format}");
    }
    assert_eq!(place.run(&format!("{train} --units ising")).code, Some(2));
}

/// A training's metrics in a directory of its own.
#[test]
fn a_log_holds_every_metric_once() {
    let place = Place::new();
    place.good("ising --lattice square:4 --temperature 2.5 --samples 1000 --replicas 100 -o data.npz");
    let train = "train data.npz --hidden 4 --updates 100 --chains 50 --metrics 5 --log log";
    place.good(train);
    let lines = |name: &str| std::fs::read_to_string(place.path("log").join(name)).unwrap().lines().count();
    assert_eq!((lines("metrics.jsonl"), lines("metrics.csv")), (5, 6));
    assert!(place.files().iter().any(|file| file.starts_with("log/events.out.tfevents")));
    // Another training would be mixed with it.
    let again = place.run(train);
    assert!(again.code == Some(2) && again.stderr.contains("--resume"), "{}", again.stderr);
    place.good(&format!("{train} --resume"));
    assert_eq!(lines("metrics.jsonl"), 5);
}

/// Rows moved by symmetries that the data do not have are refused before anything is trained.
#[test]
fn minibatches_are_moved_by_symmetries_of_the_data_alone() {
    let place = Place::new();
    place.good("ising --lattice square:4 --temperature 2.5 --samples 1000 --replicas 100 -o data.npz");
    let train = "train data.npz --hidden 4 --updates 50 --chains 50 --metrics 1";
    for augment in ["none", "flip", "translations", "both"] {
        place.good(&format!("{train} --augment {augment} -o {augment}.safetensors"));
    }
    let machine =
        |name: &str| gibbsite::internals::data::read_model(&place.path(&format!("{name}.safetensors"))).unwrap().rbm;
    assert!(machine("none") != machine("flip") && machine("flip") != machine("both"));
    place.put("table.csv", "a,b\n0,1\n1,0\n1,1\n0,0\n");
    let refused = place.run("train table.csv --hidden 2 --updates 5 --augment both");
    assert!(refused.code == Some(2) && refused.stderr.contains("no lattice"), "{}", refused.stderr);
    place.good("train table.csv --hidden 2 --updates 5 --held-out 0 --chains 4 --augment flip");
}

/// 400 rows of twelve independent units that are on at fixed rates, in an order that ties none to another.
fn independent_rows() -> (String, f64) {
    let on = |j: usize| 40 + 29 * j;
    let row = |r: usize| {
        (0..12).map(|j| if (r * (2 * j + 3) * 7 + 31 * j) % 401 < on(j) { "1" } else { "0" }).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<&str>> = (0..400).map(row).collect();
    let entropy = (0..12).map(|j| {
        let p = rows.iter().filter(|row| row[j] == "1").count() as f64 / 400.0;
        p * p.ln() + (1.0 - p) * (1.0 - p).ln()
    });
    (rows.iter().map(|row| row.join(",") + "\n").collect(), entropy.sum())
}

/// Whatever is to hold weights small, and however strongly: what is left are independent units, no worse.
#[test]
fn penalties_leave_independent_units() {
    let place = Place::new();
    let (rows, independent) = independent_rows();
    place.put("rows.csv", rows);
    let train = "train rows.csv --hidden 10 --updates 2000 --batch 100 --chains 100 --held-out 0 --metrics 0 --force -o m.safetensors";
    for penalty in [
        "--weight-decay 0.2",
        "--weight-decay 0.2 --optimizer adam --learning-rate 0.05",
        "--l1 0.05",
        "--max-norm 0.5",
    ] {
        let trained = place.json(&format!("{train} {penalty}"));
        let found = trained["log_likelihood"]["value"].as_f64().unwrap();
        assert!(found > independent - 0.05, "{penalty}: {found}, independent units {independent}");
    }
}

#[test]
fn a_machine_of_a_training_that_diverges_is_not_written() {
    let place = Place::new();
    // Two units never change.
    let row = |r: usize| {
        (0..10).map(move |j| ((r * (2 * j + 3) + j) % 7 < 3 && j != 3) || j == 6).map(|on| if on { "1" } else { "0" })
    };
    let rows: String = (0..200).map(|r| row(r).collect::<Vec<_>>().join(",") + "\n").collect();
    place.put("rows.csv", rows);
    for metrics in [0, 1, 5, 10] {
        let ended = place.run(&format!(
            "train rows.csv --hidden 5 --updates 500 --learning-rate 1000 --schedule constant --metrics {metrics} -o d{metrics}.safetensors"
        ));
        assert!(ended.code == Some(1) && ended.stderr.contains("has diverged"), "{metrics}: {ended:?}");
        assert!(!place.path(&format!("d{metrics}.safetensors")).exists(), "{metrics} metrics");
    }
}

#[test]
fn a_machine_worse_than_independent_units_is_said_to_be_so() {
    let place = Place::new();
    place.put("rows.csv", independent_rows().0);
    let begun = "train rows.csv --hidden 10 --updates 1 --learning-rate 1e-6 --anchor 0 --metrics 0 -o";
    let bad = place.run(&format!("{begun} bad.safetensors --weight-scale 0.6 --held-out 0"));
    assert!(bad.stderr.contains("than under independent units") && bad.code == Some(0), "{bad:?}");
    let good = place.run(&format!("{begun} good.safetensors --weight-scale 0.01"));
    assert!(!good.stderr.contains("independent") && good.code == Some(0), "{good:?}");
}

/// A file of a whole scan is one data set at one of its temperatures, which has to be said.
#[test]
fn a_scan_is_trained_and_judged_at_one_temperature() {
    let place = Place::new();
    place.good("ising --lattice square:4 --temperature 2,3 --samples 300 --replicas 100 -o scan.npz");
    let train = "train scan.npz --hidden 4 --updates 40 --chains 50 --metrics 0 -o m.safetensors";
    let judge = "likelihood m.safetensors scan.npz --exact --chains 50 --betas 50";
    let refused = place.run(train);
    assert!(refused.code == Some(2) && refused.stderr.contains("samples at 2 temperatures"), "{refused:?}");
    assert!(refused.stderr.contains("one of 2, 3") && refused.stderr.contains("temperature"), "{refused:?}");
    assert!(!place.path("m.safetensors").exists());
    let trained = place.json(&format!("{train} --temperature 3"));
    // Of `square:4` at T = 3: −S by enumeration of 2¹⁶ states.
    let exact = gibbsite::internals::observables::exact_observables("square:4".parse().unwrap(), 3.0).unwrap();
    assert!((trained["ceiling"].as_f64().unwrap() + exact.entropy).abs() < 1e-9, "{trained}");
    assert_eq!(place.run(judge).code, Some(2));
    let judged = place.json(&format!("{judge} --temperature 3"));
    assert_eq!(judged["ceiling"], trained["ceiling"]);
    assert_eq!(place.run(&format!("{train} --temperature 2.5")).code, Some(2), "none of its temperatures");
}

/// Rows of a file of their own are looked at in place of a part of the data, and the model knows which they were.
#[test]
fn rows_of_another_file_are_held_out() {
    let place = Place::new();
    let (rows, _) = independent_rows();
    let (first, rest): (Vec<&str>, Vec<&str>) = (rows.lines().take(60).collect(), rows.lines().skip(60).collect());
    let table = |names: &str, rows: &[&str]| format!("{names}\n{}\n", rows.join("\n"));
    let names = "a,b,c,d,e,f,g,h,i,j,k,l";
    place.put("kept.csv", table(names, &first));
    place.put("rows.csv", table(names, &rest));
    place.put("turned.csv", table("b,a,c,d,e,f,g,h,i,j,k,l", &first));
    place.put("narrow.csv", "a,b\n0,1\n1,1\n");
    let train = "train rows.csv --hidden 3 --updates 60 --batch 100 --chains 50 --patience 3 --metrics 6 -o";
    let trained = place.json(&format!("{train} m.safetensors --held-out kept.csv"));
    // Three hidden units: ln Z is enumerated on both sides, and all rows of the file count.
    let judged = place.json("likelihood m.safetensors kept.csv --exact --chains 50 --betas 50");
    let value = |json: &serde_json::Value| json["value"].as_f64().unwrap();
    let (found, expected) =
        (value(&trained["held_out_log_likelihood"]), value(&judged["log_likelihood"]["data"]["exact"]));
    assert!((found - expected).abs() < 1e-4, "{found}, by likelihood {expected}");
    let model = gibbsite::internals::data::read_model(&place.path("m.safetensors")).unwrap().meta.provenance;
    let sha256 = gibbsite::internals::data::hash_file(&place.path("kept.csv")).unwrap();
    assert_eq!((model.held_out.as_deref(), model.held_out_sha256), (Some("kept.csv"), Some(sha256)));
    for (file, said) in
        [("turned.csv", "unit 0 is \"b\""), ("narrow.csv", "2 units, 12 in the training rows"), ("10%", "10%")]
    {
        let refused = place.run(&format!("{train} n.safetensors --held-out {file}"));
        assert!(refused.code == Some(2) && refused.stderr.contains(said), "{file}: {refused:?}");
    }
}
