import type { Address } from '../lib/address.ts';
import type { VerifyCheck } from '../release/service.ts';
import type { SlotName } from '../release/slot.ts';
import type { Route } from '../traffic/router.ts';

/** What is to be done; each goes to one port, is idempotent, and ends in a `Result`. */
export type Command =
  | { readonly kind: 'installDoor' }
  | { readonly kind: 'removeDoor' }
  | { readonly kind: 'applyRoute'; readonly route: Route }
  | {
      readonly kind: 'startSlot';
      readonly slot: SlotName;
      readonly releaseId: string;
      readonly replicas: number;
    }
  | {
      readonly kind: 'scaleSlot';
      readonly slot: SlotName;
      readonly releaseId: string;
      readonly replicas: number;
      readonly afterDrain: boolean;
    }
  /** Runs the checks one after the other until one fails or the rollout does not wait for them any more. */
  | {
      readonly kind: 'verify';
      readonly rollout: string;
      readonly releaseId: string;
      readonly preview: Address;
      readonly checks: readonly VerifyCheck[];
    }
  /** Waits until its requests are through (bounded by the door's drain), cuts the rest, stops it. */
  | { readonly kind: 'stopSlot'; readonly slot: SlotName; readonly releaseId: string };

export type IssuedCommand = { readonly id: string; readonly command: Command };
