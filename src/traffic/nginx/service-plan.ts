import { createHash } from 'node:crypto';
import type { Address } from '../../lib/address.ts';
import type { NginxProxy } from '../../release/service.ts';
import type { SlotName } from '../../release/slot.ts';
import type { Door, Mirror, Route } from '../router.ts';

/** What a service's files are made of. */
export type ServicePlan = {
  readonly door: Door;
  readonly proxy: NginxProxy;
  /** Replicas per slot that requests are spread over. */
  readonly size: number;
  /** The service's own directory: `route`, `here`. */
  readonly directory: string;
  readonly logFile: string;
  /** Copies that are sent to another slot, or null: part of the files, so that who mirrors nothing pays nothing. */
  readonly mirror: MirrorPlan | null;
  /** Where requests wait in a hold; null until there was one. */
  readonly hold: Address | null;
  /** Part of the paths that only the controller asks for. */
  readonly secret: string;
};

export type MirrorPlan = Mirror & { readonly serve: SlotName };

/** Null where nothing would be copied. */
export function mirrorPlanOf({ serve, mirror }: Route): MirrorPlan | null {
  const isIdle = mirror === undefined || mirror.sharePercent === 0 || serve === null || serve === mirror.slot;
  return isIdle ? null : { ...mirror, serve };
}

/** Nobody who does not know the service's salt can guess it. */
export function secretOf(door: Door): string {
  return createHash('sha256').update(`nginx ${door.service} ${door.salt}`).digest('hex').slice(0, 32);
}

/** A name for nginx's variables, groups and zones. */
export function nameOf(service: string): string {
  return `bascule_${service.replaceAll('-', '_')}`;
}
