// Colours that programs write for terminals (ECMA-48, SGR). All other sequences are left out; the text stays text.
import { html } from "../html.js";

const SEQUENCE = new RegExp(
  [
    String.raw`\x1b\[([0-9;:]*)m`, // colours
    String.raw`\x1b\[[0-?]*[ -/]*[@-~]`, // all other controls
    String.raw`\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?`, // commands: titles, links
    String.raw`\x1b[PX^_][^\x1b]*(?:\x1b\\)?`, // strings for devices
    String.raw`\x1b[ -/]*[0-~]`,
  ].join("|"),
  "g",
);
/** Terminals show nothing for these; here one sees that they are there. */
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/g;

/**
 * @typedef {{fg?: number | string, bg?: number | string, bold?: boolean, faint?: boolean, italic?: boolean,
 *   underline?: boolean, struck?: boolean, inverse?: boolean}} Style  colours: 0 to 15, or one of CSS
 */

/**
 * @param {string} text
 * @param {Style} [style] as it was at the end of the line before
 * @returns {{spans: {text: string, style: Style}[], style: Style}}
 */
export function parseAnsi(text, style = {}) {
  if (!text.includes("\x1b")) return { spans: [{ text: visible(text), style }], style };
  const spans = [];
  let current = style;
  let from = 0;
  for (const match of text.matchAll(SEQUENCE)) {
    if (match.index > from)
      spans.push({ text: visible(text.slice(from, match.index)), style: current });
    from = match.index + match[0].length;
    if (match[1] !== undefined) current = apply(current, match[1].split(/[;:]/).map(Number));
  }
  if (from < text.length) spans.push({ text: visible(text.slice(from)), style: current });
  return { spans, style: current };
}

/** Without any of it: to search in. */
export function plainText(text) {
  return visible(text.replace(SEQUENCE, ""));
}

function visible(text) {
  return text
    .replace(/\r$/, "")
    .replace(CONTROL, (letter) =>
      String.fromCharCode(letter === "\x7f" ? 0x2421 : 0x2400 + letter.charCodeAt(0)),
    );
}

const SWITCHES = {
  1: { bold: true },
  2: { faint: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  9: { struck: true },
  22: { bold: false, faint: false },
  23: { italic: false },
  24: { underline: false },
  27: { inverse: false },
  29: { struck: false },
  39: { fg: undefined },
  49: { bg: undefined },
};

function apply(style, codes) {
  let made = style;
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at];
    const place =
      code === 38 || (code >= 30 && code < 38) || (code >= 90 && code < 98) ? "fg" : "bg";
    if (code === 0) made = {};
    else if (SWITCHES[code]) made = { ...made, ...SWITCHES[code] };
    else if (code === 38 || code === 48) {
      const [colour, used] = extended(codes.slice(at + 1));
      made = { ...made, [place]: colour };
      at += used;
    } else if ((code >= 30 && code < 38) || (code >= 40 && code < 48))
      made = { ...made, [place]: code % 10 };
    else if ((code >= 90 && code < 98) || (code >= 100 && code < 108))
      made = { ...made, [place]: (code % 10) + 8 };
  }
  return made;
}

/** One of 256 colours (5;N), or one of all (2;R;G;B), and how many numbers that took. */
function extended([kind, ...rest]) {
  if (kind === 5) return [ofPalette(rest[0]), 2];
  if (kind === 2 && rest.length >= 3)
    return [
      `rgb(${rest
        .slice(0, 3)
        .map((each) => each & 255)
        .join(" ")})`,
      4,
    ];
  return [undefined, 1];
}

function ofPalette(number = 0) {
  if (number < 16) return number;
  if (number >= 232)
    return `rgb(${Array(3)
      .fill(8 + (number - 232) * 10)
      .join(" ")})`;
  const steps = [
    Math.floor((number - 16) / 36),
    Math.floor((number - 16) / 6) % 6,
    (number - 16) % 6,
  ];
  return `rgb(${steps.map((step) => (step ? 55 + step * 40 : 0)).join(" ")})`;
}

/** @param {{text: string, style: Style}} props */
export function AnsiSpan({ text, style }) {
  if (style === undefined || Object.keys(style).length === 0) return text;
  const { fg, bg, ...switches } = style;
  const classes = Object.keys(switches)
    .filter((name) => switches[name])
    .map((name) => `ansi-${name}`);
  const colours = {};
  if (typeof fg === "number") classes.push(`ansi-fg-${fg}`);
  else if (fg) colours.color = fg;
  if (typeof bg === "number") classes.push(`ansi-bg-${bg}`);
  else if (bg) colours.backgroundColor = bg;
  return html`<span class=${classes.join(" ")} style=${colours}>${text}</span>`;
}

/** A line of a log in its colours. */
export function Ansi({ text }) {
  return parseAnsi(text).spans.map((span, at) => html`<${AnsiSpan} key=${at} ...${span} />`);
}
