/** The API as the server describes it; the page and the commands go by the same. */
export type * from '../../../src/api/api-types.ts';
