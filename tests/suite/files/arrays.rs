//! Arrays and tensors as other programs write them: every byte order and width, and advice for what cannot be read.

use std::fs;
use std::io::{Cursor, Write};

use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::data;
use gibbsite::internals::events::{Event, Listener};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{folder, header, npy, put, refused, safetensors};

/// What a reader says.
#[derive(Default)]
struct Heard(Vec<String>);

impl Listener for Heard {
    fn event(&mut self, event: Event) {
        if let Event::Info(text) | Event::Warning(text) = event {
            self.0.push(text);
        }
    }
}

/// An archive of .npy members.
fn npz(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (key, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        archive.start_file(format!("{key}.npy"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn matrix() -> Vec<u8> {
    npy(1, &header("|u1", false, "(2, 3)"), &[0, 1, 1, 0, 0, 1])
}

fn texts(descr: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    npy(1, &header(descr, false, shape), body)
}

const TWO: [[bool; 3]; 2] = [[false, true, true], [false, false, true]];

#[test]
fn numbers_of_either_byte_order_and_any_width() {
    let dir = folder();
    let two = BitMatrix::from_fn(2, 3, |r, j| TWO[r][j]);
    macro_rules! types {
        ($($descr:literal, $kind:ty, $low:expr);*) => {$(
            let low: f64 = $low;
            for fortran in [false, true] {
                let at = |i: usize| if fortran { TWO[i % 2][i / 2] } else { TWO[i / 3][i % 3] };
                let body: Vec<u8> =
                    (0..6).flat_map(|i| (if at(i) { 1.0 } else { low } as $kind).to_be_bytes()).collect();
                let path = put(&dir, "x.npy", npy(1, &header($descr, fortran, "(2, 3)"), &body));
                assert_eq!(data::read(&path).unwrap().samples, two, "{} {fortran}", $descr);
            }
        )*};
    }
    types!(">i2", i16, -1.0; ">i4", i32, -1.0; ">i8", i64, 0.0; ">u2", u16, 0.0; ">u4", u32, 0.0; ">u8", u64, 0.0;
        ">f4", f32, -1.0; ">f8", f64, 0.0);
    let half: Vec<u8> = TWO.as_flattened().iter().flat_map(|&on| if on { [0x3c, 0] } else { [0xbc, 0] }).collect();
    assert_eq!(data::read(&put(&dir, "x.npy", npy(1, &header(">f2", false, "(2, 3)"), &half))).unwrap().samples, two);
    // Packed whole, whatever the name says.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&matrix()).unwrap();
    let packed = gzip.finish().unwrap();
    for name in ["x.npy", "x.npy.gz"] {
        assert_eq!(data::read(&put(&dir, name, &packed)).unwrap().samples, two);
        assert_eq!(data::glance(&put(&dir, name, &packed), None).unwrap().units, 3);
    }
}

#[test]
fn arrays_that_are_refused_name_the_cure() {
    let dir = folder();
    for (descr, size, says, cure) in [
        ("|O", 8, "Python objects", "array.astype(\"i1\")"),
        ("<f16", 16, "layout depends on the machine", "array.astype(\"f8\")"),
        ("<c16", 16, "complex", "array.real"),
        ("<U1", 4, "texts", "array.astype(\"i1\")"),
        ("|S1", 1, "texts", "array.astype(\"i1\")"),
        ("<M8[ns]", 8, "dates", "columns of 0 and 1"),
    ] {
        let path = put(&dir, "x.npy", npy(1, &header(descr, false, "(2, 3)"), &vec![0; 6 * size]));
        let message = refused(data::read(&path));
        assert!(message.contains(says) && message.contains(cure), "{descr}:\n{message}");
    }
    let records = "{'descr': [('a', '|u1'), ('b]', '|u1', (2,))], 'fortran_order': False, 'shape': (2,), }";
    let message = refused(data::read(&put(&dir, "x.npy", npy(1, records, &[0; 6]))));
    assert!(message.contains("records of named fields") && message.contains("to_numpy"), "{message}");
    // What `astype("u1")` makes of −1.
    let message = refused(data::read(&put(&dir, "x.npy", npy(1, &header("|u1", false, "(1, 2)"), &[1, 255]))));
    assert!(message.contains("value 255 is not binary") && message.contains("-1 in a type without sign"), "{message}");
}

#[test]
fn archives_of_other_programs() {
    let dir = folder();
    let two = BitMatrix::from_fn(2, 3, |r, j| TWO[r][j]);
    let read = |members: &[(&str, Vec<u8>)]| {
        let mut heard = Heard::default();
        data::read_telling(&put(&dir, "x.npz", npz(members)), &mut heard).map(|set| (set, heard.0.join("\n")))
    };
    // numpy.savez(name, X=X), with or without arrays that cannot be samples.
    let line = npy(1, &header("<f8", false, "(2,)"), &[0; 16]);
    for members in [vec![("X", matrix())], vec![("y", line.clone()), ("arr_0", matrix()), ("names_", line.clone())]] {
        let (set, said) = read(&members).unwrap();
        assert_eq!(set.samples, two);
        assert!(said.contains("only array of two dimensions"), "{said}");
    }
    let message = refused(read(&[("X", matrix()), ("Y", matrix())]));
    assert!(message.contains("several arrays of two dimensions: X, Y"), "{message}");
    let message = refused(read(&[("y", line.clone())]));
    assert!(message.contains("no key `samples`, only: y"), "{message}");
    // Names as texts of either order and as bytes.
    let wide = |big: bool| -> Vec<u8> {
        ["a", "β ", "c"]
            .iter()
            .flat_map(|name| name.chars().chain("\0\0".chars()).take(2).collect::<Vec<_>>())
            .flat_map(|c| if big { u32::from(c).to_be_bytes() } else { u32::from(c).to_le_bytes() })
            .collect()
    };
    for names in
        [texts("<U2", "(3,)", &wide(false)), texts(">U2", "(3,)", &wide(true)), texts("|S2", "(3,)", b"a\0\xce\xb2c\0")]
    {
        let (set, _) = read(&[("samples", matrix()), ("names", names)]).unwrap();
        assert_eq!(set.names.unwrap(), ["a", "β", "c"]);
    }
    for (names, says) in [
        (texts("|O", "(3,)", b"pickled"), "numpy.array(names, dtype=str)"),
        (texts("<f8", "(3,)", &[0; 24]), "numpy.array(names, dtype=str)"),
        (texts("|S1", "(3,)", b"aba"), "units 0 and 2 have the same name \"a\""),
        (texts("|S1", "(3,)", b"a\0b"), "unit 1 has an empty name"),
        (texts("|S3", "(3,)", b"a;bcd\0e\0\0"), "semicolon"),
    ] {
        let message = refused(read(&[("samples", matrix()), ("names", names)]));
        assert!(message.contains(says) && message.contains("key `names`"), "{message}");
    }
    // Labels are nobody's input: they never sink the samples.
    let numbers = npy(1, &header("<f8", false, "(2,)"), &[0.5f64, 2.0].map(f64::to_le_bytes).concat());
    let (set, said) = read(&[("samples", matrix()), ("labels", numbers)]).unwrap();
    assert_eq!((set.labels.unwrap(), said.as_str()), (vec!["0.5".to_string(), "2".to_string()], ""));
    let (set, said) = read(&[("samples", matrix()), ("labels", texts("|O", "(2,)", b"pickled"))]).unwrap();
    assert!(set.labels.is_none() && said.contains("labels are left out"), "{said}");
}

#[test]
fn archives_packed_in_ways_that_are_not_known() {
    let dir = folder();
    let mut bytes = npz(&[("samples", matrix())]);
    // The method of a member stands in its own header and in the directory at the end.
    for start in [&b"PK\x03\x04"[..], b"PK\x01\x02"] {
        let at = bytes.windows(4).position(|window| window == start).unwrap();
        let method = at + if start[2] == 3 { 8 } else { 10 };
        bytes[method] = 12;
    }
    let message = refused(data::read(&put(&dir, "x.npz", &bytes)));
    assert!(message.contains("compression method") && message.contains("numpy.savez"), "{message}");
    assert!(!message.contains("damaged"), "{message}");
}

/// A machine in tensors of any width, with biases as lists, rows or columns.
#[test]
fn machines_of_any_width() {
    let dir = folder();
    let numbers = [1.0f32, -2.0, 0.5, 3.0, -0.25, 1.5, 0.0, 4.0, -1.0, 0.125, 2.0];
    let file = |dtype: &str, size: usize, shapes: [&str; 3], bytes: &dyn Fn(f32) -> Vec<u8>| {
        let ends = [6 * size, 9 * size, 11 * size];
        let entry = |name: &str, shape: &str, from: usize, to: usize| {
            format!("\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[{from},{to}]}}")
        };
        let text = format!(
            "{{{},{},{}}}",
            entry("weights", shapes[0], 0, ends[0]),
            entry("visible_bias", shapes[1], ends[0], ends[1]),
            entry("hidden_bias", shapes[2], ends[1], ends[2])
        );
        put(&dir, "m.safetensors", safetensors(&text, &numbers.iter().flat_map(|&x| bytes(x)).collect::<Vec<_>>()))
    };
    let lists = ["[3,2]", "[3]", "[2]"];
    let half = |x: f32| half::f16::from_f32(x).to_le_bytes().to_vec();
    for path in [
        file("F32", 4, lists, &|x| x.to_le_bytes().to_vec()),
        file("F64", 8, lists, &|x| f64::from(x).to_le_bytes().to_vec()),
        file("F16", 2, lists, &half),
        file("BF16", 2, lists, &|x| half::bf16::from_f32(x).to_le_bytes().to_vec()),
        file("F16", 2, ["[3,2]", "[1,3]", "[2,1]"], &half),
    ] {
        let rbm = data::read_model(&path).unwrap().rbm;
        assert_eq!([&rbm.weights[..], &rbm.visible_bias, &rbm.hidden_bias].concat(), numbers);
    }
    let transposed = file("F32", 4, ["[2,3]", "[3]", "[2]"], &|x| x.to_le_bytes().to_vec());
    let message = refused(data::read_model(&transposed));
    assert!(message.contains("transposed") && message.contains("ascontiguousarray(weights.T)"), "{message}");
    let huge = file("F64", 8, lists, &|x| if x == 4.0 { 1e300f64 } else { f64::from(x) }.to_le_bytes().to_vec());
    let message = refused(data::read_model(&huge));
    assert!(message.contains("`visible_bias` holds 1e300 at index 1"), "{message}");
    let whole = file("I32", 4, lists, &|x| x.to_le_bytes().to_vec());
    assert!(refused(data::read_model(&whole)).contains("array.astype(\"f4\")"));
}

/// Headers that promise much are refused by what they are, in short messages.
#[test]
fn headers_with_very_many_tensors() {
    let dir = folder();
    let tensors = |count: usize| {
        let list: Vec<String> = (0..count)
            .map(|i| format!("\"t{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}"))
            .collect();
        put(&dir, "m.safetensors", safetensors(&format!("{{{}}}", list.join(",")), &[]))
    };
    let message = refused(data::read_model(&tensors(30)));
    assert!(message.contains("only: t0, t1, t10") && message.contains("and 22 more"), "{message}");
    let message = refused(data::read_model(&tensors(20_000)));
    assert!(message.contains("20000 tensors") && message.len() < 1000, "{message}");
    assert!(fs::metadata(dir.path().join("m.safetensors")).unwrap().len() > 1 << 20);
}
