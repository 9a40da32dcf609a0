//! Tables as other programs write them: read alike, or refused with a cure that works for the table at hand.

use std::fs;
use std::io::Write;

use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::data::{self, DataSet};
use gibbsite::internals::rbm::Values;

use super::{bits, folder, put, refused};

fn packed(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

/// Whatever the program writes it reads, at any number of columns, with names that look like values and without names.
#[test]
fn tables_of_this_program_read_back() {
    let dir = folder();
    for units in [1, 2, 3, 12] {
        let list = |name: &dyn Fn(usize) -> String| Some((0..units).map(name).collect::<Vec<_>>());
        for names in [
            None,
            list(&|j| j.to_string()),
            list(&|j| (7 * j + 1).to_string()),
            list(&|j| format!("#{j}")),
            list(&|j| ["NA", "nan", "True", "1e3"].get(j).map_or_else(|| format!("-{j}"), ToString::to_string)),
            list(&|j| format!("a, \"{j}\" b")),
        ] {
            for (values, file) in [(Values::Binary, "t.csv"), (Values::Spin, "t.tsv"), (Values::Spin, "t.csv")] {
                let set = DataSet { values, names: names.clone(), ..DataSet::new(bits(5, units), "made here") };
                let path = dir.path().join(file);
                data::write(&path, &set).unwrap();
                let back = data::read(&path).unwrap_or_else(|e| panic!("{e}\n{}", fs::read_to_string(&path).unwrap()));
                assert_eq!(back.samples, set.samples, "{names:?}");
                let numbered = DataSet { names: list(&|j| format!("v{j}")), ..set.clone() };
                let expected = if names.is_some() { set.unit_names() } else { numbered.unit_names() };
                assert_eq!(back.unit_names(), expected, "{file}");
            }
        }
    }
}

#[test]
fn the_same_table_in_every_layout() {
    let dir = folder();
    let two = BitMatrix::from_fn(2, 3, |r, j| [[false, true, true], [true, false, false]][r][j]);
    let savetxt = "0.000000000000000000e+00 1.000000000000000000e+00 1.000000000000000000e+00\n\
                   1.000000000000000000e+00 0.000000000000000000e+00 0.000000000000000000e+00\n";
    let gz = packed("a,b,c\n0,1,1\n1,0,0\n");
    for (file, text, names) in [
        ("t.csv", "a;b;c\n0;1;1\n1;0;0\n".as_bytes(), "a b c"),
        ("t.csv", b"a\tb\tc\n0\t1\t1\n1\t0\t0\n", "a b c"),
        ("t.tsv", b"a,b,c\n0,1,1\n1,0,0\n", "a b c"),
        ("t.csv", b"a|b|c\r\n0|1|1\r\n1|0|0\r\n", "a b c"),
        ("t.txt", b"a b  c\n0 1  1\n1 0  0\n", "a b c"),
        ("t.csv", savetxt.as_bytes(), ""),
        ("t.txt", savetxt.as_bytes(), ""),
        ("t.csv", b"# a,b,c\n0,1,1\n1,0,0\n", "a b c"),
        ("t.txt", b"# a b c\n0 1 1\n1 0 0\n", "a b c"),
        ("t.csv", b"# exported by R\na,b,c\n0,1,1\n1,0,0\n", "a b c"),
        ("t.csv", b"#a,b,c\n0,1,1\n# between\n1,0,0\n# below\n", "a b c"),
        ("t.csv", b"# made, on, Monday\na,b,c\n0,1,1\n1,0,0\n", "a b c"),
        ("t.csv", b"# 3,5,7\n0,1,1\n1,0,0\n", ""),
        ("t.csv", b"\"a\", \"b\", \"c\"\n0, 1, 1\n1, 0, 0\n", "a b c"),
        ("t.csv", b"\"a\" , \"b\" , \"c\"\n\"0\", \"1\", \"1\"\n\"1\", \"0\", \"0\"\n", "a b c"),
        ("t.csv", b"\xef\xbb\xbf\n\na,b,c\n0,1,1\n1,0,0\n   \n\n", "a b c"),
        ("t.csv", b"0,1,2\n0,1,1\n1,0,0\n", ""),
        ("t.csv", b"\"7\",\"8\",\"9\"\n0,1,1\n1,0,0\n", "7 8 9"),
        ("t.csv", &gz, "a b c"),
        ("t.tsv.gz", &gz, "a b c"),
        ("t.csv.gz", b"a,b,c\n0,1,1\n1,0,0\n", "a b c"),
    ] {
        let set = data::read(&put(&dir, file, text))
            .unwrap_or_else(|e| panic!("{file} {:?}: {e}", String::from_utf8_lossy(text)));
        assert_eq!(set.samples, two, "{file} {:?}", String::from_utf8_lossy(text));
        assert_eq!(set.names.unwrap_or_default().join(" "), names, "{:?}", String::from_utf8_lossy(text));
    }
}

/// A first row of 0 or 0,1 is a header where the other rows cannot be like it, and nothing is guessed elsewhere.
#[test]
fn first_rows_that_may_be_both() {
    let dir = folder();
    let rows = |text: &str| data::read(&put(&dir, "t.csv", text)).map(|set| (set.samples.rows(), set.names));
    for text in ["0,1\n1,-1\n-1,-1\n1,1\n", "0,1\nTrue,False\nFalse,False\nTrue,True\n", "\"0\",\"1\"\n0,1\n1,0\n1,1\n"]
    {
        assert_eq!(rows(text).unwrap(), (3, None), "{text}");
    }
    assert_eq!(rows("0\n-1\n1\n").unwrap(), (2, None));
    for text in ["1,0\n0,1\n", "1\n0\n", "0.0,1.0\n1.0,0.0\n", "-1,1\n1,1\n"] {
        assert_eq!(rows(text).unwrap(), (2, None), "{text}");
    }
    for (text, cure) in [("0,1\n1,1\n0,0\n", "v0,v1\n"), ("0\n1\n0\n", "v0\n")] {
        let message = refused(rows(text));
        assert!(
            message.contains("may number the columns or be a sample") && message.contains("add_prefix"),
            "{message}"
        );
        assert_eq!(rows(&format!("{cure}{text}")).unwrap().0, 3, "above it");
        assert_eq!(rows(&format!("{cure}{}", text.split_once('\n').unwrap().1)).unwrap().0, 2, "in its place");
    }
}

#[test]
fn tables_that_are_refused_name_the_cure() {
    let dir = folder();
    for (text, says, cure) in [
        (",a,b\nx,0,1\n", "column 1 has no name", "index=False"),
        (",0,1\n0,1,0\n", "column 1 has no name", "index=False"),
        ("Unnamed: 0,a\n0,1\n", "column 1 has no name", "index=False"),
        ("a,b,\n0,1,\n", "column 3 has no name", "separator at the end"),
        ("cell,a,b\n0,1,1\n1,0,1\n2,0,0\n", "column 1 (cell) counts the rows", "index=False"),
        ("cell,a,b\n1,1,1\n2,0,1\n", "column 1 (cell) counts the rows", "index=False"),
        ("cell,a,b\n5,1,1\n9,0,1\n", "value 5 is not binary", "index=False"),
        ("cell,a\nAAAC-1,0\n", "\"AAAC-1\" is not a number", "index=False"),
        ("\"a\" \"b\"\n\"1\" 0 1\n\"2\" 1 1\n", "row 1 has 3 values", "row.names=FALSE"),
        ("a;b\n0,0;1,0\n", "\"0,0\" has a decimal comma", "decimal points"),
        ("a,b\n0,NA\n", "a value is missing", "leave out the row"),
        ("a,b\n0,nan\n", "a value is missing", "leave out the row"),
        ("a,b\nNone,1\n", "a value is missing", "leave out the row"),
        ("a,b\n0,1\n,1\n", "a value is missing", "leave out the row"),
        ("0,,1\n1,0,0\n", "a value is missing", "leave out the row"),
        ("a\n\"\"\n0\n", "a value is missing", "leave out the row"),
        ("a,b,a\n0,1,0\n", "units 0 and 2 have the same name \"a\"", "rename"),
        ("a,\"b;c\"\n0,1\n", "holds a semicolon", "rename"),
        ("a,\"b\nc\"\n0,1\n", "control character", "rename"),
        ("a;b\n0;1\n1\n", "row 2 has 1 values", "truncated"),
        ("a,b\n3,1\n", "value 3 is not binary", "(x > 0)"),
    ] {
        let message = refused(data::read(&put(&dir, "bad.csv", text)));
        assert!(message.contains(says) && message.contains(cure), "{text:?} should say {says:?}, {cure:?}:\n{message}");
        let gap = says == "a value is missing";
        assert!(!gap || !message.contains("binarise"), "{text:?}:\n{message}");
    }
    for (bytes, says) in [
        (&b"PK\x03\x04rest"[..], "zip archive"),
        (b"\xff\xfea\0,\0", "UTF-16"),
        (b"BZh9rest", "bzip2"),
        (b"\x93NUMPY\x01\0", "NumPy array"),
    ] {
        let message = refused(data::read(&put(&dir, "bad.csv", bytes)));
        assert!(message.contains(says), "{message}");
    }
}

/// A mark in front of the text is passed over by every reader of text.
#[test]
fn byte_order_marks_are_passed_over() {
    let dir = folder();
    let bonds = data::read_bonds(&put(&dir, "g.txt", "\u{feff}0 1\n1 2\n")).unwrap();
    assert_eq!(bonds.bonds, [(0, 1), (1, 2)]);
    let names = ["a", "b", "1"].map(String::from);
    let units = data::read_units(&put(&dir, "u.txt", "\u{feff}b\r\n# no unit\r\n\r\n0\r\n"), &names).unwrap();
    assert_eq!(units, [0, 1]);
    for (text, says) in [("b\na\nb\n", "given twice"), ("# none\n", "no units"), ("c\n", "unknown unit \"c\"")] {
        assert!(refused(data::read_units(&put(&dir, "u.txt", text), &names)).contains(says));
    }
}
