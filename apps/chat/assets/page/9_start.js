// ---- The page changes as Gradio's components do ---------------------------------------------------------------

let isQueued = false;
const observer = new MutationObserver(() => {
  if (isQueued) return;
  isQueued = true;
  queueMicrotask(() => { isQueued = false; readFeeds(); });
});
// What is sent before the first conversation is there waits for it, as for any other.
beginOpening();
const start = () => observer.observe(document.body, { childList: true, subtree: true });
if (document.body) start(); else document.addEventListener("DOMContentLoaded", start);
