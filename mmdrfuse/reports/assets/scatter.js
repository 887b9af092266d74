// One metric against another: the means of the methods with their intervals, and every pair.
const SCATTER = { width: 760, height: 440, left: 64, right: 16, top: 14, bottom: 48, most: 4000 };

/** Return round numbers within a range. */
function ticksOf(low, high, most = 6) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => (high - low) / candidate <= most);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

function scaleOf(values, from, to) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = 0.05 * (high - low) || Math.abs(high) * 0.05 || 1;
  const ends = [low - margin, high + margin];
  const at = (value) => from + ((value - ends[0]) / (ends[1] - ends[0])) * (to - from);
  return { at, ticks: ticksOf(...ends) };
}

function drawScatter() {
  const [x, y] = [Number(byId("scatter-x").value), Number(byId("scatter-y").value)];
  SCATTER.width = Math.max(280, Math.min(760, byId("scatter").clientWidth || 760));
  const methods = shownMethods();
  const pairs = byId("scatter-pairs").checked ? data.listed.slice(0, Math.floor(SCATTER.most / Math.max(1, methods.length))) : [];
  const points = pairs.flatMap((pair) => methods.map((method) => ({ pair, method, x: data.scores[pair][method][x], y: data.scores[pair][method][y] })));
  const known = points.filter((point) => point.x !== null && point.y !== null);
  const means = methods.map((method) => ({ method, x: data.summary[method][x], y: data.summary[method][y] }));
  const defined = means.filter((one) => one.x[MEAN] !== null && one.y[MEAN] !== null && one.x[LOW] !== null && one.y[LOW] !== null);
  if (!defined.length) {
    byId("scatter").textContent = "These metrics have no value.";
    return;
  }
  const range = (key) => [...known.map((point) => point[key]), ...defined.flatMap((one) => [one[key][LOW], one[key][HIGH]])];
  const across = scaleOf(range("x"), SCATTER.left, SCATTER.width - SCATTER.right);
  const up = scaleOf(range("y"), SCATTER.height - SCATTER.bottom, SCATTER.top);
  const svg = makeSvg("svg", { viewBox: `0 0 ${SCATTER.width} ${SCATTER.height}`, role: "img", "aria-label": `${data.metrics[y].name} against ${data.metrics[x].name}` });
  svg.append(...axes(across, up, x, y), ...known.map((point) => pairMark(point, across, up)), ...defined.map((one) => meanMark(one, across, up)));
  byId("scatter").replaceChildren(svg);
}

function axes(across, up, x, y) {
  const bottom = SCATTER.height - SCATTER.bottom;
  const text = (at, height, content, anchor) => makeSvg("text", { x: at, y: height, "text-anchor": anchor }, content);
  const label = (metric) => `${data.metrics[metric].heading} ${data.metrics[metric].up ? "↑ more is better" : "↓ less is better"}`;
  const turned = text(0, 0, label(y), "middle");
  turned.setAttribute("transform", `translate(16 ${bottom / 2}) rotate(-90)`);
  return [
    ...across.ticks.flatMap((tick) => [makeSvg("line", { class: "grid", x1: across.at(tick), x2: across.at(tick), y1: SCATTER.top, y2: bottom }), text(across.at(tick), bottom + 18, String(tick), "middle")]),
    ...up.ticks.flatMap((tick) => [makeSvg("line", { class: "grid", x1: SCATTER.left, x2: SCATTER.width - SCATTER.right, y1: up.at(tick), y2: up.at(tick) }), text(SCATTER.left - 8, up.at(tick) + 4, String(tick), "end")]),
    text((SCATTER.left + SCATTER.width) / 2, SCATTER.height - 8, label(x), "middle"),
    turned,
  ];
}

/** Return a mark of a method's shape and colour, centred on a point. */
function shapeAt(method, x, y, size, title) {
  const place = { href: shapeOf(method), x: x - size / 2, y: y - size / 2, width: size, height: size };
  return makeSvg("g", { class: `c${method % 8}` }, makeSvg("title", {}, title), makeSvg("use", place));
}

function pairMark({ pair, method, x, y }, across, up) {
  const shape = shapeAt(method, across.at(x), up.at(y), 8, `${data.pairs[pair]}, ${data.methods[method]}: ${shown(x)}, ${shown(y)}`);
  shape.classList.add("pair");
  shape.addEventListener("click", () => {
    select(pair);
    byId("pairs").scrollIntoView();
  });
  return shape;
}

function meanMark({ method, x, y }, across, up) {
  const [left, right, low, high] = [across.at(x[LOW]), across.at(x[HIGH]), up.at(y[LOW]), up.at(y[HIGH])];
  const [middle, level] = [across.at(x[MEAN]), up.at(y[MEAN])];
  const cross = makeSvg("path", { class: `interval c${method % 8}`, d: `M${left} ${level}H${right}M${middle} ${low}V${high}` });
  const shape = shapeAt(method, middle, level, 18, `${data.methods[method]}: ${shown(x[MEAN])}, ${shown(y[MEAN])}`);
  const label = makeSvg("text", { x: middle + 12, y: level - 9 }, data.methods[method]);
  return makeSvg("g", {}, cross, shape, label);
}

if (byId("scatter")) {
  const find = (name) => data.metrics.findIndex((metric) => metric.name === name);
  for (const [id, name, other] of [["scatter-x", "SD", 0], ["scatter-y", "VIF", 1]]) {
    byId(id).append(...data.metrics.map((metric, index) => option(index, metric.heading)));
    byId(id).value = find(name) < 0 ? other : find(name);
    byId(id).addEventListener("change", drawScatter);
  }
  byId("scatter-pairs").addEventListener("change", drawScatter);
  onVisibility.push(drawScatter);
  new ResizeObserver(drawScatter).observe(byId("scatter").parentElement);
}
