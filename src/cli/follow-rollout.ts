import type { EventView, RolloutView } from '../controller/views.ts';
import { follow } from './event-source.ts';
import { headOf, linesOf } from './format.ts';
import { EXIT } from './exit-codes.ts';
import { keysFor } from './keys.ts';
import { eventLines } from './render-events.ts';
import { renderRollout } from './render-status.ts';
import { stateOf } from './rollout-words.ts';
import { isTerminal, LiveBlock, widthFor, type Stream } from './screen.ts';
import { ofRollout } from './values.ts';
import { printJson, type Context } from './verb.ts';

export type FollowOptions = {
  /** Ends with 0 when it is paused or asks. */
  readonly untilPaused: boolean;
  /** Ends at once with 13 when it asks a person and nobody sits at a terminal. */
  readonly leaveWhenAsked: boolean;
  /** Where the live block or the lines go. */
  readonly stream: Stream;
  /** Events up to here were shown before. */
  readonly afterSeq: number;
};

/** How often the view is read besides at each event: for the live block, and as a safety net. */
const LIVE_MS = 1000;
const LINES_MS = 2000;

/** Follows a rollout until it is over. Resolves to the exit code. */
export async function followRollout(context: Context, id: string, options: FollowOptions): Promise<number> {
  const show = new Show(context, options);
  const over = new AbortController();
  let interrupted = false;
  let bell = Promise.withResolvers<void>();
  const stopListening = context.io.onInterrupt(() => {
    interrupted = true;
    bell.resolve();
  });
  const keys = show.live === null ? null : keysFor(context, id, () => bell.resolve());
  const events = (async () => {
    const from = { afterSeq: options.afterSeq, signal: over.signal };
    for await (const event of follow(context.client, { rollout: id }, from)) {
      show.event(event);
      bell.resolve();
    }
  })();
  let failure: unknown;
  events.catch((error: unknown) => {
    failure = error;
    bell.resolve();
  });
  try {
    for (;;) {
      bell = Promise.withResolvers();
      const rollout = await rolloutOf(context, id);
      if (rollout.exitCode !== null) return await end(context, rollout, show);
      if (interrupted || keys?.left === true) return show.detached(rollout);
      const stops = stopsAt(rollout, options, show.live !== null);
      if (stops !== null) return show.stopped(rollout, stops);
      show.state(rollout, keys?.says ?? []);
      if (failure !== undefined) throw failure;
      await ring(bell.promise, show.live === null ? LINES_MS : LIVE_MS);
    }
  } finally {
    over.abort();
    stopListening();
    keys?.end();
    show.end();
    await events.catch(() => undefined);
  }
}

export async function rolloutOf({ client }: Context, id: string): Promise<RolloutView> {
  const { rollout } = await client.ask('GET /rollouts/{rollout}', { params: ofRollout(id) });
  return rollout;
}

/** What there is to say when a rollout stands still and the command does not wait for it. */
function stopsAt(rollout: RolloutView, options: FollowOptions, live: boolean): number | null {
  const asks = rollout.phase === 'asking';
  if (options.untilPaused && (asks || rollout.paused)) return EXIT.done;
  return asks && options.leaveWhenAsked && !live ? EXIT.asksPerson : null;
}

/** The stream may be a moment behind the view: the record is complete. */
async function end(context: Context, rollout: RolloutView, show: Show): Promise<number> {
  const { why } = await context.client.ask('GET /rollouts/{rollout}/why', {
    params: ofRollout(rollout.id),
  });
  for (const event of why.events) show.event(event);
  return show.ended(why.rollout);
}

async function ring(bell: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([bell, late]);
  clearTimeout(timer);
}

/** The three ways in which a rollout is shown: a live block, lines, or JSON. */
class Show {
  readonly live: LiveBlock | null;
  readonly #context: Context;
  readonly #stream: Stream;
  #lastSeq: number;
  #above: string[] = [];

  constructor(context: Context, options: FollowOptions) {
    const { io, json } = context;
    this.#context = context;
    this.#stream = options.stream;
    this.#lastSeq = options.afterSeq;
    this.live = !json && isTerminal(io, options.stream) ? new LiveBlock(io, options.stream) : null;
  }

  event(event: EventView): void {
    const { io, json } = this.#context;
    if (event.seq <= this.#lastSeq) return;
    this.#lastSeq = event.seq;
    if (json) return printJson(io, { type: 'event', ...event });
    const lines = eventLines(event, io.timeZone);
    if (this.live === null) for (const line of lines) io[this.#stream](`${line}\n`);
    else this.#above.push(...lines);
  }

  state(rollout: RolloutView, keys: readonly string[]): void {
    if (this.live === null) return;
    const { io } = this.#context;
    const look = { width: widthFor(io, this.#stream), nowMs: io.nowMs(), keys };
    this.live.draw(renderRollout(rollout, look), this.#above);
    this.#above = [];
  }

  ended(rollout: RolloutView): number {
    const { io, json } = this.#context;
    const code = rollout.exitCode ?? EXIT.bug;
    if (json) {
      printJson(io, { type: 'end', rollout, exitCode: code });
      return code;
    }
    this.state(rollout, []);
    this.live?.end();
    // A live block said why in full; the last word is for whoever reads only that.
    if (this.live === null || this.#stream === 'err')
      io.out(`${resultLine(rollout, this.live !== null && io.outIsTerminal)}\n`);
    io.err(`why: bascule why ${rollout.id}${code === 0 ? '' : `  → exit ${code}`}\n`);
    return code;
  }

  stopped(rollout: RolloutView, code: number): number {
    const { io, json } = this.#context;
    if (json) printJson(io, { type: 'stopped', rollout, exitCode: code });
    else {
      this.state(rollout, []);
      this.live?.end();
      io.out(`${rollout.id} waits: ${rollout.waiting ?? stateOf(rollout).word}\n`);
      io.err(
        `go on: bascule promote ${rollout.service}   back: bascule abort ${rollout.service}${code === 0 ? '' : `  → exit ${code}`}\n`,
      );
    }
    return code;
  }

  detached(rollout: RolloutView): number {
    const { io } = this.#context;
    this.state(rollout, []);
    this.live?.end();
    io.err(`detached: ${rollout.id} goes on. To take it back: bascule abort ${rollout.service}\n`);
    return EXIT.detached;
  }

  end(): void {
    this.live?.end();
  }
}

/** `shop v43 rolled-back: …`: the last word, for people and for `grep`. */
export function resultLine(rollout: RolloutView, short = false): string {
  const words =
    rollout.reason === null ? null : short ? headOf(rollout.reason) : linesOf(rollout.reason).join('\n');
  const reason = words === null ? '' : `: ${words}`;
  return `${rollout.service} ${rollout.label} ${rollout.outcome ?? 'under way'}${reason}`;
}
