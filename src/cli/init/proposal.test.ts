import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parseConfig } from '../../release/parse.ts';
import { golden } from '../cli-fixture.ts';
import { lookAt, PROJECTS } from './look-fixture.ts';
import { propose, type Asked } from './proposal.ts';
import { renderProposal } from './render-proposal.ts';

const NOTHING_ASKED: Asked = { name: null, run: null, listen: null, strategy: null };

describe('what init proposes', () => {
  test('there are at least 15 projects', () => {
    assert.ok(Object.keys(PROJECTS).length >= 15);
  });

  for (const [name, look] of Object.entries(PROJECTS)) {
    test(`${name}: the golden file, which check takes`, () => {
      const proposal = propose(look, NOTHING_ASKED)!;

      const parsed = parseConfig(proposal.text, 'bascule.yaml', {});
      assert.ok(parsed.ok);
      assert.deepEqual(Object.keys(parsed.config.services), [proposal.name]);
      golden(
        `init-${name}.txt`,
        `${proposal.text.replace('    # current:', '    current:')}--- said\n${renderProposal(proposal).join('\n')}\n`,
      );
    });
  }

  test('what the Procfile leaves to the shell reaches it as it was', () => {
    const { text } = propose(PROJECTS['procfile']!, NOTHING_ASKED)!;

    const parsed = parseConfig(text, 'bascule.yaml', { B: 'of whoever ran the command' });
    assert.ok(parsed.ok);
    const { run } = (parsed.document as { services: Record<string, { run: string }> }).services['shop']!;
    assert.equal(run, 'gunicorn app:app --bind 0.0.0.0:$PORT --env A=${B}');
  });

  test('what is asked for wins', () => {
    const asked = { name: 'web', run: './start --port $PORT', listen: 9000, strategy: 'canary' };

    const proposal = propose(PROJECTS['django']!, asked)!;

    assert.deepEqual(
      [proposal.name, proposal.application.run, proposal.listen.port, proposal.advice.strategy],
      ['web', './start --port $PORT', 9000, 'canary'],
    );
    assert.equal(proposal.others[0]!.what, 'Django');
  });

  test('nothing that can be started: nothing is proposed, unless a command is given', () => {
    const look = lookAt({ 'README.md': '# hello', 'package.json': '{"scripts":' });

    assert.equal(propose(look, NOTHING_ASKED), null);
    assert.equal(propose(look, { ...NOTHING_ASKED, run: 'make serve' })!.application.run, 'make serve');
  });

  test('whatever stands in the files, the result is a file that check takes', () => {
    const texts = fc.string({ unit: 'binary', maxLength: 60 });
    const files = fc.record({
      Procfile: texts.map((text) => `web: x${text}`),
      'package.json': texts.map((text) => JSON.stringify({ scripts: { start: `a${text}` } })),
      'app.py': texts.map((text) => `app = Flask(${text})\n`),
      Dockerfile: texts.map((text) => `CMD x${text}`),
    });
    fc.assert(
      fc.property(files, texts, (some, name) => {
        const proposal = propose(lookAt(some, { name }), NOTHING_ASKED);
        assert.ok(proposal === null || parseConfig(proposal.text, 'f', {}).ok);
      }),
    );
  });
});
