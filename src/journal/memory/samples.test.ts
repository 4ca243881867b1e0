import { sampleStoreConformance } from '../samples-conformance.ts';
import { createMemorySamples } from './samples.ts';

sampleStoreConformance('samples in memory', () => {
  const store = createMemorySamples();
  return { open: () => Promise.resolve(store), remove: () => {} };
});
