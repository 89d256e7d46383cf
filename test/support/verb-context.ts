/** What a verb is given beside its arguments, where a test asks one by itself. */
import type { VerbContext } from '../../agent/commands/verb.ts'

export const verbContext = (changes: Partial<VerbContext> = {}): VerbContext => ({
  id: 'c1',
  progress: async () => true,
  signal: new AbortController().signal,
  expiresAt: Number.MAX_SAFE_INTEGER,
  ...changes,
})
