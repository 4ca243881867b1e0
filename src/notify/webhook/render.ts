import { createHmac } from 'node:crypto';
import type { Message } from '../message.ts';
import { isLast, isTrouble, threadOfNotice, type Notice } from '../notice.ts';

/**
 * CloudEvents 1.0 in structured mode (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md). `id` is the same whenever it is
 * sent again, so that a receiver can tell what it had already.
 */
export function cloudEvent({ id, atMs, title, level, notice, recorded }: Message, source: string): string {
  return JSON.stringify({
    specversion: '1.0',
    id,
    source,
    type: `bascule.${typeOf(notice)}.v1`,
    ...(notice !== null && { subject: `${notice.service}/${threadOfNotice(notice)}` }),
    time: new Date(atMs).toISOString(),
    datacontenttype: 'application/json',
    data: { title, waitsForPerson: notice !== null && waits(notice, level), ...notice, recorded },
  });
}

function typeOf(notice: Message['notice']): string {
  if (notice === null) return 'test';
  return isTrouble(notice) ? `service.${notice.kind}` : `rollout.${notice.kind}`;
}

/** A trouble waits for somebody until it is over. */
function waits(notice: Notice, level: Message['level']): boolean {
  return isTrouble(notice) ? !isLast(notice) : level === 'waits' && notice.outcome === null;
}

type Signed = { readonly id: string; readonly seconds: number; readonly body: string };

/**
 * Headers of Standard Webhooks (https://www.standardwebhooks.com): an HMAC-SHA256 over id, time of this attempt and body, so that neither an old
 * message nor another body passes. A secret that begins with `whsec_` is base64, any other is taken as it is.
 */
export function signature({ id, seconds, body }: Signed, secret: string): Readonly<Record<string, string>> {
  const key = secret.startsWith('whsec_')
    ? Buffer.from(secret.slice(6), 'base64')
    : Buffer.from(secret, 'utf8');
  const mac = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': `v1,${mac}` };
}

/** Shorter ones could be guessed from one signed message. */
export const LEAST_SECRET = 24;
