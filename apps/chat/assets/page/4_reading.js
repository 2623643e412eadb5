// ---- Reading: citations, copies, verdicts, requests -----------------------------------------------------------

const DEEDS = [
  ["#log a[data-cite]", openSource],
  [".copy-code", (button) => copy(button, $("code", button.closest(".code")).textContent)],
  ["[data-do=assistant]", chooseAssistant],
  ["[data-do=kind]", chooseKind],
  ["[data-do=kinds]", leaveForm],
  ["[data-do=say]", (button) => { if (!mayNotSend()) tell(current, button.textContent); }],
  ["[data-do=edit]", editDraft],
  ["[data-do=copyDraft]", copyDraft],
  ["[data-do=file]", saveDraft],
  ["[data-do=booklet]", saveBooklet],
  ["[data-do=mail]", openMail],
  [".copy-answer", (button) => copy(button, readAnswer(button.closest(".answer")))],
  [".example", (button) => askAgain(`example:${button.dataset.example}`)],
  [".retry", (button) => askAgain(button.dataset.retry)],
  [".thumb", judge],
  [".chip", chooseReason],
  [".request-documentation", requestDocumentation],
  ["form.verdict [data-close]", (button) => closeVerdict(button.closest("form"))],
  ["[data-dismiss]", (button) => { button.closest(".alert").hidden = true; focusBox(); }],
  ["#fresh, [data-fresh]", startFresh],
  ["[data-to-end]", showEnding],
  ["#threads a[data-thread]", (link) => openThread(link.dataset.thread)],
  ["#threads-toggle", () => showThreads(!document.body.classList.contains("has-threads"))],
  ["#veil", () => showThreads(false)],
  ["#menu-toggle", () => showMenu($("#menu").hidden)],
  ["#handover-open", openHandover],
  ["[data-make-code]", makeCode],
  ["[data-close-dialog]", (button) => button.closest("dialog").close()],
  ["[data-do=prompts]", openPrompts],
  ["[data-do=newPrompt]", () => showPrompt(null)],
  ["[data-do=openPrompt]", (button) => showPrompt(prompts.find((one) => one.prompt_id === button.dataset.prompt))],
  ["[data-do=removePrompt]", removePrompt],
  ["[data-do=leavePrompt]", () => { leavePrompt(); $("#prompts [data-do=newPrompt]").focus(); }],
  ["#logout", logOut],
  [".skip", () => box()?.focus()],
];

document.addEventListener("click", (event) => {
  if (!event.target.closest || event.defaultPrevented) return;
  if (!event.target.closest(".menu")) showMenu(false);
  // A link to a conversation opens in another tab where the browser is told so.
  const isElsewhere = event.ctrlKey || event.metaKey || event.shiftKey;
  for (const [selector, deed] of DEEDS) {
    const hit = event.target.closest(selector);
    if (!hit || (isElsewhere && hit.matches("#threads a"))) continue;
    if (hit.matches("a")) event.preventDefault();
    deed(hit);
    return;
  }
  if (event.target.closest("[data-copy]")) showMenu(false);
  if (event.target.closest("#accept")) setTimeout(focusBox, 400);
  if (event.target.closest("#stop")) focusBox();
});

// Escape closes what was opened last; a dialog does so by itself.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || $("dialog[open]")) return;
  const form = event.target.closest?.("form.verdict");
  const source = event.target.closest?.("details.source[open]");
  if ($("#menu") && !$("#menu").hidden) { showMenu(false); $("#menu-toggle").focus(); }
  else if (form) closeVerdict(form);
  else if (source) { source.open = false; $("summary", source).focus(); }
  else if (document.body.classList.contains("has-threads") && isNarrow()) showThreads(false);
  else if (event.target !== box()) focusBox();
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

async function copy(button, text, html = "") {
  try {
    if (html) await navigator.clipboard.write([new ClipboardItem(packCopy(text, html))]);
    else await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "sr-only";
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  button.classList.add("is-done");
  const isText = !button.firstElementChild;
  if (isText) button.textContent = words.copied;
  announce(words.copied);
  setTimeout(() => { button.classList.remove("is-done"); if (isText) button.textContent = words.copy; }, 1600);
}

const packCopy = (text, html) => Object.fromEntries(
  [["text/plain", text], ["text/html", html]].map(([type, content]) => [type, new Blob([content], { type })]),
);

function judge(thumb) {
  const answer = thumb.closest(".answer");
  const value = Number(thumb.dataset.value);
  for (const other of $$(".thumb", answer)) other.setAttribute("aria-pressed", String(other === thumb));
  const form = $("form.verdict", answer);
  form.hidden = false;
  form.classList.toggle("is-down", value < 0);
  const field = $("textarea", form);
  field.placeholder = value < 0 ? field.dataset.down : field.dataset.up;
  if (value > 0) $$(".chip", form).forEach((chip) => chip.setAttribute("aria-pressed", "false"));
  saveVerdict(answer, false);
  form.scrollIntoView({ block: "nearest", behavior: motion() });
}

function chooseReason(chip) {
  const wasPressed = chip.getAttribute("aria-pressed") === "true";
  for (const other of chip.parentElement.children) other.setAttribute("aria-pressed", "false");
  chip.setAttribute("aria-pressed", String(!wasPressed));
  saveVerdict(chip.closest(".answer"), false);
}

function closeVerdict(form) {
  form.hidden = true;
  $('.thumb[aria-pressed="true"]', form.closest(".answer"))?.focus();
}

async function saveVerdict(answer, isLast) {
  const form = $("form.verdict", answer);
  const value = Number($('.thumb[aria-pressed="true"]', answer)?.dataset.value || 0);
  if (!value) return;
  const body = { message_id: answer.closest(".turn").dataset.turn, value };
  const reason = $('.chip[aria-pressed="true"]', form)?.dataset.reason;
  const comment = $("textarea", form).value.trim();
  if (reason) body.reason = reason;
  if (comment) body.comment = comment;
  const { isOk } = await call("api/feedback", body);
  const status = $(".saved", answer);
  status.textContent = isOk ? words.saved : words.failed_feedback;
  status.classList.toggle("is-failed", !isOk);
  if (isOk && isLast) closeVerdict(form);
}

async function requestDocumentation(button) {
  button.disabled = true;
  const { isOk } = await call(`api/messages/${button.closest(".turn").dataset.turn}/request_documentation`, {});
  const line = document.createElement("p");
  line.className = isOk ? "documented" : "documented is-failed";
  line.setAttribute("role", "status");
  line.tabIndex = -1;
  line.append(button.firstElementChild.cloneNode(true), document.createElement("span"));
  line.lastElementChild.textContent = isOk ? words.documented : words.failed_feedback;
  if (isOk) {
    button.parentElement.replaceWith(line);
    line.focus();
  } else {
    button.parentElement.querySelector(".documented")?.remove();
    button.after(line);
    button.disabled = false;
  }
  announce(line.textContent);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form.verdict, form.rating, form.resume, form.form, form.prompt")) return;
  event.preventDefault();
  if (form.matches(".verdict")) saveVerdict(form.closest(".answer"), true);
  else if (form.matches(".rating")) rate(form);
  else if (form.matches(".form")) sendForm(form);
  else if (form.matches(".prompt")) savePrompt(form);
  else takeCode(form);
});
