// The page: what is chosen, shown and saved.

import { Alignment } from "./alignment.js";
import { DATA } from "./data.js";
import { exampleScene } from "./example.js";
import { Fusion } from "./fusion.js";
import { Intake, SIDES } from "./intake.js";
import { attempt, byId, notify } from "./messages.js";
import { Playback } from "./playback.js";
import { grab } from "./plain.js";
import { pictureSource } from "./sources.js";
import { Stage } from "./stage.js";
import { automaticWeights, limitsOf, readSafetensors, shippedWeights } from "./weights.js";

const weights = shippedWeights(DATA.weights);
const fusion = new Fusion({ makeJob, show });
const intake = new Intake({ onSources: begin, onRig: loadRig, onWeights: loadWeights });
const playback = new Playback(() => fusion.request());
const alignment = new Alignment(byId("sliders"), () => fusion.request());
const stage = new Stage({
  onMove: (right, down) => alignment.add({ right, down }),
  onCorner: moveCorner,
  onScale: (factor, turn) => alignment.add({ turn, scale: alignment.change.scale * (factor - 1) }),
});
let automatic = "scenes";
let coloured = null;
let blinking = null;

// Both sides are there; a video that was just opened may have no frame yet.
function begin() {
  if (!intake.complete) return;
  const frames = intake.frames();
  const images = frames.map(grab);
  if (images.some(({ data }) => !data[3])) return requestAnimationFrame(begin);
  document.body.classList.add("full");
  byId("work").hidden = false;
  SIDES.forEach((side) => stage.put(side, intake.sources[side].element));
  const [infrared, visible] = frames;
  stage.setSize(visible.width, visible.height);
  automatic = automaticWeights(...images, intake.moving);
  coloured = SIDES.findLast((_, index) => hasColour(images[index])) ?? null;
  if (!alignment.rig && (infrared.width !== visible.width || infrared.height !== visible.height)) {
    notify(`The infrared has ${infrared.width}×${infrared.height} pixels, the visible ${visible.width}×${visible.height}. ` +
      "The infrared was scaled to fit; if it is off, align it.", true);
  }
  describe();
  playback.start(SIDES.map((side) => intake.sources[side]));
  fusion.request();
}

function hasColour({ data }) {
  for (let i = 0; i < data.length; i += 4) if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) return true;
  return false;
}

function makeJob() {
  if (!intake.complete) return null;
  const [infrared, visible] = intake.frames();
  const { matrix, placing } = alignment.on(infrared, visible);
  stage.placeInfrared(matrix, infrared);
  const own = chosenWeights();
  const colour = (byId("colour").checked && coloured) || "none";
  return { infrared, visible, placing, weights: own, limits: limitsOf(chosenRange(own)), colour, moving: playback.playing };
}

function moveCorner(index, right, down) {
  alignment.moveCorner(index, right, down, ...intake.frames());
}

function show(canvas) {
  stage.put("fused", canvas);
  stage.draw();
}

// ---- weights and range ----

function chosenWeights() {
  return weights.get(byId("weights").value) ?? weights.get(automatic);
}

function chosenRange(own) {
  return byId("range").value || own.range;
}

function fillWeights(selected) {
  const options = [...weights.keys()].map((name) => new Option(name, name));
  byId("weights").replaceChildren(new Option("Automatic", ""), ...options, new Option("A file (.safetensors) …", "file"));
  byId("weights").value = selected;
  describe();
  fusion.request();
}

function describe() {
  const own = chosenWeights();
  const name = byId("weights").value ? "" : `${own.name}: `;
  const warning = chosenRange(own) === own.range ? "" : ". With another range the contrast is not what it should be";
  byId("about").textContent = `${name}${own.title}, made for ${own.range}${warning}`;
}

async function loadWeights(file) {
  const added = readSafetensors(await file.arrayBuffer(), file.name);
  weights.set(added.name, added);
  fillWeights(added.name);
  notify(`${file.name}: weights loaded.`, true);
}

async function loadRig(file) {
  alignment.load(await file.text(), file.name);
  byId("align").open = true;
  notify(`${file.name}: rig loaded.`, true);
}

function chooseExtra(accept) {
  byId("extra").accept = accept;
  byId("extra").click();
}

// ---- what is shown ----

function applyView() {
  const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
  stage.compare = chosen("compare");
  stage.moves = byId("align").open;
  const wanted = stage.moves ? chosen("show") : "fused";
  clearInterval(blinking);
  stage.show = wanted === "blink" ? "visible" : wanted;
  if (wanted === "blink") {
    blinking = setInterval(() => {
      stage.show = stage.show === "visible" ? "infrared" : "visible";
      stage.draw();
    }, 450);
  }
  stage.draw();
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ZOOMS = { "+": 1.25, "=": 1.25, "-": 0.8 };

function onKey(event) {
  const [right, down] = (ARROWS[event.key] ?? [0, 0]).map((step) => step * (event.shiftKey ? 10 : 1));
  const { corner } = event.target.dataset;
  if (corner && (right || down)) moveCorner(Number(corner), right, down);
  else if (right || down) stage.moves ? alignment.add({ right, down }) : stage.drag(-40 * right, -40 * down);
  else if (ZOOMS[event.key]) stage.zoomBy(ZOOMS[event.key]);
  else if (event.key === "0") stage.reset();
  else return;
  event.preventDefault();
}

// ---- saving ----

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function savePicture() {
  const image = await fusion.pixels();
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  download(await canvas.convertToBlob({ type: "image/png" }), `${intake.name}_fused.png`);
}

// Browsers ask once whether a page may save many files.
async function saveAll() {
  for (const index of intake.pairs.keys()) {
    await intake.showPair(index);
    await savePicture();
  }
}

async function saveRig() {
  const names = SIDES.map((side) => intake.sources[side].name);
  download(new Blob([alignment.text(...intake.frames(), names, DATA.version)]), "rig.yaml");
}

// ---- wiring ----

function listen() {
  const on = (id, kind, action) => byId(id).addEventListener(kind, action);
  on("save", "click", () => attempt(savePicture));
  on("save-all", "click", () => attempt(saveAll));
  on("save-rig", "click", () => attempt(saveRig));
  on("load-rig", "click", () => chooseExtra(".yaml,.yml,.csv,.txt,.json"));
  on("reset", "click", () => alignment.begin(null));
  on("extra", "change", ({ target }) => {
    const files = [...target.files];
    target.value = "";
    attempt(() => intake.takeFiles(files));
  });
  on("example", "click", () => attempt(async () => {
    const scene = exampleScene();
    for (const side of SIDES) intake.set(side, pictureSource(scene[side], "example"));
  }));
  for (const id of ["weights", "range", "colour"]) {
    on(id, "change", ({ target }) => {
      if (target.value === "file") {
        target.value = "";
        chooseExtra(".safetensors");
      }
      describe();
      fusion.request();
    });
  }
  for (const radio of document.querySelectorAll('input[type="radio"]')) radio.addEventListener("change", applyView);
  on("align", "toggle", applyView);
  on("stage", "keydown", onKey);
}

byId("version").textContent = `mmdrfuse ${DATA.version}.`;
listen();
fillWeights(DATA.selected);
fusion.start(new URLSearchParams(location.search).get("engine"));
