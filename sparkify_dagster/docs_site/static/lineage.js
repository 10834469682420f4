// The picture of the lineage page: choose a column, see what it comes from and what comes of it.
// Without this script the same is there as lists.
"use strict";

(() => {
  const { nodes, value, decides } = JSON.parse(document.getElementById("edges").textContent);
  const flow = document.getElementById("flow");
  const trail = document.getElementById("trail");
  const curves = document.getElementById("curves");
  const deciding = document.getElementById("deciding");
  const all = document.getElementById("all");
  const buttons = new Map([...flow.querySelectorAll("button")].map((b) => [b.dataset.column, b]));
  let chosen = null;

  const neighbours = (edges, from, to) => {
    const found = nodes.map(() => []);
    edges.forEach((edge) => found[edge[from]].push(edge[to]));
    return found;
  };
  const ways = {
    valueUp: neighbours(value, 1, 0),
    valueDown: neighbours(value, 0, 1),
    decidesUp: neighbours(decides, 1, 0),
    decidesDown: neighbours(decides, 0, 1),
  };

  // All that is reached from some columns by some ways, the columns themselves included.
  const reached = (starts, ...by) => {
    const seen = new Set(starts);
    for (const node of seen) by.forEach((way) => way[node].forEach((next) => seen.add(next)));
    return seen;
  };

  const code = (text, name) => {
    const made = document.createElement("code");
    made.textContent = text;
    if (name) made.className = name;
    return made;
  };

  const said = (label, set) => {
    const line = document.createElement("p");
    line.className = "line";
    const how = document.createElement("span");
    how.className = "how";
    how.textContent = label;
    const sources = document.createElement("span");
    line.append(how, sources);
    const tables = new Map();
    [...set].filter((node) => node !== chosen).sort((a, b) => a - b).forEach((node) => {
      const [table, ...column] = nodes[node].split(".");
      tables.set(table, [...(tables.get(table) || []), column.join(".")]);
    });
    tables.forEach((columns, table) => {
      const source = document.createElement("span");
      source.className = "source";
      source.append(code(table, "of"), " ");
      columns.forEach((column, n) => source.append(n ? ", " : "", code(column)));
      sources.append(source, " ");
    });
    if (!tables.size) sources.append("nothing");
    return line;
  };

  const describe = (up, down, others) => {
    const title = document.createElement("p");
    const name = document.createElement("b");
    name.textContent = nodes[chosen];
    title.append(name);
    const lines = [title, said("comes from", up), said("goes into", down)];
    if (deciding.checked) {
      lines.push(said("decided by", others.up), said("decides", others.down));
    } else if (up.size === 1 && ways.decidesUp[chosen].length) {
      const hint = document.createElement("p");
      hint.className = "how";
      hint.textContent = "No value goes into it: it is made of what decides.";
      lines.push(hint);
    }
    trail.replaceChildren(...lines);
  };

  const middle = (button, side) => {
    const at = button.getBoundingClientRect();
    const origin = flow.getBoundingClientRect();
    return [at[side] - origin.left + flow.scrollLeft, at.top + at.height / 2 - origin.top];
  };

  const curve = (from, to, kind) => {
    const [a, b] = [buttons.get(nodes[from]), buttons.get(nodes[to])];
    const back = b.getBoundingClientRect().left <= a.getBoundingClientRect().left;
    const [x, y] = middle(a, "right");
    const [u, v] = middle(b, back ? "right" : "left");
    const bend = back ? 34 : Math.max(24, (u - x) / 2);
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", `M${x} ${y} C${x + bend} ${y} ${u + (back ? bend : -bend)} ${v} ${u} ${v}`);
    if (kind) path.setAttribute("class", kind);
    return path;
  };

  const draw = (shown) => {
    curves.setAttribute("width", flow.scrollWidth);
    curves.setAttribute("height", flow.scrollHeight);
    const lines = value
      .filter(([a, b]) => shown.has(a) && shown.has(b))
      .map(([a, b]) => curve(a, b));
    if (deciding.checked) {
      decides
        .filter(([a, b]) => a === chosen || b === chosen)
        .forEach(([a, b]) => lines.push(curve(a, b, "deciding")));
    }
    curves.replaceChildren(...lines);
  };

  const clear = () => {
    curves.replaceChildren();
    trail.replaceChildren("Choose a column.");
    buttons.forEach((button) => {
      button.className = "";
      button.setAttribute("aria-pressed", "false");
    });
    history.replaceState(null, "", location.pathname);
  };

  const show = () => {
    flow.classList.toggle("chosen", chosen !== null);
    all.hidden = chosen === null;
    if (chosen === null) return clear();
    const up = reached([chosen], ways.valueUp);
    const down = reached([chosen], ways.valueDown);
    const others = {
      up: new Set([...reached([chosen], ways.valueUp, ways.decidesUp)].filter((n) => !up.has(n))),
      down: new Set(
        [...reached([chosen], ways.valueDown, ways.decidesDown)].filter((n) => !down.has(n)),
      ),
    };
    nodes.forEach((name, node) => {
      const { classList } = buttons.get(name);
      buttons.get(name).setAttribute("aria-pressed", String(node === chosen));
      classList.toggle("from", up.has(node));
      classList.toggle("into", down.has(node));
      const also = others.up.has(node) || others.down.has(node);
      classList.toggle("deciding", deciding.checked && also);
      classList.toggle("related", up.has(node) || down.has(node) || (deciding.checked && also));
    });
    describe(up, down, others);
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
    const button = event.target.closest("button");
    if (!button) return;
    choose(button.dataset.column, false);
    history.replaceState(null, "", `#${encodeURIComponent(button.dataset.column)}`);
  });
  all.addEventListener("click", () => {
    chosen = null;
    show();
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
