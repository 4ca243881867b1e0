import type { CodeEntry } from './code-entry.ts';

/** Of what a service asks of its door. */
export const DOOR_CODES = {
  TRAFFIC_DOOR_UNFIT: {
    title: 'This proxy cannot have such a door',
    cause:
      'The services on one listener have all TLS or none and the same bounds for connections and heads, and a port that redirects serves nothing else. Behind HAProxy the replicas of one slot need the same path prefix.',
    fix: 'Change what the message names, or choose another proxy.',
  },
  TRAFFIC_ERROR_PAGE_UNUSABLE: {
    title: 'A page of error-pages cannot be served',
    cause:
      'A file of `error-pages:` is not there, may not be read by the user that the server runs as, is no text in UTF-8, is no JSON though it is named so, or is too large.',
    fix: 'Mend what the message names, and apply again. What served before still serves.',
  },
} as const satisfies Record<string, CodeEntry>;
