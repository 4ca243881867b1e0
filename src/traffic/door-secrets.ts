import { OperatingError } from '../lib/errors.ts';
import type { OverrideSpec } from '../release/service.ts';
import { withErrorPages } from './door-pages.ts';
import { OVERRIDE_SECRET, type OverrideRule } from './override.ts';
import type { Door, TrafficRouter } from './router.ts';

type SecretRef = Extract<OverrideSpec['allow'], { kind: 'secret' }>;
type Secrets = { resolve(refs: Readonly<Record<string, SecretRef>>): Promise<Record<string, string>> };

/**
 * A router whose doors get the values of the secrets, and the pages, that they refer to, read anew each time a door is installed:
 * the controller itself never holds them. Errors of `install`, besides the router's: those of `resolve`,
 * WORKLOAD_SECRET_UNSAFE for a value that no proxy could take, and TRAFFIC_ERROR_PAGE_UNUSABLE.
 */
export function withDoorSecrets(router: TrafficRouter, secrets: Secrets): TrafficRouter {
  return {
    capabilities: router.capabilities,
    capabilitiesOf: (kind) => router.capabilitiesOf?.(kind) ?? null,
    install: async (door) => router.install(await withErrorPages(await withRule(door, secrets))),
    remove: (service) => router.remove(service),
    apply: (route) => router.apply(route),
    observe: (service) => router.observe(service),
    cut: (service, slot) => router.cut(service, slot),
    traffic: (service, cursor) => router.traffic(service, cursor),
  };
}

async function withRule(door: Door, secrets: Secrets): Promise<Door> {
  const { override } = door.spec;
  if (override === undefined) return door;
  const header = override.header.toLowerCase();
  return { ...door, override: { header, allow: await resolved(override.allow, secrets) } };
}

async function resolved(allow: OverrideSpec['allow'], secrets: Secrets): Promise<OverrideRule['allow']> {
  if (allow.kind === 'networks') return allow;
  const { value } = await secrets.resolve({ value: allow });
  return { kind: 'secret', secret: usable(value!, allow) };
}

function usable(value: string, { from, name }: { readonly from: string; readonly name: string }): string {
  const secret = value.trim();
  if (OVERRIDE_SECRET.test(secret)) return secret;
  throw new OperatingError(
    'WORKLOAD_SECRET_UNSAFE',
    `The secret ${from}:${name} of override cannot be used; the door was not changed. It must be 16 to 200 letters, digits and . _ ~ + = -; "openssl rand -hex 16" makes one.`,
    { retryable: false },
  );
}
