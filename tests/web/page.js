// As much of a browser as the page's script uses: a tree of elements, of which the text is printed.
class Node {
  constructor(name) { this.tagName = name.toUpperCase(); this.children = []; this.dataset = {}; this.listeners = {}; }
  get childElementCount() { return this.children.length; }
  get textContent() { return this.children.map((each) => (typeof each === "string" ? each : each.textContent)).join(" "); }
  set textContent(text) { this.children = [text]; }
  setAttribute(key, value) { this[key] = value; }
  append(...children) {
    if (children.some((each) => each === null || each === undefined)) throw new Error("nothing was appended");
    this.children.push(...children);
  }
  replaceChildren(...children) { this.children = children; }
  addEventListener(name, listener) { this.listeners[name] = listener; }
}
const places = new Map();
const made = [];
globalThis.location = { origin: "", hash: "" };
globalThis.document = {
  createElement: (name) => { const node = new Node(name); made.push(node); return node; },
  getElementById: (id) => { if (!places.has(id)) places.set(id, new Node("div")); return places.get(id); },
  querySelectorAll: () => [],
};
globalThis.fetch = async () => ({ ok: true, status: 200, json: async () => (DESCRIPTION) });
function report() {
  setTimeout(() => {
    for (const node of made.filter((each) => each.tagName === "DETAILS")) { node.open = true; node.listeners.toggle(); }
    console.log(places.get("operations").textContent);
  });
}
