// When to fuse, by which engine, and how long it takes.

import { makeEngine, makeNext } from "./engines.js";
import { byId, notify } from "./messages.js";

export class Fusion {
  // makeJob() returns what is to be fused, or null; show(canvas) shows the result.
  constructor({ makeJob, show }) {
    Object.assign(this, { makeJob, show });
    this.settled = Promise.resolve();
    this.times = [];
  }

  async start(asked) {
    this.use(await makeEngine(asked, notify));
    this.request();
  }

  use(engine) {
    this.engine = engine;
    document.body.dataset.engine = engine.name;
  }

  // Fuse soon. While one picture is being fused, requests for more become one.
  request() {
    this.wanted = true;
    if (!this.busy && this.engine) this.settled = this.fuseWanted();
  }

  async fuseWanted() {
    this.busy = true;
    while (this.wanted) {
      this.wanted = false;
      try {
        const job = this.makeJob();
        if (job) await this.fuse(job);
        if (this.failed) notify("");
        this.failed = false;
      } catch (error) {
        notify(error.message);
        this.failed = true;
      }
    }
    this.busy = false;
  }

  async fuse(job) {
    const { engine } = this;
    const longest = Math.max(...[job.infrared, job.visible].flatMap(({ width, height }) => [width, height]));
    let start = performance.now();
    try {
      if (longest > engine.largest) throw new Error("the picture is too large");
      await engine.fuse(job);
      if (job.weights !== this.timed) {
        // The first time with some weights, the driver compiles their shader.
        this.timed = job.weights;
        start = performance.now();
        await engine.fuse(job);
      }
    } catch (error) {
      // Drivers fail in many ways, and the next engine does the same.
      console.info(`${engine.name}: ${error.message}`);
      const next = await makeNext(engine);
      if (!next) throw error;
      this.use(next);
      return this.fuse(job);
    }
    this.show(engine.canvas);
    this.report(job, performance.now() - start);
  }

  report({ visible: { width, height }, moving }, took) {
    document.body.dataset.fused = Number(document.body.dataset.fused ?? 0) + 1;
    const now = performance.now();
    this.times = [...this.times.filter((time) => time > now - 1000), now];
    if (moving && now < this.reported + 250) return; // nobody reads faster
    this.reported = now;
    const possible = 1000 / Math.max(took, 0.1);
    const rate = moving ? this.times.length : possible.toFixed(possible < 10 ? 1 : 0);
    const words = moving ? "frames per second" : "frames per second possible";
    byId("status").textContent = `${this.engine.name} · ${width}×${height} · ${took.toFixed(1)} ms · ${rate} ${words}`;
  }

  // Return the last result's pixels, when all that was requested is done.
  async pixels() {
    await this.settled;
    return this.engine.pixels();
  }
}
