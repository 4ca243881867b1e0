import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createWorld, type World } from './harness.ts';
import { install } from './installed.ts';
import { freePorts, freeRange } from './ports.ts';
import { waitFor } from './wait-for.ts';

const SECRET = 'correct-horse-battery-staple';

const APPLICATION = `
import { createServer } from 'node:http';
createServer((req, res) => res.end(process.env.TOKEN === '${SECRET.replace('-', "' + '-' + '")}' ? 'knows it' : 'does not')).listen(process.env.PORT);
`;

let home: string;
let program: string;
let packed: readonly string[];

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'bascule-package-'));
  ({ program, packed } = await install(home));
});
after(() => rm(home, { recursive: true }));

describe('the package', () => {
  test('has the program, the schema and the licence, and nothing of the tests', () => {
    for (const name of [
      'dist/main.js',
      'dashboard/built/index.html',
      'schema/v1.json',
      'LICENSE',
      'README.md',
    ])
      assert.ok(packed.includes(name), name);
    assert.deepEqual(
      packed.filter((name) => /test|fixture|fake-|conformance|\.ts$/.test(name)),
      [],
    );
  });

  test('its command is a script for node', async () => {
    assert.match(await readFile(program, 'utf8'), /^#!\/usr\/bin\/env node\n/);
  });

  test('serves, deploys and routes as installed; and a secret is in the process that needs it and nowhere else', async (t) => {
    const world = await createWorld([process.execPath, program]);
    t.after(() => world.close());
    const port = await deployed(world);

    const answer = (): Promise<string> => fetch(`http://127.0.0.1:${port}/`).then((each) => each.text());
    await waitFor('the application to serve', async () => (await answer()) === 'knows it');
    assert.deepEqual(await holding(world, SECRET), []);
  });
});

async function deployed(world: World): Promise<number> {
  const [port] = await freePorts(1);
  const first = await freeRange(16);
  const directory = join(world.directory, 'app');
  await mkdir(directory);
  await mkdir(join(world.stateDirectory, 'secrets'), { mode: 0o700 });
  await writeFile(join(world.stateDirectory, 'secrets', 'token'), SECRET, { mode: 0o400 });
  await writeFile(join(world.stateDirectory, 'server.yaml'), `slot-ports: ${first}-${first + 15}\n`);
  await writeFile(join(directory, 'app.mjs'), APPLICATION);
  await writeFile(
    join(directory, 'bascule.yaml'),
    `version: 1\nservices:\n  shop:\n    run: ${process.execPath} app.mjs\n    health: /\n    listen: ${port}\n    strategy: {blue-green: {use: quick}}\n    env: {TOKEN: {secret: 'file:token'}}\n`,
  );
  await world.serve();
  const { code, stderr } = await world.run(['deploy', 'shop', '--version', 'v1', '--detach'], {
    cwd: directory,
  });
  assert.equal(code, 0, stderr);
  return port!;
}

/** Every file of the world but the secret's own, and every command line, that has the text in it. */
async function holding(world: World, text: string): Promise<string[]> {
  const entries = await readdir(world.stateDirectory, { recursive: true, withFileTypes: true });
  const files = entries.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  const lines = world.processes().map(({ pid }) => `/proc/${pid}/cmdline`);
  const found: string[] = [];
  for (const path of [...files.filter((each) => !each.endsWith('secrets/token')), ...lines]) {
    if ((await readFile(path)).includes(text)) found.push(path);
  }
  assert.ok(files.length > 5 && lines.length > 3, 'saw too few files and processes');
  return found;
}
