import { assert } from '../lib/assert.ts';

const NAME = /^[A-Za-z0-9_~!'()*%-][A-Za-z0-9_.~!'()*%-]*$/;

/** Any text as one file name, reversible: `release/1.2` -> `release%2F1.2`, `..` -> `%2E.`. */
export function fileNameOf(text: string): string {
  const name = encodeURIComponent(text).replace(/^\./, '%2E');
  assert(NAME.test(name) && name.length <= 255, `"${text}" cannot be a file name`);
  return name;
}

export function textOfFileName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // not one of ours
  }
}
