//! What spin configurations say: energy, specific heat, magnetisation, susceptibility, Binder ratio, correlations.
//!
//! A [`Series`] holds energy and magnetisation of every replica at every time; [`observables`] turns it into estimates,
//! each with a jackknife error over blocks of nearly independent data ([`crate::stats::blocks`]) and with its integrated
//! autocorrelation time. [`observe`] starts from the configurations themselves and adds G(r) and the correlation length.
//!
//! e = ⟨E⟩/N · C = (N/T²)(⟨e²⟩ − ⟨e⟩²) · ⟨|m|⟩ · χ = (N/T)(⟨m²⟩ − ⟨|m|⟩²) · U4 = 1 − ⟨m⁴⟩/(3⟨m²⟩²) ·
//! P(m > 0) + ½ P(m = 0). The τ of a derived quantity is that of its linear projection Σ_a (∂f/∂ā) a(t) (Wolff 2004).
//! All autocorrelation times are in steps of the series. [`MultiHistogram`] turns series at a few temperatures into curves
//! over all temperatures between them.

mod correlation;
mod exact_values;
mod pilot;
mod reweighting;
mod series;

use self::pilot::time_of;
pub use correlation::{Correlations, MAX_DISTANCES, correlations};
pub use exact_values::exact_observables;
pub use pilot::{Agreement, Pilot, agreement, pilot};
pub use reweighting::{MAX_RUNS, MultiHistogram, ReweightedPoint, energy_histogram};
pub use series::Series;

use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::lattice::Lattice;
use crate::numerics::readable;
use crate::record::{Estimate, Observables};
use crate::stats::{Blocks, jackknife, mean};

/// Estimates of all observables of a series at one temperature, without correlations.
///
/// # Errors
/// [`Error::Input`] for fewer than two samples, a lattice of another size, or a temperature that is not positive.
pub fn observables(series: &Series, lattice: Lattice, temperature: f64) -> Result<Observables> {
    if series.sites != lattice.sites() {
        return Err(Error::Input(
            Fault::new(format!("configurations of {} sites", series.sites))
                .expected(format!("{} sites for lattice {lattice}", lattice.sites())),
        ));
    }
    observables_of(series, &lattice.to_string(), temperature)
}

/// Estimates of all observables of a series of any Ising model, named `name`, at one temperature.
///
/// # Errors
/// [`Error::Input`] for fewer than two samples or a temperature that is not positive.
pub fn observables_of(series: &Series, name: &str, temperature: f64) -> Result<Observables> {
    check(series, temperature)?;
    let n = series.sites as f64;
    // Energies about their mean: the variance is then no difference of large numbers.
    let centre = mean(&series.energy);
    let shifted: Vec<f64> = series.energy.iter().map(|e| e - centre).collect();
    let squared: Vec<f64> = shifted.iter().map(|d| d * d).collect();
    let of_m = |f: fn(f64) -> f64| -> Vec<f64> { series.magnetization.iter().map(|&m| f(m)).collect() };
    let (abs, m2, m4) = (of_m(f64::abs), of_m(|m| m * m), of_m(|m| m.powi(4)));

    let pilot = pilot(series);
    let blocks = Blocks::choose(series.replicas, series.times, pilot.tau());
    let means = blocks.means(&[&shifted, &squared, &abs, &m2, &m4]);
    let weights = blocks.weights();
    let tau = |values: &[f64]| Some(time_of(values, series).tau);
    let estimate =
        |f: &dyn Fn(&[f64]) -> f64, tau: Option<f64>| Estimate { tau, ..jackknife(&means, &weights, f).measured() };

    let (mean_abs, mean_m2, mean_m4) = (mean(&abs), mean(&m2), mean(&m4));
    let combined =
        |x: &[f64], y: &[f64], of_y: f64| -> Vec<f64> { x.iter().zip(y).map(|(x, y)| x + of_y * y).collect() };
    let binder_slope = if mean_m2 > 0.0 { -2.0 * mean_m4 / mean_m2 } else { 0.0 };
    Ok(Observables {
        temperature,
        lattice: name.to_string(),
        sites: series.sites,
        samples: series.replicas * series.times,
        energy: estimate(&|q| centre + q[0], Some(pilot.energy.tau)),
        specific_heat: estimate(&|q| n / temperature.powi(2) * (q[1] - q[0] * q[0]), tau(&squared)),
        magnetization: estimate(&|q| q[2], Some(pilot.magnetization.tau)),
        susceptibility: estimate(
            &|q| n / temperature * (q[3] - q[2] * q[2]),
            tau(&combined(&m2, &abs, -2.0 * mean_abs)),
        ),
        binder: estimate(&|q| binder(q[3], q[4]), tau(&combined(&m4, &m2, binder_slope))),
        p_up: p_up(series),
        correlation: Vec::new(),
        correlation_length: None,
        effective_samples: Some((series.replicas * series.times) as f64 / (2.0 * pilot.energy.tau).max(1.0)),
    })
}

/// Estimates of all observables, G(r) and the correlation length from configurations `[times · replicas, sites]`
/// (1 = up), row = time · replicas + replica. Independent samples are one replica.
///
/// # Errors
/// As [`observables`], and when the rows are no whole number of times.
pub fn observe(samples: &BitMatrix, lattice: Lattice, temperature: f64, replicas: usize) -> Result<Observables> {
    let series = Series::from_samples(samples, lattice, replicas)?;
    let mut observables = observables(&series, lattice, temperature)?;
    let correlations = correlations(samples, lattice, replicas, pilot(&series).tau())?;
    observables.correlation = correlations.along_axis;
    observables.correlation_length = correlations.length;
    Ok(observables)
}

/// P(m > 0) + ½ P(m = 0), in blocks of its own: below T_c the sign outlives everything else by far.
fn p_up(series: &Series) -> Estimate {
    let sign = |&m: &f64| if m == 0.0 { 0.5 } else { f64::from(u8::from(m > 0.0)) };
    let up: Vec<f64> = series.magnetization.iter().map(sign).collect();
    let tau = time_of(&up, series).tau;
    let blocks = Blocks::choose(series.replicas, series.times, tau);
    Estimate { tau: Some(tau), ..jackknife(&blocks.means(&[&up]), &blocks.weights(), |q| q[0]).measured() }
}

/// U4; 0 where every configuration has m = 0.
fn binder(m2: f64, m4: f64) -> f64 {
    if m2 > 0.0 { 1.0 - m4 / (3.0 * m2 * m2) } else { 0.0 }
}

fn check(series: &Series, temperature: f64) -> Result<()> {
    if !(temperature.is_finite() && temperature > 0.0) {
        return Err(Error::Input(
            Fault::new(format!("temperature {}", readable(temperature)))
                .expected("a positive finite number, in units of J/k_B")
                .advice("the critical temperature of the square lattice is 2.269185"),
        ));
    }
    let samples = series.replicas * series.times;
    if samples < 2 {
        return Err(Error::Input(
            Fault::new(format!("{samples} samples")).expected("at least two, or no error can be estimated"),
        ));
    }
    Ok(())
}
