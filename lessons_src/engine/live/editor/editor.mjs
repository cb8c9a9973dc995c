// The editor of a live block: prism-code-editor, with a grammar that names tokens as the page's Pygments does.
import { createEditor as createPrismEditor, languageMap } from "prism-code-editor";
import {
  editHistory,
  editorCommands,
  indentSelectedLines,
  insertLineAndIndent,
  insertTab,
  moveSelectedLines,
  toggleComment,
} from "prism-code-editor/commands";
import { cursorPosition } from "prism-code-editor/cursor";
import "prism-code-editor/languages/python";
import { languages } from "prism-code-editor/prism";

import { python } from "./python.mjs";

languages.python = python;

const PAIRS = ["()", "[]", "{}", '""', "''"];
// What is typed is closed before a space, a closing bracket or a comma; a quote also after the f of an f-string.
const CLOSES = /((?:[^\w'"]|[bfru])["']|.[[({])[.,:;\])}\s]/is;
const KEYS = "Tab indents. Escape, then Tab leaves.";

let count = 0;

/**
 * Open an editor at the end of `parent`, a `pre` within `.highlight`, and return a handle on it.
 *
 * `label` is its accessible name. `onInput` is called with the text after each change, `onRun` on Ctrl+Enter and
 * Cmd+Enter.
 */
export function createEditor(parent, { value, label, onInput, onRun }) {
  // A code element, so that it looks like the one whose place it takes.
  const code = document.createElement("code");
  code.className = "lesson-editor";
  const keys = document.createElement("span");
  keys.className = "lesson-editor-keys";
  keys.id = `lesson-editor-keys-${++count}`;
  keys.textContent = KEYS;
  parent.append(code, keys);

  const run = (_editor, event) => {
    if (!event.repeat) onRun();
    return true;
  };
  const editor = createPrismEditor(
    code,
    { language: "python", lineNumbers: false, tabSize: 4, value },
    editHistory(),
    cursorPosition(),
    editorCommands(
      {
        Tab: (editor) => {
          const [start, end] = editor.getSelection();
          return start === end ? insertTab(editor, start) : indentSelectedLines(editor);
        },
        "Shift+Tab": (editor) => indentSelectedLines(editor, true),
        Enter: (editor) => insertLineAndIndent(editor),
        "Shift+Enter": (editor) => insertLineAndIndent(editor),
        "Alt+ArrowUp": (editor) => moveSelectedLines(editor, true),
        "Alt+ArrowDown": (editor) => moveSelectedLines(editor),
        "Mod+[": (editor) => indentSelectedLines(editor, true),
        "Mod+]": (editor) => indentSelectedLines(editor),
        "Mod+/": (editor) => toggleComment(editor),
        "Ctrl+Enter": run,
        "Cmd+Enter": run,
      },
      PAIRS,
      CLOSES,
    ),
  );
  const { textarea, keyCommandMap, inputCommandMap } = editor;
  delete keyCommandMap.Escape; // it would take the focus away, and Material's keys turn pages then
  delete inputCommandMap["<"]; // no pair in Python
  textarea.setAttribute("aria-label", label);
  textarea.setAttribute("aria-describedby", keys.id);
  textarea.setAttribute("autocorrect", "off");

  // After Escape, Tab is the browser's: nobody is caught in the editor.
  let leaving = false;
  textarea.addEventListener(
    "keydown",
    (event) => {
      if (leaving && event.key === "Tab") event.stopImmediatePropagation();
      if (event.key !== "Shift") leaving = event.key === "Escape";
    },
    true,
  );
  // Beside the text there is room that belongs to the editor too.
  code.addEventListener("click", () => textarea.focus());
  editor.on("update", (text) => onInput(text));

  return {
    get value() {
      return editor.value;
    },
    // As if it were typed, so that undo brings back what was there.
    set value(text) {
      textarea.dispatchEvent(new InputEvent("beforeinput", { inputType: "insertReplacementText" }));
      textarea.value = text;
      textarea.dispatchEvent(new InputEvent("input"));
    },
    focus() {
      textarea.focus();
    },
    remove() {
      code.remove();
      keys.remove();
    },
    markLine(number) {
      code.querySelector(".lesson-editor-mark")?.classList.remove("lesson-editor-mark");
      editor.lines[number]?.classList.add("lesson-editor-mark");
    },
  };
}
