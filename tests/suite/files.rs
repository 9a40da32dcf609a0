//! Files in and out: what is written reads back, and every kind of bad input is one clear error, never a panic.

mod arrays;
mod runs;
mod tables;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use gibbsite::internals::artifact::{self, Checkpoint};
use gibbsite::internals::backend::{Descent, OptimiserState};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::data::{self, DataSet, Model, ModelMeta, Provenance};
use gibbsite::internals::error::{Error, Result};
use gibbsite::internals::lattice::Lattice;
use gibbsite::internals::rbm::Rbm;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn put(dir: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, bytes).expect("written");
    path
}

/// Writes a file anew: cutting an old one short would make some file systems flush it every time.
fn replace(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).expect("removed");
    fs::write(path, bytes).expect("written");
}

/// Bits without a pattern that a wrong stride would keep.
fn bits(rows: usize, units: usize) -> BitMatrix {
    BitMatrix::from_fn(rows, units, |r, j| (r * r * 31 + j * j * 7 + r * j * 13) % 11 < 5)
}

/// Message of input that must be refused with exit code 2.
fn refused<T: std::fmt::Debug>(outcome: Result<T>) -> String {
    let error = outcome.expect_err("bad input was accepted");
    assert!(matches!(error, Error::Input(_)), "{error:?}");
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

/// A file of .npy version 1, 2 or 3 with the header as given.
fn npy(version: u8, header: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    if version == 1 {
        bytes.extend(u16::try_from(header.len()).expect("short").to_le_bytes());
    } else {
        bytes.extend(u32::try_from(header.len()).expect("short").to_le_bytes());
    }
    bytes.extend(header.as_bytes());
    bytes.extend(body);
    bytes
}

fn header(descr: &str, fortran: bool, shape: &str) -> String {
    let fortran = if fortran { "True" } else { "False" };
    format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}   \n")
}

#[test]
fn samples_read_back_in_every_format() {
    let dir = folder();
    for (rows, units) in [(1, 1), (3, 31), (5, 32), (2, 33), (67, 64), (10, 97)] {
        let mut set = DataSet::new(bits(rows, units), "made here");
        set.names = Some((0..units).map(|j| format!("gène, \"{j}\"")).collect());
        for name in ["x.npy", "x.npz", "x.csv"] {
            let path = dir.path().join(name);
            data::write(&path, &set).unwrap();
            let back = data::read(&path).unwrap();
            assert_eq!(back.samples, set.samples, "{name} {rows}×{units}");
            if name != "x.npy" {
                assert_eq!(back.names, set.names, "{name}");
            }
            assert_eq!(back.sha256, data::sha256_hex(&fs::read(&path).unwrap()));
            let glance = data::glance(&path, None).unwrap();
            assert_eq!((glance.rows, glance.units), (rows, units));
        }
    }
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "temporary files were left behind: {left:?}");
}

#[test]
fn an_npz_keeps_everything_about_the_samples() {
    let dir = folder();
    let set = DataSet {
        names: Some((0..16).map(|j| format!("site {j} ↑")).collect()),
        lattice: Some(Lattice::Square { length: 4 }),
        temperature: Some(2.269_185),
        sweeps: Some((0..5).map(|r| 10 * r).collect()),
        replicas: Some(vec![0, 1, 2, 3, u32::MAX]),
        labels: Some((0..5).map(|r| "x".repeat(r)).collect()),
        seed: Some(1 << 52),
        ..DataSet::new(bits(5, 16), "made here")
    };
    let path = dir.path().join("x.npz");
    data::write_npz(&path, &set).unwrap();
    let back = data::read(&path).unwrap();
    let expected = DataSet { source: back.source.clone(), sha256: back.sha256.clone(), ..set.clone() };
    assert_eq!(back, expected);
    let short = DataSet { sweeps: Some(vec![1]), ..set };
    assert!(refused(data::write_npz(&path, &short)).contains("1 sweep numbers for 5 samples"));
    assert_eq!(data::read(&path).unwrap(), expected, "a refused write leaves the old file");
}

#[test]
fn npy_of_every_type_order_and_version() {
    let dir = folder();
    let ones = |x: f64| [0.0, 1.0, 1.0, 0.0, 0.0, 1.0].map(|v| if v == 0.0 { x } else { 1.0 });
    let check = |name: &str, bytes: Vec<u8>, fortran: bool| {
        let back = data::read(&put(&dir, "x.npy", bytes)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let flat = [false, true, true, false, false, true];
        let at = |r: usize, j: usize| flat[if fortran { j * 2 + r } else { r * 3 + j }];
        assert_eq!(back.samples, BitMatrix::from_fn(2, 3, at), "{name}");
    };
    macro_rules! types {
        ($($descr:literal, $kind:ty, $zero:expr);*) => {$(
            for (version, fortran) in [(1, false), (2, true), (3, false)] {
                let body: Vec<u8> = ones($zero).iter().flat_map(|&x| (x as $kind).to_le_bytes()).collect();
                check($descr, npy(version, &header($descr, fortran, "(2, 3)"), &body), fortran);
            }
        )*};
    }
    types!("|u1", u8, 0.0; "|i1", i8, -1.0; "<i2", i16, -1.0; "<i4", i32, 0.0; "<i8", i64, -1.0; "<u2", u16, 0.0;
        "<u4", u32, 0.0; "<u8", u64, 0.0; "<f4", f32, -1.0; "<f8", f64, 0.0);
    check("bool", npy(1, &header("|b1", false, "(2, 3)"), &[0, 1, 1, 0, 0, 1]), false);
    let odd = "{\"shape\":(2,3),\"descr\":\"|u1\",\"fortran_order\":False}";
    check("other keys first", npy(1, odd, &[0, 1, 1, 0, 0, 1]), false);
    let half = [0u16, 0x3c00, 0x3c00, 0, 0, 0x3c00].iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    check("f2", npy(1, &header("<f2", false, "(2, 3)"), &half), false);
}

#[test]
fn bad_npy_files_say_what_is_wrong() {
    let dir = folder();
    let good = [0u8, 1, 1, 0, 0, 1];
    let case = |bytes: Vec<u8>| refused(data::read(&put(&dir, "bad.npy", bytes)));
    let f8 = |values: &[f64]| values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let u1 = |shape: &str, body: &[u8]| npy(1, &header("|u1", false, shape), body);
    for (bytes, says) in [
        (Vec::new(), "the file is empty"),
        (b"hello, world".to_vec(), "does not start as an .npy file"),
        (npy(9, &header("|u1", false, "(2, 3)"), &good), "version 9"),
        (npy(1, &header("<c16", false, "(2, 3)"), &[0; 96]), "type <c16"),
        (npy(1, &header("<U3", false, "(2, 3)"), &[0; 72]), "holds text"),
        (
            npy(1, "{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (2,), }", &[0; 8]),
            "records of named fields",
        ),
        (
            npy(1, "{'descr': [('a', '<i4'), 'fortran_order': False, 'shape': (2,), }", &[0; 8]),
            "cannot read the header",
        ),
        (u1("(6,)", &good), "1 dimensions"),
        (u1("(1, 2, 3)", &good), "3 dimensions"),
        (u1("()", &[1]), "0 dimensions"),
        (u1("(0, 3)", &[]), "0 samples"),
        (u1("(2, 3)", &good[..5]), "truncated: 5 bytes of numbers"),
        (u1("(2, 3)", &[0; 7]), "longer than its header says"),
        (u1("(4294967296, 4294967296)", &good), "larger than any memory"),
        (u1("(999999999999, 3)", &good), "expected: 2999999999997 bytes"),
        (u1("(2, 3)", &[0, 1, 1, 0, 2, 1]), "value 2 is not binary\n  where:    "),
        (npy(1, &header("<f8", false, "(1, 3)"), &f8(&[0.0, f64::NAN, 1.0])), "a value is missing"),
        (npy(1, &header("<f8", false, "(1, 3)"), &f8(&[0.0, 0.5, 1.0])), "value 0.5 is not binary"),
        (npy(1, &header("|i1", false, "(2, 3)"), &[0, 1, 1, 0xff, 0, 1]), "value -1, but row 1, column 1 has 0"),
    ] {
        let message = case(bytes);
        assert!(message.contains(says), "should say {says:?}:\n{message}");
        assert!(message.contains("bad.npy"), "{message}");
    }
    let message = case(u1("(2, 3)", &[0, 1, 1, 0, 2, 1]));
    assert!(message.contains("row 2, column 2") && message.contains("binarise the data first"), "{message}");
    // Headers and values in Fortran order are placed by row and column all the same.
    let message = case(npy(1, &header("|u1", true, "(2, 3)"), &[0, 1, 7, 0, 0, 1]));
    assert!(message.contains("row 1, column 2"), "{message}");
}

#[test]
fn tables_with_and_without_a_header() {
    let dir = folder();
    let read = |name: &str, text: &str| data::read(&put(&dir, name, text)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let two = BitMatrix::from_fn(2, 3, |r, j| [[false, true, true], [true, false, false]][r][j]);
    let names = |set: &DataSet| set.names.clone().map(|n| n.join(" "));
    let set = read("a.csv", "\u{feff}CD3D,\"HLA-DRB1\",x y\r\n0,1,1\r\n1,0,0\r\n");
    assert_eq!((&set.samples, names(&set).as_deref()), (&two, Some("CD3D HLA-DRB1 x y")));
    for text in ["0,1,1\n1,0,0", "-1,1,1\n1,-1,-1\n", "false,true,True\nTRUE,False,false\n", "0.0,1.0,1\n1e0, 0 ,0\n"] {
        let set = read("b.csv", text);
        assert_eq!((&set.samples, names(&set)), (&two, None), "{text}");
    }
    let set = read("c.tsv", "a\tb\tc\n0\t1\t1\n1\t0\t0\n");
    assert_eq!((&set.samples, names(&set).as_deref()), (&two, Some("a b c")));
    let numbered = read("d.csv", "0,1,2\n0,1,1\n1,0,0\n");
    assert_eq!((&numbered.samples, names(&numbered).as_deref()), (&two, None));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"a,b,c\n0,1,1\n1,0,0\n").unwrap();
    let packed = gzip.finish().unwrap();
    assert_eq!(data::read(&put(&dir, "e.csv.gz", &packed)).unwrap().samples, two);
    let torn = refused(data::read(&put(&dir, "f.csv.gz", &packed[..packed.len() - 9])));
    assert!(torn.contains("cannot unpack"), "{torn}");
}

#[test]
fn bad_tables_say_where() {
    let dir = folder();
    for (text, says) in [
        ("", "the file is empty"),
        ("\n\n", "no rows"),
        ("a,b\n", "a header and no samples"),
        ("a,b\n0,1\n0\n", "row 2 has 1 values"),
        ("a,b\n0,1\n0,1,1\n", "row 2 has 3 values"),
        ("a,b\n0,\n", "a value is missing"),
        ("a,b\n0,1\n1,2\n", "value 2 is not binary\n  where:    DIR/bad.csv, row 2, column 2 (b), line 3"),
        ("a,b\n0,NaN\n", "a value is missing"),
        ("a,b\n0,1\n-1,1\n", "value -1, but row 1, column 1 has 0"),
        ("a,b\n-1,1\n1,0\n", "value 0, but row 1, column 1 has -1"),
        ("cell,b\nAAAC-1,0\n", "\"AAAC-1\" is not a number\n  where:    DIR/bad.csv, row 1, column 1 (cell), line 2"),
        (",a\n0,1\n", "column 1 has no name"),
        ("a,a\n0,1\n", "the same name \"a\""),
        ("0.5,1\n0,1\n", "the first row is all numbers"),
    ] {
        let message = refused(data::read(&put(&dir, "bad.csv", text)));
        let says = says.replace("DIR", &dir.path().display().to_string());
        assert!(message.contains(&says), "{text:?} should say {says:?}:\n{message}");
    }
    let message = refused(data::read(&put(&dir, "bad.csv", b"a,\xff\n0,1\n")));
    assert!(message.contains("column 2 has a name that is not UTF-8"), "{message}");
}

#[test]
fn paths_that_are_no_data_files() {
    let dir = folder();
    for (path, says) in [
        (dir.path().join("none.npy"), "no such file"),
        (dir.path().join("none.xlsx"), "no such file"),
        (dir.path().to_path_buf(), "not a file"),
        (put(&dir, "x.bin", [0]), "unknown file format"),
    ] {
        let message = refused(data::read(&path));
        assert!(message.contains(says), "{message}");
    }
    fs::create_dir(dir.path().join("folder.csv")).unwrap();
    assert!(refused(data::read(&dir.path().join("folder.csv"))).contains("not a file"));
    let nowhere = dir.path().join("no/such/x.npy");
    assert!(
        refused(data::write_npy_samples(&nowhere, &bits(2, 2), gibbsite::internals::rbm::Values::Binary))
            .contains("does not exist")
    );
}

#[test]
fn real_arrays_read_back() {
    let dir = folder();
    let path = dir.path().join("j.npy");
    let values: Vec<f64> = (0..6).map(|i| f64::from(i) / 7.0 - 0.3).collect();
    data::write_npy_f64(&path, &[2, 3], &values).unwrap();
    let back = data::read_npy(&path).unwrap();
    assert_eq!((back.shape, back.values), (vec![2, 3], values.clone()));
    let single: Vec<f32> = values.iter().map(|&x| x as f32).collect();
    data::write_npy_f32(&path, &[6], &single).unwrap();
    let back = data::read_npy(&path).unwrap();
    assert_eq!((back.shape, back.values), (vec![6], single.iter().map(|&x| f64::from(x)).collect()));
    assert_eq!(fs::read(&path).unwrap().len() % 64, 24, "numbers start at a multiple of 64 bytes");
    let fortran =
        npy(1, &header("<f8", true, "(2, 3)"), &values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>());
    let back = data::read_npy(&put(&dir, "f.npy", fortran)).unwrap();
    assert_eq!(back.values, [0, 2, 4, 1, 3, 5].map(|i| values[i]));
    assert!(refused(data::write_npy_f64(&path, &[4], &values)).contains("6 values for shape [4]"));
}

fn model() -> Model {
    let mut rbm = Rbm::zeros(4, 3);
    for (k, w) in rbm.weights.iter_mut().enumerate() {
        *w = k as f32 / 7.0 - 0.5;
    }
    rbm.visible_bias = vec![0.1, -0.2, 0.3, f32::MIN_POSITIVE];
    rbm.hidden_bias = vec![1.0, 2.0, -3.5];
    let meta = ModelMeta {
        names: Some(["a", "b", "c", "d"].map(String::from).to_vec()),
        lattice: Some(Lattice::OpenChain { length: 4 }),
        temperature: Some(1.5),
        data_means: Some(vec![0.0, 0.25, 0.5, 1.0]),
        provenance: Provenance {
            fingerprint: Some("0123abcd".into()),
            version: "1.2.3".into(),
            seed: Some(u64::MAX),
            command: Some("gibbsite train x.npy".into()),
            data: Some("x.npy".into()),
            data_sha256: Some("00ff".into()),
            held_out: Some("y.npy".into()),
            held_out_sha256: Some("ff00".into()),
            updates: Some(7),
            training: Some(serde_json::json!({"batch": 500})),
        },
        ..ModelMeta::default()
    };
    Model { rbm, meta }
}

#[test]
fn models_read_back_bit_for_bit() {
    let dir = folder();
    let path = dir.path().join("m.safetensors");
    data::write_model(&path, &model()).unwrap();
    assert_eq!(data::read_model(&path).unwrap(), model());
    let first = fs::read(&path).unwrap();
    data::write_model(&path, &model()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), first, "the same model makes the same file");
}

/// A .safetensors file from its header and bytes, as any program may write it.
fn safetensors(header: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(body);
    bytes
}

#[test]
fn models_of_others_and_bad_models() {
    let dir = folder();
    let tensors = |w: &str, w_end: usize, b: &str, c: &str, meta: &str| {
        let (b_end, c_end) = (w_end + 8, w_end + 12);
        format!(
            "{{{meta}\"weights\":{{\"dtype\":\"F32\",\"shape\":{w},\"data_offsets\":[0,{w_end}]}},\
             \"visible_bias\":{{\"dtype\":\"{b}\",\"shape\":[2],\"data_offsets\":[{w_end},{b_end}]}},\
             \"{c}\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[{b_end},{c_end}]}}}}"
        )
    };
    let plain = tensors("[2,1]", 8, "F32", "hidden_bias", "");
    let body: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0, 5.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let mut poisoned = body.clone();
    poisoned[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let foreign = data::read_model(&put(&dir, "f.safetensors", safetensors(&plain, &body))).unwrap();
    assert_eq!((foreign.rbm.weights, foreign.rbm.hidden_bias), (vec![1.0, 2.0], vec![5.0]));
    assert_eq!(foreign.meta.names, None);
    let meta = |json: &str| format!("\"__metadata__\":{{\"gibbsite\":{}}},", serde_json::to_string(json).unwrap());
    for (bytes, says) in [
        (Vec::new(), "the file is empty"),
        (b"not a model".to_vec(), "cannot read the file"),
        (safetensors(&plain, &body[..19]), "cannot read the file"),
        (u64::MAX.to_le_bytes().to_vec(), "cannot read the file"),
        (safetensors(&plain.replace("[2,1]", "[4294967295,4294967295]"), &body), "cannot read the file"),
        (safetensors(&plain, &poisoned), "weights holds NaN at index 0"),
        (safetensors(&tensors("[2,1]", 8, "F32", "hidden", ""), &body), "no tensor `hidden_bias`, only: hidden,"),
        (safetensors(&tensors("[2,1]", 8, "I32", "hidden_bias", ""), &body), "holds I32"),
        (safetensors(&tensors("[2]", 8, "F32", "hidden_bias", ""), &body), "two dimensions"),
        (safetensors(&tensors("[1,2]", 8, "F32", "hidden_bias", ""), &body), "transposed"),
        (safetensors(&tensors("[2,1]", 8, "F32", "hidden_bias", &meta("{")), &body), "cannot read the metadata"),
        (
            safetensors(&tensors("[2,1]", 8, "F32", "hidden_bias", &meta("{\"format_version\":99}")), &body),
            "model format 99",
        ),
        (
            safetensors(
                &tensors("[2,1]", 8, "F32", "hidden_bias", &meta("{\"format_version\":1,\"names\":[\"a\"]}")),
                &body,
            ),
            "1 names for 2 visible units",
        ),
        (
            safetensors(
                &tensors("[2,1]", 8, "F32", "hidden_bias", &meta("{\"format_version\":1,\"lattice\":\"tree:3\"}")),
                &body,
            ),
            "unknown lattice",
        ),
    ] {
        let message = refused(data::read_model(&put(&dir, "bad.safetensors", bytes)));
        assert!(message.contains(says), "should say {says:?}:\n{message}");
    }
    let mut diverged = model();
    diverged.rbm.weights[2] = f32::INFINITY;
    let path = dir.path().join("diverged.safetensors");
    assert!(matches!(data::write_model(&path, &diverged), Err(Error::Numerics(_))));
    assert!(!path.exists(), "nothing is written of a diverged model");
}

fn checkpoint(update: u64) -> Checkpoint {
    let rbm = model().rbm;
    let mut optimiser = OptimiserState::at_rest(&rbm, &Descent::PLAIN, vec![0.1, 0.2, 0.3, 0.4]);
    optimiser.velocity.weights[5] = update as f32;
    Checkpoint {
        ladder: None,
        online: None,
        average: Some(rbm.clone()),
        rbm,
        optimiser,
        chains: bits(7, 4),
        update,
        step: 5 * update,
        seed: u64::MAX - 1,
        fingerprint: "settings".into(),
    }
}

/// The property: a good file cut at any length is an error and never a panic, and nothing is read beyond its end.
#[test]
fn files_torn_at_any_length_are_errors() {
    let dir = folder();
    let set = DataSet {
        names: Some((0..9).map(|j| format!("unit {j}")).collect()),
        temperature: Some(1.0),
        ..DataSet::new(bits(6, 9), "made here")
    };
    for name in ["t.npy", "t.npz", "t.csv"] {
        let path = dir.path().join(name);
        data::write(&path, &set).unwrap();
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            replace(&path, &whole[..length]);
            match data::read(&path) {
                Err(error) => assert_eq!(error.exit_code(), 2, "{name} of {length} bytes: {error}"),
                // A table may end after any of its rows, with or without the line break.
                Ok(torn) => {
                    assert_eq!(name, "t.csv", "{name} of {length} bytes was accepted");
                    assert_eq!(torn.samples, set.samples.slice_rows(0..torn.samples.rows()));
                }
            }
            let _ = data::glance(&path, None);
        }
    }
    let path = dir.path().join("t.safetensors");
    data::write_model(&path, &model()).unwrap();
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        replace(&path, &whole[..length]);
        assert_eq!(data::read_model(&path).expect_err("torn").exit_code(), 2);
    }
    artifact::write_checkpoint(&path, &checkpoint(3)).unwrap();
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        replace(&path, &whole[..length]);
        assert!(matches!(artifact::read_checkpoint(&path), Err(Error::Checkpoint(_))), "{length} bytes");
    }
}

/// Single flipped bits: an error or other values of the right shape, never a panic.
#[test]
fn damaged_files_never_panic() {
    let dir = folder();
    let set = DataSet { temperature: Some(1.0), ..DataSet::new(bits(4, 9), "made here") };
    let files = [dir.path().join("d.npy"), dir.path().join("d.npz"), dir.path().join("d.safetensors")];
    data::write(&files[0], &set).unwrap();
    data::write(&files[1], &set).unwrap();
    artifact::write_checkpoint(&files[2], &checkpoint(3)).unwrap();
    for path in &files {
        let whole = fs::read(path).unwrap();
        for bit in 0..8 * whole.len() {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            replace(path, &damaged);
            if path.extension().is_some_and(|e| e == "safetensors") {
                let _ = artifact::read_checkpoint(path);
            } else if let Ok(back) = data::read(path) {
                assert_eq!(back.samples.rows() * back.samples.cols(), 36, "bit {bit} of {}", path.display());
            }
        }
    }
}
