//! Measured tiles in the user's cache directory: one JSON file for all devices.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::backend::gpu::tile::Tile;
use crate::backend::gpu::{TileChoices, TileStore};
use crate::data::{read_cached, write_cached};

/// Name of the file; the number changes with its form.
const NAME: &str = "tiles-1.json";

/// The file: tiles by device, then by class of shapes as `rows,columns,inputs`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Contents(BTreeMap<String, BTreeMap<String, String>>);

/// Keeps tiles in a directory.
#[derive(Debug)]
pub(super) struct TileFile {
    /// The directory.
    pub(super) directory: PathBuf,
}

impl TileFile {
    /// A file that is not there, cut off or of another form counts as empty.
    fn read(&self) -> Contents {
        let text = read_cached(&self.directory, NAME);
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }
}

impl TileStore for TileFile {
    fn load(&self, key: &str) -> TileChoices {
        let contents = self.read();
        let known = contents.0.get(key).into_iter().flatten();
        known
            .filter_map(|(class, name)| {
                let mut numbers = class.split(',').map(|number| number.parse().ok());
                let class = [numbers.next()??, numbers.next()??, numbers.next()??];
                Some((class, Tile::named(name)?))
            })
            .collect()
    }

    fn save(&self, key: &str, choices: &TileChoices) {
        // Read again, since another run may have written meanwhile; the last of two writers wins, and the other measures
        // once more next time.
        let mut contents = self.read();
        let entry = contents.0.entry(key.to_string()).or_default();
        for ([rows, columns, inputs], tile) in choices {
            entry.insert(format!("{rows},{columns},{inputs}"), tile.name.to_string());
        }
        if let Ok(text) = serde_json::to_string_pretty(&contents) {
            write_cached(&self.directory, NAME, &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::gpu::tile;

    #[test]
    fn choices_come_back_and_rubbish_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let store = TileFile { directory: directory.path().join("new") };
        assert!(store.load("a device").is_empty());
        let choices = TileChoices::from([([1, 2, 3], &tile::LARGE), ([10, 9, 8], &tile::SMALL)]);
        store.save("a device", &choices);
        store.save("another", &TileChoices::from([([1, 1, 1], &tile::HUGE)]));
        assert_eq!(store.load("a device"), choices);
        assert_eq!(store.load("another").len(), 1);
        let path = store.directory.join(NAME);
        let text = std::fs::read_to_string(&path).unwrap();
        // A tile that this program does not know is left out, and a file that is cut off is empty.
        std::fs::write(&path, text.replace("32x32", "1x1")).unwrap();
        assert_eq!(store.load("a device").len(), 1);
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        assert!(store.load("a device").is_empty());
        store.save("a device", &choices);
        assert_eq!(store.load("a device"), choices);
    }
}
