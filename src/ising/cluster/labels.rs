//! Sets of sites that grow together: union–find with path halving, the smallest site being the name of its set.
//!
//! The name does not depend on the order of unions. (R. E. Tarjan and J. van Leeuwen, J. ACM 31, 245 (1984).)

/// Parent of every site; a root is its own.
#[derive(Debug)]
pub(super) struct Labels(Vec<u32>);

impl Labels {
    /// All sites alone.
    pub(super) fn new(sites: usize) -> Self {
        Self((0..sites as u32).collect())
    }

    /// All sites alone again.
    pub(super) fn separate(&mut self) {
        for (site, parent) in self.0.iter_mut().enumerate() {
            *parent = site as u32;
        }
    }

    /// Smallest site of the set of `site`.
    pub(super) fn root(&mut self, mut site: u32) -> u32 {
        loop {
            let parent = self.0[site as usize];
            if parent == site {
                return site;
            }
            let above = self.0[parent as usize];
            self.0[site as usize] = above;
            site = above;
        }
    }

    /// Makes one set of two.
    pub(super) fn unite(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b) as usize] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::Labels;

    #[test]
    fn sets_are_named_by_their_smallest_site_in_any_order() {
        let pairs = [(7, 3), (3, 5), (0, 9), (9, 4), (8, 8), (5, 7)];
        for shift in 0..pairs.len() {
            let mut labels = Labels::new(10);
            for k in 0..pairs.len() {
                let (a, b) = pairs[(k * 5 + shift) % pairs.len()];
                labels.unite(a, b);
            }
            let roots: Vec<u32> = (0..10).map(|i| labels.root(i)).collect();
            assert_eq!(roots, [0, 1, 2, 3, 0, 3, 6, 3, 8, 0]);
        }
    }
}
