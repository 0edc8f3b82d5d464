import { html } from "../html.js";

/**
 * A plain table; on a phone it scrolls in its own frame, never the page.
 * @param {{label: string, columns: {title: string, cell: (row: any) => unknown, class?: string}[], rows: any[],
 *   keyOf: (row: any) => string}} props
 */
export function Table({ label, columns, rows, keyOf }) {
  const head = ({ title, class: kind }) => html`<th scope="col" class=${kind}>${title}</th>`;
  return html`<div class="table-frame" tabindex="0" role="region" aria-label=${label}>
    <table>
      <thead>
        <tr>
          ${columns.map(head)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr key=${keyOf(row)}>
              ${columns.map(({ cell, class: kind }) => html`<td class=${kind}>${cell(row)}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
