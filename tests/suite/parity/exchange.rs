//! Class bounded for the gains of an exchange and margin for its decision, which every state then follows.

use gibbsite::internals::backend::{Address, Backend, Exchanged, RECORDED, pairs};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::rbm::Rbm;
use gibbsite::internals::rng::{Stream, unit_word};

use super::reference::{U, exchange_gain, ladder, tempered_energy};
use super::{LADDERS, assert_bounded, machine, on_both, states, worst};

/// A ladder of a machine with all its states.
struct Case {
    rbm: Rbm,
    base: Vec<f32>,
    betas: Vec<f64>,
    chains: usize,
    v: BitMatrix,
}

fn case(rungs: usize, chains: usize, n_visible: usize, n_hidden: usize) -> Case {
    let (betas, base) = ladder(rungs, n_visible);
    let (rbm, v) = (machine(n_visible, n_hidden, 0.3, 1), states(rungs * chains, n_visible, 2));
    Case { rbm, base, betas, chains, v }
}

const ADDRESS: Address = Address { seed: 1 << 35 | 9, first_chain: 3 };

/// States after rounds of exchanges, and their record.
fn run<B: Backend>(backend: &B, case: &Case, rounds: std::ops::Range<u32>) -> (BitMatrix, Vec<Exchanged>) {
    let params = backend.upload_params(&case.rbm, None).unwrap();
    let mut temperatures = backend.upload_temperatures(&params, &case.base, &case.betas, case.chains).unwrap();
    let mut replicas = backend.upload_states(&case.v).unwrap();
    for round in rounds {
        backend.exchange(&params, &mut temperatures, &mut replicas, ADDRESS, round);
    }
    let record = backend.read_exchanges(&mut temperatures).unwrap();
    assert!(backend.read_exchanges(&mut temperatures).unwrap().is_empty(), "a record is taken once");
    (backend.read_states(&replicas).unwrap(), record)
}

/// Checks a round that began at `v`, and makes its exchanges there; returns how many there were.
fn check(case: &Case, v: &mut BitMatrix, record: &[Exchanged], round: u32) -> Result<usize, String> {
    let (mut count, chains) = (0, case.chains);
    for (pair, record) in pairs(case.betas.len(), round.into()).zip(record.chunks(chains)) {
        for (k, exchanged) in record.iter().enumerate() {
            let (low, high) = (pair * chains + k, (pair + 1) * chains + k);
            let (from, to) = (case.betas[pair], case.betas[pair + 1]);
            let gain = |row: usize, from: f64, to: f64| exchange_gain(&case.rbm, &case.base, v, row, from, to);
            let expected = [gain(low, from, to), gain(high, to, from)];
            if worst(&[exchanged.up, exchanged.down], &expected).0 > 1.0 {
                return Err(format!("pair {pair}, chain {k}: {exchanged:?} for {expected:?}"));
            }
            // What the device adds up it may round once more, and its exp is as exact as WGSL wants it.
            let sum = (exchanged.up + exchanged.down).min(0.0);
            let (p, word) = (
                sum.exp(),
                unit_word(ADDRESS.seed, Stream::Exchange, round, ADDRESS.first_chain + k as u32, pair as u32),
            );
            let u = f64::from(word >> 8) * U;
            let margin = p * ((exchanged.up.abs() + exchanged.down.abs()) * U + (3.0 + 2.0 * sum.abs()) * 2.0 * U);
            if exchanged.accepted != (u < p) && (u - p).abs() > margin {
                return Err(format!("pair {pair}, chain {k}: {exchanged:?} at u = {u}, p = {p}"));
            }
            if exchanged.accepted {
                count += 1;
                for j in 0..v.cols() {
                    let (a, b) = (v.get(low, j), v.get(high, j));
                    v.set(low, j, b);
                    v.set(high, j, a);
                }
            }
        }
    }
    Ok(count)
}

on_both! {
    fn exchanges_follow_the_reference(backend) {
        let (mut exchanged, mut tried) = (0, 0);
        for &(rungs, chains, n_visible, n_hidden) in LADDERS {
            let case = case(rungs, chains, n_visible, n_hidden);
            let place = format!("{rungs} rungs of {chains} chains of {n_visible} × {n_hidden}");
            let (found, record) = run(backend, &case, 7..7 + RECORDED as u32);
            let (mut v, mut rest) = (case.v.clone(), &record[..]);
            for round in 7..7 + RECORDED as u32 {
                let (of_round, later) = rest.split_at(pairs(rungs, round.into()).len() * chains);
                exchanged += check(&case, &mut v, of_round, round).unwrap_or_else(|e| panic!("{place}: {e}"));
                tried += of_round.len();
                rest = later;
            }
            assert!(rest.is_empty(), "{place}: {} more in the record", rest.len());
            assert_eq!(found, v, "{place}");
        }
        assert!(exchanged > tried / 10 && exchanged < tried, "{exchanged} of {tried}: both outcomes must occur");
    }
}

on_both! {
    fn tempered_energies_are_within_their_bound(backend) {
        for &(rungs, chains, n_visible, n_hidden) in LADDERS {
            let case = case(rungs, chains, n_visible, n_hidden);
            let params = backend.upload_params(&case.rbm, None).unwrap();
            let temperatures = backend.upload_temperatures(&params, &case.base, &case.betas, chains).unwrap();
            let replicas = backend.upload_states(&case.v).unwrap();
            let found = backend.read_tempered_energies(&params, &temperatures, &replicas).unwrap();
            let expected = |r: usize| tempered_energy(&case.rbm, &case.base, &case.v, r, case.betas[r / chains]);
            assert_bounded("−ln p*", &found, &(0..rungs * chains).map(expected).collect::<Vec<_>>());
        }
    }
}

on_both! {
    /// Another weight, another base, the temperatures of other rungs, and a bit that went astray.
    fn what_is_not_the_ladder_is_noticed(backend) {
        let right = case(5, 33, 33, 65);
        let (_, record) = run(backend, &right, 0..1);
        check(&right, &mut right.v.clone(), &record, 0).unwrap();
        let refuses = |alter: &dyn Fn(&mut Case)| {
            let mut other = Case { rbm: right.rbm.clone(), base: right.base.clone(), betas: right.betas.clone(), v: right.v.clone(), ..right };
            alter(&mut other);
            check(&other, &mut other.v.clone(), &record, 0).is_err()
        };
        assert!(refuses(&|case| case.rbm.weights[32 * 65 + 64] += 1e-2), "one altered weight");
        assert!(refuses(&|case| case.base[32] += 1e-2), "one altered bias of the base");
        assert!(refuses(&|case| case.betas.swap(1, 2)), "two rungs exchanged");
        assert!(refuses(&|case| case.v.set(40, 32, !right.v.get(40, 32))), "one flipped bit");
    }
}

on_both! {
    /// A block of rows that begins within another one, in words that are not whole.
    fn rows_are_copied(backend) {
        for (rows, first, count, units) in [(5, 0, 5, 33), (70, 41, 29, 31), (3, 2, 1, 64), (1, 0, 1, 1)] {
            let v = states(rows, units, 5);
            let (from, mut to) = (backend.upload_states(&v).unwrap(), backend.upload_states(&BitMatrix::zeros(count, units)).unwrap());
            backend.copy_rows(&from, first, &mut to);
            assert_eq!(backend.read_states(&to).unwrap(), v.slice_rows(first..first + count));
        }
    }
}
