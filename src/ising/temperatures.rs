//! Lists of temperatures as people write them: `2.2`, `1.8,2.0,2.2`, `1.5:3.5:0.1`, and any mixture.

use crate::error::{Error, Fault, Result};
use crate::numerics::readable;

/// Most temperatures of one scan.
pub const MAX_TEMPERATURES: usize = 4096;

/// Reads a list of temperatures; ranges `first:last:step` include their last value.
///
/// # Errors
/// [`Error::Input`] for a word that is no number or no range, and as [`check_temperatures`].
pub fn parse_temperatures(text: &str) -> Result<Vec<f64>> {
    let wrong = |what: String| {
        Error::Input(
            Fault::new(what)
                .at("--temperature")
                .expected("positive numbers in units of J/k_B: 2.2, or 1.8,2.0,2.2, or first:last:step")
                .advice("write for example 1.5:3.5:0.1"),
        )
    };
    let mut found = Vec::new();
    for item in text.split(',').map(str::trim) {
        let numbers: Vec<f64> = item
            .split(':')
            .map(|word| word.trim().parse().map_err(|_| wrong(format!("\"{word}\" is no number"))))
            .collect::<Result<_>>()?;
        match numbers[..] {
            [one] => found.push(one),
            [first, last, step] => {
                let count = steps_of(first, last, step).map_err(|why| wrong(format!("range \"{item}\" {why}")))?;
                // Decimal steps give decimal temperatures: 1.5 + 8 · 0.1 is 2.3, not 2.3000000000000003.
                let tidy = |t: f64| (t * 1e12).round() / 1e12;
                found.extend((0..=count).map(|i| tidy(first + i as f64 * step)));
            }
            _ => return Err(wrong(format!("\"{item}\" is neither a number nor first:last:step"))),
        }
    }
    check_temperatures(&found)?;
    Ok(found)
}

/// Steps of a range of temperatures, or what is wrong with it.
fn steps_of(first: f64, last: f64, step: f64) -> std::result::Result<usize, String> {
    // Half a step too far at most, so that rounding of the step does not lose the last value.
    let count = ((last - first) / step + 1e-9).floor();
    let why = if !(first > 0.0 && last.is_finite() && step.is_finite()) {
        "that does not go from a positive temperature to a finite one"
    } else if last < first {
        "that ends below its first temperature"
    } else if step <= 0.0 {
        "whose step is not positive"
    } else if step > last - first && last > first {
        "with a step longer than the range"
    } else if count >= MAX_TEMPERATURES as f64 {
        return Err(format!("of {:.3e} temperatures, more than {MAX_TEMPERATURES}", count + 1.0));
    } else {
        return Ok(count as usize);
    };
    Err(why.to_string())
}

/// Checks that temperatures are positive, finite, different and not too many.
///
/// # Errors
/// [`Error::Input`] naming the first that is not.
pub fn check_temperatures(temperatures: &[f64]) -> Result<()> {
    let fault = |what: String, expected: String, advice: &str| {
        Err(Error::Input(Fault::new(what).at("temperature").expected(expected).advice(advice)))
    };
    if temperatures.is_empty() || temperatures.len() > MAX_TEMPERATURES {
        let expected = format!("1 to {MAX_TEMPERATURES} of them");
        return fault(format!("{} temperatures", temperatures.len()), expected, "make several runs");
    }
    for (i, &t) in temperatures.iter().enumerate() {
        if !(t.is_finite() && t > 0.0) {
            return fault(
                format!("temperature {}", readable(t)),
                "a positive finite number, in units of J/k_B".to_string(),
                "the critical temperature of the square lattice is 2.269185",
            );
        }
        if temperatures[..i].contains(&t) {
            return fault(
                format!("temperature {} occurs twice", readable(t)),
                "every temperature once".to_string(),
                "leave one out, or ask for more samples",
            );
        }
    }
    Ok(())
}
