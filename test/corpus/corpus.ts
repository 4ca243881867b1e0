import { ADDRESSES } from './addresses.ts';
import { BODIES } from './bodies.ts';
import { CONNECTIONS } from './connections.ts';
import type { Entry } from './entry.ts';
import { FRAMING } from './framing.ts';
import { HEADS } from './heads.ts';

/**
 * Written from the grammar of RFC 9110 and 9112, and from what has been published on request smuggling; each by its
 * rule, so that a proxy which learned this list by heart would have learned the rules.
 */
export const CORPUS: readonly Entry[] = [...FRAMING, ...BODIES, ...HEADS, ...ADDRESSES, ...CONNECTIONS];
