// ---- Sending: one question at a time, and never a lost word ---------------------------------------------------

const SEND_S = 8;
// When another conversation was asked for; what is sent before it is there would go into the one that is left.
let openingAt = 0;
let isSentThen = false;
let sendingTimer = 0;

function mayNotSend() {
  const classes = document.body.classList;
  // Gradio keeps silent about what it is asked to send while it waits for the network.
  if (isOffline) { showFault(words.not_sent); return true; }
  if (Date.now() - openingAt < SEND_S * 1000) { isSentThen = true; return true; }
  return isSending || Boolean(openTurn()) || classes.contains("needs-notice") || classes.contains("is-over");
}

function beginOpening() {
  openingAt = Date.now();
  isSentThen = false;
}

// What was sent meanwhile goes out now.
function endOpening() {
  openingAt = 0;
  if (isSentThen) setTimeout(() => $("#send")?.click(), 100);
  isSentThen = false;
}

function startSending(text) {
  isSending = true;
  setSent(text);
  clearFault();
  clearTimeout(sendingTimer);
  // The server always answers; should it be gone, the box must not stay locked.
  sendingTimer = setTimeout(() => {
    if (!isSending) return;
    isSending = false;
    markState();
    showFault(words.not_sent);
    lookUp();
  }, SEND_S * 1000);
  document.body.classList.add("is-busy");
}

// The question is durable: the box loses what was sent, and keeps what was typed since.
function accept() {
  isSending = false;
  clearFault();
  if (sentText !== null && box()) {
    const typed = box().value;
    if (typed.startsWith(sentText)) fillField(box(), typed.slice(sentText.length).trimStart());
    keepDraft();
    tellTabs();
  }
  setSent(null);
}

// A question that was taken although no answer came back, for want of a network, is among the turns.
function takeBack(transcript) {
  const bubble = $(".turn:last-child .bubble", transcript);
  if (sentText !== null && bubble?.textContent.trim() === sentText.trim()) accept();
  else setSent(null);
}

function refuse(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

// On the way down, before Gradio hears of it: one question at a time, by button and by Enter alike.
document.addEventListener("click", (event) => {
  if (!event.target.closest?.("#send")) return;
  if (mayNotSend() || !box()?.value.trim()) refuse(event); else startSending(box().value);
  focusBox();
}, true);
document.addEventListener("keydown", (event) => {
  if (event.target !== box() || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  if (mayNotSend() || !box().value.trim()) refuse(event); else startSending(box().value);
}, true);

// Straight to the service where the answer is known: Gradio's queue may be waiting for the network.
document.addEventListener("click", (event) => {
  const turn = openTurn()?.dataset.turn;
  if (!turn || !event.target.closest?.("#stop")) return;
  refuse(event);
  call(`api/messages/${encodeURIComponent(turn)}/stop`, {}).then(({ isOk }) => { if (!isOk) lookUp(); });
  focusBox();
}, true);

function askAgain(reference) {
  if (document.body.classList.contains("needs-notice")) { $("#accept")?.focus(); return; }
  if (mayNotSend()) { isSentThen = false; return; }
  // Nothing of the box is sent.
  startSending(null);
  trigger("again", reference);
  focusBox();
}

function countCharacters() {
  const composer = $("#composer");
  const max = Number(bar()?.dataset.max || 0);
  if (!composer || !max || !box() || !$("#count")) return;
  const length = [...box().value].length;
  const values = { length: length.toLocaleString(locale()), limit: max.toLocaleString(locale()), over: length - max };
  let text = "";
  if (length > max) text = fill(words.too_long, values);
  else if (length > max * 0.8) text = `${values.length} / ${values.limit}`;
  if ($("#count").textContent !== text) $("#count").textContent = text;
  // Read out where it becomes too long, not at every letter.
  if (length > max && !composer.classList.contains("is-long")) announce(text);
  composer.classList.toggle("is-long", length > max);
  composer.classList.toggle("is-empty", !box().value.trim());
  $("#send").setAttribute("aria-disabled", String(!box().value.trim()));
  $("#foot")?.classList.toggle("is-long", length > max);
}

// ---- Drafts: what is typed and not sent outlives a refresh, per conversation, in this tab alone ---------------

// Whose draft stands in the box.
let drafted = "";
const draftName = (thread) => `guichet-draft:${thread || NEW}`;

function keepDraft() {
  if (!drafted || !box()) return;
  if (box().value) sessionStorage.setItem(draftName(drafted), box().value);
  else sessionStorage.removeItem(draftName(drafted));
}

function takeDraft(thread) {
  if (drafted === thread) return;
  // What was typed before the page's first conversation was there belongs to it.
  const typed = drafted ? "" : box()?.value;
  drafted = thread;
  const draft = [sessionStorage.getItem(draftName(thread)), typed].filter(Boolean).join("\n");
  if (box() && box().value !== draft) fillField(box(), draft);
  else keepDraft();
}

function moveDraft(thread) {
  const draft = sessionStorage.getItem(draftName(drafted));
  sessionStorage.removeItem(draftName(drafted));
  if (draft) sessionStorage.setItem(draftName(thread), draft);
}

document.addEventListener("input", (event) => {
  if (event.target !== box()) return;
  countCharacters();
  keepDraft();
});
