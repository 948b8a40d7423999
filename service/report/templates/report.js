// Draws the figures, sorts the tables and writes the files that the buttons give.
"use strict";
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const phone = window.matchMedia("(max-width: 600px)");
  const touch = window.matchMedia("(pointer: coarse)");
  const swaps = JSON.parse(document.getElementById("swaps").textContent);
  const specs = new WeakMap();
  let onPaper = false; // printing: light, and everything drawn

  const swapped = (value) => {
    if (typeof value === "string") return swaps[value.toLowerCase()] || swaps[value] || value;
    if (Array.isArray(value)) return value.map(swapped);
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, swapped(item)]));
    return value;
  };

  const place = (layout, path, value) => {
    const keys = path.split(".");
    const last = keys.pop();
    keys.reduce((at, key) => (at[key] = at[key] || {}), layout)[last] = value;
  };

  const spec = (panel, wanted = {}) => {
    const own = JSON.parse(JSON.stringify(specs.get(panel)));
    const narrow = wanted.narrow ?? (phone.matches && !onPaper);
    if (narrow) for (const [path, value] of Object.entries(own.narrow)) place(own.layout, path, value);
    own.layout.height = narrow ? own.narrowHeight : own.height;
    own.layout.dragmode = touch.matches ? false : "zoom";
    return (wanted.dark ?? (dark.matches && !onPaper)) ? { ...own, ...swapped({ data: own.data, layout: own.layout }) } : own;
  };

  const draw = (panel) => {
    const { data, layout } = spec(panel);
    panel.dataset.drawn = "yes";
    panel.style.height = `${layout.height}px`;
    return Plotly.react(panel, data, layout, { displayModeBar: false, responsive: true, doubleClick: "reset" });
  };

  const save = (name, type, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  const csv = (rows) => {
    const cell = (value) => {
      const text = value === null || value === undefined ? "" : String(value);
      return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
  };

  // All panels of a figure as one picture, on white paper, beside each other in rows of three.
  const svg = async (panels) => {
    const across = Math.min(3, panels.length), gap = 16, head = panels.length > 1 ? 24 : 0;
    const width = panels.length > 1 ? 320 : 720;
    const found = [];
    let top = 0, tallest = 0;
    for (const [at, panel] of panels.entries()) {
      const { data, layout } = spec(panel, { dark: false, narrow: false });
      const { height } = layout;
      const uri = await Plotly.toImage({ data, layout: { ...layout, width } }, { format: "svg", width, height });
      const own = new DOMParser().parseFromString(decodeURIComponent(uri.slice(uri.indexOf(",") + 1)), "image/svg+xml");
      if (at % across === 0 && at) (top += tallest + gap, tallest = 0);
      tallest = Math.max(tallest, height + head);
      const left = (at % across) * (width + gap);
      own.documentElement.setAttribute("x", left);
      own.documentElement.setAttribute("y", top + head);
      const title = document.createElementNS("http://www.w3.org/2000/svg", "text");
      for (const [key, value] of Object.entries({ x: left + 8, y: top + 16, "font-family": "sans-serif", "font-weight": 600, "font-size": 13 }))
        title.setAttribute(key, value);
      title.textContent = panel.dataset.title;
      const text = new XMLSerializer();
      found.push(text.serializeToString(title) + text.serializeToString(own.documentElement));
    }
    const size = `width="${across * (width + gap) - gap}" height="${top + tallest}"`;
    return `<svg xmlns="http://www.w3.org/2000/svg" ${size}><rect ${size} fill="#ffffff"/>${found.join("")}</svg>`;
  };

  const button = (text, told, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.title = told;
    made.setAttribute("aria-label", told);
    made.addEventListener("click", act);
    return made;
  };

  const figure = (chart) => {
    const name = chart.id;
    const content = JSON.parse(chart.querySelector("script").textContent);
    const panels = [...chart.querySelectorAll(".panel")];
    panels.forEach((panel, at) => {
      specs.set(panel, content.panels[at]);
      panel.style.minHeight = `${phone.matches ? content.panels[at].narrowHeight : content.panels[at].height}px`;
    });
    const tools = chart.querySelector(".tools");
    tools.append(button("CSV", `The numbers of ${name} as CSV`, () => save(`${name}.csv`, "text/csv", csv(content.csv))));
    tools.append(button("SVG", `${name} as SVG`, async () => save(`${name}.svg`, "image/svg+xml", await svg(panels))));
  };

  const key = (row, column) => {
    const cell = row.cells[column];
    const number = cell.dataset.k;
    return number ? [0, Number(number)] : [1, cell.textContent.trim()];
  };

  const table = (own, at) => {
    const body = own.tBodies[0];
    const heads = [...own.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const sort = button(head.textContent, `Sort by ${head.textContent}`, () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].map((row) => [row, key(row, column)]);
        rows.sort(([, [kindA, a]], [, [kindB, b]]) => {
          if (kindA !== kindB) return kindA - kindB; // what is no number comes last, either way
          const order = typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true });
          return down ? -order : order;
        });
        body.append(...rows.map(([row]) => row));
      });
      if (head.textContent) head.replaceChildren(sort);
    });
    const name = own.dataset.name || `table-${at + 1}`;
    const give = button("CSV", `This table as CSV`, () =>
      save(`${name}.csv`, "text/csv", csv([...own.rows].map((row) => [...row.cells].map((cell) => cell.textContent)))));
    own.parentElement.insertAdjacentElement("afterend", give);
    give.className = "csv";
  };

  const begin = () => {
    const seen = new IntersectionObserver(
      (entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => {
        seen.unobserve(target);
        if (!target.dataset.drawn) draw(target);
      }),
      { rootMargin: "600px" },
    );
    const panels = [...document.querySelectorAll(".panel")];
    panels.forEach((panel) => seen.observe(panel));
    const again = () => panels.filter((panel) => panel.dataset.drawn).forEach(draw);
    dark.addEventListener("change", again);
    phone.addEventListener("change", again);
    const folded = [...document.querySelectorAll("details")];
    window.addEventListener("beforeprint", () => {
      onPaper = true;
      folded.forEach((part) => ((part.dataset.open = part.open), (part.open = true)));
      panels.forEach(draw);
    });
    window.addEventListener("afterprint", () => {
      onPaper = false;
      folded.forEach((part) => (part.open = part.dataset.open === "true"));
      panels.forEach(draw);
    });
    document.documentElement.dataset.ready = "yes";
  };

  const plotly = async () => {
    const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  };

  document.querySelectorAll("table").forEach(table);
  const charts = [...document.querySelectorAll("figure.chart")];
  charts.forEach(figure);
  if (charts.length)
    plotly().then(begin, (error) => {
      charts.forEach((chart) => (chart.querySelector(".panels").textContent =
        `This browser cannot draw the figure (${error.message}). report.md beside this file has it as a picture.`));
    });
  else document.documentElement.dataset.ready = "yes";
})();
