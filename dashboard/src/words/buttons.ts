import type { Action } from '../api/api-types.ts';

/** A verb that a button gives. `rollback-to` is a rollback to a version that is named. */
export type ButtonVerb = Action | 'rollback-to';

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

/** What the server says that whoever looks may do, and of the rest why not. */
export type Permitted<A extends string> = {
  readonly allowedActions: readonly A[];
  readonly refusedActions: readonly {
    readonly action: A;
    readonly code: string | null;
    readonly why: string;
  }[];
};

/** Why the server would not do it; null: it would. */
export function refusalOf<A extends string>(
  of: Permitted<A>,
  action: A,
): { code: string | null; why: string } | null {
  if (of.allowedActions.includes(action)) return null;
  return (
    of.refusedActions.find((one) => one.action === action) ?? {
      code: null,
      why: 'The server does not offer it.',
    }
  );
}

export function offWords<A extends string>(of: Permitted<A>, action: A): string | null {
  const why = refusalOf(of, action)?.why ?? null;
  return why === null ? null : why.charAt(0).toUpperCase() + why.slice(1);
}
