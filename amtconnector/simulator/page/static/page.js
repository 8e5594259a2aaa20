// Keeps the page up to date: asks for it once a second and changes only what differs, so that focus, scrolling and
// selections stay. Without this script the page shows the moment at which it was loaded.
"use strict";

const PAUSE_MS = 1000;
const LIMIT_MS = 10000;
let turn = 0;

/** Make one node like another one, keeping every part that is the same. */
function morph(from, to) {
  if (from.isEqualNode(to)) return;
  if (from.nodeName !== to.nodeName || from.nodeType !== Node.ELEMENT_NODE) {
    from.replaceWith(document.importNode(to, true));
    return;
  }
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
  for (const { name, value } of [...to.attributes]) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  morphChildren(from, to);
}

function morphChildren(from, to) {
  const kept = new Map([...from.children].filter((child) => child.id).map((child) => [child.id, child]));
  let place = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const known = wanted.id ? kept.get(wanted.id) : place && !place.id ? place : null;
    if (!known) {
      from.insertBefore(document.importNode(wanted, true), place);
      continue;
    }
    if (known !== place) from.insertBefore(known, place);
    else place = place.nextSibling;
    morph(known, wanted);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

/** While somebody points at the table or is in it with the keyboard, no row may move under his finger. */
function keepRows(page) {
  const body = document.querySelector("#tasks tbody");
  if (!body.matches(":hover") && !body.contains(document.activeElement)) return;
  const rows = [...body.rows];
  const wanted = page.querySelector("#tasks tbody");
  const known = new Set(rows.map((row) => row.id));
  const fresh = [...wanted.rows].filter((row) => !known.has(row.id));
  const last = rows.at(-1)?.id;
  const added = fresh.filter((row) => !last || Number(row.id.slice(1)) > Number(last.slice(1)));
  for (const row of added) row.remove();
  for (const [index, row] of rows.entries()) {
    if (page.getElementById(row.id)) continue;
    const gone = row.cloneNode(true); // ended, where only live tasks are shown
    gone.classList.add("gone");
    for (const button of gone.querySelectorAll("button")) button.disabled = true;
    wanted.insertBefore(gone, wanted.rows[index] ?? null);
  }
  const count = page.getElementById("count");
  if (count && added.length) count.textContent = `${added.length} new`;
}

/** Show another state of the page. */
function show(text, isChosen) {
  const page = new DOMParser().parseFromString(text, "text/html");
  if (!isChosen) keepRows(page);
  const log = document.querySelector(".messages");
  const followsLog = log && log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  const title = document.querySelector("#task-title")?.textContent;
  document.title = page.title;
  for (const part of ["act", "notice", "counts", "tasks", "task", "faults", "queues", "requests"]) {
    morph(document.getElementById(part), page.getElementById(part));
  }
  morph(document.querySelector(".about"), page.querySelector(".about"));
  document.querySelector("time").textContent = page.querySelector("time").textContent;
  const grown = document.querySelector(".messages");
  if (grown && (followsLog || title !== document.querySelector("#task-title").textContent)) grown.scrollTop = grown.scrollHeight;
}

/** Say whether the simulator answers. */
function tell(isLive) {
  const contact = document.getElementById("contact");
  contact.textContent = isLive ? "live" : "no contact since";
  contact.className = isLive ? "contact live" : "contact lost";
}

/** Ask for the page as it is now. */
async function refresh() {
  const mine = turn;
  try {
    const answer = await fetch(location.href.split("#")[0], { signal: AbortSignal.timeout(LIMIT_MS) });
    const text = await answer.text();
    if (mine !== turn) return; // an action or another choice came between: its own answer is newer
    if (answer.ok) show(text);
    tell(answer.ok);
  } catch {
    tell(false);
  }
}

/** Follow a link or send a form, and show what comes back. */
async function go(event, address, options) {
  turn += 1;
  try {
    const answer = await fetch(address, { ...options, signal: AbortSignal.timeout(LIMIT_MS) });
    if (answer.status === 403) {
      location.reload(); // the simulator was started anew: its forms have another token
      return;
    }
    history.replaceState(null, "", answer.url);
    show(await answer.text(), event.type === "click");
    tell(answer.ok);
  } catch {
    tell(false);
  }
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const body = new URLSearchParams(new FormData(event.target));
  if (event.submitter?.name) body.set(event.submitter.name, event.submitter.value);
  go(event, event.target.action, { method: "POST", body });
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("#tasks a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(event, link.href, {});
});

async function watch() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

const log = document.querySelector(".messages");
if (log) log.scrollTop = log.scrollHeight;
watch();
