//! Class margin: a chain may be flipped otherwise only where u lies within the margin of e^{F(v) − F(1 − v)}.

use gibbsite::internals::backend::{Address, Backend};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::rng::Stream;
use gibbsite::internals::sample::tempered;

use super::reference::{Bounded, U, chain_uniform, free_energy, gamma, ladder};
use super::{LADDERS, SIZES, machine, on_both, states};

fn complement(v: &BitMatrix) -> BitMatrix {
    BitMatrix::from_fn(v.rows(), v.cols(), |r, j| !v.get(r, j))
}

/// Acceptance probability of row `r` with its margin. The device forms x(1 − v) as 2c + Σ w − x(v), whose terms are
/// at most twice those of both free energies together.
fn acceptance(rbm: &Rbm, v: &BitMatrix, flipped: &BitMatrix, r: usize) -> Bounded {
    let ((here, d_here), (there, d_there)) = (free_energy(rbm, v, r), free_energy(rbm, flipped, r));
    let weights: f64 = rbm.weights.iter().chain(&rbm.hidden_bias).map(|w| f64::from(w.abs())).sum();
    let shared = 2.0 * gamma(rbm.n_visible + 4) * weights;
    let gain = (here - there).min(0.0);
    let error = d_here + d_there + shared + 2.0 * gamma(rbm.n_hidden + rbm.n_visible + 4) * (here.abs() + there.abs());
    let p = gain.exp();
    (p, p * (error.exp_m1() + (3.0 + 2.0 * gain.abs()) * 2.0 * U))
}

/// Which chains were flipped; an error where one was only partly flipped or decided against its uniform.
fn check(rbm: &Rbm, v: &BitMatrix, after: &BitMatrix, address: Address, step: u32) -> Result<usize, String> {
    let flipped = complement(v);
    let mut count = 0;
    for r in 0..v.rows() {
        let moved = after.row(r) == flipped.row(r);
        if !moved && after.row(r) != v.row(r) {
            return Err(format!("chain {r} is neither itself nor its complement"));
        }
        let (p, margin) = acceptance(rbm, v, &flipped, r);
        let u = chain_uniform(address, Stream::SymmetryMove, step, r);
        if moved != (u < p) && (u - p).abs() > margin {
            return Err(format!("chain {r} moved: {moved} at u = {u}, p = {p} ± {margin}"));
        }
        count += usize::from(moved);
    }
    Ok(count)
}

fn run<B: Backend>(backend: &B, rbm: &Rbm, v: &BitMatrix, address: Address, step: u32) -> BitMatrix {
    let params = backend.upload_params(rbm, None).unwrap();
    let mut chains = backend.upload_states(v).unwrap();
    backend.flip_move(&params, &mut chains, address, step);
    backend.read_states(&chains).unwrap()
}

on_both! {
    fn flips_follow_the_reference_within_the_margin(backend) {
        let (mut flips, mut chains_in_all) = (0, 0);
        for &(chains, n_visible, n_hidden) in SIZES {
            for scale in [0.02, 0.2] {
                let rbm = machine(n_visible, n_hidden, scale, 1);
                let (v, address) = (states(chains, n_visible, 2), Address { seed: 3, first_chain: 5 });
                let after = run(backend, &rbm, &v, address, 4);
                flips += check(&rbm, &v, &after, address, 4).unwrap_or_else(|e| panic!("{n_visible} × {n_hidden}: {e}"));
                chains_in_all += chains;
            }
        }
        assert!(flips > 0 && flips < chains_in_all, "{flips} of {chains_in_all}: both outcomes must occur");
    }
}

on_both! {
    /// Each rung at its own β: as the machine of that temperature, whose weights are rounded once more.
    fn rungs_are_flipped_at_their_temperatures(backend) {
        let (mut flips, mut rows) = (0, 0);
        for &(rungs, chains, n_visible, n_hidden) in LADDERS {
            let (rbm, (betas, base)) = (machine(n_visible, n_hidden, 0.2, 1), ladder(rungs, n_visible));
            let (v, address) = (states(rungs * chains, n_visible, 2), Address { seed: 3, first_chain: 5 });
            let params = backend.upload_params(&rbm, None).unwrap();
            let temperatures = backend.upload_temperatures(&params, &base, &betas, chains).unwrap();
            let mut replicas = backend.upload_states(&v).unwrap();
            backend.flip_replicas(&params, &temperatures, &mut replicas, address, 4);
            let after = backend.read_states(&replicas).unwrap();
            for (r, &beta) in betas.iter().enumerate() {
                let place = format!("rung {r} of {rungs} of {chains} chains, {n_visible} × {n_hidden}");
                let (first, rung) = (r * chains, tempered(&rbm, &base, beta));
                let of = |rows: &BitMatrix| rows.slice_rows(first..first + chains);
                let address = Address { first_chain: address.first_chain + first as u32, ..address };
                flips += check(&rung, &of(&v), &of(&after), address, 4).unwrap_or_else(|e| panic!("{place}: {e}"));
                rows += chains;
            }
        }
        assert!(flips > rows / 10 && flips < rows, "{flips} of {rows}: both outcomes must occur");
    }
}

on_both! {
    fn one_flipped_bit_and_one_wrong_decision_are_noticed(backend) {
        let (rbm, v, address) = (machine(33, 20, 0.1, 1), states(40, 33, 2), Address::new(3));
        let after = run(backend, &rbm, &v, address, 0);
        check(&rbm, &v, &after, address, 0).unwrap();
        let mut bit = after.clone();
        bit.set(39, 32, !after.get(39, 32));
        assert!(check(&rbm, &v, &bit, address, 0).is_err(), "one flipped bit");
        assert!(check(&rbm, &v, &complement(&after), address, 0).is_err(), "all decisions reversed");
        assert!(check(&rbm, &v, &after, address, 1).is_err(), "the uniforms of another step");
    }
}
