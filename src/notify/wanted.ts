import type { ChannelConnection } from '../release/notify-channel.ts';
import { isTrouble, WAITS, type Notice, type NoticeOutcome } from './notice.ts';

const WELL: ReadonlySet<NoticeOutcome> = new Set(['done', 'superseded']);

/** Whether a channel is to be told. */
export function isWanted(
  notice: Notice,
  { services, about }: Pick<ChannelConnection, 'services' | 'about'>,
): boolean {
  if (services !== null && !services.includes(notice.service)) return false;
  // Whoever was told of a trouble is told that it is over.
  if (isTrouble(notice)) return true;
  const { kind, outcome } = notice;
  return about === 'all' || WAITS.has(kind) || (outcome !== null && !WELL.has(outcome));
}
