// What comes in: files, folders, cameras; chosen, dropped or pasted; for one side or both.

import { attempt, byId, notify } from "./messages.js";
import { pairFiles, sideOf, splitSides } from "./pairing.js";
import { listCameras, openCamera, openFile, openPicture } from "./sources.js";

export const SIDES = ["infrared", "visible"];
const TITLES = { infrared: "Infrared", visible: "Visible" };
const RIG = /\.(ya?ml|csv|txt|json)$/i;
const WEIGHTS = /\.(safetensors|model|pth?)$/i;

export class Intake {
  // onSources() is called when both sides are there; onRig(file) and onWeights(file) when such a file comes.
  constructor({ onSources, onRig, onWeights }) {
    Object.assign(this, { onSources, onRig, onWeights });
    this.sources = { infrared: null, visible: null };
    this.folders = { infrared: null, visible: null };
    this.pairs = [];
    SIDES.forEach((side) => this.buildSide(side));
    this.listen();
  }

  get complete() {
    return SIDES.every((side) => this.sources[side]);
  }

  get moving() {
    return SIDES.some((side) => this.sources[side].kind !== "picture");
  }

  frames() {
    return SIDES.map((side) => this.sources[side].frame());
  }

  // Return what the fused picture is called.
  get name() {
    const pair = this.pairs[byId("pair").value];
    return pair ? pair.name.replaceAll("/", "_") : this.sources.visible.name.replace(/\.\w+$/, "");
  }

  buildSide(side) {
    const card = byId(`side-${side}`);
    const part = (name) => card.querySelector(`.${name}`);
    card.append(byId("side").content.cloneNode(true));
    part("title").textContent = TITLES[side];
    const takers = {
      choose: [part("file"), (files) => this.takeFiles(files, side)],
      folder: [part("directory"), (files) => this.takeFolder(side, files.map(entryOf))],
    };
    for (const [name, [input, take]] of Object.entries(takers)) {
      part(name).addEventListener("click", () => input.click());
      input.addEventListener("change", () => {
        const files = [...input.files];
        input.value = "";
        if (files.length) attempt(() => take(files));
      });
    }
    part("camera").addEventListener("click", () => attempt(() => this.takeCamera(side)));
    part("cameras").addEventListener("change", ({ target }) => attempt(() => this.takeCamera(side, target.value)));
    for (const control of card.querySelectorAll("button, select")) {
      control.setAttribute("aria-label", `${TITLES[side]}: ${control.title || control.textContent}`);
    }
    for (const name of ["dragenter", "dragover"]) card.addEventListener(name, () => card.classList.add("over"));
    for (const name of ["dragleave", "drop"]) card.addEventListener(name, () => card.classList.remove("over"));
  }

  listen() {
    const sideAt = (target) => target.closest?.("[data-side]")?.dataset.side;
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      event.preventDefault();
      attempt(() => this.takeDropped(event.dataTransfer, sideAt(event.target)));
    });
    addEventListener("paste", ({ clipboardData: { files } }) => {
      if (files.length) attempt(() => this.takeFiles([...files]));
    });
    const step = (by) => attempt(() => this.showPair(Number(byId("pair").value) + by));
    byId("pair").addEventListener("change", () => step(0));
    byId("previous").addEventListener("click", () => step(-1));
    byId("next").addEventListener("click", () => step(1));
  }

  set(side, source) {
    this.sources[side]?.close();
    this.sources[side] = source;
    const card = byId(`side-${side}`);
    const { width, height } = source.frame();
    const name = card.querySelector(".name");
    name.title = source.name;
    name.textContent = `${source.name} · ${width}×${height}`;
    card.querySelector(".thumb").replaceChildren(thumbnail(source));
    card.querySelector(".cameras").hidden = source.kind !== "camera";
    if (this.complete) this.onSources();
  }

  async takeCamera(side, device) {
    this.set(side, await openCamera(device));
    const select = byId(`side-${side}`).querySelector(".cameras");
    const cameras = await listCameras();
    const options = cameras.map((camera, index) => new Option(camera.label || `Camera ${index + 1}`, camera.deviceId));
    select.replaceChildren(...options);
    select.value = this.sources[side].device;
    select.hidden = cameras.length < 2;
  }

  // Weights and rigs go where they belong. Of the rest, one file goes to the side that it was dropped on, or that is
  // free; two go by their names; more are pairs.
  async takeFiles(files, side) {
    const others = [];
    for (const file of files) {
      if (RIG.test(file.name)) await this.onRig(file);
      else if (WEIGHTS.test(file.name)) await this.onWeights(file);
      else others.push(file);
    }
    if (others.length > 2) return this.takeFolder(side ?? "infrared", others.map(entryOf));
    if (others.length) this.showPairs([], []);
    if (others.length === 1) return this.takeFile(side ?? SIDES.find((name) => !this.sources[name]) ?? "visible", others[0]);
    const swapped = others.length && (sideOf(others[0].name) === "visible" || sideOf(others[1].name) === "infrared");
    if (swapped) others.reverse();
    for (const [index, file] of others.entries()) await this.takeFile(SIDES[index], file);
  }

  async takeFile(side, file) {
    this.set(side, await openFile(file));
  }

  async takeDropped({ items, files }, side) {
    const list = [...files];
    const handles = [...items].map((item) => item.webkitGetAsEntry?.()).filter((handle) => handle?.isDirectory);
    for (const handle of handles) {
      const free = this.folders.infrared ? "visible" : "infrared";
      await this.takeFolder(sideOf(handle.name) ?? side ?? free, await walk(handle, ""));
    }
    if (!handles.length) await this.takeFiles(list, side);
  }

  // A folder is one side, or holds both: in two folders, or side by side.
  async takeFolder(side, entries) {
    const { sides, unassigned } = splitSides(entries);
    const both = pairFiles(sides.infrared, sides.visible);
    if (both.pairs.length) return this.showPairs(both.pairs, [...both.unpaired, ...unassigned.map(({ path }) => path)]);
    this.folders[side] = entries;
    byId(`side-${side}`).querySelector(".name").textContent = `${entries.length} files`;
    const missing = SIDES.find((name) => !this.folders[name]);
    if (missing) return notify(`Now give the folder of the ${missing} pictures, with the same names.`, true);
    const { pairs, unpaired } = pairFiles(this.folders.infrared, this.folders.visible);
    if (!pairs.length) {
      throw new Error(
        "No infrared picture has a visible partner. The names of a pair must be equal, except for words such as ir, vis, thermal, rgb.");
    }
    return this.showPairs(pairs, unpaired);
  }

  async showPairs(pairs, unpaired) {
    this.pairs = pairs;
    byId("pairs").hidden = !pairs.length;
    const options = pairs.map(({ name }, index) => new Option(`${index + 1} of ${pairs.length}: ${name}`, index));
    byId("pair").replaceChildren(...options);
    byId("unpaired").textContent = unpaired.length ? `${unpaired.length} files without a partner` : "";
    byId("unpaired").title = unpaired.slice(0, 50).join("\n");
    if (pairs.length) await this.showPair(0);
  }

  async showPair(index) {
    const place = Math.min(Math.max(index, 0), this.pairs.length - 1);
    byId("pair").value = place;
    const opened = await Promise.all(SIDES.map((side) => openPicture(this.pairs[place][side].file)));
    // The first of the two must not be fused with the other of the last pair.
    this.sources.visible?.close();
    this.sources.visible = null;
    SIDES.forEach((side, number) => this.set(side, opened[number]));
  }
}

// A file of a folder, with its path below that folder.
function entryOf(file) {
  const [, ...below] = file.webkitRelativePath.split("/");
  return { path: below.join("/") || file.name, file };
}

// Return the files of a folder that was dropped.
async function walk(handle, folder) {
  if (handle.isFile) {
    const file = await new Promise((resolve, reject) => handle.file(resolve, reject));
    return [{ path: folder + handle.name, file }];
  }
  const reader = handle.createReader();
  const entries = [];
  for (let batch = [null]; batch.length; entries.push(...batch)) {
    batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
  }
  const isRoot = handle.fullPath.lastIndexOf("/") === 0;
  return (await Promise.all(entries.map((entry) => walk(entry, isRoot ? "" : `${folder}${handle.name}/`)))).flat();
}

function thumbnail({ element, frame }) {
  const { width, height } = frame();
  const canvas = document.createElement("canvas");
  canvas.height = 108;
  canvas.width = Math.round((108 * width) / height);
  canvas.getContext("2d").drawImage(element, 0, 0, canvas.width, canvas.height);
  return canvas;
}
