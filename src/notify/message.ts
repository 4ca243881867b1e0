import { printable } from '../release/problem.ts';
import { isTrouble, WAITS, type Notice, type NoticeOutcome, type RolloutNotice } from './notice.ts';
import { troubleCommands, troubleFacts, troubleLevel, troubleTitle } from './trouble-words.ts';

/** A notice in words, the same for every service; each service has its own form for them. Pure. */
export type Message = {
  /** The same whenever it is sent again: `1234.0-9f3a01cc`. */
  readonly id: string;
  readonly atMs: number;
  readonly level: Level;
  /** One line. */
  readonly title: string;
  /** Why; may have several lines. */
  readonly text: string | null;
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** What a person can do about it. */
  readonly commands: readonly string[];
  /** Null for a test. */
  readonly notice: Notice | null;
  /** The record in the journal. Null for a test. */
  readonly recorded: Recorded | null;
};

export type Level = 'info' | 'good' | 'waits' | 'bad';
export type Recorded = { readonly seq: number; readonly mac: string };

/** Of the MAC of a record: as many as `audit verify --against` needs. */
const MAC_DIGITS = 16;

type At = { readonly id: string; readonly atMs: number; readonly recorded: Recorded };

export function messageOf(notice: Notice, { id, atMs, recorded }: At): Message {
  const { reason } = notice;
  return {
    id,
    atMs,
    level: isTrouble(notice) ? troubleLevel(notice) : levelOf(notice),
    title: printable(isTrouble(notice) ? troubleTitle(notice) : titleOf(notice)),
    text: reason === null ? null : reason.split('\n').map(printable).join('\n'),
    facts: (isTrouble(notice) ? troubleFacts(notice) : factsOf(notice, recorded)).map(([name, value]) => [
      name,
      printable(value),
    ]),
    commands: isTrouble(notice) ? troubleCommands(notice) : commandsOf(notice),
    notice,
    recorded,
  };
}

/** What `bascule notify test` sends. */
export function testMessage(channel: string, { id, atMs }: Pick<At, 'id' | 'atMs'>): Message {
  return {
    id,
    atMs,
    level: 'info',
    title: `Bascule reaches "${channel}"`,
    text: 'This is a test: no rollout is concerned.',
    facts: [],
    commands: [],
    notice: null,
    recorded: null,
  };
}

function levelOf({ kind, outcome }: RolloutNotice): Level {
  if (outcome === 'unproven') return 'bad';
  if (WAITS.has(kind)) return 'waits';
  if (outcome === 'rolled-back' || outcome === 'never-ready') return 'bad';
  if (outcome === 'aborted' || outcome === 'undecided') return 'waits';
  return outcome === 'done' ? 'good' : 'info';
}

function titleOf(notice: RolloutNotice): string {
  const { kind, service, label, from, sharePercent, strategy, purpose } = notice;
  switch (kind) {
    case 'started':
      return `${service}: ${purpose === 'rollback' ? 'rollback' : strategy} ${from === null ? 'of the first version' : `${from} →`} ${label} begins`;
    case 'asks':
      return `${service}: ${label} asks a person at ${sharePercent}%`;
    case 'approval':
      return `${service}: ${label} waits for approval`;
    case 'paused':
      return `${service}: ${label} is paused at ${sharePercent}%`;
    case 'by-hand':
      return `${service}: ${label} stays at ${sharePercent}%, set by hand`;
    case 'going-back':
      return `${service}: ${label} goes back to ${from ?? 'nothing'}`;
    case 'unproven':
      return `${service}: IT IS NOT PROVEN that all traffic is back on ${from ?? 'nothing'}`;
    case 'ended':
      return `${service}: ${label} ${endWords(notice)}`;
  }
}

function endWords({ outcome, cause, from }: RolloutNotice): string {
  const back = from === null ? 'no version serves' : `100% on ${from}`;
  const words: Readonly<Record<NoticeOutcome, string>> = {
    done: 'is done: it serves all traffic',
    'rolled-back': `was ROLLED BACK: ${back}`,
    aborted: `was aborted: ${back}`,
    undecided: `went back because undecided: ${back}`,
    superseded: 'was superseded by another version',
    'never-ready':
      cause === 'verify' ? 'failed its checks, got no traffic' : 'never became ready, got no traffic',
    unproven: `ended, and the way back to ${from ?? 'nothing'} was NOT PROVEN in time`,
  };
  return outcome === null ? 'is over' : words[outcome];
}

function factsOf(notice: RolloutNotice, { seq, mac }: Recorded): readonly (readonly [string, string])[] {
  const { kind, rollout, label, from, actor, by } = notice;
  return [
    ['rollout', rollout],
    ['version', from === null ? label : `${from} → ${label}`],
    ['started by', actor],
    ...(by === null || by === 'bascule' ? [] : ([['decided by', by]] as const)),
    ...(kind === 'ended' ? ([['recorded', `${seq}:${mac.slice(0, MAC_DIGITS)}`]] as const) : []),
  ];
}

function commandsOf({ kind, service, rollout }: RolloutNotice): readonly string[] {
  switch (kind) {
    case 'asks':
      return [`bascule promote ${service}`, `bascule abort ${service}`, `bascule why ${rollout}`];
    case 'approval':
      return [`bascule approve ${service}`, `bascule reject ${service}`, `bascule why ${rollout}`];
    case 'paused':
    case 'by-hand':
      return [`bascule resume ${service}`, `bascule abort ${service}`];
    case 'unproven':
      return [`bascule status ${service}`, 'bascule doctor'];
    case 'started':
      return [`bascule status ${service} -w`];
    case 'going-back':
    case 'ended':
      return [`bascule why ${rollout}`];
  }
}
