// The list of pairs, its orders, and what belongs to the chosen pair.
const PAGE = 200; // entries that the list shows before "Show more"
const list = { order: [...data.listed], length: PAGE };

/** Return by what a pair is ordered: its score as a number where more is better; null where there is none. */
function quality(pair) {
  const metric = byId("order-metric").value;
  const method = byId("order-method").value;
  if (metric === "all") return data.overall[pair];
  const sign = data.metrics[metric].up ? 1 : -1;
  const values = data.scores[pair].map((row) => row[metric]).filter((value) => value !== null);
  if (method !== "all") return data.scores[pair][method][metric] === null ? null : sign * data.scores[pair][method][metric];
  return values.length ? (sign * values.reduce((sum, value) => sum + value, 0)) / values.length : null;
}

/** Return the number that the list shows beside a pair. */
function caption(pair) {
  const order = byId("order").value;
  if (order === "disputed") return shown(data.disagreement[pair]);
  if (order !== "worst" && order !== "best") return "";
  const value = quality(pair);
  const metric = byId("order-metric").value;
  return shown(value === null || metric === "all" || data.metrics[metric].up ? value : -value);
}

function orderPairs() {
  const order = byId("order").value;
  const extremes = order === "worst" || order === "best";
  byId("order-metric").disabled = !extremes;
  byId("order-method").disabled = !extremes || byId("order-metric").value === "all";
  const wanted = byId("find").value.toLowerCase();
  const found = data.listed.filter((pair) => data.pairs[pair].toLowerCase().includes(wanted));
  const sign = order === "worst" ? 1 : -1;
  const key = order === "disputed" ? (pair) => data.disagreement[pair] : quality;
  if (order === "name") found.sort((a, b) => data.pairs[a].localeCompare(data.pairs[b], undefined, { numeric: true }));
  if (extremes || order === "disputed") {
    const keys = new Map(found.map((pair) => [pair, key(pair)]));
    found.sort((a, b) => {
      const [one, other] = [keys.get(a), keys.get(b)];
      if (one === null || other === null) return (one === null) - (other === null);
      return sign * (one - other);
    });
  }
  list.order = found;
  list.length = PAGE;
  showList();
}

function showList() {
  const embedded = new Set(data.embedded);
  const entries = list.order.slice(0, list.length).map((pair) => {
    const why = data.reasons[pair];
    const button = make("button", { type: "button", "data-pair": pair }, make("span", { class: "name", textContent: data.pairs[pair] }), make("span", { textContent: caption(pair) }));
    if (!embedded.has(pair)) {
      button.classList.add("bare");
      button.title = data.folder ? "from the folder beside" : "scores only";
    }
    if (byId("order").value === "report") button.append(make("span", { class: "why", textContent: summary(why) }));
    button.setAttribute("aria-current", String(pair === current.pair));
    button.addEventListener("click", () => select(pair));
    return make("li", {}, button);
  });
  byId("list").replaceChildren(...entries);
  byId("more").hidden = list.order.length <= list.length;
}

function summary(why, most = 2) {
  return why.length > most ? `${why.slice(0, most).join("; ")}; ${why.length - most} more` : why.join("; ");
}

/** Show a pair: its pictures, its scores and its files. */
async function select(pair) {
  current.pair = pair;
  for (const button of byId("list").querySelectorAll("button")) button.setAttribute("aria-current", String(Number(button.dataset.pair) === pair));
  const read = await picturesOf(pair);
  if (current.pair !== pair) return; // another one was chosen meanwhile
  current.pictures = read.pictures;
  current.boxes = read.boxes;
  const first = read.pictures.find(Boolean);
  [current.width, current.height] = first ? [first.width, first.height] : [4, 3];
  view.cursor = null;
  byId("pair-name").textContent = data.pairs[pair];
  const size = read.width ? `${read.width}×${read.height}${first && first.width < read.width ? `, shown as ${first.width}×${first.height}` : ""}. ` : "";
  byId("pair-reasons").textContent = `${size}${summary(data.reasons[pair], 5)}`;
  byId("pair-reasons").title = data.reasons[pair].join("; ");
  byId("pair-errors").hidden = !read.errors.length;
  byId("pair-errors").textContent = read.errors.join("; ");
  buildPanes(read);
  showScores();
  showFiles(read);
  setZoom(1, 0.5, 0.5);
  updateComparison();
}

function showScores() {
  const metrics = data.same ? shownMetrics() : data.metrics.map((_, metric) => metric);
  const methods = shownMethods();
  const head = ["method", ...metrics.map((metric) => `${data.metrics[metric].heading} ${data.metrics[metric].up ? "↑" : "↓"}`)];
  const ranks = new Map(metrics.map((metric) => [metric, places(methods.map((method) => data.scores[current.pair][method][metric]), data.metrics[metric].up)]));
  const rows = methods.map((method, index) => {
    const cells = metrics.map((metric) => {
      const place = methods.length > 1 ? { 1: "best", 2: "second" }[ranks.get(metric)[index]] ?? "" : "";
      return make("td", { class: place }, make("span", { class: "mean", textContent: shown(data.scores[current.pair][method][metric]) }));
    });
    return make("tr", {}, make("th", { scope: "row" }, mark(method), " ", make("bdi", { textContent: data.methods[method] })), ...cells);
  });
  byId("pair-scores").tHead.replaceChildren(make("tr", {}, ...head.map((text) => make("th", { scope: "col", textContent: text }))));
  byId("pair-scores").tBodies[0].replaceChildren(...rows);
}

function showFiles(read) {
  const entries = names.flatMap((name, index) => {
    const file = read.files[index];
    if (file === undefined) return [];
    const hash = read.hashes[index];
    const lines = [make("code", { textContent: file || "computed from the sources" })];
    if (hash) lines.push(make("code", { textContent: `SHA-256 ${hash}` }));
    return [make("dt", { textContent: name }), make("dd", {}, ...lines)];
  });
  byId("files").replaceChildren(...(entries.length ? entries : [make("dd", { textContent: "not in this report" })]));
}

function step(by) {
  const at = list.order.indexOf(current.pair);
  const next = list.order[Math.min(list.order.length - 1, Math.max(0, at + by))];
  if (next !== undefined) select(next);
}

const keys = {
  n: () => step(1),
  p: () => step(-1),
  f: flip,
  d: () => setMode("difference"),
  s: () => setMode("slider"),
  b: () => byId("boxes")?.click(),
  "+": () => setZoom(view.zoom * 1.5),
  "=": () => setZoom(view.zoom * 1.5),
  "-": () => setZoom(view.zoom / 1.5),
  0: () => setZoom(1, 0.5, 0.5),
  "?": () => byId("keys").showModal(),
};
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input[type=search], select, textarea, dialog");
  if (typing || !byId("keys-on").checked || event.ctrlKey || event.metaKey || event.altKey) return;
  keys[event.key.toLowerCase()]?.();
});

byId("order-metric").append(option("all", "all metrics together"), ...data.metrics.map((metric, index) => option(index, metric.heading)));
byId("order-method").append(option("all", "all methods together"), ...data.methods.map((method, index) => option(index, method)));
for (const id of ["order", "order-metric", "order-method"]) byId(id).addEventListener("change", orderPairs);
byId("find").addEventListener("input", orderPairs);
byId("previous").addEventListener("click", () => step(-1));
byId("next").addEventListener("click", () => step(1));
byId("help").addEventListener("click", () => byId("keys").showModal());
byId("more").addEventListener("click", () => {
  list.length += PAGE;
  showList();
});
onVisibility.push(showScores);
orderPairs();
if (data.listed.length) select(data.listed[0]);
