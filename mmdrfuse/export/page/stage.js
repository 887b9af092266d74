// The stage: the sources and the fused picture over each other, the divider between them, zoom and drag.

import { byId } from "./messages.js";
import { cornersOf } from "./rig.js";

const LARGEST_ZOOM = 32;
const CORNERS = ["Upper left", "Upper right", "Lower right", "Lower left"];

export class Stage {
  // onMove(right, down), onScale(factor, degrees) and onCorner(index, right, down) get what the hand does while `moves`
  // is on, in visible pixels.
  constructor({ onMove, onScale, onCorner }) {
    Object.assign(this, { onMove, onScale, onCorner });
    this.stage = byId("stage");
    this.picture = byId("picture");
    this.divider = byId("divider");
    this.layers = { visible: byId("layer-visible"), infrared: byId("layer-infrared"), fused: byId("layer-fused") };
    this.tags = { left: byId("tag-left"), right: byId("tag-right") };
    this.handles = CORNERS.map((name, index) => this.makeHandle(name, index));
    this.corners = [[0, 0], [0, 0], [0, 0], [0, 0]];
    this.size = { width: 4, height: 3 };
    this.split = 0.5;
    this.zoom = 1;
    this.offset = [0, 0];
    this.compare = "visible";
    this.show = "fused";
    this.moves = false;
    new ResizeObserver(() => this.fit()).observe(this.stage.parentElement);
    addEventListener("resize", () => this.fit());
    this.listen();
  }

  makeHandle(name, index) {
    const handle = document.createElement("button");
    handle.className = "corner";
    handle.dataset.corner = index;
    handle.setAttribute("aria-label", `${name} corner of the infrared; arrow keys move it`);
    this.stage.append(handle);
    return handle;
  }

  put(layer, element) {
    if (this.layers[layer].firstChild !== element) this.layers[layer].replaceChildren(element);
  }

  setSize(width, height) {
    if (this.size.width === width && this.size.height === height) return;
    this.size = { width, height };
    this.reset();
  }

  // The infrared lies on the visible by its matrix; a pixel's centre is half a pixel from its corner.
  placeInfrared(matrix, infrared) {
    const [a, b, c, d, e, f, g, h, k] = matrix;
    this.corners = cornersOf(matrix, infrared);
    const layer = this.layers.infrared;
    layer.style.inset = "auto";
    layer.style.width = `${infrared.width}px`;
    layer.style.height = `${infrared.height}px`;
    const half = "translate(0.5px, 0.5px)";
    const columns = [a, d, 0, g, b, e, 0, h, 0, 0, 1, 0, c, f, 0, k];
    layer.style.transform = `${half} matrix3d(${columns.join(",")}) translate(-0.5px, -0.5px)`;
  }

  fit() {
    const room = this.stage.parentElement.clientWidth;
    const tallest = Math.max(innerHeight * 0.72, 220);
    const { width, height } = this.size;
    this.scale = Math.min(room / width, tallest / height);
    this.stage.style.width = `${Math.round(width * this.scale)}px`;
    this.stage.style.height = `${Math.round(height * this.scale)}px`;
    this.draw();
  }

  reset() {
    this.zoom = 1;
    this.offset = [0, 0];
    this.fit();
  }

  draw() {
    const { width, height } = this.size;
    const scale = this.scale * this.zoom;
    const [x, y] = this.offset;
    this.picture.style.width = `${width}px`;
    this.picture.style.height = `${height}px`;
    this.picture.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    this.stage.classList.toggle("pixels", scale * devicePixelRatio > 2);
    this.stage.classList.toggle("moves", this.moves || this.zoom > 1);

    const fused = this.show === "fused";
    const divided = fused && this.compare !== "none";
    const split = divided ? this.split : 0;
    this.layers.fused.style.visibility = fused ? "visible" : "hidden";
    this.layers.fused.style.clipPath = `inset(0 0 0 ${100 * split}%)`;
    const infrared = this.show === "infrared" || this.show === "overlay" || (divided && this.compare === "infrared");
    this.layers.infrared.style.visibility = infrared ? "visible" : "hidden";
    this.layers.infrared.style.opacity = this.show === "overlay" ? 0.5 : 1;
    // Where the infrared does not reach there is nothing to compare with.
    const beneath = this.show === "visible" || this.show === "overlay" || (divided && this.compare === "visible");
    this.layers.visible.style.visibility = beneath ? "visible" : "hidden";

    this.divider.hidden = !divided;
    const place = x + split * width * scale;
    this.divider.style.left = `${Math.min(Math.max(place, 0), this.stage.clientWidth)}px`;
    this.divider.setAttribute("aria-valuenow", Math.round(100 * split));
    this.divider.setAttribute("aria-valuetext", `${Math.round(100 * split)} % ${this.compare}, the rest fused`);
    this.label(fused, divided);
    this.handles.forEach((handle, index) => {
      // Always within reach.
      const within = (place, length) => `${Math.min(Math.max(place, 12), length - 12)}px`;
      handle.hidden = !this.moves;
      handle.style.left = within(x + this.corners[index][0] * scale, this.stage.clientWidth);
      handle.style.top = within(y + this.corners[index][1] * scale, this.stage.clientHeight);
    });
  }

  label(fused, divided) {
    const names = { infrared: "Infrared", visible: "Visible", overlay: "Both" };
    this.tags.left.textContent = fused ? names[this.compare] ?? "" : names[this.show];
    this.tags.left.hidden = fused && !divided;
    this.tags.right.hidden = !fused;
  }

  // Zoom about a point of the stage.
  zoomBy(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const zoom = Math.min(Math.max(this.zoom * factor, 1), LARGEST_ZOOM);
    const change = zoom / this.zoom;
    this.zoom = zoom;
    this.offset = [x - (x - this.offset[0]) * change, y - (y - this.offset[1]) * change];
    this.keepInside();
    this.draw();
  }

  keepInside() {
    const reach = (offset, length) => Math.min(Math.max(offset, length * this.scale * (1 - this.zoom)), 0);
    this.offset = [reach(this.offset[0], this.size.width), reach(this.offset[1], this.size.height)];
  }

  splitAt(x) {
    const place = (x - this.offset[0]) / (this.size.width * this.scale * this.zoom);
    this.split = Math.min(Math.max(place, 0), 1);
    this.draw();
  }

  listen() {
    const { stage, divider } = this;
    const pointers = new Map();
    const at = (event) => {
      const box = stage.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const spread = () => {
      const [a, b] = [...pointers.values()];
      const [right, down] = [b[0] - a[0], b[1] - a[1]];
      const angle = (Math.atan2(down, right) * 180) / Math.PI;
      return { distance: Math.max(Math.hypot(right, down), 1), angle, middle: [a[0] + right / 2, a[1] + down / 2] };
    };
    stage.addEventListener("pointerdown", (event) => {
      stage.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, at(event));
      this.corner = pointers.size === 1 ? event.target.dataset.corner : undefined;
      this.holdsDivider = pointers.size === 1 && (divider.contains(event.target) || !(this.moves || this.zoom > 1));
      if (this.holdsDivider && !divider.hidden) this.splitAt(at(event)[0]);
    });
    stage.addEventListener("pointermove", (event) => {
      if (!pointers.has(event.pointerId)) return;
      const before = pointers.size === 2 ? spread() : null;
      const last = pointers.get(event.pointerId);
      const now = at(event);
      pointers.set(event.pointerId, now);
      if (before) {
        const after = spread();
        const turn = ((after.angle - before.angle + 540) % 360) - 180;
        this.scaleBy(after.distance / before.distance, turn, ...after.middle);
      } else if (this.holdsDivider) {
        if (!divider.hidden) this.splitAt(now[0]);
      } else {
        this.drag(now[0] - last[0], now[1] - last[1]);
      }
    });
    for (const name of ["pointerup", "pointercancel"]) {
      stage.addEventListener(name, (event) => pointers.delete(event.pointerId));
    }
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const wheel = -(event.deltaY || event.deltaX);
      if (this.moves && event.shiftKey) this.onScale(1, wheel * 0.01);
      else this.scaleBy(Math.exp(wheel * (this.moves ? 0.0002 : 0.002)), 0, ...at(event));
    }, { passive: false });
    divider.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      this.split = Math.min(Math.max(this.split + step, 0), 1);
      this.draw();
    });
  }

  scaleBy(factor, turn, x, y) {
    if (this.moves) this.onScale(factor, turn);
    else this.zoomBy(factor, x, y);
  }

  drag(right, down) {
    if (this.moves) {
      const steps = [right, down].map((step) => step / (this.scale * this.zoom));
      return this.corner ? this.onCorner(Number(this.corner), ...steps) : this.onMove(...steps);
    }
    this.offset = [this.offset[0] + right, this.offset[1] + down];
    this.keepInside();
    this.draw();
  }
}
