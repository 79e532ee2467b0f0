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
  if (field && !field.value) document.querySelector("[data-secret-missing]").hidden = false;
  form.addEventListener("submit", () => sessionStorage.removeItem(KEY));
}

function offerInvitation() {
  const banner = document.querySelector("[data-pending-invitation]");
  const kept = JSON.parse(sessionStorage.getItem(KEY) || "null");
  if (!banner || !kept || !/^[0-9a-f-]{36}$/.test(kept.id)) return;
  banner.querySelector("a").href = `/invitations/${kept.id}`;
  banner.hidden = false;
}

function showLocalTimes() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    time.title = time.dateTime;
    time.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  }
}

rememberInvitation();
offerInvitation();
showLocalTimes();
