import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { USUAL_PER_REPLICA } from '../../../release/resilience.ts';
import { type PermitGift, type PermitSearch, PermitBook } from '../permit-book.ts';
import { ReplicaLink } from './replica-link.ts';
import { SlotCare } from './slot-care.ts';
import { type SlotLive, slotLive } from './slot-live.ts';

/** Several workers, their parent and the channels between them, in a time that passes when told to. */
class World {
  nowMs = 0;
  readonly slots: readonly SlotLive[];
  /** Ends of requests under way, by worker. */
  readonly running: (() => void)[][];
  readonly ended: string[] = [];
  waiting = 0;
  #due: { readonly atMs: number; readonly act: () => void }[] = [];
  readonly #book: PermitBook;
  readonly #bound: number;

  constructor(shape: {
    workers: number;
    replicas: number;
    bound: number;
    maxQueue?: number;
    waitMs?: number;
  }) {
    const { workers, replicas, bound } = shape;
    this.#bound = bound;
    this.#book = new PermitBook(workers);
    this.running = Array.from({ length: workers }, () => []);
    const rules = {
      ...USUAL_PER_REPLICA,
      maxRequests: bound,
      maxQueue: shape.maxQueue ?? 1000,
      queueTimeoutMs: shape.waitMs ?? 1_000_000,
    };
    this.slots = this.running.map((_, worker) => {
      const slot = slotLive('blue');
      for (let index = 0; index < replicas; index += 1) {
        const link = new ReplicaLink(
          { host: '127.0.0.1', port: 1, pathPrefix: '' },
          { slot: 'blue', index, protocol: 'http1' },
        );
        link.healthy = true;
        slot.replicas.push(link);
      }
      slot.inUse = replicas;
      slot.care = new SlotCare(slot, {
        clock: { nowMs: () => this.nowMs, after: (ms, act) => this.#after(ms, act) },
        place: { index: worker, of: workers },
        ask: (_, wanted) => this.#after(1, () => this.#asked(worker, wanted)),
        give: (_, gift) => this.#after(1, () => this.#given(worker, gift)),
      });
      slot.care.use(rules);
      return slot;
    });
    this.#book.divide('shop', bound, { blue: replicas, green: 0 });
    for (const [worker, slot] of this.slots.entries())
      slot.care!.hold(this.#book.heldBy(worker, 'shop')!.held.blue);
  }

  get #now() {
    return { service: 'shop', slot: 'blue', epoch: this.#book.heldBy(0, 'shop')!.epoch } as const;
  }

  #asked(by: number, replicas: readonly number[]): void {
    for (const { worker, search } of this.#book.search(this.#now, by, replicas))
      this.#after(1, () => this.#sought(worker, search));
  }

  #sought(worker: number, search: PermitSearch): void {
    this.slots[worker]!.care!.sought(search);
  }

  #given(from: number, gift: PermitGift): void {
    assert.ok(this.#book.give(this.#now, from, gift));
    this.#after(1, () => this.slots[gift.to]!.care!.granted(gift.permits));
  }

  #after(ms: number, act: () => void): void {
    this.#due.push({ atMs: this.nowMs + ms, act });
  }

  /** Everything that is due by then, in order. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const next = this.#due.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#due = this.#due.filter((each) => each !== next);
      this.nowMs = next.atMs;
      next.act();
      this.check();
    }
    this.nowMs = untilMs;
  }

  arrive(worker: number, name = 'a'): void {
    const slot = this.slots[worker]!;
    const care = slot.care!;
    const begin = (replica: ReplicaLink): void => {
      replica.active += 1;
      this.running[worker]!.push(() => {
        replica.active -= 1;
        this.ended.push(name);
        care.released(replica);
      });
    };
    const replica = care.pick(null, this.nowMs);
    if (replica !== null) begin(replica);
    else {
      this.waiting += 1;
      const isIn = care.queue!.enter(
        {
          go: (found) => {
            this.waiting -= 1;
            begin(found);
          },
          late: () => void this.ended.push(`${name} late`),
          nobody: () => void this.ended.push(`${name} nobody`),
        },
        this.nowMs,
      );
      if (!isIn) this.ended.push(`${name} refused`);
    }
    this.check();
  }

  finish(worker: number): void {
    this.running[worker]!.shift()?.();
    this.check();
  }

  /** Of each replica no more is in flight than it may have. */
  check(): void {
    for (const [index] of this.slots[0]!.replicas.entries()) {
      const active = this.slots.reduce((sum, { replicas }) => sum + replicas[index]!.active, 0);
      const allowed = this.slots.reduce((sum, { replicas }) => sum + replicas[index]!.allowed, 0);
      assert.ok(active <= this.#bound, `${active} in flight of ${this.#bound}`);
      assert.ok(allowed <= this.#bound, `${allowed} permits of ${this.#bound}`);
    }
  }
}

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('arrive' as const), worker: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('finish' as const), worker: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), worker: fc.nat(40) }) },
);

test('all workers together never have more in flight on a replica than the bound, and all who wait get their turn', () => {
  fc.assert(
    fc.property(
      fc.record({
        workers: fc.integer({ min: 1, max: 4 }),
        replicas: fc.integer({ min: 1, max: 3 }),
        bound: fc.integer({ min: 1, max: 5 }),
      }),
      fc.array(step, { maxLength: 60 }),
      (shape, steps) => {
        const world = new World(shape);
        let arrived = 0;
        for (const { kind, worker } of steps) {
          if (kind === 'pass') world.pass(worker);
          else if (kind === 'finish') world.finish(worker % shape.workers);
          else {
            world.arrive(worker % shape.workers);
            arrived += 1;
          }
        }
        // Nobody comes any more, and each request takes 10 ms.
        for (let i = 0; i < 2000 && world.ended.length < arrived; i += 1) {
          for (let worker = 0; worker < shape.workers; worker += 1) world.finish(worker);
          world.pass(10);
        }

        assert.equal(world.ended.length, arrived);
        assert.deepEqual(new Set(world.ended).size, Math.min(1, arrived), 'nobody was late');
      },
    ),
  );
});

test('one permit goes to and fro between two workers that both have a queue', () => {
  const world = new World({ workers: 2, replicas: 1, bound: 1 });
  for (let i = 0; i < 10; i += 1) for (const worker of [0, 1]) world.arrive(worker, `${worker}`);

  for (let i = 0; i < 400 && world.ended.length < 10; i += 1) {
    for (const worker of [0, 1]) world.finish(worker);
    world.pass(10);
  }

  const ofOne = world.ended.slice(0, 10).filter((each) => each === '0').length;
  assert.ok(ofOne >= 3 && ofOne <= 7, world.ended.join(''));
});

test('in one worker turns are in the order of arrival', () => {
  const world = new World({ workers: 1, replicas: 2, bound: 1 });
  for (const name of 'abcdefgh') world.arrive(0, name);

  for (let i = 0; i < 8; i += 1) world.finish(0);

  assert.equal(world.ended.join(''), 'abcdefgh');
});

test('past the bound of the queue nobody waits, and nobody waits for longer than told', () => {
  const world = new World({ workers: 1, replicas: 1, bound: 1, maxQueue: 2, waitMs: 100 });
  for (const name of 'abcd') world.arrive(0, name);
  assert.deepEqual(world.ended, ['d refused']);

  world.pass(101);

  assert.deepEqual(world.ended, ['d refused', 'b late', 'c late']);
  assert.equal(world.slots[0]!.care!.queue!.takeRefused(), 3);
  assert.equal(world.slots[0]!.care!.queue!.takeRefused(), 0);
});

test('who waits where nothing is healthy any more is told at once', () => {
  const world = new World({ workers: 1, replicas: 1, bound: 1 });
  for (const name of 'ab') world.arrive(0, name);

  world.slots[0]!.replicas[0]!.healthy = false;
  world.slots[0]!.care!.queue!.serve(world.nowMs);

  assert.deepEqual(world.ended, ['b nobody']);
});

test('a bound that is taken away lets everybody in', () => {
  const world = new World({ workers: 1, replicas: 1, bound: 1 });
  for (const name of 'abc') world.arrive(0, name);
  const [slot] = world.slots;

  slot!.care!.use(undefined);

  assert.equal(slot!.replicas[0]!.active, 3);
});
