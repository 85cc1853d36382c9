"use strict";
// Tables are whole without this. It sorts them, and shows two rows of the
// table of costs side by side.
(() => {
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    const key = cell.dataset.key;
    return key === undefined ? cell.textContent.trim() : Number(key);
  };
  const order = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b));
  };
  // A dash is no value: it stays last whichever way the rest is sorted.
  const isMissing = key => key === "–" || key === "";
  const sort = (table, head) => {
    const column = head.cellIndex;
    const turned = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) {
      other.removeAttribute("aria-sort");
    }
    head.setAttribute("aria-sort", turned ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map(row => [keyOf(row, column), row]);
    const missing = rows.filter(([key]) => isMissing(key));
    const known = rows.filter(([key]) => !isMissing(key));
    known.sort(([a], [b]) => (turned ? order(b, a) : order(a, b)));
    body.append(...known.concat(missing).map(([, row]) => row));
  };
  for (const table of document.querySelectorAll("table")) {
    for (const head of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, head));
      head.append(button);
    }
  }

  const costs = document.getElementById("costs");
  if (!costs || costs.tBodies[0].rows.length < 2) return;
  const rows = [...costs.tBodies[0].rows];
  const heads = [...costs.tHead.rows[0].cells].map(cell => cell.textContent);
  const box = document.createElement("div");
  box.className = "versus";
  const title = document.createElement("h3");
  title.textContent = "Two side by side";
  const table = document.createElement("table");
  const choose = (label, chosen) => {
    const select = document.createElement("select");
    rows.forEach(row => select.add(new Option(row.cells[0].textContent)));
    select.selectedIndex = chosen;
    select.addEventListener("change", show);
    const named = document.createElement("label");
    named.append(label, select);
    box.append(named);
    return select;
  };
  const add = (line, tag, content) => {
    const cell = document.createElement(tag);
    cell.append(...content);
    line.append(cell);
    return cell;
  };
  box.append(title);
  const selects = [choose("First", 0), choose("Second", 1)];
  function show() {
    const pair = selects.map(select => rows[select.selectedIndex]);
    const head = document.createElement("thead");
    const names = head.appendChild(document.createElement("tr"));
    ["figure", ...pair.map(row => row.cells[0].textContent)].forEach(name => {
      add(names, "th", [name]).scope = "col";
    });
    const body = document.createElement("tbody");
    heads.slice(1).forEach((name, at) => {
      const line = body.appendChild(document.createElement("tr"));
      add(line, "th", [name]).scope = "row";
      pair.forEach(row => {
        add(line, "td", row.cells[at + 1].cloneNode(true).childNodes);
      });
    });
    const caption = document.createElement("caption");
    caption.textContent = "Costs of two servers";
    table.replaceChildren(caption, head, body);
  }
  show();
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "Two servers side by side");
  scroll.append(table);
  box.append(scroll);
  costs.closest("section").append(box);
})();
