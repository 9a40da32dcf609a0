//! Training metrics as TensorBoard reads them: scalars in a file of TFRecords.
//!
//! A record is its length (u64), the masked CRC-32C of that, the bytes of one `tensorflow.Event` and their masked CRC-32C,
//! all little-endian; mask(c) = rotate_right(c, 15) + 0xa282ead8. An event holds wall_time (1, double), step (2, int64) and
//! either file_version (3, string) or a summary (5) of values (1), each with a tag (1, string) and a simple_value (2,
//! float). (tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto, framework/summary.proto.)

use crate::record::{Estimate, TrainMetric};

/// The first record of a file.
#[must_use]
pub fn tensorboard_header(wall_time: f64) -> Vec<u8> {
    let mut event = number(1, wall_time);
    bytes(&mut event, 3, b"brain.Event:2");
    record(&event)
}

/// One record with every number that `metric` has; `wall_time` in seconds since 1970.
#[must_use]
pub fn tensorboard_record(metric: &TrainMetric, wall_time: f64) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, value) in scalars(metric) {
        let mut scalar = Vec::new();
        bytes(&mut scalar, 1, tag.as_bytes());
        scalar.push((2 << 3) | 5);
        scalar.extend((value as f32).to_le_bytes());
        bytes(&mut summary, 1, &scalar);
    }
    let mut event = number(1, wall_time);
    event.push(2 << 3);
    varint(&mut event, metric.update);
    bytes(&mut event, 5, &summary);
    record(&event)
}

/// Numbers of a metric by name, those that were measured.
fn scalars(m: &TrainMetric) -> Vec<(String, f64)> {
    let value = |e: Option<Estimate>| e.map(|e| e.value);
    let named = [
        ("likelihood/train", value(m.log_likelihood)),
        ("likelihood/held_out", value(m.held_out_log_likelihood)),
        ("likelihood/online", value(m.online_log_likelihood)),
        ("likelihood/online_effective_samples", m.online_effective_samples),
        ("likelihood/pseudo", m.pseudo_likelihood),
        ("likelihood/ceiling", m.ceiling),
        ("likelihood/free_energy_gap", m.free_energy_gap),
        ("reconstruction_error", m.reconstruction_error),
        ("learning_rate", Some(m.learning_rate)),
        ("weights/rms", Some(m.weight_rms)),
        ("weights/gradient_rms", m.gradient_rms),
        ("chains/p_up", m.p_up),
    ];
    let mut found: Vec<(String, f64)> =
        named.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?))).collect();
    found.extend(m.singular_values.iter().enumerate().map(|(k, s)| (format!("weights/singular_value_{}", k + 1), *s)));
    let orders = m.moment_differences.iter().flatten().enumerate();
    found.extend(orders.map(|(k, d)| (format!("chains/moment_difference_{}", k + 1), *d)));
    found
}

fn number(field: u8, x: f64) -> Vec<u8> {
    let mut out = vec![(field << 3) | 1];
    out.extend(x.to_le_bytes());
    out
}

fn bytes(out: &mut Vec<u8>, field: u8, content: &[u8]) {
    out.push((field << 3) | 2);
    varint(out, content.len() as u64);
    out.extend(content);
}

fn varint(out: &mut Vec<u8>, mut x: u64) {
    while x >= 0x80 {
        out.push(x as u8 | 0x80);
        x >>= 7;
    }
    out.push(x as u8);
}

fn record(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    let mut out = length.to_vec();
    out.extend(masked(crc32c(&length)).to_le_bytes());
    out.extend(event);
    out.extend(masked(crc32c(event)).to_le_bytes());
    out
}

fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), reflected, of RFC 3720.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, &byte: &u8| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0x82f6_3b78 } else { c >> 1 })
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, B.4.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    }

    #[test]
    fn the_first_record_is_the_one_that_readers_expect() {
        let header = tensorboard_header(1.0);
        let event = b"\x09\0\0\0\0\0\0\xf0\x3f\x1a\x0dbrain.Event:2";
        assert_eq!(header[..8], 24u64.to_le_bytes());
        assert_eq!(header[12..36], event[..]);
        assert_eq!(header.len(), 40);
    }

    #[test]
    fn a_metric_is_a_summary_at_its_update() {
        let json = r#"{"update": 300, "learning_rate": 0.5, "weight_rms": 0.25}"#;
        let metric: TrainMetric = serde_json::from_str(json).unwrap();
        let record = tensorboard_record(&metric, 0.0);
        let mut event = b"\x09\0\0\0\0\0\0\0\0\x10\xac\x02\x2a\x2a".to_vec();
        event.extend(b"\x0a\x14\x0a\x0dlearning_rate\x15\0\0\0\x3f");
        event.extend(b"\x0a\x12\x0a\x0bweights/rms\x15\0\0\x80\x3e");
        assert_eq!(record[..8], (event.len() as u64).to_le_bytes());
        assert_eq!(record[12..record.len() - 4], event[..]);
        assert_eq!(record[record.len() - 4..], masked(crc32c(&event)).to_le_bytes());
    }
}
