// How one likes to see logs: remembered by the browser.
import { useState } from "../html.js";

const KEY = "tasky-log";
const USUAL = { wrap: true, times: false };

/** @returns {[typeof USUAL, (name: keyof typeof USUAL) => void]} and what changes one of them */
export function useLook() {
  const [look, setLook] = useState(remembered);
  const toggle = (name) => {
    const next = { ...look, [name]: !look[name] };
    setLook(next);
    try {
      localStorage.setItem(KEY, JSON.stringify(next));
    } catch {
      // Then it holds until the page is left.
    }
  };
  return [look, toggle];
}

function remembered() {
  try {
    return { ...USUAL, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return USUAL;
  }
}
