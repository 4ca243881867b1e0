import { messageOf } from '../lib/errors.ts';
import { withPath } from '../lib/upstream.ts';
import { SLOT_NAMES, type SlotName } from '../release/slot.ts';
import { placesOf } from '../rollout/places.ts';
import { wayBack, type ServiceState } from '../rollout/state.ts';
import type { DoorObservation } from '../traffic/router.ts';
import type { ReplicaState } from '../workload/runtime.ts';
import { CertificatesSeen } from './certificates-seen.ts';
import type { Engine } from './engine.ts';
import { isNotInstalled } from './execute.ts';
import type { Ports } from './ports.ts';
import { ReplicasSeen } from './replicas-seen.ts';

const LINES_OF_PROBES = 4;

/**
 * Looks at one service: health through the proxy, crashes, overdue starts, deadlines. Everything seen becomes an
 * event; what changes nothing leaves no trace.
 */
export class Lookout {
  readonly certificates: CertificatesSeen;
  readonly replicas: ReplicasSeen;
  readonly #ports: Ports;
  readonly #engine: Engine;
  readonly #restore: (service: string) => Promise<void>;

  /** `restore` gives the proxy again what it has lost. */
  constructor(ports: Ports, engine: Engine, restore: (service: string) => Promise<void>) {
    this.#ports = ports;
    this.#engine = engine;
    this.#restore = restore;
    this.certificates = new CertificatesSeen(ports.log);
    this.replicas = new ReplicasSeen(ports.log);
  }

  forget(service: string): void {
    this.certificates.forget(service);
    this.replicas.forget(service);
  }

  async look(service: string): Promise<void> {
    // A way back that could not be recorded comes before everything else.
    if (this.#engine.owes(service)) this.#engine.post(service, { kind: 'clockAdvanced' }, 'bascule');
    await this.#lookAtHealth(service);
    await this.#lookAtCrashes(service);
    await this.#lookAtDeadlines(service);
  }

  async #lookAtHealth(service: string): Promise<void> {
    const seen = await this.#observed(service);
    await this.#engine.turn();
    const state = this.#engine.find(service);
    if (seen === null || state === null) return;
    this.certificates.note(service, seen);
    this.replicas.note(service, seen);
    // An observation of an older route may not know the replicas that the state speaks of.
    if (seen.revision < state.route.revision) return await this.#restore(service);
    if (seen.revision > state.route.revision && !this.#engine.owes(service)) {
      this.#engine.post(service, { kind: 'routeAhead', revision: seen.revision }, 'bascule');
      return;
    }
    // Stable first: a fault of both must not look as if only the candidate had it.
    const back = wayBack(state);
    for (const slot of [...SLOT_NAMES].sort((a, b) => Number(b === back) - Number(a === back))) {
      const before = this.#engine.find(service);
      if (before?.route.revision !== state.route.revision) return;
      const { releaseId, replicas } = before.slots[slot];
      if (releaseId === null || replicas === 0) continue;
      const gone = await this.#notRunning(service, slot);
      await this.#engine.turn();
      // What was seen is of what ran there then: the same release may have been stopped since, and be about to start.
      const now = this.#engine.find(service);
      if (now?.slots[slot] !== before.slots[slot] || now.route.revision !== before.route.revision) return;
      const healthy = seen.slots[slot].replicas.filter(
        ({ replica, healthy: isWell }) => replica < replicas && isWell && !gone.has(replica),
      ).length;
      this.#engine.post(service, { kind: 'healthSeen', slot, releaseId, healthy }, 'bascule');
    }
  }

  /**
   * Replicas of a version on its way to readiness whose program is over: what answers at their address is something else, a
   * child that left its session for example, which nobody would stop or start again.
   */
  async #notRunning(service: string, slot: SlotName): Promise<ReadonlySet<number>> {
    const rollout = this.#engine.find(service)?.rollout;
    const gating =
      rollout?.candidate === slot && (rollout.phase === 'starting' || rollout.phase === 'probing');
    if (!gating) return new Set();
    const replicas = await this.#ports.runtime.observe(service);
    return new Set(
      replicas.filter((each) => each.slot === slot && !each.running).map((each) => each.replica),
    );
  }

  async #lookAtCrashes(service: string): Promise<void> {
    const rollout = this.#engine.find(service)?.rollout;
    if (rollout === null || rollout === undefined || rollout.ending !== null) return;
    const replicas = await this.#ports.runtime.observe(service);
    const crashes = crashesOf(replicas, rollout.candidate, rollout.releaseId);
    if (crashes <= rollout.crashes) return;
    const found = await this.#ports.runtime.diagnose(service, rollout.candidate);
    if (this.#engine.find(service) === null) return;
    this.#engine.post(
      service,
      { kind: 'crashSeen', slot: rollout.candidate, releaseId: rollout.releaseId, crashes, found },
      'bascule',
    );
  }

  async #lookAtDeadlines(service: string): Promise<void> {
    await this.#engine.turn();
    const state = this.#engine.find(service);
    if (state === null) return;
    this.#engine.post(service, { kind: 'clockAdvanced' }, 'bascule');
    const { rollout } = state;
    if (rollout === null || rollout.phase !== 'probing' || rollout.ending !== null) return;
    if (this.#ports.clock.steadyMs() - rollout.stepSinceMs < rollout.plan.readyWithinMs) return;
    const found = await this.#whatIsThere(state, rollout.candidate);
    if (this.#engine.find(service) === null) return;
    this.#engine.post(service, { kind: 'readyOverdue', rollout: rollout.id, found }, 'bascule');
  }

  /** What the proxy's probes got, then what the runtime sees: for people who wonder why it is not ready. */
  async #whatIsThere(state: ServiceState, slot: SlotName): Promise<readonly string[]> {
    const seen = await this.#observed(state.service);
    const places = placesOf(state, slot);
    const { path } = state.spec.release.health;
    const probes = (seen?.slots[slot].replicas ?? [])
      .filter((replica) => !replica.healthy && replica.lastProbe !== null)
      .slice(0, LINES_OF_PROBES)
      .map(({ replica, lastProbe }) => {
        const at = withPath(places[replica]!, path);
        const body = lastProbe!.body === '' ? '' : `: ${lastProbe!.body.replaceAll(/\s+/g, ' ')}`;
        return `GET ${at}: ${lastProbe!.found} (${Math.round(lastProbe!.tookMs)}ms)${body}`;
      });
    return [...probes, ...(await this.#ports.runtime.diagnose(state.service, slot))];
  }

  async #observed(service: string): Promise<DoorObservation | null> {
    try {
      return await this.#ports.router.observe(service);
    } catch (error) {
      this.#ports.log.warn({ service }, `looking at the proxy: ${messageOf(error)}`);
      if (isNotInstalled(error)) await this.#restore(service);
      return null;
    }
  }
}

export function crashesOf(
  replicas: readonly ReplicaState[],
  slot: SlotName,
  releaseId: string | null,
): number {
  return replicas
    .filter((replica) => replica.slot === slot && replica.releaseId === releaseId)
    .reduce((sum, replica) => sum + replica.crashes, 0);
}
