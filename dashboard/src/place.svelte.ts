/** A screen, and what it is about. */
export type Place =
  | { readonly screen: 'overview' | 'history' | 'audit' | 'settings' | 'nowhere' }
  | { readonly screen: 'service'; readonly service: string }
  | { readonly screen: 'rollout' | 'why' | 'lab'; readonly rollout: string };

const SCREENS: readonly (readonly [RegExp, (part: string) => Place])[] = [
  [/^\/$/, () => ({ screen: 'overview' })],
  [/^\/history\/?$/, () => ({ screen: 'history' })],
  [/^\/audit\/?$/, () => ({ screen: 'audit' })],
  [/^\/settings\/?$/, () => ({ screen: 'settings' })],
  [/^\/services\/([a-z][a-z0-9-]{0,39})\/?$/, (service) => ({ screen: 'service', service })],
  [/^\/rollouts\/(r-[\w.-]{1,100})\/?$/, (rollout) => ({ screen: 'rollout', rollout })],
  [/^\/rollouts\/(r-[\w.-]{1,100})\/why\/?$/, (rollout) => ({ screen: 'why', rollout })],
  [/^\/rollouts\/(r-[\w.-]{1,100})\/lab\/?$/, (rollout) => ({ screen: 'lab', rollout })],
];

export function placeOf(path: string): Place {
  for (const [pattern, place] of SCREENS) {
    const match = pattern.exec(path);
    if (match !== null) return place(match[1] ?? '');
  }
  return { screen: 'nowhere' };
}

/** Where the page is: its address, so that every screen can be linked to and gone back from. */
class Places {
  path = $state(location.pathname);
  readonly now = $derived(placeOf(this.path));

  constructor() {
    addEventListener('popstate', () => {
      this.path = location.pathname;
    });
  }

  /** Plain clicks on links of this page; everything else is the browser's. */
  follow(event: MouseEvent): void {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.origin !== location.origin || link.target !== '' || link.download !== '')
      return;
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.hash !== '') return;
    if (placeOf(link.pathname).screen === 'nowhere') return;
    event.preventDefault();
    this.go(link.pathname);
  }

  go(path: string): void {
    if (path !== this.path) history.pushState(null, '', path);
    this.path = path;
    scrollTo(0, 0);
  }
}

export const places = new Places();
