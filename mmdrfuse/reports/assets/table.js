// The table: sorting, hiding, ranks among what is shown, and copying.
const table = byId("scores");
const MEAN = 0, STD = 1, LOW = 2, HIGH = 3;

function tableRows() {
  return [...table.tBodies[0].rows];
}

function shownMethods() {
  return tableRows().map((row) => Number(row.dataset.method)).filter((method) => !hiddenMethods.has(method));
}

function shownMetrics() {
  return data.columns.map((_, metric) => metric).filter((metric) => !hiddenMetrics.has(metric));
}

/** Return what a row is sorted by under a heading; null comes last. */
function sortValue(row, key) {
  const method = Number(row.dataset.method);
  if (key === "method") return data.methods[method];
  if (key === "rank") return Number(row.querySelector(".mean-rank").textContent);
  return data.summary[method][Number(key)][MEAN];
}

function sortBy(heading) {
  const key = heading.dataset.key;
  const up = key !== "method" && key !== "rank" && data.columns[Number(key)].up;
  const first = up ? "descending" : "ascending"; // the best on top
  const other = up ? "ascending" : "descending";
  const direction = heading.getAttribute("aria-sort") === first ? other : first;
  for (const cell of heading.parentElement.cells) cell.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const rows = tableRows().sort((one, two) => {
    const [a, b] = [sortValue(one, key), sortValue(two, key)];
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (typeof a === "string" ? a.localeCompare(b) : a - b);
  });
  table.tBodies[0].append(...rows);
}

/** Hide and show rows and columns, and mark the best and the second among the methods that are shown. */
function updateTable() {
  for (const cell of table.querySelectorAll("[data-metric]")) cell.hidden = hiddenMetrics.has(Number(cell.dataset.metric));
  const rows = tableRows();
  for (const row of rows) row.hidden = hiddenMethods.has(Number(row.dataset.method));
  if (!table.querySelector(".mean-rank")) return;
  const visible = rows.filter((row) => !row.hidden);
  const ranks = new Map(visible.map((row) => [row, []]));
  for (const metric of shownMetrics()) {
    const found = places(visible.map((row) => data.summary[row.dataset.method][metric][MEAN]), data.columns[metric].up);
    visible.forEach((row, index) => {
      const place = found[index];
      const cell = row.querySelector(`td[data-metric="${metric}"]`);
      cell.className = { 1: "best", 2: "second" }[place] ?? "";
      cell.querySelector(".spoken").textContent = cell.className ? `, ${cell.className}` : "";
      if (place === null) return;
      cell.querySelector(".rank").textContent = place;
      ranks.get(row).push(place);
    });
  }
  for (const [row, found] of ranks) {
    const mean = found.reduce((sum, rank) => sum + rank, 0) / found.length;
    row.querySelector(".mean-rank").textContent = found.length ? mean.toFixed(2) : "–";
  }
}

/** Return the cells as they are shown: mean, whether it is best or second, and the parts that are not hidden. */
function cellsOf(method) {
  const row = tableRows().find((one) => Number(one.dataset.method) === method);
  return shownMetrics().map((metric) => {
    const cell = row.querySelector(`td[data-metric="${metric}"]`);
    const text = (part) => (cell.querySelector(`.${part}`)?.textContent ?? "").replaceAll("−", "-");
    return {
      mean: text("mean"),
      place: cell.className,
      std: table.classList.contains("without-std") ? "" : text("std").replace("± ", ""),
      interval: table.classList.contains("without-interval") ? "" : text("interval"),
      values: data.summary[method][metric],
    };
  });
}

const LATEX = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "†": "$^\\dagger$", "–": "--", "∞": "$\\infty$" };
const latexText = (text) => text.replace(/[\\~^†–∞]|[&%$#_{}]/g, (sign) => LATEX[sign] ?? `\\${sign}`);
const markdownText = (text) => text.replace(/[\\|*_`<>[\]]/g, "\\$&");
const csvText = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const formats = {
  latex() {
    const heads = shownMetrics().map((metric) => `${latexText(data.columns[metric].heading)} $\\${data.columns[metric].up ? "up" : "down"}arrow$`);
    const body = shownMethods().map((method) => {
      const cells = cellsOf(method).map(({ mean, place, std, interval }) => {
        const number = latexText(mean);
        const main = place === "best" ? `\\textbf{${number}}` : place === "second" ? `\\underline{${number}}` : number;
        return main + (std && ` $\\pm$ ${latexText(std)}`) + (interval && ` {\\scriptsize ${latexText(interval)}}`);
      });
      return `${[latexText(data.methods[method]), ...cells].join(" & ")} \\\\`;
    });
    const head = `${["method", ...heads].join(" & ")} \\\\`;
    const columns = `l${"r".repeat(heads.length)}`;
    return ["% needs \\usepackage{booktabs}", `\\begin{tabular}{${columns}}`, "\\toprule", head, "\\midrule", ...body, "\\bottomrule", "\\end{tabular}", ""].join("\n");
  },
  csv() {
    const parts = [["", MEAN], ...(table.classList.contains("without-std") || !table.querySelector(".std") ? [] : [[" std", STD]])];
    if (!table.classList.contains("without-interval")) parts.push([" low", LOW], [" high", HIGH]);
    const head = ["method", ...shownMetrics().flatMap((metric) => parts.map(([name]) => data.columns[metric].name + name))];
    const body = shownMethods().map((method) => [data.methods[method], ...cellsOf(method).flatMap(({ values }) => parts.map(([, at]) => String(values[at] ?? "")))]);
    return [head, ...body].map((row) => `${row.map(csvText).join(",")}\n`).join("");
  },
  markdown() {
    const heads = shownMetrics().map((metric) => `${data.columns[metric].heading} ${data.columns[metric].up ? "↑" : "↓"}`);
    const body = shownMethods().map((method) => {
      const cells = cellsOf(method).map(({ mean, place, std, interval }) => {
        const main = place === "best" ? `**${mean}**` : place === "second" ? `<u>${mean}</u>` : mean;
        return main + (std && ` ± ${std}`) + (interval && ` ${interval}`);
      });
      return [markdownText(data.methods[method]), ...cells];
    });
    const rule = ["---", ...heads.map(() => "---:")];
    return [["method", ...heads], rule, ...body].map((row) => `| ${row.join(" | ")} |\n`).join("");
  },
};

async function copy(text, name) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy"); // where a file has no clipboard of its own
    area.remove();
  }
  byId("copied").textContent = `${name} copied`;
}

for (const heading of table.tHead.rows[0].cells) heading.querySelector(".sort").addEventListener("click", () => sortBy(heading));
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copy(formats[button.dataset.copy](), button.textContent));
}
for (const box of document.querySelectorAll("[data-part]")) {
  box.addEventListener("change", () => table.classList.toggle(`without-${box.dataset.part}`, !box.checked));
}
for (const [id, key, hidden] of [["show-methods", "method", hiddenMethods], ["show-metrics", "metric", hiddenMetrics]]) {
  byId(id).addEventListener("change", ({ target }) => {
    if (target.checked) hidden.delete(Number(target.dataset[key]));
    else hidden.add(Number(target.dataset[key]));
    for (const update of onVisibility) update();
  });
}
document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(target)) menu.open = false;
});
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape") for (const menu of document.querySelectorAll(".menu[open]")) menu.open = false;
});
onVisibility.push(updateTable);
