// One place for sentences: a failure becomes one, and nothing else happens.

export const find = (id) => document.getElementById(id);

export function tell(text, good = false) {
  find("message").textContent = text;
  find("message").classList.toggle("good", good);
  find("message").hidden = !text;
}

// Do what somebody asked for.
export async function attempt(action) {
  tell("");
  try {
    await action();
  } catch (error) {
    tell(error.message);
  }
}
