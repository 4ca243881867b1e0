import { SLOT_NAMES, type SlotName } from '../../release/slot.ts';

/** Of the section that all of ours take from, and nobody else. */
export const DEFAULTS_NAME = 'bascule';

/**
 * What a backend is for: ordinary requests, event streams and upgrades, what comes to the slot's preview address, or what
 * chose the slot by an override.
 */
export const LANES = ['plain', 'streams', 'preview', 'override'] as const;
export type Lane = (typeof LANES)[number];

/** Names of services have no dots. */
export function backendName(service: string, slot: SlotName, lane: Lane): string {
  const base = `bascule.${service}.${slot}`;
  return lane === 'plain' ? base : `${base}.${lane}`;
}

/** Where requests go that are to wait. */
export function holdName(service: string): string {
  return `bascule.${service}.hold`;
}

/** The same in every backend of the service: it names the slot that answers. */
export function serverName(slot: SlotName, replica: number): string {
  return `${slot}${replica}`;
}

export type ServerPlace = { readonly slot: SlotName; readonly replica: number };

export function parseServer(name: string): ServerPlace | null {
  const found = /^(blue|green)(\d{1,4})$/.exec(name);
  return found === null ? null : { slot: found[1] as SlotName, replica: Number(found[2]) };
}

export type BackendPlace = { readonly service: string; readonly slot: SlotName; readonly lane: Lane };

export function parseBackend(name: string): BackendPlace | null {
  const found = /^bascule\.([a-z0-9-]+)\.(blue|green)(?:\.(streams|preview|override))?$/.exec(name);
  if (found === null) return null;
  const [, service, slot, lane] = found;
  return { service: service!, slot: slot as SlotName, lane: (lane ?? 'plain') as Lane };
}

export function otherSlot(slot: SlotName): SlotName {
  return slot === SLOT_NAMES[0] ? SLOT_NAMES[1] : SLOT_NAMES[0];
}
