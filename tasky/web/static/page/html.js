// The view library in one place: preact and its hooks, with htm for the markup, which needs no build step.
import { Fragment, createContext, createPortal, h, render } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

export * from "./vendor/hooks.js";
export { Fragment, createContext, createPortal, render };

/** Markup as a template: html`<p class="muted">${text}</p>`. What is filled in becomes text, never markup. */
export const html = htm.bind(h);
