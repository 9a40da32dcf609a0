//! Chains that stay in the modes where they began say so, with and without tempering, few or many; chains that mix do not.
//!
//! Seeds are fixed. The comparison of chains that have forgotten their start calls them stuck once in a million samplings.

use gibbsite::internals::backend::Backend;
use gibbsite::internals::backend::cpu::Cpu;
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::data::{Model, ModelMeta, write_model};
use gibbsite::internals::events::Silent;
use gibbsite::internals::likelihood::Length;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::sample::{Rungs, Sampled, Settings, sample_tempered};
use gibbsite::internals::stats::{TwoLooks, chi_squared_survival};
use rand::RngExt;

use crate::cli::Place;
use crate::parity::machine;

const UNITS: usize = 20;

/// Two templates that are each other's negative, with ten units on in each, and nothing that tells them apart by symmetry:
/// either has half of the weight, the same free energies and the same numbers of units that are on.
fn two_modes(weight: f32) -> Rbm {
    let mut rbm = Rbm::zeros(UNITS, 6);
    let template = |j: usize| if j.is_multiple_of(2) { weight } else { -weight };
    rbm.weights = (0..UNITS * 6).map(|k| template(k / 6)).collect();
    rbm.visible_bias = (0..UNITS).map(|j| -3.0 * template(j)).collect();
    rbm
}

/// Part of the rows nearer to the first template.
fn first_mode(rows: &BitMatrix) -> f64 {
    let overlap = |r: usize| (0..UNITS).filter(|&j| rows.get(r, j) == (j % 2 == 0)).count();
    (0..rows.rows()).filter(|&r| overlap(r) > UNITS / 2).count() as f64 / rows.rows() as f64
}

fn sampled(rbm: &Rbm, chains: usize, samples: usize, rungs: &Rungs, seed: u64) -> Sampled {
    let settings = Settings { samples, chains, thermalise: 200, every: 5, flip: false, seed };
    sample_tempered(&Cpu, rbm, &settings, rungs, None, None, &mut Silent).unwrap()
}

#[test]
fn chains_that_never_cross_are_called_stuck() {
    for (chains, samples) in [(200, 2000), (200, 200), (6, 600)] {
        let found = sampled(&two_modes(0.8), chains, samples, &Rungs::None, 1);
        let share = first_mode(&found.samples);
        assert!((0.1..0.9).contains(&share), "both modes are there: {share}");
        let agreement = &found.agreement;
        let stuck = agreement.stuck.as_ref().unwrap();
        assert!(stuck.looks.stayed() == 1.0 && stuck.looks.by_chance() < 0.9, "{stuck:?}");
        assert!(agreement.effective_samples < 3.0, "{agreement:?}");
        // Neither of these sees anything, as modes are alike in both.
        let told = found.free_energy.effective_samples().min(found.ones.effective_samples());
        assert!(told > 0.3 * samples as f64, "{told} effective samples of {samples}");
        assert!(samples == chains || agreement.r_hat.unwrap() > 1.5, "{agreement:?}");
    }
}

#[test]
fn chains_that_mix_are_not() {
    for seed in 1..=8 {
        for (rbm, chains) in
            [(machine(UNITS, 6, 0.8, seed), 100), (two_modes(0.15), 100), (machine(6, 5, 1.0, seed), 5)]
        {
            let found = sampled(&rbm, chains, 10 * chains, &Rungs::None, seed).agreement;
            assert!(found.stuck.is_none(), "{found:?}");
            let samples = 10.0 * chains as f64;
            assert!(found.effective_samples > 0.2 * samples && found.effective_samples <= samples, "{found:?}");
        }
    }
}

/// Tempered chains cross: the shares of both modes are the machine's, ½ each, within four errors.
#[test]
fn tempered_chains_are_not() {
    let rbm = two_modes(0.8);
    let base = vec![0.0; UNITS];
    let length = Length::measure(&Cpu, &Cpu.upload_params(&rbm, None).unwrap(), &base, 1).unwrap();
    let rungs = Rungs::Temperatures { betas: length.ladder(length.rungs() - 1), base };
    let found = sampled(&rbm, 200, 2000, &rungs, 1);
    assert!(found.agreement.stuck.is_none() && found.agreement.effective_samples > 100.0, "{:?}", found.agreement);
    let error = 0.5 / found.agreement.effective_samples.sqrt();
    assert!((first_mode(&found.samples) - 0.5).abs() < 4.0 * error, "{} ± {error}", first_mode(&found.samples));
}

/// Where the second look knows nothing of the first, p-values under p come at most in a part p of all tables: at 5 % and
/// 0.5 %, from sides of equal and of unequal shares, with four errors of 4000 tables.
#[test]
fn chance_is_called_memory_no_more_often_than_said() {
    let mut rng = gibbsite::internals::rng::Philox::sequence(3, "looks");
    for (upper, chains) in [(0.5, 40), (0.05, 200), (0.3, 1000)] {
        let mut under = [0; 2];
        for _ in 0..4000 {
            let mut look = || (0..chains).map(|_| f64::from(u8::from(rng.random::<f64>() < upper))).collect::<Vec<_>>();
            let p = TwoLooks::count(&look(), &look(), 0.5).p_value();
            under[0] += usize::from(p < 0.05);
            under[1] += usize::from(p < 0.005);
        }
        assert!(under[0] <= 255 && under[1] <= 38, "{under:?} of 4000 at shares of {upper}");
    }
    // It sees what is there: each chain stays with probability ¾, of 200; χ² of the same table says the same.
    let look: Vec<f64> = (0..200).map(|k| f64::from(k % 2)).collect();
    let later: Vec<f64> = look.iter().enumerate().map(|(k, x)| if k / 2 % 4 == 0 { 1.0 - x } else { *x }).collect();
    let table = TwoLooks::count(&look, &later, 0.5);
    let chi_squared = 200.0 * table.correlation().powi(2);
    let (exact, usual) = (table.p_value(), 0.5 * chi_squared_survival(chi_squared, 1));
    assert!(exact < 1e-10 && (exact.ln() / usual.ln() - 1.0).abs() < 0.1, "{exact:e}, by χ² {usual:e}");
}

#[test]
fn sample_warns_and_names_the_cure() {
    let place = Place::new();
    // Temperatures start at the means of the data, ½ of both modes; at the visible biases they would start in one mode.
    let meta = ModelMeta { data_means: Some(vec![0.5; UNITS]), ..ModelMeta::default() };
    write_model(&place.path("two.safetensors"), &Model { rbm: two_modes(0.8), meta }).unwrap();
    let plain = place.run("sample two.safetensors --samples 1000 --chains 100 --thermalise 100 -o s.npy --json");
    assert_eq!(plain.code, Some(0), "{}", plain.stderr);
    assert!(
        plain.stderr.contains("chains stay in the modes where they began") && plain.stderr.contains("with tempering")
    );
    let value: serde_json::Value = serde_json::from_str(&plain.stdout).unwrap();
    for key in ["/effective_samples", "/free_energy/effective_samples", "/ones/effective_samples"] {
        assert!(value.pointer(key).unwrap().as_f64().unwrap() < 3.0, "{key}: {value}");
    }
    assert!(value["stuck"]["stayed"] == 1.0 && value["warnings"].as_array().unwrap().len() == 1, "{value}");
    let text = place.good("sample two.safetensors --samples 1000 --chains 100 --thermalise 100 -o s.npy --force");
    assert!(text.contains("they do not mix, see the warning"), "{text}");
    let tempered =
        place.json("sample two.safetensors --samples 1000 --chains 100 --thermalise 200 --tempering auto -o t.npy");
    assert!(tempered["stuck"].is_null() && tempered["warnings"].as_array().unwrap().is_empty(), "{tempered}");
}
