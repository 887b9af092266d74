// The alignment by hand: six numbers, a rig that was loaded, and the file that is saved.

import { IDENTITY, NO_CHANGE, adjusted, cornersOf, fitting, fromCorners, matrixFor, placingOf, readRig, rigText } from "./rig.js";

const SLIDERS = [
  ["right", "Right, px", -200, 200, 0.5],
  ["down", "Down, px", -200, 200, 0.5],
  ["scale", "Scale, %", 20, 300, 0.1],
  ["turn", "Turn, °", -20, 20, 0.1],
  ["tiltAcross", "Tilt across", -50, 50, 0.5],
  ["tiltDown", "Tilt down", -50, 50, 0.5],
];

export class Alignment {
  constructor(container, onChange) {
    this.onChange = onChange;
    this.rig = null;
    this.change = { ...NO_CHANGE };
    this.inputs = SLIDERS.map(([key, title, low, high, step]) => {
      const label = document.createElement("label");
      const [number, slider] = [{ type: "number", step: "any" }, { type: "range", min: low, max: high, step }].map((kind) => {
        const input = Object.assign(document.createElement("input"), kind);
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

  // Begin anew from a rig, or from none.
  begin(rig) {
    this.rig = rig;
    this.change = { ...NO_CHANGE };
    this.changed();
  }

  // Move one corner of the infrared, by visible pixels; the others stay.
  moveCorner(index, right, down, infrared, visible) {
    const corners = cornersOf(this.matrixFor(infrared, visible), infrared);
    corners[index] = [corners[index][0] + right, corners[index][1] + down];
    this.begin({ matrix: fromCorners(corners, infrared), infrared, visible, name: "The alignment" });
  }

  changed() {
    this.change.scale = Math.max(this.change.scale, 1);
    this.draw();
    this.onChange();
  }

  load(text, name) {
    this.begin(readRig(text, name));
  }

  draw() {
    for (const { key, number, slider } of this.inputs) {
      const value = Number(this.change[key].toFixed(3));
      if (number !== document.activeElement) number.value = value;
      slider.value = value;
    }
  }

  matrixFor(infrared, visible) {
    const first = this.rig ? matrixFor(this.rig, infrared, visible) : fitting(infrared, visible);
    const unchanged = Object.keys(NO_CHANGE).every((key) => this.change[key] === NO_CHANGE[key]);
    return unchanged ? first : adjusted(first, this.change, visible);
  }

  // Return the matrix for two frames, and what the engines need of it: null if the infrared lies on the visible.
  on(infrared, visible) {
    const matrix = this.matrixFor(infrared, visible);
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
