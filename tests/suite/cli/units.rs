//! A model meets data: their units go together by name, and what differs is said or refused.

use std::io::Write;

use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::data::{self, DataSet, Model, ModelMeta};
use gibbsite::internals::rbm::Rbm;

use super::Place;

const NAMES: [&str; 5] = ["CD3D", "CD8A", "MS4A1", "LYZ", "NKG7"];
/// The machines here are enumerated whatever is sampled besides.
const FEW: &str = "--chains 10 --betas 10 --reverse off";
const BIAS: [f32; 5] = [-3.0, -1.0, 0.0, 1.5, 2.5];

/// A machine of independent units, whose likelihood is known in closed form.
fn independent(place: &Place, units: usize, meta: ModelMeta) {
    let mut rbm = Rbm::zeros(units, 2);
    rbm.visible_bias = (0..units).map(|j| BIAS[j % 5]).collect();
    data::write_model(&place.path("m.safetensors"), &Model { rbm, meta }).unwrap();
}

#[test]
fn units_go_together_by_name() {
    let place = Place::new();
    independent(&place, 5, ModelMeta { names: Some(NAMES.map(String::from).to_vec()), ..ModelMeta::default() });
    let rows = BitMatrix::from_fn(40, 5, |r, j| (r * 7 + j * 13 + r * j) % 11 < 2 * j + 1);
    // Mean over rows of Σ_j v_j b_j − ln(1 + e^{b_j}).
    let term = |r: usize, j: usize| f64::from(u8::from(rows.get(r, j))) * f64::from(BIAS[j]);
    let sum: f64 = (0..40).flat_map(|r| (0..5).map(move |j| (r, j))).map(|(r, j)| term(r, j)).sum();
    let expected = sum / 40.0 - BIAS.iter().map(|&b| f64::from(b).exp().ln_1p()).sum::<f64>();
    let table = |order: &[usize], names: &[&str]| {
        let row = |r: usize| order.iter().map(|&j| u8::from(rows.get(r, j)).to_string()).collect::<Vec<_>>().join(",");
        names.join(",") + "\n" + &(0..40).map(row).collect::<Vec<_>>().join("\n")
    };
    let named = |order: &[usize]| table(order, &order.iter().map(|&j| NAMES[j]).collect::<Vec<_>>());
    place.put("straight.csv", named(&[0, 1, 2, 3, 4]));
    place.put("reversed.csv", named(&[4, 3, 2, 1, 0]));
    place.put("mixed.csv", named(&[2, 4, 0, 3, 1]));
    place.put("nameless.csv", table(&[0, 1, 2, 3, 4], &["v0", "v1", "v2", "v3", "v4"]));
    place.put("numbered.csv", table(&[4, 3, 2, 1, 0], &["v4", "v3", "v2", "v1", "v0"]));
    for file in ["straight", "reversed", "mixed", "nameless", "numbered"] {
        let command = format!("likelihood m.safetensors {file}.csv {FEW}");
        let found = place.json(&command)["log_likelihood"]["data"]["exact"]["value"].as_f64().unwrap();
        // Free energies are f32.
        assert!((found - expected).abs() < 1e-5, "{file}: {found}, not {expected}");
        let said = place.run(&command).stderr.contains("put in order by name");
        assert_eq!(said, !["straight", "nameless"].contains(&file), "{file}");
    }
    place.put("other.csv", table(&[0, 1, 2, 3, 4], &["CD3D", "CD8A", "CD19", "LYZ", "NKG7"]));
    let refused = place.run("likelihood m.safetensors other.csv");
    let says = "the model has a unit \"MS4A1\" (number 2), the data have none";
    assert!(refused.code == Some(2) && refused.stderr.contains(says), "{}", refused.stderr);
    place.put("fewer.csv", "a,b\n0,1\n1,1\n");
    let refused = place.run("likelihood m.safetensors fewer.csv");
    assert!(refused.code == Some(2) && refused.stderr.contains("2 units in the data, 5 in the model"));
}

#[test]
fn a_lattice_other_than_the_models_is_said() {
    let place = Place::new();
    let lattice = Some("square:4".parse().unwrap());
    independent(&place, 16, ModelMeta { lattice, temperature: Some(2.0), ..ModelMeta::default() });
    for (lattice, temperature, says) in [
        ("chain:16", 2.0, "the data are of the lattice chain:16, the model is of square:4"),
        ("square:4", 2.5, "the data are of temperature 2.5, the model is of 2"),
        ("square:4", 2.0, ""),
    ] {
        let samples = BitMatrix::from_fn(50, 16, |r, j| (r * 5 + j * 3 + r * j) % 7 < 3);
        let set = DataSet {
            lattice: Some(lattice.parse().unwrap()),
            temperature: Some(temperature),
            ..DataSet::new(samples, "made here")
        };
        data::write_npz(&place.path("d.npz"), &set).unwrap();
        let ended = place.run(&format!("likelihood m.safetensors d.npz {FEW}"));
        assert!(ended.code == Some(0) && ended.stderr.contains(says), "{}", ended.stderr);
        assert_eq!(ended.stderr.contains("the data are of"), !says.is_empty(), "{}", ended.stderr);
    }
    let ended = place.run("observe d.npz --lattice open-chain:16 --temperature 3");
    assert!(ended.stderr.contains("samples are of square:4") && ended.stderr.contains("of temperature 2:"));
    let scenario = |more: &str| {
        place.put("s.ron", format!("(version: 1, name: \"s\", source: File(path: \"d.npz\"{more}), model: (hidden: 2), train: (updates: 5, batch: 5, chains: 5))"));
        place.run("check s.ron")
    };
    assert_eq!(scenario(", lattice: \"square:4\", temperature: 2.0").code, Some(0));
    for (more, says) in [
        (", lattice: \"chain:16\"", "lattice chain:16, the file says square:4"),
        (", temperature: 2.5", "temperature 2.5, the file says 2"),
    ] {
        let refused = scenario(more);
        assert!(refused.code == Some(2) && refused.stderr.contains(says), "{}", refused.stderr);
    }
}

/// Files that unpack to more than the memory there is are refused for that, before it is taken.
#[test]
fn packed_files_unpack_within_the_memory() {
    let place = Place::new();
    let with = |arguments: &str| -> super::Ended {
        place.command(arguments).env("GIBBSITE_MEMORY", "24MiB").output().unwrap().into()
    };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"a,b\n").unwrap();
    let piece = "0,1\n".repeat(1 << 18);
    (0..64).for_each(|_| gzip.write_all(piece.as_bytes()).unwrap());
    place.put("bomb.csv.gz", gzip.finish().unwrap());
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("samples.npy", zip::write::SimpleFileOptions::default()).unwrap();
    let header = "{'descr': '|b1', 'fortran_order': False, 'shape': (1048576, 1), }";
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    let rows = "{'descr': '<U64', 'fortran_order': False, 'shape': (262144,), }";
    archive.write_all(&[b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), &vec![1; 1 << 20]].concat()).unwrap();
    archive.start_file("names.npy", zip::write::SimpleFileOptions::default()).unwrap();
    let length = u16::try_from(rows.len()).unwrap().to_le_bytes();
    archive.write_all(&[b"\x93NUMPY\x01\0", &length[..], rows.as_bytes(), &vec![0; 1 << 26]].concat()).unwrap();
    place.put("bomb.npz", archive.finish().unwrap().into_inner());
    for file in ["bomb.csv.gz", "bomb.npz"] {
        let ended = with(&format!("train {file} --hidden 2 --updates 1 -o m.safetensors"));
        assert!(ended.code == Some(2) && ended.stderr.contains("of memory"), "{file}: {}", ended.stderr);
        assert!(!ended.stderr.contains("damaged"), "{}", ended.stderr);
    }
}

#[test]
fn outputs_are_what_their_names_say() {
    let place = Place::new();
    independent(&place, 5, ModelMeta { names: Some(NAMES.map(String::from).to_vec()), ..ModelMeta::default() });
    place.good("couplings m.safetensors --orders 1 -o z.tsv");
    let text = std::fs::read_to_string(place.path("z.tsv")).unwrap();
    assert!(
        text.starts_with("order\tunits\tnames\tvalue\terror\ti\tj\tk\tname_i\tname_j\tname_k\n1\t0\tCD3D\t"),
        "{text}"
    );
    place.good("sample m.safetensors --samples 20 --chains 5 --thermalise 1 -o s.tsv");
    assert_eq!(data::read(&place.path("s.tsv")).unwrap().names.unwrap(), NAMES);
    place.put("d.csv", "a,b\n0,1\n1,1\n");
    for (command, says) in [
        ("ising --lattice chain:8 --temperature 2 --samples 10 -o x.txt", "write for example x.npz"),
        ("sample m.safetensors -o x.csv.gz", "ends in .npy, .npz, .csv or .tsv"),
        ("couplings m.safetensors -o z.npy", "write for example z.csv"),
        ("couplings m.safetensors --matrix J.txt", "write for example J.npy"),
        ("train d.csv --hidden 2 -o m.csv", "write for example m.safetensors"),
        ("ising --lattice chain:8 --temperature 2 --histogram h.npz", "write for example h.csv"),
    ] {
        let ended = place.run(command);
        assert!(ended.code == Some(2) && ended.stderr.contains(says), "{command}: {}", ended.stderr);
    }
}
