import { OperatingError } from '../lib/errors.ts';
import { askHttp, type HttpAnswer } from '../metrics/http-client.ts';
import type { ChannelConnection } from '../release/notify-channel.ts';
import type { SecretRef } from '../release/source-connection.ts';
import type { Sent } from './channel.ts';

/** The value of a secret, read anew each time; or why it cannot be read, which is told without the value. */
export type Reveal = (secret: SecretRef) => Promise<string | Failure>;
type Failure = Extract<Sent, { readonly ok: false }>;

/** A receiver that cannot say how long it wants to be left alone. */
const LONGEST_WAIT_MS = 600_000;

export function failure(
  why: string,
  { again, afterMs = null }: { readonly again: boolean; readonly afterMs?: number | null },
): Failure {
  return { ok: false, why, again, afterMs };
}

/** A secret that is not there may be put there: it is tried again. */
export function revealing(read: (secret: SecretRef) => Promise<string>): Reveal {
  return async (secret) => {
    try {
      return (await read(secret)).trim();
    } catch (error) {
      if (error instanceof OperatingError) return failure(error.message, { again: true });
      throw error;
    }
  };
}

type Post = {
  readonly method?: 'POST' | 'PATCH';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly connection: Pick<ChannelConnection, 'timeoutMs' | 'caFile'>;
};

/** One bounded POST, or PATCH. The address may be a secret: it is checked here, and only its origin is ever named. */
export async function post(
  { method = 'POST', url, headers, body, connection }: Post,
  signal: AbortSignal,
): Promise<HttpAnswer | Failure> {
  const { timeoutMs, caFile } = connection;
  if (!URL.canParse(url) || !/^https?:/u.test(url))
    return failure('its secret holds no http or https URL', { again: false });
  return askHttp({ method, url: new URL(url), headers, body, timeoutMs, caFile }, signal);
}

/** Any 2xx is a yes; too many, too late and 5xx may go better later; what else the receiver refuses, it refuses again. */
export function outcomeOf(answer: HttpAnswer | Failure, thread: string | null): Sent {
  if ('ok' in answer) return answer;
  if (answer.kind === 'failed') return failure(answer.why, { again: answer.isFinal !== true });
  const { status, retryAfter } = answer;
  if (status >= 200 && status < 300) return { ok: true, thread, status };
  const again = status === 408 || status === 425 || status === 429 || status >= 500;
  return { ...failure(`it answered ${status}`, { again, afterMs: waitOf(retryAfter) }), status };
}

/** `Retry-After` in seconds, whole or not (Discord); a date counts as nothing said. */
function waitOf(retryAfter: string | undefined): number | null {
  const seconds = Number(retryAfter ?? '');
  if (retryAfter === undefined || !Number.isFinite(seconds) || seconds < 0) return null;
  return Math.min(LONGEST_WAIT_MS, Math.ceil(seconds * 1000));
}
