/**
 * What is done here about what the broker above retains. It owns these topics, but a site may have deployed for itself: what
 * is newer stays, and what never came from above is not taken away because nothing is there. Pure.
 */
import { compareDeployments, deploymentSchema } from '../../src/protocol/deployment.ts'
import { readPayload } from '../../src/protocol/payload.ts'
import { secretsSchema } from '../../src/protocol/secret.ts'

export type FromAbove = {
  readonly as: 'desired' | 'secret'
  /** undefined: nothing is retained there */
  readonly above: Buffer | undefined
  readonly here: Buffer | undefined
  /** What is retained here came from above, as it is. */
  readonly isFromAbove: boolean
}

export type Verdict = 'set' | 'clear' | 'keep'

export const judgeFromAbove = ({ as, above, here, isFromAbove }: FromAbove): Verdict => {
  if (above === undefined) return here !== undefined && isFromAbove ? 'clear' : 'keep'
  if (here === undefined) return 'set'
  if (above.equals(here)) return 'keep'
  const order = compare[as](above, here)
  // What cannot be compared replaces what came from above itself, and nothing else.
  if (order === undefined) return isFromAbove ? 'set' : 'keep'
  return order > 0 ? 'set' : 'keep'
}

/** Whatever the broker above took is not too large here. */
const anySize = Number.POSITIVE_INFINITY

const compareDesired = (above: Buffer, here: Buffer): number | undefined => {
  const [a, b] = [above, here].map((payload) => readPayload(deploymentSchema, payload, anySize))
  return a?.ok && b?.ok ? compareDeployments(a.value, b.value) : undefined
}

const compareSecrets = (above: Buffer, here: Buffer): number | undefined => {
  const [a, b] = [above, here].map((payload) => readPayload(secretsSchema, payload, anySize))
  return a?.ok && b?.ok ? a.value.issuedAt - b.value.issuedAt : undefined
}

const compare = { desired: compareDesired, secret: compareSecrets }
