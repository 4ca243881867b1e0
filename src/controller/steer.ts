import type { SampleRange } from '../journal/samples.ts';
import { OperatingError } from '../lib/errors.ts';
import type { Plan } from '../release/plan.ts';
import type { ServiceSpec } from '../release/service.ts';
import { slotWithRole } from '../rollout/state.ts';
import type { Answer } from '../rollout/answer.ts';
import type { Calendar } from './calendar.ts';
import type { Caller, Controller } from './controller.ts';
import type { Deploys, Prepared } from './deploys.ts';
import { assertScaleFits } from './file-fits.ts';
import { differences } from './differences.ts';
import type { BareEvent, Document, Engine, Extra } from './engine.ts';
import { foresightOf } from './foresight.ts';
import type { ForesightView } from './foresight-view.ts';
import { forgetFormer } from './labels.ts';
import { planView } from './plan-view.ts';
import { crashesOf } from './lookout.ts';
import { PAST_HOURS, pastTraffic } from './past-traffic.ts';
import { receiptOf, rolloutConcerned } from './receipt.ts';
import { originOf } from './origin.ts';
import type { Ports } from './ports.ts';
import { assertProxyCan, capabilitiesOf } from './proxy-can.ts';
import type { Reads } from './reads.ts';
import type { Reserved } from './reserved.ts';
import { withDoor } from './try-door.ts';
import type { Answered } from './views.ts';
import { assertKeepsApprovals } from './weakened.ts';

type StoredPlan = { readonly fingerprint: string; readonly service: string; readonly atMs: number };

/** What an answer is about; `before`: the rollout that was under way, where there was one. */
type About = { readonly service: string; readonly caller: Caller; readonly before: string | null };

/** Verbs: each becomes one event; its answer is read from what was recorded. */
export class Steer implements Readonly<Record<keyof Controller['steer'], unknown>> {
  readonly #ports: Ports;
  readonly #engine: Engine;
  readonly #deploys: Deploys;
  readonly #reads: Reads;
  readonly #reserved: Reserved;
  readonly #calendar: Pick<Calendar, 'next'>;

  constructor(
    ports: Ports,
    engine: Engine,
    parts: {
      readonly deploys: Deploys;
      readonly reads: Reads;
      readonly reserved: Reserved;
      readonly calendar: Pick<Calendar, 'next'>;
    },
  ) {
    this.#ports = ports;
    this.#engine = engine;
    this.#deploys = parts.deploys;
    this.#reads = parts.reads;
    this.#reserved = parts.reserved;
    this.#calendar = parts.calendar;
  }

  #lastDay(service: string): Promise<SampleRange> {
    const toSecond = Math.floor(this.#ports.clock.steadyMs() / 1000);
    return this.#ports.samples.read({ service, fromSecond: toSecond - PAST_HOURS * 3600, toSecond });
  }

  #foresight({ door }: ServiceSpec, plan: Plan, range: SampleRange): ForesightView {
    const past = pastTraffic(range, plan.sticky.by === 'none' ? 'request' : 'identity');
    const { headTimeoutMs = null } = capabilitiesOf(this.#ports.router, door.proxy.kind);
    return foresightOf(plan, past, { spec: door.proxy, headTimeoutMs });
  }

  async plan(request: Parameters<Controller['steer']['plan']>[0], caller: Caller) {
    const gathered = await this.#deploys.gather(request, caller);
    const range = await this.#lastDay(request.spec.name);
    const prepared = this.#deploys.prepare(gathered);
    const state = this.#engine.find(request.spec.name);
    const moment = this.#engine.moment(request.spec.name);
    const begun = state ?? this.#deploys.newService(request.spec);
    // What a deploy would be refused for is said now.
    assertProxyCan(this.#ports.router, request.spec, prepared.request.plan);
    const given = this.#reserved.preview(begun, request.spec, prepared.request.plan);
    const view = planView(prepared, {
      state: { ...begun, ...given },
      isNew: state === null,
      id: `p-${this.#ports.random.hex(4)}`,
      moment,
      next: this.#calendar.next(request.spec.name, moment.wallMs),
      foresight: this.#foresight(request.spec, prepared.request.plan, range),
      caller,
    });
    if (view.id !== null) {
      const value: StoredPlan = {
        fingerprint: prepared.fingerprint,
        service: view.service,
        atMs: this.#ports.clock.nowMs(),
      };
      this.#engine.note(
        { kind: 'plan', key: view.id, value: value },
        view.service,
        caller.actor,
        originOf(caller),
      );
    }
    return view;
  }

  async deploy(request: Parameters<Controller['steer']['deploy']>[0], caller: Caller): Promise<Answered> {
    const gathered = await this.#deploys.gather(request, caller);
    const prepared = this.#deploys.prepare(gathered);
    const { spec, supersede } = request;
    assertKeepsApprovals(this.#engine.find(request.spec.name), request.spec, caller);
    if (request.planId !== null) this.#assertPlanHolds(request.planId, prepared);
    const known = this.#engine.find(spec.name);
    const state = known ?? this.#deploys.newService(spec);
    assertProxyCan(this.#ports.router, spec, prepared.request.plan);
    const preview = this.#reserved.preview(state, spec, prepared.request.plan);
    const override = request.overrideFreeze ?? null;
    const asked = { ...prepared.request, ...(override !== null && { override }) };
    const event: BareEvent = { kind: 'deploy', request: asked, supersede, spec, ...preview };
    const documents = this.#deploys.documentsOf(prepared);
    if (known !== null) return this.#post(spec.name, event, caller, documents);
    forgetFormer(this.#ports, spec.name);
    const extra = this.#extra(caller, documents);
    const answer = this.#engine.create(state, event, caller.actor, extra);
    return this.#said({ service: spec.name, caller, before: null }, answer);
  }

  async apply({ spec, dryRun }: { readonly spec: ServiceSpec; readonly dryRun: boolean }, caller: Caller) {
    const state = this.#engine.state(spec.name);
    const changes = differences(state.spec, spec).map(({ line }) => line);
    assertScaleFits(state, spec);
    if (!dryRun) assertKeepsApprovals(state, spec, caller);
    if (dryRun || changes.length === 0) {
      const message =
        changes.length === 0
          ? `${spec.name} is as the file says.`
          : `${spec.name} would change; nothing was applied.`;
      const about = { service: spec.name, caller, before: null };
      return { ...this.#answered(about, 'nothing', message), changes };
    }
    assertProxyCan(this.#ports.router, spec, null);
    const preview = this.#reserved.preview(state, spec, null);
    const answered = await withDoor(
      { ports: this.#ports, engine: this.#engine },
      { state: { ...state, ...preview }, spec },
      () => this.#post(spec.name, { kind: 'apply', spec, ...preview }, caller),
    );
    return { ...answered, changes };
  }

  async retry(rollout: string, caller: Caller): Promise<Answered> {
    const record = this.#reads.record(rollout);
    if (record.endedAtMs === null) {
      throw new OperatingError('ROLLOUT_UNDER_WAY', `${rollout} is still under way; nothing was started.`, {
        retryable: false,
      });
    }
    const service = record.rollout.releaseId.slice(0, record.rollout.releaseId.indexOf('/'));
    const target = await this.#deploys.remembered(record.rollout.releaseId);
    const state = this.#engine.state(service);
    const request = this.#deploys.again(state, target, caller);
    const preview = this.#reserved.preview(state, state.spec, request.plan);
    return this.#post(service, { kind: 'deploy', request, supersede: false, spec: null, ...preview }, caller);
  }

  async redeploy(
    {
      service,
      label,
      supersede,
      overrideFreeze: override = null,
    }: Parameters<Controller['steer']['redeploy']>[0],
    caller: Caller,
  ): Promise<Answered> {
    this.#engine.state(service);
    const target = await this.#deploys.kept(`${service}/${label}`);
    // What is true after the waiting counts.
    const state = this.#engine.state(service);
    const request = {
      ...this.#deploys.again(state, target, caller),
      ...(override !== null && { override }),
    };
    assertProxyCan(this.#ports.router, state.spec, request.plan);
    const preview = this.#reserved.preview(state, state.spec, request.plan);
    return this.#post(service, { kind: 'deploy', request, supersede, spec: null, ...preview }, caller);
  }

  async pause(service: string, caller: Caller): Promise<Answered> {
    return this.#post(service, { kind: 'pause' }, caller);
  }

  async resume(service: string, caller: Caller): Promise<Answered> {
    return this.#post(service, { kind: 'resume' }, caller);
  }

  async promote(request: Parameters<Controller['steer']['promote']>[0], caller: Caller): Promise<Answered> {
    const { service, fromStep, full, overrideFreeze: override = null } = request;
    return this.#post(
      service,
      { kind: 'promote', fromStep, full, ...(override !== null && { override }) },
      caller,
    );
  }

  async weight(
    request: { readonly service: string; readonly percent: number; readonly beyondPlan: boolean },
    caller: Caller,
  ): Promise<Answered> {
    const { service, percent, beyondPlan } = request;
    return this.#post(service, { kind: 'weight', percent, beyondPlan }, caller);
  }

  async abort(
    request: { readonly service: string; readonly rollout: string | null },
    caller: Caller,
  ): Promise<Answered> {
    return this.#post(request.service, { kind: 'abort', rollout: request.rollout }, caller);
  }

  async rollback(
    { service, label }: { readonly service: string; readonly label: string | null },
    caller: Caller,
  ): Promise<Answered> {
    const under = this.#engine.state(service).rollout;
    if (under?.purpose === 'rollback' && under.ending === null && (label === null || label === under.label)) {
      const message = `${under.id} goes back to ${under.label} already; "bascule abort" stays on ${under.from?.label ?? 'nothing'}.`;
      return this.#answered({ service, caller, before: under.id }, 'nothing', message);
    }
    if (under !== null) return this.#post(service, { kind: 'abort', rollout: null }, caller);
    const target = await this.#deploys.target(this.#engine.state(service), label);
    const seen = await this.#freshLook(service);
    // Decided by what is true after the waiting: what was kept may have been given up meanwhile.
    const state = this.#engine.state(service);
    if (state.rollout !== null) return this.#post(service, { kind: 'abort', rollout: null }, caller);
    const request = this.#deploys.back(state, target, caller);
    const preview = this.#reserved.preview(state, state.spec, request.plan);
    return this.#post(service, { kind: 'rollback', request, ...seen, ...preview }, caller);
  }

  async remove(service: string, caller: Caller): Promise<Answered> {
    return this.#post(service, { kind: 'remove' }, caller);
  }

  /** The kept slot as it is now: its gate check. A proxy that cannot be asked has proven nothing. */
  async #freshLook(service: string): Promise<{ readonly healthy: number; readonly crashes: number }> {
    const kept = slotWithRole(this.#engine.state(service), 'kept');
    if (kept === null) return { healthy: 0, crashes: 0 };
    const [seen, replicas] = await Promise.all([
      this.#ports.router.observe(service).catch(() => null),
      this.#ports.runtime.observe(service),
    ]);
    const slot = this.#engine.state(service).slots[kept];
    return {
      healthy: (seen?.slots[kept].replicas ?? []).filter(
        (replica) => replica.healthy && replica.replica < slot.replicas,
      ).length,
      crashes: crashesOf(replicas, kept, slot.releaseId),
    };
  }

  /** A verb that needs nothing but its event. */
  post(service: string, event: BareEvent, caller: Caller): Answered {
    return this.#post(service, event, caller);
  }

  #post(service: string, event: BareEvent, caller: Caller, documents: readonly Document[] = []): Answered {
    const rolloutBefore = this.#engine.state(service).rollout?.id ?? null;
    const extra = this.#extra(caller, documents);
    const about = { service, caller, before: rolloutBefore };
    return this.#said(about, this.#engine.post(service, event, caller.actor, extra));
  }

  #extra(caller: Caller, documents: readonly Document[]): Extra {
    const { once } = caller;
    const origin = originOf(caller);
    if (once === undefined) return { origin, documents: () => documents };
    const atMs = this.#ports.clock.nowMs();
    return { origin, documents: (turn) => [...documents, receiptOf({ ...caller, once }, turn, atMs)] };
  }

  #said(about: About, answer: Answer): Answered {
    switch (answer.kind) {
      case 'refused':
        throw new OperatingError(answer.code, answer.why, { retryable: false });
      case 'nothing':
        return this.#answered(about, 'nothing', answer.why);
      case 'turn': {
        const { turn } = answer;
        const before = rolloutConcerned(turn) ?? about.before;
        return this.#answered({ ...about, before }, 'done', turn.says.join('; '));
      }
    }
  }

  #answered({ service, caller, before }: About, result: Answered['result'], message: string): Answered {
    const state = this.#engine.find(service);
    const view = state === null ? null : this.#reads.service(service, caller);
    const rollout = before ?? state?.rollout?.id ?? null;
    return {
      result,
      message,
      service: view,
      rollout: rollout === null ? null : this.#reads.rollout(rollout, caller),
    };
  }

  #assertPlanHolds(planId: string, prepared: Prepared): void {
    const stored = this.#ports.journal.document('plan', planId) as unknown as StoredPlan | undefined;
    if (stored !== undefined && stored.fingerprint === prepared.fingerprint) return;
    const why =
      stored === undefined
        ? `there is no plan ${planId}`
        : `${planId} no longer holds: the file, the artifact or what serves has changed since`;
    throw new OperatingError(
      'PLAN_STALE',
      `${why}; nothing was started. Run "bascule plan ${prepared.release.service}" again.`,
      { retryable: false },
    );
  }
}
