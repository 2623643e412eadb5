// How a question and its answer look, in whatever state they are.
const REASONS = ["wrong", "incomplete", "unclear", "unrelated"];

function drawTurn(turn) {
  const isOpen = turn.status === "pending" || turn.status === "streaming";
  const body = turn.html && h("div", { class: "text answer" }, build(turn.html));
  const remark = drawRemark(turn);
  const isEdited = turn.draft && tabMemory(editName(turn));
  const answer = turn.status === "refused" ? [remark, body] : [body, remark];
  return h("article", { class: `turn${isEdited ? " is-edited" : ""}`, "data-key": turn.key, "data-status": turn.status, "aria-busy": String(isOpen) },
    h("h3", { class: "sr" }, say("question_from")),
    h("div", { class: "question" }, turn.question),
    h("h3", { class: "sr" }, say("answer_from")),
    turn.status === "pending" && h("div", { class: "waiting" },
      h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), h("span", {}, say(isWriting() ? "writing" : turn.found ? "reading" : "searching"))),
    ...answer,
    turn.draft && drawDraft(turn),
    turn.status === "refused" && isWriting() && drawOffer(turn),
    drawPassages(turn.citations, "sources"),
    drawPassages(turn.nearest, "nearest"),
    turn.status === "refused" && !isWriting() && drawWish(turn),
    !isOpen && drawActions(turn),
    turn.isJudging && drawVerdict(turn));
}

function drawRemark(turn) {
  if (turn.status === "refused") return note(say(isWriting() ? "declined" : "refused"));
  if (turn.status === "failed") return note(explain(turn.fault), true);
  if (turn.status === "interrupted" || turn.status === "stopped") return note(say(`status_${turn.status}`));
  return turn.isCut && note(say("cut"));
}

function drawPassages(passages, kind) {
  if (!passages?.length) return null;
  return h("section", { class: `passages ${kind}`, "aria-label": say(kind) }, h("h4", { class: "label" }, say(kind)),
    passages.map((passage) => {
      const path = (passage.heading || passage.source).split(" > ");
      const title = path.pop();
      return h("details", { "data-number": passage.number },
        h("summary", {}, kind === "sources" ? h("b", {}, String(passage.number)) : icon("page"),
          h("span", {}, title, h("small", {}, [...path, passage.source].join(" › "))), icon("chevron")),
        h("div", { class: "text" }, build(passage.snippet_html)));
    }));
}

const drawWish = (turn) => h("div", { class: "wish" },
  turn.wish ? note(say(turn.wish), turn.wish !== "documented") : button("wish", say("document_this"), "page", { class: "plain" }));

function drawActions(turn) {
  const value = turn.verdict?.value;
  const thumb = (name, worth) => tool("judge", say(name), name, { "data-value": worth, "aria-pressed": String(value === worth) });
  return h("div", { class: "actions" },
    (/failed|interrupted|stopped/.test(turn.status) || (turn.status === "refused" && isWriting() && !lastDraft())) && button("again", say("again"), "again", { class: "plain" }),
    turn.html && [!turn.draft && tool("copyAnswer", say("copy_answer"), "copy"), thumb("up", 1), thumb("down", -1)],
    h("span", { role: "status" }, turn.saved ? say(turn.saved) : ""));
}

function drawVerdict(turn) {
  const { value, reason } = turn.verdict;
  const label = say(value < 0 ? "comment_bad" : "comment");
  return h("form", { class: "verdict", "data-do": "comment", "aria-label": say("feedback") },
    value < 0 && h("div", { class: "chips", role: "group", "aria-label": say("reason") }, REASONS.map((name) =>
      button("reason", say(`reason_${name}`), "", { "data-reason": name, "aria-pressed": String(reason === name) }))),
    h("textarea", { rows: 2, maxlength: 2000, "aria-label": label, placeholder: label }),
    h("div", {}, button("hush", say("close"), "", { class: "plain" }), h("button", { class: "solid" }, say("save"))));
}

// The words of an answer, as they are copied and read out.
function plainText(turn) {
  const text = h("div", {}, build(turn.html || ""));
  text.querySelectorAll(".cite, .code > div").forEach((element) => element.remove());
  text.querySelectorAll("p, li, pre, tr, h1, h2, h3, h4, h5, h6").forEach((element) => element.append("\n"));
  return text.textContent.replace(/[ \t]+\n/g, "\n").replace(/\n{3,}/g, "\n\n").trim();
}
