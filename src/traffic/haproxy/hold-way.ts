import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { HoldPort } from '../hold-port.ts';
import type { HoldPlan } from './plan.ts';
import { unroutable } from '../route-check.ts';

/** Where the service's requests wait, and where they come back. Errors: TRAFFIC_ROUTE_INVALID, and those of the hold port. */
export async function openHoldWay(
  holdPort: HoldPort | undefined,
  root: string,
  service: string,
): Promise<HoldPlan> {
  if (holdPort === undefined) throw unroutable(service, 'a hold, without a place to wait,');
  // As short as the master socket's name, as HAProxy adds to it while it binds.
  const name = createHash('sha256').update(service).digest('hex').slice(0, 10);
  const back = join(root, `h${name}`);
  return { relay: await holdPort.open({ service, way: 'relay', back: { path: back } }), back };
}
