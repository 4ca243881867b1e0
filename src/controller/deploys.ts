import { canonicalJson } from '../lib/json.ts';
import { messageOf, OperatingError } from '../lib/errors.ts';
import { onAddress } from '../lib/upstream.ts';
import { configDigest } from '../release/digest.ts';
import { planRollout, type Plan } from '../release/plan.ts';
import type { Release } from '../release/release.ts';
import type { ServiceSpec } from '../release/service.ts';
import { adoptedBy, adoptedRelease, assertStillStands } from './outside.ts';
import { stableOf } from './plan-view.ts';
import { assertSameDoor } from './file-fits.ts';
import {
  FREE_SLOT,
  labelOf,
  slotWithRole,
  type DeployRequest,
  type ServiceState,
  type Slot,
} from '../rollout/state.ts';
import type { Caller, DeployAsk } from './controller.ts';
import type { Document, Engine } from './engine.ts';
import { isKept } from './known-releases.ts';
import { isUnseen } from './labels.ts';
import type { Ports } from './ports.ts';
import type { RolloutRecord } from './records.ts';
import type { Reserved } from './reserved.ts';

/** What a deploy would be: everything decided, nothing done. */
export type Prepared = {
  readonly release: Release;
  readonly request: DeployRequest;
  /** To be recorded with it: its own, and what is adopted with it. */
  readonly newReleases: readonly Release[];
  /** What a promise of it rests on; a stored plan holds only while this is the same. */
  readonly fingerprint: string;
};

export type Gathered = {
  readonly ask: DeployAsk;
  readonly release: Release;
  /** What serves today and would be adopted with it, or null. */
  readonly adopted: Release | null;
  readonly remark: string | null;
  readonly caller: Caller;
};

/** A release of before, and what there is to say about it. */
export type Target = { readonly releaseId: string; readonly remark: string | null };

type Ids = { readonly rollout: string; readonly seed: string };
/** Without ids, they are drawn. */
type Starter = Pick<Caller, 'actor' | 'verified'> & { readonly ids?: Ids };

/** Rollouts of a service that are looked through for a good version. */
const RECORDS_LOOKED_AT = 200;

/** Turns what is asked for into releases, plans and rollout requests. */
export class Deploys {
  readonly #ports: Ports;
  readonly #engine: Engine;
  readonly #reserved: Reserved;

  constructor(ports: Ports, engine: Engine, reserved: Reserved) {
    this.#ports = ports;
    this.#engine = engine;
    this.#reserved = reserved;
  }

  /** Everything about a release that takes time to find out. Errors: RELEASE_LABEL_TAKEN, ARTIFACT_UNKNOWN, DOOR_DIFFERS, WORKLOAD_SECRET_MISSING, CURRENT_DOWN. */
  async gather(asked: DeployAsk, caller: Caller): Promise<Gathered> {
    const { spec } = asked;
    const state = this.#engine.find(spec.name);
    if (state !== null) assertSameDoor(state, spec);
    const ask = spec.release.run === null ? { ...asked, artifactDigest: null } : asked;
    if (spec.release.run !== null) await this.#assertArtifact(ask.artifactDigest);
    const release = await this.#releaseOf(ask, caller);
    const adopted = state === null ? await adoptedRelease(this.#ports, spec, caller.actor) : null;
    return { ask, release, adopted, remark: await this.#remarkOn(release), caller };
  }

  async #assertArtifact(digest: string | null): Promise<void> {
    if (digest !== null && (await this.#ports.store.has(digest))) return;
    const which = digest === null ? 'of this version' : digest.slice(0, 12);
    throw new OperatingError(
      'ARTIFACT_UNKNOWN',
      `the artifact ${which} was not uploaded; nothing was started`,
      { retryable: false },
    );
  }

  /** What a deploy would be, of what is true at this moment: to be acted on without waiting for anything in between. */
  prepare({ ask, release: gathered, adopted, remark, caller }: Gathered): Prepared {
    const { spec } = ask;
    const state = this.#engine.find(spec.name);
    if (state !== null) assertSameDoor(state, spec);
    // Another request may have made it meanwhile.
    const known = this.#known(ask);
    const release = known ?? gathered;
    const firstDeploy = state === null ? adopted === null : slotWithRole(state, 'stable') === null;
    const plan = planRollout(spec, { firstDeploy });
    const fingerprint = canonicalJson({
      release: release.id,
      spec,
      stable: state === null ? null : stableOf(state),
      artifact: ask.artifactDigest,
    });
    return {
      release,
      newReleases: [known === null ? release : null, state === null ? adopted : null].filter(
        (one) => one !== null,
      ),
      fingerprint,
      request: this.#request({ release, plan, remark, purpose: 'deploy' }, caller),
    };
  }

  /** Back to a recorded release: a switch while it is warm, else a start with its steps skipped. */
  back(state: ServiceState, to: Target, caller: Starter): DeployRequest {
    const { releaseId } = to;
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
    const remark = warm ? null : to.remark;
    const request = this.#request({ release, plan, remark, purpose: 'rollback' }, caller);
    if (!warm) assertStillStands(this.#ports.journal, state, request);
    return request;
  }

  /** What to go back to, and what to say about it. Label null: the last good version. */
  async target(state: ServiceState, label: string | null): Promise<Target> {
    return this.remembered(label === null ? this.lastGood(state) : `${state.service}/${label}`);
  }

  /** A release of before, and whether it would start as it did then. */
  async remembered(releaseId: string): Promise<Target> {
    const release = this.release(releaseId);
    return { releaseId, remark: release === null ? null : await this.#remarkOn(release) };
  }

  /** The same, where what it is made of is still there. Errors: RELEASE_UNKNOWN, ARTIFACT_UNKNOWN. */
  async kept(releaseId: string): Promise<Target> {
    const release = this.release(releaseId);
    const service = releaseId.slice(0, releaseId.indexOf('/'));
    if (release === null) {
      throw new OperatingError(
        'RELEASE_UNKNOWN',
        `no version ${labelOf(releaseId)} of ${service} was made here; nothing was started`,
        { retryable: false },
      );
    }
    if (await isKept(this.#ports, release)) return { releaseId, remark: await this.#remarkOn(release) };
    throw new OperatingError(
      'ARTIFACT_UNKNOWN',
      `the files of ${release.label} of ${service} are not kept any more; nothing was started. Deploy it anew from where they are: bascule deploy ${service} --from …`,
      { retryable: false },
    );
  }

  /** The request of a retry: the same release, today's plan, a new draw. */
  again(state: ServiceState, { releaseId, remark }: Target, caller: Caller): DeployRequest {
    const release = this.release(releaseId);
    if (release === null)
      throw new OperatingError('RELEASE_UNKNOWN', `the record of ${releaseId} is gone; nothing was started`, {
        retryable: false,
      });
    const plan = planRollout(
      { ...state.spec, release: release.spec },
      { firstDeploy: slotWithRole(state, 'stable') === null },
    );
    return this.#request({ release, plan, remark, purpose: 'deploy' }, caller);
  }

  /** What would be asked for to start it, with ids of the caller's: of this release, or (null) of one that is not here yet. */
  imagined(
    state: ServiceState,
    release: Pick<Release, 'id' | 'label' | 'spec'> | null,
    { asker, ids }: { readonly asker: Pick<Caller, 'actor' | 'verified'>; readonly ids: Ids },
  ): DeployRequest {
    const spec = release === null ? state.spec : { ...state.spec, release: release.spec };
    const plan = planRollout(spec, { firstDeploy: slotWithRole(state, 'stable') === null });
    const of = release ?? { id: `${state.service}/`, label: 'another version' };
    return this.#request({ release: of, plan, remark: null, purpose: 'deploy' }, { ...asker, ids });
  }

  newService(spec: ServiceSpec): ServiceState {
    const adopted = adoptedBy(spec);
    const blue: Slot =
      adopted === null ? FREE_SLOT : { ...FREE_SLOT, role: 'stable', releaseId: adopted.releaseId };
    return {
      service: spec.name,
      spec,
      salt: this.#ports.random.hex(16),
      addresses: spec.targets ?? withoutPrefixes(this.#reserved.slots(spec)),
      adopted,
      slots: { blue, green: FREE_SLOT },
      rollout: null,
      route: { revision: 0, proven: true },
      scaling: false,
      removing: false,
      counter: 0,
    };
  }

  release(id: string): Release | null {
    return (this.#ports.journal.document('release', id) as unknown as Release | undefined) ?? null;
  }

  documentsOf(prepared: Prepared): readonly Document[] {
    return prepared.newReleases.map((release) => ({ kind: 'release', key: release.id, value: release }));
  }

  async #releaseOf(ask: DeployAsk, caller: Caller): Promise<Release> {
    const { spec, label, artifactDigest } = ask;
    const known = this.#known(ask);
    if (known !== null) return known;
    const environmentDigest = await this.#ports.environmentDigest(spec.release.env);
    const createdAtMs = this.#ports.clock.nowMs();
    return {
      id: `${spec.name}/${label}`,
      service: spec.name,
      label,
      artifactDigest,
      configDigest: configDigest(spec.release),
      environmentDigest,
      spec: spec.release,
      createdAtMs,
      createdBy: caller.actor,
    };
  }

  /**
   * The release of this label, if it is what is asked for; null where the label is free: never used, of a service that was
   * removed, or of a release that never got traffic and goes nowhere any more. Error: RELEASE_LABEL_TAKEN.
   */
  #known({ spec, label, artifactDigest }: DeployAsk): Release | null {
    const state = this.#engine.find(spec.name);
    const known = state === null ? null : this.release(`${spec.name}/${label}`);
    if (known === null) return null;
    if (known.artifactDigest === artifactDigest && known.configDigest === configDigest(spec.release))
      return known;
    if (state !== null && isUnseen(this.#ports, state, known.id)) return null;
    const what = known.artifactDigest === artifactDigest ? 'its configuration differs' : 'its files differ';
    throw new OperatingError(
      'RELEASE_LABEL_TAKEN',
      `${label} of ${spec.name} exists already and ${what}; releases never change. Nothing was started. Give another --version; only one that never got traffic, and is not under way, may be replaced.`,
      { retryable: false },
    );
  }

  /** Going on is more important than being exactly as before: a value that changed is said, and nothing more. */
  async #remarkOn(release: Release): Promise<string | null> {
    try {
      const today = await this.#ports.environmentDigest(release.spec.env);
      if (today === release.environmentDigest) return null;
      return `a secret of ${release.label} has changed since it was released; it starts with what it is now`;
    } catch (error) {
      return `the environment of ${release.label} is not what it was: ${messageOf(error)}`;
    }
  }

  #request(
    what: {
      readonly release: Pick<Release, 'id' | 'label'>;
      readonly plan: Plan;
      readonly remark: string | null;
      readonly purpose: DeployRequest['purpose'];
    },
    { actor, verified, ids }: Starter,
  ): DeployRequest {
    const { release, plan, remark, purpose } = what;
    const { rollout, seed } = ids ?? {
      rollout: `r-${this.#ports.random.hex(4)}`,
      seed: this.#ports.random.hex(16),
    };
    return {
      rollout,
      purpose,
      releaseId: release.id,
      label: release.label,
      plan,
      seed,
      actor,
      ...(verified === true && { known: true as const }),
      remark,
    };
  }

  /**
   * The newest release that was promoted, is not what serves, and was not left by a rollback since: asking twice must not
   * bring the bad version back. Error: NOTHING_TO_GO_BACK_TO.
   */
  lastGood(state: ServiceState): string {
    const stable = slotWithRole(state, 'stable');
    const serves = stable === null ? null : state.slots[stable].releaseId;
    const left = new Set<string>();
    for (const { value } of this.#ports.journal.documents({
      kind: 'rollout',
      aggregate: state.service,
      limit: RECORDS_LOOKED_AT,
    })) {
      const { rollout, ending, startedAtMs } = value as unknown as RolloutRecord;
      if (ending?.outcome !== 'done') continue;
      // Of a service of this name that was removed: its releases are gone, or others have their names now.
      const release = this.release(rollout.releaseId);
      if (release === null || release.createdAtMs > startedAtMs) continue;
      if (rollout.releaseId !== serves && !left.has(rollout.releaseId)) return rollout.releaseId;
      if (rollout.purpose === 'rollback' && rollout.from !== null) left.add(rollout.from.releaseId);
    }
    const adopted = state.adopted?.releaseId ?? serves;
    if (adopted !== null && adopted !== serves && !left.has(adopted)) return adopted;
    throw new OperatingError(
      'NOTHING_TO_GO_BACK_TO',
      left.size === 0
        ? `no other version of ${state.service} was ever promoted; nothing changed`
        : `every other version of ${state.service} was left by a rollback (${[...left].map(labelOf).join(', ')}); nothing changed. To go back to one all the same, name it: bascule rollback ${state.service} VERSION`,
      { retryable: false },
    );
  }
}

function withoutPrefixes({ blue, green }: ReturnType<Reserved['slots']>): ServiceState['addresses'] {
  return { blue: blue.map(onAddress), green: green.map(onAddress) };
}
