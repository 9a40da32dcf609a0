//! Work that is shared among threads: rayon's with the feature `threads`; without it one piece after another, with the same
//! results, because random numbers and sums belong to units and blocks and not to threads.

pub(crate) use self::pool::{Pool, count, prelude};
#[cfg(not(feature = "threads"))]
use self::serial as pool;

#[cfg(feature = "threads")]
mod pool {
    pub(crate) use rayon::{current_num_threads as count, prelude};

    use crate::error::{Error, Result};

    /// Threads of their own.
    #[derive(Debug)]
    pub(crate) struct Pool(rayon::ThreadPool);

    impl Pool {
        /// So many threads, or one a core.
        ///
        /// # Errors
        /// [`Error::Device`] where the system refuses them.
        pub(crate) fn new(threads: Option<usize>) -> Result<Self> {
            let builder = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
            builder.build().map(Self).map_err(|e| Error::device(format!("cannot start threads: {e}")))
        }

        /// Does work on these threads.
        pub(crate) fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
            self.0.install(work)
        }
    }
}

#[cfg(not(feature = "threads"))]
mod serial {
    use crate::error::Result;

    /// The calling thread.
    #[derive(Debug)]
    pub(crate) struct Pool;

    impl Pool {
        pub(crate) fn new(_threads: Option<usize>) -> Result<Self> {
            Ok(Self)
        }

        #[expect(clippy::unused_self, reason = "as the pool of threads has it")]
        pub(crate) fn install<T>(&self, work: impl FnOnce() -> T) -> T {
            work()
        }
    }

    pub(crate) fn count() -> usize {
        1
    }

    /// What of rayon's iterators is used here, as the iterators of the standard library.
    pub(crate) mod prelude {
        use std::slice::{Chunks, ChunksExactMut, ChunksMut, Iter, IterMut};

        pub(crate) trait ParallelSlice<T> {
            fn par_iter(&self) -> Iter<'_, T>;
            fn par_iter_mut(&mut self) -> IterMut<'_, T>;
            fn par_chunks(&self, size: usize) -> Chunks<'_, T>;
            fn par_chunks_mut(&mut self, size: usize) -> ChunksMut<'_, T>;
            fn par_chunks_exact_mut(&mut self, size: usize) -> ChunksExactMut<'_, T>;
        }

        impl<T> ParallelSlice<T> for [T] {
            fn par_iter(&self) -> Iter<'_, T> {
                self.iter()
            }

            fn par_iter_mut(&mut self) -> IterMut<'_, T> {
                self.iter_mut()
            }

            fn par_chunks(&self, size: usize) -> Chunks<'_, T> {
                self.chunks(size)
            }

            fn par_chunks_mut(&mut self, size: usize) -> ChunksMut<'_, T> {
                self.chunks_mut(size)
            }

            fn par_chunks_exact_mut(&mut self, size: usize) -> ChunksExactMut<'_, T> {
                self.chunks_exact_mut(size)
            }
        }

        pub(crate) trait IntoParallelIterator: IntoIterator + Sized {
            fn into_par_iter(self) -> Self::IntoIter {
                self.into_iter()
            }
        }

        impl<I: IntoIterator> IntoParallelIterator for I {}

        pub(crate) trait ParallelIterator: Iterator + Sized {
            fn with_min_len(self, _length: usize) -> Self {
                self
            }

            fn reduce_with(self, join: impl FnMut(Self::Item, Self::Item) -> Self::Item) -> Option<Self::Item> {
                self.reduce(join)
            }
        }

        impl<I: Iterator> ParallelIterator for I {}
    }
}
