"use strict";
// What the page can do beside being read: tables that sort and search, and its language in the document. All of it is
// readable without.
const minus = /\u2212/g;

function number(text) {
  const plain = text.trim().split("\n")[0].replace(minus, "-").replace(/[\u00a0,%+]/g, "").trim();
  return plain === "" || plain === "\u2013" ? null : Number(plain);
}

function sort(table, index, button) {
  const head = button.closest("th");
  const descending = head.getAttribute("aria-sort") === "ascending";
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows];
  const keys = new Map(rows.map((row) => [row, row.cells[index].innerText]));
  const numeric = rows.every((row) => !Number.isNaN(number(keys.get(row))));
  const value = (row) => (numeric ? number(keys.get(row)) : keys.get(row).trim());
  const compare = (a, b) => (numeric ? a - b : a.localeCompare(b, undefined, { numeric: true }));
  rows.sort((first, second) => {
    const a = value(first), b = value(second);
    if (a === null || b === null) return (a === null) - (b === null); // what has no value stays last
    return descending ? compare(b, a) : compare(a, b);
  });
  table.tBodies[0].append(...rows);
}

for (const table of document.querySelectorAll(".table table")) {
  if (table.tBodies[0].rows.length < 2) continue;
  [...table.tHead.rows[0].cells].forEach((head, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(table, index, button));
    head.append(button);
  });
}

for (const search of document.querySelectorAll(".search")) {
  const rows = [...search.parentElement.querySelectorAll("tbody tr")];
  search.hidden = false;
  search.querySelector("input").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}

for (const choice of document.querySelectorAll(".languages input")) {
  choice.addEventListener("change", () => {
    document.documentElement.lang = choice.id.slice(-2);
    document.title = document.querySelector("h1").innerText;
  });
}
