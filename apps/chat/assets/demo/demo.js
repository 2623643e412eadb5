// The page that stands for a host of the widget: does to it what hosts do, and shows what it tells.
const root = document.documentElement;
const log = document.querySelector("#log");

const hostile = new CSSStyleSheet();
hostile.replaceSync(`
  html { font-size: 40px !important; }
  guichet-widget, guichet-widget * { all: unset !important; display: none !important; opacity: 0 !important; }
  div, section, button { text-transform: uppercase !important; letter-spacing: .3em !important; }
`);

const toggles = {
  dark: (isOn) => { root.dataset.theme = isOn ? "dark" : "light"; },
  rtl: (isOn) => { root.dir = isOn ? "rtl" : "ltr"; },
  hostile: (isOn) => { document.adoptedStyleSheets = isOn ? [hostile] : []; },
};

for (const button of document.querySelectorAll("[data-toggle]")) {
  button.addEventListener("click", () => {
    const isOn = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(isOn));
    toggles[button.dataset.toggle](isOn);
  });
}

for (const button of document.querySelectorAll("[data-call]")) {
  // The widget takes a click outside for no reason to close: asked for here, it opens and closes.
  button.addEventListener("click", () => window.Guichet[button.dataset.call]());
}

for (const name of ["ready", "open", "close", "message", "answer", "error"]) {
  window.addEventListener(`guichet:${name}`, (event) => {
    const entry = document.createElement("li");
    const title = document.createElement("b");
    title.textContent = event.type;
    entry.append(title, ` ${JSON.stringify(event.detail)}`);
    log.prepend(entry);
  });
}
