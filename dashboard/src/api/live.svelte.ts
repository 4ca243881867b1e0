import { SvelteMap } from 'svelte/reactivity';
import type { InfoAnswer, Service } from './api-types.ts';
import { ask, openStream, Refused } from './client.ts';
import { FrameReader, type Frame } from './frames.ts';

/** The server says something every 15 s. */
const SILENT_MS = 35_000;
/** A browser has six connections to a server: a page that nobody sees leaves its own to others after a while. */
const UNSEEN_MS = 60_000;
const RETRY_MS = { least: 500, most: 10_000 };

export type Happened = {
  readonly seq: number;
  readonly atMs: number;
  readonly service: string;
  readonly rollout: string | null;
  readonly kind: string;
};

type State = 'connecting' | 'live' | 'lost';

/** Everything that screens show of now, kept by one stream for the whole page. */
export class Live {
  state = $state<State>('connecting');
  info = $state<InfoAnswer | null>(null);
  /** By name. Replaced as a whole when the stream begins anew, and one by one as they change. */
  readonly services = new SvelteMap<string, Service>();
  /** Whether the first answer is there. */
  isLoaded = $state(false);
  /** When the numbers on the page were true, by this machine's clock. */
  seenAtMs = $state(0);
  /** By the server's clock, as far as the last message told. */
  #aheadMs = 0;
  #lastEventId: string | null = null;
  #heardAtMs = 0;
  #waitMs = RETRY_MS.least;
  #running: AbortController | null = null;
  #isAsleep = false;
  #attempt: AbortController | null = null;
  #wake: () => void = () => undefined;
  readonly #happened = new Set<(event: Happened) => void>();
  readonly #anew = new Set<() => void>();

  /** The time at the server. */
  nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  start(): void {
    if (this.#running !== null) return;
    const running = new AbortController();
    this.#running = running;
    void this.#run(running.signal);
    const look = setInterval(() => this.#lookAfter(), 5000);
    let sleep: ReturnType<typeof setTimeout> | undefined;
    const awake = (): void => {
      clearTimeout(sleep);
      if (document.visibilityState === 'hidden') sleep = setTimeout(() => this.#sleep(), UNSEEN_MS);
      else this.retryNow(true);
    };
    addEventListener('online', awake);
    // Timers of a tab in the background sleep: what was missed is fetched when it is looked at.
    document.addEventListener('visibilitychange', awake);
    running.signal.addEventListener('abort', () => {
      clearInterval(look);
      clearTimeout(sleep);
      removeEventListener('online', awake);
      document.removeEventListener('visibilitychange', awake);
    });
  }

  stop(): void {
    this.#running?.abort();
    this.#attempt?.abort();
    this.#running = null;
    this.state = 'connecting';
    this.isLoaded = false;
    this.#lastEventId = null;
    this.services.clear();
  }

  #sleep(): void {
    this.#isAsleep = true;
    this.#attempt?.abort();
  }

  retryNow(onlyIfSilent = false): void {
    const isSilent = Date.now() - this.#heardAtMs > SILENT_MS / 2;
    if (onlyIfSilent && this.state === 'live' && !isSilent) return;
    if (document.visibilityState === 'hidden') return;
    this.#isAsleep = false;
    this.#waitMs = RETRY_MS.least;
    if (this.state === 'live') this.#attempt?.abort();
    this.#wake();
  }

  /** Something was recorded. Returns the unsubscriber. */
  onHappened(listener: (event: Happened) => void): () => void {
    this.#happened.add(listener);
    return () => this.#happened.delete(listener);
  }

  /** The stream is there again: what was fetched before may be old. Returns the unsubscriber. */
  onAnew(listener: () => void): () => void {
    this.#anew.add(listener);
    return () => this.#anew.delete(listener);
  }

  /** Loads now, whenever the stream is there again, and at each event that concerns it. Returns what ends that: for an effect. */
  keepLoaded(load: () => unknown, concerns: (event: Happened) => boolean): () => void {
    load();
    const ends = [
      this.onAnew(() => void load()),
      this.onHappened((event) => void (concerns(event) && load())),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  /** An answer to a verb is newer than what the stream told. */
  note(service: Service | null): void {
    if (service !== null) this.services.set(service.name, service);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!this.#isAsleep) await this.#follow(signal).catch(() => undefined);
      if (signal.aborted) return;
      this.state = this.#isAsleep ? 'connecting' : 'lost';
      const waitMs = this.#waitMs * (0.75 + Math.random() / 2);
      this.#waitMs = Math.min(RETRY_MS.most, this.#waitMs * 2);
      await new Promise<void>((resolve) => {
        const timer = this.#isAsleep ? undefined : setTimeout(resolve, waitMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** One connection, to its end. */
  async #follow(signal: AbortSignal): Promise<void> {
    const attempt = new AbortController();
    this.#attempt = attempt;
    const stop = AbortSignal.any([signal, attempt.signal]);
    const response = await openStream(this.#lastEventId, stop);
    if (response.body === null) return;
    this.#heard();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const frames = new FrameReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#heard();
      for (const frame of frames.take(value)) await this.#take(frame);
    }
  }

  async #take({ event, id, data }: Frame): Promise<void> {
    if (id !== null) this.#lastEventId = id;
    if (event === 'ready') return this.#load();
    if (event === 'view') {
      const { name, service, atMs } = JSON.parse(data) as {
        name: string;
        service: Service | null;
        atMs: number;
      };
      this.#aheadMs = atMs - Date.now();
      if (service === null) this.services.delete(name);
      else this.services.set(name, service);
    }
    if (event === 'event') {
      const happened = JSON.parse(data) as Happened;
      for (const tell of this.#happened) tell(happened);
    }
  }

  async #load(): Promise<void> {
    const [info, { services }] = await Promise.all([ask('GET /info', {}), ask('GET /services', {})]);
    const names = new Set(services.map(({ name }) => name));
    for (const name of this.services.keys()) if (!names.has(name)) this.services.delete(name);
    for (const service of services) this.services.set(service.name, service);
    this.info = info;
    this.isLoaded = true;
    this.state = 'live';
    this.#waitMs = RETRY_MS.least;
    for (const tell of this.#anew) tell();
  }

  #heard(): void {
    this.#heardAtMs = Date.now();
    this.seenAtMs = this.#heardAtMs;
  }

  /** A line that was cut without a word looks like silence. */
  #lookAfter(): void {
    if (this.state === 'live' && Date.now() - this.#heardAtMs > SILENT_MS) this.#attempt?.abort();
  }
}

/** Of the page. */
export const live = new Live();

/** What went wrong, for people. */
export function whyNot(error: unknown): string {
  if (error instanceof Refused) return error.problem.detail;
  return error instanceof Error ? error.message : String(error);
}
