// A made-up night street, for those who have no pictures at hand: people whom only the infrared shows.

const SIZE = { width: 640, height: 480 };
const PEOPLE = [[150, 300, 1], [205, 292, 0.9], [470, 330, 1.5], [395, 285, 0.8]];

export function exampleScene() {
  return { infrared: draw(drawInfrared), visible: draw(drawVisible) };
}

function draw(paint) {
  const context = new OffscreenCanvas(SIZE.width, SIZE.height).getContext("2d", { willReadFrequently: true });
  paint(context);
  const image = context.getImageData(0, 0, SIZE.width, SIZE.height);
  let seed = 7;
  for (let i = 0; i < image.data.length; i++) {
    if (i % 4 === 3) continue;
    seed = (seed * 1103515245 + 12345) % 2147483648;
    image.data[i] += (seed / 2147483648 - 0.5) * 6; // noise, as cameras have it
  }
  return image;
}

function fill(context, colour, ...box) {
  context.fillStyle = colour;
  context.fillRect(...box);
}

function shade(context, from, to, top, bottom) {
  const gradient = context.createLinearGradient(0, top, 0, bottom);
  gradient.addColorStop(0, from);
  gradient.addColorStop(1, to);
  fill(context, gradient, 0, top, SIZE.width, bottom - top);
}

function drawHouses(context, wall, windowOn, windowOff) {
  for (const [left, top, width] of [[0, 90, 140], [140, 140, 110], [420, 120, 100], [520, 60, 120]]) {
    fill(context, wall, left, top, width, 240 - top);
    for (let y = top + 15; y < 220; y += 28) {
      for (let x = left + 12; x < left + width - 14; x += 26) {
        fill(context, (x * 7 + y * 3) % 5 < 2 ? windowOn : windowOff, x, y, 13, 16);
      }
    }
  }
}

function drawPeople(context, colours) {
  for (const [x, y, scale] of PEOPLE) {
    context.fillStyle = colours[0];
    context.beginPath();
    context.ellipse(x, y, 7 * scale, 9 * scale, 0, 0, 7);
    context.fill();
    fill(context, colours[1], x - 11 * scale, y + 9 * scale, 22 * scale, 34 * scale);
    fill(context, colours[2], x - 9 * scale, y + 43 * scale, 7 * scale, 32 * scale);
    fill(context, colours[2], x + 2 * scale, y + 43 * scale, 7 * scale, 32 * scale);
  }
}

function drawVisible(context) {
  shade(context, "#0b1030", "#2b2440", 0, 240);
  drawHouses(context, "#1b1a22", "#e8b95a", "#2a2a36");
  shade(context, "#191a1e", "#26262a", 240, SIZE.height);
  for (let y = 260; y < SIZE.height; y += 50) fill(context, "#8a8878", 312, y, 8 + (y - 240) / 30, 24);
  drawPeople(context, ["#241f1e", "#1c1d24", "#191a1f"]);
  context.fillStyle = "#c33128";
  context.fillRect(60, 120, 70, 20);
  context.fillStyle = "#fff4cf";
  context.font = "bold 15px sans-serif";
  context.fillText("HOTEL", 68, 135);
  const glow = context.createRadialGradient(330, 150, 2, 330, 150, 110);
  glow.addColorStop(0, "#fff2c8");
  glow.addColorStop(0.1, "#ffd98888");
  glow.addColorStop(1, "#ffd98800");
  fill(context, "#3a3a3e", 327, 150, 6, 110);
  fill(context, glow, 200, 30, 260, 260);
}

function drawInfrared(context) {
  shade(context, "#0e0e0e", "#1e1e1e", 0, 240);
  drawHouses(context, "#4a4a4a", "#6e6e6e", "#5a5a5a");
  shade(context, "#4c4c4c", "#626262", 240, SIZE.height);
  fill(context, "#555", 60, 120, 70, 20);
  fill(context, "#5c5c5c", 327, 150, 6, 110);
  fill(context, "#f4f4f4", 322, 142, 16, 14);
  drawPeople(context, ["#fafafa", "#d2d2d2", "#bdbdbd"]);
}
