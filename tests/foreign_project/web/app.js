import { API } from "./config.js";

const status = document.querySelector("#status");

async function api(path, options = {}) {
  const answer = await fetch(API + path, {
    credentials: "include",
    ...options,
    headers: { "content-type": "application/json", "x-client": "web", ...options.headers },
  });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

async function show() {
  const spots = await api("/spots"); // the API redirects to /spots/
  document.querySelector("#spots").replaceChildren(
    ...spots.map((spot) => {
      const item = document.createElement("li");
      item.textContent = `${spot.spot}: ${spot.wave_m} m`;
      return item;
    }),
  );
  status.textContent = `ready: ${spots.length} spots`;
}

document.querySelector("#subscribe").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  try {
    await api("/subscriptions", { method: "POST", body: JSON.stringify(Object.fromEntries(form)) });
    const me = await api("/me");
    status.textContent = `${me.email} watches ${me.spots.join(", ")}`;
  } catch (error) {
    status.textContent = `failed: ${error.message}`;
  }
});

show().catch((error) => {
  status.textContent = `failed: ${error.message}`;
});
