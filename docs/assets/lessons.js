"use strict";

// What a page's HTML cannot say, because it is known only in the browser. Every page works without it.

// What is scrolled sideways where there is no room for it, and what it is called then.
const SCROLLERS = {
  Output: ".lesson-output",
  Code: ".md-typeset pre > code:not(.lesson-editor)",
  Drawing: ".lesson-figure",
  Table: ".md-typeset__scrollwrap",
  Formula: ".md-typeset math[display=block]",
};

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) offerScrolling(target);
});

// A landmark with a name that can be focused, but only while there is something to scroll.
function offerScrolling(box) {
  if (box.scrollWidth > box.clientWidth) {
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", box.dataset.name);
  } else {
    for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
  }
}

function watchScrollers() {
  sizes.disconnect();
  for (const [name, selector] of Object.entries(SCROLLERS)) {
    document.querySelectorAll(selector).forEach((box, index) => {
      box.dataset.name = `${name} ${index + 1}`;
      sizes.observe(box);
    });
  }
}

// What a reader's own code shows, under `mkdocs serve`.
addEventListener("lesson-shown", watchScrollers);

// Material's, for the first page and for each that instant navigation puts in its place.
document$.subscribe(() => {
  watchScrollers();
  // What one copies of an example is what one types, without prompts and outputs.
  for (const example of document.querySelectorAll(".doc-contents pre > code")) {
    const typed = example.textContent.matchAll(/^(?:>>>|\.\.\.) ?(.*)/gm);
    example.dataset.copy = Array.from(typed, (line) => line[1]).join("\n");
  }
  // Around each copy button Material puts a landmark without a name.
  document.querySelectorAll(".md-code__nav").forEach((nav) => nav.setAttribute("role", "presentation"));
  document.querySelectorAll("[data-md-type=copy]").forEach((button) => button.setAttribute("aria-label", "Copy"));
});

// One switch a page shows all answers, or hides them. The next lesson does the same; the claims and the exam, which
// have no time above them, start closed.
document$.subscribe(() => {
  const folds = document.querySelectorAll(".lesson-predict");
  if (folds.length < 2 || document.querySelector(".lesson-switch")) return;
  const time = document.querySelector(".lesson-time");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "lesson-switch";
  const allOpen = () => [...folds].every((fold) => fold.open);
  const label = () => {
    button.textContent = allOpen() ? "Hide all answers" : "Show all answers";
  };
  const show = (all) => {
    for (const fold of folds) fold.open = all;
    label();
  };
  show(time !== null && localStorage.getItem("lesson-answers") === "true");
  for (const fold of folds) fold.addEventListener("toggle", label);
  button.addEventListener("click", () => {
    const all = !allOpen();
    if (time) localStorage.setItem("lesson-answers", all);
    show(all);
  });
  (time ?? document.querySelector(".md-content h1")).after(button);
});

// The page as Markdown, for an editor or a chat. A page without a copy of that kind, and one that may not use the
// clipboard, has no button.
document$.subscribe(() => {
  const copy = document.querySelector('link[rel~="alternate"][type="text/markdown"]');
  if (!copy || !navigator.clipboard || document.querySelector(".lesson-copy")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "lesson-copy";
  button.textContent = "Copy page";
  button.title = "Copy page as Markdown";
  button.ariaLive = "polite"; // so that a screen reader says what it says then
  button.addEventListener("click", async () => {
    // The clipboard takes the promise: after waiting, some browsers no longer allow it.
    const text = fetch(copy.href).then(async (answer) => {
      if (!answer.ok) throw new Error(answer.statusText);
      return new Blob([await answer.text()], { type: "text/plain" });
    });
    button.textContent = await navigator.clipboard
      .write([new ClipboardItem({ "text/plain": text })])
      .then(() => "Copied", () => "Not copied");
    setTimeout(() => (button.textContent = "Copy page"), 2000);
  });
  const above = [".lesson-switch", ".lesson-time", ".md-content h1"].map((name) => document.querySelector(name));
  above.find(Boolean).after(button);
});

// A fault is reported with the block that the reader pointed at last, by its line in the lesson's file.
const BLOCK = ".md-content .language-python:not(.doc-contents *, .doc-signature)";
let pointed;
for (const event of ["pointerdown", "focusin"]) {
  addEventListener(event, ({ target }) => {
    let box = target.closest(".md-content :is(.highlight, .lesson-output, .lesson-figure, .lesson-predict)");
    while (box && !box.matches(BLOCK)) box = box.previousElementSibling;
    pointed = box ?? pointed;
  });
}

addEventListener("click", ({ target }) => {
  if (!target.matches(".lesson-made a") || !pointed?.isConnected) return;
  const line = target.dataset.lines.split(",")[Array.from(document.querySelectorAll(BLOCK)).indexOf(pointed)];
  const [words] = pointed.querySelector("code").textContent.trim().split("\n");
  target.href = target.href.replace(/Block%3A%20.*?%0A/, `Block%3A%20${encodeURIComponent(`line ${line}, ${words}`)}%0A`);
});

// On paper nothing can be folded: answers go to the end, in the order of their questions.
addEventListener("beforeprint", () => {
  const folds = document.querySelectorAll(".md-content details");
  if (!folds.length || document.querySelector(".lesson-answers")) return;
  const answers = document.createElement("section");
  answers.className = "lesson-answers";
  answers.innerHTML = "<h2>Answers</h2>";
  folds.forEach((fold, index) => {
    const answer = document.createElement("div");
    const question = fold.querySelector("summary");
    // With the comments between them, which tell a live block its place
    const rest = [...fold.childNodes].filter((node) => node !== question);
    answer.dataset.answer = question.dataset.answer = index + 1;
    answer.append(...rest);
    answers.append(answer);
  });
  document.querySelector(".md-content__inner").append(answers);
});

addEventListener("afterprint", () => {
  for (const answer of document.querySelectorAll(".lesson-answers > div")) {
    document.querySelector(`summary[data-answer="${answer.dataset.answer}"]`).after(...answer.childNodes);
  }
  document.querySelector(".lesson-answers")?.remove();
});
