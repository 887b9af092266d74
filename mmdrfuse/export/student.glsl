vec2 sources(ivec2 at);  // yours: infrared and visible at a pixel, 0 to 1
vec4 hidden(ivec2 at);   // yours: mmdrfuse_hidden at a pixel, from a texture or computed again

// Borders are reflected: -1 is 1, and size is size - 2.
ivec2 mmdrfuse_reflect(ivec2 at, ivec2 size) {
    return size - 1 - abs(size - 1 - abs(at));
}

// The first layer: four numbers from 3 x 3 pixels of both sources.
vec4 mmdrfuse_hidden(ivec2 at, ivec2 size) {
    vec4 sum = vec4($bias1);
    sum += mat2x4($k0) * sources(mmdrfuse_reflect(at + ivec2(-1, -1), size));
    sum += mat2x4($k1) * sources(mmdrfuse_reflect(at + ivec2(0, -1), size));
    sum += mat2x4($k2) * sources(mmdrfuse_reflect(at + ivec2(1, -1), size));
    sum += mat2x4($k3) * sources(mmdrfuse_reflect(at + ivec2(-1, 0), size));
    sum += mat2x4($k4) * sources(at);
    sum += mat2x4($k5) * sources(mmdrfuse_reflect(at + ivec2(1, 0), size));
    sum += mat2x4($k6) * sources(mmdrfuse_reflect(at + ivec2(-1, 1), size));
    sum += mat2x4($k7) * sources(mmdrfuse_reflect(at + ivec2(0, 1), size));
    sum += mat2x4($k8) * sources(mmdrfuse_reflect(at + ivec2(1, 1), size));
    return max(sum, vec4(0.0));
}

// Many drivers' own tanh is inexact or overflows. This quotient of polynomials is exact to 4e-7.
float mmdrfuse_tanh(float value) {
    float x = clamp(value, -9.0, 9.0);
    float t = x * x;
    float n = 1.0 + t * (1.4666667e-1 + t * (5.2173913e-3 + t * (6.6252588e-5
        + t * (3.2286836e-7 + t * (5.1797064e-10 + t * 1.2648856e-13)))));
    float d = 1.0 + t * (4.8e-1 + t * (3.1884058e-2 + t * (6.6252588e-4
        + t * (5.2304675e-6 + t * (1.5193805e-8 + t * 1.1510459e-11)))));
    return x * n / d;
}

// The second layer: the fused pixel, -1 to 1, from 3 x 3 pixels of the first.
float mmdrfuse(ivec2 at, ivec2 size) {
    float sum = $bias2;
    sum += dot(vec4($l0), hidden(mmdrfuse_reflect(at + ivec2(-1, -1), size)));
    sum += dot(vec4($l1), hidden(mmdrfuse_reflect(at + ivec2(0, -1), size)));
    sum += dot(vec4($l2), hidden(mmdrfuse_reflect(at + ivec2(1, -1), size)));
    sum += dot(vec4($l3), hidden(mmdrfuse_reflect(at + ivec2(-1, 0), size)));
    sum += dot(vec4($l4), hidden(at));
    sum += dot(vec4($l5), hidden(mmdrfuse_reflect(at + ivec2(1, 0), size)));
    sum += dot(vec4($l6), hidden(mmdrfuse_reflect(at + ivec2(-1, 1), size)));
    sum += dot(vec4($l7), hidden(mmdrfuse_reflect(at + ivec2(0, 1), size)));
    sum += dot(vec4($l8), hidden(mmdrfuse_reflect(at + ivec2(1, 1), size)));
    return mmdrfuse_tanh(sum);
}
