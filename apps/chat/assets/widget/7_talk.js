// The conversation: coming in, asking, following an answer, taking up what was left.
const LOW = { seconds_left: 300, messages_left: 3, characters_left: 1000 };
const state = { config: null, turns: [], session: null, running: null, fault: null, thread: null, token: null };
let isFollowing = true;

const needsNotice = () => state.config && !state.isLocked && !state.config.privacy_notice.accepted && memory.read().notice !== state.config.privacy_notice.version;
const isWriting = () => Boolean(state.config?.form);
const isOver = () => state.session?.active === false && !state.running;
const turnOf = (element) => state.turns.find((turn) => turn.key === element.closest(".turn").dataset.key);

function isBusy() {
  const { pending } = memory.read();
  // Another tab asks right now; should it have died, its question does not hold this one up for ever.
  return Boolean(state.running || (pending && Date.now() - pending.at < 15000));
}

const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

// Waits longer each time, but not once the network is back.
function waitForLine(tries) {
  return Promise.race([pause(Math.min(0.5 * 2 ** tries, 15)), new Promise((resolve) => on(window, "online", resolve, { once: true }))]);
}

function setAway(isAway) {
  if (state.isAway === isAway) return;
  state.isAway = isAway;
  drawFoot();
}

async function readConfig() {
  const [choice, kind] = memory.read().choice || [];
  state.config = await read(`/api/widget?${new URLSearchParams({ assistant: BOT, choice: choice || "", document: kind || "" })}`);
  ({ language, words } = state.config);
  ui.talk.replaceSync(state.config.style);
}

async function enter() {
  state.fault = null;
  for (let tries = 0; ; tries += 1) {
    try {
      await readConfig();
      break;
    } catch (fault) {
      // The assistant that was chosen is gone.
      if (fault.code === "unknown_assistant" && memory.read().choice && !tries) {
        remember({ choice: null });
        continue;
      }
      if (fault.code !== "no_network") return complain(fault);
      setAway(true);
      await waitForLine(tries);
    }
  }
  setAway(false);
  if (memory.read().token && !state.config.logged_in) memory.forget();
  state.token = memory.read().token;
  state.isLocked = state.config.needs_login && !state.config.logged_in;
  nameParts();
  if (state.isLocked) showThread([]);
  else await loadThread();
}

function complain(fault, turn) {
  state.fault = fault;
  tell("error", { code: fault.code, trace_id: fault.trace_id || null });
  if (turn) drawTurnOf(turn);
  drawFoot();
}

// Runs what a click asks for; what fails is said.
async function attempt(deed) {
  try {
    return await deed();
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    if (fault.code === "not_logged_in") await loseLogin();
    complain(fault);
    return null;
  }
}

async function loseLogin() {
  drop();
  memory.forget();
  await enter();
}

async function logIn(password) {
  const login = await (await call("/api/login", { password })).json();
  memory.forget();
  memory.write({ token: login.token });
  await enter();
  takeFocus();
}

function drop() {
  state.running?.line?.abort();
  state.running = null;
}

function startAfresh() {
  if (state.running?.id) call(`/api/messages/${state.running.id}/stop`, null, { method: "POST" }).catch(() => {});
  drop();
  remember({ thread: null, pending: null, choice: null });
  state.thread = null;
  state.fault = null;
  showThread([]);
  if (isWriting() || state.config?.chooser) choose("");
}

// ---- History ------------------------------------------------------------------------------------------------------------

function showThread(turns, session = null) {
  state.turns = turns;
  setSession(session);
  isFollowing = true;
  drawLog();
  drawFoot();
}

function pairUp(messages) {
  const turns = [];
  for (const message of messages) {
    if (message.origin === "user") turns.push({ key: message.message_id, question: message.content, status: "interrupted" });
    else if (turns.length) {
      Object.assign(turns[turns.length - 1], {
        id: message.message_id, status: message.status, html: message.html, citations: message.citations, nearest: message.nearest,
        verdict: message.feedback, draft: message.draft, wish: message.documentation_requested && "documented", fault: message.error_code, isOver: true,
      });
    }
  }
  return turns;
}

async function loadThread() {
  drop();
  const { thread, pending } = memory.read();
  state.thread = thread;
  let [list, session] = [{ messages: [] }, null];
  if (thread) {
    try {
      [list, session] = await Promise.all([read(`/api/thread/${thread}/messages`), read(`/api/session_status?thread_id=${thread}`)]);
    } catch (fault) {
      if (fault.code === "not_logged_in") return loseLogin();
      if (fault.code === "no_network") {
        setAway(true);
        await waitForLine(2);
        return loadThread();
      }
      if (fault.code === "unknown_thread") remember({ thread: null, pending: null });
      complain(fault);
    }
  }
  setAway(false);
  state.rated = list.rating;
  state.recipient = list.form?.find(({ field }) => field === "recipient_email")?.value;
  const turns = pairUp(list.messages);
  const last = turns[turns.length - 1];
  const isRunning = list.running && last && !last.isOver;
  const isMine = pending && (pending.id ? pending.id === list.running : pending.text === last?.question);
  if (isRunning) Object.assign(last, { id: list.running, key: isMine ? pending.key : last.key, status: "pending" });
  showThread(turns, session);
  if (isRunning) run(last);
  else if (pending && turns.some((turn) => turn.id === pending.id)) remember({ pending: null });
  // No answer was heard of: the same key asks the question once, however often it is sent.
  else if (pending) run({ key: pending.key, id: pending.id, question: pending.text, isOwn: true, isResumed: true, status: "pending" });
}

// Another tab wrote: the login, the thread or the question under way may be others now.
function sync() {
  const now = memory.read();
  if ((now.token || null) !== (state.token || null)) return void (drop(), enter());
  if ((now.thread || null) !== (state.thread || null)) return void loadThread();
  if (now.pending?.id && now.pending.key !== state.running?.key) run({ key: now.pending.key, id: now.pending.id, question: now.pending.text, status: "pending" });
  drawFoot();
}

// ---- A question and its answer -----------------------------------------------------------------------------------------

function ask(text) {
  const length = [...text].length;
  const limit = state.config?.max_message_characters;
  if (!state.config || state.isLocked || isBusy() || !text.trim() || isOver()) return;
  if (needsNotice()) {
    type(text);
    return takeFocus();
  }
  if (length > limit) return complain(new Fault("message_too_long", { length, limit }));
  const turn = { key: newKey(), question: text, status: "pending", isOwn: true };
  state.fault = null;
  remember({ pending: { key: turn.key, text, at: Date.now() } });
  if (text === ui.box.value) type("");
  tell("message", { thread_id: state.thread || null, length });
  run(turn);
}

// One thread, however many tabs ask their first question at once.
function takeThread(form) {
  const take = async () => {
    const { thread } = memory.read();
    if (thread && !form) return thread;
    const begun = await (await call("/api/start_chat", { assistant: state.config.assistant.name, channel: "widget", form })).json();
    state.opening = begun.message;
    if (begun.token) memory.write({ token: begun.token });
    remember({ thread: begun.thread_id });
    // In open mode the login is made only now, after the click that it is to know of.
    if (!begun.privacy_notice.accepted) await agree();
    return begun.thread_id;
  };
  return navigator.locks ? navigator.locks.request(KEY, take) : take();
}

const agree = () => call("/api/accept_notice", { version: memory.read().notice }).catch(() => {});

async function openLine(turn) {
  const { signal } = turn.line;
  if (turn.id) return call(`/api/messages/${turn.id}/events`, null, { headers: turn.last ? { "last-event-id": turn.last } : {}, signal });
  const thread = await takeThread();
  state.thread = thread;
  state.token = memory.read().token;
  return call("/api/chat", { thread_id: thread, message: turn.question }, { headers: { accept: "text/event-stream", "idempotency-key": turn.key }, signal });
}

async function run(turn) {
  drop();
  state.running = turn;
  isFollowing = true;
  if (!state.turns.includes(turn)) state.turns.push(turn);
  drawTurnOf(turn);
  drawFoot();
  for (let tries = 0; state.running === turn; tries += 1) {
    turn.line = new AbortController();
    try {
      const response = await openLine(turn);
      tries = 0;
      setAway(false);
      if (response.status === 204) return loadThread();
      await readEvents(response, turn.line, (name, data, id) => take(turn, name, data, id));
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      if (state.running !== turn) return;
      if (turn.id && fault.code === "unknown_message") {
        // Written by another process, or not found in time: the thread knows once it is there.
        await pause(2);
        return loadThread();
      }
      if (fault.code !== "no_network") return refuse(turn, fault);
      setAway(true);
    }
    if (state.running === turn) await waitForLine(tries);
  }
}

function take(turn, name, data, id) {
  if (state.running !== turn) return;
  turn.last = id;
  if (name === "start") {
    turn.id = data.message_id;
    const { pending } = memory.read();
    if (pending?.key === turn.key) remember({ pending: { ...pending, id: turn.id } });
  } else if (name === "sources") turn.found = data.citations;
  else if (name === "html") {
    const cited = new Set([...data.html.matchAll(/data-cite="(\d+)"/g)].map((match) => +match[1]));
    Object.assign(turn, { html: data.html, status: "streaming", citations: turn.found?.filter((passage) => cited.has(passage.number)) });
  } else if (name === "done") {
    Object.assign(turn, { html: data.answer_html, status: data.status, citations: data.citations, nearest: data.nearest, draft: data.draft, isCut: data.is_cut });
    setSession(data.session);
    finish(turn);
  } else if (name === "error") {
    Object.assign(turn, { status: data.error.code === "interrupted" ? "interrupted" : "failed", fault: data.error.code });
    finish(turn);
    tell("error", { code: turn.fault, trace_id: data.error.trace_id });
    read(`/api/session_status?thread_id=${state.thread}`).then(setSession, () => {});
  }
  drawSoon(turn);
}

function finish(turn) {
  turn.isOver = true;
  state.running = null;
  if (memory.read().pending?.key === turn.key) remember({ pending: null });
  const fault = turn.status === "failed" ? explain(turn.fault) : turn.status === "interrupted" ? say("status_interrupted") : "";
  announce(fault || `${say("answer_from")}: ${plainText(turn).slice(0, 1500)}`);
  if (!ui.mode) setNews(true);
  nameParts();
  tell("answer", { thread_id: state.thread, message_id: turn.id, status: turn.status, answered: turn.status === "complete", citations: turn.citations?.length || 0 });
  drawFoot();
  if (turn.isResumed) loadThread();
}

// Nothing was written: the text goes back into the box.
function refuse(turn, fault) {
  state.running = null;
  state.turns = state.turns.filter((other) => other !== turn);
  const { pending } = memory.read();
  if (pending?.key === turn.key) remember({ pending: null });
  if (turn.isOwn) type([turn.question, ui.box.value].filter(Boolean).join("\n"));
  drawLog();
  if (fault.code === "not_logged_in") return loseLogin().then(() => state.isLocked && complain(fault));
  if (fault.code === "unknown_thread") startAfresh();
  if (fault.code === "session_full" && fault.limit === "MAX_CHARACTERS") fault.code = "session_full_characters";
  else if (/^session_/.test(fault.code)) setSession({ ...state.session, active: false });
  complain(fault);
}

// ---- Drawing ---------------------------------------------------------------------------------------------------------------

let frame = 0;
function drawSoon(turn) {
  cancelAnimationFrame(frame);
  // A hidden tab draws no frames.
  if (document.hidden) drawTurnOf(turn);
  else frame = requestAnimationFrame(() => drawTurnOf(turn));
}

function drawTurnOf(turn) {
  if (!state.turns.includes(turn)) return;
  const fresh = drawTurn(turn);
  const old = ui.log.querySelector(`[data-key="${CSS.escape(turn.key)}"]`);
  if (old) {
    const hadFocus = old.contains(focused());
    morph(old, fresh);
    // What had it may be gone, a button that was used up.
    if (hadFocus && !focused()) ui.log.focus({ preventScroll: true });
  } else {
    ui.log.querySelector(".welcome, .login")?.remove();
    ui.log.append(fresh);
  }
  follow();
}

function drawLog() {
  if (state.isLocked) ui.log.replaceChildren(drawLogin(), ui.alert);
  else if (state.turns.length) ui.log.replaceChildren(...state.turns.map(drawTurn));
  else ui.log.replaceChildren(drawWelcome());
  if (!state.isLocked) ui.foot.prepend(ui.alert);
  const form = ui.log.querySelector(".form");
  if (form) fillForm(form);
  follow();
}

function drawWelcome() {
  const { assistant: { greeting, examples }, chooser, form } = state.config;
  if (form) return h("div", { class: "welcome" }, build(chooser + form, true));
  return h("div", { class: "welcome" }, build(chooser, true), h("p", { class: "greeting" }, options.greeting || greeting),
    examples.length && [h("h3", { class: "label" }, say("examples")),
      h("ul", { class: "examples" }, examples.map((text) => h("li", {}, h("button", { type: "button", "data-do": "example" }, h("span", {}, text), icon("chevron")))))]);
}

const drawLogin = () => h("form", { class: "login", "data-do": "logIn" },
  h("h3", {}, options.greeting || say("log_in")), h("p", {}, say("login_intro")),
  h("label", {}, say("login_field"), h("input", { type: "password", name: "password", autocomplete: "current-password", required: true, maxlength: 1000 })),
  h("button", { class: "solid" }, say("login_button")));

function drawGate() {
  if (needsNotice()) {
    return h("div", { class: "notice" }, h("h3", { class: "label" }, say("notice")),
      h("div", { class: "text" }, build(state.config.privacy_notice.html)), h("div", {}, button("accept", say("accept"), "", { class: "solid" })));
  }
  if (!isOver()) return "";
  return h("div", { class: "over" }, h("p", {}, say("over")),
    h("div", { class: "stars", role: "group", "aria-label": say("rate") }, state.rated ? say("saved") : [say("rate"), [1, 2, 3, 4, 5].map((value) =>
      button("rate", "★", "", { class: "tool", "aria-label": say("stars", { value }), "data-value": value }))]),
    h("div", {}, button("fresh", say("new"), "", { class: "solid" }), button("keepPdf", "PDF", "file", { class: "plain" }), button("keepMd", "Markdown", "file", { class: "plain" })));
}

function drawFoot() {
  const gate = drawGate();
  const { fault } = state;
  ui.foot.hidden = state.isLocked || (!state.config && !fault && !state.isAway);
  const text = fault ? (fault.fields ? Object.values(fault.fields).join(" ") : fault.explanation || explain(fault.code, fault)) : state.isAway ? say("no_network") : state.warning || "";
  const sign = text ? note(text, Boolean(fault)) : "";
  if (ui.alert.textContent !== text) ui.alert.replaceChildren(sign);
  if (!gate) ui.gate.replaceChildren();
  else if (ui.gate.firstElementChild) morph(ui.gate.firstElementChild, gate);
  else ui.gate.replaceChildren(gate);
  ui.composer.hidden = Boolean(gate) || !state.config || (isWriting() && !state.turns.length);
  ui.send.hidden = Boolean(state.running);
  ui.stop.hidden = !state.running;
  ui.send.disabled = isBusy() || !ui.box.value.trim();
  if (focused()?.hidden) ui.box.focus();
  drawLeft();
}

// ---- Limits ----------------------------------------------------------------------------------------------------------------

function setSession(session) {
  state.session = session && { ...session, at: Date.now() };
  drawLeft();
}

function drawLeft() {
  const session = state.session || state.config?.session;
  ui.left.hidden = !session;
  if (!session) return;
  const gone = session.expires_at ? (Date.now() - session.at) / 1000 : 0;
  const seconds = session.seconds_left === null ? null : Math.max(0, session.seconds_left - gone);
  const low = [];
  const cells = ["seconds_left", "messages_left", "characters_left"].map((name) => {
    const value = name === "seconds_left" ? seconds : session[name];
    if (value === null) return null;
    const shown = name === "seconds_left" ? Math.ceil(value / 60) : value;
    const text = say(shown === 1 ? `${name}_one` : name, { count: shown.toLocaleString(language) });
    if (value <= LOW[name]) low.push(text);
    return h("span", { class: value <= LOW[name] && "is-low" }, text);
  });
  const length = [...ui.box.value].length;
  const max = state.config.max_message_characters;
  const count = length > max * 0.8 && h("span", { class: `count${length > max ? " is-low" : ""}` }, `${length.toLocaleString(language)} / ${max.toLocaleString(language)}`);
  const fresh = h("div", {}, cells.some(Boolean) && h("span", {}, say("left")), ...cells, count);
  if (ui.left.textContent !== fresh.textContent) ui.left.replaceChildren(...fresh.childNodes);
  if (seconds === 0) session.active = false;
  const warning = low.length && state.session?.active ? say("ends_soon", { left: low.join(", ") }) : "";
  if (state.warning === warning && state.wasOver === isOver()) return;
  Object.assign(state, { warning, wasOver: isOver() });
  drawFoot();
}

// Down to the end, but never past the last question: an answer is read from its beginning.
function follow() {
  const last = ui.log.querySelector(".turn:last-of-type");
  if (!isFollowing || !last) return;
  ui.log.scrollTop = Math.min(last.offsetTop - 14, ui.log.scrollHeight);
}
