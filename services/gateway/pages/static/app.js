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

// A download leaves the page as it is: what became of the form is said instead of it. A refusal is a page of its own.
function tellOfDownloads() {
  for (const section of document.querySelectorAll("[data-download]")) {
    section.querySelector("form").addEventListener("submit", () => {
      for (const part of section.children) part.hidden = true;
      announce(section.querySelector("[role=status]"));
    });
  }
}

// While a request is under way, what has become of it is looked for, for some minutes and while somebody looks, and put onto the page
// without touching the forms on it.
function followRequests(tries) {
  const page = document.querySelector("[data-under-way] a")?.href;
  if (!page || !tries) return;
  setTimeout(async () => {
    const answer = document.hidden ? null : await fetch(page, { redirect: "manual" }).catch(() => null);
    if (answer?.type === "opaqueredirect") return location.assign("/sign-in");
    if (answer?.ok) showRequests(new DOMParser().parseFromString(await answer.text(), "text/html"));
    followRequests(tries - 1);
  }, 3000);
}

function showRequests(now) {
  const was = document.getElementById("requests");
  const is = now.getElementById("requests");
  if (was.dataset.state === is.dataset.state) return;
  was.replaceWith(is);
  const copies = document.getElementById("copies");
  if (now.querySelectorAll("[data-download]").length > copies.querySelectorAll("[data-download]").length) {
    copies.replaceWith(now.getElementById("copies"));
    tellOfDownloads();
    announce(document.querySelector("[data-arrived]"));
  }
  showLocalTimes();
}

document.querySelectorAll("[role=status]:not([hidden]), [role=alert]:not([hidden])").forEach(announce);
rememberInvitation();
offerInvitation();
showLocalTimes();
tellOfDownloads();
followRequests(100);
