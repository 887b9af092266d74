// The engine on WebGPU: compute shaders that place the infrared, run both layers of the network, and finish.

import { TEMPLATES } from "./data.js";
import { fillShader } from "./weights.js";

const HEAD = `
struct Job {
  backward: array<vec4f, 3>, // rows of a matrix
  sides: array<vec4f, 4>,
  limits: vec2f,
  colour: u32, // 0 none, 1 visible, 2 infrared
  stretched: u32, // whether the limits are the picture's own extremes
}
@group(0) @binding(0) var<uniform> job: Job;
@group(0) @binding(1) var infrared: texture_2d<f32>;
@group(0) @binding(2) var visible: texture_2d<f32>;

// 0.299 R + 0.587 G + 0.114 B, rounded; the half of a thousandth keeps whole numbers whole.
fn luma(colour: vec4f) -> f32 {
  return floor((dot(colour.rgb, vec3f(299.0, 587.0, 114.0)) * 255.0 + 500.5) * 0.001);
}
`;

const PLACE = `${HEAD}
@group(0) @binding(3) var placed: texture_storage_2d<rgba8unorm, write>;

fn value(at: vec2i, size: vec2i) -> vec4f {
  let inside = all(at >= vec2i(0)) && all(at < size);
  return select(vec4f(0.0), textureLoad(infrared, clamp(at, vec2i(0), size - 1), 0), inside);
}

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (any(id.xy >= textureDimensions(placed))) { return; }
  let size = vec2i(textureDimensions(infrared));
  let here = vec3f(vec2f(id.xy), 1.0);
  let there = vec3f(dot(job.backward[0].xyz, here), dot(job.backward[1].xyz, here), dot(job.backward[2].xyz, here));
  if (there.z <= 0.0) {
    textureStore(placed, id.xy, vec4f(0.0));
    return;
  }
  let at = there.xy / there.z;
  let first = vec2i(floor(at));
  let share = at - floor(at);
  let upper = mix(value(first, size), value(first + vec2i(1, 0), size), share.x);
  let lower = mix(value(first + vec2i(0, 1), size), value(first + vec2i(1, 1), size), share.x);
  let colour = round(mix(upper, lower, share.y).rgb * 255.0) / 255.0;
  let inside = all(at >= vec2f(-0.01)) && all(at <= vec2f(size) - 0.99);
  var distance = dot(job.sides[0].xyz, here);
  for (var i = 1; i < 4; i++) { distance = min(distance, dot(job.sides[i].xyz, here)); }
  textureStore(placed, id.xy, vec4f(colour, select(0.0, clamp((distance - 1.0) / 8.0, 0.0, 1.0), inside)));
}`;

const HIDDEN = (student) => `${HEAD}
@group(0) @binding(3) var layer: texture_storage_2d<rgba32float, write>;
${student}
fn sources(at: vec2i) -> vec2f {
  return vec2f(luma(textureLoad(infrared, at, 0)), luma(textureLoad(visible, at, 0))) / 255.0;
}

fn hidden(at: vec2i) -> vec4f {
  return vec4f(0.0);
}

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let size = textureDimensions(visible);
  if (any(id.xy >= size)) { return; }
  textureStore(layer, id.xy, mmdrfuse_hidden(vec2i(id.xy), vec2i(size)));
}`;

// The extremes are integers that are ordered like the floats, for WebGPU has no atomic floats.
const NETWORK = (student) => `${HEAD}
@group(0) @binding(3) var layer: texture_2d<f32>;
@group(0) @binding(4) var network: texture_storage_2d<r32float, write>;
@group(0) @binding(5) var<storage, read_write> extremes: array<atomic<u32>, 2>;
var<workgroup> low: atomic<u32>;
var<workgroup> high: atomic<u32>;
${student}
fn sources(at: vec2i) -> vec2f {
  return vec2f(0.0);
}

fn hidden(at: vec2i) -> vec4f {
  return textureLoad(layer, at, 0);
}

fn ordered(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) index: u32) {
  let size = vec2i(textureDimensions(layer));
  let at = vec2i(id.xy);
  if (index == 0u) {
    atomicStore(&low, 0xffffffffu);
    atomicStore(&high, 0u);
  }
  workgroupBarrier();
  if (all(at < size)) {
    let fused = mmdrfuse(at, size);
    textureStore(network, at, vec4f(fused));
    if (textureLoad(infrared, at, 0).a > 0.0) {
      atomicMin(&low, ordered(fused));
      atomicMax(&high, ordered(fused));
    }
  }
  workgroupBarrier();
  if (index == 0u) {
    atomicMin(&extremes[0], atomicLoad(&low));
    atomicMax(&extremes[1], atomicLoad(&high));
  }
}`;

const FINISH = `${HEAD}
@group(0) @binding(3) var network: texture_2d<f32>;
@group(0) @binding(4) var<storage, read> extremes: array<u32, 2>;
@group(0) @binding(5) var result: texture_storage_2d<rgba8unorm, write>;

fn plain(order: u32) -> f32 {
  return bitcast<f32>(select(~order, order & 0x7fffffffu, (order >> 31u) == 1u));
}

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (any(id.xy >= textureDimensions(result))) { return; }
  let own_limits = vec2f(plain(extremes[0]), plain(extremes[1]));
  let ends = select(job.limits, own_limits, job.stretched == 1u);
  let gain = select(0.0, 255.0 / (ends.y - ends.x), ends.y > ends.x);
  var level = clamp(round((textureLoad(network, id.xy, 0).r - ends.x) * gain), 0.0, 255.0);
  let other = textureLoad(infrared, id.xy, 0);
  let own = textureLoad(visible, id.xy, 0);
  if (other.a < 1.0) { level = round(mix(luma(own), level, other.a)); }
  let coloured = select(other, own, job.colour == 1u);
  let shifted = coloured.rgb * 255.0 + (level - luma(coloured));
  let pixel = clamp(select(shifted, vec3f(level), job.colour == 0u), vec3f(0.0), vec3f(255.0)) / 255.0;
  textureStore(result, id.xy, vec4f(pixel, 1.0));
}`;

const FORMAT = "rgba8unorm";
const JOB_BYTES = 128;

export class WebGPUEngine {
  static async make(software) {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter || (adapter.info?.isFallbackAdapter && !software)) return null;
    const { maxTextureDimension2D } = adapter.limits;
    return new WebGPUEngine(await adapter.requestDevice({ requiredLimits: { maxTextureDimension2D } }));
  }

  constructor(device) {
    this.name = "WebGPU";
    this.largest = device.limits.maxTextureDimension2D;
    this.device = device;
    device.lost.then(({ message }) => (this.lost = message || "device lost"));
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("webgpu");
    this.context.configure({ device, format: FORMAT, usage: GPUTextureUsage.COPY_DST, alphaMode: "opaque" });
    this.job = device.createBuffer({ size: JOB_BYTES, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    this.extremes = device.createBuffer({ size: 8, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
    this.pipelines = { place: this.compile(PLACE), finish: this.compile(FINISH) };
    this.textures = {};
    this.versions = {};
  }

  async fuse(job) {
    const { device } = this;
    const { width, height } = job.visible;
    this.useWeights(job.weights);
    this.upload("infrared", job.infrared);
    this.upload("visible", job.visible);
    this.writeJob(job);
    device.queue.writeBuffer(this.extremes, 0, new Uint32Array([0xffffffff, 0]));

    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    const visible = this.textures.visible;
    const layer = this.texture("layer", width, height, "rgba32float");
    const output = this.texture("network", width, height, "r32float");
    const result = this.texture("result", width, height, FORMAT);
    let infrared = this.textures.infrared;
    if (job.placing) {
      const placed = this.texture("placed", width, height, FORMAT);
      this.run(pass, this.pipelines.place, width, height, { 0: this.job, 1: infrared, 3: placed });
      infrared = placed;
    }
    this.run(pass, this.pipelines.hidden, width, height, { 1: infrared, 2: visible, 3: layer });
    this.run(pass, this.pipelines.network, width, height, { 1: infrared, 3: layer, 4: output, 5: this.extremes });
    const finishing = { 0: this.job, 1: infrared, 2: visible, 3: output, 4: this.extremes, 5: result };
    this.run(pass, this.pipelines.finish, width, height, finishing);
    pass.end();

    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    encoder.copyTextureToTexture({ texture: result }, { texture: this.context.getCurrentTexture() }, [width, height]);
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    if (this.lost) throw new Error(this.lost);
  }

  async pixels() {
    const { result } = this.textures;
    const { width, height } = result;
    const bytesPerRow = Math.ceil((4 * width) / 256) * 256;
    const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
    const buffer = this.device.createBuffer({ size: bytesPerRow * height, usage });
    const encoder = this.device.createCommandEncoder();
    encoder.copyTextureToBuffer({ texture: result }, { buffer, bytesPerRow }, [width, height]);
    this.device.queue.submit([encoder.finish()]);
    await buffer.mapAsync(GPUMapMode.READ);
    const rows = new Uint8ClampedArray(buffer.getMappedRange());
    const image = new ImageData(width, height);
    for (let y = 0; y < height; y++) {
      image.data.set(rows.subarray(y * bytesPerRow, y * bytesPerRow + 4 * width), 4 * width * y);
    }
    buffer.destroy();
    return image;
  }

  useWeights(weights) {
    if (this.weights === weights) return;
    const student = fillShader(TEMPLATES.wgsl, weights.arrays);
    this.pipelines.hidden = this.compile(HIDDEN(student));
    this.pipelines.network = this.compile(NETWORK(student));
    this.weights = weights;
  }

  compile(code) {
    const module = this.device.createShaderModule({ code });
    return this.device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  }

  // Return a texture of this size and format, made anew only if the last one was another.
  texture(name, width, height, format) {
    const last = this.textures[name];
    if (last?.width === width && last.height === height) return last;
    last?.destroy();
    const { COPY_DST, COPY_SRC, RENDER_ATTACHMENT, STORAGE_BINDING, TEXTURE_BINDING } = GPUTextureUsage;
    const usage = COPY_DST | COPY_SRC | RENDER_ATTACHMENT | STORAGE_BINDING | TEXTURE_BINDING;
    delete this.versions[name];
    this.textures[name] = this.device.createTexture({ size: [width, height], format, usage });
    return this.textures[name];
  }

  upload(name, { image, width, height, version }) {
    const texture = this.texture(name, width, height, FORMAT);
    if (this.versions[name] === version) return;
    if (image instanceof ImageData) {
      this.device.queue.writeTexture({ texture }, image.data, { bytesPerRow: 4 * width }, [width, height]);
    } else {
      this.device.queue.copyExternalImageToTexture({ source: image }, { texture }, [width, height]);
    }
    this.versions[name] = version;
  }

  writeJob(job) {
    const floats = new Float32Array(JOB_BYTES / 4);
    const integers = new Uint32Array(floats.buffer);
    if (job.placing) {
      for (let row = 0; row < 3; row++) floats.set(job.placing.backward.slice(3 * row, 3 * row + 3), 4 * row);
      job.placing.sides.forEach((side, index) => floats.set(side, 12 + 4 * index));
    }
    if (job.limits) floats.set(job.limits, 28);
    integers[30] = ["none", "visible", "infrared"].indexOf(job.colour);
    integers[31] = job.limits ? 0 : 1;
    this.device.queue.writeBuffer(this.job, 0, floats);
  }

  // Run a shader for every pixel. Its "auto" layout takes exactly the bindings that its text uses.
  run(pass, pipeline, width, height, bindings) {
    const entries = Object.entries(bindings).map(([binding, resource]) => ({
      binding: Number(binding),
      resource: resource instanceof GPUBuffer ? { buffer: resource } : resource.createView(),
    }));
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, this.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(Math.ceil(width / 16), Math.ceil(height / 16));
  }
}
