"use strict";
(() => {
  const numbers = new Intl.NumberFormat("en");
  const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  // Number of rows that a table shows until the user asks for more. A browser takes seconds to lay out thousands of
  // rows, and would do so after every sort. Printing shows all rows.
  const PAGE = 300;

  // Tables: a filter field, and headings that sort.
  for (const section of document.querySelectorAll(".listing")) {
    const table = section.querySelector("table");
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    if (rows.length === 0) continue;
    const input = section.querySelector("input");
    const count = section.querySelector("output");
    const noun = table.dataset.rows;
    const nouns = (n) => (n === 1 ? noun.slice(0, -1) : noun);
    let texts = null;
    let waiting = 0;
    let sorted = rows;
    let most = PAGE;
    const rest = section.querySelector(".rest");
    const all = rest.querySelector("button:last-of-type");

    const draw = (limit) => {
      most = limit;
      let fitting = 0;
      for (const row of sorted) {
        if (row.hidden) continue;
        fitting += 1;
        row.classList.toggle("later", fitting > most);
      }
      rest.hidden = fitting <= most;
      rest.querySelector("output").textContent = `${numbers.format(most)} of ${numbers.format(fitting)} are shown.`;
    };
    draw(PAGE);
    rest.addEventListener("click", (event) => {
      if (!event.target.closest("button")) return;
      const next = sorted.find((row) => row.classList.contains("later") && !row.hidden).cells[0];
      draw(event.target === all ? Infinity : most + PAGE);
      // For the keyboard and screen readers, the focus moves to the first new row.
      next.tabIndex = -1;
      next.focus({ preventScroll: true });
    });

    const filter = () => {
      waiting = 0;
      // Cached, because reading the text of thousands of rows at every key would be slow.
      texts ??= new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
      const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = texts.get(row);
        const fits = wanted.every((word) => text.includes(word));
        if (row.hidden === fits) row.hidden = !fits;
        if (fits) shown += 1;
      }
      draw(PAGE);
      const every = numbers.format(rows.length);
      count.textContent = wanted.length === 0
        ? `${every} ${nouns(rows.length)}`
        : `${numbers.format(shown)} of ${every} ${nouns(rows.length)}`;
    };
    input.addEventListener("input", () => {
      if (waiting === 0) waiting = requestAnimationFrame(filter);
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && input.value !== "") {
        event.preventDefault();
        input.value = "";
        filter();
      }
    });
    section.querySelector(".filter").hidden = false;

    const headings = Array.from(table.tHead.rows[0].cells);
    for (const heading of headings) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      heading.setAttribute("aria-sort", "none");
    }
    const value = (row, column, numeric) => {
      const cell = row.cells[column];
      return numeric ? Number(cell.dataset.v ?? 0) : cell.textContent.trim();
    };
    table.tHead.addEventListener("click", (event) => {
      const heading = event.target.closest("th");
      if (!heading || !event.target.closest("button")) return;
      const column = headings.indexOf(heading);
      const numeric = heading.dataset.sort === "number";
      const before = heading.getAttribute("aria-sort");
      // The first click sorts numbers from the largest, words from A.
      const first = numeric ? "descending" : "ascending";
      const second = numeric ? "ascending" : "descending";
      const order = before === first ? second : first;
      for (const other of headings) other.setAttribute("aria-sort", other === heading ? order : "none");
      const sign = order === "ascending" ? 1 : -1;
      const keyed = rows.map((row, at) => [value(row, column, numeric), at, row]);
      keyed.sort((a, b) => {
        const by = numeric ? a[0] - b[0] : words.compare(a[0], b[0]);
        return by === 0 ? a[1] - b[1] : sign * by;
      });
      sorted = keyed.map(([, , row]) => row);
      draw(PAGE);
      for (const row of sorted) body.append(row);
    });
  }

  // The readout of the picture of users and permissions: the cell under the pointer, in words.
  const picture = document.getElementById("matrix-picture");
  if (picture) {
    const users = picture.dataset.users.split(" ");
    const left = Number(picture.dataset.left);
    const width = Number(picture.dataset.width);
    const column = width / users.length;
    const labels = Array.from(picture.querySelectorAll("[data-y]"), (label) => ({
      y: Number(label.dataset.y),
      name: label.querySelector("title")?.textContent ?? label.textContent,
    }));
    const states = [
      ["outside", "held outside groups"],
      ["unknown", "held; whether a group grants it is unknown"],
      ["through", "granted through a group"],
      ["member", "a member"],
    ].flatMap(([name, text]) => Array.from(picture.querySelectorAll(`path.${name}`), (path) => [path, text]));
    const readout = document.getElementById("matrix-readout");
    const cursor = document.getElementById("matrix-cursor");
    const height = picture.viewBox.baseVal.height;
    let names = null;

    const clear = () => {
      readout.textContent = "";
      cursor.setAttribute("d", "");
    };
    picture.addEventListener("pointermove", (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
      const place = Math.floor((at.x - left) / column);
      const row = labels.find((label) => at.y >= label.y && at.y < label.y + 17);
      if (place < 0 || place >= users.length || !row) return clear();
      names ??= new Map(
        Array.from(document.querySelectorAll("tr[data-u]"), (user) => [user.dataset.u, user.cells[0].firstChild.textContent]),
      );
      const middle = new DOMPoint(left + (place + 0.5) * column, row.y + 7);
      const state = states.find(([path]) => path.isPointInFill(middle));
      readout.textContent = `${names.get(users[place])} · ${row.name} · ${state ? state[1] : "no"}`;
      const x = middle.x.toFixed(2);
      cursor.setAttribute("d", `M${x} 22V${height}`);
    });
    picture.addEventListener("pointerleave", clear);
  }

  // Printing opens all details, since nothing can be opened on paper.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
    opened = [];
  });
})();
