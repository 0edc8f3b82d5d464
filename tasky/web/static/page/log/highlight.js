// Marks where a text was found, without changing the page: the browser paints it (CSS Custom Highlight API). One that
// cannot still shows which lines they are.
const NAME = "found";
const MOST = 2000;

/**
 * @param {HTMLElement | null} box
 * @param {string} text nothing: no marks
 */
export function mark(box, text) {
  if (!globalThis.CSS?.highlights) return;
  CSS.highlights.delete(NAME);
  if (!box || !text) return;
  const ranges = [];
  const needle = text.toLowerCase();
  for (const line of box.querySelectorAll(".log-line.found .log-text")) {
    const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
    while (walker.nextNode() && ranges.length < MOST) {
      const content = walker.currentNode.data.toLowerCase();
      for (
        let at = content.indexOf(needle);
        at >= 0;
        at = content.indexOf(needle, at + needle.length)
      ) {
        if (at + needle.length > walker.currentNode.length) break;
        const range = new Range();
        range.setStart(walker.currentNode, at);
        range.setEnd(walker.currentNode, at + needle.length);
        ranges.push(range);
      }
    }
  }
  CSS.highlights.set(NAME, new Highlight(...ranges));
}
