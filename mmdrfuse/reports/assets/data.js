"use strict";
// What the report knows, and small helpers that all parts use.
document.documentElement.className = "scripts";
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const hiddenMethods = new Set();
const hiddenMetrics = new Set();
const onVisibility = []; // called when methods or metrics are hidden or shown

/** Make an element; `properties` are those of the element, but `data-*`, `aria-*` and `class` are attributes. */
function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "class" || key === "role") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

function makeSvg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Return the address of a method's shape; with its colour it tells 64 methods apart. */
function shapeOf(method) {
  return `#shape${(method + Math.floor(method / 8)) % 8}`;
}

function mark(index, size = 12) {
  const shape = makeSvg("use", { href: shapeOf(index), x: -6, y: -6, width: 12, height: 12 });
  return makeSvg("svg", { class: `mark c${index % 8}`, viewBox: "-6 -6 12 12", width: size, height: size, "aria-hidden": "true" }, shape);
}

/** Write a number as the table does. */
function shown(value) {
  if (value === null || value === undefined) return "–";
  const text = Math.abs(value) < 100 ? String(Number(value.toPrecision(4))) : value.toFixed(1);
  return text.replace("-", "−");
}

/** Return the places of values from best to worst, beginning at 1; equal values share a place, null has none. */
function places(values, up) {
  const known = values.filter((value) => value !== null);
  return values.map((value) => (value === null ? null : 1 + known.filter((other) => (up ? other > value : other < value)).length));
}

function option(value, text) {
  return make("option", { value, textContent: text });
}

byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
