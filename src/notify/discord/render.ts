import { cut } from '../cut.ts';
import type { Level, Message } from '../message.ts';

/** Limits of https://discord.com/developers/docs/resources/message#embed-object-embed-limits. */
const MOST = { content: 2000, title: 256, description: 4096, name: 256, value: 1024 };
const COLOUR: Readonly<Record<Level, number>> = {
  info: 0x5865f2,
  good: 0x2d7d46,
  waits: 0xc27c0e,
  bad: 0xb3261e,
};

/** An embed. It mentions nobody, whatever stands in it. */
export function discordMessage({
  title,
  text,
  facts,
  commands,
  level,
}: Message): Readonly<Record<string, unknown>> {
  return {
    content: escaped(title, MOST.content),
    allowed_mentions: { parse: [] },
    embeds: [
      {
        title: escaped(title, MOST.title),
        ...(text !== null && { description: escaped(text, MOST.description) }),
        color: COLOUR[level],
        fields: [
          ...facts.map(([name, value]) => ({
            name: escaped(name, MOST.name),
            value: escaped(value, MOST.value),
            inline: true,
          })),
          ...(commands.length === 0
            ? []
            : [{ name: 'what to do', value: escaped(commands.join('\n'), MOST.value), inline: false }]),
        ],
      },
    ],
  };
}

/** Every mark of Discord's Markdown becomes text; so do mentions, timestamps and links, which begin with < or [. */
function escaped(text: string, most: number): string {
  const short = cut(text.replaceAll(/[\\*_~`|>#<@[\]()-]/gu, String.raw`\$&`), most);
  return short.replace(/(?<!\\)((?:\\\\)*)\\…$/u, '$1…');
}
