import { formatAddress, type Address } from '../../lib/address.ts';
import type { SlotWorkload } from '../runtime.ts';

export type Present = {
  readonly replica: number;
  readonly releaseId: string;
  readonly address: Address;
  /** Runs, or waits out its back-off. */
  readonly cared: boolean;
};

export type SlotPlan = { readonly stop: readonly number[]; readonly start: readonly number[] };

/** What must stop and then start for the slot to be as asked. Pure. */
export function planSlot(present: readonly Present[], wanted: SlotWorkload): SlotPlan {
  const right = (each: Present): boolean =>
    each.replica < wanted.replicas &&
    each.releaseId === wanted.release.id &&
    formatAddress(each.address) === formatAddress(wanted.addresses[each.replica]!);
  const cared = new Set(present.filter((each) => right(each) && each.cared).map((each) => each.replica));
  return {
    stop: present.filter((each) => !right(each)).map((each) => each.replica),
    start: Array.from({ length: wanted.replicas }, (_, replica) => replica).filter(
      (replica) => !cared.has(replica),
    ),
  };
}
