/** Calls as a person would type them: secrets are left out, texts are quoted for a shell. */

/** `curl -X PUT 'URL' -H 'NAME: …' -d '{…}'` */
export function curlLine(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  body?: unknown,
): string {
  const names = Object.keys(headers).map((name) => `-H ${quoted(`${name}: …`)}`);
  const data =
    body === undefined
      ? []
      : [`-H 'Content-Type: application/json' -d ${quoted(JSON.stringify(body))}`];
  return ['curl', '-X', method, quoted(url), ...names, ...data].join(' ');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Where a raw key belongs in a call that a person types. */
export const KEY_PLACE = '<the key itself>';
