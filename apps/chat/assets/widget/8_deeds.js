// What a click, a key or the host page asks for.
function type(text) {
  ui.box.value = text;
  tabMemory("draft", text);
  fitBox();
}

function fitBox() {
  ui.box.style.height = "auto";
  ui.box.style.height = `${Math.min(ui.box.scrollHeight, 150)}px`;
  drawFoot();
}

const pack = (type, content) => ({ [type]: new Blob([content], { type }) });

async function copy(element, text, rich) {
  try {
    await (rich ? navigator.clipboard.write([new ClipboardItem({ ...pack("text/plain", text), ...pack("text/html", rich) })]) : navigator.clipboard.writeText(text));
  } catch {
    const field = h("textarea", { class: "sr" });
    field.value = text;
    ui.panel.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    element.focus();
  }
  announce(say("copied"));
  const isText = !element.firstElementChild;
  if (isText) element.textContent = say("copied");
  element.classList.add("is-done");
  setTimeout(() => {
    element.classList.remove("is-done");
    if (isText) element.textContent = say("copy");
  }, 1600);
}

async function judge(turn, changes) {
  turn.verdict = { ...turn.verdict, ...changes };
  drawTurnOf(turn);
  const { value, reason, comment } = turn.verdict;
  try {
    await call("/api/feedback", { message_id: turn.id, value, reason: value < 0 ? reason : null, comment });
    turn.saved = "saved";
  } catch {
    turn.saved = "failed_feedback";
  }
  drawTurnOf(turn);
}

const keep = async (name) => save(await call(`/api/thread/${state.thread}/${name}`));

function openSource(link) {
  const source = link.closest(".turn").querySelector(`.sources [data-number="${link.dataset.cite}"]`);
  if (!source) return;
  isFollowing = false;
  source.open = true;
  source.classList.remove("is-lit");
  source.offsetWidth;
  source.classList.add("is-lit");
  source.scrollIntoView({ block: "nearest", behavior: motion() });
  source.firstElementChild.focus({ preventScroll: true });
}

const deeds = {
  ...writing,
  open: () => open(),
  minimize: shut,
  enlarge: () => setMode(ui.mode === "large" ? "normal" : "large"),
  menu: () => toggleMenu(),
  send: () => ask(ui.box.value),
  example: (element) => ask(element.textContent.replace(/\u202f/g, " ")),
  again: (element) => ask(turnOf(element).question),
  stop: () => state.running?.id && attempt(() => call(`/api/messages/${state.running.id}/stop`, null, { method: "POST" })),
  copyCode: (element) => copy(element, element.closest(".code").querySelector("code").textContent),
  copyAnswer: (element) => copy(element, plainText(turnOf(element))),
  judge(element) {
    const turn = turnOf(element);
    turn.isJudging = true;
    isFollowing = false;
    judge(turn, { value: Number(element.dataset.value) });
    element.closest(".turn").querySelector(".verdict").scrollIntoView({ block: "nearest", behavior: motion() });
  },
  reason: (element) => judge(turnOf(element), { reason: element.getAttribute("aria-pressed") === "true" ? null : element.dataset.reason }),
  async comment(form) {
    const turn = turnOf(form);
    await judge(turn, { comment: form.querySelector("textarea").value.trim() || null });
    turn.isJudging = turn.saved !== "saved";
    drawTurnOf(turn);
  },
  hush(element) {
    const turn = turnOf(element);
    turn.isJudging = false;
    drawTurnOf(turn);
  },
  async wish(element) {
    const turn = turnOf(element);
    try {
      await call(`/api/messages/${turn.id}/request_documentation`, null, { method: "POST" });
      turn.wish = "documented";
    } catch (fault) {
      turn.wish = fault.code === "not_found" ? "document_closed" : "failed_feedback";
    }
    drawTurnOf(turn);
  },
  logIn: (form) => attempt(() => logIn(form.querySelector("input").value)),
  async accept() {
    memory.write({ notice: state.config.privacy_notice.version });
    drawFoot();
    takeFocus();
    if (memory.read().token) await agree();
  },
  fresh() {
    startAfresh();
    takeFocus();
  },
  async leave() {
    await attempt(() => call("/api/logout", null, { method: "POST" }));
    drop();
    type("");
    memory.forget();
    await enter();
    takeFocus();
  },
  keepPdf: () => attempt(() => keep("transcript.pdf")),
  keepMd: () => attempt(() => keep("transcript.md")),
  rate: (element) => attempt(async () => {
    await call(`/api/thread/${state.thread}/rating`, { value: Number(element.dataset.value) });
    state.rated = true;
    drawFoot();
  }),
};

function listen() {
  on(ui.root, "click", (event) => {
    const cite = event.target.closest("a[data-cite]");
    const deed = event.target.closest("[data-do]");
    if (!event.target.closest('[data-do="menu"], .menu') || deed?.closest(".menu")) toggleMenu(false);
    if (cite) {
      event.preventDefault();
      openSource(cite);
    } else if (deed && deed.localName !== "form") deeds[deed.dataset.do]?.(deed);
  });
  on(ui.root, "submit", (event) => {
    event.preventDefault();
    deeds[event.target.dataset.do]?.(event.target);
  });
  on(ui.log, "input", keepField);
  on(ui.box, "input", () => type(ui.box.value));
  on(ui.root, "keydown", (event) => {
    // The shortcuts of the page outside are not meant for what is typed in here.
    event.stopPropagation();
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      if (ui.menu.hidden) shut();
      else {
        toggleMenu(false);
        ui.tools[0].focus();
      }
    } else if (event.key === "Enter" && !event.shiftKey && event.target === ui.box) {
      event.preventDefault();
      ask(ui.box.value);
    } else if (event.key === "Tab" && isModal()) keepFocus(event);
    else if (event.target === ui.grip) resizeByKey(event);
  });
  on(ui.root, "keyup keypress", (event) => event.stopPropagation());
  on(ui.log, "wheel touchmove", () => { isFollowing = false; }, { passive: true });
  on(ui.grip, "pointerdown", pull);
  on(phone, "change", () => setMode(ui.mode));
  on(night, "change", dress);
  new MutationObserver(dress).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  if (window.visualViewport) on(visualViewport, "resize scroll", fitKeyboard);
  on(window, "resize", () => ui.size && resize(ui.size));
  on(window, "storage", (event) => event.key === KEY && state.config && sync());
  setInterval(() => ui.mode && drawLeft(), 5000);
}

function start() {
  buildFrame();
  dress();
  listen();
  ui.box.value = tabMemory("draft");
  nameParts();
  const mode = phone.matches ? "" : tabMemory("mode");
  setMode(mode);
  // An answer under way is waited for, also behind a closed panel.
  if (mode || memory.read().pending) enter();
  drawFoot();
  tell("ready");
}

if (!window.Guichet) {
  window.Guichet = Object.freeze({ open: () => open(), close: shut, reset: startAfresh });
  if (document.readyState === "loading") on(document, "DOMContentLoaded", start);
  else start();
}
