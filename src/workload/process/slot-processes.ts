import { messageOf, OperatingError } from '../../lib/errors.ts';
import type { SlotName } from '../../release/slot.ts';
import { assertFree } from '../ports.ts';
import type { ReplicaState, SlotWorkload } from '../runtime.ts';
import { backOff } from './backoff.ts';
import type { ReplicaRecord } from './record.ts';
import { Replica, startReplica, type ReplicaTools } from './replica.ts';
import { planSlot } from './slot-plan.ts';

/** What is known of one replica's place in the slot. */
export type Place = {
  replica: Replica;
  /** Crashes without a minute up between them. */
  inARow: number;
  retry: NodeJS.Timeout | null;
  retryAtMs: number;
  /** Why the last attempt to start it again failed. */
  problem: string | null;
};

/** Keeps the processes of one slot as asked. Everything that starts or stops goes through one lane, one at a time. */
export class SlotProcesses {
  readonly service: string;
  readonly slot: SlotName;
  readonly #tools: ReplicaTools;
  readonly #changed: () => void;
  readonly #places = new Map<number, Place>();
  /** What was asked last; null before the first ensure and after a stop: then nothing is started again. */
  #wanted: SlotWorkload | null = null;
  #directory = '';
  #lane: Promise<unknown> = Promise.resolve();
  #detached = false;

  constructor(
    place: { readonly service: string; readonly slot: SlotName },
    tools: ReplicaTools,
    changed: () => void,
  ) {
    this.service = place.service;
    this.slot = place.slot;
    this.#tools = tools;
    this.#changed = changed;
  }

  get places(): readonly Place[] {
    return [...this.#places.values()].sort((a, b) => a.replica.record.replica - b.replica.record.replica);
  }

  /** Takes over what an earlier controller started. What died meanwhile is started again by the next ensure. */
  adopt(record: ReplicaRecord): void {
    const replica = new Replica(this.#tools, record, { adopted: true, onExit: (gone) => this.#onExit(gone) });
    this.#places.set(record.replica, newPlace(replica));
    replica.look();
  }

  states(): readonly ReplicaState[] {
    this.look();
    return this.places.map((place) => place.replica.state());
  }

  look(): void {
    for (const place of this.#places.values()) if (place.replica.adopted) place.replica.look();
  }

  /** `prepare` gives the release's directory and may take long: a stop does not wait for it, but makes this fail. */
  async ensure(workload: SlotWorkload, prepare: () => Promise<string>): Promise<void> {
    const before = this.#wanted;
    this.#wanted = workload;
    try {
      const directory = await prepare();
      await this.#inLane(() => this.#bring(workload.release.id, directory));
    } catch (error) {
      if (this.#wanted === workload) this.#wanted = before;
      throw asOperating(error, workload.release.id);
    }
  }

  async stop(graceMs: number): Promise<void> {
    this.#wanted = null;
    await this.#inLane(() => this.#stopPlaces([...this.#places.keys()], () => graceMs));
  }

  /** Leaves the processes alone from now on. */
  detach(): void {
    this.#detached = true;
    for (const place of this.#places.values()) cancelRetry(place);
  }

  /** Brings what was asked last: an older call that took longer does not undo a newer number of replicas. */
  async #bring(releaseId: string, directory: string): Promise<void> {
    const workload = this.#wanted;
    if (workload?.release.id !== releaseId) throw overtaken(this.slot, releaseId);
    this.#directory = directory;
    this.look();
    const present = this.places.map((place) => ({
      ...place.replica.record,
      cared: place.replica.running || place.retry !== null,
    }));
    const plan = planSlot(present, workload);
    await this.#stopPlaces(plan.stop, (replica) => replica.record.stopGraceMs);
    for (const index of plan.start) await this.#places.get(index)?.replica.clearAway();
    // All ports before the first start: better nothing than half a slot.
    await assertFree(plan.start.map((index) => workload.addresses[index]!));
    const started: number[] = [];
    try {
      for (const index of plan.start) {
        await this.#start(workload, index);
        started.push(index);
      }
    } catch (error) {
      await this.#stopPlaces(started, () => workload.release.spec.stopGraceMs);
      throw error;
    }
  }

  async #start(workload: SlotWorkload, index: number): Promise<void> {
    const before = this.#places.get(index);
    const replica = await startReplica(
      this.#tools,
      {
        release: workload.release,
        directory: this.#directory,
        slot: this.slot,
        replica: index,
        address: workload.addresses[index]!,
        crashes: before?.replica.record.crashes ?? 0,
        lastExit: before?.replica.record.lastExit ?? null,
      },
      (gone) => this.#onExit(gone),
    );
    const place = newPlace(replica);
    place.inARow = before?.inARow ?? 0;
    this.#places.set(index, place);
    this.#changed();
    // It may have crashed before it had its place, and nobody listened then.
    if (!replica.running) this.#onExit(replica);
  }

  #onExit(replica: Replica): void {
    const place = this.#places.get(replica.record.replica);
    if (place?.replica !== replica) return;
    if (!replica.stopping && this.#keepsUp(replica)) {
      const tidy = this.#inLane(() => replica.clearAway());
      tidy.catch((error: unknown) => (place.problem = messageOf(error)));
      this.#retryLater(place, replica.upMs());
    }
    this.#changed();
  }

  #retryLater(place: Place, upMs: number): void {
    const { delayMs, inARow } = backOff(place.inARow, upMs);
    place.inARow = inARow;
    place.retryAtMs = this.#tools.clock.monotonicMs() + delayMs;
    place.retry = setTimeout(() => void this.#inLane(() => this.#restart(place)), delayMs);
    place.retry.unref();
  }

  /** Never throws: what goes wrong is kept for `diagnose`, and tried again. */
  async #restart(place: Place): Promise<void> {
    const { replica } = place;
    const index = replica.record.replica;
    if (this.#places.get(index) !== place || !this.#keepsUp(replica)) return;
    place.retry = null;
    try {
      await replica.clearAway();
      await this.#start(this.#wanted!, index);
    } catch (error) {
      place.problem = messageOf(error);
      this.#retryLater(place, 0);
    }
  }

  #keepsUp(replica: Replica): boolean {
    const wanted = this.#wanted;
    if (this.#detached || wanted === null) return false;
    return wanted.release.id === replica.record.releaseId && replica.record.replica < wanted.replicas;
  }

  async #stopPlaces(indexes: readonly number[], graceMs: (replica: Replica) => number): Promise<void> {
    const results = await Promise.allSettled(
      indexes.map(async (index) => {
        const place = this.#places.get(index)!;
        cancelRetry(place);
        await place.replica.stop(graceMs(place.replica));
        this.#places.delete(index);
      }),
    );
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  #inLane<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#lane.then(task);
    this.#lane = done.catch(() => undefined);
    return done;
  }
}

function newPlace(replica: Replica): Place {
  return { replica, inARow: 0, retry: null, retryAtMs: 0, problem: null };
}

function cancelRetry(place: Place): void {
  if (place.retry !== null) clearTimeout(place.retry);
  place.retry = null;
}

function overtaken(slot: SlotName, releaseId: string): OperatingError {
  return new OperatingError(
    'WORKLOAD_START_FAILED',
    `Starting ${releaseId} in ${slot}: not started, because a stop or another release was asked for ` +
      `meanwhile.`,
    { retryable: false },
  );
}

function asOperating(error: unknown, releaseId: string): OperatingError {
  if (error instanceof OperatingError) return error;
  if ((error as NodeJS.ErrnoException).code === 'ENOSPC') {
    return new OperatingError(
      'WORKLOAD_DISK_FULL',
      `Starting ${releaseId}: the disk of the state directory is full. Nothing was started; free some space and try again.`,
      { retryable: true, cause: error },
    );
  }
  return new OperatingError(
    'WORKLOAD_START_FAILED',
    `Starting ${releaseId}: ${messageOf(error)}. What ran before still runs; mend that and try again.`,
    { retryable: true, cause: error },
  );
}
