// Draws the charts of a page with the bundle in vega.js, in the colours of the scheme that the reader chose.
(() => {
  // The palette of the specifications with its dark colours made lighter.
  const ON_DARK = ["#56b4e9", "#f08a3c", "#2fc99b", "#e3a2c6", "#8ecbf0", "#f2bd4a"];

  const scheme = () => document.body.dataset.mdColorScheme;
  const isDark = () => scheme() === "slate";

  const colours = () => {
    const style = getComputedStyle(document.body);
    const text = style.getPropertyValue("--md-default-fg-color").trim();
    const line = style.getPropertyValue("--fm-line").trim();
    return {
      axis: { labelColor: text, titleColor: text, gridColor: line, domainColor: line, tickColor: line },
      legend: { labelColor: text, titleColor: text },
      ...(isDark() ? { range: { category: ON_DARK }, mark: { color: ON_DARK[0] }, rule: { color: ON_DARK[0] } } : {}),
    };
  };

  const draw = (figure) => {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    const config = colours();
    for (const [part, found] of Object.entries(config)) spec.config[part] = { ...spec.config[part], ...found };
    const tooltip = { theme: isDark() ? "dark" : "light" };
    return vegaEmbed(figure.querySelector(".fm-chart-canvas"), spec, { actions: false, renderer: "svg", tooltip });
  };

  const drawAll = () => document.querySelectorAll(".fm-chart").forEach(draw);

  let drawn = "";
  const follow = () => {
    if (drawn === scheme()) return;
    drawn = scheme();
    drawAll();
  };

  document.addEventListener("DOMContentLoaded", follow);
  new MutationObserver(follow).observe(document.body, { attributeFilter: ["data-md-color-scheme"] });
})();
