// An invitation's secret travels in the fragment, which no server sees. It is sent in the form that asks what is offered, and kept in this
// tab while the invited person signs up or in first.
"use strict";

const KEY = "wardenry.invitation";

function rememberInvitation() {
  const page = document.querySelector("[data-invitation]");
  if (!page) return;
  const id = page.dataset.invitation;
  keepSecret();
  const kept = keptInvitation();
  if ("over" in page.dataset && kept?.id === id) sessionStorage.removeItem(KEY);
  const form = page.querySelector("[data-offer]");
  if (!form) return;
  const field = form.querySelector("[name=secret]");
  if (kept?.id === id) field.value ||= kept.secret;
  form.hidden = !field.value;
  if (!field.value) announce(document.querySelector("[data-secret-missing]"));
  else if (!document.querySelector(".notice[role=alert]:not([hidden])")) showOffer(form);
}

// Only the page that follows tells that it was done: where a session had ended, the invitation is still to be accepted.
function forgetSpentInvitation() {
  if (document.querySelector("[data-notice=joined], [data-notice=declined]")) sessionStorage.removeItem(KEY);
}

// Also when the link in the mail is opened in the tab that has its page already. A fragment may be a place on the page, too.
function keepSecret() {
  const page = document.querySelector("[data-invitation]");
  const secret = location.hash.slice(1);
  if (!page || !/^[\w-]{43}$/.test(secret)) return false;
  sessionStorage.setItem(KEY, JSON.stringify({ id: page.dataset.invitation, secret }));
  history.replaceState(null, "", location.pathname);
  return true;
}

function keptInvitation() {
  return JSON.parse(sessionStorage.getItem(KEY) || "null");
}

// What is offered comes in place of the button that asks for it, which is left where no answer comes.
async function showOffer(form) {
  const body = new URLSearchParams(new FormData(form));
  const answer = await fetch(form.action, { method: "POST", body, redirect: "error" }).catch(() => null);
  if (!answer) return;
  const now = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("content");
  if (!now) return;
  document.getElementById("content").replaceWith(now);
  showLocalTimes();
  now.querySelectorAll("[role=alert]:not([hidden])").forEach(announce);
  rememberInvitation();
}

function offerInvitation() {
  const banner = document.querySelector("[data-pending-invitation]");
  const kept = keptInvitation();
  if (!banner || !kept || !/^[0-9a-f-]{36}$/.test(kept.id)) return;
  banner.querySelector("a").href = `/invitations/${kept.id}`;
  banner.hidden = false;
}

// Times come in UTC. Each is shown in the zone of who looks, and says which; UTC stays as its title.
function showLocalTimes() {
  const parts = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" };
  const minutes = new Intl.DateTimeFormat("en-GB", parts);
  const seconds = new Intl.DateTimeFormat("en-GB", { ...parts, second: "2-digit" });
  for (const time of document.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf()) || time.title) continue;
    time.title = time.textContent;
    time.textContent = ("seconds" in time.dataset ? seconds : minutes).format(moment);
  }
}

// Screen readers read out what changes in a live region, not what it holds when the page opens: so what it holds is put into it anew.
function announce(region) {
  const said = [...region.childNodes];
  region.hidden = false;
  region.style.minHeight = `${region.offsetHeight}px`;
  region.replaceChildren();
  setTimeout(() => region.replaceChildren(...said), 100);
}

// A download leaves the page as it is: what becomes of it is said instead of the form, and of what an earlier try was refused for. A refusal
// is a page of its own.
function tellOfDownloads() {
  document.querySelector("form[data-download]")?.addEventListener("submit", () => {
    document.querySelector("main > .bad")?.remove();
    document.title = document.title.replace(/^Not done: /, "");
    for (const part of document.querySelectorAll("[data-until-download]")) part.hidden = true;
    announce(document.querySelector("[data-after-download]"));
    followRequests(100);
  });
}

// While a request is under way, what has become of it is looked for, for some minutes and while somebody looks, and put onto the page
// without touching the forms that it has nothing to do with. Where the session ends meanwhile the page says where that leads.
let following;

function followRequests(tries) {
  clearTimeout(following);
  const under = document.querySelector("[data-under-way]:not([hidden])");
  if (!under || !tries) return;
  following = setTimeout(async () => {
    const answer = document.hidden ? null : await fetch(under.dataset.underWay, { redirect: "manual" }).catch(() => null);
    if (answer?.type === "opaqueredirect") return location.assign(under.dataset.ended);
    if (answer?.ok) showCopy(new DOMParser().parseFromString(await answer.text(), "text/html"));
    followRequests(tries - 1);
  }, 3000);
}

function showCopy(now) {
  const was = document.getElementById("copy");
  const is = now.getElementById("copy");
  // An erasure leaves nothing of the page as it was.
  if (was && !is) return location.assign("/account/data");
  if (!was || was.dataset.state === is.dataset.state) return;
  was.replaceWith(is);
  showLocalTimes();
  is.querySelectorAll("[role=status]:not([hidden])").forEach(announce);
  tellOfDownloads();
}

// A button that copies is made by the script: without one there is none, and the text can be marked by hand.
function offerCopies() {
  if (!navigator.clipboard) return;
  for (const text of document.querySelectorAll("[data-copy]")) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet small", textContent: "Copy" });
    const said = Object.assign(document.createElement("span"), { className: "muted", role: "status" });
    button.setAttribute("aria-label", `Copy: ${text.getAttribute("aria-label")}`);
    button.addEventListener("click", async () => {
      const copied = await navigator.clipboard.writeText(text.textContent).then(() => true, () => false);
      said.textContent = copied ? "Copied." : "Not copied: mark the text instead.";
    });
    const row = Object.assign(document.createElement("p"), { className: "row start" });
    row.append(button, said);
    text.after(row);
  }
}

showLocalTimes(); // before what is announced is taken off the page for a moment
document.querySelectorAll("[role=status]:not([hidden]), [role=alert]:not([hidden])").forEach(announce);
addEventListener("hashchange", () => keepSecret() && location.reload());
forgetSpentInvitation();
rememberInvitation();
offerInvitation();
offerCopies();
tellOfDownloads();
followRequests(100);
