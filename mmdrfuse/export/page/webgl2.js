// The engine on WebGL2. Passes: place the infrared, two layers of the network, find the extremes, finish.
// Floats go through unsigned integer textures bit by bit, which every WebGL2 can draw to.

import { TEMPLATES } from "./data.js";
import { fillShader } from "./weights.js";

const HEAD = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
uniform sampler2D infrared;
uniform sampler2D visible;

// 0.299 R + 0.587 G + 0.114 B, rounded; the half of a thousandth keeps whole numbers whole.
float luma(vec4 colour) {
  return floor((dot(colour.rgb, vec3(299.0, 587.0, 114.0)) * 255.0 + 500.5) * 0.001);
}
`;

const CORNERS = `#version 300 es
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;

const PLACE = `${HEAD}
uniform mat3 backward;
uniform vec3 sides[4];
out vec4 placed;

vec4 value(ivec2 at, ivec2 size) {
  bool inside = all(greaterThanEqual(at, ivec2(0))) && all(lessThan(at, size));
  return inside ? texelFetch(infrared, at, 0) : vec4(0.0);
}

void main() {
  ivec2 size = textureSize(infrared, 0);
  vec3 here = vec3(floor(gl_FragCoord.xy), 1.0);
  vec3 there = backward * here;
  placed = vec4(0.0);
  if (there.z <= 0.0) return;
  vec2 at = there.xy / there.z;
  ivec2 first = ivec2(floor(at));
  vec2 share = at - floor(at);
  vec4 upper = mix(value(first, size), value(first + ivec2(1, 0), size), share.x);
  vec4 lower = mix(value(first + ivec2(0, 1), size), value(first + ivec2(1, 1), size), share.x);
  placed.rgb = roundEven(mix(upper, lower, share.y).rgb * 255.0) / 255.0;
  bool inside = all(greaterThanEqual(at, vec2(-0.01))) && all(lessThanEqual(at, vec2(size) - 0.99));
  float distance = min(min(dot(sides[0], here), dot(sides[1], here)), min(dot(sides[2], here), dot(sides[3], here)));
  if (inside) placed.a = clamp((distance - 1.0) / 8.0, 0.0, 1.0);
}`;

const HIDDEN = (student) => `${HEAD}
out uvec4 bits;
${student}
vec2 sources(ivec2 at) {
  return vec2(luma(texelFetch(infrared, at, 0)), luma(texelFetch(visible, at, 0))) / 255.0;
}

vec4 hidden(ivec2 at) {
  return vec4(0.0);
}

void main() {
  bits = floatBitsToUint(mmdrfuse_hidden(ivec2(gl_FragCoord.xy), textureSize(visible, 0)));
}`;

const NETWORK = (student) => `${HEAD}
uniform usampler2D network;
out uvec4 bits;
${student}
vec2 sources(ivec2 at) {
  return vec2(0.0);
}

vec4 hidden(ivec2 at) {
  return uintBitsToFloat(texelFetch(network, at, 0));
}

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  float fused = mmdrfuse(at, textureSize(network, 0));
  // The least and the greatest value; none beyond the infrared's view.
  bool seen = texelFetch(infrared, at, 0).a > 0.0;
  bits = floatBitsToUint(vec4(fused, seen ? fused : 2.0, seen ? fused : -2.0, 0.0));
}`;

const EXTREMES = `${HEAD}
uniform usampler2D network;
out uvec4 bits;

void main() {
  ivec2 size = textureSize(network, 0);
  ivec2 first = ivec2(gl_FragCoord.xy) * 16;
  ivec2 last = min(first + 16, size);
  vec2 found = vec2(2.0, -2.0);
  for (int y = first.y; y < last.y; y++) {
    for (int x = first.x; x < last.x; x++) {
      vec2 pixel = uintBitsToFloat(texelFetch(network, ivec2(x, y), 0).gb);
      found = vec2(min(found.x, pixel.x), max(found.y, pixel.y));
    }
  }
  bits = uvec4(0u, floatBitsToUint(found), 0u);
}`;

const FINISH = `${HEAD}
uniform usampler2D network;
uniform usampler2D limits;
uniform int colour;
out vec4 result;

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  vec2 ends = uintBitsToFloat(texelFetch(limits, ivec2(0), 0).gb);
  float gain = ends.y > ends.x ? 255.0 / (ends.y - ends.x) : 0.0;
  float fused = uintBitsToFloat(texelFetch(network, at, 0).r);
  float level = clamp(roundEven((fused - ends.x) * gain), 0.0, 255.0);
  vec4 other = texelFetch(infrared, at, 0);
  vec4 own = texelFetch(visible, at, 0);
  if (other.a < 1.0) level = roundEven(mix(luma(own), level, other.a));
  vec4 coloured = colour == 1 ? own : other;
  vec3 shifted = coloured.rgb * 255.0 + (level - luma(coloured));
  result = vec4(clamp(colour == 0 ? vec3(level) : shifted, 0.0, 255.0) / 255.0, 1.0);
}`;

const UNITS = { infrared: 0, visible: 1, network: 2, limits: 3 };

export class WebGL2Engine {
  static async make(software) {
    const canvas = document.createElement("canvas");
    const options = { antialias: false, depth: false, preserveDrawingBuffer: true, failIfMajorPerformanceCaveat: !software };
    const gl = canvas.getContext("webgl2", options);
    return gl && new WebGL2Engine(canvas, gl);
  }

  constructor(canvas, gl) {
    this.name = "WebGL2";
    this.largest = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    this.canvas = canvas;
    this.gl = gl;
    this.programs = {
      place: this.compile(PLACE),
      extremes: this.compile(EXTREMES),
      finish: this.compile(FINISH),
    };
    this.textures = {};
    this.versions = {};
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  }

  async fuse(job) {
    const { gl } = this;
    const { width, height } = job.visible;
    this.useWeights(job.weights);
    this.upload("infrared", job.infrared);
    this.upload("visible", job.visible);
    let infrared = "infrared";
    if (job.placing) {
      infrared = "placed";
      this.draw(this.programs.place, infrared, width, height, gl.RGBA8, { infrared: "infrared" }, (program) => {
        // WebGL takes matrices column by column.
        gl.uniformMatrix3fv(gl.getUniformLocation(program, "backward"), true, job.placing.backward);
        gl.uniform3fv(gl.getUniformLocation(program, "sides"), job.placing.sides.flat());
      });
    }
    const sources = { infrared, visible: "visible" };
    this.draw(this.programs.hidden, "hidden", width, height, gl.RGBA32UI, sources);
    this.draw(this.programs.network, "network", width, height, gl.RGBA32UI, { infrared, network: "hidden" });
    const limits = job.limits ? this.fixedLimits(job.limits) : this.extremes(width, height);
    this.draw(this.programs.finish, "result", width, height, gl.RGBA8, { ...sources, network: "network", limits }, (program) => {
      gl.uniform1i(gl.getUniformLocation(program, "colour"), ["none", "visible", "infrared"].indexOf(job.colour));
    });
    this.show(width, height);
    await this.finished();
    if (gl.isContextLost()) throw new Error("context lost");
  }

  async pixels() {
    const { gl } = this;
    const { width, height } = this.textures.result;
    const image = new ImageData(width, height);
    const buffer = gl.createBuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.textures.result.framebuffer);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
    gl.bufferData(gl.PIXEL_PACK_BUFFER, image.data.length, gl.STREAM_READ);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, 0);
    await this.finished();
    gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, image.data);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    gl.deleteBuffer(buffer);
    return image;
  }

  // Wait until all is drawn, without holding up the page; so times are true.
  async finished() {
    const { gl } = this;
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    while (gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED) await new Promise((resolve) => setTimeout(resolve));
    gl.deleteSync(fence);
  }

  useWeights(weights) {
    if (this.weights === weights) return;
    const student = fillShader(TEMPLATES.glsl, weights.arrays);
    for (const [name, text] of [["hidden", HIDDEN(student)], ["network", NETWORK(student)]]) {
      this.gl.deleteProgram(this.programs[name] ?? null);
      this.programs[name] = this.compile(text);
    }
    this.weights = weights;
  }

  compile(fragment) {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, CORNERS], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    gl.useProgram(program);
    for (const [name, unit] of Object.entries(UNITS)) gl.uniform1i(gl.getUniformLocation(program, name), unit);
    return program;
  }

  // Return a texture of this size and format, made anew only if the last one was another.
  texture(name, width, height, format) {
    const { gl } = this;
    const last = this.textures[name];
    if (last?.width === width && last.height === height) return last;
    if (last) {
      gl.deleteTexture(last.texture);
      gl.deleteFramebuffer(last.framebuffer);
    }
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    const framebuffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    this.textures[name] = { texture, framebuffer, width, height };
    delete this.versions[name];
    return this.textures[name];
  }

  upload(name, { image, width, height, version }) {
    const { gl } = this;
    const { texture } = this.texture(name, width, height, gl.RGBA8);
    if (this.versions[name] === version) return;
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, image);
    this.versions[name] = version;
  }

  draw(program, target, width, height, format, inputs, set = () => {}) {
    const { gl } = this;
    const { framebuffer } = this.texture(target, width, height, format);
    gl.useProgram(program);
    for (const [uniform, name] of Object.entries(inputs)) {
      gl.activeTexture(gl.TEXTURE0 + UNITS[uniform]);
      gl.bindTexture(gl.TEXTURE_2D, this.textures[name].texture);
    }
    // The same texture must not be read and drawn to at once, and the first unit takes what is bound next.
    for (const unit of Object.keys(UNITS).filter((name) => !(name in inputs))) {
      gl.activeTexture(gl.TEXTURE0 + UNITS[unit]);
      gl.bindTexture(gl.TEXTURE_2D, null);
    }
    set(program);
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    gl.viewport(0, 0, width, height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, null);
  }

  fixedLimits(limits) {
    const { gl } = this;
    const { texture } = this.texture("fixed", 1, 1, gl.RGBA32UI);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    const bits = new Uint32Array(Float32Array.of(0, ...limits, 0).buffer);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 1, 1, gl.RGBA_INTEGER, gl.UNSIGNED_INT, bits);
    return "fixed";
  }

  // Each pixel of a pass is the least and the greatest of 16×16 pixels of the pass before, until one is left.
  extremes(width, height) {
    let name = "network";
    for (let pass = 1; width > 1 || height > 1; pass++) {
      width = Math.ceil(width / 16);
      height = Math.ceil(height / 16);
      this.draw(this.programs.extremes, `extremes${pass}`, width, height, this.gl.RGBA32UI, { network: name });
      name = `extremes${pass}`;
    }
    return name;
  }

  // Rows of a framebuffer count from the top here, and from the bottom on the screen.
  show(width, height) {
    const { gl } = this;
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, this.textures.result.framebuffer);
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, null);
    gl.blitFramebuffer(0, 0, width, height, 0, height, width, 0, gl.COLOR_BUFFER_BIT, gl.NEAREST);
  }
}
