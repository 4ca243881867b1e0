import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PROGRESSING } from '../../http/fake-views.ts';
import { testCli, type TestCli } from '../cli-fixture.ts';

const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url));

/** Null where it is there; else why its tests are skipped. */
function missing(shell: string): string | false {
  const found = spawnSync(shell, ['-c', 'true']);
  return found.status === 0 ? false : `${shell} is not installed here: its script was not run`;
}

/** Completion gives up after a moment, which a busy machine can take longer than: asked again a few times. */
async function patiently(ask: () => Promise<string>, expects: boolean, tries = 6): Promise<string> {
  const found = await ask();
  return expects && found === '' && tries > 1 ? patiently(ask, expects, tries - 1) : found;
}

describe('completion in the shells themselves', () => {
  let cli: TestCli;
  let bin: string;
  let env: Record<string, string>;

  before(async () => {
    cli = await testCli();
    cli.api.fake.show(PROGRESSING);
    bin = join(cli.project, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'bascule'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
    await chmod(join(bin, 'bascule'), 0o755);
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { out } = await cli.run(`completion ${shell}`);
      await writeFile(join(cli.project, `completion.${shell}`), out);
    }
    const { PATH = '', LD_LIBRARY_PATH = '' } = process.env;
    env = {
      PATH: `${bin}:${PATH}`,
      LD_LIBRARY_PATH,
      HOME: cli.project,
      BASCULE_STATE_DIR: cli.api.stateDir,
      TERM: 'dumb',
    };
  });
  after(() => cli.end());

  async function run(
    shell: readonly [string, ...string[]],
    more: Record<string, string> = {},
  ): Promise<string> {
    const child = spawn(shell[0], shell.slice(1), {
      cwd: cli.project,
      env: { ...env, ...more },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 20_000,
    });
    const [out] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return out.trim();
  }

  /** What bash offers for the last of these words. */
  const bash = (words: readonly string[], more: Record<string, string> = {}) =>
    run(
      [
        'bash',
        '--norc',
        '-c',
        'source completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _bascule 2>/dev/null; echo "${COMPREPLY[*]}"',
        'test',
        ...words,
      ],
      more,
    );

  const fish = async (line: string) =>
    (await run(['fish', '--no-config', '-c', `source completion.fish; complete -C '${line}'`]))
      .split('\n')
      .map((one) => one.split('\t')[0]!)
      .toSorted()
      .join(' ');

  /** In a terminal of its own, because zsh completes nowhere else: Tab after the line, then what it shows. */
  const zsh = async (line: string) => {
    const script = `zmodload zsh/zpty || exit 3
zpty shell ${JSON.stringify(`zsh -f -i`)}
ask() { zpty -w shell "$1" }
ask 'PS1=; autoload -Uz compinit; compinit -D -u; source completion.zsh; LISTMAX=1000; zstyle ":completion:*" list-colors ""'
ask 'done-widget() { print -r -- "<$BUFFER>"; zle kill-whole-line }; zle -N done-widget; bindkey "^X" done-widget; print rea""dy'
zpty -r shell out '*ready*'
zpty -n -w shell ${JSON.stringify(line)}$'\\t\\x18'
zpty -r -m shell out '*<*>*'
print -r -- "$out"
zpty -d shell`;
    return run(['zsh', '-f', '-c', script]);
  };

  describe('bash', { skip: missing('bash') }, () => {
    const OFFERED: readonly (readonly [line: string, offered: string])[] = [
      ['bascule st', 'status'],
      ['bascule re', 'reject remove resume retry restore'],
      ['bascule deploy --su', '--supersede'],
      ['bascule deploy --until ', 'paused'],
      ['bascule wait r-0193 --for ', 'done paused step='],
      ['bascule logs --slot ', 'blue green'],
      ['bascule init --strategy c', 'canary'],
      ['bascule explain E01', 'E010 E011 E012 E013 E014 E015 E016 E017 E018 E019'],
      ['bascule completion ', 'bash zsh fish'],
      ['bascule check --file comp', 'completion.bash completion.fish completion.zsh'],
      ['bascule init b', 'bin'],
      ['bascule pause ', 'shop'],
      ['bascule why r-', 'r-0192 r-0193'],
      ['bascule deploy --version v9 sh', 'shop'],
      ['bascule weight shop 2', '25'],
      ['bascule pause shop ', ''],
      ['bascule nonsense ', ''],
    ];
    for (const [line, offered] of OFFERED) {
      test(`"${line}" → ${offered === '' ? 'nothing' : offered}`, async () => {
        const found = await patiently(() => bash(line.split(' ')), offered !== '');

        assert.deepEqual(found.split(' ').toSorted(), offered.split(' ').toSorted());
      });
    }

    test('no server: nothing is offered, and nothing is said', async () => {
      assert.equal(await bash(['bascule', 'pause', ''], { BASCULE_STATE_DIR: '/nonexistent' }), '');
    });

    test('--state-dir of the line is the one that is asked', async () => {
      const words = ['bascule', 'pause', '--state-dir', cli.api.stateDir, ''];

      const found = await patiently(() => bash(words, { BASCULE_STATE_DIR: '/nonexistent' }), true);
      assert.equal(found, 'shop');
    });
  });

  describe('fish', { skip: missing('fish') }, () => {
    test('commands, options, values, and what the server knows', async () => {
      // Releases of fish sort what they offer differently.
      const verbs = await patiently(() => fish('bascule re'), true);
      assert.deepEqual(verbs.split(' ').toSorted(), ['reject', 'remove', 'restore', 'resume', 'retry']);
      assert.equal(await patiently(() => fish('bascule deploy --su'), true), '--supersede');
      assert.equal(await patiently(() => fish('bascule logs --slot '), true), 'blue green');
      assert.equal(await patiently(() => fish('bascule pause '), true), 'shop');
      assert.equal(await patiently(() => fish('bascule deploy --version v9 sh'), true), 'shop');
      assert.equal(await patiently(() => fish('bascule why r-'), true), 'r-0192 r-0193');
    });
  });

  describe('zsh', { skip: missing('zsh') }, () => {
    test('commands, options, and what the server knows', async () => {
      assert.match(await zsh('bascule promo'), /<bascule promote >/);
      assert.match(await zsh('bascule deploy --su'), /<bascule deploy --supersede >/);
      assert.match(await zsh('bascule pause s'), /<bascule pause shop >/);
      assert.match(await zsh('bascule logs --slot b'), /<bascule logs --slot blue >/);
    });
  });
});

test('the scripts name every command that help shows', async () => {
  const { out } = await (async () => {
    const cli = await testCli();
    try {
      return await cli.run('completion bash');
    } finally {
      await cli.end();
    }
  })();
  const page = await readFile(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
  const names = [...page.matchAll(/^### (\S+)$/gmu)].map(([, name]) => name!);

  assert.ok(names.length >= 20);
  assert.deepEqual(
    names.filter((name) => !out.includes(`\n    ${name}) options=`)),
    [],
  );
});
