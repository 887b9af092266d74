// The alignment by hand: six numbers, a rig that was loaded, and the file that is saved.

import { IDENTITY, NO_CHANGE, adjusted, fitting, matrixFor, placingOf, readRig, rigText } from "./rig.js";

const SLIDERS = [
  ["right", "Right, px", -200, 200, 0.5],
  ["down", "Down, px", -200, 200, 0.5],
  ["scale", "Scale, %", 20, 300, 0.1],
  ["turn", "Turn, °", -20, 20, 0.1],
  ["tiltAcross", "Tilt across, %", -50, 50, 0.5],
  ["tiltDown", "Tilt down, %", -50, 50, 0.5],
];

export class Alignment {
  constructor(container, onChange) {
    this.onChange = onChange;
    this.rig = null;
    this.change = { ...NO_CHANGE };
    this.inputs = SLIDERS.map(([key, title, low, high, step]) => {
      const label = document.createElement("label");
      const [number, slider] = ["number", "range"].map((type) => {
        const input = Object.assign(document.createElement("input"), { type, min: low, max: high, step });
        if (type === "number") input.removeAttribute("min"), input.removeAttribute("max"), (input.step = "any");
        input.setAttribute("aria-label", title);
        input.dataset.key = key;
        input.addEventListener("input", () => Number.isFinite(input.valueAsNumber) && this.set(key, input.valueAsNumber));
        return input;
      });
      label.append(title, slider, number);
      container.append(label);
      return { key, number, slider };
    });
    this.draw();
  }

  set(key, value) {
    this.change[key] = value;
    this.changed();
  }

  // Add to the numbers what the hand did.
  add(change) {
    for (const [key, value] of Object.entries(change)) this.change[key] += value;
    this.changed();
  }

  reset() {
    this.change = { ...NO_CHANGE };
    this.changed();
  }

  // Forget the rig, too.
  forget() {
    this.rig = null;
    this.reset();
  }

  changed() {
    this.change.scale = Math.max(this.change.scale, 1);
    this.draw();
    this.onChange();
  }

  load(text, name) {
    this.rig = readRig(text, name);
    this.reset();
  }

  draw() {
    for (const { key, number, slider } of this.inputs) {
      const value = Number(this.change[key].toFixed(3));
      if (number !== document.activeElement) number.value = value;
      slider.value = value;
    }
  }

  // Return the matrix for two frames, and what the engines need of it: null if the infrared lies on the visible.
  on(infrared, visible) {
    const first = this.rig ? matrixFor(this.rig, infrared, visible) : fitting(infrared, visible);
    const unchanged = Object.keys(NO_CHANGE).every((key) => this.change[key] === NO_CHANGE[key]);
    const matrix = unchanged ? first : adjusted(first, this.change, visible);
    const sameSize = infrared.width === visible.width && infrared.height === visible.height;
    const lies = sameSize && matrix.every((value, index) => value === IDENTITY[index]);
    return { matrix, placing: lies ? null : placingOf(matrix, infrared, visible) };
  }

  text(infrared, visible, sources, version) {
    const { matrix } = this.on(infrared, visible);
    const date = new Date().toISOString();
    return rigText({ matrix, infrared, visible, sources, version, date });
  }
}
