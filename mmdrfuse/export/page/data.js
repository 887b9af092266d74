// What Python wrote into the page: version, selected and shipped weights, templates of shaders.

export const DATA = JSON.parse(document.getElementById("data").textContent);
export const TEMPLATES = DATA.templates;
