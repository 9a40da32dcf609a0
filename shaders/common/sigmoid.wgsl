// Sigmoid, softplus and their kin, accurate in f32 over the whole range.
//
// WGSL promises ln only an absolute error near 1 and has no log1p or expm1, so both are series here:
// log1p(t) = 2 artanh(s), s = t / (2 + t); its terms to s¹⁵ leave a relative 3e-9 for s² ≤ 1/9, that is t in [−½, 1].

// e^{−x}, held finite: beyond 80 the sigmoid is below every 24-bit uniform but 0.
fn exp_negative(x: f32) -> f32 {
    return exp(min(-x, 80.0));
}

fn sigmoid(x: vec4<f32>) -> vec4<f32> {
    return 1.0 / (1.0 + exp(min(-x, vec4<f32>(80.0))));
}

fn log1p(t: f32) -> f32 {
    let s = t / (2.0 + t);
    let q = s * s;
    let series = q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * (1.0 / 9.0
        + q * (1.0 / 11.0 + q * (1.0 / 13.0 + q * (1.0 / 15.0)))))));
    return 2.0 * (s + s * series);
}

// e^d − 1 for |d| ≤ ½: Taylor to d⁸, relative error 1e-8.
fn expm1_small(d: f32) -> f32 {
    let tail = 1.0 + d / 5.0 * (1.0 + d / 6.0 * (1.0 + d / 7.0 * (1.0 + d / 8.0)));
    return d * (1.0 + d / 2.0 * (1.0 + d / 3.0 * (1.0 + d / 4.0 * tail)));
}

// ln(1 + eˣ) = max(x, 0) + log1p(e^{−|x|}).
fn softplus(x: f32) -> f32 {
    return max(x, 0.0) + log1p(exp(-abs(x)));
}

fn softplus4(x: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(softplus(x.x), softplus(x.y), softplus(x.z), softplus(x.w));
}

// softplus(y + d) − softplus(y) = log1p(sig(y) (e^d − 1)) without cancellation for small d.
fn softplus_step(y: f32, d: f32) -> f32 {
    if abs(d) > 0.5 {
        return softplus(y + d) - softplus(y);
    }
    return log1p(expm1_small(d) / (1.0 + exp_negative(y)));
}
