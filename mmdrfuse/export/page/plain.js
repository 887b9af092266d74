// The engine in plain JavaScript, for browsers without WebGPU and WebGL2.
// All engines have: name, largest (side of a picture), canvas, async fuse(job), async pixels().
//
// A job is {infrared, visible, placing, weights, limits, colour}:
//   infrared, visible  {width, height, image, version}; image is an ImageData or a playing video
//   placing            null if the infrared lies on the visible already, else as placingOf in rig.js returns it
//   weights            {arrays, ...}
//   limits             the network's values that become black and white, or null for each picture's own extremes
//   colour             "visible", "infrared" or "none": whose colour the result gets

export class PlainEngine {
  constructor() {
    this.name = "JavaScript";
    this.largest = Infinity;
    this.canvas = document.createElement("canvas");
  }

  async fuse(job) {
    const visible = grab(job.visible);
    let infrared = grab(job.infrared);
    if (job.placing) infrared = place(infrared, job.placing, visible.width, visible.height);
    const output = networkOutput(luma(infrared), luma(visible), visible.width, visible.height, job.weights.arrays);
    const limits = job.limits ?? extremes(output, infrared.data);
    this.result = finish(output, limits, infrared.data, visible, job.colour);
    if (this.canvas.width !== visible.width) this.canvas.width = visible.width;
    if (this.canvas.height !== visible.height) this.canvas.height = visible.height;
    this.canvas.getContext("2d").putImageData(this.result, 0, 0);
  }

  async pixels() {
    return this.result;
  }
}

const grabber = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

// Return the pixels of a picture, or of a video's present frame: transparent if there is none yet.
export function grab({ image, width, height }) {
  if (image instanceof ImageData) return image;
  const { canvas } = grabber;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  grabber.clearRect(0, 0, width, height);
  grabber.drawImage(image, 0, 0, width, height);
  return grabber.getImageData(0, 0, width, height);
}

// Y = 0.299 R + 0.587 G + 0.114 B, rounded, in the same 32-bit steps as the suite.
const [RED, GREEN, BLUE] = [0.299, 0.587, 0.114].map(Math.fround);

function lumaAt(data, index) {
  const red = Math.fround(RED * data[index]);
  const green = Math.fround(GREEN * data[index + 1]);
  const blue = Math.fround(BLUE * data[index + 2]);
  return Math.floor(Math.fround(Math.fround(Math.fround(red + green) + blue) + 0.5));
}

function luma({ data }) {
  const plane = new Uint8Array(data.length / 4);
  for (let i = 0; i < plane.length; i++) plane[i] = lumaAt(data, 4 * i);
  return plane;
}

// Return the infrared on the visible's pixels: RGB bilinear, and in A how much of the fused picture is to be seen.
function place({ data, width, height }, { backward, sides }, outWidth, outHeight) {
  const result = new ImageData(outWidth, outHeight);
  const [a, b, c, d, e, f, g, h, k] = backward;
  const value = (x, y, channel) =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : data[4 * (y * width + x) + channel];
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      const w = g * x + h * y + k;
      if (w <= 0) continue;
      const u = (a * x + b * y + c) / w;
      const v = (d * x + e * y + f) / w;
      const at = 4 * (y * outWidth + x);
      const left = Math.floor(u);
      const top = Math.floor(v);
      const across = u - left;
      const down = v - top;
      for (let channel = 0; channel < 3; channel++) {
        const upper = value(left, top, channel) * (1 - across) + value(left + 1, top, channel) * across;
        const lower = value(left, top + 1, channel) * (1 - across) + value(left + 1, top + 1, channel) * across;
        result.data[at + channel] = roundEven(upper * (1 - down) + lower * down);
      }
      const inside = u >= -0.01 && v >= -0.01 && u <= width - 0.99 && v <= height - 0.99;
      if (!inside) continue;
      const distance = Math.min(...sides.map(([p, q, r]) => p * x + q * y + r));
      result.data[at + 3] = roundEven(255 * Math.min(Math.max((distance - 1) / 8, 0), 1));
    }
  }
  return result;
}

// Two 3×3 convolutions and tanh. Three rows of the hidden map are in memory at a time; all borders are reflected.
function networkOutput(infrared, visible, width, height, arrays) {
  const first = arrays["conv1.weight"];
  const second = arrays["conv2.weight"];
  const sources = [infrared, visible];
  const padded = sources.map(() => [0, 1, 2].map(() => new Float32Array(width + 2)));
  const hidden = [0, 1, 2, 3].map(() => [0, 1, 2].map(() => new Float32Array(width + 2)));
  const output = new Float32Array(width * height);
  const reflect = (y) => height - 1 - Math.abs(height - 1 - Math.abs(y));

  const load = (y) => {
    sources.forEach((source, side) => {
      const row = padded[side][y % 3];
      for (let x = 0; x < width; x++) row[x + 1] = source[y * width + x] / 255;
      close(row, width);
    });
  };
  const hide = (y) => {
    const rows = [reflect(y - 1) % 3, y % 3, reflect(y + 1) % 3];
    for (let channel = 0; channel < 4; channel++) {
      const row = hidden[channel][y % 3];
      row.fill(arrays["conv1.bias"][channel]);
      for (let side = 0; side < 2; side++) {
        addConvolved(row, padded[side], rows, first.subarray(channel * 18 + side * 9, channel * 18 + side * 9 + 9), width);
      }
      for (let x = 1; x <= width; x++) row[x] = Math.max(row[x], 0);
      close(row, width);
    }
  };
  const sums = new Float32Array(width + 2);
  const write = (y) => {
    const rows = [reflect(y - 1) % 3, y % 3, reflect(y + 1) % 3];
    sums.fill(arrays["conv2.bias"][0]);
    for (let channel = 0; channel < 4; channel++) {
      addConvolved(sums, hidden[channel], rows, second.subarray(channel * 9, channel * 9 + 9), width);
    }
    for (let x = 0; x < width; x++) output[y * width + x] = Math.tanh(sums[x + 1]);
  };

  load(0);
  for (let y = 0; y < height; y++) {
    if (y + 1 < height) load(y + 1);
    hide(y);
    if (y > 0) write(y - 1);
  }
  write(height - 1);
  return output;
}

function close(row, width) {
  row[0] = row[2];
  row[width + 1] = row[width - 1];
}

function addConvolved(sums, rows, [above, here, below], k, width) {
  const upper = rows[above];
  const middle = rows[here];
  const lower = rows[below];
  const [k0, k1, k2, k3, k4, k5, k6, k7, k8] = k;
  for (let x = 1; x <= width; x++) {
    sums[x] +=
      k0 * upper[x - 1] + k1 * upper[x] + k2 * upper[x + 1] +
      k3 * middle[x - 1] + k4 * middle[x] + k5 * middle[x + 1] +
      k6 * lower[x - 1] + k7 * lower[x] + k8 * lower[x + 1];
  }
}

function extremes(output, infrared) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < output.length; i++) {
    if (infrared[4 * i + 3] === 0) continue; // beyond the infrared's view
    low = Math.min(low, output[i]);
    high = Math.max(high, output[i]);
  }
  return [low, high];
}

// Bring the output to levels, fade into the visible where the infrared ends, and add the colour by YCbCr.
function finish(output, [low, high], infrared, visible, colour) {
  const result = new ImageData(visible.width, visible.height);
  const gain = high > low ? Math.fround(255 / (high - low)) : 0;
  const coloured = colour === "infrared" ? infrared : visible.data;
  for (let i = 0; i < output.length; i++) {
    const at = 4 * i;
    let level = Math.min(Math.max(roundEven(Math.fround(Math.fround(output[i] - low) * gain)), 0), 255);
    const share = infrared[at + 3] / 255;
    if (share < 1) {
      const beyond = lumaAt(visible.data, at);
      level = roundEven(beyond + share * (level - beyond));
    }
    const change = colour === "none" ? 0 : level - lumaAt(coloured, at);
    for (let channel = 0; channel < 3; channel++) {
      result.data[at + channel] = colour === "none" ? level : coloured[at + channel] + change; // clamped by the array
    }
    result.data[at + 3] = 255;
  }
  return result;
}

function roundEven(value) {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}
