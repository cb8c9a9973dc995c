// Python as Prism's own grammar reads it, with the classes that Pygments gives: the page's colours hold for both.
import { rest } from "prism-code-editor/prism";

const EXPRESSION = {
  // The format after the colon, and the braces, are a part of the string.
  si: /^\{|(?:\s*=)?(?:![ars])?(?::[^()[\]{}:"']*)?\}$/,
};
const INTERPOLATION = {
  interpolation: {
    pattern: /((?:^|[^{])(?:\{\{)*)\{(?!\{)(?:[^{}]|\{(?:[^{}]|\{[^}]*\})*\})*\}/,
    lookbehind: true,
    inside: EXPRESSION,
  },
  s: /[^]+/,
};

export const python = {
  c1: /#.*/g,
  sd: { pattern: /(^[^\S\n]*)[bru]{0,2}("""|''')[^]*?\2/gim, lookbehind: true },
  f: {
    pattern: /(?:fr?|rf)(?:("""|''')[^]*?\1|(["'])(?:\\[^]|(?!\2)[^\\\n])*\2)/gi,
    inside: INTERPOLATION,
  },
  s: /(?:br?|rb?|u)?(?:("""|''')[^]*?\1|(["'])(?:\\[^]|(?!\2)[^\\\n])*\2)/gi,
  nn: { pattern: /(\b(?:from|import)[^\S\n]+)(?!None\b)[\w.]+/, lookbehind: true },
  nf: { pattern: /(\bdef[^\S\n]+)(?!__)\w+/, lookbehind: true },
  nc: { pattern: /(\bclass[^\S\n]+)\w+/, lookbehind: true },
  nd: { pattern: /(^[^\S\n]*)@\w+/m, lookbehind: true },
  kc: /\b(?:False|None|True)\b/,
  k: [
    /\b(?:and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield)\b/,
    { pattern: /(^[^\S\n]*)(?:case|match)(?=[^\S\n]+[^\s:,;=^&|@~)\]}])/m, lookbehind: true },
  ],
  mi: /\b0(?:b(?:_?[01])+|o(?:_?[0-7])+|x(?:_?[a-f\d])+)\b|(?:\b\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\B\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?j?(?!\w)/i,
  o: /[-!%&*+./<=>@^|~]+|:=/,
  p: /[()[\]{},:;]/,
};
EXPRESSION[rest] = python;
