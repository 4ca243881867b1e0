import { cut } from '../cut.ts';
import type { Level, Message } from '../message.ts';

/** Limits of https://docs.slack.dev/reference/block-kit/blocks: a longer text is refused whole. */
const MOST = { header: 150, section: 3000, field: 2000, fields: 10 };
const MARK: Readonly<Record<Level, string>> = { info: '◑', good: '✔', waits: '‖', bad: '✖' };

/** Blocks, and the line that notifications show. Nothing in it mentions anybody or becomes a link. */
export function slackMessage(message: Message): Readonly<Record<string, unknown>> {
  const { title, text, facts, commands } = message;
  const head = `${MARK[message.level]} ${title}`;
  const fields = facts
    .slice(0, MOST.fields)
    .map(([name, value]) => mrkdwn(`${escaped(name)}\n${escaped(value)}`, MOST.field));
  return {
    text: escaped(head),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(head, MOST.header), emoji: false } },
      ...(text === null ? [] : [{ type: 'section', text: mrkdwn(escaped(text), MOST.section) }]),
      ...(fields.length === 0 ? [] : [{ type: 'section', fields }]),
      ...(commands.length === 0
        ? []
        : [{ type: 'context', elements: [mrkdwn(commands.map(escaped).join('   '), MOST.section)] }]),
    ],
    unfurl_links: false,
    unfurl_media: false,
  };
}

/** `verbatim`: names of channels, people and addresses in it stay text. */
function mrkdwn(text: string, most: number): Readonly<Record<string, unknown>> {
  return { type: 'mrkdwn', text: cutEscaped(text, most), verbatim: true };
}

/** https://docs.slack.dev/messaging/formatting-message-text: these three alone begin mentions, links and entities. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Never in the middle of an entity. */
function cutEscaped(text: string, most: number): string {
  const short = cut(text, most);
  return short === text ? text : short.replace(/&[a-z]{0,3}…$/u, '…');
}
