// Two pictures of the pair in one place: behind a slider, in turn, or as the map of their difference.
const compare = { canvas: make("canvas", { id: "compare", role: "img" }), mode: "slider", second: false, map: null };
byId("compare-place").append(compare.canvas);

function chosen() {
  return [byId("first"), byId("second")].map((select) => current.pictures[Number(select.value)] ?? null);
}

function chosenNames() {
  return [byId("first"), byId("second")].map((select) => names[Number(select.value)]);
}

/** Return luma of one pixel; the values of grey pictures stay as they are. */
function luma(pixels, at) {
  return 0.299 * pixels[at] + 0.587 * pixels[at + 1] + 0.114 * pixels[at + 2];
}

/** Return the map of first − second: blue where the second is brighter, white where they agree, orange for the first. */
function differenceMap(first, second, gain) {
  const canvas = make("canvas", { width: first.width, height: first.height });
  const context = canvas.getContext("2d");
  const target = context.createImageData(first.width, first.height);
  let [sum, most] = [0, 0];
  for (let at = 0; at < target.data.length; at += 4) {
    const difference = luma(first.pixels, at) - luma(second.pixels, at);
    const share = Math.min(1, (gain * Math.abs(difference)) / 255);
    const end = difference > 0 ? [196, 84, 0] : [0, 98, 160];
    for (let channel = 0; channel < 3; channel++) target.data[at + channel] = 255 + share * (end[channel] - 255);
    target.data[at + 3] = 255;
    sum += Math.abs(difference);
    most = Math.max(most, Math.abs(difference));
  }
  context.putImageData(target, 0, 0);
  return { canvas, mean: (4 * sum) / target.data.length, most };
}

function drawComparison(canvas, place) {
  const [first, second] = chosen();
  if (!first || !second) return;
  if (compare.mode === "difference" && compare.map) {
    drawPicture(canvas, compare.map.canvas, place);
  } else if (compare.mode === "flicker") {
    drawPicture(canvas, (compare.second ? second : first).image, place);
    drawBoxes(canvas, Number(byId(compare.second ? "second" : "first").value), place);
  } else {
    const at = (byId("split").value / 1000) * canvas.width;
    drawPicture(canvas, second.image, place);
    drawPicture(canvas, first.image, place, at);
    drawBoxes(canvas, Number(byId("first").value), place);
    const context = canvas.getContext("2d");
    context.fillStyle = "#000a";
    context.fillRect(at - 2, 0, 4, canvas.height);
    context.fillStyle = "#fff";
    context.fillRect(at - 1, 0, 2, canvas.height);
  }
}

/** Describe what the comparison shows, and compute the difference map if it is wanted. */
function updateComparison() {
  const [first, second] = chosen();
  const [one, other] = chosenNames();
  const readable = first?.pixels && second?.pixels && first.width === second.width && first.height === second.height;
  compare.map = compare.mode === "difference" && readable ? differenceMap(first, second, Number(byId("gain").value)) : null;
  const texts = {
    slider: `left: ${one}, right: ${other}`,
    flicker: `now: ${compare.second ? other : one}`,
    difference: compare.map
      ? `orange: ${one} is brighter, blue: ${other} is; mean ${compare.map.mean.toFixed(1)}, largest ${compare.map.most.toFixed(0)} of 255`
      : "there is no difference map for pictures that are not embedded",
  };
  const text = first && second ? texts[compare.mode] : "one of the two is missing";
  byId("compare-text").textContent = text;
  compare.canvas.setAttribute("aria-label", `${compare.mode} of ${one} and ${other}; ${text}`);
  byId("split").hidden = compare.mode !== "slider";
  byId("flip").hidden = compare.mode !== "flicker";
  byId("gain-field").hidden = compare.mode !== "difference";
  redraw();
}

function setMode(mode) {
  compare.mode = mode;
  document.querySelector(`[name="mode"][value="${mode}"]`).checked = true;
  updateComparison();
}

function flip() {
  compare.second = !compare.second;
  setMode("flicker");
}

// two methods; of a single one, it and the visible picture; of none, the two sources
const starts = data.panes.length > 3 ? [2, 3] : data.panes.length === 3 ? [2, 1] : [0, 1];
for (const [id, start] of [["first", starts[0]], ["second", starts[1]]]) {
  byId(id).append(...names.map((name, index) => option(index, name)));
  byId(id).value = start;
  byId(id).addEventListener("change", updateComparison);
}
for (const radio of document.querySelectorAll('[name="mode"]')) radio.addEventListener("change", () => setMode(radio.value));
attach(compare.canvas, drawComparison);
byId("split").addEventListener("input", redraw);
byId("gain").addEventListener("input", updateComparison);
byId("flip").addEventListener("click", flip);
