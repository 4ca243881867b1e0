import type { Turn } from './turn.ts';

/** A verb's answer: a turn, nothing to do (already so), or a refusal that changes nothing. */
export type Answer =
  | { readonly kind: 'turn'; readonly turn: Turn }
  | { readonly kind: 'nothing'; readonly why: string }
  | { readonly kind: 'refused'; readonly code: string; readonly why: string };

export function turned(turn: Turn): Answer {
  return { kind: 'turn', turn };
}

export function nothing(why: string): Answer {
  return { kind: 'nothing', why };
}

export function refused(code: string, why: string): Answer {
  return { kind: 'refused', code, why };
}
