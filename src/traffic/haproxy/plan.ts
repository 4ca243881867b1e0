import { type Address, formatAddress } from '../../lib/address.ts';
import { OperatingError } from '../../lib/errors.ts';
import type { HaproxyProxy } from '../../release/service.ts';
import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';
import type { Door, Route } from '../router.ts';
import { overrideProblem } from './render-override.ts';

/** What one service's part of the configuration is made of. */
export type ServicePlan = {
  readonly door: Door;
  readonly proxy: HaproxyProxy;
  /** Null until the first one: nothing is in use. */
  readonly route: Route | null;
  /** The service's map: who goes where. */
  readonly mapFile: string;
  /** Certificate and key in one file, or null for plain HTTP. */
  readonly pemFile: string | null;
  /** Where requests wait in a hold, and where they come back; null until there was one. */
  readonly hold: HoldPlan | null;
};

export type HoldPlan = {
  /** Who lets them wait. */
  readonly relay: Address;
  /** A unix socket of HAProxy's, which routes without holding. */
  readonly back: string;
};

export function prefixOf(plan: ServicePlan, slot: SlotName): string {
  return plan.door.slots[slot][0]?.pathPrefix ?? '';
}

/** Requests are rewritten before a server is chosen: the slots of different prefixes cannot stand in for each other. */
export function mayStandIn(plan: ServicePlan): boolean {
  return prefixOf(plan, 'blue') === prefixOf(plan, 'green');
}

/** What cannot be said in HAProxy's files. Errors: TRAFFIC_DOOR_UNFIT. */
export function checkPlan(plan: ServicePlan, others: readonly ServicePlan[]): void {
  const { service, slots, spec } = plan.door;
  for (const slot of SLOT_NAMES) {
    const prefixes = new Set(slots[slot].map(({ pathPrefix }) => pathPrefix));
    if (prefixes.size > 1)
      throw unfit(
        service,
        `the replicas of ${slot} have different path prefixes (${[...prefixes].join(', ')})`,
      );
  }
  const problem = overrideProblem(plan.door);
  if (problem !== null) throw unfit(service, problem);
  const beside = others.find(
    (other) =>
      other.door.service !== service &&
      listenOf(other) === listenOf(plan) &&
      (other.pemFile === null) !== (plan.pemFile === null),
  );
  if (beside !== undefined) {
    const place = formatAddress({ host: spec.listen.address, port: spec.listen.port });
    throw unfit(service, `${place} is shared with ${beside.door.service}, and only one of them has tls`);
  }
}

/** `address:port` as HAProxy writes it. */
export function listenOf({ door }: ServicePlan): string {
  const { address, port } = door.spec.listen;
  return formatAddress({ host: address, port });
}

function unfit(service: string, why: string): OperatingError {
  return new OperatingError(
    'TRAFFIC_DOOR_UNFIT',
    `The door of ${service} was not installed: ${why}, and HAProxy cannot do that. What served before still serves.`,
    { retryable: false },
  );
}
