// The chat page. The server renders every turn; this puts what it sends into #log without losing what the tester
// opened, selected or typed, and sees to scrolling, copying, verdicts, retry and counting down.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const seen = new WeakSet();
  let words = {};
  let isSending = false;
  let sendingTimer = 0;
  let isFollowing = true;

  const log = () => $("#log");
  const box = () => $("#box textarea");
  const openTurn = () => $("#log .turn.is-pending, #log .turn.is-streaming");

  // ---- What the server sent -----------------------------------------------------------------------------------

  function readFeeds() {
    readBrand();
    for (const id of ["feed-log", "feed-turn"]) {
      const template = $(`#${id} template[data-feed]`);
      if (!template || seen.has(template) || !log()) continue;
      seen.add(template);
      remember(template.dataset.thread);
      if (template.dataset.feed === "log") showLog(template.content);
      else showTurn(template.content);
    }
    markState();
  }

  function readBrand() {
    const brand = $("#brand .brand");
    if (!brand || seen.has(brand)) return;
    seen.add(brand);
    words = JSON.parse(brand.dataset.words);
    document.documentElement.lang = brand.dataset.language;
    document.title = $("h1", brand).textContent;
    document.body.classList.add("is-ready");
  }

  function showLog(content) {
    log().replaceChildren(content.cloneNode(true));
    isSending = false;
    isFollowing = true;
    follow();
  }

  function showTurn(content) {
    const fresh = content.firstElementChild;
    if (!fresh) return;
    let target = $(".transcript", log());
    if (!target) {
      target = document.createElement("div");
      target.className = "transcript";
      log().replaceChildren(target);
    }
    const old = target.querySelector(`[data-turn="${CSS.escape(fresh.dataset.turn)}"]`);
    if (old) morph(old, fresh);
    else {
      $(".welcome", target)?.remove();
      target.append(fresh.cloneNode(true));
      isFollowing = true;
    }
    isSending = false;
    follow();
  }

  // Changes only what differs, so that a selection, an opened passage and the focus outlive the next piece.
  function morph(old, fresh) {
    if (old.isEqualNode(fresh)) return;
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

  function remember(thread) {
    const url = new URL(location.href);
    if (thread) url.searchParams.set("thread", thread);
    if (url.href !== location.href) history.replaceState(null, "", url);
  }

  function markState() {
    const alert = $("#alert .alert");
    if (alert && !seen.has(alert)) {
      seen.add(alert);
      isSending = false;
    }
    const isBusy = Boolean(openTurn()) || isSending;
    const classes = document.body.classList;
    classes.toggle("is-busy", isBusy);
    classes.toggle("needs-notice", Boolean($("#notice-text .notice")));
    // The end of the conversation is told once its last answer is there.
    classes.toggle("is-over", $("#allowance .allowance")?.dataset.active === "false" && !isBusy);
    log()?.setAttribute("aria-busy", String(Boolean(openTurn())));
    countCharacters();
  }

  // ---- Sending ------------------------------------------------------------------------------------------------

  function mayNotSend() {
    return isSending || Boolean(openTurn()) || document.body.classList.contains("needs-notice");
  }

  function startSending() {
    isSending = true;
    clearTimeout(sendingTimer);
    // The server always answers; should it be gone, the box must not stay locked.
    sendingTimer = setTimeout(() => { isSending = false; markState(); }, 8000);
    document.body.classList.add("is-busy");
  }

  function refuse(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  // On the way down, before Gradio hears of it: one question at a time, by button and by Enter alike.
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#send")) return;
    if (mayNotSend() || !box()?.value.trim()) { refuse(event); box()?.focus(); } else startSending();
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.target !== box() || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    if (mayNotSend() || !box().value.trim()) refuse(event); else startSending();
  }, true);

  function askAgain(reference) {
    if (document.body.classList.contains("needs-notice")) { $("#accept")?.focus(); return; }
    if (mayNotSend()) return;
    const field = $("#again textarea");
    field.value = reference;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    startSending();
    // Gradio takes the value over in its next update.
    setTimeout(() => $("#again-send").click(), 60);
  }

  function countCharacters() {
    const composer = $("#composer");
    const max = Number($("#brand .brand")?.dataset.max || 0);
    if (!composer || !max || !box()) return;
    const length = [...box().value].length;
    composer.dataset.count = length > max * 0.8 ? `${length} / ${max}` : "";
    composer.classList.toggle("is-long", length > max);
    composer.classList.toggle("is-empty", !box().value.trim());
  }
  document.addEventListener("input", (event) => { if (event.target === box()) countCharacters(); });

  // ---- Reading ------------------------------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const hit = (selector) => event.target.closest?.(selector);
    const cite = hit("a[data-cite]");
    if (cite && hit("#log")) { event.preventDefault(); openSource(cite); return; }
    if (hit(".copy-code")) return copy(hit(".copy-code"), $("code", hit(".code")).textContent);
    if (hit(".copy-answer")) return copy(hit(".copy-answer"), readAnswer(hit(".answer")));
    if (hit(".example")) return askAgain(`example:${hit(".example").dataset.example}`);
    if (hit(".retry")) return askAgain(hit(".retry").dataset.retry);
    if (hit(".thumb")) return judge(hit(".thumb"));
    if (hit(".chip")) return chooseReason(hit(".chip"));
    if (hit("[data-close]")) { hit("form.verdict").hidden = true; return; }
    if (hit("#logout")) return logOut();
    if (hit("#accept")) setTimeout(() => box()?.focus(), 400);
    if (hit("#new")) setTimeout(() => box()?.focus(), 200);
  });

  function openSource(cite) {
    const source = cite.closest(".turn").querySelector(`.sources .source[data-number="${cite.dataset.cite}"]`);
    if (!source) return;
    source.open = true;
    isFollowing = false;
    source.scrollIntoView({ block: "nearest", behavior: motion() });
    source.classList.remove("is-lit");
    requestAnimationFrame(() => source.classList.add("is-lit"));
    $("summary", source).focus({ preventScroll: true });
  }

  function readAnswer(answer) {
    const text = $(".answer-text", answer).cloneNode(true);
    text.querySelectorAll(".code-head").forEach((node) => node.remove());
    for (const mark of text.querySelectorAll("sup.cite")) {
      const before = mark.previousSibling;
      if (before?.nodeType === Node.TEXT_NODE) before.data = before.data.trimEnd();
      mark.remove();
    }
    // Line breaks are of the layout: only what is in the page has one.
    text.className = "sr-only";
    document.body.append(text);
    const plain = text.innerText.trim().replace(/\n{3,}/g, "\n\n");
    text.remove();
    return plain;
  }

  async function copy(button, text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = document.createElement("textarea");
      field.value = text;
      field.className = "sr-only";
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    button.classList.add("is-done");
    const isText = !button.firstElementChild;
    if (isText) button.textContent = words.copied;
    setTimeout(() => { button.classList.remove("is-done"); if (isText) button.textContent = words.copy; }, 1600);
  }

  // ---- Verdicts -----------------------------------------------------------------------------------------------

  function judge(thumb) {
    const answer = thumb.closest(".answer");
    const value = Number(thumb.dataset.value);
    for (const other of answer.querySelectorAll(".thumb")) other.setAttribute("aria-pressed", String(other === thumb));
    const form = $("form.verdict", answer);
    form.hidden = false;
    form.classList.toggle("is-down", value < 0);
    const field = $("textarea", form);
    field.placeholder = value < 0 ? field.dataset.down : field.dataset.up;
    if (value > 0) form.querySelectorAll(".chip").forEach((chip) => chip.setAttribute("aria-pressed", "false"));
    save(answer, false);
    form.scrollIntoView({ block: "nearest", behavior: motion() });
  }

  function chooseReason(chip) {
    const wasPressed = chip.getAttribute("aria-pressed") === "true";
    for (const other of chip.parentElement.children) other.setAttribute("aria-pressed", "false");
    chip.setAttribute("aria-pressed", String(!wasPressed));
    save(chip.closest(".answer"), false);
  }

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form.verdict");
    if (!form) return;
    event.preventDefault();
    save(form.closest(".answer"), true);
  });

  async function save(answer, isLast) {
    const form = $("form.verdict", answer);
    const value = Number($('.thumb[aria-pressed="true"]', answer)?.dataset.value || 0);
    if (!value) return;
    const body = { message_id: answer.closest(".turn").dataset.turn, value };
    const reason = $('.chip[aria-pressed="true"]', form)?.dataset.reason;
    const comment = $("textarea", form).value.trim();
    if (reason) body.reason = reason;
    if (comment) body.comment = comment;
    const isSaved = await post("api/feedback", body);
    const status = $(".saved", answer);
    status.textContent = isSaved ? words.saved : words.failed_feedback;
    status.classList.toggle("is-failed", !isSaved);
    if (isSaved && isLast) form.hidden = true;
  }

  async function post(path, body) {
    try {
      const response = await fetch(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body ?? {}),
      });
      if (response.status === 401) location.assign("login");
      return response.ok;
    } catch {
      return false;
    }
  }

  async function logOut() {
    await post("api/logout");
    location.assign("login");
  }

  // ---- Scrolling, time ----------------------------------------------------------------------------------------

  function motion() {
    return matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
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

  const ends = new WeakMap();
  setInterval(() => {
    const left = $("#allowance [data-seconds]");
    if (!left) return;
    if (!ends.has(left)) ends.set(left, Date.now() + Number(left.dataset.seconds) * 1000);
    const minutes = Math.max(0, Math.ceil((ends.get(left) - Date.now()) / 60000));
    const shown = $("b", left);
    if (shown.textContent !== String(minutes)) shown.textContent = String(minutes);
    left.classList.toggle("is-low", minutes <= 5);
    if (minutes === 0) { $("#allowance .allowance").dataset.active = "false"; markState(); }
  }, 5000);

  // An answer goes on without us: when the network or the tab is back, the page shows the rest.
  window.addEventListener("online", () => { if (openTurn()) location.reload(); });

  let isQueued = false;
  const observer = new MutationObserver(() => {
    if (isQueued) return;
    isQueued = true;
    queueMicrotask(() => { isQueued = false; readFeeds(); });
  });
  const start = () => observer.observe(document.body, { childList: true, subtree: true });
  if (document.body) start(); else document.addEventListener("DOMContentLoaded", start);
})();
