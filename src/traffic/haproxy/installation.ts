import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { formatAddress } from '../../lib/address.ts';
import { syncDirectory, writeFileDurably } from '../../lib/durable-file.ts';
import { messageOf, OperatingError } from '../../lib/errors.ts';
import { testConfiguration } from '../proxy-command.ts';
import { HAPROXY } from './program.ts';
import { backendName, serverName } from './names.ts';
import { checkPlan, type ServicePlan } from './plan.ts';
import type { ProxyProcess } from './proxy-process.ts';
import { digestOf, renderServices } from './render.ts';
import { formatMap, REVISION_KEY, routeMap } from './route-map.ts';
import { parseStats, type ServerState } from './stats.ts';

const RELOAD_MS = 10_000;
const POLL_MS = 20;

/** One HAProxy and the file in it that is ours: it changes as a whole, or not at all. */
export class Installation {
  readonly proxy: ProxyProcess;

  constructor(proxy: ProxyProcess) {
    this.proxy = proxy;
  }

  /**
   * Makes HAProxy have these services and no others of ours; `changed` is proven. It is loaded anew only where more than
   * the use of servers differs. On any error the former file is back, and loaded. Errors: TRAFFIC_DOOR_UNFIT,
   * TRAFFIC_CONFIG_REFUSED, TRAFFIC_CONFIG_UNWRITABLE, TRAFFIC_NOT_SERVED, TRAFFIC_DOOR_TAKEN, TRAFFIC_LISTEN_FAILED,
   * TRAFFIC_UNREACHABLE and those of its start.
   */
  async change(plans: readonly ServicePlan[], changed: ServicePlan | null): Promise<void> {
    if (changed !== null) checkPlan(changed, plans);
    const text = renderServices(plans, this.proxy.logTarget);
    await this.proxy.ensure();
    const former = readOrNull(this.proxy.file);
    await this.writeParts(plans);
    if (
      former !== null &&
      digestOf(former) === digestOf(text) &&
      readOrNull(this.loadedFile) === digestOf(text) &&
      (changed === null || (await this.has(changed)))
    ) {
      if (former !== text) await this.write(this.proxy.file, text);
      return;
    }
    await checkPorts(plans, former ?? '', this.proxy.isManaged);
    const candidate = `${this.proxy.file}.new`;
    await this.write(candidate, text);
    try {
      await testConfiguration(HAPROXY, this.proxy.test, this.proxy.file);
    } catch (error) {
      rmSync(candidate, { force: true });
      throw error;
    }
    renameSync(candidate, this.proxy.file);
    await syncDirectory(dirname(this.proxy.file));
    try {
      await this.reload();
      if (changed !== null && !(await this.has(changed)))
        throw this.notServed('it does not have the service');
    } catch (error) {
      await this.undo(former);
      throw error;
    }
    await this.write(this.loadedFile, digestOf(text));
  }

  /** Says which file was loaded last: whoever was killed between writing and loading it loads it now. */
  private get loadedFile(): string {
    return `${this.proxy.file}.loaded`;
  }

  /** The route's use of servers, for whoever starts HAProxy anew; nothing is loaded. */
  async keep(plans: readonly ServicePlan[]): Promise<void> {
    await this.writeParts(plans);
    await this.write(this.proxy.file, renderServices(plans, this.proxy.logTarget));
  }

  /** Maps and certificates, which the file names. */
  private async writeParts(plans: readonly ServicePlan[]): Promise<void> {
    for (const { route, mapFile, pemFile, proxy } of plans) {
      mkdirSync(dirname(mapFile), { recursive: true });
      const map = formatMap(routeMap(route));
      if (readOrNull(mapFile) !== map) await this.write(mapFile, map);
      if (pemFile !== null && proxy.tls !== null) await this.writePem(pemFile, proxy.tls);
    }
  }

  private async writePem(
    file: string,
    { certificate, key }: { certificate: string; key: string },
  ): Promise<void> {
    const [chain, secret] = [readOrNull(certificate), readOrNull(key)];
    const missing = chain === null ? certificate : secret === null ? key : null;
    if (missing !== null) {
      throw new OperatingError(
        'TRAFFIC_CONFIG_REFUSED',
        `${missing} cannot be read, so nothing was changed. Put the PEM file there, readable for the server's user, and repeat.`,
        { retryable: false },
      );
    }
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const pem = `${chain!.trimEnd()}\n${secret}`;
    if (readOrNull(file) !== pem) await writeFileDurably(file, pem, 0o600);
  }

  private async has({ route, mapFile }: ServicePlan): Promise<boolean> {
    const { current } = await this.proxy.master.workers();
    if (current === null) return false;
    const revision = await this.proxy.master.lookUp(current, mapFile, REVISION_KEY);
    return revision === String(route?.revision ?? 0);
  }

  /** The master starts a worker with the new file; the former one ends what it has. Error: TRAFFIC_NOT_SERVED. */
  private async reload(): Promise<void> {
    const { master } = this.proxy;
    const before = await master.workers();
    const down =
      before.current === null ? [] : downServers(await master.tell(before.current, 'show stat -1 4 -1'));
    await master.ask('reload').catch(() => undefined);
    const deadline = performance.now() + RELOAD_MS;
    for (;;) {
      const now = await master.workers().catch(() => null);
      if (now !== null && now.current !== null && now.current !== before.current) {
        await this.takeOver(now.current, down);
        return;
      }
      if (now !== null && now.failedReloads > before.failedReloads) throw this.notServed('the reload failed');
      if (performance.now() > deadline) throw this.notServed(`no new worker within ${RELOAD_MS}ms`);
      await pause();
    }
  }

  /** A new worker takes everybody for healthy until its first look. */
  private async takeOver(worker: number, down: readonly ServerState[]): Promise<void> {
    const commands = down.map(
      ({ backend, server }) =>
        `set server ${backendName(backend.service, backend.slot, 'plain')}/${serverName(server.slot, server.replica)} health down`,
    );
    if (commands.length > 0) await this.proxy.master.tellAll(worker, commands);
  }

  private async undo(former: string | null): Promise<void> {
    try {
      await this.write(this.proxy.file, former ?? renderServices([], this.proxy.logTarget));
      await this.reload();
    } catch {
      // The first error is the one to tell; HAProxy keeps what it had loaded.
    }
  }

  private async write(file: string, text: string): Promise<void> {
    // Our part may have the secret of an override in it.
    const mode = file.startsWith(this.proxy.file) ? 0o640 : 0o644;
    try {
      await writeFileDurably(file, text, mode);
      chmodSync(file, mode);
    } catch (error) {
      throw new OperatingError(
        'TRAFFIC_CONFIG_UNWRITABLE',
        `HAProxy's file ${file} could not be written (${messageOf(error)}). HAProxy serves as before. Mend the permissions or free the disk, and repeat.`,
        { retryable: false, cause: error },
      );
    }
  }

  private notServed(why: string): OperatingError {
    return new OperatingError(
      'TRAFFIC_NOT_SERVED',
      `HAProxy took the file, but does not serve with it: ${why}. The former file is back. ${this.proxy.complaints()}`.trim(),
      { retryable: false },
    );
  }
}

function downServers(stats: string): ServerState[] {
  return parseStats(stats).filter(
    ({ backend, server, status }) =>
      backend.lane === 'plain' && backend.slot === server.slot && status.startsWith('DOWN'),
  );
}

/** Where new doors are to be, another program may be already: HAProxy itself would say so only in its log. */
async function checkPorts(plans: readonly ServicePlan[], former: string, isManaged: boolean): Promise<void> {
  for (const { door } of plans) {
    const { address, port } = door.spec.listen;
    const previews = door.preview === null ? [] : Object.values(door.preview);
    for (const place of [{ host: address, port }, ...previews]) {
      const text = formatAddress(place);
      if (former.includes(`    bind ${text}\n`) || former.includes(`    bind ${text} `)) continue;
      const code = await bindable(place.host, place.port);
      // A port below 1024 is for root, which the machine's HAProxy is.
      if (code === null || (code === 'EACCES' && !isManaged)) continue;
      throw refused(door.service, text, code);
    }
  }
}

function bindable(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

function refused(service: string, place: string, code: string): OperatingError {
  return code === 'EADDRINUSE'
    ? new OperatingError(
        'TRAFFIC_DOOR_TAKEN',
        `The door of ${service} was not installed: another program listens on ${place}. Nothing was changed. Stop that program, or choose another port.`,
        { retryable: false },
      )
    : new OperatingError(
        'TRAFFIC_LISTEN_FAILED',
        `The door of ${service} was not installed: HAProxy may not listen on ${place} (${code}). Nothing was changed.`,
        { retryable: false },
      );
}

function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, POLL_MS);
  });
}
