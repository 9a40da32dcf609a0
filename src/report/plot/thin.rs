//! Fewer points of a curve that has more than its panel can show: a page of long trainings stays small.

use super::Mark;

/// Stretches of a thinned curve, more than a panel has units of width.
const STRETCHES: usize = 500;

/// Curves of fewer points than this are drawn whole.
const MANY: usize = 4 * STRETCHES;

/// The points that a curve is drawn through: of many, both ends, and of every stretch the lowest and the highest one, and
/// one without a value where there is any, so that no peak and no gap is lost.
pub(super) fn thinned(marks: &[Mark]) -> Vec<&Mark> {
    if marks.len() <= MANY {
        return marks.iter().collect();
    }
    let last = marks.len() - 1;
    let mut kept = vec![0, last];
    let width = marks.len().div_ceil(STRETCHES);
    for first in (0..marks.len()).step_by(width) {
        let stretch = || first..(first + width).min(marks.len());
        let finite = || stretch().filter(|&k| marks[k].y.is_finite());
        let by_height = |a: &usize, b: &usize| marks[*a].y.total_cmp(&marks[*b].y);
        kept.extend(finite().min_by(by_height));
        kept.extend(finite().max_by(by_height));
        kept.extend(stretch().find(|&k| !marks[k].y.is_finite()));
    }
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter().map(|k| &marks[k]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_curves_keep_ends_peaks_and_gaps() {
        let mark = |k: usize, y: f64| Mark { x: k as f64, y, ..Mark::default() };
        let few: Vec<Mark> = (0..MANY).map(|k| mark(k, 0.0)).collect();
        assert_eq!(thinned(&few).len(), MANY);
        let mut many: Vec<Mark> = (0..200_001).map(|k| mark(k, f64::from(k as u32).sin())).collect();
        (many[77_777].y, many[99_999].y, many[150_000].y) = (9.0, -9.0, f64::NAN);
        let found = thinned(&many);
        assert!(found.len() <= 3 * STRETCHES + 2, "{}", found.len());
        assert!(found.windows(2).all(|pair| pair[0].x < pair[1].x), "in the order of the curve");
        for k in [0, 77_777, 99_999, 150_000, 200_000] {
            assert!(found.iter().any(|mark| mark.x == f64::from(k)), "{k}");
        }
    }
}
