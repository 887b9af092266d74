// The page's controls: what comes in, what is chosen, what is shown, what is saved.

import { Alignment } from "./alignment.js";
import { DATA } from "./data.js";
import { makeEngine, makeNext } from "./engines.js";
import { exampleScene } from "./example.js";
import { pairFiles, splitSides } from "./pairing.js";
import { grab } from "./plain.js";
import { listCameras, openCamera, openFile, openPicture, pictureSource } from "./sources.js";
import { Stage } from "./stage.js";
import { automaticWeights, readSafetensors, shippedWeights } from "./weights.js";

const find = (id) => document.getElementById(id);
const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
const SIDES = ["infrared", "visible"];
const TITLES = { infrared: "Infrared", visible: "Visible" };

const sources = { infrared: null, visible: null };
const weights = shippedWeights(DATA.weights);
const stage = new Stage({
  onMove: (right, down) => alignment.move(right, down),
  onScale: (factor) => alignment.set("scale", alignment.change.scale * factor),
});
const alignment = new Alignment(find("sliders"), () => request());
let engine;
let pairs = [];
let blinking = null;

// ---- messages ----

function tell(text, good = false) {
  find("message").textContent = text;
  find("message").classList.toggle("good", good);
  find("message").hidden = !text;
}

// Run what somebody asked for; a failure becomes a sentence.
async function attempt(action) {
  tell("");
  try {
    await action();
  } catch (error) {
    tell(error.message);
  }
}

// ---- sources ----

function buildSides() {
  for (const side of SIDES) {
    const card = find(`side-${side}`);
    card.append(find("side").content.cloneNode(true));
    card.querySelector("h2").textContent = TITLES[side];
    const [file, directory] = [card.querySelector(".file"), card.querySelector(".directory")];
    for (const [kind, input] of [["choose", file], ["folder", directory]]) {
      const button = card.querySelector(`.${kind}`);
      button.setAttribute("aria-label", `${TITLES[side]}: ${button.textContent}`);
      button.addEventListener("click", () => input.click());
      input.setAttribute("aria-label", `${TITLES[side]} ${kind}`);
      input.addEventListener("change", () => {
        const files = [...input.files];
        input.value = "";
        if (files.length) attempt(() => (input === file ? takeFile(side, files[0]) : takeFolder(side, listed(files))));
      });
    }
    const camera = card.querySelector(".camera");
    camera.setAttribute("aria-label", `${TITLES[side]}: Camera`);
    camera.addEventListener("click", () => attempt(() => takeCamera(side)));
    const cameras = card.querySelector(".cameras");
    cameras.setAttribute("aria-label", `${TITLES[side]}: which camera`);
    cameras.addEventListener("change", () => attempt(() => takeCamera(side, cameras.value)));
    for (const name of ["dragenter", "dragover"]) card.addEventListener(name, () => card.classList.add("over"));
    for (const name of ["dragleave", "drop"]) card.addEventListener(name, () => card.classList.remove("over"));
  }
}

function setSource(side, source) {
  sources[side]?.close();
  sources[side] = source;
  const card = find(`side-${side}`);
  const { width, height } = source.frame();
  card.querySelector(".name").textContent = `${source.name} · ${width}×${height}`;
  card.querySelector(".name").title = source.name;
  card.querySelector(".thumb").replaceChildren(thumbnail(source));
  card.querySelector(".cameras").hidden = source.kind !== "camera";
  if (SIDES.every((name) => sources[name])) begin();
}

function thumbnail({ element, frame }) {
  const { width, height } = frame();
  const canvas = document.createElement("canvas");
  canvas.height = 108;
  canvas.width = Math.round((108 * width) / height);
  canvas.getContext("2d").drawImage(element, 0, 0, canvas.width, canvas.height);
  return canvas;
}

async function takeFile(side, file) {
  if (isExtra(file)) return takeExtra(file);
  setSource(side, await openFile(file));
  if (pairs.length) showPairs([], []);
}

async function takeCamera(side, device) {
  setSource(side, await openCamera(device));
  const select = find(`side-${side}`).querySelector(".cameras");
  const cameras = await listCameras();
  const options = cameras.map((camera, index) => new Option(camera.label || `Camera ${index + 1}`, camera.deviceId));
  select.replaceChildren(...options);
  const track = sources[side].element.srcObject.getVideoTracks()[0];
  select.value = track.getSettings().deviceId ?? "";
  select.hidden = cameras.length < 2;
}

const listed = (files) => files.map((file) => ({ path: (file.webkitRelativePath || file.name).split("/").slice(1).join("/") || file.name, file }));
const folders = { infrared: null, visible: null };

// A folder is one side, or holds both: in two folders, or side by side.
async function takeFolder(side, entries) {
  const both = splitSides(entries);
  const whole = both.sides.infrared.length && both.sides.visible.length ? pairFiles(both.sides.infrared, both.sides.visible) : null;
  if (whole?.pairs.length) return showPairs(whole.pairs, [...whole.unpaired, ...both.unassigned.map(({ path }) => path)]);
  folders[side] = entries;
  const card = find(`side-${side}`);
  card.querySelector(".name").textContent = `${entries.length} files`;
  if (!folders.infrared || !folders.visible) {
    const other = SIDES.find((name) => name !== side);
    return tell(`Now give the folder of the ${other} pictures, with the same names.`, true);
  }
  const found = pairFiles(folders.infrared, folders.visible);
  if (!found.pairs.length) {
    throw new Error("No infrared picture has a visible partner. The names of a pair must be equal, except for words such as ir, vis, thermal, rgb.");
  }
  return showPairs(found.pairs, found.unpaired);
}

async function showPairs(list, unpaired) {
  pairs = list;
  find("pairs").hidden = !pairs.length;
  find("pair").replaceChildren(...pairs.map(({ name }, index) => new Option(`${index + 1} of ${pairs.length}: ${name}`, index)));
  find("unpaired").textContent = unpaired.length ? `${unpaired.length} files without a partner` : "";
  find("unpaired").title = unpaired.slice(0, 50).join("\n");
  if (pairs.length) await showPair(0);
}

async function showPair(index) {
  const wanted = pairs[Math.min(Math.max(index, 0), pairs.length - 1)];
  find("pair").value = pairs.indexOf(wanted);
  const opened = await Promise.all(SIDES.map((side) => openPicture(wanted[side].file)));
  SIDES.forEach((side, number) => setSource(side, opened[number]));
}

// ---- drop and paste ----

async function takeDropped(transfer, side) {
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  const handles = items.map((item) => item.webkitGetAsEntry?.());
  const files = [...transfer.files];
  if (handles.some((handle) => handle?.isDirectory)) {
    for (const handle of handles.filter((one) => one?.isDirectory)) {
      const place = handles.length > 1 ? sideOfHandle(handle, handles) : side ?? sideOfHandle(handle, handles);
      await takeFolder(place, await walk(handle, ""));
    }
    return;
  }
  await takeFiles(files, side);
}

function sideOfHandle(handle, handles) {
  const { sides } = splitSides([{ path: handle.name, file: null }]);
  if (sides.visible.length) return "visible";
  if (sides.infrared.length) return "infrared";
  return handles.indexOf(handle) === 1 || (sources.infrared ?? folders.infrared) ? "visible" : "infrared";
}

async function walk(handle, folder) {
  if (handle.isFile) {
    const file = await new Promise((resolve, reject) => handle.file(resolve, reject));
    return [{ path: folder + handle.name, file }];
  }
  const reader = handle.createReader();
  const entries = [];
  for (;;) {
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!batch.length) break;
    entries.push(...batch);
  }
  const inside = handle.fullPath.split("/").length > 2 ? `${folder}${handle.name}/` : folder;
  return (await Promise.all(entries.map((entry) => walk(entry, inside)))).flat();
}

// One file goes to the side it was dropped on, or that is free; two go by their names; more are pairs.
async function takeFiles(files, side) {
  const extras = files.filter(isExtra);
  for (const file of extras) await takeExtra(file);
  const others = files.filter((file) => !isExtra(file));
  if (!others.length) return;
  if (others.length === 1) {
    const free = SIDES.find((name) => !sources[name]) ?? "visible";
    return takeFile(side ?? free, others[0]);
  }
  const { sides } = splitSides(others.map((file) => ({ path: file.name, file })));
  if (others.length === 2) {
    const known = sides.infrared[0]?.file ?? others.find((file) => file !== sides.visible[0]?.file);
    await takeFile("infrared", known);
    await takeFile("visible", others.find((file) => file !== known));
    return;
  }
  await takeFolder(side ?? "infrared", others.map((file) => ({ path: file.name, file })));
}

function isExtra(file) {
  return /\.(safetensors|ya?ml|csv|txt|json|model|pth?)$/i.test(file.name);
}

// Weights, or a rig.
async function takeExtra(file) {
  if (/\.(ya?ml|csv|txt|json)$/i.test(file.name)) {
    alignment.load(await file.text(), file.name);
    find("align").open = true;
    return tell(`${file.name}: rig loaded.`, true);
  }
  const added = readSafetensors(await file.arrayBuffer(), file.name);
  weights.set(added.name, added);
  fillWeights(added.name);
  tell(`${file.name}: weights loaded.`, true);
}

// ---- fusing ----

function begin() {
  document.body.classList.add("full");
  find("work").hidden = false;
  for (const side of SIDES) stage.put(side, sources[side].element);
  const [infrared, visible] = SIDES.map((side) => sources[side].frame());
  stage.setSize(visible.width, visible.height);
  const moving = SIDES.some((side) => sources[side].kind !== "picture");
  find("transport").hidden = !SIDES.some((side) => sources[side].kind === "video");
  automatic = automaticWeights(grab(infrared), grab(visible), moving);
  gray = { infrared: isGray(grab(infrared)), visible: isGray(grab(visible)) };
  if (!alignment.rig && (infrared.width !== visible.width || infrared.height !== visible.height)) {
    tell(`The infrared has ${infrared.width}×${infrared.height} pixels, the visible ${visible.width}×${visible.height}. ` +
      "The infrared was scaled to fit. Align the infrared, if it is off.", true);
  }
  describeWeights();
  if (moving) startVideos();
  request();
}

let automatic = "scenes";
let gray = { infrared: true, visible: false };

function isGray({ data }) {
  for (let i = 0; i < data.length; i += 4) if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) return false;
  return true;
}

function currentWeights() {
  return weights.get(find("weights").value) ?? weights.get(automatic);
}

function currentJob() {
  const [infrared, visible] = SIDES.map((side) => sources[side].frame());
  const own = currentWeights();
  const range = find("range").value === "auto" ? own.range : find("range").value;
  const { matrix, placing } = alignment.on(infrared, visible);
  stage.placeInfrared(matrix, infrared);
  const coloured = SIDES.findLast((side) => !gray[side]);
  const colour = find("colour").checked && coloured ? coloured : "none";
  return { infrared, visible, placing, weights: own, limits: range === "clip" ? [0, 1] : null, colour };
}

let [wanted, busy] = [false, false];
let settled = Promise.resolve();
let recent = [];
let timed = null;

// Fuse soon; while one picture is being fused, requests for more become one.
function request() {
  wanted = true;
  if (!busy && engine && SIDES.every((side) => sources[side])) settled = fuseWanted();
}

async function fuseWanted() {
  busy = true;
  while (wanted) {
    wanted = false;
    try {
      await fuseOnce();
    } catch (error) {
      tell(error.message);
    }
  }
  busy = false;
  document.body.dataset.fused = Number(document.body.dataset.fused ?? 0) + 1;
}

async function fuseOnce() {
  const job = currentJob();
  const { width, height } = job.visible;
  let start = performance.now();
  try {
    if (Math.max(width, height, job.infrared.width, job.infrared.height) > engine.largest) throw new Error("too large");
    await engine.fuse(job);
    if (job.weights !== timed) {
      // The first time with some weights, the driver compiles their shader.
      timed = job.weights;
      start = performance.now();
      await engine.fuse(job);
    }
  } catch (error) {
    // Drivers fail in many ways; the next engine does the same.
    console.info(`${engine.name}: ${error.message}`);
    const next = await makeNext(engine);
    if (!next) throw error;
    useEngine(next);
    return fuseOnce();
  }
  const took = performance.now() - start;
  stage.put("fused", engine.canvas);
  stage.draw();
  showSpeed(took, width, height);
}

function useEngine(made) {
  engine = made;
  document.body.dataset.engine = engine.name;
}

function showSpeed(took, width, height) {
  const now = performance.now();
  recent = [...recent.filter((time) => time > now - 1000), now];
  const moving = SIDES.some((side) => sources[side].kind !== "picture" && !sources[side].element.paused);
  const rate = 1000 / Math.max(took, 0.1);
  const perSecond = moving ? recent.length : rate.toFixed(rate < 10 ? 1 : 0);
  const words = moving ? "frames per second" : "frames per second possible";
  find("status").textContent = `${engine.name} · ${width}×${height} · ${took.toFixed(1)} ms · ${perSecond} ${words}`;
}

// ---- videos and cameras ----

let running = false;

function startVideos() {
  for (const side of SIDES) if (sources[side].kind === "video") play(sources[side].element);
  if (running) return;
  running = true;
  const step = () => {
    running = SIDES.every((side) => sources[side]) && SIDES.some((side) => sources[side].kind !== "picture");
    if (!running) return;
    synchronise();
    if (!busy) request();
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

function play(video) {
  video.play().catch(() => tell("Press Play to start the videos.", true));
}

// The visible video leads; the infrared follows if it is off by more than two frames.
function synchronise() {
  const videos = SIDES.filter((side) => sources[side].kind === "video").map((side) => sources[side].element);
  const lead = videos.at(-1);
  if (!lead) return;
  for (const video of videos.slice(0, -1)) {
    const time = Math.min(lead.currentTime, video.duration || Infinity);
    if (Math.abs(video.currentTime - time) > 0.08 && !video.seeking) video.currentTime = time;
    if (video.paused !== lead.paused) lead.paused ? video.pause() : play(video);
  }
  find("play").textContent = lead.paused ? "Play" : "Pause";
  const seek = find("seek");
  if (seek !== document.activeElement || !lead.paused) seek.value = lead.currentTime / (lead.duration || 1);
}

function leadVideo() {
  return SIDES.map((side) => sources[side]).filter((source) => source.kind === "video").at(-1).element;
}

// ---- settings ----

function fillWeights(selected = "") {
  const options = [...weights.values()].map(({ name }) => new Option(name, name));
  find("weights").replaceChildren(new Option("Automatic", ""), ...options, new Option("A file (.safetensors) …", "file"));
  find("weights").value = selected;
  describeWeights();
  request();
}

function describeWeights() {
  const { name, title, range } = currentWeights();
  find("about").textContent = [find("weights").value ? "" : `${name}: `, title, `, made for ${range}`].join("");
  const asked = find("range").value;
  if (asked !== "auto" && asked !== range) find("about").textContent += ". With the other range the contrast is not what it should be.";
}

function chooseExtra(accept) {
  find("extra").accept = accept;
  find("extra").click();
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
  await settled;
  const image = await engine.pixels();
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  const blob = await canvas.convertToBlob({ type: "image/png" });
  const name = pairs.length ? pairs[find("pair").value].name.replaceAll("/", "_") : sources.visible.name.replace(/\.\w+$/, "");
  download(blob, `${name}_fused.png`);
}

function saveRig() {
  const [infrared, visible] = SIDES.map((side) => sources[side].frame());
  const names = SIDES.map((side) => sources[side].name);
  download(new Blob([alignment.text(infrared, visible, names, DATA.version)]), "rig.yaml");
}

// ---- wiring ----

function listen() {
  find("save").addEventListener("click", () => attempt(savePicture));
  find("save-rig").addEventListener("click", () => attempt(async () => saveRig()));
  find("load-rig").addEventListener("click", () => chooseExtra(".yaml,.yml,.csv,.txt,.json"));
  find("extra").addEventListener("change", ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (file) attempt(() => takeExtra(file));
  });
  find("reset").addEventListener("click", () => {
    alignment.rig = null;
    alignment.reset();
  });
  find("example").addEventListener("click", () => attempt(async () => {
    const scene = exampleScene();
    for (const side of SIDES) setSource(side, pictureSource(scene[side], "example"));
  }));
  find("weights").addEventListener("change", ({ target }) => {
    if (target.value !== "file") return describeWeights(), request();
    target.value = "";
    describeWeights();
    return chooseExtra(".safetensors");
  });
  for (const id of ["range", "colour"]) find(id).addEventListener("change", () => (describeWeights(), request()));
  find("pair").addEventListener("change", ({ target }) => attempt(() => showPair(Number(target.value))));
  find("previous").addEventListener("click", () => attempt(() => showPair(Number(find("pair").value) - 1)));
  find("next").addEventListener("click", () => attempt(() => showPair(Number(find("pair").value) + 1)));
  find("play").addEventListener("click", () => (leadVideo().paused ? play(leadVideo()) : leadVideo().pause()));
  find("seek").addEventListener("input", ({ target }) => (leadVideo().currentTime = target.value * leadVideo().duration));
  for (const radio of document.querySelectorAll('input[type="radio"]')) radio.addEventListener("change", applyView);
  find("align").addEventListener("toggle", applyView);
  listenForFiles();
  find("stage").addEventListener("keydown", onKey);
}

function listenForFiles() {
  const sideAt = (target) => target.closest?.("[data-side]")?.dataset.side;
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    attempt(() => takeDropped(event.dataTransfer, sideAt(event.target)));
  });
  addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (files.length) attempt(() => takeFiles(files));
  });
}

function applyView() {
  stage.compare = chosen("compare");
  stage.moves = find("align").open;
  const show = stage.moves ? chosen("show") : "fused";
  clearInterval(blinking);
  stage.show = show === "blink" ? "visible" : show;
  if (show === "blink") {
    blinking = setInterval(() => {
      stage.show = stage.show === "visible" ? "infrared" : "visible";
      stage.draw();
    }, 450);
  }
  stage.draw();
}

function onKey(event) {
  const [right, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
  if (right || down) {
    const far = event.shiftKey ? 10 : 1;
    if (stage.moves) alignment.move(right * far, down * far);
    else stage.drag(-right * 40, -down * 40);
  } else if (event.key === "+" || event.key === "=") stage.zoomBy(1.25);
  else if (event.key === "-") stage.zoomBy(0.8);
  else if (event.key === "0") stage.reset();
  else return;
  event.preventDefault();
}

async function main() {
  find("version").textContent = `mmdrfuse ${DATA.version}.`;
  buildSides();
  listen();
  fillWeights(DATA.selected);
  useEngine(await makeEngine(new URLSearchParams(location.search).get("engine"), tell));
  request();
}

main();
