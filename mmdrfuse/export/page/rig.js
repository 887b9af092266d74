// Two cameras that do not lie on each other: 3×3 matrices, the rig file, and where the infrared ends.
// Matrices are nine numbers, row by row, and take (x, y, 1) of infrared pixels to visible ones;
// (0, 0) is the centre of the upper left pixel.

const SAME_ASPECT = 0.01;
const FAR = [0, 0, 1e9];
const NUMBER = /[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?/gi;

export const IDENTITY = [1, 0, 0, 0, 1, 0, 0, 0, 1];

export function multiply(a, b) {
  const entry = (row, column) => a[3 * row] * b[column] + a[3 * row + 1] * b[3 + column] + a[3 * row + 2] * b[6 + column];
  return IDENTITY.map((_, index) => entry(Math.floor(index / 3), index % 3));
}

export function inverse([a, b, c, d, e, f, g, h, i]) {
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const adjugate = [e * i - f * h, c * h - b * i, b * f - c * e, f * g - d * i, a * i - c * g, c * d - a * f,
    d * h - e * g, b * g - a * h, a * e - b * d];
  return adjugate.map((value) => value / determinant);
}

export function apply(matrix, x, y) {
  const [u, v, w] = [0, 3, 6].map((row) => matrix[row] * x + matrix[row + 1] * y + matrix[row + 2]);
  return [u / w, v / w, w];
}

function scaling(across, down) {
  return [across, 0, (across - 1) / 2, 0, down, (down - 1) / 2, 0, 0, 1];
}

function translation(x, y) {
  return [1, 0, x, 0, 1, y, 0, 0, 1];
}

function sameAspect(across, down, smallest) {
  return Math.abs(Math.log(across / down)) <= Math.max(SAME_ASPECT, 1 / smallest);
}

// Return the matrix to begin with: the infrared fills the visible, or lies in its middle if its aspect is another.
export function fitting(infrared, visible) {
  const across = visible.width / infrared.width;
  const down = visible.height / infrared.height;
  if (sameAspect(across, down, Math.min(visible.width, visible.height))) return scaling(across, down);
  const scale = Math.min(across, down);
  const left = (visible.width - scale * infrared.width) / 2;
  const top = (visible.height - scale * infrared.height) / 2;
  return multiply(translation(left, top), scaling(scale, scale));
}

export const NO_CHANGE = { right: 0, down: 0, scale: 100, turn: 0, tiltAcross: 0, tiltDown: 0 };

// Return a matrix followed by a change made by hand: pixels, per cent, degrees, and per cent of perspective,
// about the middle of the visible picture.
export function adjusted(matrix, { right, down, scale, turn, tiltAcross, tiltDown }, visible) {
  const x = (visible.width - 1) / 2;
  const y = (visible.height - 1) / 2;
  const angle = (turn * Math.PI) / 180;
  const cosine = (Math.cos(angle) * scale) / 100;
  const sine = (Math.sin(angle) * scale) / 100;
  const similarity = [cosine, -sine, 0, sine, cosine, 0, 0, 0, 1];
  const perspective = [1, 0, 0, 0, 1, 0, tiltAcross / 100 / visible.width, tiltDown / 100 / visible.height, 1];
  const steps = [translation(x + right, y + down), similarity, perspective, translation(-x, -y), matrix];
  const product = steps.reduce(multiply);
  return product.map((value) => value / product[8]);
}

// Return where a matrix takes the corners of the infrared: the upper left, then clockwise.
export function cornersOf(matrix, { width, height }) {
  const [right, bottom] = [width - 1, height - 1];
  return [[0, 0], [right, 0], [right, bottom], [0, bottom]].map(([x, y]) => apply(matrix, x, y));
}

// Return the matrix that takes the corners of the infrared to four places.
export function fromCorners([[x0, y0], [x1, y1], [x2, y2], [x3, y3]], { width, height }) {
  const [a, b, c] = [x1 - x2, x3 - x2, x0 - x1 + x2 - x3];
  const [d, e, f] = [y1 - y2, y3 - y2, y0 - y1 + y2 - y3];
  const g = (c * e - b * f) / (a * e - b * d);
  const h = (a * f - c * d) / (a * e - b * d);
  const ofSquare = [x1 - x0 + g * x1, x3 - x0 + h * x3, x0, y1 - y0 + g * y1, y3 - y0 + h * y3, y0, g, h, 1];
  return multiply(ofSquare, [1 / (width - 1), 0, 0, 0, 1 / (height - 1), 0, 0, 0, 1]);
}

// Return what the engines need: the matrix back to the infrared, and the lines of its four sides.
// A side is (a, b, c); a·x + b·y + c is the distance of a visible pixel from it, positive inside.
export function placingOf(matrix, infrared, visible) {
  const right = infrared.width - 1;
  const bottom = infrared.height - 1;
  const places = cornersOf(matrix, infrared);
  const sign = Math.sign(apply(matrix, right / 2, bottom / 2)[2]);
  if (places.some(([x, y, w]) => w * sign <= 0 || !Number.isFinite(x + y))) {
    throw new Error("The perspective is too strong: a corner of the infrared lies behind the camera. Weaken it.");
  }
  const backward = inverse(matrix).map((value) => value * sign);
  if (!backward.every(Number.isFinite)) throw new Error("The infrared has no width or height left. Reset the alignment.");
  const lines = places.map(([x, y], index) => {
    const [u, v] = places[(index + 1) % 4];
    const length = Math.hypot(u - x, v - y);
    const normal = [-(v - y) / length, (u - x) / length];
    return [...normal, -normal[0] * x - normal[1] * y];
  });
  const turned = lines[0][0] * places[2][0] + lines[0][1] * places[2][1] + lines[0][2] < 0;
  if (turned) throw new Error("The alignment mirrors the infrared, as no two cameras do. Reset it.");
  const corners = [[0, 0], [visible.width - 1, 0], [0, visible.height - 1], [visible.width - 1, visible.height - 1]];
  const cuts = ([a, b, c]) => corners.some(([x, y]) => a * x + b * y + c < -0.01);
  // No seam where the visible picture ends before the infrared's.
  return { backward, sides: lines.map((line) => (cuts(line) ? line : FAR)) };
}

// Return the text of a rig file, as `mmdrfuse fuse --rig` reads it.
export function rigText({ matrix, infrared, visible, sources, version, date }) {
  const rows = [0, 3, 6].map((start) => `  - ${JSON.stringify(matrix.slice(start, start + 3))}`);
  const made = { date, version, command: "page, by hand", sources };
  const size = ({ width, height }) => `{width: ${width}, height: ${height}}`;
  const lines = [
    "mmdrfuse_rig: 1",
    "# from infrared pixels (x, y, 1) to visible ones; (0, 0) is the centre of the first",
    "matrix:", ...rows,
    `infrared: ${size(infrared)}`,
    `visible: ${size(visible)}`,
    "model: homography",
    "confidence: null",
    `made: {${Object.entries(made).map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join(", ")}}`,
  ];
  return `${lines.join("\n")}\n`;
}

// Read a rig file, or nine numbers: {matrix, infrared, visible}; the sizes are missing where the file names none.
export function readRig(text, name) {
  const plain = text.replace(/#.*/g, "");
  const rig = /^mmdrfuse_rig:\s*(\S+)/m.exec(plain);
  if (rig && rig[1] !== "1") throw new Error(`${name}: rig file of version ${rig[1]}; this page reads version 1.`);
  const block = rig ? /^matrix:[\s\d.eE+,[\]-]*/m.exec(plain)?.[0] : plain;
  const listed = (block ?? "").replace(/^\s*matrix:/, "");
  const isList = rig || /^[\s\d.eE+,;[\]-]*$/.test(listed);
  const matrix = isList ? (listed.match(NUMBER) ?? []).map(Number) : [];
  if (matrix.length !== 9 || !matrix.every(Number.isFinite)) {
    throw new Error(`${name}: this is no rig. Give a rig.yaml, or a 3×3 matrix row by row.`);
  }
  const size = (side) => {
    const found = new RegExp(`^${side}:\\s*\\{?\\s*width:\\s*(\\d+)\\s*,?\\s*height:\\s*(\\d+)`, "m").exec(plain);
    return found && { width: Number(found[1]), height: Number(found[2]) };
  };
  return { name, matrix, infrared: size("infrared"), visible: size("visible") };
}

// Return a rig's matrix for pictures of given sizes: scaled if they are larger or smaller than the rig's.
export function matrixFor(rig, infrared, visible) {
  if (!rig.infrared || !rig.visible) return rig.matrix;
  const between = (known, wanted, side) => {
    const across = wanted.width / known.width;
    const down = wanted.height / known.height;
    if (!sameAspect(across, down, Math.min(wanted.width, wanted.height))) {
      throw new Error(
        `${rig.name}: the rig is for ${side} pictures of ${known.width}×${known.height} pixels, ` +
        `and this one has ${wanted.width}×${wanted.height}, another aspect.`);
    }
    return scaling(across, down);
  };
  const before = between(rig.infrared, infrared, "infrared");
  const after = between(rig.visible, visible, "visible");
  return multiply(multiply(after, rig.matrix), inverse(before));
}
