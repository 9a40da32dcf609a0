//! The header of the page out of `manifest.json`, whatever of it is there.

use serde_json::Value;

use super::model::RunView;
use super::number;

/// Digits of a commit that are shown.
const COMMIT_DIGITS: usize = 12;

/// Fills the header of the page; returns the labels of the run's points, empty where the manifest does not name them.
pub(crate) fn fill(manifest: &Value, run: &mut RunView) -> Vec<String> {
    let word = |keys: &[&str]| keys.iter().find_map(|key| words(manifest.get(key)?));
    run.name = word(&["name", "scenario"]);
    if let Some(title) = word(&["title"]).or_else(|| run.name.clone()) {
        run.title = title;
    }
    run.description = word(&["description"]);
    run.seed = word(&["seed"]);
    run.command = word(&["command", "command_line"]);
    run.device = manifest.get("device").and_then(device);
    run.backend = word(&["backend"]);
    let commit = word(&["commit"]).map(|c| c.chars().take(COMMIT_DIGITS).collect::<String>());
    run.version = match (word(&["gibbsite", "version"]), commit) {
        (Some(version), Some(commit)) => Some(format!("{version} ({commit})")),
        (version, commit) => version.or(commit),
    };
    let time = |keys: &[&str]| keys.iter().find_map(|key| seconds_of(manifest.get(key)?));
    let started = time(&["started", "started_at"]);
    let finished = time(&["finished_at", "finished"]);
    run.started = started.and_then(number::date).or_else(|| word(&["started", "started_at"]));
    let mut between = finished.zip(started).map(|(finished, started)| finished - started);
    // A run that was stopped and gone on with: the first command repeats it, and every part took its time.
    let parts = manifest.get("earlier").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if let Some(first) = parts.first() {
        let time = |part: &Value, key: &str| part.get(key).and_then(seconds_of);
        run.command = first.get("command").and_then(words).or(run.command.take());
        run.started = time(first, "started").and_then(number::date).or(run.started.take());
        let took = |part: &Value| Some(time(part, "ended")? - time(part, "started")?);
        let before: f64 = parts.iter().filter_map(took).filter(|seconds| *seconds > 0.0).sum();
        between = between.map(|last| last + before);
        let times = if parts.len() == 1 { "once".to_string() } else { format!("{} times", parts.len()) };
        run.notes.push(format!("The run was stopped {times} and gone on with; its duration is that of all parts."));
    }
    run.seconds = manifest.get("seconds").and_then(Value::as_f64).or(between).filter(|s| *s >= 0.0);
    if manifest.get("finished") == Some(&Value::Bool(false)) {
        run.notes.push("The run had not come to its end when this report was made.".to_string());
    }
    let labels = manifest.get("points").and_then(Value::as_array);
    labels.into_iter().flatten().filter_map(Value::as_str).filter(|l| !l.is_empty()).map(str::to_string).collect()
}

/// A device as `name (backend, driver)`, without empty parts and without saying the same twice.
fn device(value: &Value) -> Option<String> {
    let Some(map) = value.as_object() else { return words(value) };
    let part = |key: &str| map.get(key).and_then(words);
    let name = part("name")?;
    let mut parts: Vec<String> = Vec::new();
    for part in ["backend", "kind", "driver"].into_iter().filter_map(part) {
        if !parts.contains(&part) && part != name {
            parts.push(part);
        }
    }
    Some(if parts.is_empty() { name } else { format!("{name} ({})", parts.join(", ")) })
}

/// A value of the manifest as text: the words of a command line are joined, other lists and objects are none.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (!text.trim().is_empty()).then(|| text.clone()),
        Value::Array(items) if !items.is_empty() => {
            let words: Option<Vec<String>> = items.iter().map(|v| v.as_str().map(quoted)).collect();
            words.map(|words| words.join(" "))
        }
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// One word of a command line as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Seconds since 1970 from a number or from RFC 3339 text in UTC.
fn seconds_of(value: &Value) -> Option<f64> {
    if let Some(seconds) = value.as_f64() {
        return Some(seconds);
    }
    let text = value.as_str()?.strip_suffix('Z')?;
    let (date, clock) = text.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|p| p.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut clock = clock.splitn(3, ':');
    let (hours, minutes) = (clock.next()?.parse::<f64>().ok()?, clock.next()?.parse::<f64>().ok()?);
    let seconds = clock.next()?.parse::<f64>().ok()?;
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day is the last of its year.
    let shifted = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719_468;
    Some(days as f64 * 86_400.0 + hours * 3600.0 + minutes * 60.0 + seconds)
}

/// Title in the text of a scenario: the first line `title: "…"`, with or without `Some`.
pub(crate) fn title_in(scenario: &str) -> Option<String> {
    let line = scenario.lines().find_map(|l| l.trim().strip_prefix("title:"))?.trim();
    let line = line.strip_prefix("Some(").unwrap_or(line);
    let end = line.rfind('"')?;
    let text: String = ron::from_str(&line[..=end]).ok()?;
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_read_as_numbers_and_as_text() {
        assert_eq!(seconds_of(&json!("2000-02-29T00:00:00Z")), Some(951_782_400.0));
        assert_eq!(seconds_of(&json!("2025-11-02T14:05:00Z")), Some(1_762_092_300.0));
        assert_eq!(seconds_of(&json!("1970-01-01T00:00:01.5Z")), Some(1.5));
        assert_eq!(seconds_of(&json!(12)), Some(12.0));
        for text in ["", "2025-13-01T00:00:00Z", "2025-11-02", "x-y-zTa:b:cZ", "2025-11-02T14:05Z"] {
            assert_eq!(seconds_of(&json!(text)), None, "{text}");
        }
    }

    #[test]
    fn the_header_takes_what_is_there() {
        let mut run = RunView::default();
        let points = fill(
            &json!({
                "gibbsite": "0.1.0", "commit": "0123456789abcdef", "scenario": "chain6", "seed": 7,
                "command": ["gibbsite", "run", "my file.ron"], "points": ["", "seed=1"],
                "device": {"name": "llvmpipe", "backend": "vulkan", "kind": "software", "driver": ""},
                "started": "2025-11-02T14:05:00Z", "finished_at": "2025-11-02T14:06:30Z", "finished": true,
            }),
            &mut run,
        );
        assert_eq!(points, ["seed=1"]);
        assert_eq!(run.title, "chain6");
        assert_eq!(run.version.as_deref(), Some("0.1.0 (0123456789ab)"));
        assert_eq!(run.command.as_deref(), Some("gibbsite run 'my file.ron'"));
        assert_eq!(run.device.as_deref(), Some("llvmpipe (vulkan, software)"));
        assert_eq!(run.seconds, Some(90.0));
        assert!(run.notes.is_empty());
        let mut parts = RunView::default();
        fill(
            &json!({
                "command": ["gibbsite", "run", "s.ron", "--resume"], "started": "2025-11-02T15:00:00Z",
                "finished_at": "2025-11-02T15:00:30Z",
                "earlier": [
                    {"command": ["gibbsite", "run", "s.ron"], "started": "2025-11-02T14:05:00Z", "ended": "2025-11-02T14:06:00Z"},
                    {"command": ["gibbsite", "run", "s.ron", "--resume"], "started": "2025-11-02T14:10:00Z"},
                ],
            }),
            &mut parts,
        );
        assert_eq!((parts.command.as_deref(), parts.seconds), (Some("gibbsite run s.ron"), Some(90.0)));
        assert!(parts.started.is_some_and(|text| text.contains("14:05")) && parts.notes[0].contains("2 times"));
        fill(&json!({"finished": false, "started": "soon", "seed": [1], "device": 3}), &mut run);
        assert_eq!((run.started.as_deref(), run.notes.len()), (Some("soon"), 1));
    }

    #[test]
    fn titles_come_from_scenarios_too() {
        assert_eq!(title_in("(\n  title: \"Six spins\",\n)").as_deref(), Some("Six spins"));
        assert_eq!(title_in("(\n  title: Some(\"A \\\"b\\\"\"),\n)").as_deref(), Some("A \"b\""));
        assert_eq!(title_in("(\n  title: None,\n)"), None);
    }
}
