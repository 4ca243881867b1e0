import type { Address } from '../../lib/address.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Release } from '../../release/release.ts';
import { commandEnvironment, marksOf } from '../environment.ts';
import { assertFree } from '../ports.ts';
import type { ReplicaState } from '../runtime.ts';
import type { SecretResolver } from '../secrets.ts';
import { endSession, isLeaderAlive, spawnSession, type Exit, type SessionId } from '../session.ts';
import { systemUser } from '../user.ts';
import type { LogFiles } from './log-files.ts';
import type { ReplicaRecord, Records } from './record.ts';

export type ReplicaTools = {
  readonly records: Records;
  readonly logs: LogFiles;
  readonly secrets: SecretResolver;
  readonly allowedUsers: readonly string[];
  /** PATH of commands, unless the release sets its own. */
  readonly path: string;
  readonly bootId: string;
  readonly clock: Clock;
};

export type StartRequest = {
  readonly release: Release;
  /** Prepared directory of the release. */
  readonly directory: string;
  readonly slot: ReplicaRecord['slot'];
  readonly replica: number;
  readonly address: Address;
  readonly crashes: number;
  readonly lastExit: string | null;
};

/** What a crashed replica leaves behind gets this long; nobody drains it any more. */
const REMAINS_GRACE_MS = 1000;

/** One started replica, from its start (or adoption) to its exit. A restart makes a new one. */
export class Replica {
  #record: ReplicaRecord;
  #running = true;
  readonly #tools: ReplicaTools;
  readonly #onExit: (replica: Replica) => void;
  /** Adopted ones are no children of ours: nobody tells us when they exit, so somebody must look. */
  readonly adopted: boolean;
  #stopping = false;

  constructor(
    tools: ReplicaTools,
    record: ReplicaRecord,
    options: { readonly adopted: boolean; readonly onExit: (replica: Replica) => void },
  ) {
    this.#tools = tools;
    this.#record = record;
    this.adopted = options.adopted;
    this.#onExit = options.onExit;
  }

  get record(): ReplicaRecord {
    return this.#record;
  }

  get running(): boolean {
    return this.#running;
  }

  /** The session, for who asks what it does; its leader may be over. */
  get session(): SessionId {
    return this.#record.session;
  }

  marks(): Record<string, string> {
    const { service, label, slot, replica, address } = this.#record;
    return marksOf(service, label, { slot, replica, port: address.port });
  }

  /** How long it has been up, by the steady clock, because a monotonic one does not outlive us. */
  upMs(): number {
    return Math.max(0, this.#tools.clock.steadyMs() - this.#record.startedAtMs);
  }

  state(): ReplicaState {
    const { slot, replica, releaseId, address, session, startedAtMs, crashes, lastExit } = this.#record;
    const pid = this.#running ? session.pid : null;
    return { slot, replica, releaseId, address, running: this.#running, pid, startedAtMs, crashes, lastExit };
  }

  /** For adopted ones: notices that the process is gone. Its exit code went to whoever reaped it. */
  look(): void {
    if (this.#running && !isLeaderAlive(this.session)) this.exited('gone');
  }

  exited(how: string): void {
    if (!this.#running) return;
    this.#running = false;
    const asked = this.#stopping;
    this.#record = { ...this.#record, crashes: this.#record.crashes + (asked ? 0 : 1), lastExit: how };
    this.#onExit(this);
  }

  /** Whether its exit was asked for. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** After a crash: ends the children that it left, so that they free the port, and notes the crash. */
  async clearAway(): Promise<void> {
    await endSession(this.session, this.marks(), REMAINS_GRACE_MS);
    await this.#tools.records.save(this.#record);
  }

  /** Error: WORKLOAD_STOP_FAILED; the record then stays, so that a later stop tries again. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    await endSession(this.session, this.marks(), graceMs);
    await this.#tools.records.remove(this.#record);
    this.exited('stopped');
  }
}

/** Errors: WORKLOAD_START_FAILED, _PORT_TAKEN, _SECRET_MISSING, _SECRET_UNSAFE, _USER_NOT_ALLOWED. Then nothing runs. */
export async function startReplica(
  tools: ReplicaTools,
  request: StartRequest,
  onExit: (replica: Replica) => void,
): Promise<Replica> {
  const { release, slot, replica: index, address } = request;
  const { spec, service, label } = release;
  assert(spec.run !== null, `${release.id} is run by somebody else: it is no process of Bascule's`);
  await assertFree([address]);
  const user = await systemUser(spec.user, tools.allowedUsers);
  const values = await tools.secrets.resolve(spec.env);
  const place = { slot, replica: index, port: address.port };
  const environment = commandEnvironment({ release, place, values, user, path: tools.path });
  const output = await tools.logs.open({ service, slot, label, replica: index }, user);
  try {
    const session = await spawnSession({
      command: spec.run,
      cwd: request.directory,
      environment,
      user,
      output: output.fd,
      toolPath: tools.path,
    });
    const record: ReplicaRecord = {
      service,
      slot,
      replica: index,
      releaseId: release.id,
      label,
      address,
      bootId: tools.bootId,
      session: session.id,
      startedAtMs: tools.clock.steadyMs(),
      stopGraceMs: spec.stopGraceMs,
      crashes: request.crashes,
      lastExit: request.lastExit,
    };
    try {
      await tools.records.save(record);
    } catch (error) {
      session.abandon();
      throw error;
    }
    const replica = new Replica(tools, record, { adopted: false, onExit });
    void session.exited.then((exit) => replica.exited(describeExit(exit)));
    session.go();
    return replica;
  } finally {
    await output.close();
  }
}

function describeExit(exit: Exit): string {
  return exit.signal === null ? `exit code ${exit.code ?? 'unknown'}` : `signal ${exit.signal}`;
}
