// ---- Writing: which assistant, its form, and all that is done with a draft ------------------------------------

const SENDER = "guichet-sender";
// A mail program takes no longer links; what Windows passes on is the shortest.
const LONGEST_LINK = 1900;
// The thread that a form has begun, in case its first message has to be sent again.
let begun = null;

const formName = (form) => `guichet-form:${form.dataset.assistant}:${form.dataset.document}`;
const editName = (turn) => `guichet-edit:${turn}`;
const readKept = (storage, name) => JSON.parse(storage.getItem(name) || "{}");

// ---- The assistant of a new conversation, and the kind of document; in the address, so that a refresh keeps them.

function setWanted(assistant, documentKind = "", isStep = false) {
  const url = new URL(location.href);
  for (const [name, value] of [["assistant", assistant], ["document", documentKind]]) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  if (url.href === location.href) return;
  // A step that was chosen can be taken back by the browser's own button.
  if (isStep) history.pushState(null, "", url);
  else history.replaceState(null, "", url);
}

function dressWelcome() {
  const welcome = $("#log .welcome");
  document.body.classList.remove("is-form");
  if (!welcome) { setWanted(""); return; }
  const wanted = new URL(location.href).searchParams;
  const card = $$(".assistant[data-assistant]", welcome).find((one) => one.dataset.assistant === wanted.get("assistant"));
  const { assistant, kind } = (card || welcome).dataset;
  showAssistant(assistant, kind, wanted.get("document") || "");
}

// An empty conversation that comes again, for the network was away, does not take a form from under one's hands.
function isFillingIn(thread) {
  const form = $("#log form.form");
  const wanted = new URL(location.href).searchParams.get("assistant");
  return thread === NEW && current === NEW && Boolean(form) && form.dataset.assistant === wanted;
}

function showAssistant(assistant, kind, documentKind = "", isStep = false) {
  const welcome = $("#log .welcome");
  for (const card of $$(".assistant[data-assistant]", welcome)) {
    const isChosen = card.dataset.assistant === assistant;
    card.setAttribute("aria-pressed", String(isChosen));
    if (isChosen) nameHead($("b", card).textContent, $("span", card).textContent);
  }
  for (const intro of $$(".intro", welcome)) intro.hidden = kind !== "documentation" || intro.dataset.of !== assistant;
  welcome.dataset.chosen = assistant;
  const isDefault = assistant === welcome.dataset.assistant;
  const paper = $(".paper", welcome);
  const isForm = kind !== "documentation";
  document.body.classList.toggle("is-form", isForm);
  paper.hidden = !isForm;
  // Where the first question of a new conversation goes.
  fillField($("#thread textarea"), isForm || isDefault ? "" : `new:${assistant}`);
  setWanted(isDefault ? "" : assistant, documentKind, isStep);
  if (isForm) return showForm(assistant, documentKind);
  paper.replaceChildren();
  return null;
}

function nameHead(title, about) {
  const head = bar();
  if (!head || !title) return;
  $("h1", head).textContent = title;
  $(".brand p", head).textContent = about;
  document.title = title;
}

function dressBox(kind) {
  if (box()) box().placeholder = kind === "documentation" ? words.ask_here : words.wish;
}

function chooseAssistant(card) {
  const { assistant, kind } = card.dataset;
  Promise.resolve(showAssistant(assistant, kind, "", true)).then(() => {
    if (kind === "documentation") focusBox();
    else showTop($(".paper"));
  });
}

// The server renders the form; what was filled in before stands in it again.
async function showForm(assistant, documentKind, isMove = false) {
  const paper = $("#log .paper");
  const query = documentKind ? `?document=${encodeURIComponent(documentKind)}` : "";
  const { isOk, status, data, code } = await call(`api/assistants/${encodeURIComponent(assistant)}/form${query}`);
  if (!paper.isConnected || $("#log .welcome").dataset.chosen !== assistant) return;
  if (!isOk) { showFault(explainCall({ status, data, code }), code === "not_logged_in"); return; }
  const template = document.createElement("template");
  template.innerHTML = data.html;
  paper.replaceChildren(template.content);
  const form = $("form", paper);
  if (form) {
    form.noValidate = true;
    if (form.dataset.kind === "story") offerPrompts(form);
    fillForm(form, readKept(sessionStorage, formName(form)));
    fillSenders(paper);
  }
  isFollowing = false;
  if (isMove) showTop(paper);
}

function showTop(paper) {
  paper.scrollIntoView({ block: "start", behavior: motion() });
  const target = $("form input, form select, form textarea, .kind", paper);
  if (!isTouch()) target?.focus({ preventScroll: true });
}

function chooseKind(button) {
  const { assistant } = $("#log .welcome .choice").dataset;
  setWanted(assistant, button.dataset.document, true);
  showForm(assistant, button.dataset.document, true);
}

function leaveForm(button) {
  const { assistant } = button.closest("form").dataset;
  setWanted(assistant, "", true);
  showForm(assistant, "", true);
}

// ---- Filling in -----------------------------------------------------------------------------------------------

const fieldsOf = (form) => [...form.elements].filter((field) => field.name);
const isSender = (field) => Boolean(field.closest(".sender"));
const valueOf = (field) => (field.type === "checkbox" ? field.checked : field.value);

function fillForm(form, values) {
  for (const field of fieldsOf(form)) {
    if (isSender(field) || !(field.name in values)) continue;
    if (field.type === "checkbox") field.checked = values[field.name];
    else field.value = values[field.name];
  }
}

const readForm = (form) => Object.fromEntries(fieldsOf(form).filter((field) => !isSender(field)).map((field) => [field.name, valueOf(field)]));

// The sender's own block is of this browser alone: it goes out with a file and with nothing else.
function fillSenders(root = document) {
  const kept = readKept(localStorage, SENDER);
  for (const field of $$(".sender [name]", root)) {
    if (field !== document.activeElement && field.name in kept) field.value = kept[field.name];
  }
}

function readSender(block) {
  const values = $$("[name]", block).map((field) => [field.name, field.value.trim()]);
  return Object.fromEntries(values.filter(([, value]) => value));
}

document.addEventListener("input", (event) => {
  const field = event.target;
  if (!field.name || !field.closest?.("#log")) return;
  const form = field.closest("form.form");
  if (isSender(field)) {
    localStorage.setItem(SENDER, JSON.stringify({ ...readKept(localStorage, SENDER), [field.name]: field.value }));
    fillSenders();
  } else if (form) sessionStorage.setItem(formName(form), JSON.stringify(readForm(form)));
  if (field.getAttribute("aria-invalid") && form) mark(field, explainField(field, form));
});

// What the browser finds wrong, in the page's language; what it cannot know the server says at the same place.
function explainField(field, form) {
  const { validity } = field;
  const said = JSON.parse(form.dataset.words);
  const bound = (limit) => ({ value: field.type === "date" ? new Date(limit).toLocaleDateString(locale(), { timeZone: "UTC" }) : limit });
  if (validity.valid) return "";
  if (validity.valueMissing) return said.required;
  if (validity.typeMismatch) return said.email_wrong;
  if (validity.rangeUnderflow) return fill(said.least, bound(field.min));
  if (validity.rangeOverflow) return fill(said.most, bound(field.max));
  if (validity.badInput) return field.type === "number" ? said.number_wrong : said.incomplete;
  return field.validationMessage;
}

function mark(field, sentence) {
  const place = field.closest(".field").querySelector(".fault");
  if (place.textContent !== sentence) place.textContent = sentence;
  if (sentence) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

// Shows each finding at its field, and goes to the first.
function showFindings(form, findings, sentence = "") {
  const lost = Object.keys(findings).filter((name) => !form.elements[name]).map((name) => findings[name]);
  for (const field of fieldsOf(form)) mark(field, findings[field.name] || "");
  $("[data-fault]", form).textContent = [sentence, ...lost].filter(Boolean).join(" ");
  const first = fieldsOf(form).find((field) => findings[field.name]);
  if (!first) return;
  const block = first.closest("details");
  if (block) block.open = true;
  first.focus();
  first.closest(".field").scrollIntoView({ block: "nearest", behavior: motion() });
  const label = $("label", first.closest(".field")).textContent.replace("*", "").trim();
  announce(`${label}. ${findings[first.name]}`);
}

async function sendForm(form) {
  const findings = Object.fromEntries(fieldsOf(form).map((field) => [field.name, explainField(field, form)]).filter(([, said]) => said));
  showFindings(form, findings);
  if (Object.keys(findings).length) return;
  if (document.body.classList.contains("needs-notice")) { $("#accept")?.focus(); return; }
  if (mayNotSend()) { isSentThen = false; return; }
  const values = readForm(form);
  if (form.dataset.document) values.document = form.dataset.document;
  const body = { assistant: form.dataset.assistant, channel: "page", form: values };
  const key = JSON.stringify(body);
  const button = $("[type=submit]", form);
  if (begun?.key !== key) {
    button.disabled = true;
    const { isOk, status, data, code } = await call("api/start_chat", body);
    button.disabled = false;
    if (!isOk) {
      const sentence = data.error?.fields ? "" : status ? data.error?.explanation || words[code] || data.error?.message || words.form_failed : words.form_failed;
      showFindings(form, data.error?.fields || {}, sentence);
      return;
    }
    begun = { key, thread: data.thread_id, message: data.message, form: formName(form) };
  }
  tell(begun.thread, begun.message);
}

// Asks in a thread what does not stand in the box.
function tell(thread, text) {
  startSending(null);
  fillField($("#thread textarea"), thread);
  trigger("again", `text:${text}`);
  focusBox();
}

// The first turn of a thread that a form has begun: the form is done with.
function endForm(thread) {
  if (begun?.thread !== thread) return;
  sessionStorage.removeItem(begun.form);
  begun = null;
  document.body.classList.remove("is-form");
  setWanted("");
  dressBox("writer");
}

// ---- Drafts ---------------------------------------------------------------------------------------------------

// What the tester wrote over a draft is put back after the server has shown it anew.
function dressDrafts() {
  for (const draft of $$("#log .draft")) {
    const turn = draft.closest(".turn");
    const kept = sessionStorage.getItem(editName(turn.dataset.turn));
    const field = $(".wording", draft);
    const isEdited = kept !== null;
    if (isEdited && field.value !== kept) field.value = kept;
    field.hidden = !isEdited;
    $(".own", draft).hidden = !isEdited;
    turn.classList.toggle("is-edited", isEdited);
    const button = $("[data-do=edit]", draft);
    if (!button) continue;
    button.dataset.edit ||= button.textContent;
    button.textContent = isEdited ? button.dataset.other : button.dataset.edit;
    button.setAttribute("aria-pressed", String(isEdited));
  }
  fillSenders(log());
}

document.addEventListener("input", ({ target }) => {
  if (target.matches?.(".wording")) sessionStorage.setItem(editName(target.closest(".turn").dataset.turn), target.value);
});

function editDraft(button) {
  const turn = button.closest(".turn");
  const name = editName(turn.dataset.turn);
  const field = $(".wording", turn);
  if (sessionStorage.getItem(name) === null) sessionStorage.setItem(name, field.defaultValue);
  else sessionStorage.removeItem(name);
  dressDrafts();
  if (field.hidden) button.focus();
  else { field.focus(); field.setSelectionRange(0, 0); }
  isFollowing = false;
}

const wordingOf = (turn) => sessionStorage.getItem(editName(turn.dataset.turn)) ?? $(".wording", turn).defaultValue;
const isEdited = (turn) => sessionStorage.getItem(editName(turn.dataset.turn)) !== null;
const plainWording = (turn) => wordingOf(turn).replace(/\*\*(.+?)\*\*/g, "$1").trim();

function copyDraft(button) {
  const turn = button.closest(".turn");
  const rich = document.createElement("div");
  for (const part of wordingOf(turn).trim().split(/\n{2,}/)) {
    const line = document.createElement("p");
    part.split("\n").forEach((text, at) => {
      if (at) line.append(document.createElement("br"));
      text.split(/\*\*(.+?)\*\*/).forEach((piece, place) => line.append(place % 2 ? make("strong", "", piece) : piece));
    });
    rich.append(line);
  }
  copy(button, plainWording(turn), rich.innerHTML);
}

function tellDraft(button, sentence) {
  const draft = button.closest(".draft");
  $(":scope > .fault", draft).textContent = sentence;
}

async function saveFile(button, path, body) {
  const draft = button.closest(".draft");
  tellDraft(button, "");
  button.disabled = true;
  try {
    const options = body ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {};
    const response = await fetch(path, options);
    if (!response.ok) {
      const { error } = await response.json().catch(() => ({}));
      const said = error?.fields ? Object.values(error.fields).join(" ") : error?.explanation || words[error?.code];
      tellDraft(button, said || draft.dataset.failed);
      return;
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") || "")?.[1] || "draft";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch {
    tellDraft(button, words.no_network);
  } finally {
    button.disabled = false;
    button.focus();
  }
}

function saveDraft(button) {
  const turn = button.closest(".turn");
  const body = { format: button.dataset.format };
  const sender = readSender($(".draft", turn));
  if (Object.keys(sender).length) body.sender = sender;
  if (isEdited(turn)) body.text = wordingOf(turn);
  return saveFile(button, `api/messages/${encodeURIComponent(turn.dataset.turn)}/file`, body);
}

function saveBooklet(button) {
  return saveFile(button, `api/thread/${encodeURIComponent(current)}/booklet.${button.dataset.format}`);
}

// The subject is the first line, by the convention of drafts.
function openMail(button) {
  const [first, ...rest] = plainWording(button.closest(".turn")).split("\n");
  const subject = /^[^:]{2,12}:\s*(.+)$/.exec(first)?.[1];
  const text = (subject ? rest : [first, ...rest]).join("\r\n").trim();
  const query = `subject=${encodeURIComponent(subject || "")}&body=${encodeURIComponent(text)}`;
  const address = `mailto:${encodeURIComponent(button.dataset.to).replace("%40", "@")}?${query}`;
  const isLong = address.length > LONGEST_LINK;
  tellDraft(button, isLong ? button.closest(".draft").dataset.long : "");
  if (isLong) return;
  const link = document.createElement("a");
  link.href = address;
  link.click();
}
