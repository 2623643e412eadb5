// Elements are made one by one: no text is ever handed to the browser's parser, so no Trusted Types policy is needed.
const ICONS = {
  chat: "M4 5h16v11H11l-5 4v-4H4zM8 9h8M8 12h5", down_small: "m6 9 6 6 6-6", large: "M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7",
  small: "M20 10h-6V4M14 10l6-6M4 14h6v6M10 14l-6 6", more: "M5 12h.01M12 12h.01M19 12h.01", plus: "M12 5v14M5 12h14",
  leave: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9", file: "M12 4v11m-5-5 5 5 5-5M5 20h14", send: "M12 20V5m-6 6 6-6 6 6",
  stop: "M7 7h10v10H7z", chevron: "m9 6 6 6-6 6", copy: "M9 9h10v11H9zM5 15V4h10", page: "M7 3h7l4 4v14H7zM14 3v4h4",
  up: "M7 11v9H4v-9zm0 0 4-8c1.5 0 2.5 1 2.5 2.5V9h5a2 2 0 0 1 2 2.3l-1.2 7A2 2 0 0 1 17.3 20H7",
  down: "M7 13V4H4v9zm0 0 4 8c1.5 0 2.5-1 2.5-2.5V15h5a2 2 0 0 0 2-2.3l-1.2-7A2 2 0 0 0 17.3 4H7",
  again: "M20 11a8 8 0 1 0-2.3 6M20 4v7h-7", alert: "M12 8v5m0 3.5v.01M12 3 2.5 20h19z",
};

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter(Boolean));
  return element;
}

function icon(name) {
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

const button = (deed, text, name, attributes) => h("button", { type: "button", "data-do": deed, ...attributes }, name && icon(name), text);
const tool = (deed, text, name, attributes) => button(deed, "", name, { class: "tool", "aria-label": text, title: text, ...attributes });
const note = (text, isBad) => h("p", { class: `note${isBad ? " is-bad" : ""}` }, icon("alert"), h("span", {}, text));

const TAGS = /^(a|blockquote|br|code|del|em|h[1-6]|hr|li|ol|p|pre|s|strong|sup|table|tbody|td|th|thead|tr|ul)$/;
const VALUES = {
  "a href": /^(https?:\/\/|mailto:|#cite-\d+$)/i, "a data-cite": /^\d{1,3}$/, "code class": /^language-[\w+#.-]{1,32}$/,
  "sup class": /^cite$/, "ol start": /^\d{1,9}$/, "td align": /^\w+$/, "th align": /^\w+$/,
};
// What forms, drafts and the choice of an assistant are made of, which the server renders; no deed, style or address.
const OUR_TAGS = /^(b|button|d[dlt]|details|div|form|i|input|label|optgroup|option|section|select|span|summary|textarea)$/;
const OUR_NAMES = /^((aria|data)-[a-z-]+|autocomplete|checked|class|for|hidden|id|inputmode|m(ax|in)(length)?|name|required|role|rows|selected|step|title|type|value)$/;
const SIGNS = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };
const decode = (text) => text.replace(/&(?:#(\d+)|#x([\da-f]+)|([a-z]+));/gi, (whole, ten, sixteen, name) =>
  name ? (SIGNS[name] ?? whole) : String.fromCodePoint(Math.min(ten ? +ten : parseInt(sixteen, 16), 0x10ffff)));

// Builds what the server rendered and sanitized, and only that: any other tag is shown as the characters it is made of.
function build(html, isOurs = false) {
  const top = document.createDocumentFragment();
  const open = [top];
  for (const [piece, end, name, rest] of html.matchAll(/<(\/?)([a-z]\w*)((?:\s[^<>"]*(?:"[^"]*")?)*)>|[^<]+|</gi)) {
    const tag = name?.toLowerCase();
    const last = open[open.length - 1];
    if (!tag || !(TAGS.test(tag) || (isOurs && OUR_TAGS.test(tag)))) last.append(tag ? piece : decode(piece));
    else if (end) {
      const at = open.findLastIndex((element) => element.localName === tag);
      if (at > 0) open.length = at;
    } else {
      const element = h(tag);
      for (const [, key, value = ""] of rest.matchAll(/([\w-]+)(?:="([^"]*)")?/g)) {
        const plain = decode(value);
        if (isOurs ? OUR_NAMES.test(key) : VALUES[`${tag} ${key}`]?.test(plain)) element.setAttribute(key, plain);
      }
      if (tag === "a" && !element.dataset.cite) {
        element.target = "_blank";
        element.rel = "noopener noreferrer nofollow";
      }
      last.append(element);
      if (!/^(br|hr|input)$/.test(tag) && open.length < 60) open.push(element);
    }
  }
  for (const pre of top.querySelectorAll("pre")) {
    const kind = pre.firstElementChild?.className.replace("language-", "") || "";
    const box = h("div", { class: "code" }, h("div", {}, h("span", {}, kind), button("copyCode", say("copy"))));
    pre.replaceWith(box);
    pre.tabIndex = 0;
    box.append(pre);
  }
  return top;
}

// Changes only what differs, so that a selection, an opened passage, typed text and the focus outlive the next piece.
function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
  if (old.nodeType === 3) {
    old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const after = [...fresh.childNodes];
  const before = [...old.childNodes];
  after.forEach((node, at) => (before[at] ? morph(before[at], node) : old.append(node)));
  before.slice(after.length).forEach((node) => node.remove());
}
