// ---- One's own conversations, and the menu --------------------------------------------------------------------

const WIDE = 1080;
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("guichet") : null;
let listed = [];

const isNarrow = () => innerWidth < WIDE;

let isDressed = false;

// The list opens by itself where there is room for it and something to list, unless it was closed before.
function dressThreads() {
  if (isDressed || !listed.length) return;
  isDressed = true;
  if (!isNarrow() && localStorage.getItem("guichet-threads") !== "closed") showThreads(true, false);
}

function showThreads(isOpen, isWish = true) {
  document.body.classList.toggle("has-threads", isOpen);
  $("#threads-toggle")?.setAttribute("aria-expanded", String(isOpen));
  $("#veil").hidden = !isOpen;
  if (isWish && !isNarrow()) localStorage.setItem("guichet-threads", isOpen ? "open" : "closed");
  if (!isWish || !isNarrow()) return;
  if (isOpen) ($("#threads a[aria-current]") || $("#threads a") || $("#threads-toggle")).focus();
  else $("#threads-toggle").focus();
}

async function readThreads() {
  const { isOk, status, data } = await call("api/threads");
  setOffline(status === 0);
  if (isOk) { listed = data.filter((thread) => thread.messages > 0); renderThreads(); dressThreads(); }
  return isOk;
}

function renderThreads() {
  const nav = $("#threads");
  if (!nav || !words.today) return;
  const groups = new Map();
  for (const thread of listed) {
    const name = nameDay(new Date(thread.created_at));
    groups.set(name, [...(groups.get(name) || []), thread]);
  }
  const parts = [make("h2", "label", words.threads)];
  for (const [name, threads] of groups) {
    const list = make("ul");
    list.append(...threads.map(renderThread));
    parts.push(make("h3", "", name), list);
  }
  if (!listed.length) parts.push(make("p", "none", words.no_threads));
  const focused = document.activeElement?.closest?.("#threads a")?.dataset.thread;
  nav.replaceChildren(...parts);
  if (focused) $(`#threads a[data-thread="${CSS.escape(focused)}"]`)?.focus();
}

function renderThread(thread) {
  const link = make("a");
  const when = new Date(thread.created_at);
  link.href = `?thread=${encodeURIComponent(thread.thread_id)}`;
  link.dataset.thread = thread.thread_id;
  if (thread.thread_id === current) link.setAttribute("aria-current", "page");
  const time = make("time", "", when.toLocaleString(locale(), isToday(when)
    ? { hour: "2-digit", minute: "2-digit" }
    : { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }));
  time.dateTime = thread.created_at;
  link.append(make("span", "", thread.title.slice(0, 120)), time);
  const item = make("li");
  item.append(link);
  return item;
}

const isToday = (when) => when.toDateString() === new Date().toDateString();

function nameDay(when) {
  if (isToday(when)) return words.today;
  const yesterday = new Date();
  yesterday.setDate(yesterday.getDate() - 1);
  return when.toDateString() === yesterday.toDateString() ? words.yesterday : words.earlier;
}

function make(name, css = "", text = "") {
  const element = document.createElement(name);
  if (css) element.className = css;
  element.textContent = text;
  return element;
}

function openThread(thread) {
  showMenu(false);
  if (isNarrow() && document.body.classList.contains("has-threads")) showThreads(false);
  if (thread !== current || thread === NEW) {
    history.pushState(null, "", `?thread=${encodeURIComponent(thread)}`);
    clearFault();
    beginOpening();
    takeDraft(thread);
    readAgain(thread);
  }
  focusBox();
}

// Has the server send a conversation, with what came meanwhile and the answer in the making.
function readAgain(thread) {
  trigger("wanted", thread);
}

// Where the conversation is over, what still stands in the box goes along into the new one.
function startFresh() {
  if (document.body.classList.contains("is-over") && box()?.value) moveDraft(NEW);
  openThread(NEW);
}

addEventListener("popstate", () => {
  const wanted = new URL(location.href).searchParams.get("thread");
  if (!wanted || wanted === current) {
    if (current === NEW) dressWelcome();
    return;
  }
  beginOpening();
  takeDraft(wanted);
  readAgain(wanted);
});

function showMenu(isOpen) {
  const menu = $("#menu");
  if (!menu || menu.hidden === !isOpen) return;
  menu.hidden = !isOpen;
  $("#menu-toggle").setAttribute("aria-expanded", String(isOpen));
  if (isOpen) $("button, a:not([hidden])", menu).focus();
}

async function logOut() {
  await call("api/logout", {});
  sessionStorage.clear();
  localStorage.removeItem(SENDER);
  tabs?.postMessage({ isLoggedOut: true });
  location.assign("login");
}

// ---- Other tabs -----------------------------------------------------------------------------------------------

function tellTabs() {
  tabs?.postMessage({ thread: current });
}

tabs?.addEventListener("message", ({ data }) => {
  if (data.isLoggedOut) location.assign("login");
  else if (data.thread === current) readAgain(current);
  else readThreads();
});

// ---- Another device -------------------------------------------------------------------------------------------

function openHandover() {
  showMenu(false);
  $("#handover .code-shown").textContent = "";
  $("#handover .fault").textContent = "";
  $("#handover").classList.remove("has-code");
  $("#handover").showModal();
  $("#handover [data-make-code]").focus();
}

async function makeCode(button) {
  button.disabled = true;
  const { isOk, status, data, code } = await call("api/resume_code", {});
  button.disabled = false;
  if (isOk) $("#handover .code-shown").textContent = data.code;
  else $("#handover .fault").textContent = explainCall({ status, data, code });
  $("#handover").classList.toggle("has-code", isOk);
}

async function takeCode(form) {
  const { isOk, status, data, code } = await call("api/resume", { code: $("input", form).value.trim() });
  if (isOk) { location.assign("."); return; }
  $(".fault", form).textContent = explainCall({ status, data, code });
  $("input", form).select();
}
