"use strict";

// For pages from a disk, where a browser starts no worker: a frame runs the search in its place.
// Material's own way (https://github.com/squidfunk/iframe-worker) writes a script into the frame, which
// the page's policy forbids.
window.Worker = class extends EventTarget {
  constructor(address) {
    super();
    const frame = document.createElement("iframe");
    frame.hidden = true;
    document.body.append(frame);
    this.inside = frame.contentWindow;
    this.inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
    const script = this.inside.document.createElement("script");
    script.src = address;
    this.ready = new Promise((resolve) => script.addEventListener("load", resolve));
    this.inside.document.body.append(script);
  }

  async postMessage(data) {
    await this.ready;
    this.inside.dispatchEvent(new MessageEvent("message", { data }));
  }
};
