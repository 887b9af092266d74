// Weights: the shipped ones that came with the page, and .safetensors files that somebody drops.

const SHAPES = {
  "conv1.weight": [4, 2, 3, 3],
  "conv1.bias": [4],
  "conv2.weight": [1, 4, 3, 3],
  "conv2.bias": [1],
};
// How the authors of the network named the same layers.
const RELEASED = { "conv1.1": "conv1", "conv2.1": "conv2" };
const READERS = {
  F64: (view, index) => view.getFloat64(8 * index, true),
  F32: (view, index) => view.getFloat32(4 * index, true),
  F16: (view, index) => halfFloat(view.getUint16(2 * index, true)),
  BF16: (view, index) => brainFloat(view.getUint16(2 * index, true)),
};
const LARGEST_FILE = 1e6;
const FIXED = /^fixed:([-+.\de]+),([-+.\de]+)$/i;

// Return {name, title, range, arrays} of a file's bytes; refuse everything but a student.
export function readSafetensors(buffer, name) {
  const refuse = (why) => {
    throw new Error(`${name}: ${why}. Give a .safetensors file with the 113 numbers of a student.`);
  };
  if (buffer.byteLength < 10 || buffer.byteLength > LARGEST_FILE) refuse("this is no file of a student's weights");
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  if (length > buffer.byteLength - 8) refuse("this is no safetensors file");

  let header;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(buffer, 8, length)));
  } catch {
    refuse("this is no safetensors file");
  }
  const entries = Object.entries(header ?? {}).filter(([key]) => key !== "__metadata__");
  const tensors = new Map(entries.map(([key, entry]) => [ourName(key), entry]));
  const fits = (key) => String(tensors.get(key)?.shape) === String(SHAPES[key]);
  if (tensors.size !== 4 || !Object.keys(SHAPES).every(fits)) refuse("the file holds another network");

  const data = buffer.slice(8 + length);
  const arrays = {};
  for (const key of Object.keys(SHAPES)) {
    const { dtype, shape, data_offsets: offsets } = tensors.get(key);
    const count = shape.reduce((product, size) => product * size, 1);
    const [start, end] = Array.isArray(offsets) ? offsets : [];
    const read = READERS[dtype];
    if (!read) refuse(`${key} has values of type ${dtype}`);
    const bytes = { F64: 8, F32: 4 }[dtype] ?? 2;
    if (!(start >= 0 && end <= data.byteLength && end - start === bytes * count)) refuse("the file is damaged");
    const view = new DataView(data, start, end - start);
    arrays[key] = Float32Array.from({ length: count }, (_, index) => read(view, index));
    if (!arrays[key].every(Number.isFinite)) refuse(`${key} has values that are not finite`);
  }
  const card = readCard(header.__metadata__);
  const range = card.range ?? "clip";
  if (limitsOf(range) === undefined) refuse(`its card asks for range ${range}, which this page does not have`);
  return { name, title: String(card.title ?? ""), range, arrays };
}

// Return the network's values that become black and white: null for each picture's own, undefined for no such range.
export function limitsOf(range) {
  const [, low, high] = FIXED.exec(range) ?? [];
  if (range === "clip") return [0, 1];
  if (range === "minmax") return null;
  return Number(low) < Number(high) ? [Number(low), Number(high)] : undefined;
}

function ourName(name) {
  const layer = name.slice(0, name.lastIndexOf("."));
  return (RELEASED[layer] ?? layer) + name.slice(name.lastIndexOf("."));
}

function readCard(metadata) {
  try {
    const card = JSON.parse(metadata?.card ?? "{}");
    return card && typeof card === "object" ? card : {};
  } catch {
    return {};
  }
}

function brainFloat(bits) {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(0, bits);
  return view.getFloat32(0);
}

function halfFloat(bits) {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

// Return the shipped weights: name → {name, title, range, arrays}.
export function shippedWeights(data) {
  return new Map(data.map(({ numbers, ...rest }) => [rest.name, { ...rest, arrays: split(numbers) }]));
}

// Take 113 floats of 32 bits, in the order of SHAPES, apart.
function split(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const numbers = new Float32Array(bytes.buffer);
  let start = 0;
  const part = (shape) => numbers.subarray(start, (start += shape.reduce((product, size) => product * size)));
  return Object.fromEntries(Object.entries(SHAPES).map(([key, shape]) => [key, part(shape)]));
}

// Fill the weights into a shader's template, as mmdrfuse/export/shaders.py does: the page runs what is exported.
export function fillShader(template, arrays) {
  const slots = shaderSlots(arrays);
  return template.replace(/\$(\w+)/g, (_, name) => slots[name]);
}

function shaderSlots(arrays) {
  const written = (values) => values.map((value) => value.toExponential(8)).join(", ");
  const first = arrays["conv1.weight"];
  const second = arrays["conv2.weight"];
  const slots = { bias1: written([...arrays["conv1.bias"]]), bias2: written([...arrays["conv2.bias"]]) };
  for (let place = 0; place < 9; place++) {
    // Four numbers for the infrared, then four for the visible: the columns of a matrix.
    slots[`k${place}`] = written([0, 1, 2, 3, 4, 5, 6, 7].map((i) => first[(i % 4) * 18 + (i >> 2) * 9 + place]));
    slots[`l${place}`] = written([0, 1, 2, 3].map((channel) => second[channel * 9 + place]));
  }
  return slots;
}

const GRID = 101;

// Return the name of the shipped weights that the suite takes for such pictures (docs/weights.md).
export function automaticWeights(infrared, visible, moving) {
  let [black, dark] = [0, 0];
  for (let index = 0; index < GRID * GRID; index++) {
    const [across, down] = [(index % GRID) / GRID, Math.floor(index / GRID) / GRID];
    const light = luminance(visible, across, down);
    if (light < 26) dark++;
    if (light <= 4 && luminance(infrared, across, down) <= 4) black++;
  }
  if (black > 0.1 * GRID * GRID) return "medical";
  if (moving) return dark > 0.2 * GRID * GRID ? "night" : "day";
  return "scenes";
}

function luminance({ data, width, height }, across, down) {
  const at = 4 * (Math.floor(down * height) * width + Math.floor(across * width));
  return Math.round(0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]);
}
