// ---- What is left, the warning before the end, and the end ----------------------------------------------------

const ends = new WeakMap();
const warned = new Set();

setInterval(() => {
  const cell = $("#left [data-seconds]");
  if (!cell || !bar()) return;
  if (!ends.has(cell)) ends.set(cell, Date.now() + Number(cell.dataset.seconds) * 1000);
  const seconds = Math.max(0, Math.ceil((ends.get(cell) - Date.now()) / 1000));
  const isSoon = seconds <= Number(bar().dataset.soon);
  const shown = String(seconds <= 60 ? seconds : Math.ceil(seconds / 60));
  if ($("b", cell).textContent !== shown) $("b", cell).textContent = shown;
  $("span", cell).textContent = seconds <= 60 ? words.seconds : words.minutes;
  cell.classList.toggle("is-low", isSoon);
  if (isSoon && seconds > 0 && !$("#soon [data-kind=minutes]")) warnOfTime();
  if (seconds === 0 && $("#left .allowance").dataset.active === "true") {
    $("#left .allowance").dataset.active = "false";
    $("#left .allowance").dataset.limit ||= "minutes";
    markState();
  }
}, 1000);

function warnOfTime() {
  const line = document.createElement("p");
  line.dataset.kind = "minutes";
  line.textContent = words.soon_minutes;
  $("#soon").append(line);
  tellWarning(line);
}

function showWarnings(lines) {
  const time = $("#soon [data-kind=minutes]");
  $("#soon").replaceChildren(...lines.map((line) => line.cloneNode(true)));
  if (time && $("#left .allowance").dataset.active === "true") $("#soon").append(time);
  for (const line of $$("#soon > p")) tellWarning(line);
}

// Each is read out once.
function tellWarning(line) {
  const name = `${current} ${line.textContent}`;
  if (warned.has(name)) return;
  warned.add(name);
  announce(line.textContent);
}

function dressEnding(rating) {
  for (const link of $$("[data-copy]")) {
    link.href = `api/thread/${encodeURIComponent(current)}/transcript.${link.dataset.copy}`;
    link.hidden = current === NEW;
  }
  const form = $("#ending form.rating");
  if (!form) return;
  form.reset();
  for (const radio of $$("input", form)) radio.checked = radio.value === rating;
  form.hidden = Boolean(rating);
  $("#ending .rated").textContent = rating ? words.saved : "";
}

function showEnd(isOver) {
  document.body.classList.toggle("is-over", isOver);
  const ending = $("#ending");
  if (!ending) return;
  ending.hidden = !isOver;
  if (!isOver) return;
  const limit = $("#left .allowance").dataset.limit;
  for (const reason of $$(".why [data-limit]", ending)) reason.hidden = reason.dataset.limit !== limit;
  $("#soon").replaceChildren();
  announce($(".ending h2", ending).textContent);
}

function showEnding() {
  isFollowing = false;
  $("#ending").scrollIntoView({ block: "end", behavior: motion() });
  $("#ending a").focus({ preventScroll: true });
}

async function rate(form) {
  const body = { value: Number(new FormData(form).get("rating")) };
  const comment = $("textarea", form).value.trim();
  if (comment) body.comment = comment;
  const { isOk } = await call(`api/thread/${encodeURIComponent(current)}/rating`, body);
  const status = $("#ending .rated");
  status.textContent = isOk ? words.saved : words.failed_feedback;
  status.classList.toggle("is-failed", !isOk);
  if (!isOk) return;
  form.hidden = true;
  $("#ending [data-fresh]").focus();
}
