// The buttons of a page under `mkdocs serve`: edit a block, run it, and see what it shows.
//
// There is no state but the reader's edits. A run starts at the top of the page in a new process, and
// `laboratory.py` tells what each block shows. That is right for as long as the edits in the block and
// above it are those of the run, so each block remembers them: `shown`.

import { createEditor } from "./editor.js";

const PAUSE = 500; // milliseconds after the last key, until a block runs as the reader types
const AS_I_TYPE = "lesson-run-as-i-type";
const NO_EDITS = "{}";
const ASIDE = "details:not(.lesson-predict)";
const UNFINISHED = ""; // in place of the edits: the run of this output has not come to its end

class LivePage {
  blocks = [];

  constructor(lesson, digest) {
    this.lesson = lesson;
    this.digest = digest;
  }

  // The edits that take part in a run up to block `last`: those in other folds, such as solutions, do not.
  edits(last) {
    const edited = this.blocks.filter(
      ({ number, text, original, aside }) =>
        number <= last.number && text !== original && (!aside || aside === last.aside),
    );
    return Object.fromEntries(edited.map((block) => [block.number, block.text]));
  }

  // Mark what no longer comes from the edits of now, and put back what the page says where there are none.
  refresh() {
    for (const block of this.blocks) {
      const now = JSON.stringify(this.edits(block));
      if (now === NO_EDITS && block.shown !== now && block.shown !== UNFINISHED) block.restore();
      const isConcerned = block.text !== block.original || block.yours.length > 0 || !block.aside;
      block.isStale = block.shown !== now && isConcerned;
      // What a block says of its last run is no longer so after a change.
      if (block.asked && block.asked !== now && !(this.isRunning && block.request === this.request)) block.forget();
    }
    for (const block of this.blocks) block.mark();
  }

  stop(why) {
    this.request?.abort(why);
  }

  // Show the edits of blocks that the page no longer has: their author has changed them.
  showKept() {
    for (const key of Object.keys(sessionStorage)) {
      if (!key.startsWith(`live ${this.lesson} `) || this.blocks.some((block) => block.key === key)) continue;
      const kept = make("details", { className: "note live-kept" });
      const forget = make("button", { type: "button", textContent: "Delete it" });
      forget.onclick = () => {
        sessionStorage.removeItem(key);
        kept.remove();
      };
      const summary = make("summary", { textContent: "Your edit of a block that has changed since" });
      kept.append(summary, make("pre", {}, make("code", { textContent: sessionStorage.getItem(key) })), forget);
      document.querySelector(".md-content h1").after(kept);
    }
  }

  // Run from the top up to the block `last`. `block` was asked to, and says how it goes.
  async run(last, block) {
    this.stop("Ended, because another run has begun.");
    const request = new AbortController();
    this.request = block.request = request;
    const say = (...words) => block.request === request && block.say(...words);
    const edits = this.edits(last);
    const shown = new Map(this.blocks.map((each) => [each.number, JSON.stringify(this.edits(each))]));
    this.blocks.forEach((each) => each.editor?.markLine(null));
    block.asked = shown.get(block.number);
    block.setRunning(true);
    this.isRunning = true;
    let [count, ended, failed] = [1, 0, null];
    try {
      const wanted = { lesson: this.lesson, digest: this.digest, edits, block: last.number };
      for await (const event of eventsOf(wanted, request.signal)) {
        const source = this.blocks.find((each) => each.number === event.block);
        if (event.count) {
          count = event.count;
        } else if (event.so_far) {
          source?.grow(event.so_far, shown.get(event.block), source === block);
        } else {
          ended += 1;
          failed = event.failed ? event : null;
          if (event.html !== null) source?.show(event.html, shown.get(event.block), source === block);
          if (source !== block) source?.say(""); // what it said was of another run
        }
        if (ended < count) say(`Running block ${ended + 1} of ${count} …`);
      }
      if (failed) this.lead(failed, block, say);
      else if (ended < count) say("The server has ended the run.");
      else say(count === 1 ? "Ran this block." : `Ran ${count} blocks, from the top of the page.`, block.told());
    } catch (error) {
      // What is thrown where nothing answers is a TypeError, in words that differ from browser to browser.
      const why = error instanceof TypeError ? "The server does not answer. Is it still running?" : error.message;
      say(request.signal.aborted ? request.signal.reason : why);
    } finally {
      if (block.request === request) block.setRunning(false);
      if (this.request === request) this.isRunning = false;
      this.refresh();
    }
  }

  // Lead to the block that failed, and in an editor to its line.
  lead({ block: number, html, error_block, error_line, called_line }, block, say) {
    const [failed, source] = [number, error_block].map((wanted) => this.blocks.find((each) => each.number === wanted));
    source?.editor?.markLine(error_line);
    if (failed && failed !== source) failed.editor?.markLine(called_line);
    const link = (textContent, onclick) => make("button", { type: "button", textContent, onclick });
    if (failed === block) {
      const goThere = () => {
        source.open();
        source.editor.markLine(error_line);
        source.reveal();
      };
      const isElsewhere = source?.code && source !== block;
      say("It ended with an error, which is below. ", isElsewhere ? link("Go to the line", goThere) : "");
    } else if (failed) {
      const where = number < block.number ? "above" : "below";
      const cure = failed.text === failed.original ? "." : ": mend it, or reset it.";
      say(`A block ${where} ended with an error${cure} `, link("Go to it", () => failed.reveal()));
    } else {
      const words = new DOMParser().parseFromString(html, "text/html").body.textContent;
      say(`A block that the page does not show ended with an error: ${words}`);
    }
  }
}

class LiveBlock {
  editor = null;
  shown = NO_EDITS;
  yours = []; // what the reader's code shows

  // `code` is the frame of its code, and null if the page has only its figure. The page's own outputs are
  // between the comments `start` and `end`.
  constructor(page, number, code, start, end) {
    Object.assign(this, { page, number, code, start, end });
    this.original = code?.querySelector("pre > code").textContent.replace(/\n$/, "") ?? "";
    const same = page.blocks.filter((block) => block.original === this.original).length;
    this.key = `live ${page.lesson} ${same} ${this.original}`;
    this.text = sessionStorage.getItem(this.key) ?? this.original;
    this.stored = nodesBetween(start, end);
    this.fold = start.parentElement.closest("details.lesson-predict");
    // The outermost fold that it is in, such as a solution, which is no part of a run of what comes after it
    this.aside = null;
    for (let fold = start.parentElement.closest(ASIDE); fold; fold = fold.parentElement.closest(ASIDE)) this.aside = fold;
    if (!code) return;
    this.button = make("button", { type: "button", className: "md-code__button live-edit", title: "Edit" });
    this.button.ariaLabel = "Edit";
    this.button.onclick = () => this.open().focus();
    code.querySelector(".md-code__nav").prepend(this.button);
    if (this.text !== this.original) this.open();
  }

  // Open the folds around the block, and go to it.
  reveal() {
    const place = this.code ?? this.start.nextElementSibling;
    for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    place.scrollIntoView({ block: "center" });
    (this.editor ?? this.button)?.focus({ preventScroll: true });
  }

  open() {
    if (this.editor) return this.editor;
    this.undo?.remove();
    const pre = make("pre");
    // A click leaves the focus in the editor: on a button, the next letter would be one of the page's shortcuts.
    const onmousedown = (press) => press.preventDefault();
    const command = (textContent, onclick) => make("button", { type: "button", textContent, onclick, onmousedown });
    this.commands = {
      run: command("Run", () => this.run()),
      reset: command("Reset", () => this.reset()),
      // After Reset: when Stop goes, that must not slide under the pointer.
      stop: command("Stop", () => this.page.stop("Stopped.")),
      below: command("Run all below", () => this.run(this.page.blocks.findLast((b) => b === this || !b.aside))),
    };
    this.commands.run.title = "Ctrl+Enter, or Cmd+Enter";
    this.commands.reset.title = "Back to the page's own code and output";
    const typing = make("input", { type: "checkbox", checked: localStorage.getItem(AS_I_TYPE) === "true" });
    typing.className = "live-typing";
    typing.onchange = () => {
      localStorage.setItem(AS_I_TYPE, typing.checked);
      for (const box of document.querySelectorAll(".live-typing")) box.checked = typing.checked;
    };
    this.status = make("p", { className: "live-status", role: "status" });
    const bar = make("div", { className: "live-bar" });
    bar.append(...Object.values(this.commands), make("label", {}, typing, " Run as I type"), this.status);
    this.code.querySelector("pre").hidden = true;
    this.code.append(pre, bar);
    this.opened = [pre, bar];
    this.editor = createEditor(pre, {
      value: this.text,
      label: "Code, which you can edit",
      onInput: (text) => this.change(text),
      onRun: () => this.run(),
    });
    this.setRunning(false);
    this.mark();
    return this.editor;
  }

  run(last = this) {
    clearTimeout(this.timer);
    this.page.run(last, this);
  }

  change(text) {
    this.text = text;
    if (text === this.original) sessionStorage.removeItem(this.key);
    else sessionStorage.setItem(this.key, text);
    this.editor.markLine(null);
    this.page.refresh();
    clearTimeout(this.timer);
    if (localStorage.getItem(AS_I_TYPE) === "true") this.timer = setTimeout(() => this.run(), PAUSE);
  }

  // Back to the page's code, and to its output, unless a block above is changed.
  reset() {
    if (this.request === this.page.request) this.page.stop("Stopped.");
    clearTimeout(this.timer);
    sessionStorage.removeItem(this.key);
    const dropped = this.text;
    this.text = this.original;
    this.editor.remove();
    this.opened.forEach((part) => part.remove());
    this.editor = this.request = null;
    this.code.querySelector("pre").hidden = false;
    if (Object.keys(this.page.edits(this)).length === 0) this.restore();
    if (dropped !== this.original) this.offer(dropped);
    this.page.refresh();
    this.button.focus();
  }

  // After Reset, an edit can be had back until there is another one.
  offer(dropped) {
    const back = make("button", { type: "button", textContent: "Undo" });
    back.onclick = () => {
      this.open().value = dropped;
      this.editor.focus();
    };
    this.undo = make("p", { className: "live-note" }, "Your edit is gone. ", back);
    this.code.after(this.undo);
  }

  // Show what it has printed until now. New text goes below what is there, so that one can scroll and select.
  grow(html, edits, isAsked) {
    const next = make("template", { innerHTML: html }).content.querySelector("samp");
    const samp = this.shown === UNFINISHED && this.yours[0]?.querySelector("samp");
    const box = () => this.yours[0];
    const isAtEnd = !samp || box().scrollTop + box().clientHeight > box().scrollHeight - 5;
    if (samp && !next.children.length && next.textContent.startsWith(samp.textContent)) {
      samp.append(next.textContent.slice(samp.textContent.length));
    } else {
      this.show(html, UNFINISHED, isAsked);
    }
    this.unfinished = edits;
    if (isAtEnd) box().scrollTop = box().scrollHeight;
  }

  show(html, shown, isAsked) {
    const scrolled = this.shown === UNFINISHED ? this.yours[0]?.scrollTop : 0;
    this.restore();
    this.note?.remove();
    this.shown = shown;
    this.isAsked = isAsked;
    const nothing = this.stored.length ? '<p class="live-note">It shows nothing.</p>' : "";
    const template = make("template", { innerHTML: html || nothing });
    this.yours = [...template.content.childNodes];
    this.yours.forEach((node) => node.classList.add("live-yours"));
    if (this.place === this.end) this.stored.forEach((node) => node.remove());
    this.place.before(...this.yours);
    if (scrolled) this.yours[0].scrollTop = scrolled;
    dispatchEvent(new Event("lesson-shown"));
  }

  restore() {
    this.shown = NO_EDITS;
    this.yours.forEach((node) => node.remove());
    this.yours = [];
    this.end.before(...this.stored);
  }

  // A folded answer stays folded: what the reader's code shows goes above the question, and so does what the
  // reader asks for. What the page's own code shows in the run of another block goes into the fold.
  get place() {
    return this.fold && (this.isAsked || this.text !== this.original) ? this.fold : this.end;
  }

  // Say what has not run since a change.
  mark() {
    this.note?.remove();
    if (this.editor) this.commands.below.hidden = !this.page.blocks.some((b) => b.isStale && b.number > this.number);
    const isChanged = this.text !== this.original;
    if (!this.isStale || !(isChanged || this.yours.length || this.stored.length)) return;
    const isOfNow = this.shown === UNFINISHED && this.unfinished === JSON.stringify(this.page.edits(this));
    if (isOfNow && this.page.isRunning) return;
    const isSince = isChanged ? "Not run since you changed it." : "Not run since a block above was changed.";
    const textContent = isOfNow ? "Its last run was ended early." : isSince;
    this.note = make("p", { className: "live-note", textContent });
    this.place.before(this.note);
  }

  say(...words) {
    // The same words again would be read aloud again.
    if (words.length > 1 || words[0] !== this.status?.textContent) this.status?.replaceChildren(...words);
  }

  // Forget the last run that it was asked for.
  forget() {
    this.asked = null;
    this.say("");
    this.editor?.markLine(null);
  }

  // What it has printed, for a screen reader, which reads only the status by itself
  told() {
    const textContent = this.yours.map((node) => node.querySelector("samp")?.textContent ?? "").join(" ").slice(0, 300);
    return make("span", { className: "live-told", textContent: ` ${textContent}` });
  }

  setRunning(isRunning) {
    const { stop } = this.commands;
    if (stop === document.activeElement && !isRunning) this.editor.focus();
    stop.hidden = !isRunning;
  }
}

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  if (children.length) element.append(...children);
  return element;
}

function nodesBetween(start, end) {
  const nodes = [];
  for (let node = start.nextSibling; node !== end; node = node.nextSibling) {
    if (node.nodeType === Node.ELEMENT_NODE) nodes.push(node);
  }
  return nodes;
}

// Ask for a run, and yield what the server says of it, line by line.
async function* eventsOf(wanted, signal) {
  const headers = { "Content-Type": "application/json", "X-Lesson-Token": document.querySelector("meta[name=lesson-token]").content };
  const body = JSON.stringify(wanted);
  const answer = await fetch("/_live/run", { method: "POST", headers, body, signal });
  if (!answer.ok) throw new Error(`Not run: ${(await answer.json()).error}.`);
  let text = "";
  for await (const part of partsOf(answer.body.pipeThrough(new TextDecoderStream()).getReader())) {
    const lines = (text + part).split("\n");
    text = lines.pop();
    for (const line of lines) if (line) yield JSON.parse(line); // an empty one says that it goes on
  }
}

// Safari has no asynchronous iteration of streams.
async function* partsOf(reader) {
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
}

let page = null;

// Material's, for the first page and for each that instant navigation puts in its place.
document$.subscribe(() => {
  page?.stop("");
  page = null;
  const comments = document.createNodeIterator(document.querySelector(".md-content"), NodeFilter.SHOW_COMMENT);
  for (let start = comments.nextNode(); start; start = comments.nextNode()) {
    const found = /^ live (block|figure) (.*) $/.exec(start.data);
    if (!found) continue;
    const { lesson, digest, block } = JSON.parse(found[2]);
    page ??= new LivePage(lesson, digest);
    const end = comments.nextNode();
    const fold = start.parentElement.closest("details.lesson-predict");
    const code = found[1] === "block" ? (fold ?? start).previousElementSibling : null;
    page.blocks.push(new LiveBlock(page, block, code, start, end));
  }
  page?.refresh();
  page?.showKept();
});
