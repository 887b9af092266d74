// One place for sentences: a failure becomes one, and nothing else happens.

export const byId = (id) => document.getElementById(id);

export function notify(text, good = false) {
  byId("message").textContent = text;
  byId("message").classList.toggle("good", good);
  byId("message").hidden = !text;
}

// Do what somebody asked for.
export async function attempt(action) {
  notify("");
  try {
    await action();
  } catch (error) {
    notify(error.message);
  }
}
