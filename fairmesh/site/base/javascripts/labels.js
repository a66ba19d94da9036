// Names for parts of the theme that have none, for those who cannot see them.
(() => {
  const label = () => {
    document.querySelector(".md-search[role=dialog]")?.setAttribute("aria-label", "Search");
    // The theme adds these when it has found the blocks of code.
    document.querySelectorAll(".md-code__nav").forEach((nav, place) => {
      nav.setAttribute("aria-label", `Code block ${place + 1}`);
    });
  };
  const watch = (nodes) => {
    if ([...nodes].some((record) => [...record.addedNodes].some((node) => node.classList?.contains("md-code__nav")))) label();
  };
  document.addEventListener("DOMContentLoaded", () => {
    label();
    new MutationObserver(watch).observe(document.body, { childList: true, subtree: true });
  });
})();
