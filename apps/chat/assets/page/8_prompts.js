// ---- Story prompts of one's own: listed, written, changed and deleted in a dialog --------------------------------

let prompts = [];
// The one in the form; null for a new one.
let prompted = null;

const promptForm = () => $("#prompts form.prompt");
const promptWords = () => JSON.parse($("#prompts").dataset.promptWords);

// Where stories are begun, beside the choice of a prompt.
function offerPrompts(form) {
  const button = make("button", "manage", words.manage_prompts);
  button.type = "button";
  button.dataset.do = "prompts";
  $(".fields", form).before(button);
}

async function openPrompts() {
  $("#prompts").showModal();
  leavePrompt();
  await readPrompts();
  $("#prompts [data-do=newPrompt]").focus();
}

async function readPrompts() {
  const { isOk, status, data, code } = await call("api/story_prompts");
  if (isOk) prompts = data.filter((prompt) => prompt.is_own);
  const said = promptWords();
  const items = prompts.map((prompt) => {
    const item = make("li");
    const open = make("button", "open", prompt.title);
    open.setAttribute("aria-label", fill(said.prompt_edit, { title: prompt.title }));
    if (prompt.is_draft) open.append(make("i", "", said.prompt_draft));
    if (prompt.tags.length) open.append(make("small", "", prompt.tags.join(", ")));
    const remove = make("button", "plain", said.prompt_delete);
    remove.setAttribute("aria-label", `${said.prompt_delete} : ${prompt.title}`);
    for (const [button, deed] of [[open, "openPrompt"], [remove, "removePrompt"]]) {
      button.type = "button";
      button.dataset.do = deed;
      button.dataset.prompt = prompt.prompt_id;
    }
    item.append(open, remove);
    return item;
  });
  if (!isOk) items.push(make("li", "fault", explainCall({ status, data, code })));
  else if (!items.length) items.push(make("li", "hint", said.prompt_none));
  $("#prompts .own-prompts").replaceChildren(...items);
}

function showPrompt(prompt) {
  const form = promptForm();
  prompted = prompt;
  form.noValidate = true;
  form.hidden = false;
  showFindings(form, {});
  const shown = prompt || { title: "", text: "", language: "", tags: [], is_draft: false };
  fillForm(form, { ...shown, language: shown.language || "", tags: shown.tags.join(", ") });
  form.elements.title.focus();
}

function leavePrompt() {
  promptForm().hidden = true;
  prompted = null;
}

async function savePrompt(form) {
  const findings = Object.fromEntries(fieldsOf(form).map((field) => [field.name, explainField(field, form)]).filter(([, said]) => said));
  showFindings(form, findings);
  if (Object.keys(findings).length) return;
  const values = readForm(form);
  const tags = values.tags.split(",").map((tag) => tag.trim()).filter(Boolean);
  const body = { ...values, tags, language: values.language || null };
  if (prompted) body.revision = prompted.revision;
  const { isOk, status, data, code } = await call(`api/story_prompts${prompted ? `/${prompted.prompt_id}` : ""}`, body, prompted ? "PUT" : "POST");
  if (!isOk) {
    const sentence = code === "edit_conflict" ? promptWords().prompt_conflict : data.error?.explanation || words[code] || data.error?.message;
    showFindings(form, data.error?.fields || {}, data.error?.fields ? "" : status ? sentence : words.no_network);
    if (code === "edit_conflict") readPrompts();
    return;
  }
  leavePrompt();
  await changePrompts();
  $("#prompts [data-do=newPrompt]").focus();
}

async function removePrompt(button) {
  const prompt = prompts.find((one) => one.prompt_id === button.dataset.prompt);
  if (!confirm(fill(promptWords().prompt_delete_sure, { title: prompt.title }))) return;
  await call(`api/story_prompts/${prompt.prompt_id}`, undefined, "DELETE");
  if (prompted?.prompt_id === prompt.prompt_id) leavePrompt();
  await changePrompts();
  $("#prompts [data-do=newPrompt]").focus();
}

// The form behind offers what there is now; what was filled in stays.
async function changePrompts() {
  announce(words.saved);
  await readPrompts();
  const form = $("#log form.form");
  if (form) await showForm(form.dataset.assistant, form.dataset.document);
}
