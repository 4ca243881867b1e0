import { assert } from '../lib/assert.ts';
import { OperatingError } from '../lib/errors.ts';
import type { ChainHead, StoredEvent } from '../journal/journal.ts';
import type { SlotName } from '../release/slot.ts';
import type { Freeze } from '../rollout/guard.ts';
import { isOutside } from '../rollout/places.ts';
import { labelOf, slotWithRole, type ServiceState } from '../rollout/state.ts';
import type { LogLine } from '../workload/runtime.ts';
import { NOBODY, onRollout, type Asker } from './allowed.ts';
import { auditPage, checkChain } from './audit.ts';
import type { Lookout } from './lookout.ts';
import type { AuditQuery, Controller, LogQuery, ServerInfo } from './controller.ts';
import type { Desk } from './desk.ts';
import type { Engine } from './engine.ts';
import { firstFailures } from './first-failures.ts';
import { knownReleases } from './known-releases.ts';
import type { Metrics } from './metrics.ts';
import type { Permitted } from './permitted.ts';
import type { Ports } from './ports.ts';
import { rolloutView, serviceView } from './queries.ts';
import type { RolloutRecord } from './records.ts';
import { behind } from './why.ts';
import type {
  Actions,
  AuditPage,
  ChainCheck,
  EventView,
  ReleaseView,
  RolloutView,
  ServiceView,
  SlotView,
  WhyView,
} from './views.ts';

const NO_ACTIONS: Actions = { allowedActions: [], refusedActions: [] };
const MOST_EVENTS_OF_A_ROLLOUT = 2000;
const ROLLOUTS_SEARCHED = 200;

/** Everything that can be read. Reading never acts. */
export class Reads {
  readonly #ports: Ports;
  readonly #engine: Engine;
  readonly #desk: Desk;
  readonly #info: Omit<ServerInfo, 'lastSeq'>;
  readonly #metrics: Metrics;
  readonly #seen: Pick<Lookout, 'certificates' | 'replicas'>;
  readonly #permitted: Permitted;
  readonly #listeners = new Set<(event: EventView) => void>();

  constructor(parts: {
    readonly ports: Ports;
    readonly engine: Engine;
    readonly desk: Desk;
    readonly info: Omit<ServerInfo, 'lastSeq'>;
    readonly metrics: Metrics;
    readonly seen: Pick<Lookout, 'certificates' | 'replicas'>;
    readonly permitted: Permitted;
  }) {
    this.#permitted = parts.permitted;
    this.#ports = parts.ports;
    this.#engine = parts.engine;
    this.#desk = parts.desk;
    this.#info = parts.info;
    this.#metrics = parts.metrics;
    this.#seen = parts.seen;
  }

  async services(asker: Asker = NOBODY, only?: string): Promise<readonly ServiceView[]> {
    const views: ServiceView[] = [];
    for (const { service } of this.#engine.services()) {
      if (only !== undefined && service !== only) continue;
      await this.#engine.turn();
      const state = this.#engine.find(service);
      if (state !== null) views.push(this.#view(state, asker));
    }
    return views;
  }

  service(name: string, asker: Asker = NOBODY): ServiceView {
    return this.#view(this.#engine.state(name), asker);
  }

  actions(name: string, asker: Asker): Actions {
    return this.#permitted.service(this.#engine.state(name), asker);
  }

  pastActions(rollout: string, asker: Asker): Actions {
    return this.#permitted.past(this.record(rollout), asker);
  }

  releases(name: string): Promise<readonly ReleaseView[]> {
    return knownReleases(this.#ports, this.#engine.state(name));
  }

  rollout(id: string, asker: Asker = NOBODY): RolloutView {
    return this.#rolloutView(this.record(id), asker);
  }

  why(id: string, asker: Asker = NOBODY): WhyView {
    const record = this.record(id);
    const rollout = this.#rolloutView(record, asker);
    const events = this.events({ service: null, rollout: id, afterSeq: 0, limit: MOST_EVENTS_OF_A_ROLLOUT });
    const moment = this.#engine.moment(rollout.service);
    return { rollout, ...behind(record, rollout, moment), events, chain: this.#ports.journal.head() };
  }

  history(
    { service, limit }: { readonly service: string | null; readonly limit: number },
    asker: Asker = NOBODY,
  ): readonly RolloutView[] {
    const documents = this.#ports.journal.documents({ kind: 'rollout', aggregate: service, limit });
    // One that was removed has a history all the same.
    if (service !== null && documents.length === 0) this.#engine.state(service);
    return documents.map(({ value }) => {
      const record = this.#withEvidence(value as unknown as RolloutRecord);
      return this.#rolloutView(record, asker);
    });
  }

  events(query: Parameters<Controller['read']['events']>[0]): readonly EventView[] {
    const { service, rollout, afterSeq, limit } = query;
    return this.#ports.journal.events({ aggregate: service, rollout, afterSeq, limit }).map(eventView);
  }

  onEvent(listener: (event: EventView) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** To everyone who listens. */
  tell(event: EventView): void {
    for (const listener of this.#listeners) listener(event);
  }

  logs(query: LogQuery): AsyncIterable<LogLine> {
    const state = this.#engine.state(query.service);
    const { follow, tail, signal } = query;
    const former = query.slot === null && query.label !== null ? this.#formerSlot(state, query.label) : null;
    if (former !== null && query.label !== null) {
      assertOurs(state, `${state.service}/${query.label}`);
      return this.#ports.runtime.logs(query.service, former, { follow, tail, signal, label: query.label });
    }
    const slot = slotAsked(state, query);
    assertOurs(state, state.slots[slot].releaseId);
    return this.#ports.runtime.logs(query.service, slot, { follow, tail, signal });
  }

  audit(query: AuditQuery): AuditPage {
    return auditPage(this.#ports.journal, query);
  }

  checkChain(announced: ChainHead | null): ChainCheck {
    return checkChain(this.#ports.journal, announced);
  }

  info(): ServerInfo {
    return { ...this.#info, lastSeq: this.#ports.journal.head().seq };
  }

  freezes(): readonly Freeze[] {
    return this.#engine.serverFreezes(this.#ports.clock.nowMs());
  }

  metrics(): Promise<string> {
    return this.#metrics.text(this.#engine.services());
  }

  /** Where a version that is in no slot now ran last: its files and logs stay there. */
  #formerSlot(state: ServiceState, label: string): SlotName | null {
    const id = `${state.service}/${label}`;
    if (state.slots.blue.releaseId === id || state.slots.green.releaseId === id) return null;
    const records = this.#ports.journal.documents({
      kind: 'rollout',
      aggregate: state.service,
      limit: ROLLOUTS_SEARCHED,
    });
    const found = records.find(({ value }) => (value as unknown as RolloutRecord).rollout.releaseId === id);
    return found === undefined ? null : (found.value as unknown as RolloutRecord).rollout.candidate;
  }

  /** Error: ROLLOUT_UNKNOWN. */
  record(id: string): RolloutRecord {
    const record = this.#ports.journal.document('rollout', id) as unknown as RolloutRecord | undefined;
    if (record !== undefined) return this.#withEvidence(record);
    throw new OperatingError(
      'ROLLOUT_UNKNOWN',
      `there is no rollout ${id}. "bascule history" lists what there was.`,
      { retryable: false },
    );
  }

  /** While it goes on, the judge knows more than what was last written. */
  #withEvidence(record: RolloutRecord): RolloutRecord {
    const id = record.rollout.id;
    if (record.endedAtMs !== null || !this.#desk.has(id)) return record;
    const now = this.#desk.evidence(id);
    const failed = firstFailures(record.failed ?? [], now.failed ?? []);
    return { ...record, ...now, ...(failed.length > 0 && { failed }) };
  }

  #stateOf(record: RolloutRecord): ServiceState | null {
    if (record.endedAtMs !== null) return null;
    const service = record.rollout.releaseId.slice(0, record.rollout.releaseId.indexOf('/'));
    return this.#engine.find(service);
  }

  #rolloutView(record: RolloutRecord, asker: Asker): RolloutView {
    const state = this.#stateOf(record);
    const moment = this.#engine.moment(state?.service ?? '');
    const isNow = state?.rollout?.id === record.rollout.id;
    const actions = isNow ? onRollout(this.#permitted.service(state, asker)) : this.#past(record, asker);
    return rolloutView(record, state, { moment, actions });
  }

  /** One that waits for its turn is neither under way nor over. */
  #past(record: RolloutRecord, asker: Asker): Actions {
    return record.endedAtMs === null ? NO_ACTIONS : this.#permitted.past(record, asker);
  }

  #view(state: ServiceState, asker: Asker): ServiceView {
    const records = this.#ports.journal
      .documents({ kind: 'rollout', aggregate: state.service, limit: 2 })
      .map(({ value }) => value as unknown as RolloutRecord);
    const current = records.find(({ rollout }) => rollout.id === state.rollout?.id);
    const known = current === undefined ? null : this.#withEvidence(current);
    const now = state.rollout === null ? null : (known ?? this.record(state.rollout.id));
    const last = records.find((record) => record.endedAtMs !== null) ?? null;
    const moment = this.#engine.moment(state.service);
    const actions = this.#permitted.service(state, asker);
    const view = serviceView(
      state,
      {
        now: now === null ? null : rolloutView(now, state, { moment, actions: onRollout(actions) }),
        last: last === null ? null : rolloutView(last, null, { moment, actions: this.#past(last, asker) }),
      },
      { moment, actions },
    );
    const certificates = this.#seen.certificates.of(state.service);
    const slots = { blue: this.#slot(view, 'blue'), green: this.#slot(view, 'green') };
    return { ...view, slots, ...(certificates !== null && { certificates }) };
  }

  #slot({ name, slots }: ServiceView, slot: SlotName): SlotView {
    const { ejected, queued } = this.#seen.replicas.of(name, slot);
    return { ...slots[slot], ...(ejected > 0 && { ejected }), ...(queued > 0 && { queued }) };
  }
}

function eventView(event: StoredEvent): EventView {
  const { says } = event.event as { readonly says?: readonly string[] };
  const { seq, atMs, aggregate: service, rollout, actor, kind } = event;
  return { seq, atMs, service, rollout, actor, kind, says: says ?? [] };
}

function assertOurs(state: ServiceState, releaseId: string | null): void {
  if (releaseId === null || !isOutside(state, releaseId)) return;
  throw new OperatingError(
    'LOGS_ELSEWHERE',
    `Bascule does not run ${labelOf(releaseId)} of ${state.service}, so it has no output of it; look where it runs.`,
    { retryable: false },
  );
}

function slotAsked(state: ServiceState, query: LogQuery): SlotName {
  if (query.slot !== null) return query.slot;
  if (query.label !== null) {
    const holds = (['blue', 'green'] as const).find((slot) => {
      const { releaseId } = state.slots[slot];
      return releaseId !== null && labelOf(releaseId) === query.label;
    });
    if (holds !== undefined) return holds;
    throw new OperatingError(
      'VERSION_NOT_HERE',
      `${query.label} of ${state.service} was never started here, or too long ago`,
      { retryable: false },
    );
  }
  if (query.candidate) {
    if (state.rollout !== null) return state.rollout.candidate;
    throw new OperatingError(
      'NO_ROLLOUT',
      `no rollout of ${state.service} is under way, so there is no candidate`,
      { retryable: false },
    );
  }
  const stable = slotWithRole(state, 'stable') ?? state.rollout?.candidate;
  assert(stable !== undefined || state.rollout === null, 'a rollout without a slot');
  if (stable !== undefined) return stable;
  throw new OperatingError('VERSION_NOT_HERE', `nothing of ${state.service} runs now`, { retryable: false });
}
