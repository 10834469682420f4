// The search box. Without this script it is not shown; everything else works.
"use strict";

(() => {
  const box = document.querySelector(".search");
  const input = document.getElementById("search");
  const list = document.getElementById("found");
  const SHOWN = 12;
  let chosen = -1;

  // Better the more of the name is meant; 0: not found. Every word must be in name or meaning.
  const score = ([name, kind, , meaning], words) => {
    const low = name.toLowerCase();
    const all = `${low} ${kind} ${meaning.toLowerCase()}`;
    if (!words.every((word) => all.includes(word))) return 0;
    const typed = words.join(" ");
    if (low === typed || low.endsWith(`.${typed}`)) return 5;
    if (low.startsWith(typed)) return 4;
    return words.every((word) => low.includes(word)) ? 3 : 1;
  };

  const find = (typed) => {
    const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    return SEARCH.map((entry) => [score(entry, words), entry])
      .filter(([points]) => points)
      .sort(([a, x], [b, y]) => b - a || x[0].length - y[0].length)
      .slice(0, SHOWN)
      .map(([, entry]) => entry);
  };

  const element = (tag, ...parts) => {
    const made = document.createElement(tag);
    made.append(...parts);
    return made;
  };

  const option = ([name, kind, page, meaning], number) => {
    const link = element("a", element("i", kind), element("b", name), element("span", meaning));
    const item = element("li", link);
    Object.assign(link, { href: page, tabIndex: -1 });
    item.id = `found-${number}`;
    item.setAttribute("role", "option");
    return item;
  };

  const show = () => {
    const typed = input.value.trim();
    const found = find(typed);
    chosen = -1;
    input.removeAttribute("aria-activedescendant");
    list.replaceChildren(...found.map(option));
    if (!found.length) list.append(element("p", "Nothing found."));
    close(!typed);
  };

  const close = (closed = true) => {
    list.hidden = closed;
    input.setAttribute("aria-expanded", String(!closed));
  };

  const choose = (step) => {
    const items = [...list.querySelectorAll("li")];
    if (!items.length) return;
    chosen = (chosen + step + items.length) % items.length;
    items.forEach((item, n) => item.setAttribute("aria-selected", String(n === chosen)));
    input.setAttribute("aria-activedescendant", items[chosen].id);
    items[chosen].scrollIntoView({ block: "nearest" });
  };

  input.addEventListener("input", show);
  input.addEventListener("focus", show);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") choose(1);
    else if (event.key === "ArrowUp") choose(chosen < 0 ? 0 : -1);
    else if (event.key === "Escape") close();
    else if (event.key === "Enter") list.querySelectorAll("a")[Math.max(chosen, 0)]?.click();
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", () => close());
  document.addEventListener("click", (event) => box.contains(event.target) || close());
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    input.focus();
  });
  box.hidden = false;
})();
