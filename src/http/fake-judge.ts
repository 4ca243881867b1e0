import type { Controller } from '../controller/controller.ts';
import type { JudgeQuery, JudgeView } from '../controller/judge-view.ts';
import type { RolloutView } from '../controller/views.ts';

/** The recorded past of the fake controller: each rollout judged as it was, whatever is asked. */
export function judgePart(
  find: (id: string) => RolloutView,
  findService: (name: string) => unknown,
  all: () => readonly RolloutView[],
): Controller['judge'] {
  return {
    rollout: async (id, query) => judged(find(id), query),
    series: async (id) => ({
      rollout: find(id).id,
      everySeconds: 1,
      points: [
        {
          atMs: find(id).startedAtMs,
          askedPercent: 5,
          seenPercent: 4.8,
          stable: { requests: 95, failed: 0 },
          candidate: { requests: 5, failed: 1 },
          overall: 'undecided',
          checks: [],
        },
      ],
    }),
    between: async (service, { fromMs, toMs }, query) => {
      findService(service);
      return all()
        .filter((one) => one.service === service && one.startedAtMs >= fromMs && one.startedAtMs <= toMs)
        .map((one) => judged(one, query));
    },
  };
}

export function judged(rollout: RolloutView, { rules, changes }: JudgeQuery): JudgeView {
  const same = rules === 'recorded' && changes.length === 0;
  const { label, reason, verdict, traffic } = rollout;
  const inFact = `in fact: ${rollout.outcome}: ${reason}`;
  const would =
    verdict?.overall === 'harmful'
      ? ({ act: 'rollback', afterSeconds: 34, candidateRequests: 231, reason: verdict.reason } as const)
      : null;
  return {
    rollout,
    sentence: same
      ? `${label}: the same rules give the same verdicts, bit for bit; ${inFact}`
      : `${label} would have gone back 34s into 5%, after 231 requests there: ${verdict?.reason ?? ''}; ${inFact}`,
    rules: {
      which: changes.length > 0 ? 'changed' : rules,
      lines: [
        `judge ${changes.join(', ') || 'errors and response times, default margins'}; worse: back at once`,
      ],
      same,
    },
    sameVerdict: same ? true : null,
    compared: same ? 2 : 0,
    different: [],
    judge: { recorded: 1, now: 1 },
    stages: [{ sharePercent: 5, fromMs: rollout.startedAtMs, judgedSeconds: 34, verdict, would }],
    verdict,
    traffic,
    watch: null,
    seconds: { fromMs: rollout.startedAtMs, toMs: rollout.startedAtMs + 34_000, judged: 34, lost: 0 },
  };
}
