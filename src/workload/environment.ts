import { homedir } from 'node:os';
import { OperatingError } from '../lib/errors.ts';
import type { Release } from '../release/release.ts';
import type { SlotName } from '../release/slot.ts';
import type { SystemUser } from './user.ts';

const SHELL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Which replica a command belongs to. */
export type Place = { readonly slot: SlotName; readonly replica: number; readonly port: number };

/** What tells a service's processes from all others, in their environment. */
export function marksOf(service: string, label: string, place: Place | null): Record<string, string> {
  const marks = { BASCULE_SERVICE: service, BASCULE_VERSION: label };
  if (place === null) return marks;
  return {
    ...marks,
    BASCULE_SLOT: place.slot,
    BASCULE_REPLICA: String(place.replica),
    PORT: String(place.port),
  };
}

/**
 * The whole environment of a command; nothing of ours but PATH is inherited. A release may set its own PATH, HOME and LANG,
 * never PORT or BASCULE_*. `values` has the secrets. Error: WORKLOAD_START_FAILED for a name that no shell takes.
 */
export function commandEnvironment(command: {
  readonly release: Release;
  readonly place: Place | null;
  readonly values: Readonly<Record<string, string>>;
  readonly user: SystemUser | null;
  readonly path: string;
}): Record<string, string> {
  const { release, place, values, user, path } = command;
  const bad = Object.keys(values).find((name) => !SHELL_NAME.test(name));
  if (bad !== undefined) {
    throw new OperatingError(
      'WORKLOAD_START_FAILED',
      `Starting ${release.id}: "${bad}" cannot name an environment variable. Use letters, digits and "_" only.`,
      { retryable: false },
    );
  }
  return {
    PATH: path,
    HOME: user?.home ?? homedir(),
    LANG: 'C.UTF-8',
    ...values,
    ...marksOf(release.service, release.label, place),
  };
}
