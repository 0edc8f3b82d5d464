// Where one is in a list of a million rows, of which only those around the ones that one sees are in the page. Rows may
// have any height: those that are there lie in the page's flow, between two empty boxes that stand for all others.
// Browsers do not know boxes of a million rows' height, so from some height on a row stands for less than its own: then
// what one sees moves as it is scrolled, and the scroll bar is put right as soon as one rests.

/** The height that all rows together have at the most. */
const HIGHEST = 8_000_000;
/** So many rows are there above and below what one sees. */
const MARGIN = 40;
/** Milliseconds without scrolling. */
const REST = 200;
/** Whoever is so near to the end, in pixels, is there. */
const CLOSE = 4;

/** Where one is in a list. Whoever shows the list makes it, and tells it how many rows there are. */
export class Place {
  count = 0;
  /** The rows that are in the page. */
  first = 0;
  end = 0;
  /** The height of the box above them. */
  above = 0;
  /** Stays at the end while rows come. */
  following = false;
  onMove = () => {};
  onFollow = () => {};

  #element = null;
  #rows = null;
  #height = 20;
  /** What is to stand where, once the rows are drawn: {index, y} from the upper edge; null: as it comes. */
  #anchor = null;
  #lastTop = 0;
  #rest = 0;
  #redraw = () => {};

  // ---------------------------------------------------------------- for whoever shows the list

  /** @param {number} count how many rows there are; those that are new come at the end */
  setCount(count) {
    if (count === this.count) return;
    this.count = count;
    if (this.following) this.toEnd();
    else if (this.#element) this.#keep();
  }

  /** The rows are others now: the one that was `before` is at `index`. */
  replaced(count, index) {
    const anchor = this.#seen();
    this.count = count;
    this.#go(index, anchor ? anchor.y : 0);
  }

  /** The row that is the first to be seen. */
  get top() {
    return this.#seen()?.index ?? this.first;
  }

  /** Shows a row in the middle, unless it is to be seen already. */
  show(index) {
    this.follow(false);
    const row = this.#rows?.children[index - this.first];
    const view = this.#element;
    if (row && index < this.end) {
      const y = row.offsetTop - view.scrollTop;
      if (y >= 0 && y + row.offsetHeight <= view.clientHeight) return;
    }
    this.#go(index, (view?.clientHeight ?? 0) / 2 - this.#height);
  }

  /** Rows are about to have other heights: what one sees stays. */
  hold() {
    if (this.following) this.toEnd();
    else this.#keep();
  }

  toStart() {
    this.follow(false);
    this.#go(0, 0);
  }

  toEnd() {
    this.#go(this.count - 1, Number.MAX_SAFE_INTEGER);
  }

  follow(is) {
    if (is !== this.following) {
      this.following = is;
      this.onFollow(is);
    }
    if (is) this.toEnd();
  }

  // ---------------------------------------------------------------- for the component

  attach(element, rows, redraw) {
    this.#element = element;
    this.#rows = rows;
    this.#redraw = redraw;
    const measure = () => {
      this.#height = Number.parseFloat(getComputedStyle(element).lineHeight) || this.#height;
      this.hold();
    };
    const onScroll = () => this.#scrolled();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", onScroll);
      clearTimeout(this.#rest);
      this.#element = null;
    };
  }

  get below() {
    const rest = this.count - this.end;
    return rest ? Math.max(rest * this.#each, this.#visible * this.#height) : 0;
  }

  /** The rows are in the page: now their heights are known. */
  drawn() {
    const view = this.#element;
    if (!view) return;
    if (!this.#anchor) {
      if (this.following) view.scrollTop = view.scrollHeight;
      return;
    }
    const { index, y } = this.#anchor;
    this.#anchor = null;
    const row = this.#rows.children[index - this.first];
    if (!row) return;
    const inside = row.offsetTop - this.above;
    const wanted = Math.min(y, view.clientHeight - row.offsetHeight);
    let above = view.scrollTop + wanted - inside;
    let top = view.scrollTop;
    const ideal = this.first * this.#each;
    // At the beginning there is nothing above; and where a jump led elsewhere than to its place, the bar follows.
    if (
      this.first === 0 ||
      above < 0 ||
      Math.abs(above - ideal) > HIGHEST / 20 ||
      this.end === this.count
    ) {
      above = ideal;
      top = above + inside - wanted;
    }
    this.above = above;
    this.#rows.previousElementSibling.style.height = `${above}px`;
    this.#rows.nextElementSibling.style.height = `${this.below}px`;
    if (top !== view.scrollTop) view.scrollTop = top;
    this.#lastTop = view.scrollTop;
  }

  // ---------------------------------------------------------------- inside

  get #visible() {
    return Math.ceil((this.#element?.clientHeight ?? 0) / this.#height) + 1;
  }

  /** What a row stands for in the scroll bar. */
  get #each() {
    return Math.min(this.#height, HIGHEST / Math.max(1, this.count));
  }

  /** The first row that is seen, and where. */
  #seen() {
    const view = this.#element;
    const rows = this.#rows?.children;
    if (!view || !rows?.length) return null;
    let low = 0;
    let high = rows.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].offsetTop + rows[middle].offsetHeight > view.scrollTop) high = middle;
      else low = middle + 1;
    }
    return { index: this.first + low, y: rows[low].offsetTop - view.scrollTop };
  }

  #scrolled() {
    const view = this.#element;
    const up = view.scrollTop < this.#lastTop - 1;
    this.#lastTop = view.scrollTop;
    const isAtEnd =
      this.end === this.count && view.scrollTop + view.clientHeight >= view.scrollHeight - CLOSE;
    if (this.following && up && !isAtEnd) this.follow(false);
    else if (!this.following && isAtEnd && !up) this.follow(true);
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#settle(), REST);
    const upper = view.scrollTop - this.above;
    const lower = this.above + this.#rows.offsetHeight - view.scrollTop - view.clientHeight;
    if (upper < -view.clientHeight || lower < -view.clientHeight) this.#jump();
    else if (
      (upper < 10 * this.#height && this.first > 0) ||
      (lower < 10 * this.#height && this.end < this.count)
    )
      this.#keep();
  }

  /** Far away, by the scroll bar. */
  #jump() {
    const view = this.#element;
    const part = view.scrollTop / Math.max(1, view.scrollHeight - view.clientHeight);
    const exact = part * Math.max(0, this.count - view.clientHeight / this.#height);
    const index = Math.min(this.count - 1, Math.floor(exact));
    this.#go(index, -(exact - index) * this.#height);
  }

  /** Other rows around the same place. */
  #keep() {
    const seen = this.#seen();
    if (seen) this.#go(Math.min(seen.index, this.count - 1), seen.y);
    else this.#go(0, 0);
  }

  #settle() {
    const seen = this.#seen();
    if (
      !seen ||
      this.following ||
      Math.abs(this.above - this.first * this.#each) < this.#visible * this.#height
    )
      return;
    this.above = this.first * this.#each;
    this.#rows.previousElementSibling.style.height = `${this.above}px`;
    this.#rows.nextElementSibling.style.height = `${this.below}px`;
    const row = this.#rows.children[seen.index - this.first];
    this.#element.scrollTop = row.offsetTop - seen.y;
    this.#lastTop = this.#element.scrollTop;
  }

  #go(index, y) {
    const at = Math.max(0, Math.min(index, this.count - 1));
    this.#anchor = this.count ? { index: at, y } : null;
    const before = Math.min(
      at,
      y > 0 ? Math.ceil(Math.min(y, this.#visible * this.#height) / this.#height) + MARGIN : MARGIN,
    );
    this.first = at - before;
    this.end = Math.min(this.count, at + this.#visible + MARGIN);
    this.onMove(this.first, this.end);
    this.#redraw();
  }
}
