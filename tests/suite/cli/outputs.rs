//! Outputs are looked at before any work: what would destroy something is refused, and what is written is whole.

use super::Place;

/// The directory as it is: names and contents.
fn contents(place: &Place) -> Vec<(String, Option<Vec<u8>>)> {
    let read = |name: String| {
        let path = place.path(&name);
        let bytes = path.is_file().then(|| std::fs::read(&path).unwrap());
        (name, bytes)
    };
    place.files().into_iter().map(read).collect()
}

fn refused(place: &Place, arguments: &str, says: &str) {
    let before = contents(place);
    let ended = place.run(arguments);
    assert_eq!(ended.code, Some(2), "gibbsite {arguments}\n{}", ended.stderr);
    assert!(ended.stderr.contains(says), "gibbsite {arguments}\nshould say \"{says}\":\n{}", ended.stderr);
    assert!(contents(place) == before, "gibbsite {arguments} changed something");
}

fn with_model() -> Place {
    let place = Place::new();
    place.good("ising --lattice square:4 --temperature 2.5 --samples 400 --replicas 100 -o d.npz");
    place.good("train d.npz --hidden 3 --updates 20 --chains 20 --metrics 0 -o m.safetensors");
    place
}

#[test]
fn no_output_is_an_input_or_another_output() {
    let place = with_model();
    place.put("bonds.txt", "0 1\n1 2\n2 0\n");
    place.put("units.txt", "0\n1\n");
    std::fs::create_dir(place.path("sub")).unwrap();
    let mut cases = vec![
        ("train d.npz --hidden 3 -o d.npz --force", "also read"),
        ("train d.npz --hidden 3 -o sub/../d.npz --force", "also read"),
        ("couplings m.safetensors -o m.safetensors --force", "also read"),
        ("couplings m.safetensors -o ./sub/../m.safetensors --force", "also read"),
        ("couplings m.safetensors --matrix m.safetensors --force", "also read"),
        ("couplings m.safetensors --orders 3 --units units.txt -o units.txt --force", "also read"),
        ("couplings m.safetensors -o new.csv --matrix sub/../new.csv", "written twice"),
        ("ising --lattice graph:bonds.txt --temperature 2 --samples 10 --histogram bonds.txt --force", "also read"),
        ("ising --lattice chain:4 --temperature 2 --samples 10 -o x.csv --histogram x.csv", "written twice"),
        ("sample m.safetensors -o sub", "name that ends in"),
        ("couplings m.safetensors -o sub", "directory"),
        ("couplings m.safetensors -o no/such/c.csv", "mkdir -p no/such"),
        ("couplings m.safetensors -o d.npz", "--force"),
        ("couplings m.safetensors --matrix d.npz", "--force"),
        ("sample m.safetensors -o d.npz", "--force"),
        ("ising --lattice chain:4 --temperature 2 --samples 10 -o d.npz", "--force"),
    ];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("d.npz", place.path("link.npz")).unwrap();
        std::fs::hard_link(place.path("d.npz"), place.path("hard.npz")).unwrap();
        std::os::unix::fs::symlink("new.csv", place.path("dangling.csv")).unwrap();
        cases.extend([
            ("train d.npz --hidden 3 -o link.npz --force", "also read"),
            ("train link.npz --hidden 3 -o d.npz --force", "also read"),
            ("train d.npz --hidden 3 -o hard.npz --force", "also read"),
            ("couplings m.safetensors -o new.csv --matrix dangling.csv", "written twice"),
        ]);
        let made = std::process::Command::new("mkfifo").arg(place.path("pipe")).status().unwrap();
        assert!(made.success());
        cases.extend([
            ("couplings m.safetensors -o pipe --force", "pipe or a device"),
            ("train d.npz --hidden 3 -o pipe --force", "pipe or a device"),
            ("couplings m.safetensors -o /dev/null --force", "pipe or a device"),
        ]);
    }
    cases.into_iter().for_each(|(arguments, says)| refused(&place, arguments, says));
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        assert!(std::fs::metadata(place.path("pipe")).unwrap().file_type().is_fifo());
    }
}

/// A directory that takes no files is noticed first, before even the input is looked at.
#[cfg(target_os = "linux")]
#[test]
fn a_place_that_takes_no_files_is_noticed_before_the_work() {
    let place = Place::new();
    for arguments in [
        "train none.npz --hidden 3 -o /proc/x.safetensors",
        "couplings none.safetensors -o /proc/x.csv",
        "sample none.safetensors -o /proc/x.npy",
        "ising --lattice square:64 --temperature 2 --samples 1000000 -o /proc/x.npz",
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, Some(1), "{arguments}: {}", ended.stderr);
        assert!(ended.stderr.contains("cannot write the file") && ended.stderr.contains("/proc/x"), "{}", ended.stderr);
    }
}

#[cfg(unix)]
#[test]
fn links_and_permissions_stay() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = with_model();
    let mode = |name: &str| std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    std::fs::create_dir(place.path("scratch")).unwrap();
    place.put("scratch/big.csv", "old");
    std::fs::set_permissions(place.path("scratch/big.csv"), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink("scratch/big.csv", place.path("c.csv")).unwrap();
    std::os::unix::fs::symlink("scratch/new.npy", place.path("J.npy")).unwrap();
    refused(&place, "couplings m.safetensors -o c.csv", "--force");
    place.good("couplings m.safetensors -o c.csv --matrix J.npy --force");
    for (link, target) in [("c.csv", "scratch/big.csv"), ("J.npy", "scratch/new.npy")] {
        assert!(place.path(link).is_symlink() && place.path(target).is_file(), "{link}");
    }
    assert!(std::fs::read_to_string(place.path("scratch/big.csv")).unwrap().starts_with("order,"));
    assert_eq!(mode("scratch/big.csv"), 0o600);
    assert!(!place.files().iter().any(|name| name.ends_with(".tmp")), "{:?}", place.files());
}

/// Files in a run directory have their own names: a link there is replaced, not followed.
#[cfg(unix)]
#[test]
fn a_report_overwrites_nothing_else() {
    let place = Place::new();
    place.put(
        "s.ron",
        "(version: 1, name: \"s\", source: Ising(lattice: \"square:4\", temperature: 2.0, samples: 200))",
    );
    place.good("run s.ron --out o");
    place.put("victim.txt", "mine");
    std::fs::remove_file(place.path("o/report.html")).unwrap();
    for link in ["o/.report.html.partial", "o/report.html"] {
        std::os::unix::fs::symlink(place.path("victim.txt"), place.path(link)).unwrap();
    }
    place.good("report o");
    assert_eq!(std::fs::read_to_string(place.path("victim.txt")).unwrap(), "mine");
    assert!(!place.path("o/report.html").is_symlink());
    assert!(std::fs::read_to_string(place.path("o/report.html")).unwrap().contains("<html"));
}

/// `/dev/full` is a disk that is always full.
#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_printed_is_an_error() {
    let place = with_model();
    for arguments in [
        "likelihood m.safetensors d.npz --chains 20 --betas 20 --json",
        "observe d.npz",
        "completions bash",
        "devices",
        "--help",
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let ended = super::Ended::from(place.command(arguments).stdout(full).output().unwrap());
        assert_eq!(ended.code, Some(1), "{arguments}: {}", ended.stderr);
    }
}

/// Bytes that are no Unicode, in every place of an argument.
#[cfg(target_os = "linux")]
#[test]
fn names_need_not_be_unicode() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::new();
    place.put(
        "s.ron",
        "(version: 1, name: \"s\", source: Ising(lattice: \"square:4\", temperature: 2.0, samples: 200))",
    );
    let odd = |bytes: &[u8]| OsStr::from_bytes(bytes).to_os_string();
    let run = |words: &str, out: Option<&str>, name: &[u8]| {
        let mut command = place.command(words);
        command.args(out).arg(odd(name));
        let ended = super::Ended::from(command.arg("--json").output().unwrap());
        assert_eq!(ended.code, Some(0), "{words}: {}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{words}: {}", ended.stderr);
        serde_json::from_str::<serde_json::Value>(&ended.stdout).unwrap();
    };
    run("ising --lattice square:4 --temperature 2 --samples 200", Some("-o"), b"d\xff.npz");
    run("train --hidden 3 --updates 20 --chains 20 --metrics 1 -o m.safetensors", None, b"d\xff.npz");
    place.good("ising --lattice square:4 --temperature 2 --samples 200 -o d.npz");
    run("train d.npz --hidden 3 --updates 20 --chains 20 --metrics 1", Some("-o"), b"m\xff.safetensors");
    run("sample m.safetensors --samples 50 --chains 10", Some("-o"), b"s\xff.npy");
    run("couplings m.safetensors", Some("-o"), b"c\xff.csv");
    run("likelihood m.safetensors --chains 20 --betas 20", None, b"d\xff.npz");
    run("observe", None, b"d\xff.npz");
    run("run s.ron", Some("--out"), b"o\xff");
    run("report", None, b"o\xff");
    run("shaders", None, b"shaders\xff");
}
