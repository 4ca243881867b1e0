import { connect } from 'node:net';
import { type Answers, readAnswers } from '../wire/strict-response.ts';
import { writeInPieces } from '../wire/pieces.ts';
import { valuesOf } from '../wire/strict-request.ts';
import type { Conversation } from './requests.ts';
import { marksIn } from './responses.ts';

/** After this the client has nothing more to say, and closes its side. */
const SILENCE_MS = 150;
/** A proxy that neither answers nor closes for so long hangs. */
const HANG_MS = 15_000;

type Heard = { readonly text: string; readonly hangs: boolean };

/** Says all, hears until the other side closes. `mayEnd`: no more answers are due, so that silence ends it. */
function talk(
  port: number,
  { bytes, cuts }: Pick<Conversation, 'bytes' | 'cuts'>,
  mayEnd: (text: string) => boolean,
): Promise<Heard> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const parts: string[] = [];
    const quiet = setTimeout(() => {
      if (mayEnd(parts.join(''))) socket.end();
      else quiet.refresh();
    }, SILENCE_MS);
    const hang = setTimeout(() => finish(true), HANG_MS);
    const finish = (hangs: boolean): void => {
      clearTimeout(quiet);
      clearTimeout(hang);
      socket.destroy();
      resolve({ text: parts.join(''), hangs });
    };
    socket.setEncoding('latin1');
    socket.on('error', () => {});
    socket.on('data', (part: string) => {
      parts.push(part);
      quiet.refresh();
    });
    socket.on('close', () => finish(false));
    writeInPieces(socket, bytes, cuts);
  });
}

/** What was wrong with how the proxy took it, or null; and how many answers there were. */
export type Judged = { readonly wrong: string | null; readonly answers: number };

export async function judgeRequests(port: number, conversation: Conversation): Promise<Judged> {
  const { sound, ends, refused } = conversation;
  const methods = [...sound.map(({ method }) => method), ...Array.from({ length: 200 }, () => '?')];
  const due = (text: string): boolean => !ends && !refused && text.split('HTTP/1.1 ').length > sound.length;
  const { text, hangs } = await talk(port, conversation, due);
  const { answers, left } = readAnswers(text, methods, true);
  return { wrong: wrongWith(conversation, { answers, left }, hangs), answers: answers.length };
}

function wrongWith(
  { sound, refused }: Conversation,
  { answers, left }: Answers,
  hangs: boolean,
): string | null {
  if (hangs) return 'it neither answers nor closes';
  for (const [i, { target }] of sound.entries()) {
    const found = answers[i] === undefined ? 'nothing' : valuesOf(answers[i].headers, 'x-target')[0];
    if (found?.split('?')[0] !== target)
      return `the answer to ${target} is ${found ?? answers[i]!.status} (${left ?? 'all read'})`;
  }
  const next = answers.slice(sound.length);
  if (refused && (next.length !== 1 || next[0]!.status !== 400))
    return `what has to be refused got ${next.map(({ status }) => status).join(', ') || 'nothing'}`;
  // A HEAD that a mutation made is not known here, so that what follows its answer cannot be judged.
  return null;
}

export async function judgeResponses(port: number, numbers: readonly number[]): Promise<Judged> {
  const last = numbers.length - 1;
  const bytes = numbers.map(
    (number, i) => `GET /r${number} HTTP/1.1\r\nHost: a\r\n${i === last ? 'Connection: close\r\n' : ''}\r\n`,
  );
  const { text, hangs } = await talk(port, { bytes: bytes.join(''), cuts: [] }, () => false);
  const { answers, left } = readAnswers(
    text,
    numbers.map(() => 'GET'),
    true,
  );
  return { wrong: wrongAnswers(numbers, { answers, left }, hangs), answers: answers.length };
}

function wrongAnswers(numbers: readonly number[], { answers, left }: Answers, hangs: boolean): string | null {
  if (hangs) return 'it neither answers nor closes';
  if (left !== null && left !== 'more') return `the client gets ${left}`;
  for (const [i, answer] of answers.entries()) {
    const other = marksIn(JSON.stringify(answer)).find((mark) => mark !== numbers[i]);
    if (other !== undefined) return `the answer to ${numbers[i]} has the mark of ${other}`;
  }
  return null;
}
