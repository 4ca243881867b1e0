import { canonicalJson } from '../lib/json.ts';
import { messageOf, OperatingError } from '../lib/errors.ts';
import type { ServiceSpec } from '../release/service.ts';
import type { ServiceState } from '../rollout/state.ts';
import { findTaken } from '../workload/ports.ts';
import { doorOf } from './door.ts';
import type { Engine } from './engine.ts';
import type { Ports } from './ports.ts';
import { releaseOf } from './slot-work.ts';

/**
 * Opens a changed door before the change is recorded, so that who asks for it hears how it went; bounded by the router's own
 * time for a call. When it cannot be had, or `record` refuses, the former door is given back, as after a kill in between.
 * Errors: what the router says, with the name of the program that holds the port; those of `record`.
 */
export async function withDoor<T>(
  { ports, engine }: { readonly ports: Ports; readonly engine: Engine },
  { state, spec }: { readonly state: ServiceState; readonly spec: ServiceSpec },
  record: () => T,
): Promise<T> {
  const isMoved = canonicalJson(spec.door) !== canonicalJson(state.spec.door);
  if (!isMoved || state.rollout !== null || state.removing) return record();
  const release = (id: string) => releaseOf(ports, id);
  try {
    await ports.router.install(doorOf({ ...state, spec }, release)).catch(async (error: unknown) => {
      throw await withHolder(error, spec);
    });
    return record();
  } catch (error) {
    const now = engine.find(state.service);
    if (now !== null)
      await ports.router
        .install(doorOf(now, release))
        .catch((failed: unknown) =>
          ports.log.warn({ service: state.service }, `giving the former door back: ${messageOf(failed)}`),
        );
    throw error;
  }
}

/** The proxy knows that a port is taken; by whom, this process can find out. */
async function withHolder(error: unknown, { name, door }: ServiceSpec): Promise<unknown> {
  const byProgram = error instanceof OperatingError && error.code === 'TRAFFIC_DOOR_TAKEN' && error.retryable;
  if (!byProgram) return error;
  const { address: host, port } = door.listen;
  const [taken] = await findTaken([{ host, port }]);
  if (taken === undefined) return error;
  return new OperatingError(
    'TRAFFIC_DOOR_TAKEN',
    `the door of ${name} was not moved to ${host}:${port}: that port is held by ${taken.holder}. Nothing was applied, and the former door is open as before. Stop that program, or choose another port.`,
    { retryable: false, cause: error },
  );
}
