// The page as a whole: which view is open (it stands in the address), what a copy button copies.
"use strict";
(() => {
  const VIEWS = ["verdict", "items", "made"];
  const title = document.title;

  const route = () => {
    const [path, query = ""] = location.hash.slice(1).split("?");
    const [name, inside] = path.split("/");
    const wanted = VIEWS.includes(name) ? name : "verdict";
    if (path && !VIEWS.includes(name)) return;  // an anchor within the page, such as the skip link's
    const changed = document.getElementById(`view-${wanted}`).hidden;
    for (const view of VIEWS) document.getElementById(`view-${view}`).hidden = view !== wanted;
    for (const link of document.querySelectorAll("nav a")) {
      if (link.dataset.view === wanted) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = wanted === "verdict" ? title : `${wanted === "items" ? "Items" : "How it was made"} · ${title}`;
    rv.untip();
    if (changed) scrollTo({ top: 0, behavior: "instant" });
    if (inside) {
      const target = document.getElementById(inside);
      target?.scrollIntoView();
      target?.focus({ preventScroll: true });
    }
    if (wanted === "items") rv.openItems(query);
  };

  const copy = async (button) => {
    const text = button.parentElement.querySelector("code").textContent;
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(button.parentElement.querySelector("code"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Selected: press Ctrl+C";
    setTimeout(() => { button.textContent = "Copy"; }, 1800);
  };

  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button.copy") : null;
    if (button) copy(button);
  });
  addEventListener("hashchange", route);
  rv.startTables();
  rv.startPictures();
  route();
  document.documentElement.dataset.ready = "yes";
})();
