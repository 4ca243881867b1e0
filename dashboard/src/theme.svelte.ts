const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];
const NAME = 'bascule-theme';

/** As the system has it, unless somebody said otherwise here. */
class Themes {
  now = $state<Theme>(THEMES.find((one) => one === localStorage.getItem(NAME)) ?? 'auto');

  constructor() {
    this.#show();
  }

  set(theme: Theme): void {
    this.now = theme;
    localStorage.setItem(NAME, theme);
    this.#show();
  }

  #show(): void {
    document.documentElement.dataset['theme'] = this.now;
  }
}

export const themes = new Themes();
