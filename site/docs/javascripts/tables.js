// Tables of the class fm-sortable: a click on a heading sorts by that column, a second one the other way round.
(() => {
  const valueOf = (row, column) => {
    let position = 0;
    for (const cell of row.cells) {
      position += cell.colSpan;
      if (position > column) return cell.dataset.value ?? cell.textContent.trim();
    }
    return "";
  };

  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, undefined, { numeric: true }) : x - y;
  };

  const isMissing = (text) => text === "" || text === "–";

  const sort = (table, heading, column) => {
    const ascending = heading.getAttribute("aria-sort") !== "ascending";
    const body = table.tBodies[0];
    const keyed = [...body.rows].map((row) => [valueOf(row, column), row]);
    keyed.sort(([a], [b]) => {
      if (isMissing(a) || isMissing(b)) return isMissing(a) - isMissing(b);
      return ascending ? compare(a, b) : compare(b, a);
    });
    body.append(...keyed.map(([, row]) => row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  };

  const prepare = (table) => {
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "fm-sort";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sort(table, heading, column));
    });
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("table.fm-sortable").forEach(prepare);
  });
})();
