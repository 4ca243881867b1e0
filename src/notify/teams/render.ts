import { cut } from '../cut.ts';
import type { Level, Message } from '../message.ts';

/** A card may have 28 KB in all. */
const MOST = { title: 300, text: 4000, fact: 500 };
const COLOUR: Readonly<Record<Level, string>> = {
  info: 'Default',
  good: 'Good',
  waits: 'Warning',
  bad: 'Attention',
};

/**
 * What a workflow "when a Teams webhook request is received" posts: an adaptive card. All text is in text runs, which alone are never read as Markdown
 * (https://adaptivecards.io/explorer/TextRun.html).
 */
export function teamsMessage({ title, text, facts, commands, level }: Message): unknown {
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          msteams: { width: 'Full' },
          body: [
            lineOf([
              { text: cut(title, MOST.title), weight: 'Bolder', size: 'Medium', color: COLOUR[level] },
            ]),
            ...(text === null
              ? []
              : cut(text, MOST.text)
                  .split('\n')
                  .map((line) => lineOf([{ text: line }]))),
            ...facts.map(([name, value]) =>
              lineOf([{ text: `${name}: `, isSubtle: true }, { text: cut(value, MOST.fact) }]),
            ),
            ...commands.map((command) => lineOf([{ text: command, fontType: 'Monospace' }])),
          ],
        },
      },
    ],
  };
}

type Run = { readonly text: string } & Readonly<Record<string, unknown>>;

/** An empty run is refused. */
function lineOf(runs: readonly Run[]): unknown {
  const inlines = runs.map((run) => ({ type: 'TextRun', ...run, text: run.text === '' ? ' ' : run.text }));
  return { type: 'RichTextBlock', spacing: 'Small', inlines };
}
