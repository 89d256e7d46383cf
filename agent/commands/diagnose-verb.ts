/**
 * The verb `diagnose`: a bundle of facts and recent words, without secrets, as JSON that is compressed and told in numbered
 * pieces, for it may be longer than a message. Nothing of it touches the disk.
 */
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { z } from 'zod'
import { collectFacts, type FactsInput } from '../diagnose/collect-facts.ts'
import { knownSecrets } from '../diagnose/known-secrets.ts'
import { maskSecrets } from '../diagnose/mask-secrets.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { type Verb, type VerbContext, verbOf } from './verb.ts'

export type DiagnoseVerbInput = {
  readonly facts: FactsInput
  readonly secrets: Pick<Secrets, 'versions' | 'value'>
  readonly maxBytes: number
}

const argsSchema = z.object({ by: z.string().max(200).default('somebody') })

const retryMs = 1_000
/** A link that is away for so long may not come back while anybody waits. */
const mostTries = 60

export const diagnoseVerb = ({ facts, secrets, maxBytes }: DiagnoseVerbInput): Verb => {
  let isUnderWay = false
  return verbOf(argsSchema, async (_args, context) => {
    if (isUnderWay)
      return { outcome: 'busy', reason: { code: 'command-busy', message: 'somebody is being told all this already' } }
    isUnderWay = true
    try {
      const known = await knownSecrets(
        secrets,
        facts.store.apps().map(({ app }) => app),
      )
      const masked = maskSecrets(await collectFacts(facts), known)
      const packed = await promisify(gzip)(JSON.stringify(masked))
      const sha256 = createHash('sha256').update(packed).digest('hex')
      // Base64 makes four of three; the rest is for the message around it.
      const pieceBytes = Math.max(512, Math.floor((maxBytes - 1_024) / 2))
      const pieces = Math.ceil(packed.length / pieceBytes)
      for (let piece = 0; piece < pieces; piece += 1) {
        const data = packed.subarray(piece * pieceBytes, (piece + 1) * pieceBytes).toString('base64')
        if (!(await tellSurely(context, { piece, pieces, data })))
          return { outcome: 'failed', reason: { code: 'link-down', message: 'the broker did not take it all' } }
      }
      return { outcome: 'done', result: { pieces, bytes: packed.length, sha256 } }
    } finally {
      isUnderWay = false
    }
  })
}

const tellSurely = async (
  { progress, signal }: VerbContext,
  piece: { readonly piece: number; readonly pieces: number; readonly data: string },
): Promise<boolean> => {
  for (let tries = 0; tries < mostTries && !signal.aborted; tries += 1) {
    if (await progress(piece)) return true
    await new Promise((resolve) => setTimeout(resolve, retryMs))
  }
  return false
}
