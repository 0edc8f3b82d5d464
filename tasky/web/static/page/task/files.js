// The files that a task left: pictures as such, all of them to be taken away.
import { html, useState } from "../html.js";
import { url } from "../api.js";
import { size } from "../format.js";
import { Icon } from "../ui/icons.js";

/** What the server shows inline. */
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const LARGEST = 10 << 20;

export function Files({ task }) {
  return html`<ul class="files">
    ${task.Artifacts.map(
      (file) => html`<${File} key=${file.Path} id=${task.TaskId} file=${file} />`,
    )}
  </ul>`;
}

function addressOf(id, { Path }, options) {
  return url("tasks", id, "files", ...Path.split("/"), options ?? {});
}

function File({ id, file }) {
  const [failed, setFailed] = useState(false);
  const isPicture = PICTURES.has(file.MediaType) && file.Size <= LARGEST && !failed;
  const inline = addressOf(id, file, { inline: true });
  return html`<li>
    ${
      isPicture &&
      html`<a class="picture" href=${inline} target="_blank" rel="noopener">
        <img src=${inline} alt=${file.Name} loading="lazy" onError=${() => setFailed(true)} />
      </a>`
    }
    <div class="file">
      <div>
        <b><bdi>${file.Name}</bdi></b>
        <div class="small muted">${size(file.Size)} · <bdi>${file.MediaType}</bdi></div>
      </div>
      <a class="button" href=${addressOf(id, file)} download=${file.Name}
        ><${Icon} name="download" />Download</a
      >
    </div>
  </li>`;
}
