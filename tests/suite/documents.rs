//! What the documents say, done: commands run in the order in which they stand, options and links exist.
//!
//! A fenced block `sh` is run line by line in a directory of its own for each document, with `scenarios/` in it and the
//! program on PATH; a line that should fail ends in `# exit N`. A block `ron` is a scenario that `check` passes. Commands
//! in blocks `sh long` take too long for a test, or need a network, cargo or Slurm: their options are parsed, and their
//! scenarios checked. Design notes are records of their day, of which only the links are followed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::{Ended, Place};

/// Longest README that a newcomer reads.
const README_LINES: usize = 150;

macro_rules! documents {
    ($($name:ident: $path:literal,)*) => {
        /// Documents whose commands are run.
        const RUN: &[&str] = &[$($path),*];
        $(
            #[test]
            #[cfg(unix)]
            fn $name() {
                follow($path);
            }
        )*
    };
}

documents! {
    readme_runs: "README.md",
    cluster_runs: "docs/cluster.md",
    couplings_runs: "docs/couplings.md",
    faq_runs: "docs/faq.md",
    files_runs: "docs/files.md",
    getting_started_runs: "docs/getting-started.md",
    gpu_runs: "docs/gpu.md",
    ising_runs: "docs/ising.md",
    likelihood_runs: "docs/likelihood.md",
    math_runs: "docs/math.md",
    performance_runs: "docs/performance.md",
    scenarios_runs: "docs/scenarios.md",
    training_runs: "docs/training.md",
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(document: &str) -> String {
    std::fs::read_to_string(root().join(document)).unwrap_or_else(|error| panic!("{document}: {error}"))
}

/// Files in `folder` that end so, by their path from the root.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let ours = entries.filter(|path| path.is_file() && path.extension().is_some_and(|e| e == ending));
    let name = |path: PathBuf| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    let mut found: Vec<String> = ours.map(name).collect();
    found.sort();
    found
}

/// Every document but the notes.
fn documents() -> Vec<String> {
    [files(".", "md"), files("docs", "md")].concat().into_iter().map(|path| path.replace("./", "")).collect()
}

/// A fenced block: its language and its text.
struct Block {
    language: String,
    text: String,
}

/// The fenced blocks of a document, and the document without them.
fn blocks(text: &str) -> (Vec<Block>, String) {
    let (mut found, mut rest) = (Vec::new(), String::new());
    let mut open: Option<Block> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some(Block { language: language.to_string(), text: String::new() }),
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some(block)) => block.text += &format!("{line}\n"),
            (None, None) => rest += &format!("{line}\n"),
        }
    }
    assert!(open.is_none(), "a fenced block is not closed");
    (found, rest)
}

/// Texts between single backticks.
fn spans(prose: &str) -> Vec<&str> {
    prose.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A line of shell with the program on PATH, in `place`.
fn shell(place: &Place, line: &str) -> Ended {
    let program = Path::new(env!("CARGO_BIN_EXE_gibbsite")).parent().unwrap().to_path_buf();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([program].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("PATH", path).current_dir(place.path(""));
    command.output().unwrap().into()
}

/// The exit code that a line promises.
fn promised(line: &str) -> i32 {
    line.rsplit_once("# exit ").map_or(0, |(_, code)| code.trim().parse().unwrap())
}

fn follow(document: &str) {
    let place = Place::new();
    copy(&root().join("scenarios"), &place.path("scenarios"));
    for block in blocks(&read(document)).0 {
        match block.language.as_str() {
            "sh" => {
                for line in block.text.lines().filter(|line| !line.trim().is_empty()) {
                    let ended = shell(&place, line);
                    let said = format!("{}\n{}", ended.stdout, ended.stderr);
                    assert_eq!(ended.code, Some(promised(line)), "{document}: {line}\n{said}");
                    assert!(!said.contains("panicked"), "{document}: {line}\n{said}");
                }
            }
            "ron" => {
                place.put("document.ron", &block.text);
                place.good("check document.ron");
            }
            _ => {}
        }
    }
}

/// Arguments of every call of the program in a line of shell, variables being 1.
fn calls(line: &str) -> Vec<Vec<String>> {
    let line = line.split(" # ").next().unwrap_or_default().replace("cargo run --release --", "gibbsite");
    if line.starts_with('#') {
        return Vec::new();
    }
    let value = |word: &str| match word.split_once('$') {
        Some((before, name)) => {
            format!("{before}1{}", name.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'))
        }
        None => word.to_string(),
    };
    let commands = line.split(['|', '&', ';', '>']).map(|part| part.split_whitespace().collect::<Vec<_>>());
    let arguments = commands.filter_map(|words| {
        let start = words.iter().position(|&word| word == "gibbsite")?;
        Some(words[start + 1..].iter().map(|word| value(word)).collect())
    });
    arguments.collect()
}

#[test]
fn commands_are_found() {
    let found = calls("srun gibbsite run a.ron --set seed=$ID/x --resume || [ $? -ne 138 ] || gibbsite devices # --no");
    assert_eq!(found, [vec!["run", "a.ron", "--set", "seed=1/x", "--resume"], vec!["devices"]]);
    assert_eq!(calls("cargo run --release -- check x.ron"), [["check", "x.ron"]]);
    assert!(calls("#SBATCH gibbsite").is_empty() && calls("cargo build").is_empty());
    assert_eq!((promised("false # exit 1"), promised("true # exits")), (1, 0));
    assert_eq!(anchor("Units of −1 and `+1`, all"), "units-of-1-and-1-all");
    assert_eq!(spans("a `b` c `d e`"), ["b", "d e"]);
}

/// The program stops at `--help` with what it has found wrong before it.
#[test]
fn long_commands_are_understood() {
    let place = Place::new();
    let mut seen = 0;
    for document in documents() {
        let long = blocks(&read(&document)).0.into_iter().filter(|block| block.language == "sh long");
        for arguments in long.flat_map(|block| block.text.lines().flat_map(calls).collect::<Vec<_>>()) {
            let line = arguments.join(" ");
            place.good(&format!("{line} --help"));
            seen += 1;
            let [command, scenario, rest @ ..] = arguments.as_slice() else { continue };
            let file = root().join(scenario);
            if command == "run" && file.exists() {
                let settings =
                    rest.windows(2).filter(|pair| pair[0] == "--set").map(|pair| format!(" --set {}", pair[1]));
                let quick = if rest.iter().any(|word| word == "--quick") { " --quick" } else { "" };
                place.good(&format!("check {}{quick}{}", file.display(), settings.collect::<String>()));
            }
        }
    }
    assert!(seen > 0, "no long command was found");
}

#[test]
fn options_in_the_text_exist() {
    // A completion script knows every option of every command.
    let script = Place::new().good("completions bash");
    let words = script.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let known: BTreeSet<&str> = words.filter(|word| word.starts_with("--")).collect();
    assert!(known.contains("--hidden"), "{known:?}");
    for document in documents().into_iter().filter(|name| name == "README.md" || name.starts_with("docs/")) {
        let prose = blocks(&read(&document)).1;
        for span in spans(&prose).into_iter().filter(|span| span.starts_with("gibbsite ") || span.starts_with("--")) {
            let words = span.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
            for word in words.filter(|word| word.starts_with("--") && word.len() > 2) {
                assert!(known.contains(word), "{document}: `{span}`: no command has {word}");
            }
        }
    }
}

/// First cells of the tables below the paragraph that holds `header`.
fn listed<'a>(block: &'a str, header: &str) -> BTreeSet<&'a str> {
    let (mut found, mut above) = (BTreeSet::new(), "");
    for line in block.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("| ") {
            None => above = line,
            Some(row) if above.contains(header) => found.extend(spans(row.split(" | ").next().unwrap_or_default())),
            Some(_) => {}
        }
    }
    found
}

/// The program names all fields of a block where it finds one that it does not know.
#[test]
fn every_key_of_a_scenario_is_listed() {
    let text = read("docs/scenarios.md");
    let block = text.split_once("<!-- keys: begin -->").and_then(|(_, rest)| rest.split_once("<!-- keys: end -->"));
    let block = block.expect("the keys of scenarios stand between two marks").0;
    let sources = [
        ("`source: Ising(", "Ising(x: 1, lattice: \"square:4\", temperature: 2.0, samples: 10)"),
        ("`source: File(", "File(x: 1, path: \"rows.csv\")"),
    ];
    let place = Place::new();
    for (header, source) in sources {
        let groups =
            ["model", "train", "sample", "likelihood", "couplings", "sweep"].map(|name| format!("{name}: (x: 1), "));
        let expect = "expect: [(x: 1, key: \"likelihood.kl\")]";
        let scenario = format!("(version: 1, name: \"x\", x: 1, source: {source}, {}{expect})", groups.concat());
        place.put("keys.ron", scenario);
        let ended = place.run("check keys.ron");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        let mistakes: Vec<&str> = said.split("unknown field `x`").skip(1).collect();
        assert_eq!(mistakes.len(), 9, "{said}");
        for mistake in mistakes {
            let (group, rest) = mistake.split_once('\n').unwrap();
            let header = match group.trim().trim_start_matches("in ").trim_matches('`') {
                "" => "Top level".to_string(),
                "source" => header.to_string(),
                "expect[0]" => "`expect: [(".to_string(),
                name => format!("`{name}: ("),
            };
            let fields = rest.lines().find_map(|line| line.trim().strip_prefix("expected:")).unwrap();
            assert_eq!(listed(block, &header), spans(fields).into_iter().collect(), "docs/scenarios.md, {header}");
        }
    }
}

/// The tables of settings are those that the program writes.
#[test]
fn tables_of_settings_are_current() {
    let written = Place::new().good("explain --markdown");
    let text = read("docs/scenarios.md");
    for table in written.split("\n\n").filter(|part| part.starts_with('|')) {
        assert!(text.contains(table.trim_end()), "replace the table in docs/scenarios.md by\n{table}");
    }
}

#[test]
fn every_document_is_followed() {
    let known: BTreeSet<&str> = RUN.iter().copied().collect();
    let there = [vec!["README.md".to_string()], files("docs", "md")].concat();
    assert_eq!(known, there.iter().map(String::as_str).collect(), "the list at the head of this file");
    for document in documents().into_iter().chain(files("docs/design-notes", "md")) {
        for block in blocks(&read(&document)).0 {
            let known = ["sh", "sh long", "text", "python", "ron"].contains(&block.language.as_str());
            assert!(known, "{document}: a block of language \"{}\"", block.language);
            let run = block.language != "sh" && block.language != "ron" || RUN.contains(&document.as_str());
            assert!(run, "{document}: a block that should be run, in a document that is not");
        }
    }
}

#[test]
fn readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines");
    assert!(read("README.md").contains("sh tests/run.sh"), "README.md names the command that runs all tests");
}

/// A heading as links name it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>();
    kept.replace(' ', "-")
}

fn anchors(document: &Path) -> Vec<String> {
    let prose = blocks(&std::fs::read_to_string(document).unwrap()).1;
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

#[test]
fn links_lead_somewhere() {
    for document in documents().into_iter().chain(files("docs/design-notes", "md")) {
        let prose = blocks(&read(&document)).1;
        let links =
            prose.match_indices("](").filter_map(|(at, _)| prose[at + 2..].split_once(')')).map(|(link, _)| link);
        for link in links.filter(|link| !link.starts_with("https://")) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let own = root().join(&document);
            let target = if path.is_empty() { own.clone() } else { own.parent().unwrap().join(path) };
            assert!(target.exists(), "{document}: {link} leads nowhere");
            assert!(
                heading.is_empty() || anchors(&target).iter().any(|a| a == heading),
                "{document}: no heading {link}"
            );
        }
    }
}

/// Files that documents name are there; the history and the notes may name those of their day.
#[test]
fn named_files_exist() {
    let folders = ["src/", "shaders/", "tests/", "benches/", "scenarios/", "fuzz/", "docs/", ".ci/"];
    for document in documents().into_iter().filter(|name| name != "CHANGELOG.md") {
        let prose = blocks(&read(&document)).1;
        let named = spans(&prose).into_iter().filter(|span| !span.contains(['*', ' ']));
        for span in named.filter(|span| folders.iter().any(|folder| span.starts_with(folder))) {
            assert!(root().join(span).exists(), "{document}: `{span}` is not there");
        }
    }
}
