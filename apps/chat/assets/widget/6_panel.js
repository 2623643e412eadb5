// The frame: launcher and panel, their size and theme, the focus.
const STEP = 24;
const towards = options.position === "left" ? -1 : 1;
const ui = {};
const phone = matchMedia("(max-width: 480px), (max-height: 420px)");
const night = matchMedia("(prefers-color-scheme: dark)");

function buildFrame() {
  ui.host = h("guichet-widget");
  const shadow = ui.host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  // Of what stands in a conversation: it comes with the words.
  ui.talk = new CSSStyleSheet();
  shadow.adoptedStyleSheets = [sheet, ui.talk];
  ui.launcher = tool("open", "", "chat", { class: "launcher", "aria-haspopup": "dialog" });
  ui.title = h("h2", { id: "title" });
  ui.menu = h("div", { class: "menu", hidden: true });
  ui.grip = button("", "", "", { class: "grip" });
  ui.log = h("div", { class: "log", role: "log", "aria-live": "off", tabindex: 0 });
  ui.alert = h("div", { role: "alert" });
  ui.gate = h("div");
  ui.box = h("textarea", { rows: 1, maxlength: 20000, enterkeyhint: "send" });
  ui.send = button("send", "", "send", { class: "solid" });
  ui.stop = button("stop", "", "stop", { class: "solid" });
  ui.composer = h("form", { class: "composer" }, ui.box, ui.send, ui.stop);
  ui.left = h("div", { class: "left-over", role: "group" });
  ui.foot = h("div", { class: "foot" }, ui.alert, ui.gate, ui.composer, ui.left);
  ui.status = h("div", { class: "sr", role: "status", "aria-live": "polite" });
  ui.tools = ["more", "large", "down_small"].map((name, at) => tool(["menu", "enlarge", "minimize"][at], "", name));
  ui.panel = h("section", { class: "panel", role: "dialog", "aria-labelledby": "title", tabindex: -1 },
    h("header", {}, ui.title, ui.tools, ui.menu), ui.log, ui.foot,
    ui.grip);
  ui.root = h("div", { class: `root ${towards < 0 ? "left" : "right"}` },
    ui.launcher, h("div", { class: "scrim", "data-do": "enlarge" }), ui.panel, ui.status);
  resize(memory.read().size);
  shadow.append(ui.root);
  // Beside the body: what a page does to its body does not reach here.
  document.documentElement.append(ui.host);
  paint();
}

function nameParts() {
  ui.root.lang = language;
  ui.title.textContent = options.title || state.config?.assistant?.title || "Guichet";
  const label = (element, text) => { element.title = text; element.setAttribute("aria-label", text); };
  label(ui.launcher, say(ui.hasNews ? "news" : "open", { title: ui.title.textContent }));
  label(ui.tools[0], say("menu"));
  label(ui.tools[1], say(ui.mode === "large" ? "restore" : "enlarge"));
  label(ui.tools[2], say("minimize"));
  label(ui.grip, say("resize"));
  label(ui.send, say("send"));
  label(ui.stop, say("stop"));
  ui.log.setAttribute("aria-label", say("conversation"));
  ui.left.setAttribute("aria-label", say("allowance"));
  ui.box.setAttribute("aria-label", say("ask"));
  ui.box.placeholder = say(isWriting() ? "change" : "placeholder");
}

// ---- Size -----------------------------------------------------------------------------------------------------------

function resize(size) {
  ui.size = size && { width: Math.min(Math.max(size.width, 320), innerWidth - 40), height: Math.min(Math.max(size.height, 380), innerHeight - 40) };
  for (const name of ["width", "height"]) {
    if (size) ui.panel.style.setProperty(`--${name}`, `${ui.size[name]}px`);
    else ui.panel.style.removeProperty(`--${name}`);
  }
}

function keepSize() {
  memory.write({ size: ui.size });
  const { offsetWidth: width, offsetHeight: height } = ui.panel;
  announce(say("size", { width, height }));
}

function pull(event) {
  const { clientX: x, clientY: y } = event;
  const { offsetWidth: width, offsetHeight: height } = ui.panel;
  ui.grip.setPointerCapture(event.pointerId);
  ui.grip.onpointermove = (at) => resize({ width: width + (x - at.clientX) * towards, height: height + y - at.clientY });
  ui.grip.onlostpointercapture = () => {
    ui.grip.onpointermove = null;
    keepSize();
  };
}

function resizeByKey(event) {
  const steps = { ArrowLeft: [towards, 0], ArrowRight: [-towards, 0], ArrowUp: [0, 1], ArrowDown: [0, -1], Home: [] }[event.key];
  if (!steps) return;
  event.preventDefault();
  const { offsetWidth: width, offsetHeight: height } = ui.panel;
  resize(steps.length ? { width: width + steps[0] * STEP, height: height + steps[1] * STEP } : undefined);
  keepSize();
}

// ---- Open and shut ----------------------------------------------------------------------------------------------------

const isModal = () => phone.matches || ui.mode === "large";
const focused = () => ui.root.getRootNode().activeElement;

function setMode(mode) {
  ui.mode = mode;
  tabMemory("mode", mode);
  for (const [name, is] of [["is-open", !!mode], ["is-large", mode === "large"], ["is-phone", phone.matches]]) ui.root.classList.toggle(name, is);
  ui.panel.setAttribute("aria-modal", isModal());
  ui.launcher.setAttribute("aria-expanded", !!mode);
  ui.tools[1].replaceChildren(icon(mode === "large" ? "small" : "large"));
  if (mode) setNews(false);
  nameParts();
  fitKeyboard();
}

function open(mode = "normal") {
  if (ui.mode) return;
  setMode(mode);
  tell("open");
  takeFocus();
  if (!state.config) enter().then(() => focused() && takeFocus());
  follow();
}

function shut() {
  if (!ui.mode) return;
  const hadFocus = Boolean(focused());
  toggleMenu(false);
  setMode("");
  if (hadFocus) ui.launcher.focus();
  tell("close");
}

// A phone's keyboard comes when the box is touched, not before.
function takeFocus() {
  const target = ui.log.querySelector(".login input") || ui.gate.querySelector("button") || (phone.matches || ui.composer.hidden ? ui.panel : ui.box);
  target.focus({ preventScroll: true });
}

function keepFocus(event) {
  const all = [...ui.panel.querySelectorAll("button, a[href], summary, textarea, input, select, [tabindex='0']")]
    .filter((element) => !element.disabled && element.checkVisibility());
  const [first, last] = [all[0], all[all.length - 1]];
  const isAtEdge = focused() === ui.panel || focused() === (event.shiftKey ? first : last);
  if (!isAtEdge) return;
  event.preventDefault();
  (event.shiftKey ? last : first).focus();
}

function toggleMenu(isWanted = ui.menu.hidden) {
  ui.menu.hidden = !isWanted;
  ui.tools[0].setAttribute("aria-expanded", isWanted);
  if (!isWanted) return;
  ui.menu.replaceChildren(...[
    button("fresh", say("new"), "plus"),
    state.thread && state.turns.length && [button("keepPdf", say("keep_pdf"), "file"), button("keepMd", say("keep_md"), "file")],
    state.config?.needs_login && !state.isLocked && button("leave", say("logout"), "leave"),
  ].flat().filter(Boolean));
  ui.menu.firstElementChild.focus();
}

function setNews(hasNews) {
  ui.hasNews = hasNews;
  ui.launcher.querySelector("i")?.remove();
  if (hasNews) ui.launcher.append(h("i"));
}

// The keyboard of a phone covers the page: the panel keeps to what is left.
function fitKeyboard() {
  const seen = visualViewport;
  for (const [name, value] of [["--tall", seen?.height], ["--top", seen?.offsetTop]]) ui.panel.style.setProperty(name, `${value}px`);
}

function dress() {
  const wish = [options.theme, document.documentElement.dataset.theme].find((theme) => /^(light|dark)$/.test(theme));
  ui.root.classList.toggle("dark", wish ? wish === "dark" : night.matches);
}

function announce(text) {
  ui.status.textContent = "";
  setTimeout(() => { ui.status.textContent = text; }, 60);
}
