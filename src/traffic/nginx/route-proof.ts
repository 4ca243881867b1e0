import { OperatingError } from '../../lib/errors.ts';
import { COOKIE_NAME } from './render-identity.ts';
import { drawCohort, isCandidate } from '../cohort.ts';
import type { Door, Route } from '../router.ts';
import { identityIn } from './bucket.ts';
import type { FrontDoor } from './front-door.ts';
import type { ServicePlan } from './service-plan.ts';

const PROOF_MS = 1000;
const POLL_MS = 10;

/**
 * Asks the front door where somebody inside the cohort would go, and somebody outside of it. Where an identity cannot be
 * chosen (by address, or none), anybody is asked, and the revision is what proves the split. Error: TRAFFIC_NOT_SERVED.
 */
export async function proveRoute(front: FrontDoor, plan: ServicePlan, route: Route): Promise<void> {
  const deadline = performance.now() + PROOF_MS;
  for (;;) {
    const wrong = await firstWrong(front, plan, route);
    if (wrong === null) return;
    if (performance.now() > deadline) {
      throw new OperatingError(
        'TRAFFIC_NOT_SERVED',
        `Revision ${route.revision} of ${plan.door.service} is written, but nginx does not go by it: ${wrong}. May its workers read ${plan.directory}?`,
        { retryable: true },
      );
    }
    await new Promise((resolve) => {
      setTimeout(resolve, POLL_MS);
    });
  }
}

async function firstWrong(front: FrontDoor, plan: ServicePlan, route: Route): Promise<string | null> {
  if (!(await front.usesRevision(plan, route.revision))) return 'it does not find the revision';
  for (const { headers, slot } of witnesses(plan.door, route)) {
    const outcome = await front.outcomeFor(plan, headers);
    // `blue-green` is somebody of blue for whom green stands in.
    if ((outcome?.split('-')[0] ?? null) !== slot)
      return `somebody for ${slot ?? 'nobody'} would go to ${outcome ?? 'nobody'}`;
  }
  return null;
}

type Witness = { readonly headers: Record<string, string>; readonly slot: string | null };

function witnesses(door: Door, { serve, split }: Route): Witness[] {
  if (split === null || serve === null) return [{ headers: {}, slot: serve }];
  const cohort = drawCohort(split);
  return [true, false].flatMap((inside) => {
    const identity = identityIn(door.salt, (bucket) => isCandidate(bucket, cohort) === inside);
    const headers = identity === null ? null : headersOf(door, identity);
    return headers === null ? [] : [{ headers, slot: inside ? split.slot : serve }];
  });
}

function headersOf({ sticky }: Door, identity: string): Record<string, string> | null {
  switch (sticky.by) {
    case 'cookie':
      return { cookie: `${COOKIE_NAME}=${identity}` };
    case 'header':
      return { [sticky.header]: identity };
    case 'address':
    case 'none':
      return null;
  }
}
