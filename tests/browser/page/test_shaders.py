"""The exported shaders are what the page runs, and work as their comments bind them."""

import re

import numpy as np
import pytest

from mmdrfuse import models
from mmdrfuse.engine import make
from mmdrfuse.export import Options, render

DRAW = """([shader, pair, width, height]) => {
    const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
    const program = gl.createProgram();
    const corners = `#version 300 es
        void main() { gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0, 1); }`;
    for (const [kind, text] of [[gl.VERTEX_SHADER, corners], [gl.FRAGMENT_SHADER, shader]]) {
        const part = gl.createShader(kind);
        gl.shaderSource(part, text);
        gl.compileShader(part);
        gl.attachShader(program, part);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw Error(shader + gl.getProgramInfoLog(program));
    gl.useProgram(program);
    const texture = (unit, format) => {
        gl.activeTexture(gl.TEXTURE0 + unit);
        gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
        gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
        gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
        return gl.getParameter(gl.TEXTURE_BINDING_2D);
    };
    pair.forEach((rows, unit) => {
        texture(unit, gl.RGBA8);
        const bytes = Uint8Array.from(rows.flat().flatMap(value => [value, value, value, 255]));
        gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
        gl.uniform1i(gl.getUniformLocation(program, ["infrared", "visible"][unit]), unit);
    });
    gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture(2, gl.RGBA32UI), 0);
    gl.viewport(0, 0, width, height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    const bits = new Uint32Array(4 * width * height);
    gl.readPixels(0, 0, width, height, gl.RGBA_INTEGER, gl.UNSIGNED_INT, bits);
    return [...new Float32Array(bits.buffer)].filter((_, index) => index % 4 === 0);
}"""
"""Draw two grey pictures with a fragment shader, and return what it writes."""


COMPUTE = """async ([shader, pair, width, height]) => {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) return null;
    const device = await adapter.requestDevice();
    const module = device.createShaderModule({ code: shader });
    const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
    const size = 4 * width * height;
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
    const output = device.createBuffer({ size, usage });
    const copy = device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    const entries = pair.map((rows, binding) => {
        const usage = GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST;
        const texture = device.createTexture({ size: [width, height], format: "rgba8unorm", usage });
        const bytes = Uint8Array.from(rows.flat().flatMap(value => [value, value, value, 255]));
        device.queue.writeTexture({ texture }, bytes, { bytesPerRow: 4 * width }, [width, height]);
        return { binding, resource: texture.createView() };
    });
    entries.push({ binding: 2, resource: { buffer: output } });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(width, height);
    pass.end();
    encoder.copyBufferToBuffer(output, 0, copy, 0, size);
    device.queue.submit([encoder.finish()]);
    await copy.mapAsync(GPUMapMode.READ);
    return [...new Float32Array(copy.getMappedRange())];
}"""
"""Fuse two grey pictures with a compute shader, and return what it writes; null where there is no WebGPU."""


@pytest.mark.parametrize(("engine", "kind"), [("webgl2", "glsl"), ("webgpu", "wgsl")])
def test_the_page_runs_the_text_that_is_exported(engine, kind, opened, pictures, page):
    page.add_init_script("""
        window.texts = [];
        const keep = (type, name, at) => {
            const original = type?.prototype[name];
            if (original) type.prototype[name] = function (...all) {
                texts.push(at(all));
                return original.apply(this, all);
            };
        };
        keep(WebGL2RenderingContext, "shaderSource", ([, text]) => text);
        keep(window.GPUDevice, "createShaderModule", ([{code}]) => code);
    """)
    files, _ = pictures(ir=(8, 9), vi=(8, 9))
    opened(engine, files).select_option("#weights", "day")
    page.wait_for_selector('body[data-fused="2"]')
    function, _, _ = render("day", kind).decode().partition("#ifdef HOOKED_tex")
    exported = re.sub(r"^ *//.*\n|^ +|^\n", "", function, flags=re.MULTILINE)
    assert sum(exported in text for text in page.evaluate("texts")) == 2  # both layers


GLSL = """#version 300 es
precision highp float;
out uvec4 bits;
{text}
{sources}
void main() {{ {call} bits = floatBitsToUint(vec4(fused)); }}
"""
WGSL = """{text}
{sources}
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {{
    let at = vec2i(id.xy);
    {call}
    output[at.y * 7 + at.x] = fused;
}}
"""


@pytest.mark.parametrize(("kind", "host", "run"), [("glsl", GLSL, DRAW), ("wgsl", WGSL, COMPUTE)])
def test_an_exported_shader_works_as_its_comment_binds_it(kind, host, run, page, page_file, rng):
    """The comment's own lines read the sources and call the function."""
    pair = rng.integers(0, 256, (2, 6, 7), np.uint8)
    text = render("day", kind).decode()
    code = (line[3:] for line in text.splitlines() if line.startswith("//     "))
    *sources, call = (line for line in code if "mpv" not in line)
    page.goto(page_file.as_uri())  # WebGPU is for files and secure addresses alone
    shader = host.format(text=text, sources="\n".join(sources), call=call)
    output = page.evaluate(run, [shader, pair.tolist(), 7, 6])
    if output is None:
        pytest.skip("needs a browser with WebGPU")
    expected = make(models.read("day"))(*(pair / np.float32(255)))
    np.testing.assert_allclose(np.reshape(output, (6, 7)), expected, atol=2e-6)


def test_mpv_fuses_the_halves_of_a_frame(page, page_file, rng):
    """What mpv defines is defined here; mpv 0.35 itself, with vo gpu and gpu-next, was within one level."""
    visible, infrared = rng.integers(16, 236, (2, 6, 7), np.uint8)
    frame = np.concatenate([visible, infrared], axis=1)
    text = render("day", "glsl", Options(range="fixed:0.1,0.8")).decode()
    assert text.startswith("//!HOOK LUMA\n//!BIND HOOKED\n")
    shader = f"""#version 300 es
        precision highp float;
        uniform sampler2D visible;
        out uvec4 bits;
        #define HOOKED_tex(pos) texture(visible, pos)
        #define HOOKED_size vec2(14.0, 6.0)
        #define HOOKED_pos (gl_FragCoord.xy / HOOKED_size)
        {text}
        void main() {{ bits = floatBitsToUint(hook()); }}"""
    page.goto(page_file.as_uri())
    output = np.reshape(page.evaluate(DRAW, [shader, [frame.tolist()] * 2, 14, 6]), (6, 14))
    planes = ((side - np.float32(16)) / 219 for side in (infrared, visible))
    fused = np.clip((make(models.read("day"))(*planes) - 0.1) / 0.7, 0, 1)
    np.testing.assert_allclose(output[:, :7], (fused * 219 + 16) / 255, atol=5e-6)
    np.testing.assert_allclose(output[:, 7:], infrared / 255, atol=1e-6)


def test_a_range_of_each_picture_has_no_shader_for_mpv():
    text = render("scenes", "glsl").decode()
    assert "hook()" not in text
    assert "greatest" in text
