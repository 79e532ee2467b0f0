// An invitation's secret travels in the fragment, which no server sees. It is put into the form that accepts it, and kept in this tab
// while the invited person signs up or in first.
"use strict";

const KEY = "wardenry.invitation";

function rememberInvitation() {
  const form = document.querySelector("[data-invitation]");
  if (!form) return;
  const id = form.dataset.invitation;
  const secret = location.hash.slice(1);
  if (secret) {
    sessionStorage.setItem(KEY, JSON.stringify({ id, secret }));
    history.replaceState(null, "", location.pathname);
  }
  const kept = JSON.parse(sessionStorage.getItem(KEY) || "null");
  const field = form.querySelector("[name=secret]");
  if (kept && kept.id === id && field) field.value = kept.secret;
  if (field && !field.value) {
    form.hidden = true;
    announce(document.querySelector("[data-secret-missing]"));
  }
  form.addEventListener("submit", () => sessionStorage.removeItem(KEY));
}

function offerInvitation() {
  const banner = document.querySelector("[data-pending-invitation]");
  const kept = JSON.parse(sessionStorage.getItem(KEY) || "null");
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

// A download leaves the page as it is: what becomes of it is said instead of the form. A refusal is a page of its own.
function tellOfDownloads() {
  document.querySelector("form[data-download]")?.addEventListener("submit", () => {
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

showLocalTimes(); // before what is announced is taken off the page for a moment
document.querySelectorAll("[role=status]:not([hidden]), [role=alert]:not([hidden])").forEach(announce);
rememberInvitation();
offerInvitation();
tellOfDownloads();
followRequests(100);
