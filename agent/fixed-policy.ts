/** A policy that stands in no file, for tests and the bench. It follows no links. */
import { defaultPolicy } from './policy/default-policy.ts'
import type { PolicyInForce } from './policy/policy-in-force.ts'
import type { Policy } from './policy/policy-schema.ts'
import type { PolicySource } from './policy-source.ts'

/** The default, but for these keys. */
export const policyInForce = (changes: Partial<Policy> = {}): PolicyInForce => ({
  policy: { ...defaultPolicy, ...changes },
  own: { folders: [], engineSockets: [] },
  resolve: (path) => path,
})

export const fixedPolicy = (changes: Partial<Policy> = {}): PolicySource => ({
  inForce: () => policyInForce(changes),
  status: () => ({ source: 'default', files: [] }),
  watch: () => undefined,
  stop: async () => undefined,
})
