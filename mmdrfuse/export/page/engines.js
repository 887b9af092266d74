// The choice of an engine: WebGPU where there is one, else WebGL2, else plain JavaScript.

import { PlainEngine } from "./plain.js";
import { WebGL2Engine } from "./webgl2.js";
import { WebGPUEngine } from "./webgpu.js";

// Each returns an engine, or null. Graphics in software are slower than JavaScript: only who asks for them gets them.
const MAKERS = {
  webgpu: (software) => WebGPUEngine.make(software),
  webgl2: (software) => WebGL2Engine.make(software),
  js: async () => new PlainEngine(),
};

// Return the engine that is asked for, or the first that this browser has. `notify` gets a sentence if it has not.
export async function makeEngine(asked, notify) {
  const names = Object.keys(MAKERS);
  if (asked && !names.includes(asked)) notify(`There is no engine ${asked}; there are ${names.join(", ")}.`);
  return makeFirst(names.slice(Math.max(names.indexOf(asked), 0)), asked, notify);
}

// Return the next engine after one that failed; null after plain JavaScript.
export async function makeNext(engine) {
  if (engine instanceof PlainEngine) return null;
  return makeFirst(engine instanceof WebGPUEngine ? ["webgl2", "js"] : ["js"]);
}

async function makeFirst([name, ...others], asked, notify) {
  try {
    const engine = await MAKERS[name](name === asked);
    if (engine) return engine;
  } catch (error) {
    console.info(`${name}: ${error.message}`);
  }
  if (name === asked) notify(`This browser has no ${asked}; the page goes on without it.`);
  return makeFirst(others, asked, notify);
}
