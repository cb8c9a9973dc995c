"use strict";

// What a page's HTML cannot say, because it is known only in the browser. Every page works without it.

// Material's, for the first page and for each that instant navigation puts in its place.
document$.subscribe(() => {
  // What one copies of an example is what one types, without prompts and outputs.
  for (const example of document.querySelectorAll(".doc-contents pre > code")) {
    const typed = example.textContent.matchAll(/^(?:>>>|\.\.\.) ?(.*)/gm);
    example.dataset.copy = Array.from(typed, (line) => line[1]).join("\n");
  }
});
