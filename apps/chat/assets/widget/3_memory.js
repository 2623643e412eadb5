// What a refresh and a second tab must know: the login's token, the thread, the question under way.
const KEY = `guichet ${SERVICE}`;
const BOT = options.assistant || "";
const memory = {
  data: {},
  box: null,
  read() {
    try {
      this.box ??= options.storage === "none" ? {} : options.storage === "tab" ? sessionStorage : localStorage;
      if (this.box.getItem) this.data = JSON.parse(this.box.getItem(KEY)) || {};
    } catch { /* Blocked or foreign: what is in memory has to do. */ }
    return { ...this.data, ...this.data[`bot ${BOT}`] };
  },
  write(changes, ofBot = false) {
    this.read();
    if (ofBot) this.data[`bot ${BOT}`] = { ...this.data[`bot ${BOT}`], ...changes };
    else Object.assign(this.data, changes);
    this.save();
  },
  save() {
    try {
      this.box.setItem?.(KEY, JSON.stringify(this.data));
    } catch { /* Full or blocked. */ }
  },
  forget() {
    this.data = { size: this.read().size };
    this.save();
  },
};
const remember = (changes) => memory.write(changes, true);

// Of this tab alone: whether the panel is open, and what is typed and not sent yet.
function tabMemory(name, value) {
  try {
    if (value === undefined) return sessionStorage.getItem(`${KEY} ${name}`) || "";
    if (options.storage !== "none") sessionStorage.setItem(`${KEY} ${name}`, value);
  } catch { /* Blocked. */ }
  return "";
}
