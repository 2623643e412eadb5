// Forms and drafts: the server renders them, the browser checks, keeps what was filled in and edited, and saves files.
const fieldsOf = (form) => [...form.elements].filter((field) => field.name);
const isSender = (field) => Boolean(field.closest(".sender"));
const readFields = (form, ofSender = false) => Object.fromEntries(fieldsOf(form)
  .filter((field) => isSender(field) === ofSender)
  .map((field) => [field.name, field.type === "checkbox" ? field.checked : field.value]));
const formName = (form) => `form ${form.dataset.assistant} ${form.dataset.document}`;
const editName = (turn) => `edit ${turn.id}`;

// The sender's own block stays in this browser: it goes out with a file and with nothing else.
function fillForm(form) {
  form.noValidate = true;
  const kept = { ...JSON.parse(tabMemory(formName(form)) || "{}"), ...memory.read().sender };
  for (const field of fieldsOf(form)) {
    if (field.name in kept) field[field.type === "checkbox" ? "checked" : "value"] = kept[field.name];
  }
}

function keepField({ target }) {
  const { form } = target;
  if (target.matches(".wording")) tabMemory(editName(turnOf(target)), target.value);
  if (!form?.dataset.words) return;
  if (isSender(target)) memory.write({ sender: readFields(form, true) });
  else tabMemory(formName(form), JSON.stringify(readFields(form)));
  if (target.ariaInvalid) mark(target, explainField(target));
}

// What the browser finds wrong, in the reader's language; what it cannot know the server says at the same place.
function explainField({ validity, form, type, min, max, validationMessage }) {
  const said = JSON.parse(form.dataset.words);
  const bound = (text, limit) => text.replace("{value}", type === "date" ? new Date(limit).toLocaleDateString(language, { timeZone: "UTC" }) : limit);
  if (validity.valid) return "";
  if (validity.valueMissing) return said.required;
  if (validity.typeMismatch) return said.email_wrong;
  if (validity.rangeUnderflow) return bound(said.least, min);
  if (validity.rangeOverflow) return bound(said.most, max);
  return validity.badInput ? said[type === "number" ? "number_wrong" : "incomplete"] : validationMessage;
}

function mark(field, sentence) {
  field.closest(".field").querySelector(".fault").textContent = sentence;
  field.ariaInvalid = sentence ? "true" : null;
}

function showFindings(form, findings) {
  let first;
  for (const field of fieldsOf(form)) {
    mark(field, findings[field.name] || "");
    if (findings[field.name]) first ??= field;
  }
  if (!first) return;
  const block = first.closest("details");
  if (block) block.open = true;
  first.focus();
}

async function sendForm(form) {
  const findings = {};
  for (const field of fieldsOf(form)) {
    const sentence = explainField(field);
    if (sentence) findings[field.name] = sentence;
  }
  showFindings(form, findings);
  if (Object.keys(findings).length || isBusy()) return;
  if (needsNotice()) return takeFocus();
  const values = readFields(form);
  const kind = form.dataset.document;
  try {
    await takeThread(kind ? { ...values, document: kind } : values);
  } catch (fault) {
    if (!fault.fields) throw fault;
    return showFindings(form, fault.fields);
  }
  state.recipient = values.recipient_email;
  tabMemory(formName(form), "");
  ask(state.opening);
}

function choose(assistant, kind = "") {
  remember({ choice: [assistant, kind] });
  return attempt(async () => {
    await readConfig();
    nameParts();
    drawLog();
    drawFoot();
    const part = ui.log.querySelector(".choice, .form");
    if (!part) return takeFocus();
    ui.log.scrollTop = part.offsetTop - 14;
    return ui.log.focus();
  });
}

// ---- A draft --------------------------------------------------------------------------------------------------

// A textarea in place of the draft holds what was edited by hand.
function drawDraft(turn) {
  const draft = build(turn.draft.html, true);
  const kept = tabMemory(editName(turn));
  const [field, hint, edit] = [".wording", ".own", "[data-do=edit]"].map((part) => draft.querySelector(part));
  field.hidden = hint.hidden = !kept;
  if (kept) {
    field.value = kept;
    edit.textContent = edit.dataset.other;
  }
  return draft;
}

const lastDraft = () => state.turns.findLast((turn) => turn.draft)?.draft;

// Below what was declined, the wishes for the draft that stands; a letter's that was declined would be again.
function drawOffer({ question }) {
  const draft = lastDraft();
  const wishes = draft && build(draft.html, true).querySelector(".wishes");
  if (draft?.layout !== "story") wishes?.querySelectorAll("[data-do=say]").forEach((wish) => wish.textContent === question && wish.remove());
  return wishes;
}

const wordingOf = (element) => element.closest(".draft").querySelector(".wording");

async function save(response) {
  const address = URL.createObjectURL(await response.blob());
  const [, name] = /filename="([^"]+)/.exec(response.headers.get("content-disposition")) || [];
  h("a", { href: address, download: name || "draft" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

const writing = {
  assistant: (element) => choose(element.dataset.assistant),
  kind: (element) => choose(state.config.assistant.name, element.dataset.document),
  kinds: () => choose(state.config.assistant.name),
  write: (form) => attempt(() => sendForm(form)),
  say: (element) => ask(element.textContent),
  edit(element) {
    const turn = turnOf(element);
    const field = wordingOf(element);
    const text = field.defaultValue;
    tabMemory(editName(turn), field.hidden ? text : "");
    field.value = text;
    drawTurnOf(turn);
    if (!field.hidden) field.focus();
  },
  copyDraft(element) {
    const text = wordingOf(element).value.trim();
    const rich = text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/\*\*(.+?)\*\*/g, "<b>$1</b>")
      .split(/\n{2,}/).map((part) => `<p>${part.replace(/\n/g, "<br>")}</p>`).join("");
    return copy(element, text.replace(/\*\*/g, ""), rich);
  },
  file: (element) => attempt(async () => {
    const { format } = element.dataset;
    const turn = turnOf(element);
    const body = { format, text: tabMemory(editName(turn)) || undefined, sender: memory.read().sender };
    await save(await call(`/api/messages/${turn.id}/file`, body));
  }),
  booklet: ({ dataset }) => attempt(() => keep(`booklet.${dataset.format}`)),
  mail(element) {
    const draft = element.closest(".draft");
    const [, subject, text] = /^(?:[^:\n]{2,12}:\s*(.*)\n+)?([^]*)$/.exec(wordingOf(element).value.replace(/\*\*/g, ""));
    const address = `mailto:${encodeURIComponent(state.recipient || "")}?subject=${encodeURIComponent(subject || "")}&body=${encodeURIComponent(text)}`;
    const isLong = address.length > 1900;
    draft.lastElementChild.textContent = isLong ? draft.dataset.long : "";
    if (!isLong) h("a", { href: address }).click();
  },
};
