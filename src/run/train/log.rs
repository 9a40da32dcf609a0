//! The metrics of a training as files: `metrics.jsonl`, `metrics.csv` and the events of TensorBoard.

use crate::artifact::PointDirectory;
use crate::error::Result;
use crate::record::{Record, TrainMetric};

/// Appends metrics to the records of a directory, each once.
#[derive(Debug)]
pub struct MetricLog<'a> {
    place: &'a mut PointDirectory,
    known: Vec<u64>,
}

impl<'a> MetricLog<'a> {
    /// Goes on with the metrics that are there.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn new(place: &'a mut PointDirectory) -> Result<Self> {
        let update_of = |record| if let Record::Metric(metric) = record { Some(metric.update) } else { None };
        let known = place.records()?.into_iter().filter_map(update_of).collect();
        Ok(Self { place, known })
    }

    /// Writes a metric; one of an update that is known already comes again after a resume, with the same numbers.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn take(&mut self, metric: TrainMetric) -> Result<()> {
        if self.known.contains(&metric.update) {
            return Ok(());
        }
        self.known.push(metric.update);
        self.place.append(&Record::Metric(metric))
    }
}
