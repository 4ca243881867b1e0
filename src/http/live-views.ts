import type { Controller } from '../controller/controller.ts';
import { VIEW_SCHEMA } from '../controller/views.ts';

/** How often rollouts under way are looked at for whoever watches. */
export const LOOK_MS = 1000;
/** Everything else is looked at once in so many times: what is seen of it is recorded, and wakes this anyway. */
const CALM_LOOKS = 10;

type Frame = { readonly text: string; readonly json: string; readonly at: number };

/**
 * Services as they change, for every open dashboard together: a view is computed and written out once, however many
 * watch. Nothing is looked at while nobody does.
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
  since(version: number, isSeen: (service: string) => boolean): string {
    return [...this.#frames]
      .filter(([name, { at }]) => at > version && isSeen(name))
      .map(([, { text }]) => text)
      .join('');
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

  #find(name: string): unknown {
    try {
      return this.#read.service(name);
    } catch {
      return null;
    }
  }

  #note(name: string, service: unknown): void {
    const json = JSON.stringify(service);
    if (this.#frames.get(name)?.json === json) return;
    this.#version += 1;
    const data = { schema: VIEW_SCHEMA, atMs: this.#nowMs(), name, service };
    const text = `event: view\ndata: ${JSON.stringify(data)}\n\n`;
    this.#frames.set(name, { text, json, at: this.#version });
  }
}
