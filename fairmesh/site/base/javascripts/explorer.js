// Charts whose axes readers choose: the rows of the leaderboard, put into a specification without data.
window.fairmeshExplorer = (() => {
  const { read, keep, choose, text, order, ends, data } = window.fairmeshPage;
  const MOST_COLORS = 6;
  const WIDE = 50;
  const TICKED = 8;

  const board = () => data(`${document.querySelector(".fm-board")?.dataset.source}`);

  const isBetter = (a, b, direction) => (direction === "lower" ? a < b : a > b);

  // The Pareto front, the rows that no other row beats in both: along x from its good end, each better in y than all before.
  const markFront = (rows, x, y) => {
    const sorted = [...rows].sort((a, b) => (isBetter(a.x, b.x, x.better) ? -1 : isBetter(b.x, a.x, x.better) ? 1 : isBetter(a.mean, b.mean, y.better) ? -1 : 1));
    let best;
    for (const row of sorted) {
      row.front = best === undefined || isBetter(row.mean, best, y.better);
      if (row.front) best = row.mean;
    }
  };

  const isNamed = (column) => ["parameter", "machine", "owner"].includes(column.kind);

  const rowsOf = (found, chosen, controls) => {
    const place = (key) => found.columns.findIndex((column) => column.key === key);
    const [x, y, color] = [place(chosen.x), place(chosen.y), place(chosen.color)];
    const others = found.columns.map((column, at) => at).filter((at) => at !== x && isNamed(found.columns[at]));
    const rows = [];
    for (const row of found.rows) {
      const [across, up] = [order(row.cells[x]), order(row.cells[y])];
      if (row.kind === "baseline" || typeof up !== "number" || across === "" || across === undefined) continue;
      if (!isNamed(found.columns[x]) && typeof across !== "number") continue;
      const [low, high] = ends(row.cells[y]);
      rows.push({
        x: across, mean: up, low, high, n: row.n, point: row.name, front: false,
        color: color < 0 ? "" : text(row.cells[color]),
        series: others.map((at) => text(row.cells[at])).join(", "),
      });
    }
    if (controls.front && found.columns[x].better && found.columns[y].better) markFront(rows, found.columns[x], found.columns[y]);
    return [rows, found.columns[x], found.columns[y], found.columns[color]];
  };

  const scaleOf = (rows, isNumeric, isTicked) => {
    if (!isNumeric) return { type: "nominal", sort: null, scale: undefined, axis: { labelAngle: 0, labelLimit: 140, grid: false } };
    const values = [...new Set(rows.map((row) => row.x))].sort((a, b) => a - b);
    const isWide = values.length > 2 && values[0] > 0 && values.at(-1) / values[0] > WIDE;
    return {
      type: "quantitative",
      scale: isWide ? { type: "log" } : { zero: false, padding: 18 },
      axis: { grid: false, ...(isTicked && values.length <= TICKED ? { values } : {}) },
    };
  };

  // Vega-Lite puts titles into expressions, which cannot contain these.
  const plain = (title) => title.replaceAll("\\", "＼").replace(/\s+/g, " ");

  const fill = (spec, found, chosen, controls) => {
    const [rows, x, y, color] = rowsOf(found, chosen, controls);
    const isNumeric = rows.length > 0 && rows.every((row) => typeof row.x === "number");
    const colors = new Set(rows.map((row) => row.color));
    const isColored = color && colors.size > 1 && colors.size <= MOST_COLORS;
    const drawsLines = !controls.front && isNumeric && isNamed(x);
    spec.data = { values: rows };
    spec.layer = spec.layer.filter((layer) => (layer.name !== "line" || drawsLines) && (layer.name !== "front" || controls.front));
    for (const { encoding } of spec.layer) {
      Object.assign(encoding.x, { title: plain(x.title), ...scaleOf(rows, isNumeric, isNamed(x)) });
      encoding.y.title = plain(y.title);
      if (encoding.color) {
        if (isColored) encoding.color = { field: "color", type: "nominal", title: plain(color.title), sort: null };
        else delete encoding.color;
      }
      for (const entry of encoding.tooltip ?? []) if (entry.field === "mean") entry.title = ["image", "title"].includes(y.title) ? `${y.title}:` : plain(y.title);
    }
    return { point: "point", x: x.title, mean: y.title, low: "from", high: "to", n: "n" };
  };

  // Return the function that fills a new specification; call `redraw` whenever the choice changes.
  const prepare = (figure, controls, redraw) => {
    const found = board();
    if (!found) return undefined;
    const state = read();
    const titles = new Map(found.columns.map((column) => [column.key, column.title]));
    const chosen = {};
    const bar = figure.querySelector(".fm-controls");
    for (const axis of ["x", "y", "color"]) {
      const keys = controls[axis].filter((key) => key === "" || titles.has(key));
      const asked = state.get(`${controls.name}.${axis}`);
      chosen[axis] = asked !== null && (keys.includes(asked) || asked === "none") ? asked.replace(/^none$/, "") : keys[0];
      if (keys.length < 2) continue;
      const options = keys.map((key) => [key, key ? titles.get(key) : "none"]);
      bar.append(choose(axis, options, chosen[axis], (key) => {
        chosen[axis] = key;
        keep({ [`${controls.name}.${axis}`]: key || "none" });
        redraw();
      }));
    }
    bar.hidden = false;
    return (spec) => fill(spec, found, chosen, controls);
  };

  return { prepare };
})();
