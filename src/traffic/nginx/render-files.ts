import { createHash } from 'node:crypto';
import { formatAddress } from '../../lib/address.ts';
import type { Door } from '../router.ts';
import { renderCommon } from './render-common.ts';
import { quote } from './quote.ts';
import { block } from './render-block.ts';
import { REMEMBERED, renderFirst } from './render-choice.ts';
import { renderHttp, renderLocations, renderPreview } from './render-service.ts';
import type { ServicePlan } from './service-plan.ts';

export type RenderedFiles = {
  /** By name within the directory. */
  readonly files: ReadonlyMap<string, string>;
  /** What nginx answers once it uses a service's file, by service. */
  readonly digests: ReadonlyMap<string, string>;
};

const WRITTEN = '# Written by Bascule, and written anew: changes are lost.\n';
const COMMON_FILE = '00-bascule.conf';

/**
 * Every file of an instance: one of common variables and one per service. Services of one host on one address share its
 * server block; it stands in the file of the first of them by name.
 */
export function renderFiles(plans: readonly ServicePlan[]): RenderedFiles {
  const sorted = plans.toSorted((a, b) => (a.door.service < b.door.service ? -1 : 1));
  const digests = new Map(sorted.map((plan) => [plan.door.service, digestOf(plan)]));
  const files = new Map<string, string>();
  if (sorted.length > 0) files.set(COMMON_FILE, renderCommon());
  const groups = Map.groupBy(
    sorted.filter(({ proxy }) => proxy.mode === 'file'),
    serverKey,
  );
  for (const plan of sorted) {
    const { service } = plan.door;
    const previews = renderPreview(plan, 'blue') + renderPreview(plan, 'green');
    const group = groups.get(serverKey(plan)) ?? [];
    const server =
      group[0] === plan
        ? renderServer(group, (each) => renderLocations(each, digests.get(each.door.service)!))
        : '';
    files.set(`bascule-${service}.conf`, `${WRITTEN}${renderHttp(plan)}${server}${previews}`);
    if (plan.proxy.mode === 'snippet')
      files.set(`bascule-${service}.server`, `${WRITTEN}${renderLocations(plan, digests.get(service)!)}`);
  }
  return { files, digests };
}

function listenOf({ spec }: Door): string {
  return formatAddress({ host: spec.listen.address, port: spec.listen.port });
}

function serverKey({ door }: ServicePlan): string {
  return `${listenOf(door)} ${door.spec.host ?? '*'}`;
}

function renderServer(group: readonly ServicePlan[], locations: (plan: ServicePlan) => string): string {
  const { door, proxy } = group[0]!;
  const { host } = door.spec;
  const { tls } = proxy;
  const certificate =
    tls === null
      ? ''
      : `ssl_certificate ${quote(tls.certificate)};\nssl_certificate_key ${quote(tls.key)};\n`;
  const hasRoot = group.some((plan) => plan.door.spec.path === '/');
  // Any host: a pattern, which loses against every name, and is nobody's default server.
  return block(
    'server',
    `listen ${listenOf(door)}${tls === null ? '' : ' ssl http2'};
server_name ${host === null ? '"" ~.' : quote(host)};
${certificate}${REMEMBERED}${group.map(renderFirst).join('')}${group.map(locations).join('')}${hasRoot ? '' : block('location /', 'return 404;\n')}`,
  );
}

function digestOf(plan: ServicePlan): string {
  const text = [
    serverKey(plan),
    JSON.stringify(plan.proxy),
    renderHttp(plan),
    renderLocations(plan, ''),
    renderPreview(plan, 'blue'),
    renderPreview(plan, 'green'),
  ].join('\n');
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** For a managed instance: hosts that no service has are unknown on the addresses that services listen on. */
export function renderUnknownHosts(plans: readonly ServicePlan[]): string {
  const listens = new Map(plans.map(({ door, proxy }) => [listenOf(door), proxy.tls] as const));
  return [...listens]
    .filter(([, tls]) => tls === null)
    .map(([address]) => block('server', `listen ${address} default_server;\nserver_name _;\nreturn 404;\n`))
    .join('');
}
