import type { Caller } from './controller.ts';

/** What the audit knows of a verb beside its event. `from` is absent in older records. */
export type Origin = { readonly role: string; readonly verb: string; readonly from?: string };

/** Who asked by which verb, and from where. */
export function originOf({
  role,
  verb,
  from,
}: Pick<Caller, 'verb' | 'from'> & { readonly role: string }): Origin {
  return { role, verb: verb ?? '', ...(from !== undefined && { from }) };
}
