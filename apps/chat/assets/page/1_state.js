// The chat page. The server renders every turn; these scripts put what it sends into the page without losing what the
// tester opened, selected or typed, and see to all that needs no server.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const NEW = "new";
const seen = new WeakSet();
let words = {};
// The conversation on show, and those that were left: what still comes of their answers is not shown.
let current = "";
const left = new Set();
let isSending = false;
// What was sent from the box and is not among the turns yet; kept over a refresh.
const SENT = "guichet-sent";
let sentText = sessionStorage.getItem(SENT);

const log = () => $("#log");
const box = () => $("#box textarea");
const bar = () => $("#brand .bar");
const openTurn = () => $("#log .turn.is-pending, #log .turn.is-streaming");
// The browser's own form of dates and numbers, where it is of the page's language.
const locale = () => {
  const lang = document.documentElement.lang || "en";
  return navigator.language.startsWith(lang) ? navigator.language : lang;
};
const isTouch = () => matchMedia("(pointer: coarse)").matches;
const motion = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

// Read out once, politely; each piece of news is a line of its own, so that none takes another's place.
const NEWS_S = 20;
function announce(text) {
  if (!$("#news") || !text) return;
  const line = document.createElement("p");
  line.textContent = text.slice(0, 2000);
  $("#news").append(line);
  setTimeout(() => line.remove(), NEWS_S * 1000);
}

function setSent(text) {
  sentText = text;
  if (text === null) sessionStorage.removeItem(SENT);
  else sessionStorage.setItem(SENT, text);
}

// Gives a Gradio field a value as typing does, and presses a hidden button once the field has taken it over.
function fillField(field, text) {
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function trigger(name, value) {
  fillField($(`#${name} textarea`), value);
  setTimeout(() => $(`#${name}-send`).click(), 60);
}

function focusBox() {
  if (!isTouch()) box()?.focus();
}

async function call(path, body, method = "POST") {
  const options = body === undefined ? {} : {
    method,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  if (method === "DELETE") options.method = method;
  try {
    const response = await fetch(path, options);
    const text = await response.text();
    const data = text && response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : {};
    return { isOk: response.ok, status: response.status, data, code: data.error?.code || "" };
  } catch {
    return { isOk: false, status: 0, data: {}, code: "" };
  }
}

// Why a call failed. What hangs on numbers the service says itself.
function explainCall({ status, data, code }) {
  return status ? data.error?.explanation || words[code] || words.internal_error : words.no_network;
}

// An error that the script meets by itself, in the words that the server would use.
function showFault(text, needsLogin = false) {
  const alert = document.createElement("div");
  alert.className = "alert";
  alert.setAttribute("role", "alert");
  const line = document.createElement("p");
  line.textContent = text;
  if (needsLogin) {
    const link = document.createElement("a");
    link.href = "login";
    link.textContent = "→";
    line.append(" ", link);
  }
  alert.append(line);
  $("#fault").replaceChildren(alert);
}

function clearFault() {
  $("#fault")?.replaceChildren();
}
