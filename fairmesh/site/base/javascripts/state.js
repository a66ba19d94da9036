// Keep the reader's choices in the page's address, so that links contain them; and functions that all scripts share.
window.fairmeshPage = (() => {
  const read = () => new URLSearchParams(location.hash.slice(1));

  // On pages opened from a disk, only the part after # can change.
  const keep = (changes) => {
    const found = read();
    for (const [key, value] of Object.entries(changes)) {
      if (value === "" || value === null || value === undefined) found.delete(key);
      else found.set(key, value);
    }
    // A key without a value is the anchor of a heading.
    for (const [key, value] of [...found]) if (value === "") found.delete(key);
    const text = found.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  };

  const make = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== undefined) made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  };

  const choose = (label, options, chosen, change) => {
    const select = make("select", { name: label });
    for (const [value, text] of options) select.append(make("option", { value, selected: value === chosen }, text));
    select.addEventListener("change", () => change(select.value));
    return make("label", {}, `${label} `, select);
  };

  // Four significant digits; all digits of whole numbers.
  const number = (value) => {
    if (typeof value !== "number") return value ?? "";
    if (Number.isInteger(value)) return String(value);
    return Math.abs(value) >= 1e4 && Math.abs(value) < 1e15 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
  };

  // A cell is its text, its number, or [text, number, and the ends of its interval].
  const text = (cell) => (Array.isArray(cell) ? cell[0] : number(cell));
  const order = (cell) => (Array.isArray(cell) ? cell[1] : cell);
  const ends = (cell) => (Array.isArray(cell) && cell.length > 2 ? cell.slice(2) : [order(cell), order(cell)]);

  // The name of a row of points, or of the experiment in a row of one.
  const nameOf = (row) => row.name ?? row.experiments[0][0];

  // All names of the experiments of a row, for searches: short names and ids.
  const namesOf = (row) => [nameOf(row), ...row.experiments.flatMap(([name, , , id]) => [name, id])].join(" ");

  // The words of a name or a search, however its axes are separated; a repeat is #2.
  const wordsOf = (query) => query.replace(/\brepeat=(\d+)/g, "#$1").split(/[\s,+]+/).filter(Boolean);

  const data = (name) => window.fairmesh?.[name];

  return { read, keep, make, choose, number, text, order, ends, nameOf, namesOf, wordsOf, data };
})();
