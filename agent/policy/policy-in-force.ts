/** What a deployment is judged by: the policy, what of the device is the agent's own, and where links lead. */
import type { Policy } from './policy-schema.ts'

export type PolicyInForce = {
  readonly policy: Policy
  readonly own: OwnPaths
  /**
   * Where a path leads when its links are followed, also one whose end is not there yet; undefined: nobody can tell.
   * It is asked when a deployment is judged, and each time that the agent looks at the app. An engine follows links once
   * more when a container is made or started: one that is planted in between is not seen.
   */
  readonly resolve: (path: string) => string | undefined
}

export type OwnPaths = {
  /** state, secrets, keys, the policy itself: no container gets them */
  readonly folders: readonly string[]
  readonly engineSockets: readonly string[]
}
