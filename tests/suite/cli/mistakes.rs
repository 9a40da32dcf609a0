//! Mistakes of every kind: one clear message on stderr, exit 2, nothing on stdout, nothing written.

use super::Place;

/// Runs each command; it must end with 2, say what it is told to say, and leave the directory as it was.
fn refused(place: &Place, cases: &[(&str, &str)]) {
    let before = place.files();
    for (arguments, says) in cases {
        let ended = place.run(arguments);
        assert_eq!(ended.code, Some(2), "gibbsite {arguments}\n{}", ended.stderr);
        assert!(ended.stderr.contains(says), "gibbsite {arguments}\nshould say \"{says}\":\n{}", ended.stderr);
        assert!(ended.stdout.is_empty(), "gibbsite {arguments} wrote to stdout: {}", ended.stdout);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        assert_eq!(place.files(), before, "gibbsite {arguments} left something behind");
    }
}

#[test]
fn unknown_words_and_missing_ones() {
    refused(
        &Place::new(),
        &[
            ("", "Usage: gibbsite"),
            ("isng", "'ising'"),
            ("ising --latice square:8", "--lattice"),
            ("ising --temperature 2", "--lattice"),
            ("train", "DATA"),
            ("train x.npy --hidden 0", "hidden"),
            ("train x.npy --hidden four", "--hidden"),
            ("train x.npy --hidden 4 --updates 3 --epochs 2", "--epochs"),
            ("train x.npy --hidden 4 --algorithm bm", "cd"),
            ("ising --lattice square:8 --temperature 2 --backend tpu", "auto, gpu or cpu"),
            ("ising --lattice square:8 --temperature 2 --seed -1", "-1"),
            ("ising --lattice square:8 --temperature 2 --threads 0", "1 to 1024"),
            ("run x.ron --resume --force", "--force"),
        ],
    );
}

#[test]
fn lattices_and_temperatures() {
    let at = |lattice: &str, rest: &str| format!("ising --lattice {lattice} {rest} -o x.npz");
    let cases = [
        (at("honeycomb:7", "--temperature 2"), "use 6 or 8"),
        (at("honeycomb:4x5", "--temperature 2"), "odd extent 5"),
        (at("square:1x8", "--temperature 2"), "use a chain"),
        (at("square:4x", "--temperature 2"), "square:4x6"),
        (at("square:4x4x4", "--temperature 2"), "square:4x6"),
        (at("square:0", "--temperature 2"), "square:0"),
        (at("square:1", "--temperature 2"), "square:1"),
        (at("square:-8", "--temperature 2"), "square:-8"),
        (at("square:99999999999999999999", "--temperature 2"), "square:99999999999999999999"),
        (at("square:1000000", "--temperature 2"), "too large"),
        (at("hexagon:8", "--temperature 2"), "square:L"),
        (at("square", "--temperature 2"), "square:8"),
        (at("square:8", "--temperature 0"), "positive"),
        (at("square:8", "--temperature -2"), "positive"),
        (at("square:8", "--temperature NaN"), "positive"),
        (at("square:8", "--temperature inf"), "positive"),
        (at("square:8", "--temperature cold"), "--temperature"),
        (at("square:8", "--temperature 2 --samples 0"), "0 samples"),
        (at("square:8", "--temperature 2 --replicas 0"), "0 replicas"),
        (at("square:8", "--temperature 2 --samples 99999999999999"), "at most 8 GiB"),
        (at("square:8", "--temperature 2 --algorithm cluster"), "metropolis, heat-bath, swendsen-wang, wolff"),
        ("ising --lattice square:8 --temperature 2 -o x.xyz".to_string(), ".npz"),
        ("ising --lattice square:8 --temperature 2 -o no/such/x.npz".to_string(), "does not exist"),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(a, b)| (a.as_str(), *b)).collect();
    refused(&Place::new(), &cases);
}

#[test]
fn data_files() {
    let place = Place::new();
    place.put("good.csv", "a,b\n0,1\n1,1\n1,0\n");
    place.put("grey.csv", "a,b\n0,1\n0.5,1\n");
    place.put("three.csv", "a,b\n0,1\n2,1\n");
    place.put("torn.csv", "a,b\n0,1\n1\n");
    place.put("header.csv", "a,b\n");
    place.put("empty.csv", "");
    place.put("noise.npy", [7; 300]);
    place.put("noise.npz", [7; 300]);
    place.put("text.safetensors", "not a model");
    std::fs::create_dir(place.path("folder.npy")).unwrap();
    let whole = {
        place.good("ising --lattice chain:8 --temperature 2 --samples 100 -o whole.npz");
        place.good("ising --lattice chain:8 --temperature 2 --samples 100 -o whole.npy");
        place.good("train good.csv --hidden 2 --updates 3 -o m.safetensors");
        |name: &str| std::fs::read(place.path(name)).unwrap()
    };
    for (name, torn) in [("whole.npz", "torn.npz"), ("whole.npy", "torn.npy"), ("m.safetensors", "torn.safetensors")] {
        let bytes = whole(name);
        place.put(torn, &bytes[..bytes.len() * 2 / 3]);
    }
    let train = |data: &str| format!("train {data} --hidden 2 --updates 3 -o out.safetensors");
    let cases = [
        (train("none.npy"), "no such file"),
        (train("none"), "no such file"),
        (train("folder.npy"), "not a file"),
        (train("m.safetensors"), "unknown file format"),
        (train("grey.csv"), "0.5"),
        (train("three.csv"), "2"),
        (train("torn.csv"), "line 3"),
        (train("header.csv"), "header.csv"),
        (train("empty.csv"), "empty"),
        (train("noise.npy"), "noise.npy"),
        (train("noise.npz"), "noise.npz"),
        (train("torn.npz"), "torn.npz"),
        (train("torn.npy"), "torn.npy"),
        ("train good.csv --hidden 0".to_string(), "0 hidden"),
        ("train good.csv --hidden 9999999999".to_string(), "hidden"),
        ("train good.csv --hidden 2 --batch 0".to_string(), "0 rows of a minibatch"),
        ("train good.csv --hidden 2 --batch 4".to_string(), "from 1 to 3"),
        ("train good.csv --hidden 2 --chains 0".to_string(), "0 chains"),
        ("train good.csv --hidden 2 --chains 99999999999999".to_string(), "99999999999999 chains"),
        ("train good.csv --hidden 2 --gibbs-steps 0".to_string(), "0 Gibbs steps"),
        ("train good.csv --hidden 2 --updates 99999999999".to_string(), "1 to 4294967295"),
        ("train good.csv --hidden 2 --learning-rate 0".to_string(), "positive"),
        ("train good.csv --hidden 2 --learning-rate NaN".to_string(), "positive"),
        ("train good.csv --hidden 2 --anchor=-1".to_string(), "from 0 to 10"),
        ("train good.csv --hidden 2 --anchor NaN".to_string(), "from 0 to 10"),
        ("train good.csv --hidden 2 --momentum 1".to_string(), "below 1"),
        ("train good.csv --hidden 2 --sparse-target 1".to_string(), "between 0 and 1"),
        ("train good.csv --hidden 2 --sparse-cost 0.5".to_string(), "without a sparse target"),
        ("train good.csv --hidden 2 --optimizer adamw".to_string(), "sgd, nesterov, adam or rmsprop"),
        ("train good.csv --hidden 2 --optimizer rmsprop --momentum 0.9".to_string(), "leave it out"),
        ("train good.csv --hidden 2 --optimizer sgd --square-decay 0.9".to_string(), "leave it out"),
        ("train good.csv --hidden 2 --optimizer adam --square-decay 1".to_string(), "below 1"),
        ("train good.csv --hidden 2 --optimizer adam --epsilon 0".to_string(), "positive"),
        ("train good.csv --hidden 2 --l1 NaN".to_string(), "0 to 1"),
        ("train good.csv --hidden 2 --max-norm=-2".to_string(), "positive"),
        ("train good.csv --hidden 2 --clip 0".to_string(), "positive"),
        ("train good.csv --hidden 2 --schedule steps:100".to_string(), "steps:EVERY:FACTOR"),
        ("train good.csv --hidden 2 --schedule steps:100:1.5".to_string(), "at most 1"),
        ("train good.csv --hidden 2 --held-out 1".to_string(), "0 to below 1"),
        ("train good.csv --hidden 2 --weight-decay=-1".to_string(), "0 to 1"),
        ("train good.csv --hidden 2 -o no/such/m.safetensors".to_string(), "does not exist"),
        ("train good.csv --hidden 2 -o folder.npy".to_string(), "directory"),
        ("sample none.safetensors".to_string(), "no such file"),
        ("sample text.safetensors".to_string(), "text.safetensors"),
        ("sample torn.safetensors".to_string(), "torn.safetensors"),
        ("sample good.csv".to_string(), "good.csv"),
        ("sample m.safetensors --samples 0".to_string(), "from 2"),
        ("sample m.safetensors --samples 99999999999999999".to_string(), "4294967295"),
        ("sample m.safetensors --samples 99999999999999 --chains 99999999999999".to_string(), "chains"),
        ("sample m.safetensors -o out.txt".to_string(), ".npy"),
        ("likelihood m.safetensors whole.npy".to_string(), "8 units in the data, 2 in the model"),
        ("likelihood m.safetensors --chains 1".to_string(), "2 to"),
        ("likelihood m.safetensors --betas 1".to_string(), "2 to"),
        ("couplings m.safetensors --orders 4".to_string(), "4"),
        ("couplings m.safetensors --orders 0".to_string(), "0"),
        ("couplings m.safetensors --method guess".to_string(), "exact"),
        ("couplings m.safetensors --units good.csv --orders 3".to_string(), "a,b"),
        ("observe good.csv".to_string(), "--lattice"),
        ("observe good.csv --lattice square:4 --temperature 2".to_string(), "16 sites"),
        ("observe whole.npy --lattice chain:8 --temperature 0".to_string(), "positive"),
        ("report .".to_string(), "metrics"),
        ("report none".to_string(), "none"),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(a, b)| (a.as_str(), *b)).collect();
    refused(&place, &cases);
}

#[test]
fn scenarios_that_are_wrong() {
    let place = Place::new();
    let good = "(version: 1, name: \"x\", source: Ising(lattice: \"square:4\", temperature: 2.0, samples: 100), \
                model: (hidden: 2), train: (updates: 10, batch: 50, chains: 10))";
    place.put("good.ron", good);
    place.put("odd.ron", good.replace("square:4", "honeycomb:5"));
    place.put("word.ron", good.replace("hidden", "hiden"));
    place.put("cold.ron", good.replace("2.0", "-2.0"));
    place.put("torn.ron", &good[..good.len() - 20]);
    place.put("later.ron", good.replace("version: 1", "version: 7"));
    let cases = [
        ("run none.ron", "no such file"),
        ("check none.ron", "no such file"),
        ("run odd.ron", "odd"),
        ("run word.ron", "hidden"),
        ("run cold.ron", "positive"),
        ("run torn.ron", "torn.ron"),
        ("run later.ron", "version"),
        ("run good.ron --set train.updaets=5", "updates"),
        ("run good.ron --set train.updates=many", "many"),
        ("run good.ron --set train.updates", "KEY=VALUE"),
        ("check good.ron --set sourc.samples=5", "source"),
        ("check good.ron --set train.updates=-5", "updates"),
        ("run good.ron --set train.chains=99999999999999", "chains"),
        ("run .", "directory"),
    ];
    refused(&place, &cases);
}
