/** The address of the page's own picture: beside this file, whatever version that is. */
export const ICON = new URL("../icon.svg", import.meta.url).href;
