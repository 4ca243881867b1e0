import { OperatingError } from '../lib/errors.ts';
import type { Plan } from '../release/plan.ts';
import type { ProxySpec, ServiceSpec } from '../release/service.ts';
import type { RouterCapabilities, TrafficRouter } from '../traffic/router.ts';

/** Of this kind of proxy; where the router does not tell kinds apart, or has not this one, of all that it has. */
export function capabilitiesOf(router: TrafficRouter, kind: ProxySpec['kind']): RouterCapabilities {
  return router.capabilitiesOf?.(kind) ?? router.capabilities;
}

/** What a service asks for is refused before anything starts, never ignored. Error: PROXY_UNSUPPORTED. */
export function assertProxyCan(router: TrafficRouter, spec: ServiceSpec, plan: Plan | null): void {
  const { kind } = spec.door.proxy;
  const missing = missingFor(spec, plan, capabilitiesOf(router, kind));
  if (missing.length === 0) return;
  throw new OperatingError(
    'PROXY_UNSUPPORTED',
    `The proxy of ${spec.name}, ${kind}, cannot do what the file asks for: ${missing.join('; ')}. Nothing was started, nothing changed. Take it out of the file, or use another proxy.`,
    { retryable: false },
  );
}

/** A sentence each; none for a service that the proxy can serve as asked. */
export function missingFor(spec: ServiceSpec, plan: Plan | null, can: RouterCapabilities): string[] {
  const missing: string[] = [];
  const { by } = plan?.sticky ?? spec.policy.sticky;
  if (!can.sticky.includes(by)) missing.push(`sticky by ${by} (it knows ${can.sticky.join(', ')})`);
  const shares = plan?.steps.flatMap((step) => (step.kind === 'share' ? [step.percent] : []));
  const tooFine = (shares ?? spec.policy.stepsPercent).find(
    (share) => !isMultiple(share, can.shareStepPercent),
  );
  if (tooFine !== undefined)
    missing.push(`a share of ${tooFine} % (its shares are multiples of ${can.shareStepPercent} %)`);
  if (spec.door.override !== undefined && !can.override) missing.push('override');
  const early = plan?.steps.map(({ kind }) => kind) ?? spec.policy.early?.map(({ kind }) => kind) ?? [];
  if (early.includes('mirror') && !can.mirror) missing.push('mirror (it cannot copy requests)');
  return missing;
}

function isMultiple(share: number, step: number): boolean {
  const parts = share / step;
  return Math.abs(parts - Math.round(parts)) < 1e-6;
}
