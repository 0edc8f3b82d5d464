// A submission as a line for a shell.

const SECRET = "…";

/**
 * @param {{address: string, params: Record<string, any>, files: [string, File][], secrets: string[], auth: boolean}} told
 * @returns {string} the secrets are left out, for the line goes to where anybody may look
 */
export function curlOf({ address, params, files, secrets, auth }) {
  const shown = Object.fromEntries(
    Object.entries(params).map(([key, value]) => [key, secrets.includes(key) ? SECRET : value]),
  );
  const words = ["curl", quoted(address)];
  if (auth) words.push("-H", '"Authorization: Bearer $TASKY_TOKEN"');
  if (files.length) {
    if (Object.keys(shown).length)
      words.push("--form-string", quoted(`params=${JSON.stringify(shown)}`));
    for (const [name, file] of files)
      words.push("-F", quoted(`${name}=@"${file.name.replace(/[\\"]/g, "\\$&")}"`));
  } else {
    words.push("-H", quoted("Content-Type: application/json"), "-d", quoted(JSON.stringify(shown)));
  }
  return words.join(" ");
}

/** For a POSIX shell. */
export function quoted(text) {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
