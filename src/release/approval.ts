/** People who must agree before a place in a rollout. Never the one who started it. */
export type ApprovalRule = {
  /** Before any traffic, or before the share of so many percent; 100 is before it becomes stable. */
  readonly before: 'start' | number;
  /** So many different people. */
  readonly need: number;
  /** Only these count; null: everybody with a token of the role operator for the service. */
  readonly of: readonly string[] | null;
};

/** Waits for them. */
export type ApprovalStep = { readonly kind: 'approval' } & ApprovalRule;

/** The steps for one place, in the order of the file. */
export function approvalSteps(
  rules: readonly ApprovalRule[] | undefined,
  before: ApprovalRule['before'],
): readonly ApprovalStep[] {
  return (rules ?? [])
    .filter((rule) => rule.before === before)
    .map(({ need, of }) => ({ kind: 'approval', before, need, of }));
}

/** `before any traffic`, `before 50%`. */
export function placeWords(before: ApprovalRule['before']): string {
  return before === 'start' ? 'before any traffic' : `before ${before}%`;
}

/** `2 people`, `2 of ana, bob, carl`, `anybody else`. */
export function peopleWords({ need, of }: Pick<ApprovalRule, 'need' | 'of'>): string {
  if (of !== null) return `${need} of ${of.join(', ')}`;
  return need === 1 ? 'one other person' : `${need} other people`;
}

/** Whether everything that must be agreed to now must be agreed to then: rules may come, none may go or ask for less. */
export function keepsApprovals(
  now: readonly ApprovalRule[] | undefined,
  then: readonly ApprovalRule[] | undefined,
): boolean {
  return (now ?? []).every((rule) =>
    (then ?? []).some(
      ({ before, need, of }) => before === rule.before && need >= rule.need && isWithin(of, rule.of),
    ),
  );
}

function isWithin(of: ApprovalRule['of'], former: ApprovalRule['of']): boolean {
  if (former === null) return true;
  return of !== null && of.every((name) => former.includes(name));
}
