import { describePlan } from '../release/describe-plan.ts';
import type { Cause, Rollout } from '../rollout/state.ts';
import type { Moment } from './allowed.ts';
import { wallOfSecond, type RolloutRecord } from './records.ts';
import type { RolloutView, WhyView } from './views.ts';

type Behind = Pick<
  WhyView,
  'sentence' | 'rule' | 'rules' | 'shares' | 'gaps' | 'watch' | 'failed' | 'judged'
>;

/** Everything behind a decision that its record holds. */
export function behind(record: RolloutRecord, view: RolloutView, moment: Moment): Behind {
  const { rollout, watch = null, judged = null, failed = [] } = record;
  const at = (second: number): number => wallOfSecond(record, second, moment);
  const cause = (record.ending ?? rollout.ending)?.cause ?? null;
  return {
    sentence: sentenceOf(view),
    rule: cause === null ? null : ruleOf(cause, rollout),
    rules: describePlan(rollout.plan).filter((line) =>
      /^(mirror|header-only|judge|undecided|watched) /.test(line),
    ),
    shares: rollout.spans
      .filter(({ fromSecond, toSecond }) => toSecond === null || toSecond >= fromSecond)
      .map(({ sharePercent, early, fromSecond, toSecond }) => ({
        sharePercent,
        ...(early !== undefined && { early }),
        fromMs: at(fromSecond),
        seconds: Math.max(0, (toSecond ?? judged?.toSecond ?? fromSecond - 1) - fromSecond + 1),
      })),
    gaps: rollout.lost.map(({ fromSecond, toSecond }) => ({
      fromMs: at(fromSecond),
      seconds: toSecond - fromSecond + 1,
    })),
    watch,
    failed: failed.map(({ second, replica, kind, status, method, path }) => ({
      atMs: at(second),
      replica,
      kind,
      status,
      method,
      path,
    })),
    judged: judged === null ? null : { toMs: at(judged.toSecond), version: judged.version },
  };
}

function sentenceOf(rollout: RolloutView): string {
  if (rollout.outcome === null)
    return `${rollout.label} is under way${rollout.waiting === null ? '' : `; it waits for ${rollout.waiting}`}`;
  return `${rollout.label}: ${rollout.outcome}: ${rollout.reason ?? ''}`;
}

/** The rule by which it ended, as a person would state it. */
function ruleOf(cause: Cause, { plan, spans }: Rollout): string {
  const lastEarly = spans.at(-1)?.early;
  switch (cause) {
    case 'promoted':
      return 'every step was surely not worse than its limits, or went on as "when-unsure" says';
    case 'harmful':
      if (lastEarly === 'header-only')
        return 'more requests that chose the candidate failed than the plain limit allows: back at once. Nobody was drawn, so that no chance of a false alarm can be given';
      return 'surely worse than stable by more than a limit allows: back at once. The chance of that for a version that is not is at most 1 in 100, over the whole rollout';
    case 'severe':
      return 'severe: half of the last 20 attempts failed, no replica was healthy, or replicas crashed, while stable was well: back at once, without statistics';
    case 'watch':
      return 'after 100%: surely worse than stable was before the switch. Before and after, not side by side: an incident that hits both looks the same';
    case 'unsure':
      return `not surely as good within the longest dwell: when-unsure is ${plan.whenUnsure.then}`;
    case 'person':
      return 'a person decided';
    case 'superseded':
      return 'another version was deployed with --supersede';
    case 'route':
      return 'the share could not be proven at the proxy in time';
    case 'start':
    case 'gate':
      return 'every replica must be healthy, seen through the proxy, before any traffic';
    case 'verify':
      return 'every check of "verify" must hold before any traffic';
    case 'machine':
      return 'the machine was restarted: a rollout under way ends, and stable is started first';
  }
}
