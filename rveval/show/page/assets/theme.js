// The theme, before anything is painted: what the reader chose last, else what the system asks for.
"use strict";
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("rveval-theme"); } catch { /* a browser may refuse storage to pages from the disk */ }
  const apply = () => {
    document.documentElement.dataset.theme = chosen === "dark" || chosen === "light" ? chosen : system.matches ? "dark" : "light";
    document.dispatchEvent(new Event("rveval-theme"));
  };
  system.addEventListener("change", apply);
  apply();
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const name = () => { button.textContent = document.documentElement.dataset.theme === "dark" ? "Light" : "Dark"; };
    name();
    document.addEventListener("rveval-theme", name);
    button.addEventListener("click", () => {
      chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("rveval-theme", chosen); } catch { /* then it lasts as long as the page */ }
      apply();
    });
  });
})();
