import { createHash } from 'node:crypto';
import { cut } from '../cut.ts';
import type { Message } from '../message.ts';
import { isTrouble, threadOfNotice } from '../notice.ts';

const MOST_OF_SUBJECT = 200;
const COLUMN = 12;

export type Letter = {
  readonly subject: string;
  readonly text: string;
  readonly messageId: string;
  /** The first letter of its rollout, by which programs put them together; null for that one. */
  readonly inReplyTo: string | null;
};

/** Plain text alone: nothing in it can be anything but text. Its names are made of the rollout, so that threads need no memory. */
export function letterOf(message: Message, source: string): Letter {
  const { id, title, text, facts, commands, notice } = message;
  const name = (what: string): string =>
    `<${createHash('sha256').update(`${source} ${what}`).digest('hex').slice(0, 32)}@bascule.invalid>`;
  const first = notice === null ? null : name(`rollout ${threadOfNotice(notice)}`);
  const isFirst = notice !== null && (isTrouble(notice) ? !notice.again : notice.kind === 'started');
  const parts = [
    title,
    ...(text === null ? [] : [text]),
    ...(facts.length === 0
      ? []
      : [facts.map(([fact, value]) => `${fact.padEnd(COLUMN)}${value}`).join('\n')]),
    ...(commands.length === 0 ? [] : [commands.map((command) => `  ${command}`).join('\n')]),
  ];
  return {
    subject: cut(`[bascule] ${title}`, MOST_OF_SUBJECT),
    text: `${parts.join('\n\n')}\n`,
    messageId: isFirst && first !== null ? first : name(`message ${id}`),
    inReplyTo: isFirst ? null : first,
  };
}
