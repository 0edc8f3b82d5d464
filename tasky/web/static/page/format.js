// Numbers, sizes, durations and times as people read them: in their language's way, and in their zone.

const COUNT = new Intl.NumberFormat();
const ONE_DIGIT = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const DAY = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});
const YEAR = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** @param {number} value */
export function count(value) {
  return COUNT.format(value);
}

/** 1536 -> 1.5 KiB */
export function size(bytes) {
  let step = 0;
  let value = bytes;
  while (value >= 1024 && step < UNITS.length - 1) {
    value /= 1024;
    step += 1;
  }
  return `${ONE_DIGIT.format(value)} ${UNITS[step]}`;
}

/** 42.5 -> 43 %: it never says 100 before it is done, nor 0 once something is. */
export function percent(value) {
  const whole = Math.round(value);
  if (whole >= 100 && value < 100) return "99 %";
  return `${whole} %`;
}

/** Two units of a duration: 350 ms, 4.2 s, 1 min 05 s, 2 h 03 min, 3 d 4 h. */
export function duration(seconds) {
  if (seconds < 0.9995) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  return `${count(Math.floor(minutes / 1440))} d ${Math.floor((minutes % 1440) / 60)} h`;
}

/** The same of something that goes on, by whole seconds, so that it does not flicker. */
export function ticking(seconds) {
  return seconds < 60 ? `${Math.max(0, Math.floor(seconds))} s` : duration(Math.floor(seconds));
}

function two(value) {
  return String(value).padStart(2, "0");
}

/** Everything about a moment, with the zone: for a tooltip. */
export function fullTime(iso) {
  return FULL.format(new Date(iso));
}

/** A moment as short as it can be said: 14:03:22 today, 24 Nov, 14:03 this year, 24 Nov 2025 before. */
export function shortTime(iso, now = new Date()) {
  const then = new Date(iso);
  if (then.toDateString() === now.toDateString()) return CLOCK.format(then);
  return (then.getFullYear() === now.getFullYear() ? DAY : YEAR).format(then);
}

/** 5 min. ago, in 2 hr. */
export function relativeTime(iso, now = Date.now()) {
  const seconds = (new Date(iso).getTime() - now) / 1000;
  const far = Math.abs(seconds);
  if (far < 60) return RELATIVE.format(Math.round(seconds), "second");
  if (far < 3600) return RELATIVE.format(Math.round(seconds / 60), "minute");
  if (far < 86400) return RELATIVE.format(Math.round(seconds / 3600), "hour");
  return RELATIVE.format(Math.round(seconds / 86400), "day");
}

/** The beginning of a task's id tells little, for ids begin with the time: its end tells them apart. */
export function shortId(id) {
  return id.slice(-8);
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}
