//! Numbers as a reader expects them in print: real minus signs, as many digits as the error supports, powers of ten.

/// Values beyond this size are treated as not finite: their sums and differences would overflow.
const HUGE: f64 = 1e150;

/// Thin no-break space between groups of three digits.
const GROUP: char = '\u{202f}';

/// Whether `x` can be drawn and compared.
pub(crate) fn usable(x: f64) -> bool {
    x.is_finite() && x.abs() < HUGE
}

/// The word for a number that is none, or its sign for an infinite one.
fn unusual(x: f64) -> Option<String> {
    if x.is_nan() {
        Some("undefined".to_string())
    } else if x.is_infinite() {
        Some(if x > 0.0 { "∞" } else { "−∞" }.to_string())
    } else {
        None
    }
}

/// `x` with a fixed number of decimals and a typographic minus; no sign on a zero.
pub(crate) fn fixed(x: f64, decimals: usize) -> String {
    if let Some(word) = unusual(x) {
        return word;
    }
    if x.abs() >= 1e15 {
        return scientific(x, 3);
    }
    let text = format!("{:.*}", decimals, x.abs());
    let is_zero = text.bytes().all(|b| b == b'0' || b == b'.');
    if x < 0.0 && !is_zero { format!("−{text}") } else { text }
}

/// `x` with a sign in front, also when positive.
pub(crate) fn signed(x: f64, decimals: usize) -> String {
    let text = fixed(x, decimals);
    if x > 0.0 && x.is_finite() && text.bytes().any(|b| b.is_ascii_digit() && b != b'0') {
        format!("+{text}")
    } else {
        text
    }
}

/// `x` to `digits` significant digits: plain in the middle range, as a power of ten outside it.
pub(crate) fn significant(x: f64, digits: usize) -> String {
    if let Some(word) = unusual(x) {
        return word;
    }
    if x == 0.0 {
        return "0".to_string();
    }
    let exponent = decimal_exponent(x);
    if !(-4..7).contains(&exponent) {
        return scientific(x, digits);
    }
    let decimals = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
    fixed(x, decimals)
}

/// Like [`significant`] without trailing zeros: for values that are settings, e.g. temperatures.
pub(crate) fn plain(x: f64, digits: usize) -> String {
    if x.fract() == 0.0 && x.abs() < 1e15 {
        return if x < 0.0 { format!("−{:.0}", -x) } else { format!("{x:.0}") };
    }
    let text = significant(x, digits);
    if text.contains('.') && !text.contains('×') {
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    } else {
        text
    }
}

/// Mantissa and power of ten: `3.2 × 10⁻⁵`.
pub(crate) fn scientific(x: f64, digits: usize) -> String {
    if let Some(word) = unusual(x) {
        return word;
    }
    let text = format!("{:.*e}", digits.saturating_sub(1), x.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let sign = if x < 0.0 { "−" } else { "" };
    format!("{sign}{mantissa} × 10{}", superscript(exponent.parse().unwrap_or(0)))
}

/// An integer in superscript digits.
pub(crate) fn superscript(exponent: i32) -> String {
    exponent
        .to_string()
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            digit => char::from_u32('⁰' as u32 + digit.to_digit(10).unwrap_or(0)).unwrap_or('⁰'),
        })
        .collect()
}

/// A count with its digits in groups of three.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(GROUP);
        }
        out.push(digit);
    }
    out
}

/// Decimals that show two significant digits of `error`; none for an error that is not a positive number.
pub(crate) fn decimals_for(error: f64) -> Option<usize> {
    if !usable(error) || error <= 0.0 {
        return None;
    }
    let mut decimals = 1 - decimal_exponent(error);
    // 0.0996 rounds to 0.10: one digit fewer is enough.
    if (error * 10f64.powi(decimals)).round() >= 100.0 {
        decimals -= 1;
    }
    Some(usize::try_from(decimals).unwrap_or(0).min(9))
}

/// Decimals for a column of estimates: enough for the finest error, but at most two digits more than the coarsest needs.
pub(crate) fn column_decimals(errors: impl IntoIterator<Item = f64>, otherwise: usize) -> usize {
    let needed: Vec<usize> = errors.into_iter().filter_map(decimals_for).collect();
    match (needed.iter().min(), needed.iter().max()) {
        (Some(&coarse), Some(&fine)) => fine.min(coarse + 2),
        _ => otherwise,
    }
}

/// `value ± error` with the given decimals; the error is left out where it is zero (an exact number) or unknown.
pub(crate) fn estimate(value: f64, error: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    if error == 0.0 || error.is_nan() { text } else { format!("{text} ± {}", fixed(error, decimals)) }
}

/// `value ± error` on its own, with the digits that the error supports.
pub(crate) fn lone_estimate(value: f64, error: f64) -> String {
    match decimals_for(error) {
        Some(decimals) => estimate(value, error, decimals),
        None => {
            let text = significant(value, 6);
            if error == 0.0 || error.is_nan() { text } else { format!("{text} ± {}", fixed(error, 2)) }
        }
    }
}

/// ⌊log₁₀|x|⌋ for a finite x ≠ 0, exact at powers of ten.
pub(crate) fn decimal_exponent(x: f64) -> i32 {
    format!("{:e}", x.abs()).rsplit_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0)
}

/// Seconds as a person says them: `8.4 s`, `2 min 05 s`, `3 h 07 min`.
pub(crate) fn duration(seconds: f64) -> String {
    if !usable(seconds) || seconds < 0.0 {
        return "unknown".to_string();
    }
    if seconds < 60.0 {
        return format!("{} s", significant(seconds, 3));
    }
    let whole = seconds.round() as u64;
    if whole < 3600 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        format!("{} h {:02} min", count(whole / 3600), whole % 3600 / 60)
    }
}

/// `2025-11-02 14:05 UTC` from seconds since 1970 (proleptic Gregorian calendar; Howard Hinnant's day count).
pub(crate) fn date(unix_seconds: f64) -> Option<String> {
    if !(0.0..=253_402_300_799.0).contains(&unix_seconds) {
        return None;
    }
    let total = unix_seconds.floor() as i64;
    let (days, rest) = (total.div_euclid(86_400), total.rem_euclid(86_400));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Some(format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 3600, rest % 3600 / 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_signs_are_typographic_and_zero_has_none() {
        assert_eq!(fixed(-1.75, 2), "−1.75");
        assert_eq!(fixed(-0.0001, 2), "0.00");
        assert_eq!(signed(0.5, 1), "+0.5");
        assert_eq!(signed(0.001, 1), "0.0");
        assert_eq!(scientific(-3.2e-5, 2), "−3.2 × 10⁻⁵");
        assert_eq!(significant(0.000_123_4, 3), "0.000123");
        assert_eq!(significant(0.000_012_34, 3), "1.23 × 10⁻⁵");
    }

    #[test]
    fn errors_show_two_digits() {
        assert_eq!(lone_estimate(-1.745_68, 0.001_13), "−1.7457 ± 0.0011");
        assert_eq!(lone_estimate(12.3, 0.0996), "12.30 ± 0.10");
        assert_eq!(lone_estimate(250.2, 31.0), "250 ± 31");
        assert_eq!(lone_estimate(2.0, 0.0), "2.00000");
        assert_eq!(column_decimals([0.1, 0.000_01, 0.0], 3), 4);
        assert_eq!(column_decimals([0.0], 3), 3);
    }

    #[test]
    fn numbers_that_are_none_have_words() {
        assert_eq!(fixed(f64::NAN, 2), "undefined");
        assert_eq!(significant(f64::NEG_INFINITY, 3), "−∞");
        assert_eq!(lone_estimate(1.0, f64::NAN), "1.00000");
        assert_eq!(fixed(1e200, 2), "1.00 × 10²⁰⁰");
    }

    #[test]
    fn settings_counts_and_times_read_naturally() {
        assert_eq!(plain(1.8, 7), "1.8");
        assert_eq!(plain(2.269_185_3, 7), "2.269185");
        assert_eq!(plain(100.0, 3), "100");
        assert_eq!(count(40_000), "40\u{202f}000");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(duration(125.2), "2 min 05 s");
        assert_eq!(duration(8.42), "8.42 s");
        assert_eq!(date(951_782_400.0).as_deref(), Some("2000-02-29 00:00 UTC"));
        assert_eq!(date(1_762_092_300.0).as_deref(), Some("2025-11-02 14:05 UTC"));
        assert_eq!(date(f64::NAN), None);
    }

    #[test]
    fn decimal_exponents_are_exact_at_powers_of_ten() {
        for e in -20..20 {
            let x: f64 = format!("1e{e}").parse().unwrap();
            assert_eq!(decimal_exponent(x), e);
            assert_eq!(decimal_exponent(x * 9.99), e);
        }
    }
}
