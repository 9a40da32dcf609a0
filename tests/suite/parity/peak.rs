//! Class exact: sums of ones are whole numbers, and copies are what was copied.

use gibbsite::internals::backend::Backend;

use super::on_both;

on_both! {
    fn what_is_measured_was_done(backend) {
        let peaks = backend.measure_peaks().unwrap();
        assert!(peaks.is_right, "{peaks:?}");
        // No device is slower than a thousandth of a core, or faster than a thousand of the largest of today.
        assert!((1e7..1e17).contains(&peaks.multiply_adds_per_second), "{peaks:?}");
        assert!((1e7..1e16).contains(&peaks.bytes_per_second), "{peaks:?}");
    }
}
