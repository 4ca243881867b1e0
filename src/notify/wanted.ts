import type { ChannelConnection } from '../release/notify-channel.ts';
import { WAITS, type Notice, type NoticeOutcome } from './notice.ts';

const WELL: ReadonlySet<NoticeOutcome> = new Set(['done', 'superseded']);

/** Whether a channel is to be told. */
export function isWanted(
  { service, kind, outcome }: Notice,
  { services, about }: Pick<ChannelConnection, 'services' | 'about'>,
): boolean {
  if (services !== null && !services.includes(service)) return false;
  return about === 'all' || WAITS.has(kind) || (outcome !== null && !WELL.has(outcome));
}
