/** What a request must have to be one of those that are meant. */
export type RequestMatch = {
  readonly on: MatchPlace;
  /** A header in lower case; a cookie or a parameter as it is sent. */
  readonly name: string;
  readonly value:
    | { readonly kind: 'present' }
    | { readonly kind: 'is' | 'begins-with'; readonly text: string };
};

export const MATCH_PLACES = ['header', 'cookie', 'query'] as const;
export type MatchPlace = (typeof MATCH_PLACES)[number];

/** Names of cookies and parameters, and what both can carry without being escaped. */
export const PLAIN_NAME = /^[A-Za-z0-9._~!$*-]{1,64}$/;
export const PLAIN_VALUE = /^[A-Za-z0-9._~!$'()*+:@/%-]{1,200}$/;
/** Of a header: printable, without space at its ends. */
export const HEADER_VALUE = /^[!-~](?:[ -~]{0,198}[!-~])?$/;

const NOT_TO_MATCH =
  /^(?:host|cookie|connection|content-length|transfer-encoding|upgrade|te|trailer|expect|keep-alive|forwarded|proxy-.*|x-forwarded-.*|x-real-ip|x-accel-.*|x-bascule-.*)$/;

/** Headers that proxies read or write themselves, in lower case: what they hold is not what a client said. */
export function isProxysOwn(header: string): boolean {
  return NOT_TO_MATCH.test(header);
}

/** Equal for conditions that ask the same, in whatever order they stand. */
export function matchKey(all: readonly RequestMatch[]): string {
  return all
    .map(({ on, name, value }) => JSON.stringify([on, name, value.kind, 'text' in value ? value.text : '']))
    .toSorted()
    .join();
}
