// Signing in with a token. It is sent once, for a cookie that scripts cannot read, and kept nowhere.
import { html, useId, useState } from "./html.js";
import { signIn } from "./session.js";
import { ICON } from "./ui/brand.js";
import { Dialog } from "./ui/dialog.js";
import { Icon } from "./ui/icons.js";

export function SignIn() {
  return html`<main class="alone signin">
    <img src=${ICON} alt="" width="48" height="48" />
    <h1>Sign in to Tasky</h1>
    <${SignInForm} />
    <details>
      <summary>Where do I get a token?</summary>
      <p>Whoever looks after this server makes one, on the server or on the page of an admin:</p>
      <pre>tasky token create --name me --scope read --scope 'run:*'</pre>
    </details>
  </main>`;
}

/** Over the page, where a session ended. */
export function SignInAgain() {
  return html`<${Dialog} title="Your session has ended">
    <div class="dialog-text">
      <p>Sign in again to go on where you are.</p>
      <${SignInForm} />
    </div>
  <//>`;
}

function SignInForm() {
  const name = useId();
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState("");
  const submit = async (event) => {
    event.preventDefault();
    if (!token.trim()) {
      setTrouble("Paste your token first.");
      return;
    }
    setBusy(true);
    setTrouble("");
    try {
      await signIn(token.trim());
    } catch (error) {
      setTrouble(told(error));
      setBusy(false);
    }
  };
  return html`<form class="signin-form" onSubmit=${submit} novalidate>
    <label for=${name}>Token</label>
    <input
      id=${name}
      type="password"
      value=${token}
      autofocus
      autocomplete="current-password"
      placeholder="tsk_…"
      spellcheck=${false}
      aria-invalid=${Boolean(trouble)}
      aria-describedby=${`${name}-trouble`}
      onInput=${(event) => setToken(event.target.value)}
    />
    <p id=${`${name}-trouble`} class="field-error" role="alert">${trouble}</p>
    <button class="primary wide" disabled=${busy}>
      ${busy && html`<${Icon} name="spinner" />`}Sign in
    </button>
  </form>`;
}

function told(error) {
  if (error.status === 401)
    return "The server does not know this token. It may have expired, or been revoked.";
  if (error.status === 429)
    return `Too many wrong tokens came from here. Try again in ${error.retryAfter ?? 60} seconds.`;
  return error.message;
}
