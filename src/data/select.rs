//! Some of the samples of a file: those of one temperature, where it holds several, or of given numbers.

use super::DataSet;
use crate::error::{Error, Fault, Result};

impl DataSet {
    /// The samples at temperature `wanted`, in J/k_B, of a set with several; others are as they are, said to be at
    /// `wanted` where that is given.
    ///
    /// # Errors
    /// [`Error::Input`] naming the temperatures where there are several, and none of them is wanted.
    pub fn at_temperature(self, wanted: Option<f64>) -> Result<Self> {
        let Some(temperatures) = &self.temperatures else {
            return Ok(Self { temperature: wanted.or(self.temperature), ..self });
        };
        let mut all = temperatures.clone();
        all.sort_by(f64::total_cmp);
        all.dedup();
        let only = if let [only] = all[..] { Some(only) } else { None };
        let picked = wanted.or(only);
        let rows: Vec<usize> = (0..temperatures.len()).filter(|&row| Some(temperatures[row]) == picked).collect();
        if rows.is_empty() {
            let what = match wanted {
                Some(wanted) => format!("no samples at temperature {wanted}"),
                None => format!("samples at {} temperatures, and none picked", all.len()),
            };
            let all: Vec<String> = all.iter().map(ToString::to_string).collect();
            return Err(Error::Input(
                Fault::new(what)
                    .at(&self.source)
                    .expected(format!("one of {}", all.join(", ")))
                    .advice("give one of them as the temperature"),
            ));
        }
        Ok(Self { temperature: picked, temperatures: None, ..self.select_rows(&rows) })
    }

    /// The samples of these numbers, with all that is known of each.
    #[must_use]
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        fn of<T: Clone>(rows: &[usize], all: Option<&Vec<T>>) -> Option<Vec<T>> {
            all.map(|all| rows.iter().map(|&row| all[row].clone()).collect())
        }
        Self {
            samples: self.samples.select_rows(rows),
            names: self.names.clone(),
            temperatures: of(rows, self.temperatures.as_ref()),
            sweeps: of(rows, self.sweeps.as_ref()),
            replicas: of(rows, self.replicas.as_ref()),
            labels: of(rows, self.labels.as_ref()),
            source: self.source.clone(),
            sha256: self.sha256.clone(),
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DataSet;
    use crate::bits::BitMatrix;

    fn scan() -> DataSet {
        let mut data = DataSet::new(BitMatrix::from_fn(6, 3, |r, j| r >> j & 1 == 1), "scan");
        data.temperatures = Some(vec![2.0, 1.5, 2.0, 1.5, 2.0, 2.0]);
        data.sweeps = Some(vec![0, 1, 2, 3, 4, 5]);
        data
    }

    #[test]
    fn one_temperature_is_picked_or_all_are_named() {
        let picked = scan().at_temperature(Some(1.5)).unwrap();
        assert_eq!((picked.temperature, &picked.temperatures), (Some(1.5), &None));
        assert_eq!(picked.sweeps, Some(vec![1, 3]));
        assert_eq!(picked.samples, scan().samples.select_rows(&[1, 3]));
        for (wanted, what) in [(None, "samples at 2 temperatures"), (Some(1.75), "no samples at temperature 1.75")] {
            let error = scan().at_temperature(wanted).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains("one of 1.5, 2") && error.contains("scan"), "{error}");
        }
    }

    #[test]
    fn samples_at_one_temperature_need_no_choice() {
        let alone = DataSet { temperatures: Some(vec![2.5; 6]), ..scan() };
        assert_eq!(alone.at_temperature(None).unwrap().temperature, Some(2.5));
        let silent = DataSet { temperatures: None, ..scan() };
        assert_eq!(silent.clone().at_temperature(None).unwrap(), silent);
        assert_eq!(silent.at_temperature(Some(3.0)).unwrap().temperature, Some(3.0));
    }
}
