// The page Compare: experiments, or the best points of studies, side by side.
(() => {
  const { read, keep, make, text, nameOf, namesOf, wordsOf, data } = window.fairmeshPage;
  const BEST = "best";
  const GROUPS = [["parameter", "Parameters"], ["metric", "Results"], ["usage", "Resources used"], ["figure", "Figures"], ["environment", "Environment"]];

  const frame = document.querySelector(".fm-compare");
  const form = frame.querySelector("form");
  const told = frame.querySelector(".fm-told");
  const table = frame.querySelector("table");

  const options = () => [...form.elements.study.options];
  const studies = () => options().map((option) => option.value);
  const titleOf = (study) => options().find((option) => option.value === study)?.textContent ?? study;
  const hasBest = (study) => options().some((option) => option.value === study && option.dataset.best);

  const loads = new Map();
  const load = (study) => {
    if (!studies().includes(study)) return Promise.resolve(undefined);
    if (!loads.has(study)) {
      loads.set(study, new Promise((resolve) => {
        const script = make("script", { src: `studies/${encodeURIComponent(study)}/experiments.js` });
        const done = () => resolve(data(`${study}/experiments`));
        script.addEventListener("load", done);
        script.addEventListener("error", done);
        document.head.append(script);
      }));
    }
    return loads.get(study);
  };

  const picks = () => read().getAll("pick");
  const setPicks = (all) => {
    keep({ pick: "" });
    const found = read();
    for (const each of new Set(all)) found.append("pick", each);
    history.replaceState(null, "", `#${found}`);
    return show();
  };

  const isStart = (all, found) => found?.start.length > 0 && found.start.length === all.length && found.start.every((key) => all.includes(`${found.study}/${key}`));

  // Returns one column of the comparison: its heading, and the cells by the keys of their rows, as texts or linked pictures.
  const gather = async (pick) => {
    const [study, key] = [pick.slice(0, pick.lastIndexOf("/")), pick.slice(pick.lastIndexOf("/") + 1)];
    const found = await load(study);
    if (!found) return undefined;
    const cells = new Map(Object.entries(found.fixed).map(([name, value]) => [`parameter:${name}`, value]));
    if (key === BEST) {
      if (!found.best) return undefined;
      for (const [name, value] of Object.entries(found.best.cells)) cells.set(name, value);
      return { pick, study: found.title, name: `best point, n = ${found.best.n}`, href: `studies/${encodeURIComponent(study)}/index.html`, cells, titles: names(found) };
    }
    const row = found.rows.find((each) => each.experiments[0][1] === key);
    if (!row) return undefined;
    found.columns.forEach((column, place) => cells.set(column.key, text(row.cells[place])));
    for (const [name, value] of Object.entries(found.environments[row.environment] ?? {})) cells.set(`environment:${name}`, value);
    for (const [title, original, shown] of row.figures ?? []) cells.set(`figure:${title}`, { href: `studies/${encodeURIComponent(study)}/${original}`, src: `studies/${encodeURIComponent(study)}/${shown}` });
    const [name, , page] = row.experiments[0];
    const href = page ? `studies/${encodeURIComponent(study)}/${page}` : undefined;
    return { pick, study: found.title, name, href, cells, titles: names(found) };
  };

  const names = (found) => new Map(found.columns.map((column) => [column.key, column.title]));

  const heading = (column) => {
    const remove = make("button", { type: "button", "aria-label": `Remove ${column.name}` }, "Remove");
    remove.addEventListener("click", () => setPicks(picks().filter((each) => each !== column.pick)));
    const name = column.href ? make("a", { href: column.href }, column.name) : column.name;
    return make("th", { scope: "col" }, make("small", {}, column.study), name, remove);
  };

  const shown = (value, alt) => (value.src ? make("a", { href: value.href }, make("img", { src: value.src, alt, loading: "lazy" })) : value);

  const rowsOf = (group, columns, onlyDifferent) => {
    const keys = new Map();
    for (const column of columns) {
      for (const key of column.cells.keys()) if (key.startsWith(`${group}:`)) keys.set(key, column.titles.get(key) ?? keys.get(key) ?? key.slice(group.length + 1));
    }
    const made = [];
    for (const [key, title] of keys) {
      const values = columns.map((column) => column.cells.get(key) ?? "");
      const differs = new Set(values.map((value) => value.src ?? value)).size > 1;
      if (onlyDifferent && !differs) continue;
      made.push(make("tr", { class: differs ? "fm-differs" : undefined }, make("th", { scope: "row" }, title), ...values.map((value, place) => make("td", {}, shown(value, `${title} of ${columns[place].name}`)))));
    }
    return made;
  };

  const show = async () => {
    const columns = (await Promise.all(picks().map(gather))).filter(Boolean);
    const missing = picks().length - columns.length;
    const unranked = picks().map((pick) => pick.split("/")).filter(([study, key]) => key === BEST && studies().includes(study) && !hasBest(study));
    const onlyDifferent = form.elements.differ.checked && columns.length > 1;
    const bodies = [];
    for (const [group, title] of columns.length ? GROUPS : []) {
      const rows = rowsOf(group, columns, onlyDifferent);
      if (rows.length) bodies.push(make("tbody", {}, make("tr", {}, make("th", { scope: "rowgroup", colspan: columns.length + 1, class: "fm-group" }, title)), ...rows));
    }
    const head = make("thead", {}, make("tr", {}, make("td", {}), ...columns.map(heading)));
    table.replaceChildren(...(columns.length ? [head, ...bodies] : []));
    const about = columns.length < 2 ? "Add at least two." : bodies.length ? "" : "There are no differences.";
    const newest = await load(studies()[0]);
    const start = isStart(picks(), newest) ? `These are the best two experiments of ${newest.title}. Add others, or remove them.` : "";
    const notes = unranked.map(([study]) => `${titleOf(study)} has no best point: choose one of its experiments.`);
    if (missing > unranked.length) notes.push(`This site does not contain ${missing - unranked.length} of the chosen experiments.`);
    told.replaceChildren([start || about, ...notes].join(" ").trim());
    if (columns.length < 2) told.append(...examples(newest));
  };

  // Suggestions for readers who have not chosen yet.
  const examples = (newest) => {
    const ranked = studies().filter(hasBest);
    const best = () => setPicks(ranked.map((study) => `${study}/${BEST}`));
    const offers = [["The best point of each study", ranked.length > 1 && best]];
    if (newest?.start.length > 1) offers.unshift([`The best two of ${newest.title}`, () => setPicks(newest.start.map((key) => `${newest.study}/${key}`))]);
    return offers.filter(([, choose]) => choose).map(([title, choose]) => {
      const button = make("button", { type: "button" }, title);
      button.addEventListener("click", choose);
      return button;
    });
  };

  const suggest = async () => {
    const found = await load(form.elements.study.value);
    const list = frame.querySelector("datalist");
    const isRanked = hasBest(form.elements.study.value);
    form.elements.experiment.required = !isRanked;
    form.elements.experiment.placeholder = isRanked ? "Leave empty for the best point" : "Type a part of its name";
    list.replaceChildren(...(found?.rows ?? []).slice(0, 500).map((row) => make("option", { value: nameOf(row) })));
  };

  // The experiments of this name, id or key, or else those with all of these axes.
  const named = (rows, wanted) => {
    const exact = rows.filter((row) => row.experiments[0].includes(wanted));
    const words = wordsOf(wanted);
    return exact.length ? exact : rows.filter((row) => words.every((word) => wordsOf(namesOf(row)).includes(word)));
  };

  const add = async () => {
    const [study, wanted] = [form.elements.study.value, form.elements.experiment.value.trim()];
    const found = await load(study);
    const rows = wanted ? named(found?.rows ?? [], wanted) : []; // none: the best point
    if (wanted && rows.length !== 1) {
      told.textContent = rows.length ? `${wanted} fits ${rows.length} experiments: ${rows.slice(0, 5).map(nameOf).join(", ")}.` : `${titleOf(study)} has no experiment ${wanted}.`;
      return;
    }
    const [row] = rows;
    form.elements.experiment.value = "";
    await setPicks([...picks(), `${study}/${row ? row.experiments[0][1] : BEST}`]);
  };

  form.addEventListener("submit", (event) => { event.preventDefault(); add(); });
  form.addEventListener("reset", (event) => { event.preventDefault(); setPicks([]); });
  form.elements.study.addEventListener("change", suggest);
  form.elements.differ.checked = read().get("all") !== "1";
  form.elements.differ.addEventListener("change", () => { keep({ all: form.elements.differ.checked ? "" : "1" }); show(); });
  window.addEventListener("hashchange", show);
  form.hidden = false;
  suggest();
  load(studies()[0]).then((newest) => (picks().length || !newest?.start.length ? show() : setPicks(newest.start.map((key) => `${newest.study}/${key}`))));
})();
