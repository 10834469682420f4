// The picture of the lineage page: choose a column, see what it comes from and what comes of it.
// Without this script the same is there as lists.
"use strict";

(() => {
  const { nodes, value, decides } = JSON.parse(document.getElementById("edges").textContent);
  const ids = ["flow", "trail", "curves", "deciding", "all"];
  const [flow, trail, curves, deciding, all] = ids.map((id) => document.getElementById(id));
  const named = new Map([...flow.querySelectorAll("button")].map((b) => [b.dataset.column, b]));
  const buttons = nodes.map((name) => named.get(name));
  let chosen = null;

  const neighbours = (edges, from, to) => {
    const found = nodes.map(() => []);
    edges.forEach((edge) => found[edge[from]].push(edge[to]));
    return found;
  };
  const valueUp = neighbours(value, 1, 0);
  const valueDown = neighbours(value, 0, 1);
  const decidesUp = neighbours(decides, 1, 0);
  const decidesDown = neighbours(decides, 0, 1);

  // All that is reached from some columns by some ways, the columns themselves included.
  const reached = (starts, ...ways) => {
    const seen = new Set(starts);
    for (const node of seen) ways.forEach((way) => way[node].forEach((next) => seen.add(next)));
    return seen;
  };
  const without = (set, others) => new Set([...set].filter((node) => !others.has(node)));

  const element = (tag, name, ...parts) => {
    const made = document.createElement(tag);
    made.className = name;
    made.append(...parts);
    return made;
  };

  // The columns of a set, those of one table together.
  const listed = (set) => {
    const tables = new Map();
    [...set].filter((node) => node !== chosen).sort((a, b) => a - b).forEach((node) => {
      const [table, ...column] = nodes[node].split(".");
      tables.set(table, [...(tables.get(table) || []), column.join(".")]);
    });
    return [...tables].flatMap(([table, columns]) => {
      const codes = columns.flatMap((column) => [", ", element("code", "", column)]).slice(1);
      return [element("span", "source", element("code", "of", table), " ", ...codes), " "];
    });
  };

  const described = (up, down, others) => {
    const lines = [["comes from", up], ["goes into", down]];
    if (deciding.checked) lines.push(["decided by", others.up], ["decides", others.down]);
    const made = lines.map(([label, set]) => {
      const columns = set.size > Number(set.has(chosen)) ? listed(set) : ["nothing"];
      return element("p", "line", element("span", "how", label), element("span", "", ...columns));
    });
    if (!deciding.checked && up.size === 1 && decidesUp[chosen].length) {
      made.push(element("p", "how", "No value goes into it: it is made of what decides."));
    }
    return [element("p", "", element("b", "", nodes[chosen])), ...made];
  };

  const side = (button, which) => {
    const at = button.getBoundingClientRect();
    const origin = flow.getBoundingClientRect();
    return [at[which] - origin.left + flow.scrollLeft, at.top + at.height / 2 - origin.top];
  };

  const curve = (kind) => ([from, to]) => {
    const [a, b] = [buttons[from], buttons[to]];
    const back = b.getBoundingClientRect().left <= a.getBoundingClientRect().left;
    const [x, y] = side(a, "right");
    const [u, v] = side(b, back ? "right" : "left");
    const bend = back ? 34 : Math.max(24, (u - x) / 2);
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", `M${x} ${y} C${x + bend} ${y} ${u + (back ? bend : -bend)} ${v} ${u} ${v}`);
    path.setAttribute("class", kind);
    return path;
  };

  const draw = (shown) => {
    curves.setAttribute("width", flow.scrollWidth);
    curves.setAttribute("height", flow.scrollHeight);
    const values = value.filter(([a, b]) => shown.has(a) && shown.has(b));
    const others = decides.filter((edge) => deciding.checked && edge.includes(chosen));
    curves.replaceChildren(...values.map(curve("")), ...others.map(curve("deciding")));
  };

  const show = () => {
    const starts = chosen === null ? [] : [chosen];
    flow.classList.toggle("chosen", chosen !== null);
    all.hidden = chosen === null;
    const up = reached(starts, valueUp);
    const down = reached(starts, valueDown);
    const others = {
      up: without(reached(starts, valueUp, decidesUp), up),
      down: without(reached(starts, valueDown, decidesDown), down),
    };
    buttons.forEach((button, node) => {
      const [from, into] = [up.has(node), down.has(node)];
      const also = deciding.checked && (others.up.has(node) || others.down.has(node));
      const marks = { from, into, deciding: also, related: from || into || also };
      Object.entries(marks).forEach(([name, on]) => button.classList.toggle(name, on));
      button.setAttribute("aria-pressed", String(node === chosen));
    });
    const none = [element("p", "aside", "Choose a column.")];
    trail.replaceChildren(...(starts.length ? described(up, down, others) : none));
    draw(new Set([...up, ...down]));
  };

  const choose = (name, scroll) => {
    const node = nodes.indexOf(name);
    if (node < 0) return;
    chosen = node;
    show();
    const covered = trail.getBoundingClientRect().bottom > flow.getBoundingClientRect().top;
    if (scroll || covered) flow.scrollIntoView();
  };
  const fromAddress = () => choose(decodeURIComponent(location.hash.slice(1)), true);

  flow.addEventListener("click", (event) => {
    const name = event.target.closest("button")?.dataset.column;
    if (!name) return;
    choose(name, false);
    history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  });
  all.addEventListener("click", () => {
    chosen = null;
    show();
    history.replaceState(null, "", location.pathname);
  });
  deciding.addEventListener("change", show);
  window.addEventListener("resize", () => chosen === null || show());
  window.addEventListener("hashchange", fromAddress);
  // An address means the column in the picture, not its row in the lists.
  document.querySelectorAll("table.lineage tr[id]").forEach((row) => row.removeAttribute("id"));
  document.querySelectorAll(".scripted").forEach((part) => (part.hidden = false));
  fromAddress();
  window.addEventListener("load", fromAddress);
})();
