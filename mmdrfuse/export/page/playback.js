// Videos in step, and a fused picture for each new frame.

import { byId, notify } from "./messages.js";

export class Playback {
  constructor(onFrame) {
    this.onFrame = onFrame;
    this.sources = [];
    const seek = byId("seek");
    seek.addEventListener("input", () => (this.lead.currentTime = seek.value * this.lead.duration));
    byId("play").addEventListener("click", () => (this.lead.paused ? play(this.lead) : this.lead.pause()));
  }

  // The visible video leads.
  get lead() {
    return this.videos.at(-1);
  }

  get videos() {
    return this.sources.filter(({ kind }) => kind === "video").map(({ element }) => element);
  }

  get playing() {
    return this.sources.some(({ kind, element }) => kind === "camera" || (kind === "video" && !element.paused));
  }

  start(sources) {
    const runs = this.sources.some(({ kind }) => kind !== "picture");
    this.sources = sources;
    byId("transport").hidden = !this.videos.length;
    this.videos.forEach(play);
    if (!runs) this.step();
  }

  step() {
    if (this.sources.every(({ kind }) => kind === "picture")) return;
    if (this.lead) this.synchronise();
    const versions = this.sources.map((source) => source.frame().version).join();
    if (versions !== this.versions) this.onFrame();
    this.versions = versions;
    requestAnimationFrame(() => this.step());
  }

  // The infrared video follows if it is off by more than two frames.
  synchronise() {
    const { lead } = this;
    for (const video of this.videos.slice(0, -1)) {
      const time = Math.min(lead.currentTime, video.duration || Infinity);
      if (Math.abs(video.currentTime - time) > 0.08 && !video.seeking) video.currentTime = time;
      if (video.paused !== lead.paused) lead.paused ? video.pause() : play(video);
    }
    byId("play").textContent = lead.paused ? "Play" : "Pause";
    const seek = byId("seek");
    if (seek !== document.activeElement || !lead.paused) seek.value = lead.currentTime / (lead.duration || 1);
  }
}

function play(video) {
  video.play().catch(() => notify("Press Play to start the videos.", true));
}
