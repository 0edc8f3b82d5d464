import { html } from "../html.js";
import { size } from "../format.js";
import { CloseButton } from "../ui/close.js";
import { Icon } from "../ui/icons.js";

/** A file, or several: chosen, or dropped onto it. */
export function FilesInput({ id, field, content, aria, onChange }) {
  const several = field.kind === "files";
  const add = (list) => onChange(several ? [...content, ...list] : [...list].slice(0, 1));
  const drop = (event) => {
    event.preventDefault();
    add(event.dataTransfer.files);
  };
  const choose = (event) => {
    add([...event.target.files]);
    event.target.value = "";
  };
  const chosen = (file, at) =>
    html`<div key=${at} class="file-chosen">
      <span class="file-name"><bdi>${file.name}</bdi></span>
      <span class="muted number">${size(file.size)}</span>
      <${CloseButton}
        label=${`Leave out ${file.name}`}
        onClick=${() => onChange(content.filter((each) => each !== file))}
      />
    </div>`;
  const button = html`<label class="button file-button">
      <${Icon} name="upload" />${several ? "Add files" : "Choose a file"}
      <input
        id=${id}
        name=${field.name}
        type="file"
        class="unseen"
        multiple=${several}
        accept=${field.schema.contentMediaType}
        ...${aria}
        onChange=${choose}
      />
    </label>
    <span class="muted small drop-hint">or drop ${several ? "them" : "it"} here</span>`;
  return html`<div class="file-drop" onDragOver=${(event) => event.preventDefault()} onDrop=${drop}>
    ${content.map(chosen)} ${(several || content.length === 0) && button}
  </div>`;
}
