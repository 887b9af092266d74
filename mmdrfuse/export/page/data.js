// What Python wrote into the page: version, shipped weights, templates of shaders, limits of the automatic choice.

export const DATA = JSON.parse(document.getElementById("data").textContent);
export const TEMPLATES = DATA.templates;
