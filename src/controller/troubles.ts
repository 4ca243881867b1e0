import { formatElapsed } from '../lib/duration.ts';
import { messageOf, OperatingError } from '../lib/errors.ts';
import { certificateTrouble } from '../release/certificate-trouble.ts';
import type { TroubleNotice } from '../notify/notice.ts';
import { labelOf, slotWithRole, type ServiceState } from '../rollout/state.ts';
import { standsIn } from '../rollout/stand-in.ts';
import type { Engine } from './engine.ts';
import type { Lookout } from './lookout.ts';
import type { Ports } from './ports.ts';
import type { StandingTrouble } from './server-state.ts';

type Kind = StandingTrouble['kind'];
/** What is wrong now. `key`: one for the same trouble. */
type Found = Pick<TroubleNotice, 'service' | 'subject' | 'isBad' | 'reason'> & {
  readonly key: string;
  readonly kind: Kind;
};

/** So long it must stand before people are told, and be gone before they are told that: programs restart, files are replaced. */
const SETTLE_MS: Readonly<Record<Kind, number>> = { down: 10_000, certificate: 120_000 };
/** What comes and goes is told of so often in an hour; what stands then is told when there is room. */
const MOST_AN_HOUR = 4;
const HOUR_MS = 3_600_000;
const OVER = { down: 'up', certificate: 'certificate-well' } as const;

/**
 * What people are to know of a service of which no rollout is under way: stable is down, a certificate is broken or runs out. A
 * rollout tells its own. What was told is kept, so that a restart does not tell it again.
 */
export class Troubles {
  readonly #ports: Ports;
  readonly #engine: Engine;
  readonly #certificates: Lookout['certificates'];
  /** When it was first seen, or first seen gone, by the monotonic clock. */
  readonly #since = new Map<string, number>();
  readonly #goneSince = new Map<string, number>();
  readonly #tellings = new Map<string, readonly number[]>();

  constructor(ports: Ports, engine: Engine, { certificates }: Pick<Lookout, 'certificates'>) {
    this.#ports = ports;
    this.#engine = engine;
    this.#certificates = certificates;
  }

  /** Never throws: what could not be written down is told the next time. */
  look(): void {
    try {
      this.#look();
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.#ports.log.warn({}, `people could not be told: ${messageOf(error)}`);
    }
  }

  #look(): void {
    const standing = new Map(this.#engine.troubles().map((one) => [one.key, one]));
    const found = new Map(
      this.#engine
        .services()
        .flatMap((state) => this.#foundIn(state, standing))
        .map((one) => [one.key, one]),
    );
    const next = new Map(standing);
    const notices = [
      ...[...found.values()].flatMap((one) => this.#begun(one, standing.get(one.key), next)),
      ...[...standing.values()].flatMap((one) => (found.has(one.key) ? [] : this.#over(one, next))),
    ];
    for (const key of this.#since.keys()) if (!found.has(key)) this.#since.delete(key);
    for (const key of this.#goneSince.keys())
      if (found.has(key) || !next.has(key)) this.#goneSince.delete(key);
    const isSame = next.size === standing.size && [...next].every(([key, one]) => standing.get(key) === one);
    if (isSame) return;
    const says = notices.map(({ service, kind, reason }) => `${service}: ${kind}: ${reason}`);
    this.#engine.keepTroubles([...next.values()], {
      kind: 'trouble',
      actor: 'bascule',
      says,
      more: { notices },
    });
    for (const { key } of found.values()) if (next.get(key) !== standing.get(key)) this.#count(key);
    if (notices.length > 0) this.#ports.noticed?.();
  }

  #foundIn(state: ServiceState, standing: ReadonlyMap<string, StandingTrouble>): readonly Found[] {
    if (state.removing) return [];
    const { service } = state;
    const nowMs = this.#ports.clock.nowMs();
    const broken = (this.#certificates.of(service) ?? []).flatMap((one): readonly Found[] => {
      const trouble = certificateTrouble(one, nowMs);
      if (trouble === null) return [];
      const { says, isBad, fix } = trouble;
      const key = `certificate ${service} ${one.file}`;
      return [{ key, kind: 'certificate', service, subject: one.file, isBad, reason: `${says}; ${fix}` }];
    });
    const down = downIn(state);
    // A rollout says itself what stable is like; what was told before it began stands.
    const isTold = down !== null && standing.has(down.key);
    return down === null || (state.rollout !== null && !isTold) ? broken : [down, ...broken];
  }

  #begun(
    found: Found,
    told: StandingTrouble | undefined,
    next: Map<string, StandingTrouble>,
  ): readonly TroubleNotice[] {
    const { key, kind } = found;
    const monotonicMs = this.#ports.clock.monotonicMs();
    const sinceMs = this.#since.get(key) ?? monotonicMs;
    this.#since.set(key, sinceMs);
    const isWorse = told !== undefined && found.isBad && !told.isBad;
    const isNew = told === undefined && monotonicMs - sinceMs >= SETTLE_MS[kind];
    if ((!isNew && !isWorse) || !this.#hasRoom(key)) return [];
    const atMs = told?.sinceMs ?? this.#ports.clock.nowMs();
    const trouble = told?.trouble ?? `${kind}-${found.service}-${atMs}`;
    const { service, subject, isBad, reason } = found;
    next.set(key, { key, kind, service, subject, isBad, sinceMs: atMs, trouble });
    return [{ kind, service, trouble, again: told !== undefined, subject, isBad, reason }];
  }

  /** Of a service that was taken away there is nothing to say. */
  #over(told: StandingTrouble, next: Map<string, StandingTrouble>): readonly TroubleNotice[] {
    const { key, kind, service, trouble, sinceMs } = told;
    const state = this.#engine.find(service);
    const monotonicMs = this.#ports.clock.monotonicMs();
    const goneMs = this.#goneSince.get(key) ?? monotonicMs;
    this.#goneSince.set(key, goneMs);
    if (state !== null && monotonicMs - goneMs < SETTLE_MS[kind]) return [];
    next.delete(key);
    if (state === null) return [];
    const subject = kind === 'down' ? (stableLabel(state) ?? told.subject) : told.subject;
    const lastedMs = Math.max(0, this.#ports.clock.nowMs() - sinceMs - SETTLE_MS[kind]);
    const reason = `after ${formatElapsed(lastedMs)}`;
    return [{ kind: OVER[kind], service, trouble, again: true, subject, isBad: false, reason }];
  }

  #hasRoom(key: string): boolean {
    const fromMs = this.#ports.clock.monotonicMs() - HOUR_MS;
    const recent = (this.#tellings.get(key) ?? []).filter((atMs) => atMs > fromMs);
    if (recent.length === 0) this.#tellings.delete(key);
    else this.#tellings.set(key, recent);
    return recent.length < MOST_AN_HOUR;
  }

  #count(key: string): void {
    this.#tellings.set(key, [...(this.#tellings.get(key) ?? []), this.#ports.clock.monotonicMs()]);
  }
}

function stableLabel(state: ServiceState): string | null {
  const stable = slotWithRole(state, 'stable');
  const releaseId = stable === null ? null : state.slots[stable].releaseId;
  return releaseId === null ? null : labelOf(releaseId);
}

function downIn(state: ServiceState): Found | null {
  const stable = slotWithRole(state, 'stable');
  const subject = stableLabel(state);
  if (stable === null || subject === null) return null;
  const { healthy, replicas } = state.slots[stable];
  if (replicas === 0 || healthy > 0) return null;
  const { service } = state;
  const kept = slotWithRole(state, 'kept');
  const warm = kept !== null && standsIn(state, kept) ? state.slots[kept].releaseId : null;
  const users = warm === null ? 'users get 503' : `users get ${labelOf(warm)}, which is still warm`;
  const none =
    replicas === 1 ? 'its only replica is not healthy' : `none of its ${replicas} replicas is healthy`;
  return { key: `down ${service}`, kind: 'down', service, subject, isBad: true, reason: `${none}: ${users}` };
}
