import type { Level, Message } from './message.ts';
import type { TroubleNotice } from './notice.ts';

/** Troubles in words, as `message.ts` has them for rollouts. */

export function troubleLevel({ kind, isBad }: TroubleNotice): Level {
  if (kind === 'up' || kind === 'certificate-well') return 'good';
  return isBad ? 'bad' : 'waits';
}

export function troubleTitle({ kind, service, subject, isBad }: TroubleNotice): string {
  switch (kind) {
    case 'down':
      return `${service}: ${subject} IS DOWN, and no rollout is under way`;
    case 'up':
      return `${service}: ${subject} is up again`;
    case 'certificate':
      return isBad ? `${service}: a certificate CANNOT BE USED` : `${service}: a certificate runs out soon`;
    case 'certificate-well':
      return `${service}: its certificate is well again`;
  }
}

export function troubleFacts({ kind, service, subject }: TroubleNotice): Message['facts'] {
  const what = kind === 'down' || kind === 'up' ? 'version' : 'certificate';
  return [
    ['service', service],
    [what, subject],
  ];
}

export function troubleCommands({ kind, service }: TroubleNotice): readonly string[] {
  switch (kind) {
    case 'down':
      return [`bascule status ${service}`, `bascule logs ${service}`];
    case 'certificate':
      return [`bascule status ${service}`, 'bascule doctor'];
    case 'up':
    case 'certificate-well':
      return [`bascule status ${service}`];
  }
}
