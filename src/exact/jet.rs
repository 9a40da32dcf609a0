//! A number with its first and second derivative in one variable: derivatives of ln Z without finite differences.
//!
//! (f∘u)' = f'(u) u', (f∘u)'' = f''(u) u'² + f'(u) u''. Exact to rounding (second-order forward differentiation).

use std::ops::{Add, Mul, Sub};

/// f, f', f'' at one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Jet {
    pub(super) value: f64,
    pub(super) first: f64,
    pub(super) second: f64,
}

impl Jet {
    pub(super) fn constant(value: f64) -> Self {
        Self { value, first: 0.0, second: 0.0 }
    }

    pub(super) fn variable(value: f64) -> Self {
        Self { value, first: 1.0, second: 0.0 }
    }

    /// f(self), given f, f', f'' at `self.value`.
    fn chain(self, f: f64, d1: f64, d2: f64) -> Self {
        Self { value: f, first: d1 * self.first, second: d2 * self.first * self.first + d1 * self.second }
    }

    pub(super) fn scale(self, factor: f64) -> Self {
        Self { value: factor * self.value, first: factor * self.first, second: factor * self.second }
    }

    pub(super) fn recip(self) -> Self {
        let r = 1.0 / self.value;
        self.chain(r, -r * r, 2.0 * r * r * r)
    }

    pub(super) fn exp(self) -> Self {
        let e = self.value.exp();
        self.chain(e, e, e)
    }

    pub(super) fn ln(self) -> Self {
        let r = 1.0 / self.value;
        self.chain(self.value.ln(), r, -r * r)
    }

    pub(super) fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        self.chain(root, 0.5 / root, -0.25 / (root * self.value))
    }

    pub(super) fn sinh(self) -> Self {
        let (s, c) = (self.value.sinh(), self.value.cosh());
        self.chain(s, c, s)
    }

    pub(super) fn asinh(self) -> Self {
        let x = self.value;
        let r = 1.0 / x.hypot(1.0);
        self.chain(x.asinh(), r, -x * r * r * r)
    }

    pub(super) fn tanh(self) -> Self {
        let t = self.value.tanh();
        let slope = 1.0 / self.value.cosh().powi(2);
        self.chain(t, slope, -2.0 * t * slope)
    }

    /// ln (2 cosh x) without overflow.
    pub(super) fn ln_2cosh(self) -> Self {
        let x = self.value.abs();
        let slope = 1.0 / x.min(350.0).cosh().powi(2);
        self.chain(x + (-2.0 * x).exp().ln_1p(), self.value.tanh(), slope)
    }
}

impl Add for Jet {
    type Output = Self;
    fn add(self, b: Self) -> Self {
        Self { value: self.value + b.value, first: self.first + b.first, second: self.second + b.second }
    }
}

impl Sub for Jet {
    type Output = Self;
    fn sub(self, b: Self) -> Self {
        self + b.scale(-1.0)
    }
}

impl Mul for Jet {
    type Output = Self;
    fn mul(self, b: Self) -> Self {
        Self {
            value: self.value * b.value,
            first: self.first * b.value + self.value * b.first,
            second: self.second * b.value + 2.0 * self.first * b.first + self.value * b.second,
        }
    }
}
