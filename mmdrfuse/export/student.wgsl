// Borders are reflected: -1 is 1, and size is size - 2.
fn mmdrfuse_reflect(at: vec2i, size: vec2i) -> vec2i {
    return size - 1 - abs(size - 1 - abs(at));
}

// The first layer: four numbers from 3 x 3 pixels of both sources.
fn mmdrfuse_hidden(at: vec2i, size: vec2i) -> vec4f {
    var sum = vec4f($bias1);
    sum += mat2x4f($k0) * sources(mmdrfuse_reflect(at + vec2i(-1, -1), size));
    sum += mat2x4f($k1) * sources(mmdrfuse_reflect(at + vec2i(0, -1), size));
    sum += mat2x4f($k2) * sources(mmdrfuse_reflect(at + vec2i(1, -1), size));
    sum += mat2x4f($k3) * sources(mmdrfuse_reflect(at + vec2i(-1, 0), size));
    sum += mat2x4f($k4) * sources(at);
    sum += mat2x4f($k5) * sources(mmdrfuse_reflect(at + vec2i(1, 0), size));
    sum += mat2x4f($k6) * sources(mmdrfuse_reflect(at + vec2i(-1, 1), size));
    sum += mat2x4f($k7) * sources(mmdrfuse_reflect(at + vec2i(0, 1), size));
    sum += mat2x4f($k8) * sources(mmdrfuse_reflect(at + vec2i(1, 1), size));
    return max(sum, vec4f(0.0));
}

// Many drivers' own tanh is inexact or overflows. This quotient of polynomials is exact to 4e-7.
fn mmdrfuse_tanh(value: f32) -> f32 {
    let x = clamp(value, -9.0, 9.0);
    let t = x * x;
    let n = 1.0 + t * (1.4666667e-1 + t * (5.2173913e-3 + t * (6.6252588e-5
        + t * (3.2286836e-7 + t * (5.1797064e-10 + t * 1.2648856e-13)))));
    let d = 1.0 + t * (4.8e-1 + t * (3.1884058e-2 + t * (6.6252588e-4
        + t * (5.2304675e-6 + t * (1.5193805e-8 + t * 1.1510459e-11)))));
    return x * n / d;
}

// The second layer: the fused pixel, -1 to 1, from 3 x 3 pixels of the first.
fn mmdrfuse(at: vec2i, size: vec2i) -> f32 {
    var sum = f32($bias2);
    sum += dot(vec4f($l0), hidden(mmdrfuse_reflect(at + vec2i(-1, -1), size)));
    sum += dot(vec4f($l1), hidden(mmdrfuse_reflect(at + vec2i(0, -1), size)));
    sum += dot(vec4f($l2), hidden(mmdrfuse_reflect(at + vec2i(1, -1), size)));
    sum += dot(vec4f($l3), hidden(mmdrfuse_reflect(at + vec2i(-1, 0), size)));
    sum += dot(vec4f($l4), hidden(at));
    sum += dot(vec4f($l5), hidden(mmdrfuse_reflect(at + vec2i(1, 0), size)));
    sum += dot(vec4f($l6), hidden(mmdrfuse_reflect(at + vec2i(-1, 1), size)));
    sum += dot(vec4f($l7), hidden(mmdrfuse_reflect(at + vec2i(0, 1), size)));
    sum += dot(vec4f($l8), hidden(mmdrfuse_reflect(at + vec2i(1, 1), size)));
    return mmdrfuse_tanh(sum);
}
