/** Forms of values that have no unit. Editors check the same ones, through the JSON Schema. */

/** Who a token says somebody is. */
export const PERSON = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/;
export const NAME = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
export const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
export const SECRET =
  /^(?:env:[A-Za-z_][A-Za-z0-9_]{0,127}|file:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,126}[A-Za-z0-9_-])?)$/;
export const USER = /^(?!root$)[a-z_][a-z0-9_-]{0,31}$/;
export const URL_PATH =
  /^(?=.{1,1024}$)\/(?!\/)(?!(?:.*\/)?\.{1,2}(?:\/|$))(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}|\/(?!\/))*$/;
export const HEALTH_PATH = /^\/(?!\/)[!-"$-~]{0,2047}$/;
export const HOST =
  /^(?:\*|(?=.{1,253}$)(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*)$/;
/** A host that is one name. */
export const ONE_HOST =
  /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
export const LISTEN = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]{2,45}\]|localhost|\*):\d{1,5}$/;
export const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|localhost|\*)$/;
/** What can stand in the configuration of any program without quotes: no spaces, no `..`. */
export const ABSOLUTE_FILE = /^(?!.*\/\.{1,2}(?:\/|$))(?:\/[A-Za-z0-9._-]{1,255}){1,32}$/;
/** A page of one's own: its end says what it is. */
export const ERROR_PAGE =
  /^(?!.*\/\.{1,2}(?:\/|$))(?:\/[A-Za-z0-9._-]{1,255}){1,32}(?<=\.(?:html|json|txt))$/;
/** One of a user's own; `resolve-override.ts` refuses those that proxies give a meaning. */
export const OVERRIDE_HEADER = /^[Xx]-[A-Za-z0-9](?:[A-Za-z0-9-]{0,58}[A-Za-z0-9])?$/;
export const CIDR = /^(?:\d{1,3}(?:\.\d{1,3}){3}\/\d{1,2}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\/\d{1,3})$/;
/** Of HTTP, in capitals. */
export const METHOD = /^[A-Z]{1,20}$/;
export const HEADER = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;

/** A path that lacks its slash, or stands in a whole address. */
export function suggestPath(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const inAddress = /^https?:\/\/[^/]+(\/[A-Za-z0-9._~/-]+)$/.exec(value);
  if (inAddress !== null) return inAddress[1]!;
  return /^[A-Za-z0-9._~-][A-Za-z0-9._~/-]*$/.test(value) ? `/${value}` : null;
}

/** A host with a scheme before it, or a port or path behind it. */
export function suggestHost(value: unknown): string | null {
  const match = /^(?:[a-z]+:\/\/)?([^/:]+)(?::\d+)?(?:\/.*)?$/i.exec(String(value));
  return match !== null && match[1] !== value && HOST.test(match[1]!) ? match[1]! : null;
}
