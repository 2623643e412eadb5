// ---- What the server sent: a bar, conversations, turns, what is left ------------------------------------------

let isFollowing = true;
let fedAt = Date.now();

function readFeeds() {
  readBar();
  for (const id of ["feed-log", "feed-turn", "feed-left"]) {
    const template = $(`#${id} template[data-feed]`);
    if (!template || seen.has(template) || !log()) continue;
    seen.add(template);
    fedAt = Date.now();
    const thread = template.dataset.thread;
    if (template.dataset.feed === "log") showLog(template, thread);
    else if (isWanted(thread)) {
      if (template.dataset.feed === "turn") showTurn(template.content, thread);
      else showLeft(template.content);
    }
  }
  markState();
}

// A new conversation gets its name with its first turn.
function isWanted(thread) {
  return thread === current || (current === NEW && !left.has(thread));
}

function readBar() {
  const found = bar();
  if (!found || seen.has(found)) return;
  seen.add(found);
  words = JSON.parse(found.dataset.words);
  document.documentElement.lang = found.dataset.language;
  document.title = $("h1", found).textContent;
  for (const name of ["ending", "closing"]) {
    $(`#${name}`).replaceChildren($(`template[data-part=${name}]`, found).content.cloneNode(true));
  }
  for (const name of ["handover", "prompts"]) {
    $(`#${name}`)?.remove();
    document.body.append($(`template[data-part=${name}]`, found).content.cloneNode(true));
  }
  $("#threads").setAttribute("aria-label", words.threads);
  document.body.classList.add("is-ready");
  renderThreads();
}

function showLog(template, thread) {
  if (isFillingIn(thread)) { isSending = false; endOpening(); return; }
  const isSame = thread === current && thread !== NEW;
  if (!isSame) {
    if (current) { left.add(current); setSent(null); }
    left.delete(thread);
    current = thread;
    isFollowing = true;
    takeDraft(thread);
  }
  const old = $(".transcript", log());
  const fresh = template.content.firstElementChild;
  const wasOpen = isSame && openTurn()?.dataset.turn;
  if (isSame && old) morph(old, fresh);
  else log().replaceChildren(fresh.cloneNode(true));
  isSending = false;
  takeBack(fresh);
  if (wasOpen) tellEnd($(`[data-turn="${CSS.escape(wasOpen)}"]`, log()));
  dressEnding(template.dataset.rating);
  nameHead(template.dataset.title, template.dataset.about);
  dressBox(template.dataset.work);
  dressWelcome();
  dressDrafts();
  endOpening();
  remember();
  follow();
  readThreads();
}

function showTurn(content, thread) {
  const fresh = content.firstElementChild;
  if (!fresh) return;
  let target = $(".transcript", log());
  if (!target) {
    target = document.createElement("div");
    target.className = "transcript";
    log().replaceChildren(target);
  }
  const name = CSS.escape(fresh.dataset.turn);
  const old = target.querySelector(`[data-turn="${name}"]`);
  if (old) {
    const wasOpen = old.matches(".is-pending, .is-streaming");
    // An update that was overtaken by the end does not open the turn again.
    if (!wasOpen && fresh.matches(".is-pending, .is-streaming")) return;
    morph(old, fresh);
    if (wasOpen) tellEnd($(`[data-turn="${name}"]`, target));
  } else {
    $(".welcome", target)?.remove();
    target.append(fresh.cloneNode(true));
    isFollowing = true;
    if (current === NEW) { moveDraft(thread); drafted = thread; current = thread; dressEnding(""); }
    accept();
    remember();
    endForm(thread);
    readThreads();
  }
  dressDrafts();
  follow();
}

function showLeft(content) {
  $("#left").replaceChildren($(".allowance", content).cloneNode(true));
  showWarnings($$(".warnings > p", content));
}

// A finished answer is news once; nothing is read out while it comes.
function tellEnd(turn) {
  if (!turn || turn.matches(".is-pending, .is-streaming")) return;
  const who = $(".who", turn).innerText.replace(/\s+/g, " ");
  const note = $(".note", turn)?.innerText || "";
  announce(`${who}: ${[note, $(".answer-text", turn) ? readAnswer($(".answer", turn)) : ""].filter(Boolean).join(" ")}`);
  readThreads();
}

// Changes only what differs, so that a selection, an opened passage and the focus outlive the next piece.
function morph(old, fresh) {
  if (old.isEqualNode(fresh) || (old.nodeName === "FORM" && !old.hidden)) return;
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh.cloneNode(true));
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (fresh.data.startsWith(old.data)) old.appendData(fresh.data.slice(old.length));
    else old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(old.nodeName === "DETAILS" && name === "open")) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const before = [...old.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((node, index) => {
    if (before[index]) morph(before[index], node);
    else old.append(node.cloneNode(true));
  });
  before.slice(after.length).forEach((node) => node.remove());
}

function remember() {
  const url = new URL(location.href);
  url.searchParams.set("thread", current);
  if (url.href !== location.href) history.replaceState(null, "", url);
}

function markState() {
  const alert = $("#alert .alert");
  if (alert && !seen.has(alert)) {
    seen.add(alert);
    isSending = false;
    openingAt = 0;
    setSent(null);
  }
  const isBusy = Boolean(openTurn()) || isSending;
  const classes = document.body.classList;
  classes.toggle("is-busy", isBusy);
  classes.toggle("needs-notice", Boolean($("#notice-text .notice")));
  // The end of the conversation is told once its last answer is there.
  const isOver = $("#left .allowance")?.dataset.active === "false" && !isBusy;
  if (isOver !== classes.contains("is-over")) showEnd(isOver);
  log()?.setAttribute("aria-busy", String(Boolean(openTurn())));
  countCharacters();
}

// Down to the end, but never past the last question: an answer is read from its beginning.
function follow() {
  const pane = $("#stage");
  if (!isFollowing || !pane) return;
  requestAnimationFrame(() => {
    const last = $("#log .turn:last-child");
    const top = last ? last.getBoundingClientRect().top - pane.getBoundingClientRect().top + pane.scrollTop - 18 : 0;
    pane.scrollTop = Math.min(top, pane.scrollHeight - pane.clientHeight);
  });
}

// Who scrolls while an answer comes reads; the next question is followed again.
for (const name of ["wheel", "touchmove"]) {
  document.addEventListener(name, (event) => {
    if (event.target.closest?.("#stage")) isFollowing = false;
  }, { passive: true });
}
