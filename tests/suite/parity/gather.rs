//! Class exact: the rows of a minibatch are those of the host's permutation.

use gibbsite::internals::backend::{Backend, Minibatch};
use gibbsite::internals::bits::BitMatrix;
use gibbsite::internals::rng::Permutation;

use super::{on_both, states};

fn gathered<B: Backend>(backend: &B, data: &BitMatrix, minibatch: &Minibatch) -> BitMatrix {
    let held = backend.upload_states(data).unwrap();
    let mut batch = backend.upload_states(&BitMatrix::zeros(minibatch.count as usize, data.cols())).unwrap();
    backend.gather(&held, minibatch, &mut batch);
    backend.read_states(&batch).unwrap()
}

fn rows(minibatch: &Minibatch) -> Vec<usize> {
    (minibatch.first..minibatch.first + minibatch.count).map(|p| minibatch.permutation.row(p) as usize).collect()
}

on_both! {
    fn batches_hold_the_rows_of_the_permutation(backend) {
        for (total, units, count) in [(1, 1, 1), (2, 33, 2), (257, 64, 100), (1000, 31, 999), (1024, 70, 65)] {
            let data = states(total, units, 1);
            for epoch in 0..3 {
                let permutation = Permutation::new(5, epoch, total as u32);
                for first in [0, total as u32 - count] {
                    let minibatch = Minibatch { permutation, first, count };
                    assert_eq!(gathered(backend, &data, &minibatch), data.select_rows(&rows(&minibatch)), "{total} rows");
                }
            }
        }
    }
}

on_both! {
    fn another_epoch_is_noticed(backend) {
        let data = states(257, 40, 1);
        let minibatch = |epoch| Minibatch { permutation: Permutation::new(5, epoch, 257), first: 3, count: 50 };
        assert_ne!(gathered(backend, &data, &minibatch(1)), data.select_rows(&rows(&minibatch(2))));
    }
}
