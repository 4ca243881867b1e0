import { readFileSync } from 'node:fs';

/** Differs after every start of the machine. Throws where there is no Linux /proc. */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
