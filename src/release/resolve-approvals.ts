import type { ApprovalRule } from './approval.ts';
import type { Path, Problem } from './problem.ts';
import type { ApprovalInput } from './schema-approval.ts';
import { formatPercent, parsePercent } from './units.ts';

/** What the file asks for, at places that the rollout has. */
export function resolveApprovals(
  input: readonly ApprovalInput[],
  stepsPercent: readonly number[],
  { path, problems }: { readonly path: Path; readonly problems: Problem[] },
): readonly ApprovalRule[] {
  return input.map((rule, index) => {
    const before = rule.before === 'start' ? 'start' : (parsePercent(rule.before) ?? 0);
    const { need = 1, of = null } = rule;
    const at = (key: string, message: string, note: string, fix: string | null): void =>
      void problems.push({ code: 'E090', path: [...path, index, key], at: 'value', message, note, fix });
    if (before !== 'start' && !stepsPercent.includes(before)) {
      const steps = stepsPercent.map(formatPercent).join(', ');
      at('before', 'an approval stands before a step', 'no step has this share', `one of start, ${steps}`);
    }
    const repeated = input.findIndex((other) => other.before === rule.before);
    if (repeated < index)
      at(
        'before',
        'one approval for each place',
        'there is one for this already',
        'write one of them, with need: and of:',
      );
    if (of !== null && new Set(of).size < of.length)
      at('of', 'everybody is named once', 'somebody stands here twice', null);
    if (of !== null && new Set(of).size < need)
      at('of', `${need} of ${of.length} people cannot agree`, 'fewer people than need:', null);
    return { before, need, of };
  });
}
