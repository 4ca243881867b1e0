import { CHALLENGE_PATH, type Challenge } from '../acme/order.ts';
import type { ClientAnswer, ClientRequest } from './client-side.ts';
import { hostName } from './door-table.ts';

/** By host and path. */
export function answersTo(challenges: readonly Challenge[]): ReadonlyMap<string, string> {
  return new Map(
    challenges.map(({ host, token, answer }) => [`${host}${CHALLENGE_PATH}${token}`, answer] as const),
  );
}

type Asking = {
  readonly req: ClientRequest;
  readonly res: ClientAnswer;
  readonly host: string;
  readonly target: string;
};

/** Answers an authority that looks whether a name is ours; false for everybody else. */
export function answerChallenge(
  challenges: ReadonlyMap<string, string>,
  { req, res, host, target }: Asking,
): boolean {
  if (challenges.size === 0 || req.method !== 'GET') return false;
  const answer = challenges.get(`${hostName(host)}${target}`);
  if (answer === undefined) return false;
  const body = Buffer.from(answer, 'latin1');
  const length = String(body.length);
  res.writeHead(200, 'OK', ['Content-Type', 'application/octet-stream', 'Content-Length', length]);
  res.end(body);
  return true;
}
