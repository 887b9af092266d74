// The pictures of the current pair, and the view that all of them share: zoom, centre and cursor.
const names = [...data.panes.map(([name]) => name), ...(data.checkerboards ? ["checkerboard before", "checkerboard after"] : [])];
const methodOf = (index) => data.panes[index]?.[1] ?? -1; // the place of a picture's row in the table; -1 for none
const view = { zoom: 1, x: 0.5, y: 0.5, cursor: null }; // centre as a share of width and height; cursor in pixels
const current = { pair: null, pictures: [], boxes: [], width: 1, height: 1 };
// kind of a box → colour and dashes, so that no kind is told by its colour alone
const BOXES = { labelled: ["#56b4e9", []], found: ["#2fd6a0", []], missed: ["#ff7f32", [7, 4]], wrong: ["#f5e342", [2, 3]], ignored: ["#c8c8c8", [1, 5]] };
const drawers = new Map(); // canvas → what draws it
const LOUPE = 11; // pixels a side
const MOST_ZOOM = 64;

/** Return a picture that can be drawn, and whose pixels can be read if it is embedded. */
async function load(source, readable) {
  const image = new Image();
  image.src = source;
  await image.decode();
  const picture = { image, width: image.naturalWidth, height: image.naturalHeight, pixels: null };
  if (readable) {
    const canvas = make("canvas", { width: picture.width, height: picture.height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    picture.pixels = context.getImageData(0, 0, picture.width, picture.height).data;
  }
  return picture;
}

/** Return the pictures of a pair, null for each that is missing. */
async function picturesOf(pair) {
  const text = byId(`pair-${pair}`)?.textContent;
  const read = text ? JSON.parse(text) : { webp: [], originals: [], files: [], hashes: [], errors: [] };
  const sources = names.map((_, index) => {
    if (read.webp[index]) return [`data:image/webp;base64,${read.webp[index]}`, true];
    return read.originals[index] ? [original(read.originals[index]), false] : null;
  });
  const pictures = await Promise.all(sources.map((source) => (source ? load(...source).catch(() => null) : null)));
  return { boxes: [], ...read, pictures };
}

function original(name) {
  return `${encodeURIComponent(data.folder)}/${encodeURIComponent(name)}`;
}

/** Return how many pixels of the screen one of the picture takes, and where its corner is. */
function placement(canvas) {
  const scale = Math.min(canvas.width / current.width, canvas.height / current.height) * view.zoom;
  return { scale, left: canvas.width / 2 - view.x * current.width * scale, top: canvas.height / 2 - view.y * current.height * scale };
}

function drawPicture(canvas, image, place, right = canvas.width) {
  const context = canvas.getContext("2d");
  context.save();
  context.beginPath();
  context.rect(0, 0, right, canvas.height);
  context.clip();
  context.imageSmoothingEnabled = place.scale < 3;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, place.left, place.top, current.width * place.scale, current.height * place.scale);
  context.restore();
}

/** Draw the boxes of a picture, with a dark edge so that they are seen on any ground. */
function drawBoxes(canvas, index, place) {
  if (!data.boxes || !byId("boxes").checked) return;
  const context = canvas.getContext("2d");
  const ratio = window.devicePixelRatio || 1;
  for (const [x0, y0, x1, y1, kind, name] of current.boxes[index] ?? []) {
    const [colour, dashes] = BOXES[kind];
    const box = [place.left + x0 * current.width * place.scale, place.top + y0 * current.height * place.scale, (x1 - x0) * current.width * place.scale, (y1 - y0) * current.height * place.scale];
    context.setLineDash(dashes.map((length) => length * ratio));
    for (const [style, width] of [["#000b", 3.5], [colour, 1.75]]) {
      context.strokeStyle = style;
      context.lineWidth = width * ratio;
      context.strokeRect(...box);
    }
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.fillStyle = colour;
    if (name) context.fillText(name, box[0], box[1] - 3 * ratio);
  }
  context.setLineDash([]);
  context.lineWidth = 1;
}

function drawCursor(canvas, place) {
  if (!view.cursor) return;
  const context = canvas.getContext("2d");
  const half = Math.max(5, place.scale * (LOUPE / 2));
  const [x, y] = [place.left + (view.cursor.x + 0.5) * place.scale, place.top + (view.cursor.y + 0.5) * place.scale];
  for (const [style, grow] of [["#000a", 1], ["#fff", 0]]) {
    context.strokeStyle = style;
    context.strokeRect(x - half - grow, y - half - grow, 2 * (half + grow), 2 * (half + grow));
  }
}

let frame = 0;
/** Draw everything again, once for all changes before the next frame. */
function redraw() {
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(drawAll);
}

function drawAll() {
  const ratio = window.devicePixelRatio || 1;
  byId("zoom").textContent = `${Math.round(100 * view.zoom)} %`;
  byId("stage").classList.toggle("zoomed", view.zoom > 1);
  for (const [canvas, draw] of drawers) {
    const width = Math.round(canvas.clientWidth * ratio);
    if (!width) continue;
    canvas.width = width;
    canvas.height = Math.round((width * current.height) / current.width);
    const place = placement(canvas);
    draw(canvas, place);
    drawCursor(canvas, place);
  }
  drawLoupe();
}

function setZoom(zoom, x = view.x, y = view.y) {
  view.zoom = Math.min(MOST_ZOOM, Math.max(1, zoom));
  const margin = 0.5 / view.zoom;
  view.x = Math.min(1 - margin, Math.max(margin, x));
  view.y = Math.min(1 - margin, Math.max(margin, y));
  redraw();
}

/** Zoom so that a point of the picture, in shares of its size, stays where it is on the screen. */
function zoomAbout(factor, at) {
  const zoom = Math.min(MOST_ZOOM, Math.max(1, view.zoom * factor));
  const ratio = view.zoom / zoom;
  setZoom(zoom, at.x + (view.x - at.x) * ratio, at.y + (view.y - at.y) * ratio);
}

/** Return the point of the picture under the pointer, in shares of its size. */
function pointAt(canvas, event) {
  const box = canvas.getBoundingClientRect();
  const place = placement(canvas);
  const x = ((event.clientX - box.left) * canvas.width) / box.width;
  const y = ((event.clientY - box.top) * canvas.height) / box.height;
  return { x: (x - place.left) / (current.width * place.scale), y: (y - place.top) / (current.height * place.scale) };
}

function setCursor(x, y) {
  view.cursor = { x: Math.min(current.width - 1, Math.max(0, Math.floor(x))), y: Math.min(current.height - 1, Math.max(0, Math.floor(y))) };
  redraw();
}

/** Let a canvas show the shared view, and pan, zoom and move the cursor with pointer and keys. */
function attach(canvas, draw) {
  drawers.set(canvas, draw);
  canvas.tabIndex = 0;
  const pointers = new Map();
  canvas.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, event);
    canvas.setPointerCapture(event.pointerId);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    const at = pointAt(canvas, event);
    if (before && pointers.size === 2) {
      const [other] = [...pointers.values()].filter((one) => one.pointerId !== event.pointerId);
      const distance = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      zoomAbout(distance(event) / Math.max(1, distance(before)), pointAt(canvas, other));
    } else if (before) {
      const from = pointAt(canvas, before);
      setZoom(view.zoom, view.x + from.x - at.x, view.y + from.y - at.y);
    }
    if (before) pointers.set(event.pointerId, event);
    setCursor(at.x * current.width, at.y * current.height);
  });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && document.activeElement !== canvas) return; // the page scrolls
    event.preventDefault();
    zoomAbout(Math.exp(-event.deltaY / 400), pointAt(canvas, event));
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => (view.zoom > 1 ? setZoom(1) : zoomAbout(4, pointAt(canvas, event))));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const { x, y } = view.cursor ?? { x: current.width / 2, y: current.height / 2 };
    const far = event.shiftKey ? 10 : 1;
    setCursor(x + far * step[0], y + far * step[1]);
  });
}

/** Return the values of a picture under the cursor: one for grey, three for colour, none where it cannot be read. */
function valuesAt(picture, { x, y }) {
  if (!picture?.pixels) return [];
  const at = 4 * (Math.min(y, picture.height - 1) * picture.width + Math.min(x, picture.width - 1));
  const [red, green, blue] = picture.pixels.slice(at, at + 3);
  return red === green && green === blue ? [red] : [red, green, blue];
}

function drawLoupe() {
  const body = byId("loupe").tBodies[0];
  byId("place").textContent = view.cursor ? `x ${view.cursor.x}, y ${view.cursor.y}` : "– move over a picture";
  for (const row of body.rows) {
    const picture = current.pictures[row.dataset.picture];
    row.hidden = !view.cursor || !picture || hiddenMethods.has(methodOf(row.dataset.picture));
    if (row.hidden) continue;
    row.cells[2].textContent = valuesAt(picture, view.cursor).join("\n");
    const context = row.querySelector("canvas").getContext("2d");
    context.clearRect(0, 0, LOUPE, LOUPE);
    context.drawImage(picture.image, (LOUPE >> 1) - view.cursor.x, (LOUPE >> 1) - view.cursor.y);
  }
}

/** Make a pane for each picture of the pair; with a link where there is one in full size. */
function buildPanes(read) {
  for (const canvas of byId("panes").querySelectorAll("canvas")) drawers.delete(canvas);
  const panes = names.map((name, index) => {
    const caption = make("figcaption", {}, ...(methodOf(index) >= 0 ? [mark(methodOf(index))] : []), make("bdi", { textContent: name }));
    if (read.originals?.[index]) caption.append(make("a", { href: original(read.originals[index]), textContent: "full size" }));
    const pane = make("figure", { class: "pane", "data-picture": index }, caption);
    const picture = current.pictures[index];
    if (!picture) {
      pane.append(make("div", { class: "missing", textContent: "no picture" }));
      return pane;
    }
    const canvas = make("canvas", { role: "img", "aria-label": `${name} of ${data.pairs[current.pair]}` });
    attach(canvas, (target, place) => {
      drawPicture(target, picture.image, place);
      drawBoxes(target, index, place);
    });
    pane.append(canvas);
    return pane;
  });
  byId("panes").replaceChildren(...panes);
  showPanes();
}

function showPanes() {
  for (const pane of byId("panes").children) pane.hidden = hiddenMethods.has(methodOf(pane.dataset.picture));
  redraw();
}

byId("loupe").tBodies[0].append(...names.map((name, index) => {
  const magnified = make("canvas", { width: LOUPE, height: LOUPE, "aria-hidden": "true" });
  const label = make("th", { scope: "row" }, make("bdi", { textContent: name }));
  return make("tr", { "data-picture": index }, make("td", {}, magnified), label, make("td", {}));
}));
byId("zoom-in").addEventListener("click", () => setZoom(view.zoom * 1.5));
byId("zoom-out").addEventListener("click", () => setZoom(view.zoom / 1.5));
byId("fit").addEventListener("click", () => setZoom(1, 0.5, 0.5));
byId("boxes")?.addEventListener("change", redraw);
new ResizeObserver(redraw).observe(byId("stage"));
onVisibility.push(showPanes);
