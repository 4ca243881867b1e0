import type { Action, InfoAnswer } from '../api/api-types.ts';

/** A verb that a button gives: those that the server counts among the actions, and those that are always there. */
export type ButtonVerb = Action | 'rollback-to' | 'lock' | 'unlock' | 'break-lock' | 'freeze' | 'unfreeze';

/** What is asked for in a dialog before a verb is given. */
export type Field = 'note' | 'reason' | 'override' | 'share' | 'version' | 'length' | 'also-advancing';

/** What somebody said there. */
export type Given = {
  readonly note?: string;
  readonly percent?: number;
  readonly version?: string;
  /** From now on; neither this nor the next: without end. */
  readonly forMs?: number;
  readonly untilMs?: number;
  readonly alsoAdvancing?: boolean;
};

/** A verb as a button. */
export type Button = {
  readonly verb: ButtonVerb;
  readonly label: string;
  readonly look: 'main' | 'back' | 'usual';
  /** Why it cannot be used now; null: it can. */
  readonly off: string | null;
  /** What its dialog asks for, which may be nothing but whether it is meant; null: no dialog, it is done at once. */
  readonly asks: readonly Field[] | null;
  /** What it does, in the dialog. */
  readonly says: string;
};

export type Known = Pick<InfoAnswer, 'role' | 'actor'>;

export const VIEWER_WORDS = 'Your role is viewer: it may only look.';

type Guard = { readonly by: string; readonly reason: string | null };

export function frozenWords({ by, reason }: Guard): string {
  return `Frozen by ${by}${reason === null ? '' : `: ${reason}`}.`;
}
