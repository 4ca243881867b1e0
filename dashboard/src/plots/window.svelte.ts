/** What all plots of a page show: the same span of time, and the same moment under the cursor. */
export class PlotWindow {
  /** The whole of what there is. */
  all = $state<readonly [fromMs: number, toMs: number]>([0, 1]);
  /** What was chosen of it, or null: all of it. A number: the last so many milliseconds, as they go on. */
  chosen = $state<number | readonly [number, number] | null>(null);
  /** The moment that is looked at, or null: the newest. */
  cursorMs = $state<number | null>(null);

  readonly span = $derived.by((): readonly [number, number] => {
    const [from, to] = this.all;
    if (this.chosen === null) return [from, to];
    if (typeof this.chosen === 'number') return [Math.max(from, to - this.chosen), to];
    return this.chosen;
  });
}
