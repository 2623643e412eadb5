"use strict";
// Shows the questions of this file's data. Text becomes text nodes; only answers, sanitized before they came here, are HTML.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { words, rows, passages } = data;
  const PAGE = 50;
  const state = { verdicts: new Set(), language: "", direction: "", text: "", sort: "file", shown: PAGE };
  const numbers = new Intl.NumberFormat(data.language);
  const collator = new Intl.Collator(data.language, { numeric: true });

  const say = (name, values = {}) => words[name].replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const count = (value) => (value === null || value === undefined ? "" : numbers.format(value));

  function make(tag, options = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(options)) {
      if (value === null || value === undefined || value === false) continue;
      if (name === "class") element.className = value;
      else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null && child !== ""));
    return element;
  }

  rows.forEach((row, place) => {
    row.place = place;
    row.folded = fold([row.id, row.question, ...(row.gold ?? [])].join(" "));
  });

  // Worst first: what failed, then what was answered or refused wrongly, then by rank.
  const BADNESS = ["right_passage", "refused_rightly", "wrong_passage", "not_found", "refused_wrongly", "answered_outside", "failed"];
  const RANKLESS = 99;
  const SORTS = {
    file: () => 0,
    worst: (a, b) => BADNESS.indexOf(b.verdict) - BADNESS.indexOf(a.verdict) || (b.rank ?? RANKLESS) - (a.rank ?? RANKLESS),
    rank: (a, b) => (a.rank ?? RANKLESS) - (b.rank ?? RANKLESS),
    tokens: (a, b) => b.prompt - a.prompt,
    time: (a, b) => (b.total_ms ?? 0) - (a.total_ms ?? 0),
  };

  function fits(row, ignored) {
    if (ignored !== "verdict" && state.verdicts.size && !state.verdicts.has(row.verdict)) return false;
    if (state.language && row.lang !== state.language) return false;
    if (state.direction && row.direction !== state.direction) return false;
    return state.text.split(/\s+/).every((word) => row.folded.includes(word));
  }

  function choose(label, options, onchange) {
    const select = make("select", { onchange: () => onchange(select.value) });
    select.append(...options.map(([value, text]) => make("option", { value }, text)));
    return [make("label", {}, label, select), select];
  }

  function changed(name, value) {
    state[name] = value;
    state.shown = PAGE;
    draw();
  }

  const search = make("input", { type: "search", placeholder: say("search_hint"), autocomplete: "off" });
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => changed("text", fold(search.value.trim())), 120);
  });
  const languages = [...new Set(rows.map((row) => row.lang))].sort(collator.compare);
  const [languageLabel, language] = choose(
    say("language"), [["", say("all")], ...languages.map((name) => [name, name])], (value) => changed("language", value));
  const [directionLabel, direction] = choose(
    say("change"), [["", say("all")], ...[...data.directions, "same"].map((name) => [name, say(name)])],
    (value) => changed("direction", value));
  const [sortLabel, sort] = choose(
    say("sort"), Object.keys(SORTS).map((name) => [name, say(`sort_${name}`)]), (value) => changed("sort", value));
  const chips = data.verdicts
    .filter((verdict) => rows.some((row) => row.verdict === verdict))
    .map((verdict) => {
      const number = make("b");
      const button = make("button", { type: "button", "aria-pressed": "false", onclick: () => {
        state.verdicts.has(verdict) ? state.verdicts.delete(verdict) : state.verdicts.add(verdict);
        changed("verdicts", state.verdicts);
      } }, make("span", { class: `key key-${verdict}` }), say(verdict), number);
      return { verdict, button, number };
    });
  const status = make("span", { role: "status" });
  const reset = make("button", { type: "button", onclick: () => {
    state.verdicts.clear();
    search.value = language.value = direction.value = "";
    Object.assign(state, { language: "", direction: "", text: "", shown: PAGE });
    draw();
    search.focus();
  } }, say("reset"));
  const list = make("div");
  const more = make("button", { type: "button", class: "more", onclick: () => {
    const first = state.shown;
    state.shown += PAGE;
    draw();
    list.children[first]?.querySelector("summary").focus();
  } });

  document.getElementById("rows").append(
    make("div", { class: "filters", role: "search" },
      make("div", { class: "controls" },
        make("label", {}, say("search"), search),
        languages.length > 1 ? languageLabel : null,
        data.directions.length ? directionLabel : null,
        sortLabel),
      make("div", { class: "chips", role: "group", "aria-label": say("verdicts") }, ...chips.map((chip) => chip.button))),
    make("div", { class: "count" }, status, reset),
    make("div", { class: "list" },
      make("div", { class: "columns", "aria-hidden": "true" },
        make("span", {}, say("verdict")), make("span", {}, say("question")), make("span", { class: "num" }, say("rank")),
        make("span", { class: "num" }, say("holds")), make("span", { class: "num" }, say("prompt_tokens")),
        make("span", { class: "num" }, say("total_ms"))),
      list),
    more);

  function draw() {
    const found = rows.filter((row) => fits(row)).sort((a, b) => SORTS[state.sort](a, b) || a.place - b.place);
    const shown = found.slice(0, state.shown);
    list.replaceChildren(...(shown.length ? shown.map(drawRow) : [make("p", { class: "empty" }, say("empty"))]));
    status.textContent = say("shown", { shown: count(shown.length), found: count(found.length) });
    reset.hidden = !(state.verdicts.size || state.language || state.direction || state.text);
    more.hidden = shown.length === found.length;
    more.textContent = say("more", { count: count(Math.min(PAGE, found.length - shown.length)) });
    const counts = {};
    for (const row of rows) if (fits(row, "verdict")) counts[row.verdict] = (counts[row.verdict] ?? 0) + 1;
    for (const { verdict, button, number } of chips) {
      number.textContent = count(counts[verdict] ?? 0);
      button.classList.toggle("none", !counts[verdict]);
      button.setAttribute("aria-pressed", String(state.verdicts.has(verdict)));
    }
  }

  function drawRow(row) {
    const holds = row.holds === null ? null : row.holds ? "holds_yes" : "holds_no";
    const isChanged = row.direction && row.direction !== "same";
    const details = make("details", { class: "row", id: `question-${row.place}` },
      make("summary", {},
        make("span", { class: "verdict" }, make("span", { class: `key key-${row.verdict}` }), say(row.verdict)),
        make("span", { class: "asked", lang: row.lang }, row.question,
          make("span", { class: "meta" }, `${row.id} · ${row.lang}`,
            isChanged ? make("span", { class: row.direction }, ` · ${say(row.direction)}`) : null)),
        make("span", { class: "num", "data-before": say("rank") }, row.gold ? String(row.rank ?? "–") : ""),
        make("span", { class: `num ${holds ?? ""}`, "data-before": say("holds") }, holds ? say(holds) : ""),
        make("span", { class: "num", "data-before": say("prompt_tokens") }, row.prompt ? count(row.prompt) : ""),
        make("span", { class: "num", "data-after": say("total_ms") }, count(row.total_ms))));
    details.addEventListener("toggle", () => {
      if (details.open && !details.querySelector(".body")) details.append(drawBody(row));
    });
    return details;
  }

  function drawBody(row) {
    const body = make("div", { class: "body" });
    const add = (title, ...children) => body.append(make("section", {}, make("h4", {}, title), ...children));
    add(say("expected"), row.gold
      ? make("div", {}, `${row.gold[0]} › ${row.gold[1]}`,
          row.wanted.length ? make("span", { class: "meta" }, row.wanted.slice(0, 6).map((text) => `“${text}”`).join(" · ")) : "")
      : say(row.near ? "expected_near" : "expected_outside"));
    if (row.before && row.direction !== "same") {
      add(say("change"), [drawState(row.before), drawState(row)].join(" → "));
    }
    add(say("answer"), row.error ? make("p", { class: "error" }, row.error) : null, drawAnswer(row.answer, body));
    if (row.before?.answer) add(say("earlier_answer"), drawAnswer(row.before.answer, null));
    const facts = { prompt: count(row.prompt), completion: count(row.completion), search: count(row.search_ms) || "–", total: count(row.total_ms) || "–" };
    body.append(make("p", { class: "meta" }, say("facts", facts),
      row.cost === null ? "" : ` · ${say("cost", { cost: row.cost.toPrecision(3) })}`));
    add(say("found"), row.found.length
      ? make("ol", { class: "passages" }, ...row.found.map((number, place) => drawPassage(row, number, place + 1)))
      : say("nothing_found"));
    return body;
  }

  function drawState({ verdict, rank, holds }) {
    return [say(verdict), rank ? `${say("rank").toLowerCase()} ${rank}` : null,
      holds ? say("holds_yes") : null].filter(Boolean).join(", ");
  }

  function drawAnswer(html, body) {
    const panel = make("div", { class: "panel" });
    if (html) panel.innerHTML = html;
    else panel.textContent = say("no_answer");
    panel.addEventListener("click", (event) => {
      const mark = event.target.closest("[data-cite]");
      if (!mark) return;
      event.preventDefault();
      const passage = body?.querySelectorAll(".passages > li")[mark.dataset.cite - 1];
      if (!passage) return;
      passage.querySelector("details").open = true;
      passage.scrollIntoView({ block: "center" });
      passage.classList.add("lit");
      setTimeout(() => passage.classList.remove("lit"), 1600);
    });
    return panel;
  }

  function drawPassage(row, number, rank) {
    const [file, heading, text] = passages[number];
    const isRight = row.right.includes(rank);
    const isCited = row.cited.includes(rank);
    return make("li", { class: isRight ? "right" : null },
      make("details", { open: isRight && rank === row.rank },
        make("summary", {},
          make("span", { class: "num" }, String(rank)),
          make("span", { class: "asked" }, heading, make("span", { class: "meta" }, file)),
          make("span", { class: "tags" },
            isCited ? make("span", { class: "tag" }, say("cited")) : null,
            isRight ? make("span", { class: "tag yes" }, say("right")) : null)),
        make("pre", { class: "text" }, text, data.cut !== null && text.length >= data.cut ? `… ${say("cut")}` : "")));
  }

  draw();
})();
