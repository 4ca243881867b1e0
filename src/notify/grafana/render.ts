import { cut } from '../cut.ts';
import type { Message } from '../message.ts';
import { isTrouble } from '../notice.ts';

const MOST_OF_TEXT = 2000;

/**
 * An annotation: https://grafana.com/docs/grafana/latest/developers/http_api/annotations. A rollout is a region, from its
 * first message to its last; times are in ms since 1970.
 */
export function annotation({ title, text, atMs, level, notice }: Message): Readonly<Record<string, unknown>> {
  const words = text === null ? title : `${title}\n${text}`;
  return {
    time: atMs,
    tags: tagsOf(notice, level),
    text: escaped(words),
  };
}

/** What changes in it by a later message of the same rollout: it reaches up to that one, and says what is so now. */
export function continued(message: Message): Readonly<Record<string, unknown>> {
  const { time, ...rest } = annotation(message);
  return { ...rest, timeEnd: time };
}

function tagsOf(notice: Message['notice'], level: Message['level']): readonly string[] {
  if (notice === null) return ['bascule', 'test'];
  if (isTrouble(notice)) return ['bascule', notice.service, notice.kind, level];
  const { service, rollout, label, outcome, kind } = notice;
  return ['bascule', service, `version:${label}`, rollout, outcome ?? kind, level];
}

/** Grafana shows the text as HTML. */
function escaped(text: string): string {
  return cut(text, MOST_OF_TEXT).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
