import type { HttpAnswer } from './http-client.ts';
import { shortened } from './source.ts';

export type JsonAnswer =
  | { readonly kind: 'json'; readonly status: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly why: string };

/** Any answer as JSON. What is no JSON, a login page of a proxy for example, is a failure that says how it begins. */
export function jsonOf(answer: HttpAnswer, place: string): JsonAnswer {
  if (answer.kind === 'failed') return answer;
  try {
    return { kind: 'json', status: answer.status, value: JSON.parse(answer.text) as unknown };
  } catch {
    const begins = shortened(answer.text).slice(0, 80);
    return { kind: 'failed', why: `${place} answered ${answer.status} with no JSON: ${begins}` };
  }
}

/** A field of something that may be anything. */
export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

/** The list that stands there, or an empty one. */
export function listAt(value: unknown, name: string): readonly unknown[] {
  const found = field(value, name);
  return Array.isArray(found) ? (found as readonly unknown[]) : [];
}

export function refused(place: string, status: number, words: string): string {
  const hint = status === 401 || status === 403 ? ' (it does not take these credentials)' : '';
  return `${place} answered ${status}${hint}${words === '' ? '' : `: ${words}`}`;
}
