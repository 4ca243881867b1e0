import type { Address } from '../lib/address.ts';
import { canonicalJson } from '../lib/json.ts';
import { OperatingError } from '../lib/errors.ts';
import { configDigest } from '../release/digest.ts';
import { describePlan } from '../release/describe-plan.ts';
import { planRollout, type Plan } from '../release/plan.ts';
import type { Release } from '../release/release.ts';
import type { ServiceSpec } from '../release/service.ts';
import { FREE_SLOT, labelOf, slotWithRole, type DeployRequest, type ServiceState } from '../rollout/state.ts';
import { allocatePorts } from '../workload/ports.ts';
import type { Caller, DeployAsk } from './controller.ts';
import type { Document, Engine } from './engine.ts';
import type { Ports, Settings } from './ports.ts';
import type { RolloutRecord } from './records.ts';
import type { PlanView } from './views.ts';

/** What a deploy would be: everything decided, nothing done. */
export type Prepared = {
  readonly release: Release;
  readonly request: DeployRequest;
  readonly isNew: boolean;
  /** What a promise of it rests on; a stored plan holds only while this is the same. */
  readonly fingerprint: string;
};

/** Turns what is asked for into releases, plans and rollout requests. */
export class Deploys {
  readonly #ports: Ports;
  readonly #engine: Engine;
  readonly #settings: Settings;

  constructor(ports: Ports, engine: Engine, settings: Settings) {
    this.#ports = ports;
    this.#engine = engine;
    this.#settings = settings;
  }

  /** Errors: RELEASE_LABEL_TAKEN, ARTIFACT_UNKNOWN, DOOR_DIFFERS, WORKLOAD_SECRET_MISSING. */
  async prepare(ask: DeployAsk, caller: Caller): Promise<Prepared> {
    const { spec } = ask;
    const state = this.#engine.find(spec.name);
    if (state !== null) assertSameDoor(state, spec);
    if (!(await this.#ports.store.has(ask.artifactDigest))) {
      throw new OperatingError(
        'ARTIFACT_UNKNOWN',
        `the artifact ${ask.artifactDigest.slice(0, 12)} was not uploaded; nothing was started`,
        { retryable: false },
      );
    }
    const release = await this.#releaseOf(ask, caller);
    const firstDeploy = state === null || slotWithRole(state, 'stable') === null;
    const plan = planRollout(spec, { firstDeploy });
    const fingerprint = canonicalJson({
      release: release.id,
      spec,
      stable: state === null ? null : stableOf(state),
      artifact: ask.artifactDigest,
    });
    return {
      release,
      isNew: this.release(release.id) === null,
      fingerprint,
      request: this.#request(release, plan, 'deploy', caller.actor),
    };
  }

  /** Back to a recorded release: a switch while it is warm, else a start with its steps skipped. */
  back(
    state: ServiceState,
    label: string | null,
    caller: Caller,
  ): { readonly request: DeployRequest; readonly warm: boolean } {
    const releaseId = label === null ? this.#lastGood(state) : `${state.service}/${label}`;
    const release = this.release(releaseId);
    if (release === null) {
      throw new OperatingError(
        'RELEASE_UNKNOWN',
        `there is no release ${labelOf(releaseId)} of ${state.service} to go back to; nothing changed. "bascule history ${state.service}" lists what there is.`,
        { retryable: false },
      );
    }
    const kept = slotWithRole(state, 'kept');
    const warm = kept !== null && state.slots[kept].releaseId === releaseId;
    const plan = planRollout(
      { ...state.spec, release: release.spec },
      { firstDeploy: slotWithRole(state, 'stable') === null, rollback: warm ? 'warm' : 'cold' },
    );
    return { request: this.#request(release, plan, 'rollback', caller.actor), warm };
  }

  /** The request of a retry: the same release, today's plan, a new draw. */
  again(state: ServiceState, releaseId: string, caller: Caller): DeployRequest {
    const release = this.release(releaseId);
    if (release === null)
      throw new OperatingError('RELEASE_UNKNOWN', `the record of ${releaseId} is gone; nothing was started`, {
        retryable: false,
      });
    const plan = planRollout(
      { ...state.spec, release: release.spec },
      { firstDeploy: slotWithRole(state, 'stable') === null },
    );
    return this.#request(release, plan, 'deploy', caller.actor);
  }

  newService(spec: ServiceSpec): ServiceState {
    const owned = this.#engine
      .services()
      .flatMap((state) => [...state.addresses.blue, ...state.addresses.green].map((address) => address.port));
    const doors = [spec, ...this.#engine.services().map((state) => state.spec)].map(
      ({ door }) => door.listen.port,
    );
    const { from, to } = this.#settings.slotPorts;
    const { blue, green } = allocatePorts({
      from,
      to,
      taken: new Set([...owned, ...doors]),
      perSlot: spec.scale.maxReplicas,
    });
    return {
      service: spec.name,
      spec,
      salt: this.#ports.random.hex(16),
      addresses: { blue: blue.map(onLoopback), green: green.map(onLoopback) },
      slots: { blue: FREE_SLOT, green: FREE_SLOT },
      rollout: null,
      route: { revision: 0, proven: true },
      scaling: false,
      removing: false,
      counter: 0,
    };
  }

  view(prepared: Prepared, id: string | null): PlanView {
    const { release, request } = prepared;
    const state = this.#engine.find(release.service);
    const stable = state === null ? null : slotWithRole(state, 'stable');
    const changes = state === null || stable === null || state.slots[stable].releaseId !== release.id;
    const obstacles = state?.rollout ? [`${state.rollout.id} (${state.rollout.label}) is under way`] : [];
    return {
      id: changes ? id : null,
      service: release.service,
      label: release.label,
      from: state === null ? null : stableOf(state),
      lines: changes ? describePlan(request.plan) : [`${release.label} is what serves already`],
      warnings:
        state === null
          ? ['this is the first version: there is nothing to compare it with, and no way back from it']
          : warningsOf(state),
      changes,
      obstacles,
    };
  }

  release(id: string): Release | null {
    return (this.#ports.journal.document('release', id) as unknown as Release | undefined) ?? null;
  }

  documentsOf(prepared: Prepared): readonly Document[] {
    const { release, isNew } = prepared;
    return isNew ? [{ kind: 'release', key: release.id, value: release }] : [];
  }

  async #releaseOf(ask: DeployAsk, caller: Caller): Promise<Release> {
    const { spec, label, artifactDigest } = ask;
    const id = `${spec.name}/${label}`;
    const config = configDigest(spec.release);
    const known = this.release(id);
    if (known !== null) {
      if (known.artifactDigest === artifactDigest && known.configDigest === config) return known;
      const what = known.artifactDigest === artifactDigest ? 'its configuration differs' : 'its files differ';
      throw new OperatingError(
        'RELEASE_LABEL_TAKEN',
        `${label} of ${spec.name} exists already and ${what}; releases never change. Nothing was started. Give another --version.`,
        { retryable: false },
      );
    }
    const environmentDigest = await this.#ports.environmentDigest(spec.release.env);
    const createdAtMs = this.#ports.clock.nowMs();
    return {
      id,
      service: spec.name,
      label,
      artifactDigest,
      configDigest: config,
      environmentDigest,
      spec: spec.release,
      createdAtMs,
      createdBy: caller.actor,
    };
  }

  #request(release: Release, plan: Plan, purpose: DeployRequest['purpose'], actor: string): DeployRequest {
    const rollout = `r-${this.#ports.random.hex(4)}`;
    return {
      rollout,
      purpose,
      releaseId: release.id,
      label: release.label,
      plan,
      seed: this.#ports.random.hex(16),
      actor,
    };
  }

  /** What is kept warm, else the newest release that was promoted and is not what serves. */
  #lastGood(state: ServiceState): string {
    const kept = slotWithRole(state, 'kept');
    if (kept !== null && state.slots[kept].releaseId !== null) return state.slots[kept].releaseId;
    const stable = slotWithRole(state, 'stable');
    const serves = stable === null ? null : state.slots[stable].releaseId;
    const records = this.#ports.journal.documents({ kind: 'rollout', aggregate: state.service, limit: 200 });
    const good = records
      .map(({ value }) => value as unknown as RolloutRecord)
      .find(({ ending, rollout }) => ending?.outcome === 'done' && rollout.releaseId !== serves);
    if (good !== undefined) return good.rollout.releaseId;
    throw new OperatingError(
      'NOTHING_TO_GO_BACK_TO',
      `no other version of ${state.service} was ever promoted; nothing changed`,
      { retryable: false },
    );
  }
}

function stableOf(state: ServiceState): string | null {
  const stable = slotWithRole(state, 'stable');
  const releaseId = stable === null ? null : state.slots[stable].releaseId;
  return releaseId === null ? null : labelOf(releaseId);
}

function warningsOf(state: ServiceState): readonly string[] {
  const kept = slotWithRole(state, 'kept');
  if (kept === null || state.slots[kept].releaseId === null) return [];
  return [`the way back to ${labelOf(state.slots[kept].releaseId)} becomes cold: its slot is taken`];
}

function assertSameDoor(state: ServiceState, spec: ServiceSpec): void {
  const differs = (['door', 'scale'] as const).filter(
    (part) => canonicalJson(state.spec[part]) !== canonicalJson(spec[part]),
  );
  if (differs.length === 0) return;
  throw new OperatingError(
    'DOOR_DIFFERS',
    `${differs.join(' and ')} of ${state.service} in the file ${differs.length > 1 ? 'differ' : 'differs'} from what is applied; nothing was started. Run "bascule apply" first: it shows the difference.`,
    { retryable: false },
  );
}

function onLoopback(port: number): Address {
  return { host: '127.0.0.1', port };
}
