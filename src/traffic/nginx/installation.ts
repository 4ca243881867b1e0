import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { formatAddress } from '../../lib/address.ts';
import { messageOf, OperatingError } from '../../lib/errors.ts';
import { testConfiguration } from '../proxy-command.ts';
import { NGINX } from './program.ts';
import { type Agents, type FrontDoor, keeping } from './front-door.ts';
import type { ManagedNginx } from './managed.ts';
import { renderFiles, renderUnknownHosts } from './render-files.ts';
import type { ServicePlan } from './service-plan.ts';
import type { SystemNginx } from './system.ts';

const VERIFY_MS = 5000;
const POLL_MS = 15;
/** New connections in a row that the new configuration answers: several workers accept them. */
const AGREEING = 3;
const UNKNOWN_HOSTS = 'zz-bascule.conf';
const OURS = /^(?:00-bascule\.conf|zz-bascule\.conf|bascule-[a-z0-9-]+\.(?:conf|server))$/;

/** One nginx and the files in it that are ours: they change together, or not at all. */
export class Installation {
  readonly nginx: ManagedNginx | SystemNginx;
  private readonly isManaged: boolean;
  private readonly front: FrontDoor;

  constructor(nginx: ManagedNginx | SystemNginx, isManaged: boolean, front: FrontDoor) {
    this.nginx = nginx;
    this.isManaged = isManaged;
    this.front = front;
  }

  /**
   * Makes nginx have these services and no others of ours; `changed` is proven through its front door. On any error the
   * former files are back, and loaded. Errors: TRAFFIC_CONFIG_REFUSED, TRAFFIC_CONFIG_UNWRITABLE, TRAFFIC_NOT_SERVED,
   * TRAFFIC_DOOR_TAKEN, TRAFFIC_LISTEN_FAILED, TRAFFIC_UNREACHABLE and those of its start.
   */
  async change(plans: readonly ServicePlan[], changed: ServicePlan | null): Promise<void> {
    const { files, digests } = this.render(plans);
    const former = this.present();
    const digest = changed === null ? null : digests.get(changed.door.service)!;
    const isSame =
      former.size === files.size && [...files].every(([name, text]) => former.get(name) === text);
    if (isSame) {
      await this.nginx.ensure();
      if (changed === null || (await this.serves(changed, digest!, 1))) return;
    }
    await this.nginx.ensure();
    if (this.isManaged) await this.checkPorts(plans, [...former.values()].join('\n'));
    const witness = keeping(1);
    try {
      // A connection to a worker of now, if there is one: that it is closed shows that those are leaving.
      if (changed !== null) await this.front.digest(changed, witness).catch(() => null);
      this.put(files);
      await testConfiguration(NGINX, this.nginx.test, `${this.nginx.directory}/`);
      await this.nginx.reload();
      if (changed !== null) await this.verify(changed, digest!, witness);
    } catch (error) {
      await this.undo(former);
      throw error;
    } finally {
      for (const agent of witness) agent.destroy();
    }
  }

  private render(plans: readonly ServicePlan[]): ReturnType<typeof renderFiles> {
    const rendered = renderFiles(plans);
    if (!this.isManaged || plans.length === 0) return rendered;
    const files = new Map([...rendered.files, [UNKNOWN_HOSTS, renderUnknownHosts(plans)] as const]);
    return { ...rendered, files };
  }

  private present(): Map<string, string> {
    const { directory } = this.nginx;
    const names = readdirOf(directory).filter((name) => OURS.test(name));
    return new Map(names.map((name) => [name, readFileSync(join(directory, name), 'utf8')]));
  }

  private put(files: ReadonlyMap<string, string>): void {
    const { directory } = this.nginx;
    try {
      mkdirSync(directory, { recursive: true });
      for (const [name, text] of files) {
        // Not a name that nginx would include, should this be cut off.
        const temporary = join(directory, `.${name}.new`);
        writeFileSync(temporary, text);
        // Only the master reads it, and it holds the paths that nobody else is to ask.
        chmodSync(temporary, 0o640);
        renameSync(temporary, join(directory, name));
      }
      for (const name of readdirOf(directory))
        if (OURS.test(name) && !files.has(name)) rmSync(join(directory, name));
    } catch (error) {
      throw new OperatingError(
        'TRAFFIC_CONFIG_UNWRITABLE',
        `nginx's files in ${directory} could not be written (${messageOf(error)}). nginx serves as before. Mend the permissions or free the disk, and repeat.`,
        { retryable: false, cause: error },
      );
    }
  }

  private async undo(former: ReadonlyMap<string, string>): Promise<void> {
    try {
      this.put(former);
      await this.nginx.reload();
    } catch {
      // The first error is the one to tell; nginx keeps what it had loaded.
    }
  }

  private async verify(plan: ServicePlan, digest: string, witness: Agents): Promise<void> {
    if ((await this.serves(plan, digest, AGREEING)) && (await this.serves(plan, digest, AGREEING, witness)))
      return;
    const { listen } = plan.door.spec;
    throw new OperatingError(
      'TRAFFIC_NOT_SERVED',
      `nginx took the files of ${plan.door.service}, but does not answer with them on ${listen.address}:${listen.port}. The former files are back. ${this.nginx.complaints()}`,
      { retryable: false },
    );
  }

  private async serves(
    plan: ServicePlan,
    digest: string,
    times: number,
    agents: Agents | null = null,
  ): Promise<boolean> {
    const deadline = performance.now() + (times === 1 ? 0 : VERIFY_MS);
    for (let agreeing = 0; ;) {
      const found = await this.front.digest(plan, agents).catch(() => null);
      agreeing = found === digest ? agreeing + 1 : 0;
      if (agreeing >= times) return true;
      if (performance.now() > deadline) return false;
      if (agreeing === 0) await pause();
    }
  }

  /** A port of another program would only show in nginx's log, after it had kept the former configuration. */
  private async checkPorts(plans: readonly ServicePlan[], former: string): Promise<void> {
    for (const listen of listensOf(plans)) {
      const at = listen.lastIndexOf(' ');
      const address = { host: listen.slice(0, at), port: Number(listen.slice(at + 1)) };
      // Its own nginx has the port.
      if (
        former.includes(`listen ${formatAddress(address)};`) ||
        former.includes(`listen ${formatAddress(address)} `)
      )
        continue;
      const code = await bindable(address.host, address.port);
      if (code === null) continue;
      const owner = plans.find((plan) => listensOf([plan]).has(listen))!;
      throw refused(owner, formatAddress(address), code);
    }
  }
}

/** `address port` of each door and preview. */
function listensOf(plans: readonly ServicePlan[]): Set<string> {
  return new Set(
    plans.flatMap(({ door }) => [
      `${door.spec.listen.address} ${door.spec.listen.port}`,
      ...(door.preview === null
        ? []
        : Object.values(door.preview).map(({ host, port }) => `${host} ${port}`)),
    ]),
  );
}

function bindable(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

function refused({ door }: ServicePlan, place: string, code: string): OperatingError {
  return code === 'EADDRINUSE'
    ? new OperatingError(
        'TRAFFIC_DOOR_TAKEN',
        `The door of ${door.service} was not installed: another program listens on ${place}. Nothing was changed. Stop that program, or choose another port.`,
        { retryable: false },
      )
    : new OperatingError(
        'TRAFFIC_LISTEN_FAILED',
        `The door of ${door.service} was not installed: nginx may not listen on ${place} (${code}). Nothing was changed.`,
        { retryable: false },
      );
}

function readdirOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, POLL_MS);
  });
}
