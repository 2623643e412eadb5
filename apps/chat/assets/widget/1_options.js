// What the host page asks for in its script tag.
const SCRIPT = document.currentScript || document.querySelector('script[src*="/widget.js"]');
const SERVICE = SCRIPT.src.replace(/\/widget\.js.*/, "");
const options = { ...SCRIPT.dataset };
const isFrench = (tag) => /^fr\b/i.test(tag);
let language = isFrench(options.language || navigator.language) ? "fr" : "en";
// The few words needed before the service has given the others.
let words = FIRST_WORDS[language];
const say = (name, values = {}) => (words[name] || "").replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
const explain = (code, values) => say(words[code] ? code : "internal_error", values);
const motion = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");
const on = (target, names, deed, how) => names.split(" ").forEach((name) => target.addEventListener(name, deed, how));
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// Host pages hear what happens, never what is said.
const tell = (name, detail = {}) => dispatchEvent(new CustomEvent(`guichet:${name}`, { detail }));

// Gives the colour asked for, in whatever way of CSS, as red, green and blue, or nothing.
function readColor(text) {
  const { style } = ui.title;
  style.color = text || "";
  const found = style.color && getComputedStyle(ui.title).color.match(/\d+/g).slice(0, 3).map(Number);
  style.color = "";
  return found;
}

// WCAG 2.2: relative luminance, contrast ratio.
const shine = (color) => color
  .map((part) => part / 255)
  .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
function contrast(one, other) {
  const [dark, light] = [shine(one), shine(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

// Moves a colour towards black or white until it can be read on a paper.
function strengthen(color, paper, target) {
  let found = color;
  for (let share = 0; contrast(found, paper) < 5.8 && share <= 1; share += 0.04) {
    found = color.map((part) => Math.round(part + (target - part) * share));
  }
  return found;
}

function paint() {
  const color = readColor(options.color);
  if (!color) return;
  const [white, black] = [[255, 255, 255], [10, 20, 20]];
  for (const [theme, paper, target] of [["light", white, 0], ["dark", [25, 32, 35], 255]]) {
    const strong = strengthen(color, paper, target);
    const accent = theme === "light" ? color : strong;
    const ink = contrast(accent, white) >= contrast(accent, black) ? white : black;
    for (const [name, value] of [["accent", accent], ["on", ink], ["strong", strong]]) {
      ui.root.style.setProperty(`--${name}-${theme}`, `rgb(${value})`);
    }
  }
}
