import { canonicalJson } from '../lib/json.ts';
import { OperatingError } from '../lib/errors.ts';
import type { ServiceSpec } from '../release/service.ts';
import { slotWithRole, type ServiceState } from '../rollout/state.ts';
import type { Answer } from '../rollout/verbs.ts';
import type { Caller, Controller } from './controller.ts';
import type { Deploys, Prepared } from './deploys.ts';
import type { BareEvent, Engine } from './engine.ts';
import type { Ports } from './ports.ts';
import type { Reads } from './reads.ts';
import type { Answered } from './views.ts';

type StoredPlan = { readonly fingerprint: string; readonly service: string; readonly atMs: number };

/** Verbs: each becomes one event; its answer is read from what was recorded. */
export class Steer implements Readonly<Record<keyof Controller['steer'], unknown>> {
  readonly #ports: Ports;
  readonly #engine: Engine;
  readonly #deploys: Deploys;
  readonly #reads: Reads;

  constructor(ports: Ports, engine: Engine, deploys: Deploys, reads: Reads) {
    this.#ports = ports;
    this.#engine = engine;
    this.#deploys = deploys;
    this.#reads = reads;
  }

  async plan(request: Parameters<Controller['steer']['plan']>[0], caller: Caller) {
    const prepared = await this.#deploys.prepare(request, caller);
    const view = this.#deploys.view(prepared, `p-${this.#ports.random.hex(4)}`);
    if (view.id !== null) {
      const value: StoredPlan = {
        fingerprint: prepared.fingerprint,
        service: view.service,
        atMs: this.#ports.clock.nowMs(),
      };
      this.#engine.note({ kind: 'plan', key: view.id, value: value }, view.service, caller.actor);
    }
    return view;
  }

  async deploy(request: Parameters<Controller['steer']['deploy']>[0], caller: Caller): Promise<Answered> {
    const prepared = await this.#deploys.prepare(request, caller);
    const { name } = request.spec;
    if (request.planId !== null) this.#assertPlanHolds(request.planId, prepared);
    const state = this.#engine.find(name);
    if (state === null) this.#engine.create(this.#deploys.newService(request.spec), caller.actor, []);
    const event: BareEvent = { kind: 'deploy', request: prepared.request, supersede: request.supersede };
    const answer = this.#post(name, event, caller, this.#deploys.documentsOf(prepared));
    // After it: a deploy that is refused, or that has nothing to do, leaves the policy as it was.
    if (answer.result !== 'done') return answer;
    this.#post(name, { kind: 'apply', spec: request.spec }, caller);
    // Not the one that it replaces, which goes back first.
    return { ...answer, rollout: this.#reads.rollout(prepared.request.rollout) };
  }

  async apply({ spec, dryRun }: { readonly spec: ServiceSpec; readonly dryRun: boolean }, caller: Caller) {
    const state = this.#engine.state(spec.name);
    const changes = differences(state.spec, spec);
    this.#assertScaleFits(state, spec);
    if (dryRun || changes.length === 0) {
      const message =
        changes.length === 0
          ? `${spec.name} is as the file says.`
          : `${spec.name} would change; nothing was applied.`;
      return { ...this.#answered(spec.name, 'nothing', message), changes };
    }
    return { ...this.#post(spec.name, { kind: 'apply', spec }, caller), changes };
  }

  async retry(rollout: string, caller: Caller): Promise<Answered> {
    const record = this.#reads.record(rollout);
    if (record.endedAtMs === null) {
      throw new OperatingError('ROLLOUT_UNDER_WAY', `${rollout} is still under way; nothing was started.`, {
        retryable: false,
      });
    }
    const service = record.rollout.releaseId.slice(0, record.rollout.releaseId.indexOf('/'));
    const request = this.#deploys.again(this.#engine.state(service), record.rollout.releaseId, caller);
    return this.#post(service, { kind: 'deploy', request, supersede: false }, caller);
  }

  async pause(service: string, caller: Caller): Promise<Answered> {
    return this.#post(service, { kind: 'pause' }, caller);
  }

  async resume(service: string, caller: Caller): Promise<Answered> {
    return this.#post(service, { kind: 'resume' }, caller);
  }

  async promote(
    request: { readonly service: string; readonly fromStep: number | null; readonly full: boolean },
    caller: Caller,
  ): Promise<Answered> {
    const { service, fromStep, full } = request;
    return this.#post(service, { kind: 'promote', fromStep, full }, caller);
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
    const state = this.#engine.state(service);
    if (state.rollout !== null) return this.#post(service, { kind: 'abort', rollout: null }, caller);
    const { request, warm } = this.#deploys.back(state, label, caller);
    return this.#post(
      service,
      { kind: 'rollback', request, healthy: warm ? await this.#freshHealth(state) : 0 },
      caller,
    );
  }

  async remove(service: string, caller: Caller): Promise<Answered> {
    return this.#post(service, { kind: 'remove' }, caller);
  }

  /** A gate check of the kept slot, made now. */
  async #freshHealth(state: ServiceState): Promise<number> {
    const kept = slotWithRole(state, 'kept');
    if (kept === null) return 0;
    const seen = await this.#ports.router.observe(state.service);
    return seen.slots[kept].replicas.filter(
      (replica) => replica.healthy && replica.replica < state.slots[kept].replicas,
    ).length;
  }

  #post(
    service: string,
    event: BareEvent,
    caller: Caller,
    documents: Parameters<Engine['create']>[2] = [],
  ): Answered {
    const rolloutBefore = this.#engine.state(service).rollout?.id ?? null;
    const answer: Answer = this.#engine.post(
      service,
      event,
      caller.actor,
      documents.length === 0 ? {} : { documents },
    );
    switch (answer.kind) {
      case 'refused':
        throw new OperatingError(answer.code, answer.why, { retryable: false });
      case 'nothing':
        return this.#answered(service, 'nothing', answer.why, rolloutBefore);
      case 'turn':
        return this.#answered(service, 'done', answer.turn.says.join('; '), rolloutBefore);
    }
  }

  #answered(
    service: string,
    result: Answered['result'],
    message: string,
    rolloutBefore: string | null = null,
  ): Answered {
    const state = this.#engine.find(service);
    const view = state === null ? null : this.#reads.service(service);
    const rollout = state?.rollout?.id ?? rolloutBefore;
    return {
      result,
      message,
      service: view,
      rollout: rollout === null ? null : this.#reads.rollout(rollout),
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

  #assertScaleFits(state: ServiceState, spec: ServiceSpec): void {
    const reserved = state.addresses.blue.length;
    if (spec.scale.replicas <= reserved) return;
    throw new OperatingError(
      'SCALE_ABOVE_RESERVED',
      `${spec.name} has ${reserved} addresses per slot, reserved when it was first deployed; ${spec.scale.replicas} replicas do not fit. Nothing was applied.`,
      { retryable: false },
    );
  }
}

/** `door.drainMs: 30000 -> 5000`, one line each. */
export function differences(before: ServiceSpec, after: ServiceSpec): readonly string[] {
  return (['door', 'scale', 'policy'] as const).flatMap((part) => leaves(part, before[part], after[part]));
}

function leaves(path: string, before: unknown, after: unknown): readonly string[] {
  if (canonicalJson(before) === canonicalJson(after)) return [];
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((key) => leaves(`${path}.${key}`, before[key], after[key]));
  }
  return [`${path}: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
