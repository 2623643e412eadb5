// ---- The network: said when it is lost, and taken up again by itself ------------------------------------------

const PING_S = 2;
const SILENCE_S = 3;
const PATIENCE_S = 6;
const LOOK_S = 20;
let isOffline = false;
let patience = PATIENCE_S;
let lookedUp = "";

function setOffline(isLost) {
  if (isLost === isOffline) return;
  isOffline = isLost;
  document.body.classList.toggle("is-offline", isLost);
  if ($("#network")) $("#network").textContent = isLost ? words.no_network : "";
  // Where its stream broke Gradio loads the page anew once it can; where it did not, this shows what came meanwhile.
  if (!isLost && current) readAgain(current);
}

async function lookUp() {
  if (!current || !(await readThreads())) return;
  const known = listed.find((thread) => thread.thread_id === current);
  const turns = $$("#log .turn").length;
  const shown = 2 * turns - (openTurn() ? 1 : 0);
  const name = `${current} ${known?.messages}`;
  // More was said elsewhere: on another device, or before the network came back.
  if (known && known.messages !== shown && name !== lookedUp && !isSending) {
    lookedUp = name;
    readAgain(current);
  }
}

setInterval(async () => {
  if (isOffline) { await readThreads(); return; }
  const silence = openTurn() ? (Date.now() - fedAt) / 1000 : 0;
  if (!silence) patience = PATIENCE_S;
  if (silence < SILENCE_S || !(await readThreads()) || silence < patience) return;
  // A long silence is a model that thinks, or a stream that broke off unseen: ask anew, ever more seldom.
  patience *= 2;
  readAgain(current);
}, PING_S * 1000);

setInterval(() => { if (!document.hidden && !isOffline && !openTurn()) lookUp(); }, LOOK_S * 1000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) lookUp(); });
addEventListener("offline", () => setOffline(true));
addEventListener("online", () => readThreads());

// Gradio tells of what it could not send by a passing toast, in its own words. Here it is a sentence that stays, and
// the text is still in the box.
const plainFetch = window.fetch.bind(window);
window.fetch = async (input, options) => {
  const isJoin = String(input?.url || input).includes("/queue/join");
  try {
    const response = await plainFetch(input, options);
    if (isJoin && !response.ok) giveUp(response.status);
    return response;
  } catch (error) {
    if (isJoin) giveUp(0);
    throw error;
  }
};

function giveUp(status) {
  const wasSending = isSending;
  isSending = false;
  setSent(null);
  if (status === 0) setOffline(true);
  else if (status === 401) showFault(words.not_logged_in, true);
  else showFault(status === 503 || status === 429 ? words.too_busy : words.internal_error);
  if (status === 0 && wasSending) showFault(words.not_sent);
  markState();
}
