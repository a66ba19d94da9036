// Tables that sort, filter and hide columns: DataTables over the rows of a page or of its data.
(() => {
  const { read, keep, make, text, order, nameOf, namesOf, wordsOf, data } = window.fairmeshPage;
  const PAGE = 50;
  const NARROW = "(max-width: 45em)";

  // Missing values come last in both orders.
  const ordered = (sign) => (a, b) => {
    const [noA, noB] = [a === "" || a === null, b === "" || b === null];
    if (noA || noB) return noA - noB;
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * String(a).localeCompare(String(b), undefined, { numeric: true });
  };
  Object.assign(DataTable.ext.type.order, { "fm-asc": ordered(1), "fm-desc": ordered(-1) });
  DataTable.ext.errMode = "throw";

  const escaped = (value) => {
    const shown = document.createElement("span");
    shown.textContent = value;
    return shown.innerHTML.replaceAll('"', "&quot;");
  };

  const asNumber = (value) => (value.trim() !== "" && !Number.isNaN(Number(value)) ? Number(value) : value.trim());

  // ---- Tables whose rows are in the page -------------------------------------------------------------------------

  const sortable = (table) => {
    const render = (value, kind) => (kind === "sort" || kind === "type" ? asNumber(value) : value);
    new DataTable(table, {
      autoWidth: false, info: false, order: [], ordering: { indicators: true, handler: true }, paging: false, searching: false,
      columnDefs: [{ targets: "_all", type: "fm", render }],
    });
  };

  // ---- Tables whose rows are in a script -------------------------------------------------------------------------

  const links = (row) => {
    const many = row.experiments.length > 1;
    return row.experiments.map(([name, , href], place) => {
      const label = escaped(many || row.kind !== undefined ? String(place + 1) : name);
      return href ? `<a href="${escaped(href)}" aria-label="${escaped(name)}">${label}</a>` : label;
    }).join(" ");
  };

  const box = (row) => {
    const [, key] = row.experiments.find(Boolean) ?? [];
    return key && row.n ? `<input type="checkbox" class="fm-pick" value="${escaped(key)}" aria-label="Compare ${escaped(nameOf(row))}">` : "";
  };

  const shown = (column, place, row) => {
    const cell = text(row.cells[place]);
    if (column.kind === "remark") {
      const remark = row.kind === undefined ? "" : cell;
      return `${links(row)}${remark ? ` <span class="fm-remark">${escaped(remark)}</span>` : ""}`;
    }
    if (column.kind === "state") return `<span class="fm-state fm-state-${escaped(order(row.cells[place]))}">${escaped(cell)}</span>`;
    return escaped(cell);
  };

  const definition = (column, place, chosen) => ({
    title: escaped(column.title), name: column.key, type: "fm", visible: column.shown !== chosen.has(column.key),
    className: { remark: "fm-pages", parameter: "", machine: "", owner: "", state: "", reason: "" }[column.kind] ?? "fm-number",
    data: null,
    render: (_, kind, row) => {
      if (kind === "display") return place === 0 && row.kind === "baseline" ? `baseline: ${escaped(nameOf(row))}` : shown(column, place, row);
      const cell = row.cells[place];
      if (kind === "filter") return column.kind === "remark" ? `${namesOf(row)} ${text(cell)}` : text(cell);
      return order(cell);
    },
  });

  // On a narrow screen the first metric follows the first column, so that it is seen without scrolling.
  const arranged = (columns) => {
    const at = columns.findIndex((column) => column.visible && column.name.startsWith("metric:"));
    if (at > 1 && window.matchMedia(NARROW).matches) columns.splice(1, 0, ...columns.splice(at, 1));
    return columns;
  };

  const board = (frame) => {
    const { name, source, compare } = frame.dataset;
    const found = data(source);
    const table = frame.querySelector("table");
    if (!found) return;
    const form = frame.querySelector("form");
    const state = read();
    const own = (key) => `${name}.${key}`;
    const toggled = new Set((state.get(own("columns")) ?? "").split("\n").filter(Boolean));
    const picked = new Set((state.get(own("pick")) ?? "").split(" ").filter(Boolean));
    const columns = arranged(found.columns.map((column, place) => definition(column, place, toggled)));
    columns.push({
      title: "Compare", name: "pick", orderable: false, data: null, className: "fm-picks", type: "fm",
      render: (_, kind, row) => (kind === "display" ? box(row) : ""),
    });
    const [key, direction] = (state.get(own("sort")) ?? "").split(" ");
    const at = columns.findIndex((column) => column.name === key);
    table.replaceChildren();
    const made = new DataTable(table, {
      data: found.rows, columns, autoWidth: false, deferRender: true, pageLength: PAGE, order: at < 0 ? [] : [[at, direction]],
      paging: found.rows.length > PAGE, lengthChange: false,
      layout: { topStart: null, topEnd: null, bottomStart: "info", bottomEnd: found.rows.length > PAGE ? "paging" : null },
      language: { info: "_START_ to _END_ of _TOTAL_", infoFiltered: "(of _MAX_ in all)", zeroRecords: "No matching rows." },
      createdRow: (tr, row) => row.kind && tr.classList.add(`fm-${row.kind}`),
    });

    // By its index, because a colon in a name has a meaning for DataTables.
    const columnOf = (key) => made.column(columns.findIndex((column) => column.name === key));
    const filter = (field) => {
      if (field.name === "q") made.search(wordsOf(field.value).join(" "));
      else columnOf(field.name).search(field.value, { exact: true });
    };
    const fields = [...form.querySelectorAll("input[name=q], select")];
    for (const field of fields) {
      field.value = state.get(own(field.name)) ?? "";
      if (field.value) filter(field);
      field.addEventListener("input", () => {
        filter(field);
        made.draw();
        keep({ [own(field.name)]: field.value });
      });
    }

    const chooser = form.querySelector(".fm-columns div");
    const boxes = found.columns.map((column) => {
      const input = make("input", { type: "checkbox" });
      input.checked = column.shown !== toggled.has(column.key);
      input.addEventListener("change", () => {
        columnOf(column.key).visible(input.checked);
        if (input.checked === column.shown) toggled.delete(column.key);
        else toggled.add(column.key);
        keep({ [own("columns")]: [...toggled].join("\n") });
      });
      chooser.append(make("label", {}, input, ` ${column.title}`));
      return [column, input];
    });

    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(() => {
      for (const field of fields) { field.value = ""; filter(field); keep({ [own(field.name)]: "" }); }
      for (const [column, input] of boxes) if (input.checked !== column.shown) input.click();
      made.order([]).draw();
    }));
    made.on("order", () => {
      const [[place, way] = []] = made.order();
      keep({ [own("sort")]: place === undefined || !way ? "" : `${columns[place].name} ${way}` });
    });

    const told = frame.querySelector(".fm-picked");
    const tell = () => {
      told.replaceChildren();
      if (!picked.size) return;
      const chosen = new URLSearchParams([...picked].map((each) => ["pick", `${found.study}/${each}`]));
      told.append(make("a", { href: `${compare}#${chosen}`, class: "md-button md-button--primary" }, `Compare ${picked.size} chosen`));
    };
    const mark = () => table.querySelectorAll(".fm-pick").forEach((each) => { each.checked = picked.has(each.value); });
    table.addEventListener("change", ({ target }) => {
      if (!target.matches(".fm-pick")) return;
      if (target.checked) picked.add(target.value);
      else picked.delete(target.value);
      keep({ [own("pick")]: [...picked].join(" ") });
      tell();
    });
    made.on("draw", mark);
    made.draw();
    tell();
    form.hidden = false;
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("table.fm-sortable").forEach(sortable);
    document.querySelectorAll(".fm-board").forEach(board);
  });
})();
