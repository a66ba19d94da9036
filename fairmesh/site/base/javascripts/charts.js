// Draw the charts of a page with the bundle in vega.js, in the colors of the selected scheme.
(() => {
  const { read, keep, make, number } = window.fairmeshPage;
  const ON_LIGHT = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];
  // The same colors, lighter where they would be too dark.
  const ON_DARK = ["#56b4e9", "#f08a3c", "#2fc99b", "#e3a2c6", "#8ecbf0", "#f2bd4a"];
  const TABLE_ROWS = 1000;
  const ON_CANVAS = 400; // rows; SVG is too slow for more marks

  const scheme = () => document.body.dataset.mdColorScheme;
  const isDark = () => scheme() === "slate";
  const palette = () => (isDark() ? ON_DARK : ON_LIGHT);

  const colors = () => {
    const style = getComputedStyle(document.body);
    const ink = style.getPropertyValue("--md-default-fg-color").trim();
    const line = style.getPropertyValue("--fm-line").trim();
    return {
      axis: { labelColor: ink, titleColor: ink, gridColor: line, domainColor: line, tickColor: line },
      legend: { labelColor: ink, titleColor: ink },
      range: { category: palette() }, mark: { color: palette()[0] }, rule: { color: palette()[0] },
    };
  };

  // ---- The legend: it selects the lines in the charts below it --------------------------------------------------

  const legend = { chosen: [], all: [] };

  const onlyChosen = (spec, lines) => {
    const chosen = legend.chosen.filter((name) => lines.includes(name));
    spec.data = { values: spec.data.values.filter((row) => chosen.includes(row.point)) };
    const range = legend.chosen.map((_, place) => palette()[place % palette().length]);
    const { color } = spec.encoding;
    if (color?.field === "point") Object.assign(color, { legend: null, scale: { domain: legend.chosen, range } });
  };

  const paintLegend = (frame) => {
    for (const label of frame.querySelectorAll("label")) {
      const place = legend.chosen.indexOf(legend.all[Number(label.dataset.place)]);
      label.querySelector("i").style.background = place < 0 ? "transparent" : palette()[place % palette().length];
    }
  };

  const prepareLegend = (redraw) => {
    const frame = document.querySelector(".fm-legend");
    if (!frame) return;
    legend.all = JSON.parse(frame.querySelector("script").textContent);
    const asked = (read().get("lines") ?? "").split(" ").filter((place) => place in legend.all);
    legend.chosen = asked.length ? asked.map((place) => legend.all[place]) : legend.all.slice(0, ON_LIGHT.length);
    legend.all.forEach((name, place) => {
      const input = make("input", { type: "checkbox" });
      input.checked = legend.chosen.includes(name);
      input.addEventListener("change", () => {
        legend.chosen = input.checked ? [...legend.chosen, name] : legend.chosen.filter((each) => each !== name);
        keep({ lines: legend.chosen.map((each) => legend.all.indexOf(each)).join(" ") });
        paintLegend(frame);
        redraw();
      });
      frame.append(make("label", { "data-place": place }, input, make("i"), name));
    });
    frame.hidden = false;
  };

  // ---- A chart and its controls ------------------------------------------------------------------------

  const fillTable = (place, rows, columns) => {
    const fields = Object.keys(columns);
    const head = make("tr", {}, ...fields.map((field) => make("th", { scope: "col" }, columns[field])));
    const body = rows.slice(0, TABLE_ROWS).map((row) => make("tr", {}, ...fields.map((field) => make("td", {}, number(row[field])))));
    place.replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
    if (rows.length > TABLE_ROWS) place.append(make("p", { class: "fm-note" }, `The first ${TABLE_ROWS} of ${rows.length} rows.`));
  };

  const save = async (figure) => {
    const svg = await figure.view.toSVG();
    const address = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    make("a", { href: address, download: `${figure.title.replace(/[^A-Za-z0-9]+/g, "-")}.svg` }).click();
    URL.revokeObjectURL(address);
  };

  const addTools = (figure) => {
    const tools = figure.element.querySelector(".fm-chart-tools");
    const table = make("div", { class: "fm-table", role: "region", tabindex: "0", "aria-label": `Data of ${figure.title}` });
    const details = make("details", {}, make("summary", {}, "Data"), table);
    const button = make("button", { type: "button", "aria-label": `Save ${figure.title} as SVG` }, "SVG");
    details.addEventListener("toggle", () => details.open && fillTable(table, figure.rows, figure.columns));
    button.addEventListener("click", () => save(figure));
    tools.append(button, details);
    tools.hidden = false;
    figure.refresh = () => details.open && fillTable(table, figure.rows, figure.columns);
  };

  const draw = async (figure) => {
    const spec = structuredClone(figure.given.spec);
    if (figure.fill) figure.columns = figure.fill(spec);
    if (figure.given.lines) onlyChosen(spec, figure.given.lines);
    for (const [part, found] of Object.entries(colors())) spec.config[part] = { ...spec.config[part], ...found };
    figure.rows = spec.data.values;
    const renderer = figure.rows.length > ON_CANVAS ? "canvas" : "svg";
    const tooltip = { theme: isDark() ? "dark" : "light" };
    const canvas = figure.element.querySelector(".fm-chart-canvas");
    const drawn = await vegaEmbed(canvas, spec, { actions: false, renderer, tooltip });
    // Vega's own description would repeat the text alternative of the frame.
    canvas.querySelectorAll("svg, canvas").forEach((picture) => picture.setAttribute("aria-hidden", "true"));
    figure.view = drawn.view;
    figure.refresh();
  };

  const figures = [];
  const drawAll = () => Promise.all(figures.map(draw));

  const begin = () => {
    for (const element of document.querySelectorAll(".fm-chart")) {
      const script = element.querySelector("script");
      if (!script) continue;
      const given = JSON.parse(script.textContent);
      const figure = { element, given, title: given.title, columns: given.columns };
      if (given.controls) {
        figure.fill = window.fairmeshExplorer.prepare(element, given.controls, () => draw(figure));
        if (!figure.fill) continue;
      }
      addTools(figure);
      figures.push(figure);
    }
    prepareLegend(() => figures.filter((figure) => figure.given.lines).forEach(draw));
  };

  let drawn = "";
  const follow = () => {
    if (drawn === scheme()) return;
    drawn = scheme();
    drawAll();
    const frame = document.querySelector(".fm-legend");
    if (frame) paintLegend(frame);
  };

  document.addEventListener("DOMContentLoaded", () => {
    begin();
    follow();
    new MutationObserver(follow).observe(document.body, { attributeFilter: ["data-md-color-scheme"] });
  });
})();
