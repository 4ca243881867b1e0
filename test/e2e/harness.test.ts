import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createWorld } from './harness.ts';
import type { World } from './harness.ts';
import { freePorts } from './ports.ts';
import { waitFor } from './wait-for.ts';

/** Stands in for the command under test: serves by touching a file, starts a detached process with a clean environment. */
const STAND_IN = `
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
const [verb, ...rest] = process.argv.slice(2);
const state = process.argv[process.argv.indexOf('--state-dir') + 1];
const up = state + '/up';
if (verb === 'serve') {
  if (rest.includes('--broken')) { console.error('the disk is full'); process.exit(1); }
  spawn(process.execPath, ['-e', 'setInterval(()=>{},1e3)'], { detached: true, stdio: 'ignore', cwd: state, env: {} }).unref();
  process.on('SIGTERM', () => process.exit(7));
  setTimeout(() => { writeFileSync(up, ''); console.log('serving'); }, 50);
  setInterval(() => {}, 1000);
} else if (verb === 'status') process.exit(existsSync(up) ? 0 : 4);
else if (verb === 'hang') setInterval(() => {}, 1000);
else { console.log(readFileSync(0, 'utf8') + process.cwd()); console.error(process.env.EXTRA); process.exitCode = 15; }
`;

let home: string;
let program: string[];
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'bascule-harness-'));
  program = [process.execPath, join(home, 'stand-in.mjs')];
  await writeFile(program[1]!, STAND_IN);
});
after(() => rm(home, { recursive: true }));

test('a verb runs to its end with its input, directory, output and exit code', async (t) => {
  const world = await open(t);

  const ran = await world.run(['echo'], { input: 'in ', env: { EXTRA: 'more' } });

  assert.deepEqual([ran.stdout, ran.stderr, ran.code], [`in ${world.directory}\n`, 'more\n', 15]);
});

test('a verb that does not end is killed and named', async (t) => {
  const world = await open(t);

  await assert.rejects(
    world.run(['hang', 'about'], { withinMs: 200 }),
    /"hang about" did not end within 200 ms/,
  );

  assert.deepEqual(world.processes(), []);
});

test('the controller is waited for, and its exit told', async (t) => {
  const world = await open(t);

  const controller = await world.serve();

  assert.match(controller.log(), /serving/);
  assert.equal(await controller.stop(), 7);
});

test('a controller that ends at once is reported with what it wrote', async (t) => {
  const world = await open(t);

  await assert.rejects(world.serve({ args: ['--broken'] }), /ended at once; it wrote:\nthe disk is full/);
});

test('closing ends what outlived the controller, and takes the directory away', async (t) => {
  const world = await open(t);
  const controller = await world.serve();
  await controller.stop('SIGKILL');
  const left = world.processes();

  await world.close();

  assert.equal(left.length, 1);
  assert.deepEqual(world.processes(), []);
  assert.ok(!existsSync(world.directory));
});

test('processes of another world are not touched', async (t) => {
  const [one, other] = [await open(t), await open(t)];
  await one.serve();
  await other.serve();

  await one.close();

  assert.equal(one.processes().length, 0);
  assert.equal(other.processes().length, 2);
});

test('a wait past its deadline says for what, and what was seen', async () => {
  await assert.rejects(
    waitFor('rain', () => Promise.reject(new Error('blue sky')), { withinMs: 30, everyMs: 5 }),
    /waited 30 ms for rain; last seen: blue sky/,
  );
});

test('free ports differ', async () => {
  assert.equal(new Set(await freePorts(20)).size, 20);
});

async function open(t: { after(close: () => Promise<void>): void }): Promise<World> {
  const world = await createWorld(program);
  t.after(() => world.close());
  return world;
}
