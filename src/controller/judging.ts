import type { StoredEvent } from '../journal/journal.ts';
import { formatDuration } from '../lib/duration.ts';
import { OperatingError } from '../lib/errors.ts';
import { canonicalJson } from '../lib/json.ts';
import { JUDGE_VERSION } from '../judge/version.ts';
import { underPolicy, withChanges } from '../release/changed-rules.ts';
import { describePlan } from '../release/describe-plan.ts';
import type { Plan } from '../release/plan.ts';
import type { Engine } from './engine.ts';
import { evidenceRange } from './evidence-keeping.ts';
import type { JudgedStage, JudgeQuery, JudgeView } from './judge-view.ts';
import type { Ports } from './ports.ts';
import type { Reads } from './reads.ts';
import { Series } from './series.ts';
import type { SeriesView } from './series-view.ts';
import { evidenceOf, serviceOf, wallOfSecond, type RolloutRecord } from './records.ts';
import { replay, type ReadSeconds, type RecordedWord, type Replay, type StageReplay } from './replay.ts';

const MOST_EVENTS = 2000;
/** Rollouts of a service that are looked through for those of a time. */
const RECORDS_LOOKED_AT = 500;
/** More rollouts are not judged for one question. */
const MOST_AT_ONCE = 20;
/** What many look at is worked out once: those who follow a rollout add what they see. */
const SERIES_GOOD_MS = 10_000;
const MOST_SERIES = 20;

/** Recorded rollouts, judged once more: by the same code, over the same seconds, under the same or other rules. */
export class Judging {
  readonly #ports: Pick<Ports, 'journal' | 'samples' | 'clock'>;
  readonly #engine: Engine;
  readonly #reads: Pick<Reads, 'record' | 'rollout'>;
  /** One at a time: a replay is nothing that a rollout under way may wait for. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #series = new Map<string, { readonly view: Promise<SeriesView>; readonly untilMs: number }>();

  constructor(
    ports: Pick<Ports, 'journal' | 'samples' | 'clock'>,
    engine: Engine,
    reads: Pick<Reads, 'record' | 'rollout'>,
  ) {
    this.#ports = ports;
    this.#engine = engine;
    this.#reads = reads;
  }

  /** Errors: ROLLOUT_UNKNOWN, RULES_WRONG, NOTHING_JUDGED (it had no share), EVIDENCE_GONE. */
  rollout(id: string, query: JudgeQuery): Promise<JudgeView> {
    const judged = this.#last.then(() => this.#judge(id, query));
    this.#last = judged.catch(() => undefined);
    return judged;
  }

  /** Errors: ROLLOUT_UNKNOWN, NOTHING_JUDGED, EVIDENCE_GONE. Whoever asks soon after others gets what they got. */
  series(id: string): Promise<SeriesView> {
    const nowMs = this.#ports.clock.nowMs();
    const known = this.#series.get(id);
    if (known !== undefined && nowMs < known.untilMs) return known.view;
    const view = this.#last.then(() => this.#follow(id));
    this.#last = view.catch(() => undefined);
    this.#series.delete(id);
    this.#series.set(id, { view, untilMs: nowMs + SERIES_GOOD_MS });
    view.catch(() => this.#series.delete(id));
    if (this.#series.size > MOST_SERIES) this.#series.delete(this.#series.keys().next().value!);
    return view;
  }

  async #follow(id: string): Promise<SeriesView> {
    const record = this.#reads.record(id);
    const { rollout } = record;
    const range = evidenceRange(record);
    if (range === null) throw nothingJudged(record);
    const read = await this.#source(record, range);
    const series = new Series(rollout, range.toSecond, (second) => this.#wallOfSecond(record, second));
    const look: Series['look'] = (session, ring) => series.look(session, ring);
    await replay(rollout, rollout.plan, { toSecond: range.toSecond, read, words: [], look });
    return series.view();
  }

  /** Every rollout that had a share between two moments, oldest first. Errors: as above, and NOTHING_JUDGED where there is none. */
  async between(
    service: string,
    time: { readonly fromMs: number; readonly toMs: number },
    query: JudgeQuery,
  ): Promise<readonly JudgeView[]> {
    const ids = this.#rolloutsBetween(service, time);
    if (ids.length === 0) throw nothingBetween(service);
    const views: JudgeView[] = [];
    for (const id of ids.slice(0, MOST_AT_ONCE)) views.push(await this.rollout(id, query));
    return views;
  }

  #rolloutsBetween(
    service: string,
    { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  ): readonly string[] {
    const records = this.#ports.journal
      .documents({ kind: 'rollout', aggregate: service, limit: RECORDS_LOOKED_AT })
      .map(({ value }) => value as unknown as RolloutRecord);
    if (records.length === 0) this.#engine.state(service);
    const hadShare = (record: RolloutRecord): boolean =>
      record.rollout.from !== null &&
      record.rollout.spans.some((span) => {
        const began = this.#wallOfSecond(record, span.fromSecond);
        const ended = span.toSecond === null ? Infinity : this.#wallOfSecond(record, span.toSecond);
        return began <= toMs && ended >= fromMs && (span.toSecond ?? Infinity) >= span.fromSecond;
      });
    return records
      .filter(hadShare)
      .map(({ rollout }) => rollout.id)
      .toReversed();
  }

  async #judge(id: string, query: JudgeQuery): Promise<JudgeView> {
    const record = this.#reads.record(id);
    const { rollout } = record;
    const rules = this.#rulesFor(record, query);
    const range = evidenceRange(record);
    if (range === null) throw nothingJudged(record);
    const read = await this.#source(record, range);
    const events = this.#ports.journal.events({
      aggregate: null,
      rollout: id,
      afterSeq: 0,
      limit: MOST_EVENTS,
    });
    const words = rules.same ? events.flatMap(wordOf) : [];
    const found = await replay(rollout, rules.plan, { toSecond: range.toSecond, read, words });
    if (found === null) throw nothingJudged(record);
    return { ...this.#view(record, rules, found), rollout: this.#reads.rollout(id, query.asker) };
  }

  #view(record: RolloutRecord, rules: Rules, found: Replay): Omit<JudgeView, 'rollout'> {
    const { which, plan, same } = rules;
    const { verdict, traffic, watch = null } = found.evidence;
    const isSame = same ? sameAsRecorded(record, found) : null;
    const { rollout, judged } = record;
    const first = rollout.spans[0]!.fromSecond;
    return {
      sentence: sentenceOf(record, found, isSame),
      rules: { which, lines: describePlan(plan), same },
      sameVerdict: isSame,
      compared: found.same + found.different.length,
      different: found.different,
      judge: { recorded: judged?.version ?? null, now: JUDGE_VERSION },
      stages: found.stages.map((stage) => this.#stageView(record, stage)),
      verdict,
      traffic,
      watch,
      seconds: {
        fromMs: this.#wallOfSecond(record, first),
        toMs: this.#wallOfSecond(record, judged!.toSecond),
        judged: found.stages.reduce((sum, stage) => sum + stage.judgedSeconds, 0),
        lost: rollout.lost.reduce((sum, one) => sum + one.toSecond - one.fromSecond + 1, 0),
      },
    };
  }

  #stageView(record: RolloutRecord, stage: StageReplay): JudgedStage {
    const { span, judgedSeconds, verdict, early, would } = stage;
    const { sharePercent, fromSecond } = span;
    return {
      sharePercent,
      fromMs: this.#wallOfSecond(record, fromSecond),
      judgedSeconds,
      verdict,
      ...(early !== null && { early }),
      would:
        would === null
          ? null
          : {
              act: would.act,
              afterSeconds: would.second - fromSecond + 1,
              candidateRequests: would.candidateRequests,
              reason: would.reason,
            },
    };
  }

  #rulesFor({ rollout }: RolloutRecord, { rules, changes }: JudgeQuery): Rules {
    const policy = rules === 'today' ? this.#engine.find(serviceOf(rollout))?.spec.policy : undefined;
    const base = policy === undefined ? rollout.plan : underPolicy(rollout.plan, policy);
    const plan = withChanges(base, changes);
    const which = changes.length > 0 ? 'changed' : policy === undefined ? 'recorded' : 'today';
    return { which, plan, same: canonicalJson(plan) === canonicalJson(rollout.plan) };
  }

  /** The seconds kept for it, or those of the service while they are there. Error: EVIDENCE_GONE. */
  async #source(
    record: RolloutRecord,
    range: NonNullable<ReturnType<typeof evidenceRange>>,
  ): Promise<ReadSeconds> {
    const { samples } = this.#ports;
    const { rollout, service, fromSecond, toSecond } = range;
    const start = { fromSecond, toSecond: fromSecond };
    const kept = await samples.readEvidence({ rollout, ...start });
    const state = kept ?? (await samples.read({ service, ...start }));
    if ((state.minutesUntil ?? 0) > fromSecond || (state.upToSecond ?? 0) < toSecond) {
      throw evidenceGone(record);
    }
    if (kept === null) return (seconds) => samples.read({ service, ...seconds });
    return async (seconds) => {
      const part = await samples.readEvidence({ rollout, ...seconds });
      if (part === null) throw evidenceGone(record);
      return part;
    };
  }

  #wallOfSecond(record: RolloutRecord, second: number): number {
    const { clock } = this.#ports;
    return wallOfSecond(record, second, { atMs: clock.steadyMs(), wallMs: clock.nowMs() });
  }
}

type Rules = { readonly which: JudgeView['rules']['which']; readonly plan: Plan; readonly same: boolean };

function wordOf({ kind, event }: StoredEvent): readonly RecordedWord[] {
  return kind === 'judged' || kind === 'watched' ? [event as unknown as RecordedWord] : [];
}

/** All of it, number by number. Null for a record of before its evidence was kept whole. */
function sameAsRecorded(record: RolloutRecord, found: Replay): boolean | null {
  const recorded = evidenceOf(record);
  if (recorded.judged === undefined || recorded.judged === null) return null;
  const parts = ({ early = [], verdict, traffic, watch }: typeof recorded): string =>
    canonicalJson({ early, verdict, traffic, watch });
  return found.different.length === 0 && parts(recorded) === parts(found.evidence);
}

function sentenceOf(record: RolloutRecord, { stages }: Replay, same: boolean | null): string {
  const { label } = record.rollout;
  const inFact =
    record.ending === null ? 'it is under way' : `${record.ending.outcome}: ${record.ending.reason}`;
  if (same === true) return `${label}: the same rules give the same verdicts, bit for bit; ${inFact}`;
  if (same === false) {
    const other =
      record.judged?.version === JUDGE_VERSION
        ? ''
        : `; another judge decided then (version ${record.judged?.version})`;
    return `${label}: the same rules do NOT give the same verdicts${other}; in fact: ${inFact}`;
  }
  const back = stages.find(({ would }) => would?.act === 'rollback' || would?.act === 'pause');
  if (back?.would) {
    const { would, span } = back;
    const verb = would.act === 'pause' ? 'have been paused' : 'have gone back';
    const into = span.early ?? `${span.sharePercent}%`;
    const when = `${formatDuration((would.second - span.fromSecond + 1) * 1000)} into ${into}`;
    return `${label} would ${verb} ${when}, after ${would.candidateRequests} requests there: ${would.reason ?? ''}; in fact: ${inFact}`;
  }
  const isShort = record.ending !== null && record.ending.outcome !== 'done';
  const rest = isShort ? '; what would have come after it ended is not recorded' : '';
  return `${label} would not have gone back in what is recorded${rest}; in fact: ${inFact}`;
}

function nothingJudged({ rollout }: RolloutRecord): OperatingError {
  const why =
    rollout.from === null
      ? 'there was no version to compare it with'
      : 'it never had a share of the traffic, or its evidence was not recorded';
  return new OperatingError('NOTHING_JUDGED', `${rollout.id} was not judged: ${why}.`, { retryable: false });
}

function nothingBetween(service: string): OperatingError {
  return new OperatingError(
    'NOTHING_JUDGED',
    `no rollout of ${service} had a share of the traffic in that time. Traffic of one version alone cannot be judged: there is no other at the same time to hold it against, and one hour against another would blame a version for the hour. "bascule plan" says from that traffic what a rollout could find; "bascule history ${service}" lists the rollouts.`,
    { retryable: false },
  );
}

function evidenceGone({ rollout }: RolloutRecord): OperatingError {
  return new OperatingError(
    'EVIDENCE_GONE',
    `the counts that ${rollout.id} was judged by are not there any more: they were summed up, dropped for want of room, or left out of a backup. Its verdict stays: bascule why ${rollout.id}.`,
    { retryable: false },
  );
}
