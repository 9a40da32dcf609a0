//! Where each field of a RON text stands: dotted paths to byte ranges.
//!
//! A tolerant reader of the syntax only (RON 0.12 grammar): it knows brackets, strings, comments, names and colons, and
//! stops at what it does not understand. Meaning is the business of the real parser.

use std::ops::Range;

/// A field or a list element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// E.g. `train.learning_rate` or `expect[0].key`; empty for the whole text.
    pub(crate) path: String,
    /// Bytes of the name; empty for list elements and the whole text.
    pub(crate) key: Range<usize>,
    /// Bytes of the value.
    pub(crate) value: Range<usize>,
}

impl Entry {
    /// Bytes from the name to the end of the value.
    pub(crate) fn whole(&self) -> Range<usize> {
        let start = if self.key.is_empty() { self.value.start } else { self.key.start };
        start..self.value.end
    }
}

/// All fields of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Index {
    entries: Vec<Entry>,
}

/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 64;

impl Index {
    pub(crate) fn new(text: &str) -> Self {
        let mut reader = Reader { text: text.as_bytes(), at: 0, entries: Vec::new() };
        reader.skip_attributes();
        let start = reader.at;
        let whole = reader.value("", 0);
        let value = start..whole.map_or(text.len(), |range| range.end);
        reader.entries.push(Entry { path: String::new(), key: 0..0, value });
        // The reader goes byte by byte and may stop inside a character that it does not know.
        let whole = |range: Range<usize>| text.floor_char_boundary(range.start)..text.ceil_char_boundary(range.end);
        let entries = reader.entries.into_iter();
        let entries = entries.map(|e| Entry { path: e.path, key: whole(e.key), value: whole(e.value) });
        Self { entries: entries.collect() }
    }

    pub(crate) fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.path == path)
    }

    /// The entry of the path, else of its nearest parent; `true` when it is the path itself.
    pub(crate) fn nearest(&self, path: &str) -> Option<(&Entry, bool)> {
        let mut parent = path;
        loop {
            if let Some(entry) = self.get(parent) {
                return Some((entry, parent == path));
            }
            if parent.is_empty() {
                return None;
            }
            parent = &parent[..parent.rfind(['.', '[']).unwrap_or(0)];
        }
    }

    /// The smallest entry whose name or value covers the byte, ends included.
    pub(crate) fn innermost(&self, byte: usize) -> Option<&Entry> {
        let covers = |e: &&Entry| e.whole().start <= byte && byte <= e.whole().end;
        self.entries.iter().filter(covers).min_by_key(|e| e.whole().len())
    }

    /// The entry with this last name that stands nearest to the byte.
    pub(crate) fn named_near(&self, name: &str, byte: usize) -> Option<&Entry> {
        let named = |e: &&Entry| e.path.rsplit('.').next() == Some(name) && !e.key.is_empty();
        self.entries.iter().filter(named).min_by_key(|e| e.key.start.abs_diff(byte))
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    entries: Vec<Entry>,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'+' | b'-' | b'#') || byte >= 0x80
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn starts_with(&self, word: &[u8]) -> bool {
        self.text[self.at..].starts_with(word)
    }

    /// White space and comments; block comments nest.
    fn skip_space(&mut self) {
        loop {
            while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
                self.at += 1;
            }
            if self.starts_with(b"//") {
                while self.peek().is_some_and(|b| b != b'\n') {
                    self.at += 1;
                }
            } else if self.starts_with(b"/*") {
                let mut depth = 0;
                while self.at < self.text.len() {
                    if self.starts_with(b"/*") {
                        depth += 1;
                        self.at += 2;
                    } else if self.starts_with(b"*/") {
                        depth -= 1;
                        self.at += 2;
                        if depth == 0 {
                            break;
                        }
                    } else {
                        self.at += 1;
                    }
                }
            } else {
                return;
            }
        }
    }

    /// `#![enable(...)]` lines at the start.
    fn skip_attributes(&mut self) {
        self.skip_space();
        while self.starts_with(b"#!") {
            while self.peek().is_some_and(|b| b != b']') {
                self.at += 1;
            }
            self.at = (self.at + 1).min(self.text.len());
            self.skip_space();
        }
    }

    fn word(&mut self) -> Range<usize> {
        let start = self.at;
        while self.peek().is_some_and(is_word) {
            self.at += 1;
        }
        start..self.at
    }

    /// Bytes of the value that starts here, its inner entries recorded; `None` for what cannot be a value.
    fn value(&mut self, path: &str, depth: usize) -> Option<Range<usize>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let start = self.at;
        match self.peek()? {
            b'(' => self.fields(path, depth)?,
            b'[' => self.elements(path, depth)?,
            b'{' => self.pairs(path, depth)?,
            b'"' => self.string()?,
            b'\'' => self.character()?,
            b'r' if self.raw_string() => {}
            b'b' if self.text.get(self.at + 1) == Some(&b'"') => {
                self.at += 1;
                self.string()?;
            }
            byte if is_word(byte) => {
                let end = self.word().end;
                self.skip_space();
                if self.peek() == Some(b'(') {
                    self.fields(path, depth)?;
                } else {
                    self.at = end;
                }
            }
            _ => return None,
        }
        Some(start..self.at)
    }

    /// `(name: value, …)`, `(value, …)` or `()`.
    fn fields(&mut self, path: &str, depth: usize) -> Option<()> {
        self.at += 1;
        loop {
            self.skip_space();
            if self.peek()? == b')' {
                self.at += 1;
                return Some(());
            }
            let start = self.at;
            let key = self.word();
            self.skip_space();
            if !key.is_empty() && self.peek() == Some(b':') {
                self.at += 1;
                self.skip_space();
                let name = String::from_utf8_lossy(&self.text[key.clone()]);
                let name = name.strip_prefix("r#").unwrap_or(&name);
                let inner = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
                self.record(inner, key, depth)?;
            } else {
                // A positional value, as in Some(3): what is inside it goes by the path of the whole.
                self.at = start;
                self.value(path, depth + 1)?;
            }
            self.comma();
        }
    }

    fn elements(&mut self, path: &str, depth: usize) -> Option<()> {
        self.at += 1;
        for index in 0.. {
            self.skip_space();
            if self.peek()? == b']' {
                break;
            }
            self.record(format!("{path}[{index}]"), 0..0, depth)?;
            self.comma();
        }
        self.at += 1;
        Some(())
    }

    fn pairs(&mut self, path: &str, depth: usize) -> Option<()> {
        self.at += 1;
        loop {
            self.skip_space();
            if self.peek()? == b'}' {
                self.at += 1;
                return Some(());
            }
            self.value(path, depth + 1)?;
            self.skip_space();
            if self.peek() == Some(b':') {
                self.at += 1;
                self.skip_space();
                self.value(path, depth + 1)?;
            }
            self.comma();
        }
    }

    fn record(&mut self, path: String, key: Range<usize>, depth: usize) -> Option<()> {
        let start = self.at;
        let value = self.value(&path, depth + 1);
        // A value that cannot be read still has a place.
        let range = value.clone().unwrap_or(start..(start + 1).min(self.text.len()));
        self.entries.push(Entry { path, key, value: range });
        value.map(|_| ())
    }

    fn comma(&mut self) {
        self.skip_space();
        if self.peek() == Some(b',') {
            self.at += 1;
        }
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    fn character(&mut self) -> Option<()> {
        self.at += 1;
        if self.peek()? == b'\\' {
            self.at += 1;
        }
        self.at += 1;
        while self.peek()? != b'\'' {
            self.at += 1;
        }
        self.at += 1;
        Some(())
    }

    /// Passes a raw string if one starts here.
    fn raw_string(&mut self) -> bool {
        let hashes = self.text[self.at + 1..].iter().take_while(|&&b| b == b'#').count();
        if self.text.get(self.at + 1 + hashes) != Some(&b'"') {
            return false;
        }
        let mut end = vec![b'"'];
        end.extend(std::iter::repeat_n(b'#', hashes));
        let body = self.at + 2 + hashes;
        let length = self.text[body..].windows(end.len()).position(|w| w == end);
        self.at = length.map_or(self.text.len(), |n| body + n + end.len());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Index;

    const TEXT: &str = r##"#![enable(implicit_some)]
// a comment: with (brackets
(
    name: "a \" quoted, (name)", /* nested /* comment */ */
    raw: r#"raw " text"#,
    source: Ising(lattice: "square:8", temperature: Some(2.0)),
    sweep: (temperature: [1.8, 2.2,],),
    expect: [(key: "x", max: 1e-3), ()],
)"##;

    #[test]
    fn finds_every_value() {
        let index = Index::new(TEXT);
        for (path, value) in [
            ("name", r#""a \" quoted, (name)""#),
            ("raw", r##"r#"raw " text"#"##),
            ("source", r#"Ising(lattice: "square:8", temperature: Some(2.0))"#),
            ("source.lattice", r#""square:8""#),
            ("source.temperature", "Some(2.0)"),
            ("sweep.temperature[1]", "2.2"),
            ("expect[0].max", "1e-3"),
            ("expect[1]", "()"),
        ] {
            assert_eq!(index.get(path).map(|e| &TEXT[e.value.clone()]), Some(value), "{path}");
        }
        assert_eq!(index.nearest("source.samples").map(|(e, own)| (e.path.as_str(), own)), Some(("source", false)));
        let byte = TEXT.find("2.2").expect("in the text");
        assert_eq!(index.innermost(byte).map(|e| e.path.as_str()), Some("sweep.temperature[1]"));
    }

    #[test]
    fn never_panics_on_a_torn_text() {
        for end in (0..TEXT.len()).filter(|&end| TEXT.is_char_boundary(end)) {
            Index::new(&TEXT[..end]);
            Index::new(&TEXT[end..]);
        }
        Index::new(&"(".repeat(100_000));
    }
}
