import { onRollout } from '../controller/allowed.ts';
import type { Caller, Controller } from '../controller/controller.ts';
import { VIEW_SCHEMA, type ServiceView } from '../controller/views.ts';

/** How often rollouts under way are looked at for whoever watches. */
export const LOOK_MS = 1000;
/** Everything else is looked at once in so many times: what is seen of it is recorded, and wakes this anyway. */
const CALM_LOOKS = 10;

/** `texts`: as it was written out, by who may do what. */
type Frame = {
  readonly service: ServiceView | null;
  readonly json: string;
  readonly at: number;
  readonly lookedMs: number;
  readonly texts: Map<string, string>;
};

/**
 * Services as they change, for every open dashboard together: a view is computed once, and written out once for all who may
 * do the same, however many watch. Nothing is looked at while nobody does.
 */
export class LiveViews {
  readonly #read: Controller['read'];
  readonly #nowMs: () => number;
  readonly #frames = new Map<string, Frame>();
  readonly #touched = new Set<string>();
  readonly #watchers = new Set<() => void>();
  #version = 0;
  #looks = 0;
  #first: Promise<void> = Promise.resolve();
  #stop: () => void = () => undefined;

  constructor(read: Controller['read'], nowMs: () => number) {
    this.#read = read;
    this.#nowMs = nowMs;
  }

  /** Calls back after changes from now on; returns the word that it is over. */
  async watch(onChange: () => void): Promise<() => void> {
    const isFirst = this.#watchers.size === 0;
    this.#watchers.add(onChange);
    if (isFirst) this.#begin();
    await this.#first;
    return () => {
      if (this.#watchers.delete(onChange) && this.#watchers.size === 0) this.#end();
    };
  }

  get version(): number {
    return this.#version;
  }

  /** What changed after a version, oldest first. */
  since(version: number, caller: Caller): string {
    return [...this.#frames]
      .filter(([name, { at }]) => at > version && (caller.services?.includes(name) ?? true))
      .map(([name, frame]) => this.#textOf(name, frame, caller))
      .join('');
  }

  #textOf(name: string, { service, lookedMs: atMs, texts }: Frame, caller: Caller): string {
    // All that the actions of somebody depend on besides the service.
    const key = JSON.stringify([caller.actor, caller.role, caller.verified === true]);
    const known = texts.get(key);
    if (known !== undefined) return known;
    const seen = service === null ? null : this.#asSeen(service, caller);
    const text = `event: view\ndata: ${JSON.stringify({ schema: VIEW_SCHEMA, atMs, name, service: seen })}\n\n`;
    texts.set(key, text);
    return text;
  }

  /** What changes for somebody alone is not looked for: their actions change when the service does. */
  #asSeen(service: ServiceView, caller: Caller): ServiceView {
    try {
      const actions = this.#read.actions(service.name, caller);
      const { rollout, last } = service;
      return {
        ...service,
        ...actions,
        rollout: rollout === null ? null : { ...rollout, ...onRollout(actions) },
        last: last === null ? null : { ...last, ...this.#read.pastActions(last.id, caller) },
      };
    } catch {
      // Gone meanwhile: the next look says so.
      return service;
    }
  }

  #begin(): void {
    const forget = this.#read.onEvent(({ service }) => this.#touched.add(service));
    // A look that fails, of a server that stops for instance, is no reason for more: the next one is in a second.
    const timer = setInterval(() => void this.#look().catch(() => undefined), LOOK_MS);
    timer.unref();
    this.#stop = () => {
      clearInterval(timer);
      forget();
    };
    this.#looks = 0;
    // What is there already is no change.
    this.#first = this.#look();
  }

  #end(): void {
    this.#stop();
    this.#frames.clear();
    this.#touched.clear();
  }

  async #look(): Promise<void> {
    const isWhole = this.#looks % CALM_LOOKS === 0;
    this.#looks += 1;
    const before = this.#version;
    if (isWhole) {
      const services = await this.#read.services();
      for (const service of services) this.#note(service.name, service);
      const names = new Set(services.map(({ name }) => name));
      for (const name of this.#frames.keys()) if (!names.has(name)) this.#note(name, null);
    } else for (const name of this.#moving()) this.#note(name, this.#find(name));
    this.#touched.clear();
    if (this.#version !== before) for (const tell of this.#watchers) tell();
  }

  #moving(): readonly string[] {
    const underWay = [...this.#frames]
      .filter(([, { json }]) => /"rollout":\{/.test(json))
      .map(([name]) => name);
    return [...new Set([...this.#touched, ...underWay])].filter((name) => name !== '');
  }

  #find(name: string): ServiceView | null {
    try {
      return this.#read.service(name);
    } catch {
      return null;
    }
  }

  #note(name: string, service: ServiceView | null): void {
    const json = JSON.stringify(service);
    if (this.#frames.get(name)?.json === json) return;
    this.#version += 1;
    const lookedMs = this.#nowMs();
    this.#frames.set(name, { service, json, at: this.#version, lookedMs, texts: new Map() });
  }
}
