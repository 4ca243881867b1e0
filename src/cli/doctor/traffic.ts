import type { ServiceView } from '../../controller/views.ts';
import { certificateTrouble } from '../../release/certificate-trouble.ts';
import { failure, ok, warning, type Finding, type Server } from './finding.ts';
import { namePid, type Running } from './processes.ts';

type Range = { readonly from: number; readonly to: number };
const FOREIGN_PROXY = /\((?:\S*\/)?(?:nginx|haproxy)\b/u;

/** Whether the proxy and all of its workers live, and are of this version. `workers` is how many there should be. */
export function proxyFinding(
  server: Server,
  { proxy }: Running,
  { workers, version }: { readonly workers: number; readonly version: string },
): Finding {
  const services = server.reached ? server.services.length : 0;
  if (proxy === null) {
    if (services === 0) return ok('proxy', 'does not run; nothing needs it');
    return failure(
      'proxy',
      'does not run, or belongs to another user',
      'restart the server: it starts its proxy',
    );
  }
  const alive = proxy.workers.length;
  const { version: runs = null, formers = [] } = proxy;
  const named = `pid ${proxy.pid} with ${alive} workers${runs === null ? '' : `, version ${runs}`}`;
  if (alive >= workers && runs !== null && runs !== version)
    return warning(
      'proxy',
      `${named}; this is ${version}`,
      'restart the server: it replaces the proxy, and says in its log if it could not',
    );
  const ending = formers.length === 0 ? '' : `; pid ${formers.join(', ')} ends what it has in flight`;
  if (alive >= workers) return ok('proxy', `${named}${ending}`);
  const fix = 'look again in a moment: workers are started anew; else see proxy.log in the state directory';
  return (alive === 0 ? failure : warning)(
    'proxy',
    `pid ${proxy.pid} has ${alive} of ${workers} workers`,
    fix,
  );
}

/** Whether each door is held by the proxy, and nobody else listens where replicas are to. */
export function portFindings(server: Server, running: Running, slotPorts: Range): readonly Finding[] {
  const services = server.reached ? server.services : [];
  const doors = services.flatMap((service) => doorFinding(service, running));
  const inUse = services.flatMap(({ slots }) =>
    Object.values(slots).flatMap(({ addresses, replicas }) => addresses.slice(0, replicas)),
  );
  return [
    ...doors,
    slotFinding(running, slotPorts, new Set(inUse.map((address) => Number(address.split(':').at(-1))))),
  ];
}

function doorFinding({ name, door }: ServiceView, { listeners, proxy }: Running): readonly Finding[] {
  if (!URL.canParse(door)) return [];
  const { port: written, protocol } = new URL(door);
  const port = Number(written || (protocol === 'https:' ? '443' : '80'));
  const subject = `door of ${name}`;
  const held = listeners.filter(({ address }) => address.port === port);
  const own = new Set(proxy === null ? [] : [proxy.pid, ...proxy.workers]);
  if (held.some(({ pid }) => pid !== null && own.has(pid))) return [ok(subject, door)];
  const [other] = held;
  if (other === undefined)
    return [
      failure(
        subject,
        `nobody listens on port ${port}`,
        `see bascule status ${name}, and proxy.log in the state directory`,
      ),
    ];
  const holder = namePid(other.pid);
  if (FOREIGN_PROXY.test(holder)) return [ok(subject, `${door}, ${holder}`)];
  return [
    failure(subject, `port ${port} is held by ${holder}`, 'stop that, or give the service another listen:'),
  ];
}

function slotFinding(
  { listeners, replicas }: Running,
  { from, to }: Range,
  inUse: ReadonlySet<number>,
): Finding {
  const own = new Set(replicas.map(({ pid }) => pid));
  const others = listeners.filter(
    ({ address: { port }, pid }) =>
      port >= from && port <= to && !inUse.has(port) && (pid === null || !own.has(pid)),
  );
  if (others.length === 0) return ok('slot ports', `${from} to ${to}, held by nobody else`);
  const held = others.slice(0, 5).map(({ address, pid }) => `${address.port} (${namePid(pid)})`);
  const more = others.length > held.length ? `, and ${others.length - held.length} more` : '';
  return warning(
    'slot ports',
    `others listen between ${from} and ${to}: ${held.join(', ')}${more}`,
    'choose a range of its own with slot-ports in server.yaml; what is taken is not given to a service',
  );
}

/** Certificates that cannot be used, have run out or soon will. */
export function certificateFindings(server: Server, nowMs: number): readonly Finding[] {
  const services = server.reached ? server.services : [];
  return services.flatMap(({ name, certificates = [] }) => {
    if (certificates.length === 0) return [];
    const subject = `certificates of ${name}`;
    const troubles = certificates.flatMap((each) => certificateTrouble(each, nowMs) ?? []);
    if (troubles.length === 0)
      return [ok(subject, `${certificates.length} in use, good for three weeks and more`)];
    return troubles.map(({ says, isBad, fix }) => (isBad ? failure : warning)(subject, says, fix));
  });
}

/** What is left of services that the server does not know. */
export function leftoverFinding(server: Server, { replicas }: Running, released: readonly string[]): Finding {
  if (!server.reached) return ok('leftovers', 'only the server knows; it does not answer');
  const known = new Set(server.services.map(({ name }) => name));
  const pids = replicas.filter(({ service }) => !known.has(service)).map(({ pid }) => pid);
  if (pids.length > 0) {
    const named = pids.slice(0, 5).map((pid) => namePid(pid));
    return warning(
      'leftovers',
      `processes of services that the server does not know: ${named.join(', ')}`,
      `kill ${pids.join(' ')}`,
    );
  }
  const stale = released.filter((name) => !known.has(name));
  if (stale.length === 0) return ok('leftovers', 'no process and no release without its service');
  const folders = stale.slice(0, 5).join(', ');
  return ok('leftovers', `only releases of services that were removed, in releases/: ${folders}`);
}
